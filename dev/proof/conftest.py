"""Fixtures for tests of whole processes: real Odoo processes on a database of their own."""

import contextlib
import functools
import subprocess
import time

import books
import pytest

from kit import database as databases
from kit import odoo


@pytest.fixture(scope="session")
def environment():
    """Return the environment variables that Odoo's processes need."""
    return odoo.configure()


@pytest.fixture(scope="session")
def prepared(environment):
    """Return the name of a database with the accounts and usage of the proofs."""
    with databases.temporary(environment) as name:
        _complete(environment, name, books.PREPARE)
        yield name


@pytest.fixture
def prepared_copy(environment, prepared):
    """Return the name of a fresh copy of the prepared database."""
    name = f"{prepared}_copy"
    databases.clone(environment, prepared, name)
    try:
        yield name
    finally:
        databases.drop(environment, name)


@pytest.fixture(scope="session")
def clean(environment, prepared):
    """Return (books, net) after one run that nothing disturbed."""
    name = f"{prepared}_clean"
    databases.clone(environment, prepared, name)
    try:
        _complete(environment, name, books.WORK)
        with contextlib.closing(databases.connect(environment, name)) as connection:
            yield books.read(connection), books.read(connection, books.NET)
    finally:
        databases.drop(environment, name)


@pytest.fixture(scope="session")
def complete(environment):
    """Return a function that runs a script on a database to its end."""
    return functools.partial(_complete, environment)


@pytest.fixture
def database(environment):
    """Return the name of a fresh database with the module; it is dropped afterwards."""
    with databases.temporary(environment) as name:
        yield name


@pytest.fixture
def connection(environment, database):
    """Return an autocommitting connection to the fresh database, past Odoo."""
    # Not psycopg2's own `with connection`: that one begins a transaction.
    with contextlib.closing(databases.connect(environment, database)) as opened:
        yield opened


@pytest.fixture
def spawn(environment, database):
    """Return a function that starts a script in an Odoo process of its own.

    ``spawn(script)`` gives the ``Popen``; the script sees ``env`` as in ``odoo shell``,
    commits by itself, and what it prints can be read from ``stdout``. ``kill()``,
    ``wait()`` and ``communicate()`` work as ever. What still runs at the end of the
    test is killed.
    """
    started = []

    def start(script, **options):
        process = subprocess.Popen(
            odoo.command("shell", "-d", database, "--no-http", "--log-level=warn"),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )
        started.append(process)
        process.stdin.write(script)
        process.stdin.close()
        process.stdin = None  # so that communicate() does not write again
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run(spawn):
    """Return a function that runs a script to its end and returns what it printed."""

    def complete(script, timeout=300):
        process = spawn(script)
        output, errors = process.communicate(timeout=timeout)
        assert process.returncode == 0, errors
        return output

    return complete


@pytest.fixture
def wait_until():
    """Return a function that waits until a condition holds."""

    def wait(condition, timeout=60, pause=0.05):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            result = condition()
            if result:
                return result
            time.sleep(pause)
        raise AssertionError(f"not so after {timeout} s: {condition}")

    return wait


def _complete(environment, name, script):
    arguments = ["shell", "-d", name, "--no-http", "--log-level=warn"]
    odoo.run(arguments, "proof", "A script of the proofs failed", environment, script)
