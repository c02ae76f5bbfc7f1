from collections import defaultdict
from decimal import Decimal

from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .account_move_line_left import DUST, EXACT, ZERO, add_up
from .given import check_one
from .markers import Reopening, get_marked, without_claims

#: What a line of a credit note has in common with the line that it takes back.
SHARED = (
    "trtc_kind",
    "trtc_is_late",
    "trtc_date_from",
    "trtc_date_to",
    "trtc_is_rounding",
    "trtc_ratio",
)


class AccountMove(models.Model):
    # A room of its own: credit notes, and invoices that replace what they take back.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    def _reverse_moves(self, default_values_list=None, cancel=False):
        held = self.filtered(lambda move: move.is_invoice() and move._trtc_get_rows())
        held._trtc_check_left()
        if cancel:
            held._trtc_check_uncredited()
            held._trtc_hold_accruing()
        reversals = super()._reverse_moves(default_values_list, cancel)
        credits = reversals.filtered(lambda move: move.reversed_entry_id in held)
        for move in credits:
            move.sudo()._trtc_credit_all()
        # Core has posted them before they hold anything.
        credits.filtered(lambda move: move.state == "posted")._trtc_follow_accruals()
        return reversals

    # === ACTION === #

    def action_trtc_credit(self):
        """Open the dialog that credits a part of this invoice."""
        check_one(self)
        action = self.env["ir.actions.act_window"]._for_xml_id("trtc_billing.trtc_credit_action")
        action["context"] = {"default_move_id": self.id}
        return action

    # === BUSINESS === #

    def _trtc_check_left(self, usage_only=False):
        """Raise if nothing is left to credit of one of these invoices.

        :param bool usage_only: whatever lines without usage are there, too
        """
        for move in self:
            lines = move.sudo().invoice_line_ids.filtered("trtc_allocation_ids")
            others = move.reversal_move_ids.filtered(lambda other: other.state != "cancel")
            product_lines = move.invoice_line_ids.filtered(
                lambda line: line.display_type == "product"
            )
            own = lines | product_lines.filtered("trtc_is_rounding")
            if (
                others
                and (usage_only or product_lines == own)
                and not lines._trtc_has_left()
            ):
                raise UserError(
                    self.env._(
                        "Nothing is left to credit of %(invoice)s: it was credited on %(others)s. "
                        "Post, change or delete that.",
                        invoice=move._trtc_get_names(),
                        others=others._trtc_get_names(),
                    )
                )

    def _trtc_check_uncredited(self):
        """Raise if something of these invoices was credited or billed again already."""
        rows = self._trtc_get_rows()
        others = rows._get_followers()
        if others:
            raise UserError(
                self.env._(
                    "A part of %(invoice)s was credited or billed again already, on %(others)s. "
                    "Credit what is left of it: Reverse without a new invoice, or Credit Usage.",
                    invoice=others._get_bases().move_id._trtc_get_names(),
                    others=others.move_id._trtc_get_names(),
                )
            )

    def _trtc_credit_all(self, as_shown=False):
        """Let this reversal of an invoice take back all that is left of what it bills.

        A draft is brought to what is left, where a part was credited before.

        :param bool as_shown: take back what its lines show instead, and leave them so
        """
        self.ensure_one()
        origin = self.reversed_entry_id
        self._trtc_tie_to(origin)
        none = self.env["account.move.line"]
        prepared = [
            row._prepare_credit(ZERO, ZERO, self, none)
            for row in origin._trtc_get_rows()
            if not row.move_line_id and row._is_free_and_held()
        ]
        is_whole = True
        places = self.invoice_line_ids.filtered("trtc_origin_line_id.trtc_allocation_ids")
        left = places.trtc_origin_line_id._trtc_get_left()
        for line in places:
            found = left[line.trtc_origin_line_id]
            quantity, amount = add_up(found.values())
            shown, worth = line._trtc_get_shown(-quantity)
            if as_shown:
                quantity, amount = -shown, -worth
            is_whole &= shown == -quantity and abs(worth + amount) < DUST
            if quantity:
                prepared += line.trtc_origin_line_id._trtc_prepare_taking(
                    line, found, quantity, amount
                )
        self.env["trtc.allocation"]._record(prepared)
        if self.state == "draft" and not is_whole:
            self._trtc_fit_lines()
            self._trtc_round_credit()

    def _trtc_tie_to(self, origin):
        """Let this document and its lines be of the account and usage of another one."""
        reopening = get_marked(self.env, "trtc_reopens", Reopening)
        self.write(
            {
                "trtc_account_id": origin.trtc_account_id.id,
                "trtc_date_from": origin.trtc_date_from,
                "trtc_date_to": origin.trtc_date_to,
                "trtc_reopens": reopening.reopens if reopening else True,
            }
        )
        for line in self.invoice_line_ids.filtered("trtc_origin_line_id"):
            first = line.trtc_origin_line_id
            line.with_context(skip_invoice_sync=True).write(
                {
                    **{name: first[name] for name in SHARED},
                    "trtc_item_id": first.trtc_item_id.id,
                    "trtc_fee_id": first.trtc_fee_id.id,
                    **first._trtc_prepare_same_place(),
                }
            )

    def _trtc_fit_lines(self):
        """Let the lines of this draft have the quantities and prices that the ledger says."""
        commands = []
        for line in self.invoice_line_ids.filtered("trtc_origin_line_id"):
            rows = line.trtc_allocation_ids
            if line.trtc_is_rounding or (line.trtc_origin_line_id.trtc_allocation_ids and not rows):
                commands.append(Command.delete(line.id))
            elif rows:
                quantity, amount = add_up(rows._get_figures().values())
                way = line._trtc_get_way()
                vals = line._trtc_prepare_part(way * quantity, way * amount, len(rows))
                commands.append(Command.update(line.id, line._trtc_keep_taxes(vals)))
        self.write({"invoice_line_ids": commands})

    def _trtc_round_credit(self):
        """Let all credit notes of an invoice together be the exact amount, rounded once.

        The one that takes back the last of it leaves nothing open.
        """
        self.ensure_one()
        self.invoice_line_ids._trtc_keep_unit_taxes()
        origin = self.reversed_entry_id
        others = origin.reversal_move_ids.filtered(lambda move: move.state != "cancel") - self
        way = -1 if self.move_type == "out_refund" else 1
        exact = way * self._trtc_get_rows()._get_exact_total()
        before = way * others._trtc_get_rows()._get_exact_total()
        rounded = self.trtc_account_id._get_rounded_total
        total = rounded(before + exact) - rounded(before)
        billed = origin.invoice_line_ids.filtered("trtc_allocation_ids")
        if not billed._trtc_has_left():
            credited = sum(others.mapped(lambda move: move._trtc_get_usage_total()))
            rest = origin._trtc_get_usage_total() - credited
            total = Decimal(repr(self.currency_id.round(rest)))
        missing = abs(float(total) - self._trtc_get_usage_total())
        # More than rounding can make is no matter of rounding.
        if missing <= (len(self.invoice_line_ids) + 1) * self.currency_id.rounding:
            self._trtc_round_to(total, exact)

    def _trtc_get_usage_total(self):
        """Return what usage and fees come to here, in the terms that prices are stated in."""
        other = self.invoice_line_ids.filtered(
            lambda line: line.display_type == "product"
            and not (line.trtc_item_id or line.trtc_fee_id or line.trtc_is_rounding)
        )
        return self._trtc_get_billed_total() - other._trtc_get_stated_total()

    def _trtc_bill_again(self):
        """Let this copy of a reversed invoice bill again what its credit note took back."""
        self.ensure_one()
        origin = self.invoice_line_ids.trtc_origin_line_id.move_id[:1]
        claims = origin._trtc_get_rows().credit_ids.filtered(
            lambda row: row.kind == "credit" and row.is_open
        )
        if not claims:
            return
        self._trtc_tie_to(origin)
        self.invoice_origin = origin.invoice_origin
        places = {line.trtc_origin_line_id: line for line in self.invoice_line_ids}
        self.invoice_line_ids.filtered("trtc_origin_line_id").with_context(
            skip_invoice_sync=True
        ).write({"trtc_is_rebill": True})
        none = self.env["account.move.line"]
        self.env["trtc.allocation"]._record(
            [
                claim._prepare_credit(
                    *figures, self, places.get(claim.credits_id.move_line_id, none)
                )
                for claim, figures in claims._get_remaining().items()
            ]
        )

    def _trtc_credit_parts(self, parts, date, reason, reopens):
        """Create a draft credit note for parts of what this posted invoice bills.

        :param parts: [(invoice line, statement line or fee, Decimal quantity to take back)]
        :param date: of the credit note
        :param str reason: for the customer
        :param bool reopens: whether the next run bills it again; otherwise it is goodwill
        :return: the credit note
        """
        self.ensure_one()
        lines = self.env["account.move.line"].union(*(line for line, _b, _q in parts)).sudo()
        left = lines._trtc_get_left()
        groups = defaultdict(list)
        for line, billed, quantity in parts:
            held, amount = left[line][billed]
            if quantity != held:
                amount = (amount * quantity / held).quantize(EXACT)
            groups[line, billed.application_id].append((billed, quantity, amount))
        vals = self._trtc_prepare_credit_note(date, reason, reopens)
        commands = [
            Command.create(
                {
                    **self._trtc_prepare_credit_line(line, application, found),
                    "sequence": 10 * place,
                }
            )
            for place, ((line, application), found) in enumerate(groups.items(), start=1)
        ]
        moves = self.sudo().with_env(without_claims(self.sudo().env))
        credit = moves.create({**vals, "invoice_line_ids": commands})
        places = credit.invoice_line_ids.sorted("sequence")
        self.env["trtc.allocation"]._record(
            [
                values
                for place, ((line, _application), found) in zip(
                    places, groups.items(), strict=True
                )
                for values in line._trtc_prepare_taken(place, found)
            ]
        )
        credit._trtc_round_credit()
        return self.browse(credit.id)

    def _trtc_prepare_credit_note(self, date, reason, reopens):
        """Return the values of a credit note of this invoice, without its lines."""
        self = self.with_context(lang=self._trtc_get_addressee().lang or self.env.lang)
        types = {"out_invoice": "out_refund", "out_refund": "out_invoice"}
        return {
            "move_type": types[self.move_type],
            "partner_id": self._trtc_get_addressee().id,
            "partner_shipping_id": self.partner_shipping_id.id,
            "company_id": self.company_id.id,
            "journal_id": self.journal_id.id,
            "currency_id": self.currency_id.id,
            "fiscal_position_id": self.fiscal_position_id.id,
            "invoice_user_id": self.invoice_user_id.id,
            "invoice_origin": self.invoice_origin,
            "invoice_date": date,
            "reversed_entry_id": self.id,
            "ref": self.env._(
                "Partial credit of %(invoice)s, %(reason)s", invoice=self.name, reason=reason
            ),
            "trtc_account_id": self.trtc_account_id.id,
            "trtc_date_from": self.trtc_date_from,
            "trtc_date_to": self.trtc_date_to,
            "trtc_reopens": reopens,
        }

    def _trtc_prepare_credit_line(self, line, application, parts):
        """Return the values of a line that credits a part of a line of this invoice.

        :param parts: [(statement line or fee, quantity, amount)]
        """
        self = self.with_context(lang=self._trtc_get_addressee().lang or self.env.lang)
        billed = [one for one, _quantity, _amount in parts]
        spans = [one._get_period() for one in billed]
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        product = billed[0].with_env(self.env)
        what = " - ".join(filter(None, [product._get_billed_name(), application.name]))
        days = format_date(self.env, first)
        if first != last:
            days = self.env._(
                "%(date_from)s to %(date_to)s",
                date_from=days,
                date_to=format_date(self.env, last),
            )
        name = self.env._("Credit: %(what)s\n%(days)s", what=what, days=days)
        quantity, amount = add_up(part[1:] for part in parts)
        way = line._trtc_get_way()
        return {
            "product_id": line.product_id.id,
            "account_id": line.account_id.id,
            "tax_ids": [Command.set(line.tax_ids.ids)],
            "analytic_distribution": line.analytic_distribution,
            **line._trtc_prepare_part(way * quantity, way * amount, len(parts)),
            "name": name,
            "trtc_name": name,
            "trtc_item_id": line.trtc_item_id.id,
            "trtc_fee_id": line.trtc_fee_id.id,
            **line._trtc_prepare_same_place(),
            "trtc_kind": line.trtc_kind,
            "trtc_is_late": line.trtc_is_late,
            "trtc_date_from": first,
            "trtc_date_to": last,
            "trtc_origin_line_id": line.id,
        }
