from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .account_move_line_left import DUST, EXACT, ZERO, add_up
from .figures import show_money


class AccountMove(models.Model):
    # A room of its own: the ledger of what is invoiced follows what becomes of invoices.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    def _post(self, soft=True):
        for move in self.filtered(lambda move: move.state == "draft"):
            move._trtc_record_changes()
        return super()._post(soft)

    def action_switch_move_type(self):
        held = self.filtered(lambda move: move.trtc_account_id and move.amount_total >= 0)
        rows = held._trtc_get_rows()
        if rows:
            raise UserError(
                self.env._(
                    "%(document)s was made from TRTC usage: as the other type it would credit "
                    "what is to be billed, or bill what is to be credited. Delete it instead; "
                    "or post it and credit it.",
                    document=rows.move_id._trtc_get_names(),
                )
            )
        return super().action_switch_move_type()

    # === BUSINESS === #

    def _trtc_get_names(self):
        """Return the names of these documents for a message.

        A draft has no number yet: the number of its record, its period and its amount tell
        it from others.
        """
        names = []
        for move in self:
            if move.name and move.name != "/":
                # The state may be changing: "Draft" is not true of what is refused.
                names.append(move.name)
                continue
            parts = [f"* {move.id}", show_money(self.env, move.amount_untaxed, move.currency_id)]
            if move.trtc_date_from:
                period = (move.trtc_date_from, move.trtc_date_to)
                parts.insert(1, " - ".join(format_date(self.env, day) for day in period))
            names.append(f"{move.display_name} ({', '.join(parts)})")
        return ", ".join(names)

    def _trtc_check_reopens(self, vals):
        """Raise if somebody changes what becomes of usage that a posted document credits."""
        if "trtc_reopens" not in vals:
            return
        posted = self.filtered(
            lambda move: move.state == "posted"
            and move.trtc_is_credit
            and move.trtc_reopens != vals["trtc_reopens"]
        )
        if posted:
            raise UserError(
                self.env._(
                    "%(document)s is posted: whether its usage is billed again stays as it is. "
                    "Reset it to draft first.",
                    document=posted._trtc_get_names(),
                )
            )

    def _trtc_sync_allocations(self):
        """Let the ledger follow the state of these documents.

        Cancelled ones release what they held and claim it again on the way back. What
        others rest on stays: a credit note on its invoice, a second bill on its credit note.
        """
        rows = self.sudo().trtc_allocation_ids
        if not rows:
            return
        unposted = rows.filtered(lambda row: row.move_id.state != "posted")
        credits = unposted.filtered(lambda row: row.kind == "credit")
        cancelled = rows.filtered(lambda row: row.move_id.state == "cancel")
        fresh = cancelled._filter_in_force()
        back = (rows - cancelled).filtered("released")
        # Runs that bill what these documents hold wait, and then see it as it is now.
        (credits | fresh | back).account_id._hold_for_billing()
        (credits | fresh)._check_not_followed()
        fresh._set_released(True)
        back._check_may_hold()
        back._set_released(False)

    def _trtc_get_billed_account(self):
        """Return the account of this invoice, as it is billed to the customer of the invoice."""
        self.ensure_one()
        account, customer = self.trtc_account_id, self.commercial_partner_id
        former = account.sudo().former_customer_ids.commercial_partner_id
        return account._for_customer(customer) if customer in former else account

    def _trtc_check_customer(self, rows):
        """Raise if this document would show usage of one customer to another one."""
        others = rows._get_customers() - self.commercial_partner_id
        away = self.partner_id.commercial_partner_id - self.commercial_partner_id
        if away and not others:
            raise UserError(
                self.env._(
                    "%(document)s bills TRTC usage of %(customer)s: it cannot go to %(partner)s, "
                    "who belongs to %(other)s now. Choose a contact of %(customer)s as its "
                    "customer.",
                    document=self._trtc_get_names(),
                    customer=self.commercial_partner_id.display_name,
                    partner=self.partner_id.name or self.partner_id.display_name,
                    other=away.display_name,
                )
            )
        if others:
            raise UserError(
                self.env._(
                    "%(document)s bills TRTC usage of %(customer)s: it cannot go to %(partner)s, "
                    "who would read it. Set the customer back, or invoice something else by hand.",
                    document=self._trtc_get_names(),
                    customer=others[0].display_name,
                    partner=self.partner_id.display_name,
                )
            )

    def _trtc_record_changes(self):
        """Write into the ledger what somebody changed on this draft by hand.

        A line that credits another quantity than it was made for takes back that; at another
        price it is an allowance. What an invoice bills beyond the ledger, or less, is a row
        of its own: it is neither billed nor credited again.

        :raise UserError: for a credit of more than is left
        """
        self.ensure_one()
        rows = self._trtc_get_rows()
        if not rows:
            return
        if self.currency_id != self.trtc_account_id.currency_id:
            raise UserError(
                self.env._(
                    "%(document)s bills TRTC usage priced in %(priced)s: it cannot be in "
                    "%(currency)s. Set the currency back, or delete the document and let the "
                    "account have another pricelist.",
                    document=self._trtc_get_names(),
                    priced=self.trtc_account_id.currency_id.name,
                    currency=self.currency_id.name,
                )
            )
        self._trtc_check_customer(rows)
        self._trtc_check_amounts()
        figures = rows._get_figures()
        manual = []
        for line, held in rows.grouped("move_line_id").items():
            sums = held._get_sums(figures)
            if line and self.reversed_entry_id:
                line._trtc_follow_credit(sums)
            elif line:
                changes = line._trtc_prepare_manual_rows(sums)
                line._trtc_check_covers_credits(changes)
                manual += changes
        self.env["trtc.allocation"]._record(manual)
        if manual:
            amount = sum((vals["amount"] for vals in manual), ZERO)
            self.message_post(
                body=self.env._(
                    "Changed by hand against the TRTC statements, and neither billed nor "
                    "credited again: %(amount)s.",
                    amount=show_money(self.env, amount, self.currency_id),
                )
            )


