from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import SQL

from .common import TrtcCommon
from .prepayment import PrepaymentCommon

FIRST, LAST = date(2024, 10, 1), date(2024, 10, 31)


class CheckBooksCase(TrtcCommon):
    """Builders of checks of October 2024."""

    def check(self, accounts=None, user=None, first=FIRST, last=LAST, company=None):
        checks = self.env["trtc.books.check"].with_user(user or self.env.user)
        accounts = self.env["trtc.account"] if accounts is None else accounts
        company = company or self.env.company
        return checks._check_books(
            company.with_env(checks.env), first, last, accounts.with_env(checks.env)
        )

    def assert_right(self, check):
        self.assertEqual(check.difference_ids.mapped("message"), [])
        self.assertEqual(check.result, "right")
        self.assertFalse(check.difference_count)

    def assert_found(self, kinds, query, *values, expected=None, found=None, text="", **named):
        """Corrupt the books past the program; expect exactly these kinds of findings.

        Before and after, nothing differs.

        :param kinds: kinds of findings, each at least once; the first one is what is said
        """
        self.assert_right(self.check())
        self.env.flush_all()
        with self.env.cr.savepoint(flush=False) as savepoint:
            self.env.cr.execute(SQL(query, *values, **named))
            self.assertTrue(self.env.cr.rowcount, "nothing was corrupted")
            self.env.invalidate_all(flush=False)
            check = self.check()
            self.assertEqual(check.result, "differs")
            differences = check.difference_ids
            self.assertEqual(set(differences.mapped("kind")), set(kinds))
            first = differences.filtered(lambda one: one.kind == kinds[0])[:1]
            if expected is not None:
                self.assertEqual((first.expected, first.found), (expected, found))
            self.assertIn(text, first.message)
            for finding in differences:
                self.assertTrue(finding.to_do)
                action = finding.action_open_records()
                opened = self.env[action["res_model"]].search(action["domain"])
                self.assertTrue(opened or finding.kind == "gap", finding.message)
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        self.assert_right(self.check())


