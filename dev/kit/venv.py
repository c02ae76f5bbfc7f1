"""The Python environment in ``.dev/venv``."""

import hashlib
import os
import shutil
import subprocess
import sys

from . import layout
from .console import Failure, run, step

OLDEST, NEWEST = (3, 10), (3, 13)
REQUIREMENTS = layout.ROOT / "dev" / "requirements.txt"
STAMP = layout.VENV / "requirements.sha256"


def ensure(odoo_parent):
    """Make the environment complete and let it import Odoo from ``odoo_parent``."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not _works() or not STAMP.exists() or STAMP.read_text(encoding="utf-8") != wanted:
        _create()
        STAMP.write_text(wanted, encoding="utf-8")
    _make_importable(odoo_parent)


def enter():
    """Go on in the environment's Python, where its packages can be imported."""
    os.execv(layout.PYTHON, [str(layout.PYTHON), *sys.argv])


def inside():
    """Tell whether this process already runs in the environment."""
    return os.path.realpath(sys.prefix) == os.path.realpath(layout.VENV)


def _works():
    """Tell whether the environment's Python runs (its base may have gone)."""
    try:
        return not subprocess.run([layout.PYTHON, "-c", ""], check=False).returncode
    except OSError:
        return False


def _create():
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Failure(
            f"Odoo 19 runs on Python {'.'.join(map(str, OLDEST))} to "
            f"{'.'.join(map(str, NEWEST))} and this is {sys.version.split()[0]}: "
            "install one of these and name it in the variable PYTHON."
        )
    shutil.rmtree(layout.VENV, ignore_errors=True)
    with step("Creating the Python environment"):
        run(
            [sys.executable, "-m", "venv", layout.VENV],
            "venv",
            "Python cannot create an environment: install its module venv "
            "(on Debian: apt-get install python3-venv) and run this again",
        )
    with step("Installing Python packages"):
        run(
            [layout.PYTHON, "-m", "pip", "install", "--quiet", "--prefer-binary",
             "--disable-pip-version-check", "--requirement", REQUIREMENTS],
            "venv",
            "the Python packages could not be installed: check the network and pip's "
            "configuration and run this again",
        )  # fmt: skip


def _make_importable(odoo_parent):
    """Let a ``.pth`` file name the folder that holds ``odoo``."""
    text = f"{odoo_parent}\n"
    for library in layout.VENV.glob("lib/python3*/site-packages"):
        path = library / "odoo-source.pth"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
