"""The commands: ``run``, ``test``, ``odoo`` and ``check``."""

import os

from . import layout, source, tools, venv


def main(arguments):
    """Set up what is missing and carry out one command."""
    command, *rest = arguments
    layout.DEV.mkdir(exist_ok=True)
    if not venv.inside():
        with layout.lock("setup"):
            venv.ensure(source.ensure())
        venv.enter()
    return _COMMANDS[command](rest)


def _prepare():
    from . import odoo  # noqa: PLC0415 - imports what is there only in the environment

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

    return demo.main(arguments, _prepare)


def _test(arguments):
    from . import suite  # noqa: PLC0415

    return suite.main(arguments, _prepare())


def _check(arguments):
    from . import check  # noqa: PLC0415

    return check.main(arguments, _prepare)


_COMMANDS = {"run": _run, "test": _test, "odoo": _odoo, "check": _check}
