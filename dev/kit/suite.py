"""The tests: pure arithmetic, the module inside Odoo, and whole processes.

Each part has a runner of its own; paths given on the command line go to the part
that they belong to, everything else goes to each part that runs.
"""

import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from . import database, layout
from .console import Failure, say

NO_TESTS = 5  # pytest's own exit code
#: So many processes run tests beside each other.
WORKERS = min(2, os.cpu_count() or 1)
TAKE_A_VALUE = {"-k", "-m", "-p", "-o", "-W", "-c", "-r", "-n"}


@dataclass(frozen=True)
class Part:
    """One kind of tests: where they are, and how pytest is to see them."""

    title: str
    folder: str  # in the checkout
    base: Path  # from where pytest sees them, so that they import as they should
    prefix: str  # in front of the path, seen from there
    options: tuple = ()
    database: str = ""  # "clone": runs on one; "template": clones it by itself


PARTS = (
    Part("pure", "rating", layout.PURE, "", ("--doctest-modules", "-p", "no:odoo")),
    Part(
        "odoo", "tests", layout.ADDONS, f"{layout.MODULE}/",
        ("--odoo-http", f"--odoo-config={layout.CONFIG}"), "clone",
    ),
    Part("processes", "dev/proof", layout.ROOT, "", ("-p", "no:odoo"), "template"),
)  # fmt: skip


def main(arguments, environment):
    """Run what the arguments name, or all; return the exit code."""
    paths, options = _sort(arguments)
    database.sweep(environment)
    named = any(paths.values())
    if named:
        chosen = [(part, paths[part]) for part in PARTS]
    else:
        chosen = [share for part in PARTS for share in _share(part)]
    chosen = [(part, found) for part, found in chosen if found]
    if any(part.database for part, _found in chosen):
        database.template(environment)  # once, and where its progress can be seen
    done = _run_all(chosen, options, environment)
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    say()
    for part, _found in chosen:
        counts, seconds = done[part]
        say(f"{part.title}: {_sentence(counts)} ({seconds:.0f} s)")
        for name in totals:
            totals[name] += counts[name]
    ran = totals["passed"] + totals["failed"]
    if not ran:
        say("No test was run.")
    say(_sentence(totals))
    return 0 if ran and not totals["failed"] else 1


def _run_all(chosen, options, environment):
    """Run parts beside each other, the long ones first; return {part: (counts, seconds)}.

    What the first one says can be seen at once, the rest comes at the end.
    """
    jobs = sorted(chosen, key=lambda one: one[0].database != "clone")
    done, running = {}, []
    with ExitStack() as outputs, ThreadPoolExecutor(WORKERS) as pool:
        for part, found in jobs:
            output = outputs.enter_context(tempfile.TemporaryFile("w+")) if running else None
            job = pool.submit(_timed, part, found, options, environment, output)
            running.append((part, job, output))
        for part, job, output in running:
            done[part] = job.result()
            if output:
                output.seek(0)
                say(output.read())
    return done


def _timed(part, paths, options, environment, output=None):
    started = time.monotonic()
    counts = _run(part, paths, options, environment, output)
    return counts, time.monotonic() - started


def _sentence(counts):
    return ", ".join(f"{counts[name]} {name}" for name in ("passed", "failed", "skipped"))


def _sort(arguments):
    """Tell paths from options, and say to which part each path belongs."""
    paths = {part: [] for part in PARTS}
    options = []
    previous = ""
    for argument in arguments:
        target = None
        if not argument.startswith("-") and previous not in TAKE_A_VALUE:
            target = _inside(argument)
            if target is None and not previous.startswith("-"):
                raise Failure(f"There is no {argument} in this checkout.")
        if target is None:
            options.append(argument)
        else:
            for part, path in _assign(target):
                paths[part].append(path)
        previous = argument
    return paths, options


def _inside(argument):
    """Return the path inside the checkout that an argument names, if it does."""
    path, *node = argument.split("::")
    for start in (Path.cwd(), layout.ROOT):
        found = Path(os.path.abspath(start / path))
        if found.exists() and found.is_relative_to(layout.ROOT):
            return "::".join([str(found.relative_to(layout.ROOT)), *node])
    return None


def _assign(target):
    if target == ".":
        return [(part, part.folder) for part in PARTS if (layout.ROOT / part.folder).is_dir()]
    for part in PARTS:
        if target.split("::")[0] == part.folder or target.startswith(f"{part.folder}/"):
            return [(part, target)]
    folders = ", ".join(part.folder for part in PARTS)
    raise Failure(f"{target} holds no tests: they are in {folders}.")


def _share(part):
    """Return a whole part as [(part, paths)]; tests that take long are dealt to all workers."""
    folder = layout.ROOT / part.folder
    if part.database != "clone":
        return [(part, [part.folder] if folder.is_dir() else [])]
    files = sorted(f"{part.folder}/{file.name}" for file in folder.glob("test_*.py"))
    return [
        (replace(part, title=f"{part.title}-{number + 1}"), files[number::WORKERS])
        for number in range(WORKERS)
    ]


def _run(part, paths, options, environment, output):
    """Run one part; return its counts.

    :param output: file for what it says, default the terminal
    """
    print(f"\n== {part.title} tests ==", file=output, flush=True)
    if part.database == "clone":
        with database.temporary(environment, _open_pages(paths)) as name:
            options = [*options, f"--odoo-database={name}"]
            return _pytest(part, paths, options, environment, output)
    return _pytest(part, paths, options, environment, output)


def _open_pages(paths):
    """Tell whether any of the chosen files has tests over HTTP."""
    for path in paths:
        chosen = layout.ROOT / path.split("::")[0]
        files = chosen.rglob("test_*.py") if chosen.is_dir() else [chosen]
        if any("Http" in file.read_text(encoding="utf-8") for file in files):
            return True
    return False


def _pytest(part, paths, options, environment, output):
    report = layout.DEV / f"report-{part.title}-{os.getpid()}.json"
    command = [
        layout.PYTHON, "-m", "pytest", "-p", "kit.report",
        "-c", layout.ROOT / "pyproject.toml",
        f"--rootdir={part.base}", f"--confcutdir={part.base / part.prefix / part.folder}",
        "-o", f"cache_dir={layout.DEV / 'pytest-cache' / part.title}",
        *part.options, *options, *(part.prefix + path for path in paths),
    ]  # fmt: skip
    settings = {
        **environment,
        "PYTHONPATH": str(layout.ROOT / "dev"),
        "TRTC_REPORT": str(report),
    }
    code = subprocess.run(
        command, cwd=part.base, env=settings, check=False, stdout=output, stderr=output
    ).returncode
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if report.exists():
        counts.update(json.loads(report.read_text(encoding="utf-8")))
        report.unlink()
    if code not in (0, NO_TESTS) and not counts["failed"]:
        counts["failed"] = 1  # the runner itself gave up
    return counts
