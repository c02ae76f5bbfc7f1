"""The accounting cycle in real processes: automatic runs, and credit notes that are billed again.

With ``TRTC_PROOFS=long`` in the environment, automatic runs are killed at more points.
"""

import contextlib
import os
import signal

import books
import pytest
from processes import PAUSE, RETRY, WAIT, finish, heard

from kit import database as databases

#: The morning of 4 November in Shanghai, for automatic runs: the days of grace are over.
MORNING = """
from freezegun import freeze_time
freeze_time("2024-11-04 01:00:00").start()
"""
CRON = {
    "settle": 'env["trtc.account"]._cron_settle()\nenv.cr.commit()\n',
    "invoice": 'env["trtc.account"]._cron_invoice()\nenv.cr.commit()\n',
}
CRONS = MORNING + CRON["settle"] + CRON["invoice"]

#: {point: (cron, where it stops, how many accounts have new statements by then)}
POINTS = {
    "settling: first account committed": (
        "settle", ("after", "trtc.billing.run", "_record", 2), 1,
    ),
    "invoicing: inside the second account": (
        "invoice", ("after", "trtc.allocation", "create", 2), 1,
    ),
}  # fmt: skip
MORE_POINTS = {
    "settling: inside the first account": (
        "settle", ("after", "trtc.settlement.note", "_work_off"), 0,
    ),
    "settling: inside the second account": (
        "settle", ("after", "trtc.settlement.note", "_work_off", 2), 1,
    ),
    "settling: second account marked": (
        "settle", ("after", "trtc.account", "_mark_scheduled", 2), 1,
    ),
    "invoicing: inside the first account": (
        "invoice", ("before", "trtc.allocation", "create"), 0,
    ),
    "invoicing: second account marked": (
        "invoice", ("after", "trtc.account", "_mark_scheduled", 2), 1,
    ),
    "invoicing: last account posted": ("invoice", ("after", "account.move", "action_post"), 2),
}  # fmt: skip
if os.environ.get("TRTC_PROOFS") == "long":
    POINTS |= MORE_POINTS

#: Accounts that have October in their statements, and those that have it on invoices.
DONE = {
    "settle": """
        SELECT count(DISTINCT account_id) FROM trtc_statement WHERE date_to >= '2024-10-01'
    """,
    "invoice": """
        SELECT count(DISTINCT move.trtc_account_id)
          FROM account_move move WHERE move.trtc_date_to >= '2024-10-01'
           AND move.reversed_entry_id IS NULL
    """,
}

#: The credit note that is to be billed again and still is a draft.
DRAFT = """
credit = env["account.move"].search([
    ("trtc_account_id.uin", "=", "3"), ("reversed_entry_id", "!=", False),
    ("state", "=", "draft"),
])
"""


@pytest.fixture
def database(prepared_copy):
    """Return the name of a fresh copy of the prepared database."""
    return prepared_copy


@pytest.fixture(scope="module")
def automatic(environment, prepared, complete):
    """Return the books after automatic runs that nothing disturbed."""
    name = f"{prepared}_automatic"
    databases.clone(environment, prepared, name)
    try:
        complete(name, CRONS)
        with contextlib.closing(databases.connect(environment, name)) as connection:
            yield books.read(connection)
    finally:
        databases.drop(environment, name)


