from odoo.tests import HttpCase, new_test_user, tagged


@tagged("post_install", "-at_install")
class TestFirstCustomer(HttpCase):
    """A new customer, in a browser: nothing is prepared but the database and the users."""

    def _start(self, role):
        # A tour logs in with the login as password.
        login = f"first_{role}"
        new_test_user(
            self.env,
            login=login,
            password=login,
            groups=f"trtc_billing.group_{role}",
            company_id=self.env.ref("base.main_company").id,
        )
        self.start_tour("/odoo", f"trtc_first_customer_{role}", login=login, timeout=180)

    def test_a_first_customer_is_billed_through_the_browser(self):
        """The suite was green while New on accounts raised for everyone."""
        self._start("manager")
        account = self.env["trtc.account"].search([("uin", "=", "100012345678")])
        self.assertEqual(account.partner_id.name, "First Customer")
        self.assertEqual(account.application_ids.sdkappid, "1400000123")
        self.assertEqual(account.application_ids.subscription_ids.edition_id.code, "lite")
        self._start("operator")
        usage = self.env["trtc.usage"].search([("account_id", "=", account.id)])
        self.assertEqual(usage.mapped("quantity"), [22_000, 600_000])
        self._start("accountant")
        move = self.env["account.move"].search([("trtc_account_id", "=", account.id)])
        self.assertEqual(move.state, "posted")
        usage_lines = move.invoice_line_ids.filtered("trtc_item_id")
        amounts = {line.trtc_item_id.code: line.price_subtotal for line in usage_lines}
        # 10,000 minutes at the contract's price; 12 of 22 thousand sheets by the price list.
        self.assertEqual(amounts, {"av_hd": 35.0, "screenshot_terminal": 0.36})
