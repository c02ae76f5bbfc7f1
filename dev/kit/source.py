"""Odoo 19.0 itself: found on this machine, else obtained into ``.dev/odoo``."""

import importlib.util
import os
import re
import shutil
from pathlib import Path

from . import debian, layout
from .console import Failure, note, run, step

SERIES = "19.0"
REPOSITORY = "https://github.com/odoo/odoo"
SEGMENTATION = "@mediapipe/selfie_segmentation@0.1"
COMPLETE = ".complete"  # written last: a folder without it is started over

# Where each kind of Odoo folder keeps the Python package, relative to the folder
PACKAGE_PARENTS = (".", "usr/lib/python3/dist-packages", "lib/python3/dist-packages")


def ensure():
    """Return the folder that holds the ``odoo`` package, obtaining it if need be."""
    named = os.environ.get("ODOO_HOME")
    if named:
        parent = package_parent(Path(named).expanduser())
        if parent is None:
            raise Failure(
                f"ODOO_HOME={named} holds no Odoo {SERIES}: "
                "name a checkout or an unpacked release, or unset it."
            )
        return parent
    parent = _importable()
    if parent is None and (layout.ODOO / COMPLETE).exists():
        parent = package_parent(layout.ODOO)
    return parent or _obtain()


def addons_paths(parent):
    """Return Odoo's addons folders; a source checkout has two, a release one."""
    return [path for path in (parent / "odoo/addons", parent / "addons") if path.is_dir()]


def package_parent(folder):
    """Return the folder below ``folder`` that holds ``odoo`` of the right series."""
    for inner in PACKAGE_PARENTS:
        parent = (folder / inner).resolve()
        if _series(parent / "odoo") == SERIES:
            return parent
    return None


def _series(package):
    """Read the series from ``release.py`` without importing anything of Odoo."""
    try:
        text = (package / "release.py").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^version_info\s*=\s*\((\d+),\s*(\d+),", text, re.MULTILINE)
    return ".".join(found.groups()) if found else None


def _importable():
    """Find an ``odoo`` that the machine's own Python imports."""
    spec = importlib.util.find_spec("odoo")
    for place in (spec and spec.submodule_search_locations) or ():
        package = Path(place).resolve()
        if _series(package) == SERIES and layout.DEV not in package.parents:
            return package.parent
    return None


def _obtain():
    shutil.rmtree(layout.ODOO, ignore_errors=True)
    layout.ODOO.mkdir(parents=True)
    if not debian.unpack_odoo(layout.ODOO):
        _clone()
    parent = package_parent(layout.ODOO)
    if parent is None:
        raise Failure(
            f"What was obtained is not Odoo {SERIES}: "
            "set ODOO_HOME to a checkout of it and run this again."
        )
    _mend(parent)
    (layout.ODOO / COMPLETE).touch()
    return parent


def _clone():
    advice = (
        f"Odoo {SERIES} could not be obtained: set ODOO_HOME to a checkout "
        "or an unpacked release of it and run this again"
    )
    with step(f"Cloning Odoo {SERIES}"):
        run(
            ["git", "clone", "--quiet", "--depth", "1", "--branch", SERIES,
             REPOSITORY, layout.ODOO],
            "odoo-source",
            advice,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip


def _mend(parent):
    """Put in place what the release refers to and does not hold."""
    library = parent / "odoo/addons/mail/static/lib/selfie_segmentation"
    if not library.exists() and not (parent / "addons/mail").exists():
        _fetch_segmentation(library)
    for link in sorted(layout.ODOO.rglob("*")):
        if link.is_symlink() and not link.exists():
            _relink(link)


def _relink(link):
    """Point a dangling link to the file of that name that has moved elsewhere."""
    names = (link.name, f"{link.stem}-Regular{link.suffix}")
    for name in names:
        for found in sorted(layout.ODOO.glob(f"usr/share/**/{name}")):
            if found.exists():
                link.unlink()
                link.symlink_to(os.path.relpath(found, link.parent))
                return
    note(f"{link.name} is missing from the obtained Odoo; pages that show it lack it")


def _fetch_segmentation(library):
    """Fetch the background blur of video calls, which the release leaves out.

    Nothing here uses it, but without it each page of the backend logs an error.
    """
    hint = "pages of the backend will log one error: install npm, delete .dev/odoo and run again"
    if not shutil.which("npm"):
        note(f"npm was not found; {hint}")
        return
    parts = layout.ODOO / "npm"
    parts.mkdir(exist_ok=True)
    try:
        with step("Fetching the script that Odoo's package leaves out"):
            run(["npm", "pack", "--silent", SEGMENTATION], "odoo-source", hint, cwd=parts)
            archive = next(parts.glob("*.tgz"))
            shutil.unpack_archive(archive, parts)
            shutil.copytree(parts / "package", library)
    except (Failure, StopIteration):
        note(hint)
    shutil.rmtree(parts, ignore_errors=True)