def _count(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_cron_loses_the_accounts_that_were_done(point, spawn, run, connection, automatic):
    name, stop, done = POINTS[point]
    process = spawn(f"{MORNING}{PAUSE}\npause(*{stop!r})\n{CRON[name]}")
    heard(process, "paused")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _count(connection, DONE[name]) == done, "each account is committed by itself"
    run(CRONS)
    books.assert_same(books.read(connection), automatic)


def test_two_crons_at_once_bill_twice(spawn, run, connection, automatic, tmp_path):
    """Both crons may run at once, and somebody may start one that runs already."""
    gate = tmp_path / "gate"
    processes = [
        spawn(f"{MORNING}{WAIT}\nwait({str(gate)!r})\n{CRON[name]}")
        for name in ("settle", "invoice", "invoice")
    ]
    for process in processes:
        heard(process, "waiting")
    gate.touch()
    finish(*processes)
    run(CRONS)
    books.assert_same(books.read(connection), automatic)


def test_a_kill_between_credit_note_and_new_invoice_loses_usage(spawn, run, connection):
    """Posted, and killed before the run that bills it again has committed."""
    query = """
        SELECT coalesce(sum(row.amount), 0)
          FROM trtc_allocation row JOIN trtc_account account ON account.id = row.account_id
         WHERE account.uin = '3' AND row.released IS NOT TRUE
    """
    run(books.WORK)
    before = _count(connection, query)
    process = spawn(
        f"{PAUSE}{DRAFT}\ncredit.action_post()\nenv.cr.commit()\n"
        f"pause('after', 'trtc.allocation', 'create')\n{books.INVOICE}env.cr.commit()"
    )
    heard(process, "paused")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert _count(connection, query) == before
    run(books.WORK)
    taken = "SELECT sum(amount) FROM trtc_allocation WHERE kind = 'credit' AND reopens"
    again = "SELECT sum(amount) FROM trtc_allocation WHERE rebills_id IS NOT NULL"
    assert _count(connection, again) == -_count(connection, taken) != 0
    assert _count(connection, query) > before


@pytest.mark.parametrize("first", ["reset", "bill again"])
def test_a_credit_note_is_reset_while_another_process_bills_it_again(
    first, spawn, run, connection, tmp_path
):
    """Whoever is second gives way, or sees what the first one did."""
    gate = tmp_path / "gate"
    number = _count(
        connection,
        """
        SELECT min(row.move_id) FROM trtc_allocation row
          JOIN trtc_account account ON account.id = row.account_id
         WHERE row.kind = 'credit' AND account.uin = '1'
        """,
    )
    reset = f'env["account.move"].browse({number}).button_draft()\n'
    steps = {"reset": reset, "bill again": books.INVOICE}
    [second] = set(steps) - {first}
    # The second one has read the database before the first one commits.
    late = spawn(
        f"{WAIT}{RETRY}\nfrom odoo.exceptions import UserError\n"
        f"env['trtc.allocation'].search_count([('kind', '=', 'credit')])\n"
        f"wait({str(gate)!r})\n"
        f"try:\n    step(lambda: {steps[second].strip()})\n"
        f"except UserError as error:\n    print('refused', error)\n"
    )
    heard(late, "waiting")
    run(f"{steps[first]}env.cr.commit()")
    gate.touch()
    [said] = finish(late)
    state, again = (
        _count(connection, f"SELECT state FROM account_move WHERE id = {number}"),
        _count(
            connection,
            f"""
            SELECT count(*) FROM trtc_allocation again
              JOIN trtc_allocation credit ON credit.id = again.rebills_id
             WHERE credit.move_id = {number} AND again.released IS NOT TRUE
            """,
        ),
    )
    assert (state, bool(again)) == (("posted", True) if first == "bill again" else ("draft", False))
    assert ("refused" in said) == (first == "bill again")


#: A company that accrues, with a draft invoice that is to be dated in the period.
ACCRUING = """
env.company.trtc_accrued_account_id = env["account.account"].create({
    "name": "Accrued", "code": "TRTCA", "account_type": "asset_current",
})
draft = env["account.move"].search([
    ("trtc_account_id.uin", "=", "1"), ("state", "=", "draft"),
    ("move_type", "=", "out_invoice"),
], limit=1)
draft.invoice_date = "2024-10-31"
env.cr.commit()
print(draft.id)
"""
#: Which documents the accrual in USD knows of, and how much it misses of what is open by now.
ACCRUED = """
from datetime import date
accrual = env["trtc.accrual"].search([("currency_id.name", "=", "USD")])
accounts = env["trtc.account"].search([("currency_id", "=", accrual.currency_id.id)])
unbilled = accounts._get_unbilled(date(2024, 10, 31))
missing = sum(one.amount for one in unbilled if one.kind in ("settled", "unsettled", "fee"))
print(accrual.since_ids.move_id.ids, round(float(missing) - accrual.amount_exact, 6))
"""


@pytest.mark.parametrize("first", ["propose", "post"])
def test_an_invoice_is_posted_while_another_process_accrues(first, spawn, run, tmp_path):
    """Neither sees the other one: revenue would stand twice at the period end, and nobody know."""
    gate = tmp_path / "gate"
    run(books.WORK)
    number = int(run(ACCRUING).strip())
    steps = {
        "propose": "env['trtc.accrual']._propose(env.company, date(2024, 10, 31))",
        "post": f"env['account.move'].browse({number}).action_post()",
    }
    [second] = set(steps) - {first}
    late = spawn(
        f"{WAIT}{RETRY}\nfrom datetime import date\n"
        f"env['trtc.accrual'].search_count([])\n"
        f"wait({str(gate)!r})\n"
        f"step(lambda: {steps[second]})\n"
    )
    heard(late, "waiting")
    run(f"from datetime import date\n{steps[first]}\nenv.cr.commit()")
    gate.touch()
    finish(late)
    known, missing = run(ACCRUED).strip().rsplit(" ", 1)
    if first == "propose":
        assert known == f"[{number}]"
        assert float(missing) < 0
    else:
        assert (known, float(missing)) == ("[]", 0)
