"""The ground that the tests of processes stand on."""

import os
import signal

import psycopg2.errors

from kit import database

COUNT = "print(env['ir.config_parameter'].search_count([('key', '=', 'proof')]))"
WRITE = "env['ir.config_parameter'].set_param('proof', 'yes')\n"


def test_what_one_process_commits_another_one_sees(run):
    run(WRITE + "env.cr.commit()")
    assert run(COUNT).strip() == "1"


def test_what_a_killed_process_did_not_commit_is_gone(spawn, run):
    process = spawn(WRITE + "print('written', flush=True)\nimport time; time.sleep(60)")
    assert process.stdout.readline().strip() == "written"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert run(COUNT).strip() == "0"


def test_the_module_is_installed(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM ir_module_module WHERE name = 'trtc_billing'")
        assert cursor.fetchone() == ("installed",)


def test_a_database_that_the_server_vacuums_is_not_dropped(environment, monkeypatch):
    """The server refuses to end its own vacuum for anybody else."""
    name = f"trtc_proof_{os.getpid()}"
    database.execute(environment, "CREATE DATABASE {}", name)
    execute, refused = database.execute, []

    def refuse_once(*args):
        if not refused:
            refused.append(args)
            raise psycopg2.errors.InsufficientPrivilege
        return execute(*args)

    monkeypatch.setattr(database, "execute", refuse_once)
    database.drop(environment, name)
    assert refused
    assert name not in database.names(environment)
