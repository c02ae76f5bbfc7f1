from odoo import fields, models
from odoo.tools import format_date


class ResCompany(models.Model):
    # A room of its own: rates of exchange, and which one a credit note takes.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_credit_rate = fields.Selection(
        [
            ("date", "The rate on the date of the credit note"),
            ("original", "The rate of the invoice that it credits"),
        ],
        string="TRTC Credit Note Rate",
        required=True,
        default="date",
        help="Which rate of exchange a credit note of TRTC usage has, where it is in another "
        "currency than the books. At the rate of the invoice, a full credit leaves no exchange "
        "difference.",
    )

    # === BUSINESS === #

    def _trtc_get_missing_rate(self, currency, day):
        """Return the currency that has no rate of exchange on a day, or an empty recordset.

        Odoo would take the oldest later rate then, or 1, and say nothing.

        :param currency: the currency to convert from or into that of the books
        """
        self.ensure_one()
        none = self.env["res.currency"]
        if not currency or currency == self.currency_id:
            return none
        if not self._trtc_has_rate(currency, day):
            return currency
        # The one that all rates are stated in needs none.
        own = self.currency_id
        if self._trtc_has_rate(own) and not self._trtc_has_rate(own, day):
            return own
        return none

    def _trtc_has_rate(self, currency, day=None):
        """Tell whether a currency has a rate that is valid on a day, or any at all."""
        domain = [
            ("currency_id", "=", currency.id),
            ("company_id", "in", (False, self.root_id.id)),
        ]
        if day:
            domain.append(("name", "<=", day))
        return bool(self.env["res.currency.rate"].sudo().search_count(domain, limit=1))

    def _trtc_show_missing_rate(self, currency, day=None):
        """Return a sentence about a currency without a rate, and what to do.

        :param day: the day of the rate; none: the day of issue, whichever it will be
        """
        values = {"currency": currency.name, "company": self.display_name}
        if not day:
            return self.env._(
                "%(currency)s has no exchange rate yet in %(company)s. Enter it under Accounting / "
                "Configuration / Currencies.",
                **values,
            )
        return self.env._(
            "%(currency)s has no exchange rate on or before %(date)s in %(company)s. Enter it "
            "under Accounting / Configuration / Currencies.",
            date=format_date(self.env, day),
            **values,
        )
