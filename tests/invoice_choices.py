"""Builders for the tests of what accounts choose for their invoices."""

from decimal import ROUND_HALF_UP, Decimal


class ChoicesMixin:
    """To be named before :class:`TrtcCommon`: two projects, journals, locks, mail."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plan = cls.env["account.analytic.plan"].create({"name": "Projects of customers"})
        cls.project_a, cls.project_b = cls.env["account.analytic.account"].create(
            [{"name": name, "plan_id": plan.id} for name in ("Calls", "Classrooms")]
        )

    @classmethod
    def make_journal(cls, code, **vals):
        return cls.env["account.journal"].create(
            {"name": f"Journal {code}", "code": code, "type": "sale", **vals}
        )

    @classmethod
    def sell_term(cls, start, end, price=100.0, edition="pro", **vals):
        """Let the application of the tests hold an edition whose monthly fee is billed."""
        cls.price_editions(cls.pricelist_usd, {edition: price})
        return cls.env["trtc.subscription"].create(
            {
                "application_id": cls.application.id,
                "edition_id": cls.edition(edition).id,
                "date_start": start,
                "date_end": end,
                "bill_fee": True,
                **vals,
            }
        )

    def rounded_total(self, *accounts):
        """Return what all statement lines of accounts come to, rounded to cents."""
        of = self.env["trtc.account"].union(*accounts) if accounts else self.account
        total = self.total("amount", of=of)
        return float(total.quantize(Decimal("0.01"), ROUND_HALF_UP))
