"""The life of an installation: updated from each earlier version, uninstalled, installed again.

Each begins with a database that was used, see ``dev/life/use.py``: statements, posted invoices,
credit notes, drafts, and whatever else the version has.
"""

import contextlib
import json
import os
import secrets

from . import database, history, layout, odoo, rows, schema
from .console import Failure, say, step

SCRIPTS = layout.ROOT / "dev" / "life"
#: Versions without a signed ledger: the update enters their credit notes in one.
BEFORE_LEDGER = ("19.0.1.0.0", "19.0.2.0.0")


def update(versions, environment):
    """Carry out ``dev/check update [version ...]``: update each earlier version to this one.

    :param versions: some of ``history.VERSIONS``; default all
    :return: the exit code
    """
    unknown = [version for version in versions if version not in history.VERSIONS]
    if unknown:
        names = ", ".join(history.VERSIONS)
        raise Failure(f"There is no version {unknown[0]} to update from: there are {names}.")
    with _open(environment, database.template(environment)) as connection:
        fresh = schema.read(connection)
    faults = {version: [] for version in versions or history.VERSIONS}
    for version, found in faults.items():
        with _collected(found):
            _update_from(version, fresh, environment, found)
    return _report(faults)


def _update_from(version, fresh, environment, faults):
    """Update a used database of a version.

    :param list faults: gets a sentence for each fault
    """
    origin = history.used(environment, version)
    with _open(environment, origin) as connection:
        before = rows.read(connection)
    with _copy(environment, origin) as name:
        known = _differences(environment, origin, history.options(version))
        with step(f"Updating the module from {version}"):
            faults += _install(environment, name, "-u")
        with _open(environment, name) as connection:
            after = rows.read(connection)
            faults += schema.differences(schema.read(connection), fresh)
            dialogs = _get_dialogs(connection)
        new = ("trtc_allocation",) if version in BEFORE_LEDGER else ()
        faults += rows.changes(before, after, dialogs, new)
        found = _differences(environment, name)
        faults += [f"check of the books: {one}" for one in found if one not in known]
        with step(f"Going on after the update from {version}"):
            _shell(environment, name, "go_on.py", f"Nothing goes on after {version}")
        found = _differences(environment, name)
        faults += [f"check of the books, later: {one}" for one in found if one not in known]


def reinstall(arguments, environment):
    """Carry out ``dev/check reinstall``: use, uninstall, look, install, use once more.

    :return: the exit code
    """
    if arguments:
        raise Failure("dev/check reinstall takes no arguments.")
    faults = []
    with _collected(faults):
        _reinstall(environment, faults)
    return _report({"reinstallation": faults})


def _reinstall(environment, faults):
    with _copy(environment, database.template(environment)) as name:
        history.use(environment, name, "The module")
        with _open(environment, name) as connection:
            before = rows.read(connection)
        with step("Uninstalling the module"):
            _shell(environment, name, "uninstall.py", "The module cannot be uninstalled")
            faults += _complaints("life-uninstall")
        with _open(environment, name) as connection:
            left = schema.remains(schema.read(connection))
            faults += [f"after uninstalling: {one} is left" for one in left]
            faults += rows.changes(*(_core(one) for one in (before, rows.read(connection))))
        with step("Working without the module"):
            _shell(environment, name, "without.py", "Odoo does not work without the module")
        with step("Installing the module again"):
            faults += _install(environment, name, "-i")
        with (
            _open(environment, name) as again,
            _open(environment, database.template(environment)) as first,
        ):
            faults += schema.differences(schema.read(again), schema.read(first))
        with step("Using it again"):
            _shell(environment, name, "again.py", "The module cannot be used again")


# === TOOLING === #


@contextlib.contextmanager
def _collected(faults):
    """Let a step that fails be one more fault, so that the others are told as well."""
    try:
        yield
    except Failure as failure:
        faults.append(str(failure))


def _report(faults):
    for title, sentences in faults.items():
        for sentence in sentences:
            say(f"{title}: {sentence}")
        say(f"{title}: {len(sentences)} faults")
    return 1 if any(faults.values()) else 0


@contextlib.contextmanager
def _copy(environment, origin):
    """Yield the name of a copy of a database; drop it afterwards."""
    name = f"trtc_{database.checkout_id()}_test_{os.getpid()}_{secrets.token_hex(2)}"
    database.clone(environment, origin, name)
    try:
        yield name
    finally:
        database.drop(environment, name)


def _open(environment, name):
    return contextlib.closing(database.connect(environment, name))


def _install(environment, name, how):
    """Install or update the module; return what the log complains of."""
    arguments = ["-d", name, how, layout.MODULE, "--stop-after-init", "--no-http"]
    odoo.run(arguments, f"life{how}", f"odoo {how} {layout.MODULE} failed", environment)
    database.require_installed(environment, name, [layout.MODULE], f"life{how}")
    return _complaints(f"life{how}")


def _complaints(log):
    path = layout.LOGS / f"{log}.log"
    return odoo.complaints(path.read_text(encoding="utf-8", errors="replace"))


def _shell(environment, name, script, advice, more=()):
    """Run a script of ``dev/life`` in a database; return what it prints."""
    return odoo.run(
        ["shell", "-d", name, "--no-http", "--log-level=warn", *more],
        f"life-{script.removesuffix('.py')}",
        advice,
        environment,
        script=(SCRIPTS / script).read_text(encoding="utf-8"),
    )


def _differences(environment, name, more=()):
    """Return what the check of the books finds, in the words of the version that is asked."""
    printed = _shell(environment, name, "check.py", "The books cannot be checked", more)
    return json.loads(printed.splitlines()[-1])["differences"]


def _get_dialogs(connection):
    """Return the tables of dialogs: their rows come and go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT replace(model, '.', '_') FROM ir_model WHERE transient")
        return [table for (table,) in cursor.fetchall()]


def _core(found):
    """Return the rows of core without the columns that the module adds."""
    return {
        table: {
            number: {name: value for name, value in row.items() if not name.startswith("trtc_")}
            for number, row in of_table.items()
        }
        for table, of_table in found.items()
        if not table.startswith("trtc_")
    }
