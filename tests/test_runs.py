from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from odoo.addons.base.tests.test_ir_cron import CronMixinCase

from ..models.markers import PREVIEW
from ..wizard import trtc_run
from .schedule import ScheduleCase

#: Nothing of it changes by a preview.
BOOKS = (
    "trtc.statement",
    "trtc.statement.line",
    "trtc.settlement.note",
    "trtc.allocation",
    "trtc.fee",
    "trtc.pack.draw",
    "trtc.minute.pack",
    "trtc.billing.run",
    "account.move",
    "account.move.line",
    "mail.message",
    "mail.activity",
    "mail.mail",
    "ir.attachment",
    "ir.cron.trigger",
)


class RunCase(ScheduleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = cls.make_user("accountant")

    def wizard(self, accounts=None, until="2024-10-31", user=None):
        wizards = self.env["trtc.run"].with_user(user or self.accountant)
        ids = accounts.ids if accounts else []
        return wizards.create({"until": until, "account_ids": [Command.set(ids)]})


@tagged("post_install", "-at_install")
class TestRuns(RunCase):
    """What runs did is on record."""

    def test_nobody_knows_who_settled(self):
        accounts = self.make_accounts(2)
        self.wizard().action_invoice()
        run = self.runs()
        self.assertEqual(run.user_id, self.accountant)
        self.assertFalse(run.is_automatic)
        self.assertTrue(run.is_for_all)
        self.assertEqual((run.what, run.state), ("invoice", "done"))
        self.assertTrue(run.finished_at)
        self.assertEqual(run.line_ids.account_id, accounts)
        self.assertEqual(run.line_ids.statement_ids, self.lines(of=accounts).statement_id)
        self.assertEqual(run.line_ids.move_ids.trtc_account_id, accounts)
        self.assertEqual(run.line_ids.statement_ids.create_uid, self.accountant)

    def test_a_run_by_hand_that_finds_nothing_leaves_no_trace(self):
        action = self.wizard().action_settle()
        self.assertEqual(action["type"], "ir.actions.act_window")
        self.assertEqual((self.runs().state, self.runs().account_count), ("done", 0))

    def test_one_account_that_fails_stops_a_run_by_hand(self):
        accounts = self.make_accounts(2)
        with self.failing(accounts[0]):
            action = self.wizard().action_invoice()
        self.assertEqual(action["tag"], "display_notification")
        self.assertIn("No income account.", action["params"]["message"])
        self.assertEqual(action["params"]["next"]["res_model"], "account.move")
        self.assertEqual(self.lines(of=accounts).account_id, accounts[1])
        self.assertTrue(accounts[0].parked_since)

    def test_a_record_of_a_run_is_changed_or_deleted(self):
        self.make_accounts(1)
        self.wizard().action_settle()
        run = self.runs()
        for records in (run, run.line_ids):
            for user in (self.accountant, self.make_user("manager")):
                self.assertTrue(records.with_user(user).has_access("read"))
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(records.with_user(user).has_access(operation))
            for change in (lambda found: found.write({"state": "done"}), lambda f: f.unlink()):
                with self.assertRaisesRegex(UserError, "kept as it was"):
                    change(records.sudo())
        with self.assertRaisesRegex(UserError, "kept as it was"):
            run.sudo().copy()

    def test_who_may_not_bill_starts_or_reads_runs(self):
        for role in ("reader", "operator", "api_sender", "employee"):
            user = self.make_user(role)
            with self.assertRaises(AccessError):
                self.env["trtc.billing.run"].with_user(user).search([]).read()
            with self.assertRaises(AccessError):
                self.env["trtc.run"].with_user(user).create({"until": "2024-10-31"})

    def test_a_run_of_another_company_is_seen(self):
        self.make_accounts(1)
        self.wizard().action_settle()
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.make_user("accountant", company=other)
        runs = self.env["trtc.billing.run"].with_user(stranger)
        self.assertFalse(runs.search([("id", "=", self.runs().id)]))
        self.assertFalse(runs.line_ids.search([("run_id", "=", self.runs().id)]))
        with self.assertRaises(AccessError):
            runs.browse(self.runs().id).read(["until"])


@tagged("post_install", "-at_install")
class TestQueue(RunCase, CronMixinCase):
    """Many accounts are billed by the server, one by one."""

    def setUp(self):
        super().setUp()
        self.patch(trtc_run, "AT_ONCE", 2)
        self.accounts = self.make_accounts(3)

    def start(self, action="action_invoice"):
        with self.capture_triggers("trtc_billing.cron_billing_run") as triggers:
            opened = getattr(self.wizard(), action)()
        self.assertEqual(len(triggers.records), 1)
        return self.runs(), opened

    def test_many_accounts_are_billed_while_the_user_waits(self):
        run, opened = self.start()
        self.assertEqual((opened["res_model"], opened["res_id"]), (run._name, run.id))
        self.assertEqual((run.state, run.account_count, run.done_count), ("queued", 3, 0))
        self.assertFalse(self.lines(of=self.accounts))
        told = self.run_cron("work", "2024-11-10T08:00:00", time_left=[1, 1, 0])
        self.assertEqual(told, [3, -1, -1])
        self.assertEqual((run.state, run.done_count), ("running", 2))
        self.run_cron("work", "2024-11-10T08:00:00")
        self.assertEqual((run.state, run.done_count, run.failed_count), ("done", 3, 0))
        self.assertEqual(run.line_ids.move_ids.trtc_account_id, self.accounts)
        self.assertEqual(run.line_ids.statement_ids.create_uid, self.accountant)
        self.assertEqual(self.run_cron("work", "2024-11-10T09:00:00"), [])
        self.assert_books(*self.accounts)

    def test_each_account_of_a_queue_reads_all_the_others(self):
        self.accounts |= self.make_accounts(9)
        run, _opened = self.start("action_settle")
        first, second = run.line_ids[:2]
        first._work()
        self.env.flush_all()
        self.env.invalidate_all()
        second._work()
        read = self.env.cache.get_records(run.line_ids, run.line_ids._fields["state"])
        self.assertLess(len(read), len(run.line_ids))

    def test_two_accounts_are_queued(self):
        self.patch(trtc_run, "AT_ONCE", 3)
        with self.capture_triggers("trtc_billing.cron_billing_run") as triggers:
            self.wizard().action_settle()
        self.assertFalse(triggers.records)
        self.assertEqual(self.lines(of=self.accounts).account_id, self.accounts)

    def test_a_queued_run_stops_at_an_account_that_fails(self):
        run, _opened = self.start()
        with self.failing(self.accounts[1]):
            self.run_cron("work", "2024-11-10T08:00:00")
        self.assertEqual(run.line_ids.mapped("state"), ["done", "failed", "done"])
        self.assertTrue(self.accounts[1].parked_since)

    def test_a_queued_run_goes_on_for_a_user_who_has_left(self):
        run, _opened = self.start()
        self.accountant.group_ids = self.env.ref("trtc_billing.group_user")
        self.run_cron("work", "2024-11-10T08:00:00")
        self.assertEqual(set(run.line_ids.mapped("state")), {"failed"})
        self.assertIn("may not bill", run.line_ids[0].error)
        self.assertEqual(run.state, "done")
        self.assertFalse(self.lines(of=self.accounts))
        self.assertFalse(any(self.accounts.mapped("parked_since")))

    def test_two_companies_share_a_run(self):
        other = self.env["res.company"].create({"name": "Other"})
        application = self.make_application(self.make_account(company_id=other.id))
        self.env["trtc.usage"].with_company(other).ingest(
            [self.record("av_hd", 600, "2024-10-08", application)], "test"
        )
        self.accountant.company_ids |= other
        wizard = self.wizard().with_context(allowed_company_ids=(self.env.company | other).ids)
        wizard.action_settle()
        runs = self.env["trtc.billing.run"].search([])[:2]
        self.assertEqual(runs.company_id, self.env.company | other)
        self.run_cron("work", "2024-11-10T08:00:00")
        self.assertEqual(runs.mapped("state"), ["done", "done"])
        self.assertEqual(runs.line_ids.statement_ids.company_id, self.env.company | other)


@tagged("post_install", "-at_install")
class TestPreview(RunCase):
    """What would be settled and invoiced, without writing anything."""

    def preview(self, *args, **kwargs):
        wizard = self.wizard(*args, **kwargs)
        with self.enter_registry_test_mode():
            action = wizard.action_preview()
        self.assertEqual((action["res_model"], action["res_id"]), ("trtc.run", wizard.id))
        return wizard

    def books(self):
        self.env.flush_all()
        self.env.invalidate_all()
        counts = {model: self.env[model].sudo().search_count([]) for model in BOOKS}
        self.env.cr.execute(
            "SELECT id, billing_serial, parked_since, auto_settled_until, write_date "
            "FROM trtc_account ORDER BY id"
        )
        accounts = self.env.cr.fetchall()
        self.env.cr.execute("SELECT id, application_id, item_id FROM trtc_usage ORDER BY id")
        usage = self.env.cr.fetchall()
        self.env.cr.execute("SELECT id, number_next FROM ir_sequence ORDER BY id")
        return counts, accounts, usage, self.env.cr.fetchall()

    def test_a_preview_writes_something(self):
        """Three accounts: usage and an adjustment, an error, automatic posting."""
        accounts = self.make_accounts(3)
        accounts[2].auto_post = True
        self.settle("2024-10-05")
        self.usage("av_hd", 60_000, "2024-10-01", accounts[0].application_ids)
        self.usage("av_hd", 60_000, "2024-10-07", accounts[0].application_ids)
        self.usage("av_hd", 60_000, "2024-10-07", accounts[1].application_ids)
        self.usage("av_hd", 60_000, "2024-10-07", accounts[2].application_ids)
        unassigned = {**self.record("av_hd", 60, "2024-10-08"), "sdkappid": "1499999997"}
        self.ingest(unassigned)
        before = self.books()
        with self.failing(accounts[1]):
            wizard = self.preview()
        self.assertEqual(self.books(), before)
        self.assertEqual(wizard.line_ids.account_id, accounts)
        first, second, third = wizard.line_ids
        self.assertEqual((first.statement_count, first.adjustment_count), (1, 1))
        # The invoice is with taxes of 15 %.
        self.assertEqual((first.amount, first.amount_invoiced), (7.98, 13.77))
        self.assertIn("10/01/2024 to 10/31/2024", first.result)
        self.assertEqual((second.result, second.is_failed), ("No income account.", True))
        self.assertIn("9.18", third.result)
        self.assertEqual(wizard.unassigned_count, 1)

    def test_a_preview_tells_something_else_than_the_run(self):
        accounts = self.make_accounts(2)
        lines = self.preview().line_ids
        wizard = self.wizard()
        wizard.action_invoice()
        moves = self.env["account.move"].search([("trtc_account_id", "in", accounts.ids)])
        self.assertEqual(
            {line.account_id: line.amount_invoiced for line in lines},
            {move.trtc_account_id: move.amount_total for move in moves},
        )
        self.assertFalse(self.preview().line_ids)

    def test_a_preview_posts_or_sends(self):
        account = self.make_accounts(1)
        account.auto_post = True
        self.env.company.trtc_grace_days = 0
        states = []
        cls = self.registry["account.move"]
        original = cls.write
        self.patch(
            cls, "write", lambda *args: states.append(args[1].get("state")) or original(*args)
        )
        self.preview(account)
        self.assertNotIn("posted", states)
        self.wizard(account).action_invoice()
        self.assertIn("posted", states)
        with self.enter_registry_test_mode(), self.env.registry.cursor() as cr:
            moves = self.env(cr=cr, context={"trtc_preview": PREVIEW})["account.move"]
            self.assertFalse(moves._post())
            self.assertFalse(moves.action_post())

    def test_a_preview_keeps_quiet_about_a_held_account(self):
        account = self.make_accounts(1)
        with patch.object(self.registry["trtc.account"], "_lock_for_billing", lambda _a: False):
            line = self.preview(account).line_ids
        self.assertIn("Another run is at work", line.result)

    def test_usage_that_waits_for_a_decision_is_not_previewed(self):
        self.usage("screenshot_terminal", 30_000, "2024-10-20")
        line = self.preview().line_ids
        self.assertEqual((line.account_id, line.pending_count), (self.account, 1))

    def test_a_preview_of_everything_takes_for_ever(self):
        self.patch(trtc_run, "PREVIEWED", 2)
        self.make_accounts(3)
        wizard = self.preview()
        self.assertEqual((len(wizard.line_ids), wizard.left_out_count), (2, 1))

    def test_a_preview_of_days_to_come_promises_nothing(self):
        with self.assertRaisesRegex(UserError, "10/31/2099 is not over"):
            self.preview(until="2099-10-31")
        # Noon of the 28th in Shanghai.
        with freeze_time("2026-11-28 04:00:00"):
            with self.assertRaisesRegex(UserError, "Choose 11/27/2026 or an earlier day"):
                self.preview(until="2026-11-29")
            self.preview(until="2026-11-28")

    def test_a_manager_sees_the_dialog_of_another_user(self):
        wizard = self.preview(self.make_accounts(1))
        with self.assertRaises(AccessError):
            wizard.line_ids.with_user(self.make_user("manager")).read(["amount"])
