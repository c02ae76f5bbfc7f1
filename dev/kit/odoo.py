"""Odoo's command in this set-up: its configuration, and how it is started."""

import os
import re
import subprocess
from pathlib import Path

from . import layout, postgres, source
from .console import Failure

TAIL = 12  # lines of a failed command's log that are worth showing
RECORD = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \d+ [A-Z]+ ")
LEVELS = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ \d+ (WARNING|ERROR|CRITICAL) \S+ (\S+): (.*)$")

# What Odoo logs at these levels by itself, with or without this module
KNOWN = (
    # A browser test had succeeded and the page was still loading when it was closed
    re.compile(r"\.browser: Error received after termination: "),
)
ERROR = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \d+ (ERROR|CRITICAL) ")


def configure():
    """Write ``.dev/odoo.conf`` and return the environment for Odoo's processes."""
    if "," in str(layout.ROOT):
        raise Failure("Odoo cannot work below a folder whose name has a comma: rename it.")
    access = postgres.ensure()
    layout.link_module()
    layout.DATA.mkdir(parents=True, exist_ok=True)
    addons = [*source.addons_paths(odoo_parent()), layout.ADDONS]
    settings = {
        "addons_path": ",".join(map(str, addons)),
        "data_dir": layout.DATA,
        "db_host": access["PGHOST"],
        "db_port": access["PGPORT"],
        "db_user": access["PGUSER"],
        "db_password": access["PGPASSWORD"] or False,
        "http_interface": "127.0.0.1",
        "list_db": False,
        "server_wide_modules": "base,web",
    }
    text = "[options]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items())
    layout.write_private(layout.CONFIG, text)
    return {
        **os.environ,
        **access,
        "ODOO_RC": str(layout.CONFIG),
        "TRTC_DEV": str(layout.DEV),
        "PYTHONUNBUFFERED": "1",
    }


def command(*arguments):
    """Return the command line of Odoo with these arguments."""
    return [str(layout.PYTHON), str(layout.SERVER), *map(str, arguments)]


def run(arguments, log, advice, environment, script=None):
    """Run Odoo to its end, its log in ``.dev/logs``.

    :param script: Python source for ``odoo shell``, given on standard input; what
        it prints is returned
    :raise Failure: when it fails; the end of its log is shown above the sentence
    """
    path = layout.LOGS / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as output:
        done = subprocess.run(
            command(*arguments),
            env=environment,
            cwd=layout.DEV,
            input=script and script.encode(),
            stdin=None if script else subprocess.DEVNULL,
            stdout=subprocess.PIPE if script else output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise Failure("\n".join([*_last_error(path), f"{advice} (log: {path})."]))
    return (done.stdout or b"").decode()


def complaints(log):
    """Return the lines of a log that only this module can have caused."""
    lines = (line for line in log.splitlines() if LEVELS.match(line))
    return [line for line in lines if not any(known.search(line) for known in KNOWN)]


def _last_error(path):
    """Return the last lines of the last error in a log, without what came after it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    begins = [index for index, line in enumerate(lines) if ERROR.match(line)]
    begin = begins[-1] if begins else 0
    rest = (index for index in range(begin + 1, len(lines)) if RECORD.match(lines[index]))
    end = next(rest, len(lines)) if begins else len(lines)
    return lines[max(begin, end - TAIL) : end]


def odoo_parent():
    """Return the folder of the ``odoo`` package that the environment imports."""
    for file in layout.VENV.glob("lib/python3*/site-packages/odoo-source.pth"):
        return Path(file.read_text(encoding="utf-8").strip())
    raise Failure("The set-up is incomplete: delete .dev/venv and run this again.")
