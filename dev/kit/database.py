"""Databases: templates that are built once, and clones of them that cost a second.

Templates build on each other: the base has the module's dependencies installed, a
copy of it the module itself, and a copy of that, made only for tests that open pages,
also holds what browsers load. Their names carry a hash of what they were made from,
so a name that exists is right, whatever has changed since.
"""

import ast
import contextlib
import hashlib
import os
import secrets
import shutil
import time

import psycopg2
from psycopg2 import sql

from . import layout, odoo
from .console import Failure, pid_alive, say, step

# What does not decide what a database of the module holds
BESIDE_MODULE = {"tests", "dev", "docs", "LICENSE", "pyproject.toml"}
BESIDE_SUFFIXES = {".md", ".pyc", ".pot"}
# What each test that opens a page would else do by itself
GENERATE_PAGES = """
bundles = env["ir.qweb"]._get_asset_bundle
for name in ("web.assets_web", "web.assets_frontend_lazy", "web.assets_frontend_minimal"):
    bundles(name, css=False, js=True).js()
for name in (
    "web.assets_web", "web.assets_frontend", "web.report_assets_common", "web.report_assets_pdf"
):
    bundles(name, css=True, js=False).css()
env.cr.commit()
"""
KEPT_TEMPLATES = 2  # of the module's own; so that switching branches stays fast
# So often, a second apart, a database is dropped that the server is vacuuming
DROPS = 60


def connect(environment, name="postgres"):
    """Return an autocommitting connection."""
    try:
        connection = psycopg2.connect(
            host=environment["PGHOST"],
            port=environment["PGPORT"],
            user=environment["PGUSER"],
            password=environment["PGPASSWORD"] or None,
            dbname=name,
        )
    except psycopg2.OperationalError as error:
        raise Failure(
            f"The database server refuses: {' '.join(str(error).split())}; "
            "check PGHOST, PGPORT, PGUSER and PGPASSWORD, or unset them."
        ) from None
    connection.autocommit = True
    return connection


def execute(environment, statement, *names):
    """Run one statement whose ``{}`` are database names; return its rows, if any."""
    connection = connect(environment)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
        return cursor.fetchall() if cursor.description else []


def names(environment, prefix=""):
    """Return the names of the databases that begin so, oldest first."""
    rows = execute(environment, "SELECT datname FROM pg_database ORDER BY oid")
    return [name for (name,) in rows if name.startswith(prefix)]


def clone(environment, template, name):
    """Copy a database with its files."""
    execute(environment, "CREATE DATABASE {} TEMPLATE {}", name, template)
    origin = _filestore(template)
    if origin.is_dir():
        # Files of a filestore are named after their content and never rewritten
        shutil.copytree(origin, _filestore(name), copy_function=os.link, dirs_exist_ok=True)


