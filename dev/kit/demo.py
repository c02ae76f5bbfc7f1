"""The demonstration: a database of its own, what the demo script prints, and a server."""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from . import console, database, layout, odoo, postgres
from .console import Failure, say, step

DATABASE = "trtc_demo"
SCRIPT = layout.ROOT / "dev" / "demo" / "load.py"
STATE = layout.DEV / "demo-state.json"  # what the database was made from
PRINTED = layout.LOGS / "demo.txt"  # what the script printed
LOGINS = layout.DEV / "demo.json"  # written by the script
SERVER = layout.DEV / "server.json"  # the server that was started last
STARTUP = 120  # seconds


def main(arguments, prepare):
    """Carry out ``dev/run``; return the exit code."""
    options = _parse(arguments)
    if options.stop:
        return _stop()
    if not options.no_serve:
        _require_free(options.port)
    environment = prepare()
    with layout.lock("demo"):
        _bring_up_to_date(environment, options.fresh)
    say(PRINTED.read_text(encoding="utf-8") if PRINTED.exists() else "")
    return 0 if options.no_serve else _serve(environment, options.port)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        prog="dev/run", description="Set up, load the demonstration and serve Odoo."
    )
    parser.add_argument("--no-serve", action="store_true", help="end after the demonstration")
    parser.add_argument("--fresh", action="store_true", help="start over with a new database")
    parser.add_argument("--port", type=int, default=8069, help="where to serve (8069)")
    parser.add_argument(
        "--stop", action="store_true", help="stop the server and the database server"
    )
    return parser.parse_args(arguments)


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
    origin = database.template(environment)
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


def _require_free(port):
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            own = _read(SERVER)
            if own and own["port"] == port and _is_ours(own["pid"]):
                raise Failure(
                    f"Odoo already serves http://127.0.0.1:{port}: "
                    "use it, or end it with dev/run --stop."
                ) from None
            raise Failure(
                f"Port {port} cannot be used: end the program that has it, "
                "or choose another one with dev/run --port NUMBER."
            ) from None


def _serve(environment, port):
    """Serve in the foreground until interrupted."""
    log = layout.LOGS / "server.log"
    command = odoo.command(
        "-d", DATABASE, f"--db-filter=^{DATABASE}$", f"--http-port={port}", f"--logfile={log}"
    )
    signal.signal(signal.SIGTERM, lambda *_arguments: signal.raise_signal(signal.SIGINT))
    # In a session of its own, Ctrl-C reaches Odoo once, through this process
    process = subprocess.Popen(command, env=environment, cwd=layout.DEV, start_new_session=True)
    SERVER.write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")
    try:
        with step("Starting Odoo"):
            _await_answer(process, port, log)
        _announce(port)
        return process.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(process)
        SERVER.unlink(missing_ok=True)


def _await_answer(process, port, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + STARTUP
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            opener.open(f"http://127.0.0.1:{port}/web/health", timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise Failure(f"Odoo did not start: see {log}.")


def _announce(port):
    logins = (_read(LOGINS) or {}).get("logins") or [["administrator", "admin", "admin"]]
    width = max(len(str(role)) for role, _login, _password in logins)
    say(f"\nOdoo serves http://127.0.0.1:{port} (Ctrl-C ends it, the data stays)")
    for role, login, password in logins:
        say(f"  {role:{width}}  login {login}  password {password}")


def _end(process):
    """End the server as Odoo wants it: one signal, and time to finish."""
    with contextlib.suppress(KeyboardInterrupt):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _stop():
    """End what this checkout started: the server, then the database server."""
    server = _read(SERVER)
    if server and _is_ours(server["pid"]):
        os.kill(server["pid"], signal.SIGTERM)
        for _attempt in range(100):
            if not _is_ours(server["pid"]):
                break
            time.sleep(0.2)
        say("Odoo is stopped.")
    say("The database server is stopped." if postgres.stop() else "No database server ran.")
    return 0


def _is_ours(pid):
    """Tell whether this process is a server of this checkout, not a later namesake."""
    try:
        command = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return str(layout.SERVER).encode() in command


def _read(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