@tagged("post_install", "-at_install")
class TestCheckBooks(PrepaymentCommon, CheckBooksCase):
    """Each corruption past the program is found, named, and nothing else with it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pack = cls.make_pack(40, "2024-10-01", "2024-10-31")
        cls.usage("av_hd", 6000, "2024-10-01")
        cls.usage("av_hd", 600, "2024-10-02")
        cls.usage("rec_hd", 6000, "2024-10-03")
        cls.usage("relay_bandwidth", 700, "2024-10-01T12:00:00")
        cls.usage("relay_bandwidth", 900, "2024-10-01T12:05:00")
        cls.fee = cls.sell("2024-10-16", "2024-11-15")
        cls.move = cls.invoice("2024-10-31")
        cls.move.invoice_date = "2024-10-31"
        cls.move.action_post()
        cls.line = cls.lines(item="av_hd", day="2024-10-01")

    # === USAGE === #

    def test_usage_that_was_raised(self):
        self.assert_found(
            ["metered", "rating"],
            "UPDATE trtc_usage SET quantity = quantity + 1.5 WHERE id = %s",
            self.env["trtc.usage"].search([("item_id.code", "=", "rec_hd")]).id,
            expected="6,001.5",
            found="6,000",
            text="other usage than what is in force",
        )

    def test_usage_that_was_deleted(self):
        self.assert_found(
            ["metered", "rating"],
            "DELETE FROM trtc_usage WHERE date = '2024-10-02'",
            expected="0",
            found="600",
        )

    def test_usage_that_was_inserted(self):
        self.assert_found(
            ["metered", "rating"],
            """
            INSERT INTO trtc_usage (company_id, source, external_id, sdkappid, application_id,
                   account_id, item_code, item_id, quantity, date, start, state, fingerprint)
            SELECT company_id, source, 'forged', sdkappid, application_id,
                   account_id, item_code, item_id, quantity, date, start, state, fingerprint
              FROM trtc_usage WHERE date = '2024-10-03'
            """,
            expected="12,000",
            found="6,000",
        )

    def test_usage_that_was_taken_out_of_force(self):
        self.assert_found(
            ["metered", "rating"],
            "UPDATE trtc_usage SET state = 'superseded' WHERE date = '2024-10-03'",
            expected="0",
            found="6,000",
        )

    def test_usage_on_a_day_of_its_own_that_nobody_settles(self):
        self.assert_found(
            ["gap"],
            """
            INSERT INTO trtc_usage (company_id, source, external_id, sdkappid, application_id,
                   account_id, item_code, item_id, quantity, date, start, state, fingerprint)
            SELECT company_id, source, 'forged', sdkappid, application_id,
                   account_id, item_code, item_id, quantity, '2024-10-09', start, state,
                   fingerprint
              FROM trtc_usage WHERE date = '2024-10-03'
            """,
            expected="6,000",
            found="0",
            text="on no statement",
        )

    # === STATEMENTS === #

    def test_an_amount_that_was_raised(self):
        self.assert_found(
            ["parts", "statement", "rating", "billed"],
            "UPDATE trtc_statement_line SET amount = amount + 1 WHERE id = %s",
            self.line.id,
            text="not its billable quantity at its price",
        )

    def test_units_that_moved_to_the_free_ones(self):
        self.assert_found(
            ["parts", "rating", "billed"],
            """
            UPDATE trtc_statement_line
               SET free_quantity = 5, billable_quantity = billable_quantity - 5 WHERE id = %s
            """,
            self.line.id,
        )

    def test_a_metered_quantity_that_was_lowered(self):
        self.assert_found(
            ["metered", "rating"],
            "UPDATE trtc_statement_line SET metered_quantity = 60 WHERE id = %s",
            self.line.id,
            expected="6,000",
            found="60",
        )

    def test_a_line_that_was_doubled(self):
        self.assert_found(
            ["metered", "statement", "rating"],
            """
            INSERT INTO trtc_statement_line
                   (statement_id, account_id, company_id, currency_id, item_id, application_id,
                    date, status, kind, metered_quantity, quantity, free_quantity,
                    pack_quantity, locked_quantity, billable_quantity, price_unit, amount)
            SELECT statement_id, account_id, company_id, currency_id, item_id, application_id,
                   date, status, kind, metered_quantity, quantity, free_quantity,
                   pack_quantity, locked_quantity, billable_quantity, price_unit, amount
              FROM trtc_statement_line WHERE date = '2024-10-03'
            """,
            expected="6,000",
            found="12,000",
        )

    def test_a_line_that_was_moved_to_another_day(self):
        self.assert_found(
            ["misplaced", "metered", "rating"],
            "UPDATE trtc_statement_line SET date = '2024-10-02' WHERE date = '2024-10-03'",
        )

    def test_a_sum_of_a_statement_that_was_raised(self):
        self.assert_found(
            ["statement"],
            "UPDATE trtc_statement SET amount_untaxed = amount_untaxed + 1 WHERE id = %s",
            self.line.statement_id.id,
        )

    def test_a_statement_that_was_deleted_with_its_lines(self):
        statement = self.lines(item="rec_hd").statement_id
        self.env.flush_all()
        self.assert_found(
            ["gap", "invoice_line", "invoice_total"],
            """
            WITH rows AS (DELETE FROM trtc_allocation WHERE statement_id = %(id)s),
                 lines AS (DELETE FROM trtc_statement_line WHERE statement_id = %(id)s)
            DELETE FROM trtc_statement WHERE id = %(id)s
            """.replace("%(id)s", str(statement.id)),
        )

    # === MINUTES === #

    def test_a_draw_that_was_lowered(self):
        self.assert_found(
            ["drawn", "minutes", "rating"],
            "UPDATE trtc_pack_draw SET units = units - 1, minutes = minutes - 1",
        )

    def test_a_draw_that_was_deleted(self):
        self.assert_found(["drawn", "minutes", "rating"], "DELETE FROM trtc_pack_draw")

    def test_a_pack_that_was_made_smaller(self):
        self.env.flush_all()
        self.env.cr.execute(
            "ALTER TABLE trtc_minute_pack DROP CONSTRAINT IF EXISTS trtc_minute_pack_not_overdrawn"
        )
        self.assert_found(
            ["minutes", "rating"],
            "UPDATE trtc_minute_pack SET minutes = 10, minutes_drawn = 10",
            expected="10",
            found="40",
            text="more minutes than the pack holds",
        )

    def test_a_balance_that_was_typed_over(self):
        self.assert_found(
            ["minutes"],
            "UPDATE trtc_minute_pack SET minutes_drawn = 5",
            expected="40",
            found="5",
            text="other minutes drawn",
        )

    # === INVOICES === #

    def test_a_ledger_row_that_was_deleted(self):
        self.assert_found(
            ["invoice_line", "invoice_total"],
            "DELETE FROM trtc_allocation WHERE statement_line_id = %s",
            self.line.id,
        )

    def test_a_ledger_row_that_was_raised(self):
        self.assert_found(
            ["billed", "invoice_line", "invoice_total"],
            "UPDATE trtc_allocation SET amount = amount + 1 WHERE statement_line_id = %s",
            self.line.id,
        )

    def test_a_ledger_row_that_was_released(self):
        self.assert_found(
            ["released", "invoice_line", "invoice_total"],
            "UPDATE trtc_allocation SET released = true WHERE statement_line_id = %s",
            self.line.id,
        )

    def test_a_line_that_was_billed_twice(self):
        self.env.flush_all()
        self.env.cr.execute("DROP INDEX trtc_allocation_once")
        self.assert_found(
            ["billed", "invoice_line", "invoice_total"],
            """
            INSERT INTO trtc_allocation (kind, statement_line_id, statement_id, account_id,
                   company_id, move_id, move_line_id, quantity, amount)
            SELECT kind, statement_line_id, statement_id, account_id,
                   company_id, move_id, move_line_id, quantity, amount
              FROM trtc_allocation WHERE statement_line_id = %s
            """,
            self.line.id,
            text="billed 2 times",
        )

    def test_a_credited_quantity_that_was_typed_over(self):
        self.assert_found(
            ["credited"],
            "UPDATE trtc_allocation SET credited_quantity = 1 WHERE statement_line_id = %s",
            self.line.id,
        )

    def test_an_invoice_line_that_was_raised(self):
        self.assert_found(
            ["invoice_line"],
            "UPDATE account_move_line SET quantity = quantity + 1 WHERE id = %s",
            self.line.invoice_line_ids.id,
            text=self.line.invoice_line_ids.name.split("\n")[0],
        )

    def test_a_price_that_was_raised_on_an_invoice(self):
        self.assert_found(
            ["invoice_line"],
            "UPDATE account_move_line SET price_unit = 0.25 WHERE id = %s",
            self.line.invoice_line_ids.id,
            text=" units at a price of 0.25 come to ",
        )

    def test_a_document_that_was_handed_to_another_customer(self):
        self.assert_found(
            ["customer"],
            """
            UPDATE account_move SET partner_id = %(other)s, commercial_partner_id = %(other)s
             WHERE id = %(move)s
            """,
            other=self.partner_b.id,
            move=self.move.id,
            expected=self.customer.display_name,
            found=self.partner_b.display_name,
            text=self.move.name,
        )

    def test_a_customer_that_belongs_to_another_company_is_no_difference(self):
        self.customer.parent_id = self.partner_b
        self.env.invalidate_all()
        self.assert_right(self.check())

    def test_a_total_that_was_raised_by_a_cent(self):
        self.assert_found(
            ["invoice_total"],
            "UPDATE account_move SET amount_untaxed = amount_untaxed + 0.01 WHERE id = %s",
            self.move.id,
            text=self.move.name,
        )

    def test_a_fee_that_was_lowered(self):
        self.assert_found(
            ["billed"],
            "UPDATE trtc_fee SET amount = 99 WHERE id = %s",
            self.fee.id,
            expected="99",
            found="100",
            text="Pro",
        )

    # === WHAT IS NO DIFFERENCE === #

    def test_what_waits_is_a_remark(self):
        self.usage("av_hd", 600, "2024-10-05")
        self.usage("screenshot_terminal", 30000, "2024-10-05")
        self.ingest(
            self.record("av_hd", 60, "2024-10-05", sdkappid="1499999999"),
            self.record("unheard_of", 60, "2024-10-05"),
        )
        check = self.check()
        self.assert_right(check)
        self.assertEqual(set(check.information_ids.mapped("kind")), {"waiting"})
        self.assertEqual(check.information_count, 3)
        self.settle("2024-10-31")
        check = self.check()
        self.assert_right(check)
        self.assertEqual(len(check.information_ids), 3)  # one of them is locked usage
        self.assertIn("Locked", " ".join(check.information_ids.mapped("message")))
        for remark in check.information_ids:
            action = remark.action_open_records()
            self.assertTrue(self.env[action["res_model"]].search(action["domain"]))

    def test_late_usage_before_days_that_share_minutes(self):
        """It will move minutes between days: nothing is wrong before it is settled."""
        self.usage("av_hd", 600, "2024-10-01")
        self.assert_right(self.check())
        self.settle("2024-10-31")
        self.assert_right(self.check())

    def test_adjustments_and_credit_notes_are_right(self):
        self.usage("av_hd", 660, "2024-10-02")
        self.settle("2024-10-31")
        self.assert_right(self.check())
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.move.ids
        )
        wizard = wizard.create({"journal_id": self.move.journal_id.id, "date": "2024-10-31"})
        wizard.reverse_moves()
        self.assert_right(self.check())
        self.move.reversal_move_ids.action_post()
        self.assert_right(self.check())
        again = self.invoice("2024-10-31")
        again.action_post()
        self.assert_right(self.check())

    def test_an_invoice_that_was_cancelled_is_right(self):
        self.move.button_draft()
        self.move.button_cancel()
        self.assert_right(self.check())

    def test_a_line_added_by_hand_and_one_changed_by_hand(self):
        self.usage("av_hd", 6000, "2024-11-01")
        move = self.invoice("2024-11-30")
        move.invoice_line_ids[:1].price_unit *= 0.5
        move.write(
            {"invoice_line_ids": [(0, 0, {"name": "Work", "quantity": 3, "price_unit": 33.335})]}
        )
        move.action_post()
        check = self.check(first=date(2024, 11, 1), last=date(2024, 11, 30))
        self.assert_right(check)
        self.assertEqual(check.information_ids.mapped("kind"), ["by_hand"])
        self.assertIn("by 99.8", check.information_ids.message)

    # === THE REPORT === #

    def test_the_report_says_who_when_and_what(self):
        accountant = self.make_user("accountant")
        with freeze_time("2024-11-05 03:00:00"):
            check = self.check(self.account, accountant)
        self.assertEqual(check.create_uid, accountant)
        self.assertEqual(check.account_ids, self.account)
        self.assertEqual((check.date_from, check.date_to), (FIRST, LAST))
        self.assertEqual(check.usage_count, 5)
        self.assertEqual(check.line_count, 4)
        self.assertEqual(check.fee_count, 1)
        self.assertEqual(check.account_count, 1)
        self.assertGreaterEqual(check.move_count, 1)

    def test_nothing_but_the_report_is_written(self):
        """Rating grants free minutes where it needs them: not here."""
        self.account.write(
            {
                "free_policy_id": self.env.ref("trtc_billing.free_policy_2023").id,
                "free_from": "2024-10-01",
            }
        )
        self.settle("2024-10-31")
        self.env.flush_all()
        tables = [
            name
            for (name,) in self.env.execute_query(
                SQL(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                    " AND (tablename LIKE 'trtc%%' OR tablename LIKE 'account_move%%')"
                    " AND tablename NOT LIKE 'trtc_books%%'"
                )
            )
        ]
        self.assertGreater(len(tables), 20)

        def snapshot():
            self.env.flush_all()
            return {
                table: self.env.execute_query(
                    SQL("SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM %s t",
                        SQL.identifier(table))
                )
                for table in tables
            }  # fmt: skip

        before = snapshot()
        self.check()
        self.assertEqual(snapshot(), before)

    def test_the_report_is_changed_or_deleted(self):
        check = self.check()
        self.usage("av_hd", 600, "2024-10-05")
        check |= self.check()
        for records in (check, check.finding_ids):
            self.assertTrue(records)
            for record in records.sudo():
                with self.assertRaisesRegex(UserError, "stays as it was made"):
                    record.write({"company_id": record.company_id.id})
                with self.assertRaisesRegex(UserError, "stays as it was made"):
                    record.with_context(_force_unlink=True).unlink()
        with self.assertRaisesRegex(UserError, "stays as it was made"):
            self.env["trtc.books.check"].sudo().create({"result": "right"})

    def test_the_dialog_opens_the_report(self):
        accountant = self.make_user("accountant")
        with freeze_time("2024-11-05 03:00:00"):
            wizard = self.env["trtc.check.books"].with_user(accountant).create({})
            self.assertEqual((wizard.date_from, wizard.date_to), (FIRST, LAST))
            action = wizard.action_check()
        check = self.env["trtc.books.check"].browse(action["res_id"])
        self.assert_right(check.with_user(accountant))
        check.with_user(accountant).finding_ids.read()

    def test_a_period_or_accounts_that_make_no_sense(self):
        with self.assertRaisesRegex(UserError, "ends before it starts"):
            self.check(first=LAST, last=FIRST)
        other = self.setup_other_company(name="Other")["company"]
        self.env.user.company_ids += other
        theirs = self.make_account(company_id=other.id)
        with self.assertRaisesRegex(UserError, "another company"):
            self.check(theirs)

    def test_the_check_takes_the_same_queries_for_more_rows(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.env["trtc.books.check"].sudo()._get_findings(self.account, FIRST, LAST)
            return self.env.cr.sql_log_count - before

        count()
        few = count()
        for _time in range(20):
            application = self.make_application()
            for day in range(1, 4):
                self.usage("av_hd", 600, f"2024-10-{day:02}", application)
                self.usage("rec_hd", 600, f"2024-10-{day:02}", application)
        self.settle("2024-10-31")
        self.assertLessEqual(count(), few)


@tagged("post_install", "-at_install")
class TestCheckBooksAccess(CheckBooksCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.theirs = cls.setup_other_company(name="Theirs")["company"]
        cls.usage("av_hd", 600, "2024-10-01")
        cls.settle("2024-10-31")
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE trtc_usage SET quantity = 601")
        cls.env.invalidate_all()

    def test_only_an_accountant_checks(self):
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self.check(user=getattr(self, f"user_{role}"))
        check = self.check(user=self.user_accountant)
        self.assertEqual(check.result, "differs")
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                check.with_user(getattr(self, f"user_{role}")).read(["result"])

    def test_what_belongs_to_another_company_is_not_shown(self):
        self.check()
        accountant = self.make_user("accountant", self.theirs)
        for model in ("trtc.books.check", "trtc.books.finding"):
            self.assertFalse(self.env[model].with_user(accountant).search([]))
        with self.assertRaises(UserError):
            self.check(user=accountant, company=self.account.company_id)
        with self.assertRaises(AccessError):
            self.check(self.account, user=accountant, company=self.theirs)
        check = self.check(user=accountant, company=self.theirs)
        self.assert_right(check)
        self.assertFalse(check.finding_ids)

    def test_a_finding_opens_what_the_accountant_may_see(self):
        check = self.check(user=self.user_accountant)
        for finding in check.finding_ids:
            action = finding.action_open_records()
            found = self.env[action["res_model"]].with_user(self.user_accountant)
            self.assertTrue(found.search(action["domain"]).read(["display_name"]))

    def run_cron(self):
        """Return the reports that the cron made."""
        checks = self.env["trtc.books.check"]
        known = checks.search([])
        self.env.flush_all()
        with freeze_time("2024-11-02 03:00:00"), self.enter_registry_test_mode():
            self.env.ref("trtc_billing.cron_check_books").method_direct_trigger()
        self.env.invalidate_all()
        return checks.search([]) - known

    def test_the_schedule_tells_an_accountant_what_differs(self):
        self.assertFalse(self.env.ref("trtc_billing.cron_check_books").active)
        self.check(user=self.user_accountant)
        made = self.run_cron()
        self.assertEqual(made.company_id, self.account.company_id)
        self.assertEqual((made.date_from, made.date_to), (FIRST, LAST))
        self.assertTrue(made.is_automatic)
        told = made.with_user(self.user_accountant).activity_user_id
        self.assertEqual(told, self.user_accountant)
        self.env.cr.execute("UPDATE trtc_usage SET quantity = 600")
        self.env.invalidate_all()
        made = self.run_cron()
        self.assert_right(made)
        self.assertFalse(made.with_user(self.user_accountant).activity_ids)
