"""Earlier versions of the module: their commits, and databases that were used with them."""

import hashlib
import io
import subprocess
import tarfile

from . import database, layout, odoo, source
from .console import Failure, step

#: {version: its last commit}, the oldest first. The first version's is the last one before work
#: on the second began, which raised the number only at its end.
VERSIONS = {
    "19.0.1.0.0": "2fe7d428a1cefe02b5dff786b00b791271384ec3",
    "19.0.2.0.0": "007796087f7caa37383a9565f0be14c66c11b242",
    "19.0.3.0.0": "f7d44686c2bdc8f430fd620863c87c9d4899fc3c",
    "19.0.3.1.0": "a6ea760751d0e4cc2a04f456ba5c2f56960acc84",
}
#: Fills a database through the methods of whichever version is installed in it
USE = layout.ROOT / "dev" / "life" / "use.py"


def options(version):
    """Return Odoo's option to take the module from a version of the history."""
    folders = [*source.addons_paths(odoo.odoo_parent()), _unpack(version)]
    return [f"--addons-path={','.join(map(str, folders))}"]


def used(environment, version):
    """Return the name of a template in which a version was installed and used, built if need be."""
    with layout.lock("template"):
        base = database.base(environment)
        return database.built(
            environment, f"used-{version}", lambda: _hash(version, base), 1,
            lambda draft: _use(environment, draft, base, version),
        )  # fmt: skip


def use(environment, name, title, more=()):
    """Use the module that a database has, as a company does; return what the script prints."""
    with step(f"{title}: usage, statements, invoices, credit notes"):
        return odoo.run(
            ["shell", "-d", name, "--no-http", "--log-level=warn", *more],
            "life-use",
            f"{title}: it could not be used",
            environment,
            script=USE.read_text(encoding="utf-8"),
        )


def _use(environment, draft, base, version):
    database.clone(environment, base, draft)
    more = options(version)
    with step(f"Installing {version} of the module"):
        odoo.run(
            ["-d", draft, "-i", layout.MODULE, "--stop-after-init", "--no-http", *more],
            "life-install",
            f"Installing {version} failed",
            environment,
        )
    database.require_installed(environment, draft, [layout.MODULE], "life-install")
    use(environment, draft, version, more)


def _unpack(version):
    """Return an addons folder that holds the module as it was."""
    commit = VERSIONS[version]
    folder = layout.DEV / "history" / commit
    if not folder.is_dir():
        draft = folder.with_name(f"{commit}_draft")
        with tarfile.open(fileobj=io.BytesIO(_archive(version))) as archive:
            archive.extractall(draft / layout.MODULE, filter="data")
        draft.rename(folder)
    return folder


def _archive(version):
    done = subprocess.run(
        ["git", "archive", VERSIONS[version]], cwd=layout.ROOT, capture_output=True, check=False
    )
    if done.returncode:
        raise Failure(
            f"Version {version} is not in this clone: {done.stderr.decode().strip()}. "
            "Fetch the whole history (git fetch --unshallow)."
        )
    return done.stdout


def _hash(version, base):
    text = f"{VERSIONS[version]}{base}".encode() + USE.read_bytes()
    return hashlib.sha256(text).hexdigest()[:12]
