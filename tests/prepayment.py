"""What the tests of prepaid fees in the books share."""

from datetime import date
from decimal import Decimal

from .common import TrtcCommon


class PrepaymentCommon(TrtcCommon):
    """An edition at 100 a month, and an account that defers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.deferred = cls.make_liability("TRTC1")
        cls.income = cls.company_data["default_account_revenue"]
        cls.company.trtc_deferred_account_id = cls.deferred
        cls.pricelist = cls.make_pricelist({}, base=cls.pricelist_usd)
        cls.set_price(100)
        cls.account.pricelist_id = cls.pricelist
        cls.accountant = cls.make_user("accountant")

    @classmethod
    def make_liability(cls, code, **vals):
        vals = {"name": code, "code": code, "account_type": "liability_current", **vals}
        return cls.env["account.account"].create(vals)

    @classmethod
    def set_price(cls, price, edition="pro", pricelist=None):
        vals = {
            "pricelist_id": (pricelist or cls.pricelist).id,
            "applied_on": "0_product_variant",
            "product_id": cls.edition(edition).fee_product_id.id,
            "compute_price": "fixed",
            "fixed_price": price,
            "min_quantity": 0,
        }
        return cls.env["product.pricelist.item"].create(vals)

    @classmethod
    def sell(cls, first, last, application=None, post=True):
        """Sell one term of the edition; return its fee, invoiced."""
        subscription = cls.subscribe(application or cls.application, "pro", first, last)
        cls.bill(first, post)
        return subscription.fee_ids

    @classmethod
    def bill(cls, day, post=True):
        """Make the invoices of what is due on a day, and post them."""
        move = cls.account.create_invoices(day)
        if post:
            move.invoice_date = day
            move.action_post()
        return move

    @classmethod
    def sell_pack(cls, minutes, amount, first, last, post=True):
        """Sell prepaid minutes to the account; return (fee, pack)."""
        product = cls.env.ref("trtc_billing.product_pack")
        days = date.fromisoformat(first), date.fromisoformat(last)
        vals = cls.account._prepare_fee("pack", product, Decimal(amount), *days)
        fee = cls.env["trtc.fee"].sudo().create(vals).sudo(False)
        pack = cls.make_pack(minutes, first, last, kind="prepaid")
        pack.sudo().fee_id = fee
        cls.bill(first, post)
        return fee, pack

    def draw(self, minutes, day, until=None):
        self.usage("av_audio", minutes, day, unit="min")
        self.settle(until or day)

    def propose(self, day, user=None, post=True):
        """Propose the entry of a period; return it, or none."""
        wizard = self.env["trtc.recognise"].with_user(user or self.accountant)
        action = wizard.create({"date": day}).action_propose()
        move = self.env["account.move"].browse(action.get("res_id", ()))
        if move and post:
            move.with_user(user or self.accountant).action_post()
        return move

    def preview(self, day):
        wizard = self.env["trtc.recognise"].with_user(self.accountant).create({"date": day})
        return [
            (line.fee_id, line.deferred, line.recognised, line.due, line.reason)
            for line in wizard.line_ids
        ]

    def recognised(self, fee=None):
        """Return what entries that are not cancelled recognise."""
        domain = [("state", "!=", "cancel")]
        if fee:
            domain.append(("fee_id", "=", fee.id))
        return round(sum(self.env["trtc.recognition"].search(domain).mapped("amount")), 6)

    def balance(self, account=None, day=None):
        """Return what posted entries leave on an account, credit positive."""
        account = account or self.deferred
        domain = [("account_id", "=", account.id), ("parent_state", "=", "posted")]
        if day:
            domain.append(("date", "<=", day))
        return round(-sum(self.env["account.move.line"].search(domain).mapped("balance")), 6) + 0.0

    def reverse(self, move, **vals):
        """Reverse a move with core's own button; return the reversal."""
        wizard = (
            self.env["account.move.reversal"]
            .with_user(self.accountant)
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, **vals})
        )
        return self.env["account.move"].browse(wizard.reverse_moves()["res_id"])