def drop(environment, name):
    """Drop a database with its files, whoever is connected to it."""
    for attempt in range(DROPS):
        try:
            execute(environment, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
            break
        except psycopg2.errors.InsufficientPrivilege:
            # The server's own vacuum is in it, which nobody but its owner may end.
            if attempt == DROPS - 1:
                raise
            time.sleep(1)
    shutil.rmtree(_filestore(name), ignore_errors=True)


def template(environment, pages=False):
    """Return the name of the template with the module, built if need be.

    :param pages: whether it is for what opens pages
    """
    with layout.lock("template"):
        return _template(environment, pages)


@contextlib.contextmanager
def temporary(environment, pages=False):
    """Yield the name of a fresh clone of the template; drop it afterwards."""
    name = f"{_temporary_prefix()}{os.getpid()}_{secrets.token_hex(2)}"
    with layout.lock("template"):
        clone(environment, _template(environment, pages), name)
    try:
        yield name
    finally:
        drop(environment, name)


def sweep(environment):
    """Drop what runs that were killed have left behind."""
    prefix = _temporary_prefix()
    for name in names(environment, prefix):
        owner = name.removeprefix(prefix).split("_")[0]
        if not pid_alive(int(owner)):
            drop(environment, name)


def module_hash():
    """Return a hash of the files that decide what the module installs."""
    digest = hashlib.sha256(_base_hash().encode())
    for path in sorted(_module_files()):
        digest.update(str(path.relative_to(layout.ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def checkout_id():
    """Return a word of this checkout's own: checkouts may share a database server."""
    path = layout.DEV / "id"
    if not path.exists():
        path.write_text(secrets.token_hex(3), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _module_files():
    for folder, inner, files in os.walk(layout.ROOT):
        here = layout.ROOT.joinpath(folder)
        inner[:] = [
            name for name in inner
            if name not in BESIDE_MODULE and not name.startswith((".", "__pycache__"))
        ]  # fmt: skip
        for name in files:
            path = here / name
            beside = name.startswith(".") or name in BESIDE_MODULE
            if not beside and path.suffix not in BESIDE_SUFFIXES:
                yield path


def _template(environment, pages):
    name = built(
        environment, "module", module_hash, KEPT_TEMPLATES,
        lambda draft: _install(environment, draft, base(environment), [layout.MODULE]),
    )  # fmt: skip
    if not pages:
        return name
    return built(
        environment, "pages", module_hash, KEPT_TEMPLATES,
        lambda draft: _generate_pages(environment, draft, name),
    )  # fmt: skip


def base(environment):
    """Return the name of the template without the module, built if need be (in its lock)."""
    depends = _depends()
    return built(
        environment, "base", _base_hash, 1,
        lambda draft: _install(environment, draft, None, depends),
    )  # fmt: skip


def built(environment, stage, digest, kept, build):
    """Return the name of a template; ``build`` makes a draft that takes it when complete.

    A draft during which the files have changed is right for neither state of them.
    """
    prefix = f"trtc_{checkout_id()}_{stage}_"
    name = prefix + digest()
    if name in names(environment, prefix):
        return name
    draft = f"{name}_draft"
    drop(environment, draft)
    build(draft)
    if prefix + digest() != name:
        say("The module's files have changed meanwhile: once more.")
        drop(environment, draft)
        return built(environment, stage, digest, kept, build)
    execute(environment, "ALTER DATABASE {} RENAME TO {}", draft, name)
    if _filestore(draft).is_dir():
        shutil.rmtree(_filestore(name), ignore_errors=True)
        _filestore(draft).rename(_filestore(name))
    for old in names(environment, prefix)[:-kept]:
        drop(environment, old)
    return name


def _install(environment, draft, origin, modules):
    """Install modules in a copy of ``origin``, or in an empty database."""
    if origin:
        clone(environment, origin, draft)
    else:
        execute(
            environment,
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'",
            draft,
        )
    log = f"template-{modules[0]}"
    with step(f"Installing {', '.join(modules)} in a template database"):
        odoo.run(
            ["-d", draft, "-i", ",".join(modules), "--stop-after-init", "--no-http"],
            log,
            f"Installing {', '.join(modules)} failed",
            environment,
        )
    require_installed(environment, draft, modules, log)


def _generate_pages(environment, draft, origin):
    clone(environment, origin, draft)
    with step("Generating what browsers load in a template database"):
        odoo.run(
            ["shell", "-d", draft, "--no-http"],
            "template-pages",
            "Generating what browsers load failed",
            environment,
            script=GENERATE_PAGES,
        )


def require_installed(environment, name, modules, log):
    """Make sure of it: Odoo only warns where a module or one that it needs is unknown."""
    connection = connect(environment, name)
    with contextlib.closing(connection), connection.cursor() as cursor:
        cursor.execute("SELECT name FROM ir_module_module WHERE state = 'installed'")
        absent = set(modules).difference(found for (found,) in cursor.fetchall())
    if absent:
        raise Failure(
            f"Odoo did not install {', '.join(sorted(absent))}: look for warnings in "
            f"{layout.LOGS / log}.log."
        )


def _manifest():
    manifest = layout.ROOT / "__manifest__.py"
    if not manifest.exists():
        raise Failure(f"There is no module yet: {manifest} is missing.")
    return ast.literal_eval(manifest.read_text(encoding="utf-8"))


def _depends():
    return _manifest().get("depends") or ["base"]


def _base_hash():
    """Return a hash of what decides what the base holds: Odoo, and what is installed."""
    release = odoo.odoo_parent() / "odoo" / "release.py"
    text = f"{release}{release.stat().st_mtime_ns}{_depends()}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _temporary_prefix():
    return f"trtc_{checkout_id()}_test_"


def _filestore(name):
    return layout.DATA / "filestore" / name
