from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TrtcCommon

#: The tables that grow with usage.
LARGE = ("trtc.usage", "trtc.statement.line")


@tagged("post_install", "-at_install")
class TestDepended(TrtcCommon):
    """Whether something is in use is looked up, however much usage there is."""

    def references(self, name):
        """Yield (model, field) of the large tables that a deletion looks at."""
        for model, field in self.env[name]._trtc_get_references("restrict"):
            if model in LARGE:
                yield self.env[model], field

    def fill(self, count):
        """Add as many usage records of one item, by which statistics promise many of each."""
        usage = self.usage("av_hd", 60, "2024-10-01")
        self.env.flush_all()
        names = [
            name
            for name, field in usage._fields.items()
            if field.store and field.column_type and name not in ("id", "external_id")
        ]
        columns = SQL(", ").join(map(SQL.identifier, names))
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO trtc_usage (external_id, %(columns)s)
                SELECT 'filled ' || number, %(columns)s
                  FROM trtc_usage, generate_series(1, %(count)s) number
                 WHERE id = %(id)s
                """,
                columns=columns,
                count=count,
                id=usage.id,
            )
        )
        self.env.cr.execute("ANALYZE trtc_usage")

    def test_a_deletion_looks_through_all_usage(self):
        """A partial index of current records serves neither the look-up nor the foreign key."""
        seen = 0
        for name in ("trtc.account", "trtc.application", "trtc.item", "res.users"):
            for model, field in self.references(name):
                seen += 1
                with self.subTest(model=model._name, field=field):
                    self.env.cr.execute(
                        """
                        SELECT count(*)
                          FROM pg_index JOIN pg_attribute ON attrelid = indrelid
                           AND attnum = indkey[0] AND attname = %(field)s
                         WHERE indrelid = %(table)s::regclass
                           AND (indpred IS NULL OR pg_get_expr(indpred, indrelid)
                                = format('(%%s IS NOT NULL)', %(field)s))
                        """,
                        {"table": model._table, "field": field},
                    )
                    self.assertTrue(self.env.cr.fetchone()[0])
        self.assertGreaterEqual(seen, 6)

    def test_the_look_up_reads_all_records_where_none_matches(self):
        """With a limit, the planner read the whole primary key: many should have matched."""
        self.fill(5000)
        item = self.item("av_hd").copy({"code": "spare"})
        for name, records in (
            ("trtc.account", self.make_account()),
            ("trtc.application", self.make_application()),
            ("trtc.item", item),
            ("res.users", self.make_user("manager")),
        ):
            for model, field in self.references(name):
                if model._name != "trtc.usage":
                    continue
                with self.subTest(field=field):
                    query = records._trtc_prepare_lookup(model, field)
                    plan = str(self.env.execute_query(SQL("EXPLAIN %s", query)))
                    self.assertIn("Index", plan)
                    for whole in ("Seq Scan on trtc_usage", "trtc_usage_pkey"):
                        self.assertNotIn(whole, plan)
                    self.assertFalse(records._trtc_find_reference(model, field)[1])

    def test_the_next_record_counts_as_one_that_refers(self):
        """The look-up reads the next entry of an index, which may be of another record."""
        self.usage("av_hd", 60, "2024-10-01")
        usages = self.env["trtc.usage"]
        used = self.item("av_hd")
        others = self.env["trtc.item"].search([("id", "!=", used.id)])
        self.assertEqual(
            others._trtc_find_reference(usages, "item_id"), (others.browse(False), usages)
        )
        found, user = (others | used)._trtc_find_reference(usages, "item_id")
        self.assertEqual((found, user.item_id), (used, used))

    def test_records_that_refer_to_each_other_cannot_go_together(self):
        subscriptions = self.env["trtc.subscription"]
        both = subscriptions.concat(
            *(
                subscriptions.create(
                    {
                        "application_id": self.make_application().id,
                        "edition_id": self.env.ref("trtc_billing.edition_pro").id,
                        "date_start": "2024-01-01",
                    }
                )
                for _n in range(2)
            )
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE trtc_subscription SET upgraded_from_id = %s WHERE id = %s", both.ids
        )
        self.env.invalidate_all()
        used = both.filtered(lambda one: one.id == both.ids[0])
        self.assertFalse(both._trtc_find_reference(subscriptions, "upgraded_from_id")[1])
        self.assertTrue(used._trtc_find_reference(subscriptions, "upgraded_from_id")[1])

    def test_what_refers_is_collected_from_all_models_each_time(self):
        items = self.env["trtc.item"]
        references = items._trtc_get_references("restrict")
        self.assertIn(("trtc.usage", "item_id"), references)
        self.assertIs(items._trtc_get_references("restrict"), references)
        self.assertNotEqual(self.env["trtc.account"]._trtc_get_references("restrict"), references)

    def test_rows_of_the_ledger_are_looked_up_when_a_draft_is_made_anew(self):
        """A refreshed draft erases its rows, which settlement alone may do, and it knows them."""
        self.usage("av_hd", 600_000, "2024-10-01")
        move = self.invoice("2024-10-31")
        depended = self.env.registry["trtc.depended"]
        looked_up = []

        def find(records, model, name):
            looked_up.append(records._name)
            return records.browse(), model.browse()

        with patch.object(depended, "_trtc_find_reference", find):
            move.unlink()
            self.make_application().unlink()
        self.assertEqual(set(looked_up), {"trtc.application"})

    def test_an_item_with_usage_is_deleted(self):
        self.usage("av_hd", 60, "2024-10-01")
        with self.assertRaisesRegex(UserError, "archive it instead"):
            self.item("av_hd").unlink()
