from datetime import date

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from .common import TrtcCommon
from .invoice_choices import ChoicesMixin


@tagged("post_install", "-at_install")
class TestAnalytic(ChoicesMixin, TrtcCommon):
    """A plan that each invoice line must have, and lines that no application uses."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.env.company.tax_calculation_rounding_method = "round_per_line"
        cls.plan = cls.project_a.plan_id
        cls.plan.default_applicability = "mandatory"
        cls.all_a = {str(cls.project_a.id): 100}
        cls.all_b = {str(cls.project_b.id): 100}
        cls.application.analytic_distribution = cls.all_a

    # === BUILDERS === #

    def _use_cents(self, application=None):
        """Use what rounds to nothing line by line, and to a cent together."""
        self.usage("av_hd", 60, "2024-10-07", application)
        self.usage("av_audio", 240, "2024-10-07", application)

    def _invoice(self, until="2024-10-31", accounts=None):
        accounts = self.account if accounts is None else accounts
        return self.invoice(until, accounts.with_user(self.user_accountant))

    def _post(self, move):
        """Post as the accountant's button does."""
        move.with_user(self.user_accountant).with_context(validate_analytic=True).action_post()
        self.assertEqual(move.state, "posted")

    def _run(self, accounts=None, day="2024-11-20"):
        """Run as the schedule does, after the days of grace."""
        with freeze_time(f"{day} 04:00:00"):
            return self.invoice("2024-10-31", self.account if accounts is None else accounts)

    def _commit(self, amount=50):
        self.env["trtc.commitment"].create(
            {"account_id": self.account.id, "amount": amount, "date_start": "2024-10-01"}
        )

    def _get_distributions(self, move):
        lines = move.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        return lines.mapped("analytic_distribution")

    # === LINES THAT THE SOFTWARE ADDS === #

    def test_a_cent_of_rounding_belongs_to_no_project(self):
        self._use_cents()
        move = self._invoice()
        self.assertTrue(move.invoice_line_ids.filtered("trtc_is_rounding"))
        self.assertEqual(self._get_distributions(move), [self.all_a] * 3)
        self._post(move)
        self.assert_books()

    def test_a_heading_is_asked_for_its_project(self):
        self.account.invoice_sections = True
        self._use_cents()
        self._use_cents(self.make_application(analytic_distribution=self.all_b))
        self._post(self._invoice())
        self.assert_books()

    def test_the_cent_of_rounding_stays_with_the_project_of_yesterday(self):
        """The same cent, and the line that it belongs to is another project's by now."""
        self._use_cents()
        move = self._invoice()
        self.application.analytic_distribution = self.all_b
        # 15.99 to the cent: the same cent is missing as before.
        self.usage("av_2k", 1000, "2024-10-08", unit="min")
        self.assertEqual(self._invoice(), move)
        self.assertEqual(self._get_distributions(move), [self.all_b] * len(move.invoice_line_ids))
        self.assertTrue(move.invoice_line_ids.filtered("trtc_is_rounding"))
        self._post(move)

    def test_what_somebody_entered_on_the_rounding_line_is_lost(self):
        self._use_cents()
        move = self._invoice()
        rounding = move.invoice_line_ids.filtered("trtc_is_rounding")
        rounding.with_user(self.user_accountant).analytic_distribution = self.all_b
        # 15.99 to the cent: the same cent is missing as before.
        self.usage("av_2k", 1000, "2024-10-08", unit="min")
        self.assertEqual(self._invoice(), move)
        self.assertEqual(move.invoice_line_ids.filtered("trtc_is_rounding"), rounding)
        self.assertEqual(rounding.analytic_distribution, self.all_b)

    def test_a_minimum_commitment_belongs_to_no_project(self):
        self._commit()
        self._use_cents()
        move = self._invoice()
        with self.assertRaises(ValidationError) as caught, self.cr.savepoint():
            self._post(move)
        self.assertIn("Minimum commitment, October 2024", str(caught.exception))
        self.assertNotIn("Audio", str(caught.exception))
        move.unlink()
        self.account.with_user(self.user_manager).analytic_distribution = self.all_b
        move = self._invoice()
        fee = move.invoice_line_ids.filtered("trtc_fee_id")
        self.assertEqual(fee.analytic_distribution, self.all_b)
        self._post(move)
        self.assert_books()

    def test_an_application_without_a_project_has_none(self):
        self.account.analytic_distribution = self.all_b
        other = self.make_application()
        self.usage("av_hd", 60_000, "2024-10-01")
        self.usage("av_hd", 120_000, "2024-10-01", other)
        self.usage("relay_bandwidth", 2048, "2024-10-01")
        move = self._invoice()
        found = {
            (line.trtc_item_id.code, line.quantity): line.analytic_distribution
            for line in move.invoice_line_ids.filtered("trtc_item_id")
        }
        self.assertEqual(
            found,
            {
                ("av_hd", 1000): self.all_a,
                ("av_hd", 2000): self.all_b,
                ("relay_bandwidth", 2048): self.all_b,
            },
        )
        self._post(move)
        self.assert_books()

    def test_the_account_fills_a_plan_that_its_application_fills(self):
        """Plan by plan: what the application says nothing of is the account's."""
        market = self.env["account.analytic.plan"].create({"name": "Market"})
        market.default_applicability = "mandatory"
        asia, europe = self.env["account.analytic.account"].create(
            [{"name": name, "plan_id": market.id} for name in ("Asia", "Europe")]
        )
        self.account.analytic_distribution = {
            str(asia.id): 60,
            str(europe.id): 40,
            str(self.project_b.id): 100,
        }
        self._use_cents()
        move = self._invoice()
        wanted = {str(asia.id): 60, str(europe.id): 40, str(self.project_a.id): 100}
        self.assertEqual(self._get_distributions(move), [wanted] * 3)
        self._post(move)

    def test_accounts_that_share_an_invoice_share_a_project(self):
        """The account that leads the invoice has nothing to say of the lines of others."""
        second = self.make_account(
            invoice_grouping="customer", analytic_distribution=self.all_b
        )
        self.account.write(
            {"invoice_grouping": "customer", "analytic_distribution": self.all_a}
        )
        self.application.analytic_distribution = False
        self.usage("av_hd", 60_000, "2024-10-01")
        self.usage("av_hd", 60_000, "2024-10-01", self.make_application(second))
        move = self._invoice(accounts=self.account | second)
        lines = move.invoice_line_ids.filtered("trtc_item_id")
        self.assertEqual(
            {line.trtc_account_id: line.analytic_distribution for line in lines},
            {self.account: self.all_a, second: self.all_b},
        )
        self._post(move)

    def test_fees_and_their_refunds_belong_to_no_project(self):
        self.account.analytic_distribution = self.all_b
        subscription = self.sell_term("2024-10-01", "2024-10-31")
        move = self._invoice("2024-09-30") or self._invoice()
        self.assertEqual(self._get_distributions(move), [self.all_a])
        self._post(move)
        fee = self.env["trtc.fee"].search([("subscription_id", "=", subscription.id)])
        with freeze_time("2024-10-20"):
            fee.sudo()._refund()
        credit = self._invoice("2024-11-30")
        self.assertEqual(self._get_distributions(credit), [self.all_a])
        self._post(credit)

    # === CREDITS === #

    def _reverse(self, move, modify=False):
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.user_accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Wrong address"})
        )
        return self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])

    def test_credit_notes_and_what_is_billed_again_belong_to_no_project(self):
        self.account.analytic_distribution = self.all_b
        self._commit()
        self._use_cents()
        self.usage("relay_bandwidth", 2048, "2024-10-01")
        move = self._invoice()
        self._post(move)
        credit = self._reverse(move)
        self._post(credit)
        again = self._invoice()
        self._post(again)
        for one in (credit, again):
            self.assertEqual(
                sorted(map(str, self._get_distributions(one))),
                sorted(map(str, self._get_distributions(move))),
            )
        new = self._reverse(again, modify=True)
        self._post(new)
        self.assert_books()

    def test_the_rounding_of_a_partial_credit_belongs_to_no_project(self):
        for code, minutes in (("av_hd", 102), ("av_audio", 106), ("slice_audio", 104)):
            self.usage(code, minutes, "2024-10-07", unit="min")
        move = self._invoice()
        self._post(move)
        form = Form(
            self.env["trtc.credit"]
            .with_user(self.user_accountant)
            .with_context(default_move_id=move.id)
        )
        form.reason, form.reopens = "Outage", "goodwill"
        quantities = {"av_hd": 2, "av_audio": 6, "slice_audio": 4}
        for place in range(3):
            with form.line_ids.edit(place) as line:
                line.quantity = quantities[line.item_id.code]
        credit = self.env["account.move"].browse(form.save().action_credit()["res_id"])
        self.assertTrue(credit.invoice_line_ids.filtered("trtc_is_rounding"))
        self._post(credit)
        self.assert_books()

    # === POSTED AUTOMATICALLY === #

    def test_automatic_posting_passes_the_plan_over(self):
        other = self.make_account(auto_post=True)
        self.make_application(other, analytic_distribution=self.all_b)
        self.account.auto_post = True
        self.application.analytic_distribution = False
        self._use_cents()
        self._use_cents(other.application_ids)
        moves = self._run(self.account | other)
        held, posted = (
            moves.filtered(lambda move, one=one: move.trtc_account_id == one)
            for one in (self.account, other)
        )
        self.assertEqual((held.state, posted.state), ("draft", "posted"))
        self.assertIn("Not posted automatically", held.trtc_hold)
        self.assertIn("analytic distribution", held.trtc_hold)
        self.assertIn("Rounding difference", held.trtc_hold)
        self._run(self.account | other, "2024-11-21")
        told = held.message_ids.filtered(lambda one: "Not posted" in (one.body or ""))
        self.assertEqual(len(told), 1)

    def test_a_draft_that_was_held_never_follows_its_application(self):
        """What was entered since is taken by the next run, without any new usage."""
        self.account.auto_post = True
        self.application.analytic_distribution = False
        self._commit()
        self._use_cents()
        move = self._run()
        self.assertEqual(move.state, "draft")
        self.application.with_user(self.user_manager).analytic_distribution = self.all_a
        self._run(day="2024-11-21")
        self.assertEqual(move.state, "draft", "the commitment is nobody's yet")
        self.account.with_user(self.user_manager).analytic_distribution = self.all_b
        self._run(day="2024-11-22")
        self.assertEqual((move.state, move.trtc_hold), ("posted", False))
        self.assertEqual(move.invoice_date, date(2024, 11, 22))
        for line in move.invoice_line_ids:
            # The cent of rounding belongs to the largest line, that of the commitment.
            wanted = self.all_a if line.trtc_item_id else self.all_b
            self.assertEqual(line.analytic_distribution, wanted)
        self.assert_books()

    def test_a_project_that_somebody_entered_is_overwritten(self):
        self.account.auto_post = True
        self.application.analytic_distribution = False
        self._use_cents()
        move = self._run()
        lines = move.invoice_line_ids.with_user(self.user_accountant)
        lines.analytic_distribution = self.all_b
        self.application.analytic_distribution = self.all_a
        self._run(day="2024-11-21")
        self.assertEqual(move.state, "posted")
        self.assertEqual(self._get_distributions(move), [self.all_b] * 3)

    def test_half_a_project_is_posted(self):
        self.account.auto_post = True
        self.application.analytic_distribution = {str(self.project_a.id): 50}
        self._use_cents()
        move = self._run()
        self.assertEqual(move.state, "draft")
        self.assertIn("not complete", move.trtc_hold)

    # === WHO READS AND WRITES IT === #

    def test_a_customer_reads_where_an_account_is_booked(self):
        self.account.analytic_distribution = self.all_a
        account = self.account.with_user(self.user_portal)
        self.assertTrue(account.name)
        for name in ("analytic_distribution", "distribution_analytic_account_ids"):
            with self.assertRaises(UserError):
                account.read([name])

    def test_a_manager_cannot_enter_it(self):
        group = self.env.ref("analytic.group_analytic_accounting")
        self.user_manager.group_ids = [Command.link(group.id)]
        with Form(self.account.with_user(self.user_manager)) as form:
            form.analytic_distribution = self.all_b
        self.assertEqual(self.account.analytic_distribution, self.all_b)
