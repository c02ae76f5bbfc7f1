"""Settling and invoicing in real processes: at the same time, killed, interleaved.

Whatever happens between two steps, one more run leaves the books of one clean run.
"""

import signal

import books
import pytest
from processes import PAUSE, RETRY, WAIT, finish, heard

POINTS = {
    "settling: account locked": ("before", "trtc.account", "_settle"),
    "settling: fee and pack of a term made": ("after", "trtc.subscription", "_create_term"),
    "settling: free minutes granted": ("after", "trtc.account", "_grant_free_minutes"),
    "settling: commitments made up": ("after", "trtc.account", "_settle_commitments"),
    "settling: statements written": ("after", "trtc.statement", "create"),
    "settling: notes worked off": ("after", "trtc.settlement.note", "_work_off"),
    "settling: second account's notes worked off": (
        "after", "trtc.settlement.note", "_work_off", 2,
    ),
    "invoicing: accounts locked": ("before", "account.move", "_trtc_create_or_refresh"),
    "invoicing: invoices written": ("before", "trtc.allocation", "create"),
    "invoicing: allocations written": ("after", "trtc.allocation", "create"),
    "invoicing: to be posted": ("before", "account.move", "action_post"),
    "invoicing: posted, not committed": ("after", "account.move", "action_post"),
}  # fmt: skip


@pytest.fixture
def database(prepared_copy):
    """Return the name of a fresh copy of the prepared database."""
    return prepared_copy


def test_the_proofs_prove_nothing_because_there_is_nothing(clean):
    settled, _net = clean
    assert all(settled[part] for part in settled if part != "left to settle")
    assert not settled["left to settle"]
    assert {row[1] for row in settled["invoices"]} == {"out_invoice", "out_refund"}
    assert any(row[4] for row in settled["statements"]), "there are adjustments"


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_between_two_steps_loses_or_doubles_something(point, spawn, run, connection, clean):
    process = spawn(f"{PAUSE}\npause(*{POINTS[point]!r})\n{books.WORK}")
    heard(process, "paused")
    process.kill()
    assert process.wait() == -signal.SIGKILL
    run(books.WORK)
    books.assert_same(books.read(connection), clean[0])


def test_two_runs_at_once_bill_twice(spawn, run, connection, clean, tmp_path):
    gate = tmp_path / "gate"
    script = f"""{WAIT}{RETRY}
wait({str(gate)!r})
step(lambda: env["trtc.account"].settle("2024-10-31"))
step(lambda: env["trtc.account"].create_invoices("2024-10-31"))
"""
    processes = [spawn(script) for _n in range(2)]
    for process in processes:
        heard(process, "waiting")
    gate.touch()
    finish(*processes)
    run(books.WORK)
    books.assert_same(books.read(connection), clean[0])


@pytest.mark.parametrize("step", ["settle", "create_invoices"])
def test_a_run_waits_for_another_one_or_does_its_work_again(
    step, spawn, run, connection, clean, tmp_path
):
    """The second run begins while the first one holds the accounts, and ends before it."""
    gate = tmp_path / "gate"
    if step == "create_invoices":
        run(books.SETTLE + books.COMMIT)
    work = f'found = env["trtc.account"].{step}("2024-10-31")\n'
    first = spawn(f"{WAIT}\n{work}wait({str(gate)!r})\nenv.cr.commit()")
    heard(first, "waiting")
    assert run(f"{work}env.cr.commit()\nprint(len(found))").strip() == "0"
    gate.touch()
    finish(first)
    run(books.WORK)
    books.assert_same(books.read(connection), clean[0])


@pytest.mark.parametrize("step", ["settle", "create_invoices"])
def test_a_run_with_an_older_view_does_its_work_again(
    step, spawn, run, connection, clean, tmp_path
):
    """The second run has read the database before the first one committed."""
    gate = tmp_path / "gate"
    if step == "create_invoices":
        run(books.SETTLE + books.COMMIT)
    work = f'found = env["trtc.account"].{step}("2024-10-31")\n'
    second = spawn(
        f"{WAIT}\nenv['trtc.account'].search_count([])\nwait({str(gate)!r})\n"
        f"{work}env.cr.commit()\nprint(len(found))"
    )
    heard(second, "waiting")
    assert int(run(f"{work}env.cr.commit()\nprint(len(found))")) > 0
    gate.touch()
    assert finish(second)[0].strip() == "0"
    run(books.WORK)
    books.assert_same(books.read(connection), clean[0])


