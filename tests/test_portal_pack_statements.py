from odoo import Command
from odoo.tests import tagged

from .test_portal_packs import PACKS, STATEMENTS, PackCase


@tagged("post_install", "-at_install")
class TestStatementsWithPacks(PackCase):
    def test_statement_leads_to_its_packs(self):
        self.login(self.user)
        page = self.open(f"{STATEMENTS}/{self.drawn.id}")
        self.assertIn(f'<a href="{PACKS}/{self.pack.id}">the pack &#34;Own present&#34;', page.text)

    def test_packs_of_one_name_lead_to_their_own_pages(self):
        """Two packs of one size, bought on one day, bear the same name."""
        twin = {"name": "Twin", "minutes": 30, "date_start": "2024-10-08", "date_end": "2024-12-31"}
        first, second = (self.make_pack(self.account, **twin) for _number in (1, 2))
        self.usage("av_audio", 60, "2024-10-09", unit="min")
        [statement] = self.settle("2024-10-09", self.account)
        self.assertEqual(statement.line_ids.draw_ids.pack_id, first | second)
        self.login(self.user)
        text = self.open(f"{STATEMENTS}/{statement.id}").text
        for pack in (first, second):
            self.assertEqual(text.count(f'<a href="{PACKS}/{pack.id}">the pack'), 1)

    def test_usage_that_packs_cover_is_said_to_cost_nothing(self):
        self.login(self.user)
        page = self.open(f"{STATEMENTS}/{self.drawn.id}")
        self.assertIn("cover all of this usage: there is nothing to pay", page.text_in_one)
        self.assertIn("None: there is nothing to pay", page.text_in_one)
        billed = self.open(f"{STATEMENTS}/{self.statement.id}").text_in_one
        self.assertNotIn("nothing to pay", billed)

    def test_explanation_names_packs_in_the_order_of_use(self):
        """Free minutes go first; a sentence that names them last explains another bill."""
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_2023").id,
                "free_from": "2024-11-01",
            }
        )
        own = self.make_pack(self.account, name="Narrow", application_id=self.application.id)
        self.usage("av_audio", 10_500, "2024-11-05", unit="min")
        self.settle("2024-11-05", self.account)
        text = self.lines(item="av_audio", day="2024-11-05").explanation
        self.assertLess(text.index("free minutes of"), text.index(f'the pack "{own.name}"'))
        self.assertNotIn(self.pack.name, text)

    def test_both_sides_of_a_move_are_shown(self):
        """Who sees only what was taken back takes the bill for a mistake."""
        self.pack.minutes = 300
        self.usage("av_audio", 200, "2024-10-20", unit="min")
        self.settle("2024-10-20", self.account)
        self.usage("av_audio", 50, "2024-10-07", unit="min")
        [adjustment] = self.settle("2024-10-20", self.account)
        [move] = adjustment._get_document_values()["moves"]
        self.assertEqual(move["pack"], self.pack)
        self.assertEqual(
            [(draw.date.day, draw.minutes) for draw in move["draws"]], [(7, 50), (20, -50)]
        )
        self.assertEqual(move["minutes"], 0)
        self.login(self.user)
        page = self.open(f"{STATEMENTS}/{adjustment.id}").text_in_one
        self.assertIn("As many minutes were given back as were taken", page)
        self.assertIn("Given back to", page)
        report = self.env.ref("trtc_billing.report_statement_action")
        html, _type = report._render_qweb_html(report.report_name, adjustment.ids)
        self.assertIn("Free minutes and packs in this adjustment", html.decode())
        self.assertFalse(self.drawn._get_document_values()["moves"])

    def test_changed_ratios_do_not_break_the_explanation(self):
        """Minutes change and units do not: a ratio of the two divides by zero."""
        table = self.env["trtc.ratio.table"].create(
            {
                "name": "Twice as dear",
                "line_ids": [
                    Command.create({"item_id": self.item("av_audio").id, "ratio": 2})
                ],
            }
        )
        self.pack.ratio_table_id = table
        [adjustment] = self.settle("2024-10-31", self.account)
        text = adjustment.line_ids.explanation
        self.assertIn("besides: 100 minutes", text)
        self.pack.ratio_table_id = False
        [adjustment] = self.settle("2024-10-31", self.account)
        self.assertIn("Given back to", adjustment.line_ids.explanation)