class AccountMoveLine(models.Model):
    # Beside the documents whose lines they are.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _trtc_follow_credit(self, sums):
        """Let the ledger say what this line of a credit note credits by now.

        :param sums: {statement line or fee: (quantity, amount)} that the ledger says yet
        """
        self.ensure_one()
        origin = self.trtc_origin_line_id
        known, worth = add_up(sums.values())
        quantity, amount = self._trtc_get_shown(known)
        as_known = abs(amount - worth) < DUST and (quantity == known or not known)
        if not origin or as_known:
            return
        self.sudo().trtc_allocation_ids._erase()
        left = origin._trtc_get_left()[origin]
        # All that is left is all of it, though thirds of a unit miss a little.
        quantity = self._trtc_get_shown(-add_up(left.values())[0])[0]
        self.env["trtc.allocation"]._record(
            origin._trtc_prepare_taking(self, left, -quantity, -amount)
        )

    def _trtc_prepare_manual_rows(self, sums):
        """Return the values of ledger rows for what this line bills beyond the ledger.

        What is taken off goes to the last days first, each at most to nothing; another
        price goes to all of them.

        :param sums: {statement line or fee: (quantity, amount)} that the ledger says
        """
        self.ensure_one()
        price = self._trtc_get_net_price()
        known, worth = add_up(sums.values())
        quantity, amount = self._trtc_get_shown(known)
        quantity -= known
        if not quantity and abs(amount - worth) < DUST:
            return []
        prepared = []
        ordered = sorted(sums, key=lambda one: (one._get_day(), one.id), reverse=True)
        for billed in ordered:
            held, worth = sums[billed]
            part = quantity if billed == ordered[-1] else self._trtc_get_part(quantity, held)
            quantity -= part
            money = ((held + part) * price).quantize(EXACT) - worth
            if part or abs(money) >= DUST:
                prepared.append(
                    {
                        "kind": "manual",
                        "fee_id" if billed._name == "trtc.fee" else "statement_line_id": billed.id,
                        "move_id": self.move_id.id,
                        "move_line_id": self.id,
                        "quantity": part,
                        "amount": money,
                    }
                )
        return prepared

    def _trtc_check_covers_credits(self, changes):
        """Raise if this line was lowered by hand below what credit notes take back of it.

        :param changes: values of the ledger rows for what was changed
        """
        credits = self.sudo().trtc_allocation_ids.credit_ids._filter_in_force()
        if not changes or not credits:
            return
        _quantity, left = add_up(self._trtc_get_left()[self].values())
        worth = self._trtc_get_shown()[1]
        left += sum((vals["amount"] for vals in changes), ZERO)
        low, high = sorted((ZERO, worth))
        if not low - DUST < left < high + DUST:
            raise UserError(
                self.env._(
                    "%(line)s on %(invoice)s: what credits it takes back more than it bills now, "
                    "%(others)s. Set it back, or cancel the credit note first.",
                    line=(self.name or "").partition("\n")[0],
                    invoice=self.move_id._trtc_get_names(),
                    others=credits.move_id._trtc_get_names(),
                )
            )

    def _trtc_get_part(self, difference, held):
        """Return how much of a difference one statement line or fee can take."""
        if difference * held >= 0:
            return ZERO
        return difference if abs(difference) <= abs(held) else -held
