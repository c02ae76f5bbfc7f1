from odoo import api, models
from odoo.exceptions import AccessError, UserError

from .markers import FLOW, in_flow, without_skips

#: What Odoo alone sets on documents, in a flow of its own, whatever their state.
SET_BY_ODOO = {"access_token", "payment_state", "sequence_number", "sequence_prefix"}
#: What stays on posted documents as it was posted. When they are due is the accountant's matter.
FIXED_ON_DOCUMENTS = {
    "company_id",
    "currency_id",
    "date",
    "fiscal_position_id",
    "invoice_cash_rounding_id",
    "invoice_currency_rate",
    "invoice_date",
    "invoice_line_ids",
    "invoice_payment_term_id",
    "journal_id",
    "line_ids",
    "name",
    "partner_id",
    "tax_totals",
}
#: Likewise on all their lines. Analytic distribution and days of maturity may change, as in Odoo.
FIXED_ON_LINES = {
    "account_id",
    "amount_currency",
    "balance",
    "credit",
    "currency_id",
    "debit",
    "deductible_amount",
    "discount",
    "display_type",
    "full_reconcile_id",
    "group_tax_id",
    "is_storno",
    "move_id",
    "name",
    "partner_id",
    "price_unit",
    "product_id",
    "product_uom_id",
    "quantity",
    "tax_base_amount",
    "tax_ids",
    "tax_repartition_line_id",
    "tax_tag_ids",
}
#: What makes a document the entry of a payment or of a bank transaction, which then rules it.
OWNERS = ("origin_payment_id", "statement_line_id")


def get_derived(records, names):
    """Return those of some fields that Odoo computes and nobody enters."""
    fields = records._fields
    return {
        name
        for name in names
        if (field := fields.get(name))
        and field.store
        and field.readonly
        and (field.compute or field.related)
    }


def is_trusted(env):
    """Tell whether the program itself changes documents of usage, and no caller."""
    return env.su or in_flow(env)


def is_syncing(env):
    """Tell whether Odoo fits taxes and what is due to the other lines right now.

    Core keeps that with the transaction, where no client puts anything.
    """
    stack = env.cr.cache.get("account_disable_recursion_stack")
    return stack is not None and stack.get("skip_invoice_sync") is True


def will_change(record, vals, name):
    """Tell whether a value of a field is another one; so is what cannot be compared."""
    try:
        return record.env["account.move"]._field_will_change(record, vals, name)
    except (TypeError, ValueError):
        return True


class AccountMove(models.Model):
    # What is posted stays, whatever a caller puts into the context.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CONSTRAINT === #

    @api.constrains(*OWNERS, "trtc_account_id")
    def _check_trtc_owner(self):
        self.sudo().filtered(lambda move: any(move[name] for name in OWNERS))._trtc_check_no_entry()

    # === CRUD === #

    def write(self, vals):
        moves = self._trtc_without_skips()
        if not is_trusted(self.env):
            moves._trtc_check_posted(vals)
        result = super(AccountMove, moves).write(vals)
        if "partner_id" in vals:
            for move in self.sudo()._trtc_filter_posted():
                move._trtc_check_customer(move._trtc_get_rows())
        return result

    def unlink(self):
        if not is_trusted(self.env):
            self._trtc_check_not_posted()
        # Odoo itself tells the lines of what goes not to follow each other any more.
        moves = self._trtc_as_flow() if self._trtc_filter_usage() else self
        return super(AccountMove, moves).unlink()

    # === CORE OVERRIDES === #

    def _post(self, soft=True):
        return super(AccountMove, self._trtc_without_skips())._post(soft).with_env(self.env)

    def button_draft(self):
        moves = self._trtc_as_flow()
        return super(AccountMove, moves).button_draft()

    def button_cancel(self):
        moves = self._trtc_as_flow()
        return super(AccountMove, moves).button_cancel()

    def action_toggle_block_payment(self):
        moves = self._trtc_as_flow()
        return super(AccountMove, moves).action_toggle_block_payment()

    def _trtc_check_not_posted(self):
        """Raise if one of these documents bills usage and is posted: it is not deleted."""
        posted = self._trtc_filter_posted()
        if posted:
            raise AccessError(
                self.env._(
                    "%(document)s bills TRTC usage and is posted: it is not deleted. Use "
                    "Credit Note or Cancel instead.",
                    document=posted._trtc_get_names(),
                )
            )

    def _set_next_made_sequence_gap(self, made_gap):
        # Of the documents behind these, whoever they bill.
        flow = self.with_context(trtc_flow=FLOW)
        return super(AccountMove, flow)._set_next_made_sequence_gap(made_gap)

    # === BUSINESS === #

    def _trtc_filter_usage(self):
        """Return those of these documents that bill or credit usage."""
        return self.filtered(lambda move: move.sudo().trtc_account_id)

    def _trtc_filter_posted(self):
        """Return those of them that are posted too."""
        return self._trtc_filter_usage().filtered(lambda move: move.sudo().state == "posted")

    def _trtc_without_skips(self):
        """Return these documents without the keys by which a caller has core skip checks."""
        if is_trusted(self.env) or not self._trtc_filter_usage():
            return self
        return self.with_env(without_skips(self.env))

    def _trtc_as_flow(self):
        """Return these documents in a flow of Odoo's own, without such keys."""
        return self._trtc_without_skips().with_context(trtc_flow=FLOW)

    def _trtc_check_posted(self, vals):
        """Raise if somebody sets by hand what Odoo sets, or what is posted."""
        set_by_odoo = (SET_BY_ODOO | get_derived(self, vals)).intersection(vals)
        if vals.get("state", "posted") != "posted":
            set_by_odoo.add("state")
        fixed = FIXED_ON_DOCUMENTS.intersection(vals)
        if not (set_by_odoo or fixed):
            return
        for move in self._trtc_filter_usage():
            changed = [name for name in set_by_odoo if will_change(move, vals, name)]
            if changed:
                raise AccessError(
                    self.env._(
                        "%(document)s bills TRTC usage: Odoo sets its %(field)s, nobody else. Use "
                        "Confirm, Reset to Draft, Cancel, Pay or Credit Note.",
                        document=move._trtc_get_names(),
                        field=self._fields[changed[0]]._description_string(self.env),
                    )
                )
            changed = [
                name
                for name in (fixed if move.sudo().state == "posted" else ())
                if will_change(move, vals, name)
            ]
            if changed:
                raise AccessError(
                    self.env._(
                        "%(document)s bills TRTC usage and is posted: its %(field)s stays. Use "
                        "Credit Note, or Reset to Draft first.",
                        document=move._trtc_get_names(),
                        field=self._fields[changed[0]]._description_string(self.env),
                    )
                )

    def _trtc_check_no_entry(self):
        """Raise if a document of usage is named as the entry of a payment or transaction."""
        documents = self.sudo()._trtc_filter_usage()
        if documents:
            raise UserError(
                self.env._(
                    "%(document)s bills TRTC usage: it is not the entry of a payment or a bank "
                    "transaction. Leave the entry empty, and use Pay on the invoice.",
                    document=documents._trtc_get_names(),
                )
            )


