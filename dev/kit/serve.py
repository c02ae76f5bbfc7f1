"""The server that people look at: started in the foreground, stopped from anywhere."""

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

from . import layout, odoo, postgres
from .console import Failure, say, step

SERVER = layout.DEV / "server.json"  # the server that was started last
STARTUP = 120  # seconds


def require_free(port):
    """Refuse a port that something has."""
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            own = _read()
            if own and own["port"] == port and _is_ours(own["pid"]):
                raise Failure(
                    f"Odoo already serves http://127.0.0.1:{port}: "
                    "use it, or end it with dev/run --stop."
                ) from None
            raise Failure(
                f"Port {port} cannot be used: end the program that has it, "
                "or choose another one with dev/run --port NUMBER."
            ) from None


def serve(environment, database, port, announce):
    """Serve a database in the foreground until interrupted; return the exit code.

    :param announce: called once Odoo answers
    """
    log = layout.LOGS / "server.log"
    command = odoo.command(
        "-d", database, f"--db-filter=^{database}$", f"--http-port={port}", f"--logfile={log}"
    )
    # A shell that starts this in the background hands SIGINT on as ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_arguments: signal.raise_signal(signal.SIGINT))
    # In a session of its own, Ctrl-C reaches Odoo once, through this process
    process = subprocess.Popen(command, env=environment, cwd=layout.DEV, start_new_session=True)
    SERVER.write_text(json.dumps({"pid": process.pid, "port": port}), encoding="utf-8")
    try:
        with step("Starting Odoo"):
            _await_answer(process, port, log)
        announce()
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


def stop():
    """End what this checkout started: the server, then the database server."""
    server = _read()
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


def _read():
    try:
        return json.loads(SERVER.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
