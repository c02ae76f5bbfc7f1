from collections import defaultdict
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import periods, prices
from .figures import show_figure

#: Kinds of fees that are paid before they are earned.
PREPAID = ("term", "upgrade", "pack")

#: Of an invoice of fees alone: each fee says its service period itself.
NO_PERIOD = (False, False)


class Bill(NamedTuple):
    """One invoice to be: an account, an invoicing period, statement lines and fees.

    Fees alone have no invoicing period: :data:`NO_PERIOD`.
    ``draft`` is the invoice to refresh, or an empty recordset.
    """

    account: object
    period: tuple
    lines: object
    fees: object
    draft: object


class TrtcAccount(models.Model):
    # A room of its own: from statements to invoices.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def create_invoices(self, until):
        """Create draft invoices for the invoicing periods that ended on ``until``.

        One draft per account and invoicing period, from settled statement lines that
        no invoice holds.  A draft of the period that nobody changed is refreshed.
        Fees of terms that begin until the day after ``until`` go along with the newest
        of them; without any they have an invoice of their own, in advance.
        Adjustments of a period that is invoiced already go to the oldest open one; they
        wait while ``until`` lies in the middle of the next period.
        An account that another run holds is left to that run.

        :param until: date or ISO string; periods that ended on or before it
        :return: the ``account.move`` records created or refreshed
        :raise AccessError: for a user who may not invoice
        """
        until = fields.Date.to_date(until)
        accounts = self._get_accounts_to_bill().sudo()
        by_company, errors = defaultdict(list), []
        with_fees = accounts._filter_with_fees_due(until)
        for account in (accounts._filter_uninvoiced() | with_fees).sorted("id"):
            if account._lock_for_billing():
                account = account.with_company(account.company_id)
                known = len(errors)
                if account in with_fees:
                    account._attempt(errors, partial(account._open_terms, until))
                if len(errors) == known:
                    by_company[account.company_id] += account._get_bills(until)
        moves = self.env["account.move"].sudo()
        for company, bills in by_company.items():
            created, failed = moves.with_company(company)._trtc_invoice(bills)
            moves |= created
            errors += failed
        if errors and len(accounts) == 1:
            raise errors[0]
        moves.filtered("trtc_account_id.auto_post")._trtc_auto_post()
        self.env["trtc.statement.line"].invalidate_model(["is_to_invoice"])
        self.env["trtc.statement"].invalidate_model(["state", "move_ids"])
        return self.env["account.move"].browse(moves.ids)

    def _filter_uninvoiced(self):
        """Return those accounts that have statement lines or fees to invoice."""
        domain = [("account_id", "in", self.ids), ("is_to_invoice", "=", True)]
        found = self.browse()
        for model in ("trtc.statement.line", "trtc.fee"):
            groups = self.env[model]._read_group(domain, ["account_id"])
            found |= self.browse(account.id for (account,) in groups)
        return found

    def _get_bills(self, until):
        """Return the bills that are due for this locked account, oldest first."""
        until = min(until, self.company_id._trtc_last_ended_day())
        limit = periods.last_ended(until, self.invoice_cycle)
        lines = self.env["trtc.statement.line"].search(self._get_due_domain(limit))
        by_period = lines.grouped(
            lambda line: periods.period_of(line.date, self.invoice_cycle)
        )
        closed = self._get_closed_periods(by_period)
        late = lines.browse().union(*(by_period.pop(period) for period in closed))
        target = late and self._get_period_for_late_usage(by_period, until)
        if target:
            by_period[target] = by_period.get(target, lines.browse()) | late
        fees = self._get_due_fees(until)
        newest = max(by_period, default=None)
        bills, carried = [], lines.browse()
        for period, found in sorted(by_period.items()):
            draft = self._get_refreshable_draft(period)
            found |= carried
            along = fees if period == newest else fees.browse()
            total = self._get_exact_total(found) + along._get_exact_total()
            if draft or self._get_rounded_total(total):
                bills.append(Bill(self, period, found, along, draft))
                carried = lines.browse()
            else:
                # Less than the smallest coin: goes along with a later period.
                carried = found.filtered("amount")
        if fees and not by_period:
            draft = self._get_draft_for_fees()
            period = (draft.trtc_date_from, draft.trtc_date_to) if draft else NO_PERIOD
            bills.append(Bill(self, period, lines.browse(), fees, draft))
        return bills

    def _get_due_fees(self, until):
        """Return the fees that are due for invoicing."""
        limit = self._get_fee_limit(until)
        # Read for all the accounts of a run together, not one by one.
        due = self.fee_ids.filtered(lambda fee: fee.date <= limit and fee.is_to_invoice)
        return due.sorted(lambda fee: (fee.date_from, fee.id))

    def _get_draft_for_fees(self):
        """Return the newest draft of this account that nobody changed, or none.

        One of fees alone, if there is any: the database sorts what has no period first.
        """
        drafts = self.env["account.move"].search(
            [
                ("trtc_account_id", "=", self.id),
                ("company_id", "=", self.company_id.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "draft"),
            ],
            order="trtc_date_to desc, id desc",
        )
        return drafts.filtered(lambda move: move._trtc_is_refreshable())[:1]

    def _get_due_domain(self, limit):
        """Return the domain of statement lines that are due for invoicing.

        Lines without an amount go along, so that the invoice's annex is whole; what
        waits for a decision or a price stays.
        """
        return [
            ("account_id", "=", self.id),
            ("date", "<=", limit),
            ("status", "in", ("billable", "waived")),
            ("allocation_ids", "not any", [("released", "=", False)]),
        ]

    def _get_closed_periods(self, candidates):
        """Return those periods whose invoice is posted, or was changed by hand."""
        moves = self._get_period_invoices(
            [("trtc_date_from", "in", [first for first, _last in candidates])]
        )
        open_moves = moves.filtered(lambda move: move._trtc_is_refreshable())
        closed = {(move.trtc_date_from, move.trtc_date_to) for move in moves - open_moves}
        reopened = {(move.trtc_date_from, move.trtc_date_to) for move in open_moves}
        return sorted((closed - reopened) & set(candidates))

    def _get_period_for_late_usage(self, due, until):
        """Return the invoicing period that also bills usage of closed periods, if any.

        It is the oldest one that this run invoices or that has a draft which may be
        refreshed. Without any, a run until the end of a period bills it with that
        period; a run in the middle of one leaves it for later.
        """
        limit = periods.last_ended(until, self.invoice_cycle)
        drafts = self._get_period_invoices(
            [("trtc_date_to", "<=", limit), ("state", "=", "draft")]
        )
        drafts = drafts.filtered(lambda move: move._trtc_is_refreshable())
        open_periods = {(move.trtc_date_from, move.trtc_date_to) for move in drafts}
        newest = periods.period_of(limit, self.invoice_cycle) if limit == until else None
        return min(open_periods | set(due), default=newest)

    def _get_period_invoices(self, domain):
        """Return the invoices of this account that hold what they were made for.

        :param domain: what their period must be; an invoice of fees alone has none
        """
        return self.env["account.move"].search(
            [
                ("trtc_account_id", "=", self.id),
                ("company_id", "=", self.company_id.id),
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("trtc_allocation_ids", "any", [("released", "=", False)]),
                *domain,
            ]
        )

    def _get_refreshable_draft(self, period):
        """Return the draft invoice of a period that nobody changed, or none."""
        moves = self._get_period_invoices(
            [
                ("trtc_date_from", "=", period[0]),
                ("trtc_date_to", "=", period[1]),
                ("state", "=", "draft"),
            ]
        )
        return moves.filtered(lambda move: move._trtc_is_refreshable())[:1]

    def _get_exact_total(self, lines):
        """Return the exact sum of statement lines, as a Decimal."""
        return sum(
            (amount for _q, _p, amount in lines._get_exact_amounts().values()), Decimal(0)
        )

    def _get_invoice_partner(self):
        """Return the partner that invoices of this account are addressed to."""
        address = self.partner_id.address_get(["invoice"])["invoice"]
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
            "invoice_origin": self.display_name,
            "trtc_account_id": self.id,
            "trtc_date_from": first,
            "trtc_date_to": last,
        }

    def _get_invoice_line_key(self, line, price, period):
        """Return what statement lines must share to be one invoice line.

        What belongs to an earlier period than the invoice's has a line of its own.
        """
        late = periods.period_of(line.date, self.invoice_cycle) != period
        return line.item_id, late, line.kind, price

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
            found = lines.browse(ids)
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
        return {
            "product_id": item.product_id.id,
            "product_uom_id": item.uom_id.id,
            "quantity": float(quantity),
            "price_unit": float(price),
            "name": name,
            "trtc_name": name,
            "trtc_item_id": item.id,
            "trtc_kind": kind,
            "trtc_is_late": late,
            "trtc_date_from": first,
            "trtc_date_to": last,
        }

    def _prepare_fee_lines(self, fees, sign):
        """Return [(values, fee)] of the invoice lines for fees, one each.

        :param int sign: 1 for an invoice, -1 for a credit note
        """
        fees = fees.sorted(lambda fee: (fee.date_from, fee.id))
        return [(self._prepare_fee_line(fee, sign), fee) for fee in fees]

    def _prepare_fee_line(self, fee, sign):
        """Return the values of the invoice line of a fee, with its service period."""
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
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
            "product_uom_id": fee.uom_id.id,
            "quantity": sign * fee.quantity,
            "price_unit": fee.price_unit,
            "name": name,
            "trtc_name": name,
            "trtc_fee_id": fee.id,
            "trtc_date_from": fee.date_from,
            "trtc_date_to": fee.date_to,
        }
        account = self._get_deferred_account(fee)
        return {**vals, "account_id": account.id} if account else vals

    def _get_deferred_account(self, fee):
        """Return the account that holds a prepaid fee until it is earned, or none.

        What comes back goes to the account that took it.
        """
        taken = fee.refund_of_id.allocation_ids.filtered(lambda a: not a.released)
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
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
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

    def _prepare_rounding_line(self, difference, exact_total, taxes_like):
        """Return the values of the line that makes the total the exact one, rounded.

        :param float difference: what the other lines miss
        :param Decimal exact_total: the exact sum that the invoice bills
        :param taxes_like: the invoice line whose taxes it shares
        """
        product = self.env.ref("trtc_billing.product_rounding", raise_if_not_found=False)
        if not product:
            raise UserError(
                self.env._(
                    "The product for rounding differences was deleted. Update the module "
                    "TRTC Billing to have it back."
                )
            )
        self = self.with_context(lang=self.partner_id.lang or self.env.lang)
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
            "tax_ids": [Command.set(taxes_like.tax_ids.ids)],
        }

    def _get_rounded_total(self, exact_total):
        """Return what an invoice over an exact amount must come to, untaxed."""
        rounding = Decimal(repr(self.currency_id.rounding))
        return prices.round_money(exact_total, rounding)
