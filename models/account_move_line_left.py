from decimal import Decimal

from odoo import models
from odoo.exceptions import UserError

from .exact import AMOUNT_DIGITS, QUANTITY_DIGITS
from .figures import show_figure, show_money

ZERO = Decimal(0)
EXACT = Decimal(1).scaleb(-AMOUNT_DIGITS[1])
KEPT = Decimal(1).scaleb(-QUANTITY_DIGITS[1])
#: Sums of amounts that were rounded to eight decimals one by one miss less than this.
DUST = Decimal("0.00001")


def add_up(figures):
    """Return (quantity, amount) of pairs of them together, as Decimals."""
    pairs = list(figures)
    return tuple(sum((pair[place] for pair in pairs), ZERO) for place in (0, 1))


class AccountMoveLine(models.Model):
    # A room of its own: what is left of what a line bills, and taking it back.
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _trtc_get_way(self):
        """Return 1 where the quantity has the sign of the ledger, -1 on credit notes."""
        return -1 if self.move_id.move_type == "out_refund" else 1

    def _trtc_get_net_price(self):
        """Return the price of a billing unit after the discount, as a Decimal."""
        self.ensure_one()
        price = Decimal(repr(self.price_unit)) * (1 - Decimal(repr(self.discount)) / 100)
        return price * self._trtc_get_ratio()

    def _trtc_get_shown(self, known=None):
        """Return (quantity, amount) that this line shows, in the terms of the ledger.

        :param Decimal known: the quantity that it was made for: it is that, as long as it
            says nothing else in the decimals that it has
        """
        self.ensure_one()
        way, ratio = self._trtc_get_way(), self._trtc_get_ratio()
        shown = way * Decimal(repr(self.quantity))
        amount = (shown * self._trtc_get_net_price() / ratio).quantize(EXACT)
        if known is not None and self._trtc_says(way * known):
            return known, amount
        return (shown / ratio).quantize(KEPT), amount

    def _trtc_get_left(self):
        """Return {line: {statement line or fee: (quantity, amount)}} of what is left of lines.

        It is what they bill, with what was changed by hand, less what credit notes in force,
        drafts among them, take back; of what a credit note takes back, less what was billed
        again. As Decimals, in the terms of the ledger.
        """
        credits = self.search([("trtc_origin_line_id", "in", self.ids)]).filtered(
            lambda line: line.move_id.reversed_entry_id == line.trtc_origin_line_id.move_id
        )
        rows = (self | credits).trtc_allocation_ids._filter_in_force()
        # Of a credit note: what runs, or invoices that replace another one, billed again.
        again = self.trtc_allocation_ids.rebill_ids._filter_in_force() - rows
        figures = (rows | again)._get_figures()

        def get_line(row):
            line = row.rebills_id.move_line_id if row in again else row.move_line_id
            return line if line in self else line.trtc_origin_line_id

        found = (rows | again).grouped(get_line)
        return {line: found.get(line, rows.browse())._get_sums(figures) for line in self}

    def _trtc_has_left(self):
        """Tell whether anything is left of what these lines bill."""
        return any(
            quantity or abs(amount) >= DUST
            for left in self._trtc_get_left().values()
            for quantity, amount in left.values()
        )

    def _trtc_get_stated_total(self):
        """Return what these lines come to in the terms that their prices are stated in."""
        return sum(
            line.price_total
            if any(tax.price_include for tax in line.tax_ids)
            else line.price_subtotal
            for line in self
        )

    def _trtc_prepare_taking(self, credit_line, left, quantity, amount):
        """Return the values of the ledger rows by which a line takes back a part of this one.

        At the price that this line has the last days come first. At any other price it is
        an allowance on all of it: it opens nothing, and is never billed again.

        :param credit_line: the line of the credit note
        :param left: what is left of this line, see :meth:`_trtc_get_left`
        :param Decimal quantity: in the terms of the ledger of this line
        :param Decimal amount: likewise
        :raise UserError: for more than is left
        """
        self.ensure_one()
        total, worth = add_up(left.values())
        way = 1 if worth >= 0 else -1
        coin = Decimal(repr(self.currency_id.rounding))
        if min(way * quantity, way * amount) < 0 or (
            way * quantity > way * total or way * amount > way * worth + coin
        ):
            raise UserError(
                self.env._(
                    "%(line)s of %(credit)s: %(quantity)s for %(amount)s cannot be credited. "
                    "Of what %(invoice)s bills, %(left)s for %(worth)s are left.",
                    line=(credit_line.name or "").partition("\n")[0],
                    credit=credit_line.move_id._trtc_get_names(),
                    invoice=self.move_id._trtc_get_names(),
                    quantity=show_figure(self.env, way * quantity),
                    amount=show_money(self.env, way * amount, self.currency_id),
                    left=show_figure(self.env, way * total),
                    worth=show_money(self.env, way * worth, self.currency_id),
                )
            )
        if quantity != total or abs(amount - worth) >= DUST:
            self._trtc_check_divisible(credit_line)
        ordered = sorted(left, key=lambda one: (one._get_day(), one.id), reverse=True)
        if total and abs(amount - worth * quantity / total) >= DUST:
            return self._trtc_prepare_allowance(credit_line, left, ordered, amount)
        parts = []
        for billed in ordered:
            held, money = left[billed]
            if quantity == total:
                part = held
            else:
                part = way * max(min(way * held, way * quantity), ZERO)
                quantity, total = quantity - part, total - part
            if part != held:
                money = (money * part / held).quantize(EXACT)
            if part or money:
                parts.append((billed, part, money))
            if not quantity:
                break
        return self._trtc_prepare_taken(credit_line, parts)

    def _trtc_check_divisible(self, credit_line):
        """Raise if a part of this line is to be taken back, and it credits another one.

        What it opened is billed again once, by one document.
        """
        self.ensure_one()
        if "credit" in self._trtc_get_bases().mapped("kind"):
            raise UserError(
                self.env._(
                    "%(line)s of %(document)s takes back a part of %(credit)s: lines of credit "
                    "notes are taken back as a whole. Enter the quantity and price that it has "
                    "there, or delete the line.",
                    line=(credit_line.name or "").partition("\n")[0],
                    document=credit_line.move_id._trtc_get_names(),
                    credit=self.move_id._trtc_get_names(),
                )
            )

    def _trtc_prepare_allowance(self, credit_line, left, ordered, amount):
        """Return the values of ledger rows for an amount that comes off the price."""
        _total, worth = add_up(left.values())
        by_billed = self._trtc_get_bases().grouped(lambda row: row._get_billed())
        prepared, rest = [], amount
        for billed in ordered:
            share = (amount * left[billed][1] / worth).quantize(EXACT) if worth else ZERO
            money = rest if billed == ordered[-1] else share
            rest -= money
            if money and (bases := by_billed.get(billed)):
                vals = bases[0]._prepare_credit(ZERO, money, credit_line.move_id, credit_line)
                prepared.append({**vals, "is_goodwill": True})
        return prepared

    def _trtc_get_bases(self):
        """Return the ledger rows of this line that a credit note can take back."""
        # What was raised by hand comes after what it was raised from.
        return self.trtc_allocation_ids._filter_in_force().sorted(
            lambda row: (row.kind == "manual", row.id)
        )

    def _trtc_prepare_taken(self, credit_line, parts):
        """Return the values of the ledger rows that take back parts of this line.

        :param parts: [(statement line or fee, quantity, amount)]
        """
        rows = self._trtc_get_bases()
        remaining, by_billed = rows._get_remaining(), rows.grouped(lambda row: row._get_billed())
        move, prepared = credit_line.move_id, []
        for billed, quantity, amount in parts:
            bases = by_billed.get(billed, rows.browse())
            for base in bases:
                held = remaining[base][0]
                way = 1 if held >= 0 else -1
                part = way * max(min(way * held, way * quantity), ZERO)
                money = amount
                if base != bases[-1] and quantity:
                    money = (amount * part / quantity).quantize(EXACT)
                if part or money:
                    prepared.append(base._prepare_credit(part, money, move, credit_line))
                quantity, amount = quantity - part, amount - money
        return prepared
