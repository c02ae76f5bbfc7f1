"""The rows of a database before and after something: none may be lost, no figure may change."""

from collections import Counter

from psycopg2 import sql

#: What a table of core says of documents; of our own tables everything is kept
CORE = ("account_move", "account_move_line", "account_partial_reconcile", "res_partner")
#: Columns that say who touched a row last, or how the ORM keeps it
TOUCHED = {"write_date", "write_uid", "billing_serial"}
#: {table: columns} that an update fills on purpose, with the reason
FILLED = {
    # Credit notes of versions before 19.0.3.0.0 are entered in the ledger, and say what of.
    "account_move": {"trtc_account_id", "trtc_date_from", "trtc_date_to"},
    "account_move_line": {
        "trtc_account_id", "trtc_item_id", "trtc_fee_id", "trtc_origin_line_id", "trtc_kind",
        "trtc_date_from", "trtc_date_to", "trtc_is_late", "trtc_is_rounding",
    },
}  # fmt: skip
#: {table: columns} that an update computes anew on purpose, with the reason
REWRITTEN = {}
SHOWN = 5  # differences of one column that are worth showing


def read(connection):
    """Return {table: {id: row}} of all that an update must leave as it is."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_name FROM information_schema.columns
             WHERE table_schema = current_schema AND column_name = 'id'
               AND (table_name LIKE 'trtc~_%%' ESCAPE '~' OR table_name = ANY(%s))
            """,
            [list(CORE)],
        )
        for (table,) in cursor.fetchall():
            query = sql.SQL("SELECT id, to_jsonb(one) FROM {} one").format(sql.Identifier(table))
            cursor.execute(query)
            found[table] = dict(cursor.fetchall())
    return found


def changes(before, after, transient=(), new=()):
    """Return a sentence for each kind of change.

    :param transient: tables of dialogs, which come and go
    :param new: tables that may have more rows than before
    """
    sentences = []
    for table in sorted(before.keys() - set(transient)):
        if table not in after:
            sentences.append(f"table {table} is gone")
            continue
        old, now = before[table], after[table]
        lost = old.keys() - now.keys()
        more = now.keys() - old.keys() if table not in new else ()
        if lost:
            sentences.append(f"{table}: {len(lost)} rows are gone, such as {min(lost)}")
        if more:
            sentences.append(f"{table}: {len(more)} rows are new, such as {now[min(more)]}")
        sentences += _changed(table, old, now)
    return sentences


def _changed(table, old, now):
    """Return a sentence for each column in which rows that stayed differ."""
    counts, examples = Counter(), {}
    for number, row in old.items():
        later = now.get(number)
        if later is None:
            continue
        for name in row.keys() & later.keys() - TOUCHED:
            meant = name in REWRITTEN.get(table, ())
            meant = meant or (row[name] is None and name in FILLED.get(table, ()))
            if row[name] != later[name] and not meant:
                counts[name] += 1
                shown = examples.setdefault(name, [])
                if len(shown) < SHOWN:
                    shown.append(f"{number}: {row[name]!r} became {later[name]!r}")
    return [
        f"{table}.{name}: {count} rows differ ({', '.join(examples[name])})"
        for name, count in counts.items()
    ]
