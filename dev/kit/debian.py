"""Debian packages, unpacked privately: no root, nothing of the system is touched."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from . import layout
from .console import DiskFull, Failure, note, run, step

# Odoo's package, and those that it links to for fonts and front-end libraries
FROM_UNSTABLE = (
    "odoo-19",
    "libjs-jquery",
    "libjs-underscore",
    "libjs-jquery-form",
    "fonts-roboto-unhinted",
    "fonts-montserrat",
    "fonts-inconsolata",
    "fonts-ocr-b",
)
# Odoo 19 needs version 4.7 of this one; unstable has left it behind
FROM_OLDER = ("fonts-font-awesome/bookworm",)
SUITES = ("sid", "bookworm")
# A second copy of the addons, and what is of no use here
UNUSED = ("addons", "doc", "setup")
APT = Path("/etc/apt")


def unpack_odoo(target):
    """Download Odoo and its companions from the machine's own mirror and unpack them.

    :return: whether this machine could; where not, another way is to be taken
    """
    if not all(map(shutil.which, ("apt-get", "dpkg-deb", "tar"))):
        return False
    archive = next(_archives(), None)
    if archive is None:
        note("no Debian archive is configured on this machine")
        return False
    private = layout.DEV / "apt"
    try:
        with step("Downloading Odoo (120 MB)"):
            packages = _download(private, *archive)
        with step("Unpacking Odoo"):
            for package in packages:
                _unpack(package, target)
    except DiskFull:
        raise
    except Failure as failure:
        note(f"{failure} Trying a clone instead.")
        return False
    shutil.rmtree(private)
    return True


def _archives():
    """Yield (address, options) of each Debian archive that apt is configured with."""
    for address, options in _configured():
        if re.search(r"/debian/?$", address) and "://" in address:
            yield address, options


def _configured():
    """Read apt's own configuration, in both of its formats."""
    parts = APT / "sources.list.d"
    for path in sorted(parts.glob("*.sources")):
        yield from _deb822(path.read_text(encoding="utf-8"))
    for path in [APT / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from _one_line(path.read_text(encoding="utf-8"))


def _deb822(text):
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        fields = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", "\n".join(lines)))
        fields = {name.lower(): value.strip() for name, value in fields.items()}
        if "deb" in fields.get("types", "").split() and fields.get("enabled") != "no":
            signed = fields.get("signed-by", "")
            options = f"[signed-by={signed}]" if signed.startswith("/") else ""
            for address in fields.get("uris", "").split():
                yield address, options


def _one_line(text):
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s", line)
        if found:
            signed = re.search(r"signed-by=/\S+", found[1] or "")
            yield found[2], f"[{signed[0]}]" if signed else ""


def _download(private, address, options):
    """Download the packages with signatures checked; return their files."""
    shutil.rmtree(private, ignore_errors=True)
    for folder in ("lists/partial", "cache/archives/partial", "packages"):
        (private / folder).mkdir(parents=True)
    sources = private / "sources.list"
    sources.write_text(
        "".join(f"deb {options} {address} {suite} main\n" for suite in SUITES),
        encoding="utf-8",
    )
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": "-",
        "Dir::State::Lists": private / "lists",
        "Dir::Cache": private / "cache",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": "root",
        "APT::Update::Error-Mode": "any",
    }
    # Through a file: apt splits what it reads from its command line at spaces
    configuration = private / "apt.conf"
    configuration.write_text(
        "".join(f'{name} "{value}";\n' for name, value in settings.items()),
        encoding="utf-8",
    )
    apt = {
        "env": {**os.environ, "APT_CONFIG": str(configuration), "LC_ALL": "C"},
        "cwd": private / "packages",
    }
    advice = "Debian's package of Odoo could not be downloaded"
    run(["apt-get", "update"], "odoo-source", advice, **apt)
    run(["apt-get", "download", *FROM_UNSTABLE, *FROM_OLDER], "odoo-source", advice, **apt)
    return sorted((private / "packages").glob("*.deb"))


def _unpack(package, target):
    """Unpack one package, without the parts that are of no use here."""
    inner = "./usr/lib/python3/dist-packages"
    reader = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with reader:
        run(
            ["tar", "-x", "-C", target, "--no-same-owner",
             *(f"--exclude={inner}/{name}" for name in UNUSED)],
            "odoo-source",
            f"{package.name} could not be unpacked",
            stdin=reader.stdout,
        )  # fmt: skip
    if reader.returncode:
        raise Failure(f"{package.name} could not be read.")
