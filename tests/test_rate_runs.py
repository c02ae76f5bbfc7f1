from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from .test_migration import load
from .test_rates import RateCase


class RunCase(RateCase):
    """Many drafts in yuan, which runs look at again and again."""

    def make_drafts(self, number, rule="period_end"):
        """Return accounts that have one draft each, and those drafts."""
        accounts = self.env["trtc.account"]
        for _n in range(number):
            account = self.make_account(pricelist_id=self.contract.id, invoice_date_rule=rule)
            self.usage("av_hd", 60_000, "2024-10-10", self.make_application(account))
            accounts |= account
        drafts = self.invoice("2024-10-31", accounts)
        self.assertEqual(len(drafts), number)
        return accounts, drafts

    def count(self, call):
        """Return how many queries a call asks."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.cr.sql_log_count
        call()
        self.env.flush_all()
        return self.cr.sql_log_count - before

    def get_told(self, draft):
        found = draft.sudo().message_ids
        return [one for one in found if "exchange rate" in str(one.body) or "CNY" in str(one.body)]


@tagged("post_install", "-at_install")
class TestRatesOfManyDrafts(RunCase):
    """A run writes and locks those drafts alone whose rate is another one."""

    def test_drafts_with_nothing_to_do_cost_the_same_however_many(self):
        self.set_rate("2024-10-01", 7)
        counts = []
        for number in (2, 12):
            accounts, _drafts = self.make_drafts(number)
            # What is read once per process does not count.
            accounts._fit_draft_rates()
            counts.append(self.count(accounts._fit_draft_rates))
        self.assertLessEqual(counts[1], counts[0])

    def test_drafts_that_lack_a_rate_cost_the_same_however_many(self):
        counts = []
        for number in (2, 12):
            accounts, drafts = self.make_drafts(number)
            self.assertTrue(all(drafts.mapped("trtc_hold")))
            accounts._fit_draft_rates()
            counts.append(self.count(accounts._fit_draft_rates))
        self.assertLessEqual(counts[1], counts[0])

    def test_a_draft_with_nothing_to_do_is_locked_by_a_run(self):
        self.set_rate("2024-10-01", 7)
        accounts, drafts = self.make_drafts(2)
        self.set_rate("2024-10-31", 7)
        with patch.object(type(drafts), "try_lock_for_update", autospec=True) as lock:
            lock.side_effect = lambda records, **_options: records
            accounts._fit_draft_rates()
            self.assertFalse(lock.call_args.args[0])
            self.set_rate("2024-10-31", 5)
            accounts._fit_draft_rates()
            self.assertEqual(lock.call_args.args[0], drafts)
        for draft in drafts:
            self.assert_balanced_at(draft, 5)

    def test_drafts_without_a_date_are_written_on_each_day_with_a_new_rate(self):
        self.set_rate("2024-10-01", 7)
        with freeze_time("2024-11-01 04:00:00"):
            accounts, drafts = self.make_drafts(2, "issue")
        self.set_rate("2024-11-03", 8)
        with (
            freeze_time("2024-11-03 04:00:00"),
            patch.object(type(drafts), "write", side_effect=AssertionError("written")),
        ):
            accounts.create_invoices("2024-10-31")
        with freeze_time("2024-11-05 04:00:00"):
            drafts.action_post()
        for draft in drafts:
            self.assert_balanced_at(draft, 8)

    def test_a_draft_without_a_date_waits_for_its_rate_for_ever(self):
        with freeze_time("2024-11-01 04:00:00"):
            accounts, draft = self.make_drafts(1, "issue")
        self.assertTrue(draft.trtc_hold)
        self.set_rate("2024-11-03", 8)
        with freeze_time("2024-11-03 04:00:00"):
            accounts._fit_draft_rates()
            self.assertFalse(draft.trtc_hold)
            self.assert_balanced_at(draft, 8)

    def test_a_draft_with_a_new_rate_counts_as_changed_by_hand(self):
        """Odoo marks what somebody changed."""
        self.set_rate("2024-10-01", 7)
        accounts, draft = self.make_drafts(1)
        draft.is_manually_modified = False
        self.set_rate("2024-10-31", 5)
        accounts._fit_draft_rates()
        self.assert_balanced_at(draft, 5)
        self.assertFalse(draft.is_manually_modified)


@tagged("post_install", "-at_install")
class TestReasonsOfHolds(RunCase):
    """A run knows its own note again, whatever words it is written in."""

    def test_the_note_stays_after_the_company_was_renamed(self):
        draft = self.draft()
        self.assertIn(self.company.name, draft.trtc_hold)
        self.company.name = "Renamed"
        self.run_as_accountant()
        self.assertEqual(len(self.get_told(draft)), 1)
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assertFalse(draft.trtc_hold)
        self.assertFalse(draft.trtc_hold_reason)

    def test_the_note_stays_for_a_reader_of_another_language(self):
        """The date in it is written in another way."""
        self.env["res.lang"]._activate_lang("fr_FR")
        for auto_post in (False, True):
            with self.subTest(auto_post=auto_post):
                account = self.make_account(
                    pricelist_id=self.contract.id,
                    invoice_date_rule="period_end",
                    auto_post=auto_post,
                )
                self.usage("av_hd", 60_000, "2024-10-10", self.make_application(account))
                self.run_as_accountant(accounts=account)
                draft = self.get_draft(account).sudo()
                french = account.with_context(lang="fr_FR")
                self.run_as_accountant(accounts=french)
                self.assertEqual(len(self.get_told(draft)), 1)
                self.set_rate("2024-10-31", 5)
                self.run_as_accountant(accounts=french)
                self.assertFalse(draft.trtc_hold)
                self.assertEqual(draft.state, "posted" if auto_post else "draft")
                self.env["res.currency.rate"].search([]).unlink()

    def test_another_date_is_another_reason(self):
        draft = self.draft()
        draft.invoice_date = "2024-11-04"
        self.assertIn("11/04/2024", draft.trtc_hold)
        self.assertEqual(len(self.get_told(draft)), 2)

    def test_a_changed_draft_without_a_rate_says_so_on_each_run(self):
        """It lacked a rate and was changed by hand: each run wrote both reasons again."""
        self.account.auto_post = True
        draft = self.draft()
        draft.invoice_line_ids[0].name = "Calls"
        for _n in range(3):
            self.run_as_accountant()
        self.assertEqual(len(self.get_told(draft)), 1)
        self.set_rate("2024-10-31", 5)
        self.run_as_accountant()
        self.assertIn("changed by hand", draft.trtc_hold)
        self.assertFalse(draft.trtc_hold_reason)

    def test_another_hold_is_ended_by_a_rate(self):
        self.set_rate("2024-10-01", 7)
        draft = self.draft().sudo()
        self.account.auto_post = True
        draft._trtc_hold("Something else.")
        self.set_rate("2024-10-31", 5)
        self.account._fit_draft_rates()
        self.assertEqual(draft.trtc_hold, "Something else.")

    def test_the_code_is_set_by_hand(self):
        draft = self.draft()
        with self.assertRaisesRegex(UserError, "set by TRTC Billing alone"):
            draft.trtc_hold_reason = False


@tagged("post_install", "-at_install")
class TestManyMigratedDrafts(RunCase):
    """The update asks for the rates once, however many drafts and days there are."""

    def migrate(self):
        load("19.0.3.2.0", "post-docs").migrate(self.env.cr, "19.0.3.1.0")

    def make_old(self, number):
        _accounts, drafts = self.make_drafts(number)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET trtc_rate = NULL WHERE id = ANY(%s)", [drafts.ids]
        )
        self.env.invalidate_all()
        return drafts

    def test_each_draft_and_day_costs_a_query(self):
        counts = []
        for number, days in ((2, 2), (12, 25)):
            for day in range(1, days + 1):
                self.set_rate(f"2024-10-{day:02}", 7 + day / 100)
            self.make_old(number)
            counts.append(self.count(self.migrate))
        self.assertLessEqual(counts[1], counts[0])

    def test_the_rates_are_those_that_odoo_looks_up(self):
        """Rates of the company, of all companies, and of the currency of the books."""
        own = self.company.currency_id
        table = (
            (self.yuan, self.company, "2024-10-05", 7),
            (self.yuan, self.company, "2024-10-20", 8),
            (self.yuan, self.company.browse(), "2024-10-01", 3),
            (self.yuan, self.company.browse(), "2024-10-12", 4),
            (own, self.company.browse(), "2024-10-08", 1.25),
        )
        self.env["res.currency.rate"].create(
            [
                {"currency_id": one.id, "company_id": owner.id, "name": day, "rate": rate}
                for one, owner, day, rate in table
            ]
        )
        draft = self.draft().sudo()
        script = load("19.0.3.2.0", "post-docs")
        known = script._get_known_rates(draft)[self.company, self.yuan]
        days = [date.fromisoformat(day) for _one, _owner, day, _rate in table]
        expected = {draft._get_expected_currency_rate_at(day) for day in days} | {1.0}
        self.assertEqual(
            sorted(round(one, 9) for one in known), sorted(round(one, 9) for one in expected)
        )
