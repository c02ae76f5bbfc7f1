from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .figures import show_money
from .markers import FLOW, in_flow

#: What Odoo derives or sets in a flow of its own: by hand it would say another thing than the
#: ledger of usage.
KEPT_ON_DOCUMENTS = {
    "amount_residual",
    "amount_residual_signed",
    "amount_tax",
    "amount_tax_signed",
    "amount_total",
    "amount_total_in_currency_signed",
    "amount_total_signed",
    "amount_untaxed",
    "amount_untaxed_in_currency_signed",
    "amount_untaxed_signed",
    "commercial_partner_id",
    "posted_before",
    "reversed_entry_id",
}
#: Likewise on lines that bill usage or fees.
KEPT_ON_LINES = {
    "currency_id",
    "currency_rate",
    "display_type",
    "move_id",
    "price_subtotal",
    "price_total",
    "product_uom_id",
}
#: What the rounding line says follows from all the other lines.
KEPT_ON_ROUNDING = {"discount", "price_unit", "quantity"}
TYPES = ("out_invoice", "out_refund")
#: By how many rounding units a line may miss what it comes to, however many lines there are.
LINE_UNITS = 2.5
#: What floats add to amounts.
NOISE = 1e-6


class Booked(NamedTuple):
    """What a line is booked at in one currency, and what its quantity and price come to."""

    amount: float
    exact: float
    #: the same, rounded by itself
    rounded: float
    unit: float
    #: by how much each line may miss it besides, where it was converted
    converted: float

    def get_difference(self):
        return abs(self.amount - self.rounded)

    def is_off(self, units):
        """Tell whether the amount misses what the line comes to by more than some units."""
        room = units * (self.unit + self.converted)
        return abs(self.amount - self.exact) > room + NOISE


def has_own_sum(booked, spare):
    """Tell whether lines together are booked at the sum of what they come to.

    Odoo rounds each line, or the sum alone.

    :param booked: ``Booked`` of each line in one currency
    :param spare: how many units all of them may miss it by
    """
    amount = sum(one.amount for one in booked)
    room = spare * booked[0].unit + NOISE
    return any(
        abs(amount - sum(getattr(one, name) for one in booked)) <= room
        for name in ("exact", "rounded")
    )


