"""A pytest plugin: hands the counts on, and lets no missing program pass for success."""

import json
import os
import re
from pathlib import Path

# Reasons that tests give, Odoo's own among them, when a program is missing
MISSING = re.compile(
    r"(?i)chrom|devtools|wkhtmltopdf|websocket|pdftotext|poppler|font|"
    r"not (found|installed|available)|missing"
)
COUNTED = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped",
           "xfailed": "passed", "xpassed": "failed"}  # fmt: skip


def pytest_sessionfinish(session):
    """Write the counts of this session, and fail it where a program was missing in CI."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    counts = dict.fromkeys(COUNTED.values(), 0)
    for outcome, name in COUNTED.items():
        counts[name] += len(reporter.stats.get(outcome, ()))
    lacking = _lacking(reporter.stats.get("skipped", ()))
    if lacking and os.environ.get("CI") == "true":
        counts["failed"] += len(lacking)
        counts["skipped"] -= len(lacking)
        session.exitstatus = 1
    path = os.environ.get("TRTC_REPORT")
    if path:
        Path(path).write_text(json.dumps(counts), encoding="utf-8")


def pytest_terminal_summary(terminalreporter):
    """Name the tests that were skipped because a program is missing."""
    lacking = _lacking(terminalreporter.stats.get("skipped", ()))
    if lacking:
        terminalreporter.section("skipped because a program is missing")
        for node, reason in lacking:
            terminalreporter.write_line(f"{node}: {reason}")


def _lacking(reports):
    reasons = [(report.nodeid, str(report.longrepr[2])) for report in reports]
    return [(node, reason) for node, reason in reasons if MISSING.search(reason)]
