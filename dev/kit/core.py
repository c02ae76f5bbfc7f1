"""Odoo's own tests of the modules this one builds on, without it and with it.

Both times in a database where everything is installed, with the runner of Odoo's
shell: so all tests meet the finished registry, those too that Odoo otherwise runs
while it installs a module, before this one is there. A test that fails without the
addon as well lacks something on this machine and says nothing about the addon.
"""

import json
import os
import re
import secrets
import socket

from . import database, layout, odoo, source
from .console import Failure, say, step

MODULES = ("account", "portal", "product")
RUN = f"""
from odoo.tests.shell import run_tests
report = run_tests(env, {",".join(f"/{name}" for name in MODULES)!r}, {list(MODULES)!r})
import json
print("TOTALS " + json.dumps({{
    "tests": report.testsRun, "failures": report.failures_count,
    "errors": report.errors_count, "skipped": report.skipped,
}}))
"""
RECORD = r"^\d{4}-\d\d-\d\d [\d:,]+ \d+ %s \S+ (\S+): "
STARTED = re.compile(RECORD % "INFO" + r"Starting (\S+) \.\.\.", re.MULTILINE)
SKIPPED = re.compile(RECORD % "INFO" + r"skipped (?:Subtest )?(\S+) .*?: (.*)$", re.MULTILINE)
FAILED = re.compile(RECORD % "ERROR" + r"(FAIL|ERROR): (?:Subtest )?(\S+)(.*)$", re.MULTILINE)
TOTALS = re.compile(r"^TOTALS (\{.*\})$", re.MULTILINE)


def main(options, environment):
    """Carry out ``dev/check core [--without] [--with]``; return the exit code.

    :param options: ``--without`` runs the tests without the addon alone and keeps their
        result; ``--with`` runs those with it alone, against the result kept. None: both,
        but what is kept for this release of Odoo is not run again.
    """
    unknown = set(options) - {"--without", "--with"}
    if unknown:
        raise Failure(f"There is no option {min(unknown)}: there are --without and --with.")
    without = _kept(environment) if "--without" not in options else None
    if without is None:
        if options == ["--with"]:
            raise Failure("There is no result to compare with: run dev/check core --without.")
        without = _run(environment, "without")
        _keep(environment, without)
    _say_totals("without the addon", without)
    if options == ["--without"]:
        return 0
    found = _run(environment, "with")
    _say_totals("with the addon", found)
    return _compare(without, found)


def parse(log, output):
    """Return what a run came to: its totals, and its tests by what became of them.

    :raise Failure: when the log does not name as many failures as the totals count
    """
    totals = TOTALS.search(output)
    if not totals:
        raise Failure("The tests of Odoo ended before their totals were known.")
    failed = [(_name(*match.group(1, 3, 4)), match[2]) for match in FAILED.finditer(log)]
    totals = json.loads(totals[1])
    if len(failed) != totals["failures"] + totals["errors"]:
        raise Failure(
            f"The log names {len(failed)} failures and the totals count "
            f"{totals['failures'] + totals['errors']}: read the log."
        )
    return {
        "totals": totals,
        "started": sorted({f"{module}.{test}" for module, test in STARTED.findall(log)}),
        "skipped": {f"{module}.{test}": why for module, test, why in SKIPPED.findall(log)},
        "failed": dict(sorted(failed)),
    }


def _name(logger, test, rest):
    """Return a test's full name; what a class's set-up failed on names the class in brackets."""
    holder = re.match(r" \((\S+)\)$", rest)
    if holder and test in ("setUpClass", "tearDownClass", "setUpModule", "tearDownModule"):
        return f"{holder[1]}.{test}"
    return f"{logger}.{test}"


def _run(environment, which):
    """Run the tests in a copy of a template, without or with the addon; return what they say."""
    name = f"trtc_{database.checkout_id()}_test_{os.getpid()}_{secrets.token_hex(2)}"
    with layout.lock("template"):
        origin = database.base(environment)
    if which == "with":
        origin = database.template(environment)
    database.clone(environment, origin, name)
    try:
        with step(f"Odoo's tests of {', '.join(MODULES)}, {which} the addon"):
            output = odoo.run(
                ["shell", "-d", name, f"--http-port={_free_port()}", "--workers=0"],
                f"core-{which}",
                "The tests could not be run",
                environment,
                script=RUN,
            )
    finally:
        database.drop(environment, name)
    path = layout.LOGS / f"core-{which}.log"
    return parse(path.read_text(encoding="utf-8", errors="replace"), output)


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _place(environment):
    """Return where the result without the addon is kept: of this release, these modules."""
    with layout.lock("template"):
        return layout.DEV / f"core-{database.base(environment).rsplit('_', 1)[1]}.json"


def _kept(environment):
    path = _place(environment)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _keep(environment, result):
    _place(environment).write_text(json.dumps(result, indent=1), encoding="utf-8")


def _say_totals(title, result):
    totals = result["totals"]
    say(
        f"{title}: {totals['tests']} tests, {totals['failures']} failures, "
        f"{totals['errors']} errors, {totals['skipped']} skipped, "
        f"{len(result['failed'])} tests failed"
    )


def _compare(without, found):
    """Say what differs; return the exit code.

    A test that the addon keeps from running counts as one that fails.
    """
    for name in missing_tests():
        say(f"Odoo's package leaves out {name}")
    both = sorted(without["failed"].keys() & found["failed"].keys())
    for name in both:
        say(f"fails in both: {name}")
    for name in sorted(without["failed"].keys() - found["failed"].keys()):
        say(f"fails only without the addon: {name}")
    worse = sorted(found["failed"].keys() - without["failed"].keys())
    for name in worse:
        say(f"FAILS ONLY WITH THE ADDON: {name}")
    lost = sorted(set(without["started"]) - set(found["started"]))
    for name in lost:
        say(f"DOES NOT RUN WITH THE ADDON: {name}")
    skipped = sorted(found["skipped"].keys() - without["skipped"].keys())
    for name in skipped:
        say(f"SKIPPED ONLY WITH THE ADDON: {name}: {found['skipped'][name]}")
    say(f"{len(worse)} tests fail only with the addon, {len(lost) + len(skipped)} do not run")
    return 1 if worse or lost or skipped else 0


def missing_tests():
    """Return the test files that a module names and this Odoo does not have."""
    missing = []
    for module in MODULES:
        for addons in source.addons_paths(odoo.odoo_parent()):
            folder = addons / module / "tests"
            listed = folder / "__init__.py"
            if listed.exists():
                names = re.findall(r"\btest_\w+", listed.read_text(encoding="utf-8"))
                missing += [
                    f"{module}/tests/{name}.py"
                    for name in names
                    if not (folder / f"{name}.py").exists()
                ]
                break
        else:
            missing.append(f"all tests of {module}")
    return missing
