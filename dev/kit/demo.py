"""The demonstration: a database of its own, what the demo script prints, and a server."""

import json

from . import console, database, layout, odoo, serve
from .console import say, step

DATABASE = "trtc_demo"
SCRIPT = layout.ROOT / "dev" / "demo" / "load.py"
STATE = layout.DEV / "demo-state.json"  # what the database was made from
PRINTED = layout.LOGS / "demo.txt"  # what the script printed
LOGINS = layout.DEV / "demo.json"  # written by the script


def main(options, environment):
    """Bring the demonstration up to date and serve it; return the exit code."""
    with layout.lock("demo"):
        _bring_up_to_date(environment, options.fresh)
    if PRINTED.exists():
        say(PRINTED.read_text(encoding="utf-8"))
    if options.no_serve:
        return 0
    return serve.serve(environment, DATABASE, options.port, lambda: _announce(options.port))


def _bring_up_to_date(environment, fresh):
    """Create the demonstration's database, or update the module in it."""
    state = _read(STATE)
    exists = DATABASE in database.names(environment)
    if fresh or not exists or not state:
        _create(environment)
    elif state["module"] != database.module_hash():
        with step("Updating the module"):
            odoo.run(
                ["-d", DATABASE, "-u", layout.MODULE, "--stop-after-init", "--no-http"],
                "demo-update",
                "Updating the module failed; dev/run --fresh starts over",
                environment,
            )
        _remember()


def _create(environment):
    STATE.unlink(missing_ok=True)
    LOGINS.unlink(missing_ok=True)
    PRINTED.unlink(missing_ok=True)
    origin = database.template(environment, pages=True)
    with step("Creating the demonstration's database"):
        database.drop(environment, DATABASE)
        database.clone(environment, origin, DATABASE)
    if SCRIPT.exists():
        with step("Loading the demonstration"):
            printed = odoo.run(
                ["shell", "-d", DATABASE, "--no-http", "--log-level=warn"],
                "demo-load",
                "Loading the demonstration failed",
                environment,
                script=SCRIPT.read_text(encoding="utf-8"),
            )
        PRINTED.write_text(printed, encoding="utf-8")
    else:
        console.note(f"there is no {SCRIPT.relative_to(layout.ROOT)}: the database stays empty")
    _remember()


def _remember():
    STATE.write_text(json.dumps({"module": database.module_hash()}), encoding="utf-8")


def _announce(port):
    logins = (_read(LOGINS) or {}).get("logins") or [["administrator", "admin", "admin"]]
    width = max(len(str(role)) for role, _login, _password in logins)
    say(f"\nOdoo serves http://127.0.0.1:{port} (Ctrl-C ends it, the data stays)")
    for role, login, password in logins:
        say(f"  {role:{width}}  login {login}  password {password}")


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
