from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ..rating import periods, prices
from .figures import show_money


class TrtcAccount(models.Model):
    # A room of its own: what is billed besides usage.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    commitment_hint = fields.Text(compute="_compute_commitment_hint")

    # === COMPUTE === #

    @api.depends("commitment_ids.hint")
    def _compute_commitment_hint(self):
        for account in self:
            account.commitment_hint = "\n".join(filter(None, account.commitment_ids.mapped("hint")))

    # === BUSINESS === #

    def _get_fee_limit(self, until):
        """Return the day until which terms are opened by a run.

        Fees are billed in advance: the run until the end of a period also bills the term
        that begins on the next day. What begins later than today waits.
        """
        self.ensure_one()
        return min(periods.next_day(until), self.company_id._trtc_today())

    def _filter_with_fees_due(self, until):
        """Return those accounts that may have a term to open or a commitment to settle."""
        self.env["trtc.subscription"].flush_model()
        self.env["trtc.fee"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT subscription.account_id
                  FROM trtc_subscription subscription
                  JOIN trtc_edition edition ON edition.id = subscription.edition_id
             LEFT JOIN LATERAL (
                       SELECT max(date_to) AS day FROM trtc_fee
                        WHERE subscription_id = subscription.id AND kind IN ('term', 'upgrade')
                       ) paid ON TRUE
                 WHERE subscription.account_id = ANY(%(accounts)s)
                   AND subscription.bill_fee AND subscription.refunded IS NOT TRUE
                   AND edition.fee_product_id IS NOT NULL
                   AND coalesce(paid.day + 1, subscription.date_start)
                       <= LEAST(%(limit)s, subscription.date_end)
                 UNION
                SELECT account_id FROM trtc_commitment
                 WHERE account_id = ANY(%(accounts)s) AND date_start <= %(limit)s
                """,
                accounts=self.ids,
                limit=periods.next_day(until),
            )
        )
        return self.browse(sorted(account_id for (account_id,) in rows))

    def _open_terms(self, until):
        """Make the fees and packs of the terms that begin until a day, the oldest first."""
        self.ensure_one()
        limit = self._get_fee_limit(min(until, self.company_id._trtc_last_ended_day()))
        subscriptions = self.env["trtc.subscription"].search(
            [("account_id", "=", self.id), ("bill_fee", "=", True), ("date_start", "<=", limit)],
            order="date_start, id",
        )
        for subscription in subscriptions.filtered("edition_id.fee_product_id"):
            subscription._open_terms(limit)

    def _get_fee_price(self, product, day, quantity=Decimal(1)):
        """Return the price of one unit of a product for so many of them, or None.

        :param Decimal quantity: in units of the product; decides the step that holds
        """
        self.ensure_one()
        pricelist = self._get_pricelist(day).with_company(self.company_id)
        return pricelist._trtc_get_price(product, quantity, day)

    def _get_edition_price(self, edition, day):
        """Return the list price of a month of an edition on a day, rounded, or None."""
        if not edition.fee_product_id:
            return None
        price = self._get_fee_price(edition.fee_product_id, day)
        return None if price is None else self._round_fee(price)

    def _prepare_fee(self, kind, product, amount, first, last, **vals):
        """Return the values of a fee of one unit.

        :param Decimal amount: in the currency of the account, without taxes
        :param date first: first day of the service period
        :param date last: last day of the service period
        """
        return {
            "account_id": self.id,
            "kind": kind,
            "name": product.display_name,
            "product_id": product.id,
            "uom_id": product.uom_id.id,
            "quantity": Decimal(1),
            "price_unit": amount,
            "list_amount": amount,
            "amount": amount,
            "currency_id": self.currency_id.id,
            "date": first,
            "date_from": first,
            "date_to": last,
            **vals,
        }

    def _round_fee(self, amount):
        """Return an agreed price: an exact amount rounded half up to the currency."""
        return prices.round_money(amount, Decimal(repr(self.currency_id.rounding)))

    # === COMMITMENT === #

    def _settle_commitments(self, until):
        """Make up for what the usage of whole months misses of the agreed minimum.

        Cumulative: what is charged for a month is what it misses now, minus what was
        charged for it before; usage that comes late is thereby given back.
        """
        self.ensure_one()
        commitments = self.commitment_ids
        limit = periods.last_ended(until, periods.MONTH)
        vals_list = []
        for commitment in commitments:
            end = min(commitment.date_end or limit, limit)
            if commitment.date_start > end:
                continue
            used = self._get_usage_by_month(commitment.date_start, end)
            charged = commitment._get_charged_by_month()
            for first in periods.months_of((commitment.date_start, end)):
                usage, before = used.get(first, Decimal(0)), charged.get(first, Decimal(0))
                if self._get_true_up(commitment, usage) != before:
                    vals_list.append(self._prepare_true_up(commitment, first, usage, before))
        return self.env["trtc.fee"].create(vals_list)

    def _get_true_up(self, commitment, used):
        """Return what a month misses of a commitment, as a Decimal.

        Usage at its prices counts, fees do not.
        """
        return max(Decimal(repr(commitment.amount)) - used, Decimal(0))

    def _get_usage_by_month(self, first, last):
        """Return {first day of a month: exact amount of its settled usage}."""
        self.env["trtc.statement.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT date_trunc('month', date)::date, sum(amount)::text
                  FROM trtc_statement_line
                 WHERE account_id = %s AND date BETWEEN %s AND %s
                 GROUP BY 1
                """,
                self.id,
                first,
                last,
            )
        )
        return {month: Decimal(amount) for month, amount in rows}

    def _prepare_true_up(self, commitment, first, used, charged):
        """Return the values of the fee that makes up for a month.

        :param date first: first day of the month
        :param Decimal used: exact amount of its usage
        :param Decimal charged: what was charged for the month before
        """
        last = periods.period_of(first, periods.MONTH)[1]
        self = self.with_context(lang=self._get_customer_lang(last))
        product = self.env.ref("trtc_billing.product_commitment")
        month = format_date(self.env, first, date_format="MMMM yyyy")
        name = self.env._("Minimum commitment, %(month)s", month=month)
        if charged:
            name = self.env._("Minimum commitment, %(month)s: correction", month=month)
        missing = self._get_true_up(commitment, used)
        return self._prepare_fee(
            "commitment",
            product,
            missing - charged,
            first,
            last,
            name=name,
            date=last,
            commitment_id=commitment.id,
            explanation=self._describe_true_up(commitment, used, missing, charged),
        )

    def _describe_true_up(self, commitment, used, missing, charged):
        """Return in words, with all decimals, how the amount of a true-up comes to be."""
        agreed = Decimal(repr(commitment.amount))
        figures = {
            "minimum": agreed,
            "used": used,
            "missing": missing,
            "charged": charged,
            "difference": missing - charged,
        }
        parts = {name: show_money(self.env, one, self.currency_id) for name, one in figures.items()}
        if agreed - used == missing:
            text = self.env._("Agreed minimum %(minimum)s - usage %(used)s = %(missing)s", **parts)
        else:
            text = self.env._(
                "Agreed minimum %(minimum)s, usage %(used)s: %(missing)s missing", **parts
            )
        if not charged:
            return text
        return self.env._(
            "%(text)s; charged before %(charged)s, so %(missing)s - %(charged)s = %(difference)s",
            text=text,
            **parts,
        )
