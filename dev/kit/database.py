"""Databases: templates that are built once, and clones of them that cost a second.

Two templates stand behind each clone. The base has the module's dependencies
installed; the module's own is a copy of it in which the module itself was
installed. The names carry a hash of what the content depends on, so a name
that exists is right, whatever has changed since.
"""

import ast
import contextlib
import hashlib
import os
import secrets
import shutil

import psycopg2
from psycopg2 import sql

from . import layout, odoo
from .console import Failure, pid_alive, step

# What does not decide what a database of the module holds
BESIDE_MODULE = {"tests", "dev", "docs", "LICENSE", "pyproject.toml"}
BESIDE_SUFFIXES = {".md", ".pyc", ".pot"}
# Generates what browsers load, once: else each test that opens a page does so again
GENERATE_ASSETS = """
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
    execute(environment, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
    shutil.rmtree(_filestore(name), ignore_errors=True)


def template(environment):
    """Return the name of the module's own template, built if need be."""
    prefix = f"trtc_{checkout_id()}_module_"
    name = prefix + module_hash()
    with layout.lock("template"):
        if name not in names(environment):
            base = _base(environment)
            with step("Installing the module in a template database"):
                assets = bool(_manifest().get("assets"))
                _build(environment, name, base, [layout.MODULE], "template-module", assets)
            for old in names(environment, prefix)[:-KEPT_TEMPLATES]:
                drop(environment, old)
    return name


@contextlib.contextmanager
def temporary(environment):
    """Yield the name of a fresh clone of the template; drop it afterwards."""
    origin = template(environment)
    name = f"{_temporary_prefix()}{os.getpid()}_{secrets.token_hex(2)}"
    with layout.lock("clone"):
        clone(environment, origin, name)
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


def _base(environment):
    """Return the name of the template that holds the module's dependencies."""
    depends = _depends()
    prefix = f"trtc_{checkout_id()}_base_"
    name = prefix + _base_hash()
    if name not in names(environment):
        with step(f"Installing {', '.join(depends)} in a template database"):
            _build(environment, name, "template0", depends, "template-base", assets=True)
        for old in names(environment, prefix):
            if old != name:
                drop(environment, old)
    return name


def _build(environment, name, origin, modules, log, assets):
    """Install modules in a copy of ``origin``, which takes its name when complete."""
    draft = f"{name}_draft"
    drop(environment, draft)
    if origin == "template0":
        execute(
            environment,
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'",
            draft,
        )
    else:
        clone(environment, origin, draft)
    odoo.run(
        ["-d", draft, "-i", ",".join(modules), "--stop-after-init", "--no-http",
         "--max-cron-threads=0"],
        log,
        f"Installing {', '.join(modules)} failed",
        environment,
    )  # fmt: skip
    _require_installed(environment, draft, modules, log)
    if assets:
        odoo.run(
            ["shell", "-d", draft, "--no-http"],
            "template-assets",
            "Generating what browsers load failed",
            environment,
            script=GENERATE_ASSETS,
        )
    execute(environment, "ALTER DATABASE {} RENAME TO {}", draft, name)
    if _filestore(draft).is_dir():
        shutil.rmtree(_filestore(name), ignore_errors=True)
        _filestore(draft).rename(_filestore(name))


def _require_installed(environment, name, modules, log):
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
    text = f"{release}{release.stat().st_mtime_ns}{_depends()}{GENERATE_ASSETS}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _temporary_prefix():
    return f"trtc_{checkout_id()}_test_"


def _filestore(name):
    return layout.DATA / "filestore" / name
