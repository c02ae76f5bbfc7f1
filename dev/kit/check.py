"""The checks beside the tests: linters, one clean installation, and Odoo's own tests."""

import os
import re
import secrets
import subprocess

from . import core, database, layout, life, odoo, twice
from .console import Failure, say, step

RAN = re.compile(r"odoo\.tests\.result: (\d+) failed, (\d+) error\(s\) of (\d+) tests")


def main(arguments, environment):
    """Carry out ``dev/check [lint|install|suite]``, or one of the others; return the exit code.

    Without a name: lint and install. The others take long: ``suite`` runs the tests with Odoo's
    own runner, ``core`` those of Odoo, ``update [version ...]`` updates used databases of
    earlier versions, ``reinstall`` uninstalls from a used one and installs again.
    """
    others = {"core": core.main, "update": life.update, "reinstall": life.reinstall}
    if arguments and arguments[0] in others:
        return others[arguments[0]](arguments[1:], environment)
    checks = {"lint": _lint, "install": _install, "suite": _install_with_tests}
    unknown = [name for name in arguments if name not in checks]
    if unknown:
        names = ", ".join([*checks, *others])
        raise Failure(f"There is no check {unknown[0]}: there are {names}.")
    results = [checks[name](environment) for name in arguments or ("lint", "install")]
    return 0 if all(results) else 1


def _lint(environment):
    """Run ruff on the checkout, pylint-odoo on the module, and what neither of them finds."""
    ruff = [layout.PYTHON, "-m", "ruff", "check", layout.ROOT]
    pylint = [layout.PYTHON, "-m", "pylint", f"--rcfile={layout.ROOT / 'pyproject.toml'}",
              layout.MODULE, *_packages()]  # fmt: skip
    clean = True
    for title, command in (("ruff", ruff), ("pylint-odoo", pylint)):
        say(f"== {title} ==")
        done = subprocess.run(command, cwd=layout.ADDONS, env=environment, check=False)
        clean = clean and not done.returncode
    forgotten = _forgotten_tests()
    for name in forgotten:
        say(f"tests/__init__.py does not import {name}: Odoo's own runner leaves it out")
    repeated = twice.find()
    for sentence in repeated:
        say(sentence)
    return clean and not forgotten and not repeated


def _forgotten_tests():
    tests = layout.ROOT / "tests"
    text = (tests / "__init__.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"\w+", text))
    return sorted(path.stem for path in tests.glob("test_*.py") if path.stem not in imported)


def _packages():
    """Return the module's inner packages: pylint does not follow links by itself."""
    inner = (layout.ADDONS / layout.MODULE).glob("*/__init__.py")
    return sorted(path.parent.relative_to(layout.ADDONS) for path in inner)


def _install(environment):
    """Install the module in a new database as anyone would."""
    complaints, _log = _install_anew(
        "Installing the module in a new database", (), "The installation failed", environment
    )
    say(f"{complaints} complaints in the log")
    return not complaints


def _install_with_tests(environment):
    """Install the module likewise, and let Odoo's own runner run all of its tests."""
    complaints, log = _install_anew(
        "Installing the module in a new database with its tests",
        ("--test-enable", f"--test-tags=/{layout.MODULE}"),
        "The installation or one of its tests failed",
        environment,
    )
    ran = RAN.search(log)
    say(f"{ran[3] if ran else 'no'} tests ran, {complaints} complaints in the log")
    return bool(ran) and not complaints


def _install_anew(title, options, sentence, environment):
    """Install the module; return how many complaints the log has, and the log."""
    name = f"trtc_{database.checkout_id()}_test_{os.getpid()}_{secrets.token_hex(2)}"
    failure = None
    with layout.lock("check-install"):
        try:
            with step(title):
                odoo.run(
                    ["-d", name, "-i", layout.MODULE, "--stop-after-init", "--http-port=0",
                     *options],
                    "check-install",
                    sentence,
                    environment,
                )  # fmt: skip
        except Failure as error:
            failure = error
        finally:
            database.drop(environment, name)
        log = (layout.LOGS / "check-install.log").read_text(encoding="utf-8", errors="replace")
    complaints = odoo.complaints(log)
    for line in complaints:
        say(line)
    if failure:
        raise failure
    return len(complaints), log