class AccountMoveLine(models.Model):
    # Beside the documents whose lines they are.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if is_trusted(self.env):
            return super().create(vals_list)
        moves = self._trtc_get_named(vals_list)
        self._trtc_refuse(moves)
        lines = self.with_env(moves._trtc_without_skips().env)
        return super(AccountMoveLine, lines).create(vals_list).with_env(self.env)

    def write(self, vals):
        if is_trusted(self.env):
            return super().write(vals)
        others = self._trtc_get_named([vals]) - self.move_id
        self._trtc_refuse(others)
        self._trtc_check_posted(vals)
        return super(AccountMoveLine, self._trtc_without_skips(others)).write(vals)

    def unlink(self):
        if is_trusted(self.env):
            return super().unlink()
        self._trtc_refuse(self.move_id)
        lines = self._trtc_without_skips()
        if "dynamic_unlink" in self.env.context and is_syncing(self.env):
            lines = lines.with_context(dynamic_unlink=True)
        return super(AccountMoveLine, lines).unlink()

    # === BUSINESS === #

    def _trtc_without_skips(self, others=()):
        """Return these lines without the keys by which a caller has core skip checks."""
        documents = self.move_id.union(*others)._trtc_without_skips()
        return self.with_env(documents.env)

    def _trtc_get_named(self, vals_list):
        """Return the documents that values of lines name."""
        named = {str(vals.get("move_id") or "") for vals in vals_list}
        moves = self.env["account.move"].browse(int(one) for one in named if one.isdecimal())
        return moves.exists()

    def _trtc_refuse(self, moves):
        """Raise if lines of posted documents of usage would come or go."""
        posted = moves._trtc_filter_posted()
        if posted:
            raise AccessError(
                self.env._(
                    "%(document)s bills TRTC usage and is posted: no line is added, moved or "
                    "deleted. Use Credit Note, or Reset to Draft first.",
                    document=posted._trtc_get_names(),
                )
            )

    def _trtc_check_posted(self, vals):
        """Raise if somebody changes what a line of a posted document of usage says."""
        names = (FIXED_ON_LINES | get_derived(self, vals)).intersection(vals)
        if not names:
            return
        posted = self.move_id._trtc_filter_posted()
        for line in self.filtered(lambda line: line.move_id in posted):
            changed = [name for name in names if will_change(line, vals, name)]
            if changed:
                raise AccessError(
                    self.env._(
                        "%(line)s of %(document)s, which bills TRTC usage and is posted: "
                        "%(field)s stays. Use Credit Note, or Reset to Draft first.",
                        line=(line.name or "").partition("\n")[0],
                        document=line.move_id._trtc_get_names(),
                        field=self._fields[changed[0]]._description_string(self.env),
                    )
                )


class AccountBankStatementLine(models.Model):
    _inherit = "account.bank.statement.line"

    # === CONSTRAINT === #

    @api.constrains("move_id")
    def _check_trtc_move(self):
        self.move_id._trtc_check_no_entry()
