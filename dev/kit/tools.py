"""Programs of the system that some tests and the PDF need."""

import os
import shutil
import subprocess

from . import layout
from .console import Failure, note, run, step

# Debian's package -> the programs that show it is there; fonts are asked otherwise
PROGRAMS = {
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "wkhtmltopdf": ("wkhtmltopdf",),
    "poppler-utils": ("pdftotext",),
}
CHINESE_FONTS = "fonts-noto-cjk"
TRIED = layout.DEV / "tools-tried"  # what could not be installed is not tried each time


def ensure():
    """Install what is missing where that is possible, else say what will be skipped."""
    wanted = missing()
    if not wanted or (TRIED.exists() and TRIED.read_text(encoding="utf-8") == str(wanted)):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        try:
            _install(wanted)
        except Failure as failure:
            note(str(failure))
        wanted = missing()
    if wanted:
        note(
            f"missing on this system: {', '.join(wanted)}; tests that need them are "
            "skipped and PDFs may be wrong (install them as root with your package manager)"
        )
    TRIED.write_text(str(wanted), encoding="utf-8")


def missing():
    """Return the names of Debian's packages whose programs are not there."""
    names = [name for name, programs in PROGRAMS.items() if not any(map(shutil.which, programs))]
    return names if _has_chinese_fonts() else [*names, CHINESE_FONTS]


def _has_chinese_fonts():
    if not shutil.which("fc-list"):
        return False
    listed = subprocess.run(["fc-list", ":lang=zh-cn", "family"], capture_output=True, check=False)
    return bool(listed.stdout.strip())


def _install(names):
    settings = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
    advice = f"{', '.join(names)} could not be installed"
    with step(f"Installing {', '.join(names)}"):
        run(["apt-get", "update", "-q"], "tools", advice, **settings)
        run(
            ["apt-get", "install", "-q", "-y", "--no-install-recommends", *names],
            "tools",
            advice,
            **settings,
        )
