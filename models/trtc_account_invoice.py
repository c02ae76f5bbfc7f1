from collections import defaultdict
from decimal import Decimal

from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import periods, prices
from .figures import show_figure, to_decimal

#: Kinds of fees that are paid before they are earned.
PREPAID = ("term", "upgrade", "pack")


class TrtcAccount(models.Model):
    # A room of its own: what an invoice and its lines say.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_invoice_partner(self):
        """Return the partner that invoices of this account are addressed to."""
        address = self._get_addressee().address_get(["invoice"])["invoice"]
        return self.env["res.partner"].browse(address)

    def _prepare_invoice(self, bill, move_type):
        """Return the values of an invoice, without its lines."""
        self.ensure_one()
        first, last = bill.period
        return {
            "move_type": move_type,
            "partner_id": self._get_invoice_partner().id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "invoice_user_id": self.user_id.id,
            "invoice_origin": self._get_invoice_origin(),
            "trtc_account_id": self.id,
            "trtc_date_from": first,
            "trtc_date_to": last,
            **self._prepare_invoice_choices(),
        }

    def _get_invoice_line_key(self, line, price, period):
        """Return what statement lines must share to be one invoice line.

        What belongs to an earlier period than the invoice's has a line of its own.
        """
        late = periods.period_of(line.date, self.invoice_cycle) != period
        return line.item_id, late, line.kind, price, self._get_line_place_key(line)

    def _prepare_invoice_lines(self, lines, period, sign):
        """Return [(values, statement lines)] of the invoice lines for a bill.

        One line per billing item and price; lines without an amount are left out.

        :param period: the invoicing period, (first day, last day)
        :param int sign: 1 for an invoice, -1 for a credit note
        """
        exact = lines._get_exact_amounts()
        groups = defaultdict(list)
        for line in lines:
            groups[self._get_invoice_line_key(line, exact[line.id][1], period)].append(line.id)
        prepared = []
        for ids in groups.values():
            found = lines.browse(ids).with_prefetch(lines.ids)
            item, kind = found[0].item_id, found[0].kind
            late = periods.period_of(found[0].date, self.invoice_cycle) != period
            quantity = sum(exact[line.id][0] for line in found)
            price = exact[found[0].id][1]
            if not (quantity and price):
                continue
            vals = self._prepare_invoice_line(found, late, sign * quantity, price)
            order = late, item.sequence, kind != "usage", price
            prepared.append((order, vals, found))
        prepared.sort(key=lambda one: one[0])
        return [(vals, found) for _order, vals, found in prepared]

    def _prepare_invoice_line(self, lines, late, quantity, price):
        """Return the values of one invoice line for statement lines."""
        item, kind = lines[0].item_id, lines[0].kind
        spans = [line._get_period() for line in lines]
        first = min(first for first, _last in spans)
        last = max(last for _first, last in spans)
        name = self._get_invoice_line_name(item, kind, late, first, last)
        figures = self._prepare_line_figures(
            item.uom_id, quantity, price, item.usage_uom_id, len(lines)
        )
        if figures["trtc_ratio"] and figures["product_uom_id"] == item.uom_id.id:
            translated = self.with_context(lang=self._get_customer_lang())
            name = translated.env["account.move.line"]._trtc_add_exact_note(
                name, item.uom_id, quantity, price, self.currency_id
            )
        return {
            "product_id": item.product_id.id,
            **figures,
            "name": name,
            "trtc_name": name,
            "trtc_item_id": item.id,
            "trtc_kind": kind,
            "trtc_is_late": late,
            "trtc_date_from": first,
            "trtc_date_to": last,
            **self._prepare_line_place(lines[0]),
        }

    def _prepare_line_figures(self, uom, quantity, price, usage_uom=None, count=1):
        """Return unit, quantity and price of an invoice line, such that Odoo keeps them whole.

        :param uom: the billing unit
        :param Decimal quantity: in billing units
        :param Decimal price: of one of them
        :param usage_uom: the unit that usage is metered in
        :param int count: how many statement lines add up to the quantity
        """
        return self.env["account.move.line"]._trtc_prepare_figures(
            uom, quantity, price, usage_uom, self.currency_id, count
        )

    def _prepare_fee_lines(self, fees, sign):
        """Return [(values, fee)] of the invoice lines for fees, one each.

        :param int sign: 1 for an invoice, -1 for a credit note
        """
        fees = fees.sorted(lambda fee: (fee.date_from, fee.id))
        return [(self._prepare_fee_line(fee, sign), fee) for fee in fees]

    def _prepare_fee_line(self, fee, sign):
        """Return the values of the invoice line of a fee, with its service period."""
        self = self.with_context(lang=self._get_customer_lang())
        parts = [
            fee.name,
            self.env._(
                "%(date_from)s to %(date_to)s",
                date_from=format_date(self.env, fee.date_from),
                date_to=format_date(self.env, fee.date_to),
            ),
        ]
        name = "\n".join([*parts, fee.explanation] if fee.explanation else parts)
        vals = {
            "product_id": fee.product_id.id,
            **self._prepare_line_figures(
                fee.uom_id, sign * to_decimal(fee.quantity), to_decimal(fee.price_unit)
            ),
            "name": name,
            "trtc_name": name,
            "trtc_fee_id": fee.id,
            "trtc_date_from": fee.date_from,
            "trtc_date_to": fee.date_to,
            **self._prepare_line_place(fee),
        }
        account = self._get_deferred_account(fee)
        return {**vals, "account_id": account.id} if account else vals

    def _get_deferred_account(self, fee):
        """Return the account that holds a prepaid fee until it is earned, or none.

        What comes back goes to the account that took it, the last time that it was billed.
        """
        taken = fee.refund_of_id.allocation_ids._filter_in_force()
        taken = taken.filtered(lambda row: row.kind == "bill").sorted("id")[-1:]
        if taken:
            return taken.move_line_id.account_id
        account = self.company_id.trtc_deferred_account_id
        if not account or (fee.refund_of_id or fee).kind not in PREPAID:
            return self.env["account.account"]
        partner = self._get_invoice_partner()
        delivery = partner.browse(partner.address_get(["delivery"])["delivery"])
        positions = self.env["account.fiscal.position"].with_company(self.company_id)
        return positions._get_fiscal_position(partner, delivery=delivery).map_account(account)

    def _get_invoice_line_name(self, item, kind, late, first, last):
        """Return the text of an invoice line, in the customer's language."""
        self = self.with_context(lang=self._get_customer_lang())
        name = item.with_env(self.env).name
        if kind == "robot":
            name = self.env._("%(item)s (robots of tasks)", item=name)
        if late:
            name = self.env._("From an earlier period: %(item)s", item=name)
        if first == last:
            return self.env._("%(item)s\n%(date)s", item=name, date=format_date(self.env, first))
        return self.env._(
            "%(item)s\n%(date_from)s to %(date_to)s",
            item=name,
            date_from=format_date(self.env, first),
            date_to=format_date(self.env, last),
        )

    def _prepare_rounding_line(self, difference, exact_total, like):
        """Return the values of the line that makes the total the exact one, rounded.

        :param float difference: what the other lines miss
        :param Decimal exact_total: the exact sum that the invoice bills
        :param like: the invoice line whose taxes and analytic distribution it shares
        """
        product = self.env.ref("trtc_billing.product_rounding", raise_if_not_found=False)
        if not product:
            raise UserError(
                self.env._(
                    "The product for rounding differences was deleted. Update the module "
                    "TRTC Billing to have it back."
                )
            )
        self = self.with_context(lang=self._get_customer_lang())
        return {
            "product_id": product.id,
            "quantity": 1.0,
            "price_unit": difference,
            "sequence": 9999,
            "trtc_is_rounding": True,
            "name": self.env._(
                "Rounding difference: exact total %(total)s",
                total=show_figure(self.env, exact_total),
            ),
            # No unit is billed here: what is due per unit is due elsewhere.
            "tax_ids": [Command.set(like.tax_ids._trtc_filter_shares(product).ids)],
            "trtc_distribution": like.analytic_distribution or False,
        }

    def _get_rounded_total(self, exact_total):
        """Return what an invoice over an exact amount must come to, untaxed."""
        rounding = Decimal(repr(self.currency_id.rounding))
        return prices.round_money(exact_total, rounding)
