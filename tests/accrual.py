"""What the tests of accruals share."""

from contextlib import contextmanager
from decimal import Decimal

from odoo import fields
from odoo.exceptions import UserError

from .common import TrtcCommon


class AccrualCommon(TrtcCommon):
    """Audio at 1 a minute, and a company that accrues."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.accrued = cls.make_ledger_account("TRTCA")
        cls.company.trtc_accrued_account_id = cls.accrued
        cls.income = cls.company_data["default_account_revenue"]
        cls.pricelist = cls.make_pricelist({"av_audio": 1}, base=cls.pricelist_usd)
        cls.account.pricelist_id = cls.pricelist
        cls.accountant = cls.make_user("accountant")

    @classmethod
    def make_ledger_account(cls, code, kind="asset_current", **vals):
        vals = {"name": code, "code": code, "account_type": kind, **vals}
        return cls.env["account.account"].create(vals)

    @classmethod
    def use(cls, minutes, day, application=None, item="av_audio"):
        """Let an application use so many minutes on a day; return the usage."""
        return cls.usage(item, minutes, day, application, unit="min")

    @classmethod
    def bill(cls, until, dated=None, account=None, post=True):
        """Settle and invoice an account; post its invoices with a date."""
        moves = cls.invoice(until, account or cls.account)
        if post:
            moves.invoice_date = dated or until
            moves.action_post()
        return moves

    def propose(self, day, post=True, user=None):
        """Propose the accruals of a day; return them."""
        wizard = self.env["trtc.accrue"].with_user(user or self.accountant)
        before = self.env["trtc.accrual"].search([])
        wizard.create({"date": day}).action_propose()
        accruals = self.env["trtc.accrual"].search([]) - before
        if post:
            for accrual in accruals:
                accrual.with_user(user or self.accountant).action_post()
        return accruals

    def unbilled(self, day, account=None):
        """Return {kind: exact amount} of what an accrual of a day would hold."""
        sums = {}
        for one in (account or self.account)._get_unbilled(self.date(day)):
            sums[one.kind] = sums.get(one.kind, Decimal(0)) + one.amount
        return {kind: amount for kind, amount in sums.items() if amount}

    @contextmanager
    def refused(self, text, error=UserError):
        """Expect a refusal that says something, and undo what was done until then."""
        with self.assertRaises(error) as caught:
            yield
        self.assertIn(text, str(caught.exception))

    @staticmethod
    def date(day):
        return fields.Date.to_date(day)

    def revenue(self, day=None, account=None):
        """Return what posted entries leave on the income account, credit positive."""
        domain = [
            ("account_id", "=", (account or self.income).id),
            ("parent_state", "=", "posted"),
            ("company_id", "=", self.env.company.id),
        ]
        if day:
            domain.append(("date", "<=", day))
        lines = self.env["account.move.line"].search(domain)
        return round(-sum(lines.mapped("balance")), 6) + 0.0

    def reconcile(self, day, account=None, user=None):
        """Return the figures of an account, as {field: figure}, after a look at the sum."""
        wizard = self.env["trtc.reconcile"].with_user(user or self.accountant)
        wizard = wizard.create({"date": day})
        wizard.action_open()
        line = wizard.line_ids.filtered(lambda one: one.account_id == (account or self.account))
        names = (
            "settled", "unsettled", "fees", "invoiced", "rounding", "accrued", "later",
            "goodwill", "by_hand", "difference",
        )  # fmt: skip
        return {name: line[name] for name in names if line[name]}
