from collections import defaultdict
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, float_compare

from .account_move_line_left import DUST, ZERO, add_up
from .exact import AMOUNT_DIGITS, PRICE_DIGITS, QUANTITY_DIGITS, Exact
from .markers import SETTLING


class TrtcAllocation(models.Model):
    """The ledger of what is invoiced: which invoice line holds how much of what.

    Rows are signed in the terms of the statement line or fee: what is billed has its sign,
    what is credited the opposite one, and their sum is what is invoiced.  It is never stored
    anywhere else.

    * ``bill``: an invoice bills a statement line or fee as a whole, or, with ``rebills_id``,
      what a credit note has opened again;
    * ``credit``: a credit note takes back all or a part of a row that billed, ``credits_id``;
    * ``manual``: what somebody changed on an invoice line by hand before it was posted.

    A row that is released stays as history but holds nothing. Documents write here through
    :meth:`_record`, :meth:`_erase` and :meth:`_set_released`, and nobody else does.
    """

    _name = "trtc.allocation"
    _description = "TRTC Allocation"
    _inherit = ["trtc.sealed"]
    _order = "id"

    # === FIELDS === #

    kind = fields.Selection(
        [("bill", "Billed"), ("credit", "Credited"), ("manual", "Changed by hand")],
        required=True,
        readonly=True,
        default="bill",
    )
    statement_line_id = fields.Many2one(
        "trtc.statement.line", ondelete="restrict", index="btree_not_null"
    )
    fee_id = fields.Many2one("trtc.fee", ondelete="restrict", index="btree_not_null")
    statement_id = fields.Many2one(
        related="statement_line_id.statement_id", store=True, index=True
    )
    account_id = fields.Many2one(
        "trtc.account", compute="_compute_account_id", store=True, index=True
    )
    company_id = fields.Many2one("res.company", compute="_compute_account_id", store=True)
    currency_id = fields.Many2one(related="move_id.currency_id")
    move_id = fields.Many2one("account.move", required=True, ondelete="cascade", index=True)
    move_state = fields.Selection(related="move_id.state", string="Invoice Status")
    # Nothing was charged for a line without an invoice line: it was free.
    move_line_id = fields.Many2one(
        "account.move.line", ondelete="cascade", index="btree_not_null"
    )
    quantity = Exact(digits=QUANTITY_DIGITS)
    amount = Exact(digits=AMOUNT_DIGITS, help="Before the one rounding of the invoice.")
    released = fields.Boolean(
        help="The invoice was cancelled: what it billed may be billed again."
    )
    credits_id = fields.Many2one(
        "trtc.allocation",
        string="Takes Back",
        ondelete="restrict",
        index="btree_not_null",
        help="The row that this one takes back, all of it or a part.",
    )
    credit_ids = fields.One2many("trtc.allocation", "credits_id")
    credited_quantity = Exact(
        digits=QUANTITY_DIGITS,
        compute="_compute_credited_quantity",
        store=True,
        help="How much of this row credit notes take back, drafts among them.",
    )
    reopens = fields.Boolean(
        related="move_id.trtc_reopens",
        store=True,
        string="Bill Again",
        help="What the credit note takes back is billed again; otherwise it is goodwill.",
    )
    is_goodwill = fields.Boolean(
        string="Allowance",
        readonly=True,
        help="Credited at another price than it was billed at: it opens nothing.",
    )
    rebills_id = fields.Many2one(
        "trtc.allocation",
        string="Bills Again",
        ondelete="restrict",
        index="btree_not_null",
        help="The credit that this row bills again.",
    )
    rebill_ids = fields.One2many("trtc.allocation", "rebills_id")
    is_open = fields.Boolean(
        string="To Bill Again",
        compute="_compute_is_open",
        search="_search_is_open",
        compute_sudo=True,
    )
    outcome = fields.Char(
        compute="_compute_outcome", compute_sudo=True, help="What this row means by now."
    )

    _once = models.UniqueIndex(
        "(statement_line_id) WHERE released IS NOT TRUE AND kind = 'bill' AND rebills_id IS NULL",
        "A statement line is invoiced once: it is on another invoice already.",
    )
    _fee_once = models.UniqueIndex(
        "(fee_id) WHERE released IS NOT TRUE AND fee_id IS NOT NULL AND kind = 'bill'"
        " AND rebills_id IS NULL",
        "A fee is invoiced once: it is on another invoice already.",
    )
    _rebilled_once = models.UniqueIndex(
        "(rebills_id) WHERE released IS NOT TRUE AND rebills_id IS NOT NULL",
        "What a credit note took back is billed again once: it is on another invoice already.",
    )
    _one_thing = models.Constraint(
        "CHECK (num_nonnulls(statement_line_id, fee_id) = 1)",
        "An allocation bills a statement line or a fee.",
    )
    _credits_something = models.Constraint(
        "CHECK (kind <> 'credit' OR credits_id IS NOT NULL)",
        "A credit takes something back.",
    )
    _not_credited_twice = models.Constraint(
        "CHECK (credited_quantity * sign(quantity) >= 0"
        " AND abs(credited_quantity) <= abs(quantity))",
        "No more can be credited than was billed.",
    )

    # === COMPUTE === #

    @api.depends("statement_line_id.account_id", "fee_id.account_id")
    def _compute_account_id(self):
        for allocation in self:
            billed = allocation._get_billed()
            allocation.account_id = billed.account_id
            allocation.company_id = billed.company_id

    @api.depends("credit_ids.quantity", "credit_ids.released")
    def _compute_credited_quantity(self):
        for allocation in self:
            credits = allocation.credit_ids._filter_in_force()
            allocation.credited_quantity = -sum(credits.mapped("quantity"))

    @api.depends(
        "kind", "reopens", "is_goodwill", "released", "move_id.state", "rebill_ids.released"
    )
    def _compute_is_open(self):
        for allocation in self:
            allocation.is_open = (
                allocation.kind == "credit"
                and allocation.reopens
                and not allocation.is_goodwill
                and not allocation.released
                and allocation.move_id.state == "posted"
                and all(allocation.rebill_ids.mapped("released"))
            )

    def _search_is_open(self, operator, value):
        if operator != "in":
            return NotImplemented
        domain = [
            ("kind", "=", "credit"),
            ("reopens", "=", True),
            ("is_goodwill", "=", False),
            ("released", "=", False),
            ("move_id.state", "=", "posted"),
            ("rebill_ids", "not any", [("released", "=", False)]),
        ]
        return domain if True in value else ["!", *["&"] * (len(domain) - 1), *domain]

    @api.depends(
        "kind", "reopens", "is_goodwill", "released", "move_id.state", "rebill_ids.released"
    )
    def _compute_outcome(self):
        for allocation in self:
            allocation.outcome = allocation._get_outcome()

    # === CONSTRAINT === #

    @api.constrains("quantity", "released", "credits_id")
    def _check_credited(self):
        for row in (self | self.credits_id).filtered("credit_ids"):
            # The sign of what is billed tells the way.
            way = 1 if row.quantity >= 0 else -1
            if float_compare(way * row.credited_quantity, way * row.quantity, 9) > 0:
                raise ValidationError(
                    self.env._(
                        "%(billed)s on %(invoice)s was credited already, on %(others)s: no more "
                        "can be credited than was billed.",
                        billed=row._get_billed().display_name,
                        invoice=row.move_id._trtc_get_names(),
                        others=row.credit_ids._filter_in_force().move_id._trtc_get_names(),
                    )
                )

    # === CRUD === #

    def unlink(self):
        self.check_access("unlink")
        self._check_settling()
        self._check_not_posted()
        self._check_not_followed()
        # Credits that were cancelled are nothing without what they took back.
        history = (self.credit_ids | self.rebill_ids).filtered("released") - self
        if history:
            history.unlink()
        return super().unlink()

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "What is billed and credited is written down by invoices and credit notes alone. "
            "Change, cancel or credit the document instead."
        )

    # === BUSINESS === #

    @api.model
    def _record(self, vals_list):
        """Write down what documents bill and credit."""
        self.sudo().with_context(trtc_settling=SETTLING).create(vals_list)

    def _erase(self):
        """Let these rows go with the draft or the line that they are of.

        :raise UserError: for what is posted, or rested on by others
        """
        self.sudo().with_context(trtc_settling=SETTLING).unlink()

    def _set_released(self, released):
        """Let these rows hold nothing any more, or hold it again."""
        self.sudo().with_context(trtc_settling=SETTLING).write({"released": released})

    def _get_outcome(self):
        """Return in words what this row means by now."""
        again = self.rebill_ids._filter_in_force()
        if self.released:
            return self.env._("Released: the document was cancelled")
        if again:
            return self.env._("Billed again: %(invoice)s", invoice=again.move_id._trtc_get_names())
        if self.kind == "credit" and self.move_id.state == "draft":
            return (
                self.env._("To be billed again once the credit note is posted")
                if self.reopens and not self.is_goodwill
                else self.env._("Goodwill, once the credit note is posted")
            )
        if self.kind == "credit":
            return (
                self.env._("The next run bills it again")
                if self.reopens and not self.is_goodwill
                else self.env._("Goodwill: it stays credited")
            )
        if self.kind == "manual":
            return self.env._("Neither billed nor credited again")
        if self.rebills_id:
            return self.env._("Bills a credit again")
        return self.env._("Billed")

    def _check_not_posted(self):
        """Raise if a posted document holds these rows: not even a forced delete loses them."""
        posted = self.move_id.filtered(lambda move: move.state == "posted")
        if posted:
            raise UserError(
                self.env._(
                    "Posted, and billing or crediting TRTC usage: %(documents)s. What is posted "
                    "cannot be deleted, nor its lines; credit it instead.",
                    documents=posted._trtc_get_names(),
                )
            )

    def _check_not_followed(self):
        """Raise if credit notes or invoices that are in force rest on these rows."""
        followers = self._get_followers() - self
        if followers:
            raise UserError(
                self.env._(
                    "What %(invoice)s holds is taken back or billed again on %(others)s. Cancel or "
                    "delete that first.",
                    invoice=followers._get_bases().move_id._trtc_get_names(),
                    others=followers.move_id._trtc_get_names(),
                )
            )

    def _check_may_hold(self):
        """Raise if what these released rows held is held by other documents now."""
        first = self._filter_first()
        others = (first.statement_line_id.allocation_ids | first.fee_id.allocation_ids)
        others = others._filter_first()
        others |= self.rebills_id.rebill_ids
        taken = others._filter_in_force()
        if taken:
            raise UserError(
                self.env._(
                    "What %(invoice)s bills was billed again while it was cancelled, on "
                    "%(others)s. Delete or cancel that invoice first, or leave this one "
                    "cancelled.",
                    invoice=self.move_id._trtc_get_names(),
                    others=taken.move_id._trtc_get_names(),
                )
            )
        gone = (self.credits_id - self).filtered("released") | self.rebills_id.filtered(
            lambda row: row.released or row.move_id.state != "posted"
        )
        if gone:
            raise UserError(
                self.env._(
                    "%(document)s rests on what is not in force any more: %(others)s. Leave it "
                    "cancelled.",
                    document=self.move_id._trtc_get_names(),
                    others=gone.move_id._trtc_get_names(),
                )
            )

    def _filter_in_force(self):
        """Return those of these rows that hold something."""
        return self.filtered(lambda row: not row.released)

    def _filter_first(self):
        """Return those that bill a statement line or fee for the first time."""
        return self.filtered(lambda row: row.kind == "bill" and not row.rebills_id)

    def _get_followers(self):
        """Return the rows in force that take these back or bill them again."""
        return (self.credit_ids | self.rebill_ids)._filter_in_force()

    def _get_bases(self):
        """Return the rows that these take back or bill again."""
        return self.credits_id | self.rebills_id

    def _get_figures(self):
        """Return {row id: (quantity, amount)} as Decimals."""
        if not self:
            return {}
        self.flush_model(["quantity", "amount"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, quantity::text, amount::text
                  FROM trtc_allocation WHERE id = ANY(%s)
                """,
                self.ids,
            )
        )
        return {row_id: (Decimal(quantity), Decimal(amount)) for row_id, quantity, amount in rows}

    def _get_remaining(self):
        """Return {row: (quantity, amount)} of what nothing in force takes back, as Decimals."""
        followers = self._get_followers()
        figures = (self | followers)._get_figures()
        remaining = {row: figures[row.id] for row in self}
        for follower in followers:
            quantity, amount = remaining[follower._get_bases()]
            taken, given = figures[follower.id]
            remaining[follower._get_bases()] = quantity + taken, amount + given
        return remaining

    def _is_free_and_held(self):
        """Tell whether this row bills nothing, and no credit note has taken it back."""
        self.ensure_one()
        return not (self.amount or self.quantity or self._get_followers())

    def _get_billed(self):
        """Return the statement line or fee that this row is about."""
        self.ensure_one()
        return self.statement_line_id or self.fee_id

    def _get_sums(self, figures):
        """Return {statement line or fee: (quantity, amount)} of these rows, as Decimals.

        :param figures: see :meth:`_get_figures`; of these rows and maybe others
        """
        sums = defaultdict(lambda: (ZERO, ZERO))
        for row in self:
            sums[row._get_billed()] = add_up([sums[row._get_billed()], figures[row.id]])
        return sums

    def _get_exact_total(self):
        """Return the exact sum of the amounts of these rows, as a Decimal."""
        return add_up(self._get_figures().values())[1]

    def _get_prices(self):
        """Return {row: the price of a unit that it is billed at}, as Decimals.

        It is that of the statement line or fee, but where somebody had changed it by hand.
        """
        figures = self._get_figures()
        exact = self.statement_line_id._get_exact_amounts()
        prices = {}
        for row in self:
            quantity, amount = figures[row.id]
            line = row.statement_line_id
            price = exact[line.id][1] if line else Decimal(repr(row.fee_id.price_unit))
            if quantity and abs(quantity * price - amount) >= DUST:
                price = round(amount / quantity, PRICE_DIGITS[1])
            prices[row] = price
        return prices

    def _prepare_credit(self, quantity, amount, move, move_line):
        """Return the values of the row by which a credit note takes this one back.

        What a credit note took back, its own reversal bills again.

        :param Decimal quantity: how much of it, with the sign of this row
        :param Decimal amount: likewise
        """
        self.ensure_one()
        vals = {
            "statement_line_id": self.statement_line_id.id,
            "fee_id": self.fee_id.id,
            "move_id": move.id,
            "move_line_id": move_line.id,
            "quantity": -quantity,
            "amount": -amount,
        }
        if self.kind == "credit":
            return {**vals, "kind": "bill", "rebills_id": self.id}
        return {**vals, "kind": "credit", "credits_id": self.id}