def test_usage_that_was_committed_late_is_lost(spawn, run, connection, clean, tmp_path):
    """Half of October is still on its way while everything else is settled and billed."""
    gate = tmp_path / "gate"
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM trtc_usage WHERE date >= '2024-10-01' AND id % 2 = 0
            RETURNING jsonb_build_object(
                'id', external_id, 'sdkappid', sdkappid, 'item', item_code,
                'quantity', quantity::text, 'start', to_char(date, 'YYYY-MM-DD'))
            """
        )
        late = [record for (record,) in cursor.fetchall()]
    assert late
    sender = spawn(
        f"{WAIT}\nprint(env['trtc.usage'].ingest({late!r}, 'feed')['accepted'])\n"
        f"wait({str(gate)!r})\nenv.cr.commit()"
    )
    heard(sender, "waiting")
    run(books.WORK)
    assert books.read(connection, books.NET)["settled"] != clean[1]["settled"]
    gate.touch()
    finish(sender)
    run(books.WORK)
    books.assert_same(books.read(connection, books.NET), clean[1])


def test_usage_comes_in_while_runs_go_on_and_on(spawn, run, connection, clean, tmp_path):
    """Two senders, in small transactions, against two runs that never rest."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM trtc_usage WHERE date >= '2024-10-01'
            RETURNING jsonb_build_object(
                'id', external_id, 'sdkappid', sdkappid, 'item', item_code,
                'quantity', quantity::text, 'start', to_char(date, 'YYYY-MM-DD'))
            """
        )
        records = [record for (record,) in cursor.fetchall()]
    gate, end = tmp_path / "gate", tmp_path / "end"
    send = """{wait}{retry}
records = {records!r}
wait({gate!r})
for start in range(0, len(records), 16):
    step(lambda: env["trtc.usage"].ingest(records[start : start + 16], "feed"))
"""
    work = f"""{WAIT}{RETRY}
import os
wait({str(gate)!r})
while not os.path.exists({str(end)!r}):
    step(lambda: env["trtc.account"].settle("2024-10-31"))
    step(lambda: env["trtc.account"].create_invoices("2024-10-31"))
    env.invalidate_all()
"""
    halves = records[: len(records) // 2 + 50], records[len(records) // 2 - 50 :]
    senders = [
        spawn(send.format(wait=WAIT, retry=RETRY, records=half, gate=str(gate))) for half in halves
    ]
    runs = [spawn(work) for _n in range(2)]
    for process in senders + runs:
        heard(process, "waiting")
    gate.touch()
    finish(*senders)
    end.touch()
    finish(*runs)
    run(books.WORK)
    found = books.read(connection, books.NET)
    # Invoices posted on the way round each for itself: their exact amounts are compared.
    expected = {part: rows for part, rows in clean[1].items() if part != "invoiced"}
    books.assert_same(found, expected)


@pytest.mark.parametrize("order", ["the same order", "opposite orders"])
def test_two_senders_of_the_same_ids_are_both_counted(order, spawn, connection, run, tmp_path):
    records = [
        {
            "id": f"once-{n}",
            "sdkappid": "101",
            "item": "av_hd",
            "quantity": 60,
            "start": "2024-10-30",
        }
        for n in range(500)
    ]
    backwards = records[::-1] if order == "opposite orders" else records
    gate = tmp_path / "gate"
    processes = [
        spawn(
            f"{WAIT}{RETRY}\nrecords = {sent!r}\nwait({str(gate)!r})\n"
            "result = step(lambda: env['trtc.usage'].ingest(records, 'feed'))\n"
            "print(result['accepted'], result['duplicate'])"
        )
        for sent in (records, backwards)
    ]
    for process in processes:
        heard(process, "waiting")
    gate.touch()
    results = sorted(output.split() for output in finish(*processes))
    assert results == [["0", "500"], ["500", "0"]]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), sum(quantity) FROM trtc_usage WHERE external_id LIKE 'once-%'"
        )
        assert cursor.fetchone() == (500, 30000)
