"""The commands: ``run``, ``test``, ``odoo`` and ``check``.

Each begins in whichever Python there is, with the standard library alone, and goes
on in the environment's: only there what imports its packages may be imported.
"""

import argparse
import os

from . import layout, serve, source, tools, venv


def main(arguments):
    """Set up what is missing and carry out one command."""
    command, *rest = arguments
    if command == "run":
        options = _options(rest)
        if options.stop:
            return serve.stop()
        if not options.no_serve:
            serve.require_free(options.port)
    layout.DEV.mkdir(exist_ok=True)
    if not venv.inside():
        with layout.lock("setup"):
            venv.ensure(source.ensure())
        venv.enter()
    return _COMMANDS[command](rest)


def _options(arguments):
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


def _prepare():
    from . import odoo  # noqa: PLC0415

    with layout.lock("setup"):
        tools.ensure()
    return odoo.configure()


def _odoo(arguments):
    """Become Odoo's own command."""
    from . import odoo  # noqa: PLC0415

    command = odoo.command(*arguments)
    os.execve(command[0], command, _prepare())


def _run(arguments):
    from . import demo  # noqa: PLC0415

    return demo.main(_options(arguments), _prepare())


def _test(arguments):
    from . import suite  # noqa: PLC0415

    return suite.main(arguments, _prepare())


def _check(arguments):
    from . import check  # noqa: PLC0415

    return check.main(arguments, _prepare())


_COMMANDS = {"run": _run, "test": _test, "odoo": _odoo, "check": _check}
