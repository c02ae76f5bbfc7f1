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
        switching = self.with_context(trtc_flow=FLOW)
        return super(AccountMove, switching).action_switch_move_type()

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
        for line in self.invoice_line_ids.filtered(lambda line: line._trtc_is_tied()):
            if line.display_type == "product" and not line._trtc_has_own_amount():
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

    def _trtc_has_own_amount(self):
        """Tell whether this line is booked at what its quantity and price come to.

        Taxes that are rounded per document move some cents between lines.
        """
        self.ensure_one()
        move, currency = self.move_id, self.currency_id
        included = any(tax.price_include for tax in self.tax_ids)
        if self.display_type != "product" or included:
            # Of a price with taxes core keeps the part without them.
            expected = self.price_subtotal
        else:
            expected = self.quantity * self.price_unit * (1 - self.discount / 100)
        spare = 2.5 * currency.rounding
        amount = move.direction_sign * self.amount_currency
        rate = move.invoice_currency_rate or 1
        # Odoo converts what the line comes to before it is rounded.
        own = 2.5 * self.company_currency_id.rounding + spare / rate
        return (
            abs(amount - expected) <= spare
            and abs(self.balance - self.amount_currency / rate) <= own
        )