class AccountMove(models.Model):
    # A room of its own: what nobody sets by hand on documents of usage.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CONSTRAINT === #

    @api.constrains("company_id", "journal_id", "trtc_account_id")
    def _check_trtc_company(self):
        for move in self.sudo().filtered("trtc_account_id"):
            if move.company_id != move.trtc_account_id.company_id:
                raise UserError(
                    self.env._(
                        "%(document)s bills TRTC usage of %(company)s and cannot be in the books "
                        "of %(other)s. Choose a journal of %(company)s.",
                        document=move._trtc_get_names(),
                        company=move.trtc_account_id.company_id.display_name,
                        other=move.company_id.display_name,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        moves = super().create(vals_list)
        # Named as a value or as a default: looked at when it is read.
        self._trtc_check_reversed(moves.reversed_entry_id.ids)
        return moves

    def write(self, vals):
        if not (self.env.su or in_flow(self.env)):
            if "reversed_entry_id" in vals:
                self._trtc_check_reversed([vals["reversed_entry_id"]])
            self._trtc_check_kept(vals)
        return super().write(vals)

    # === CORE OVERRIDES === #

    def _post(self, soft=True):
        posting = self.with_context(trtc_flow=FLOW)
        return super(AccountMove, posting)._post(soft)

    def action_switch_move_type(self):
        return super(AccountMove, self._trtc_as_flow()).action_switch_move_type()

    # === BUSINESS === #

    def _trtc_check_reversed(self, ids):
        """Raise if somebody names documents of usage as reversed, past their credit notes."""
        if self.env.su or in_flow(self.env):
            return
        documents = self.browse(one for one in ids if isinstance(one, int) and one)
        documents = documents.sudo().exists().filtered("trtc_account_id")
        if documents:
            raise AccessError(
                self.env._(
                    "%(document)s bills TRTC usage. Credit it by Credit Note or Credit Usage on "
                    "that invoice, so that the usage is credited too.",
                    document=documents._trtc_get_names(),
                )
            )

    def _trtc_check_kept(self, vals):
        """Raise if somebody sets by hand what follows from usage, or what Odoo sets itself."""
        names = KEPT_ON_DOCUMENTS.intersection(vals)
        kept = names or "move_type" in vals or vals.get("state") == "posted"
        if not kept:
            return
        for move in self.filtered(lambda move: move.sudo().trtc_account_id):
            changed = [name for name in names if move._field_will_change(move, vals, name)]
            if changed:
                raise AccessError(
                    self.env._(
                        "%(field)s of %(document)s follows from the TRTC usage that it bills and "
                        "cannot be set by hand. Change its lines, or use Confirm, Credit Note or "
                        "Credit Usage.",
                        field=self._fields[changed[0]]._description_string(self.env),
                        document=move._trtc_get_names(),
                    )
                )
            if vals.get("state") == "posted" and move.state != "posted":
                raise AccessError(
                    self.env._(
                        "%(document)s bills TRTC usage: use Confirm to post it.",
                        document=move._trtc_get_names(),
                    )
                )
            self._trtc_check_type(move, vals.get("move_type", move.move_type))

    def _trtc_check_amounts(self):
        """Raise if an amount was entered in the journal items, past quantity and price."""
        line = self._trtc_get_typed_amounts()[:1]
        if line:
            raise UserError(
                self.env._(
                    "%(line)s of %(document)s is booked at %(amount)s, which is not quantity "
                    "times unit price. Change the quantity or the unit price instead of the "
                    "journal item: then the difference is recorded.",
                    line=(line.name or "").partition("\n")[0],
                    document=self._trtc_get_names(),
                    amount=show_money(
                        self.env, self.direction_sign * line.amount_currency, line.currency_id
                    ),
                )
            )

    def _trtc_get_typed_amounts(self):
        """Return the lines of usage and fees that are not booked at quantity times unit price.

        Somebody entered another amount in the journal items.  Odoo itself moves some cents
        between lines: where taxes are rounded per document, the rounding differences of all
        lines, half a unit each, may be on one of them.  All lines together come to their sum.
        """
        self.ensure_one()
        lines = self.sudo().invoice_line_ids.filtered(lambda line: line.display_type == "product")
        tied = lines.filtered(lambda line: line._trtc_is_tied())
        booked = {line: line._trtc_get_booked() for line in lines}
        included = lines.tax_ids.flatten_taxes_hierarchy().filtered("price_include")
        # What prices include is rounded for each tax.
        spare = 1 + len(included) / 2
        is_whole = self.company_id.sudo().tax_calculation_rounding_method == "round_globally"
        units = max(LINE_UNITS, len(lines) / 2 + spare if is_whole else 0)
        off = lines.filtered(lambda line: any(one.is_off(units) for one in booked[line]))
        if not off & tied:
            # What somebody booked on a line of another kind is no concern of the usage.
            if is_whole:
                spare += self._trtc_get_units_elsewhere(lines, off)
            by_currency = zip(*(booked[line] for line in lines - off), strict=True)
            if all(has_own_sum(amounts, spare) for amounts in by_currency):
                return self.env["account.move.line"]
            off = tied.sorted(lambda line: max(one.get_difference() for one in booked[line]))[-1:]
        return (off & tied).with_env(self.env)

    def _trtc_get_units_elsewhere(self, lines, off):
        """Return how many units of the rounding difference may be on lines ``off``.

        Odoo shares the difference out by amount.
        """
        total = sum(abs(line.price_subtotal) for line in lines) or 1
        share = sum(abs(line.price_subtotal) for line in off) / total
        return len(off) + share * len(lines) / 2

    @api.model
    def _trtc_check_type(self, move, move_type):
        """Raise if a document would become one of another type by hand."""
        if move_type != move.move_type:
            raise AccessError(
                self.env._(
                    "You cannot change the type of %(document)s, which bills TRTC usage. Delete "
                    "the draft and run Settle and Invoice again, or post and credit it.",
                    document=move._trtc_get_names(),
                )
            )


class AccountMoveLine(models.Model):
    # Beside the documents whose lines they are.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        if not (self.env.su or in_flow(self.env)):
            self._trtc_check_kept(vals)
        return super().write(vals)

    # === BUSINESS === #

    def _trtc_check_kept(self, vals):
        """Raise if somebody sets by hand what usage, or the other lines, say of a line."""
        names = KEPT_ON_LINES.intersection(vals)
        of_rounding = KEPT_ON_ROUNDING.intersection(vals)
        if not (names or of_rounding):
            return
        for line in self.filtered(lambda line: line.sudo()._trtc_is_tied()):
            kept = names | of_rounding if line.sudo().trtc_is_rounding else names
            changed = [name for name in kept if line.move_id._field_will_change(line, vals, name)]
            if changed:
                raise AccessError(
                    self.env._(
                        "%(line)s of %(document)s: %(field)s follows from TRTC usage and "
                        "cannot be set by hand. Change quantity, unit price or discount of the "
                        "lines that bill usage, or delete the line.",
                        line=(line.name or "").partition("\n")[0],
                        document=line.move_id._trtc_get_names(),
                        field=self._fields[changed[0]]._description_string(self.env),
                    )
                )

    def _trtc_get_booked(self):
        """Return what this line is booked at: in its own currency, and in that of the books."""
        self.ensure_one()
        move, currency, own = self.move_id, self.currency_id, self.company_currency_id
        if any(tax.price_include for tax in self.tax_ids.flatten_taxes_hierarchy()):
            # Of a price with taxes core keeps the part without them.
            base = move._prepare_product_base_line_for_taxes_computation(self)
            self.env["account.tax"]._add_tax_details_in_base_line(
                base, self.company_id, "round_globally"
            )
            exact, rounded = base["tax_details"]["raw_total_excluded_currency"], self.price_subtotal
        else:
            exact = self.quantity * self.price_unit * (1 - self.discount / 100)
            rounded = currency.round(exact)
        rate = move.invoice_currency_rate or 1
        sign = move.direction_sign
        return (
            Booked(sign * self.amount_currency, exact, rounded, currency.rounding, 0),
            Booked(
                sign * self.balance,
                exact / rate,
                own.round(rounded / rate),
                own.rounding,
                # Odoo converts what a line comes to before or after it is rounded.
                currency.rounding / rate,
            ),
        )
