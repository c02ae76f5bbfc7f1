"""Where everything is: the checkout, and the one ignored folder ``.dev`` in it."""

import contextlib
import fcntl
import os
from pathlib import Path

MODULE = "trtc_billing"
ROOT = Path(__file__).resolve().parents[2]
DEV = ROOT / ".dev"

ODOO = DEV / "odoo"  # the unpacked release or clone, where this kit obtained it
VENV = DEV / "venv"
PYTHON = VENV / "bin" / "python"
POSTGRES = DEV / "postgres"
ADDONS = DEV / "addons"  # holds the module under its technical name
PURE = DEV / "pure"  # holds `rating` alone, so that it imports without Odoo
DATA = DEV / "data"  # Odoo's filestore and sessions
LOGS = DEV / "logs"
LOCKS = DEV / "locks"
CONFIG = DEV / "odoo.conf"
SERVER = Path(__file__).resolve().parents[1] / "bin" / "odoo-bin"

# Parts of the checkout that are not part of the installed module. Without them
# the linked module holds no way back into `.dev`, so nothing walks in circles.
NOT_MODULE = {"dev"}


@contextlib.contextmanager
def lock(name):
    """Let one process at a time do what ``name`` stands for, in this checkout."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    with (LOCKS / name).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_private(path, text):
    """Write a file that holds a password, at once, so that no reader sees half of it."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def link_module():
    """Offer the checkout as ``addons/trtc_billing``: a folder of relative links."""
    _mirror(ADDONS / MODULE, [entry for entry in ROOT.iterdir() if _belongs(entry)])
    rating = ROOT / "rating"
    _mirror(PURE, [rating] if rating.is_dir() else [])


def _belongs(entry):
    return not entry.name.startswith((".", "__pycache__")) and entry.name not in NOT_MODULE


def _mirror(folder, entries):
    """Make ``folder`` hold exactly one relative link for each entry."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {entry.name: os.path.relpath(entry, folder) for entry in entries}
    for found in folder.iterdir():
        if found.is_symlink() and os.readlink(found) != wanted.get(found.name):
            found.unlink(missing_ok=True)
    for name, target in wanted.items():
        with contextlib.suppress(FileExistsError):
            (folder / name).symlink_to(target)
