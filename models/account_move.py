from typing import NamedTuple

from odoo import Command, api, fields, models
from odoo.exceptions import AccessError, UserError

from .markers import in_flow, without_claims

#: What a refresh changes on the lines of a draft.
REFRESHED = ("name", "trtc_name", "quantity", "sequence", "trtc_date_from", "trtc_date_to")
#: Likewise, where more usage asks for another unit.
FIGURES = ("price_unit", "product_uom_id", "trtc_ratio")


class InvoicePlan(NamedTuple):
    """What an invoice shall hold: see :meth:`AccountMove._trtc_get_plan`."""

    vals: dict
    #: [(values of an invoice line, the statement lines, fee or claims that it bills)]
    groups: list
    #: every statement line that the invoice holds, those without an amount too
    lines: object
    fees: object
    #: what credit notes opened again
    claims: object
    exact: object
    total: object
    draft: object

    def get_line_vals(self):
        return [
            {**vals, "sequence": 10 * position}
            for position, (vals, _lines) in enumerate(self.groups, start=1)
        ]

    def get_create_vals(self):
        commands = [Command.create(vals) for vals in self.get_line_vals()]
        return {**self.vals, "invoice_line_ids": commands}


#: What users may set by hand.
SET_BY_USERS = ("trtc_reopens",)


def check_own_fields(env, names):
    """Raise if somebody sets by hand what ties invoices to usage.

    :param names: names of the fields to set
    """
    allowed = (*SET_BY_USERS, "trtc_origin_line_id") if in_flow(env) else SET_BY_USERS
    if not env.su and any(
        name.startswith("trtc_") and name not in allowed for name in names
    ):
        raise AccessError(
            env._(
                "What ties an invoice to TRTC usage is set by TRTC Billing alone. Use "
                "Billing / Settle and Invoice."
            )
        )


def check_own_values(env, vals_list):
    """Raise if new records come with such values, given or as defaults of the context."""
    for vals in vals_list:
        # A form may name such a field, but has nothing to put in.
        check_own_fields(env, (name for name, value in vals.items() if value))
    prefix = "default_"
    check_own_fields(
        env, [key.removeprefix(prefix) for key in env.context if key.startswith(prefix)]
    )


class AccountMove(models.Model):
    _inherit = "account.move"

    # === FIELDS === #

    trtc_account_id = fields.Many2one(
        "trtc.account",
        string="TRTC Account",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
    )
    trtc_date_from = fields.Date(string="Usage From", readonly=True, copy=False)
    trtc_date_to = fields.Date(string="Usage To", readonly=True, copy=False)
    trtc_reopens = fields.Boolean(
        string="Bill Usage Again",
        default=True,
        copy=False,
        groups="base.group_user",
        help="What this credit note takes back is billed again by the next run. Otherwise it "
        "is goodwill: it stays credited.",
    )
    trtc_is_credit = fields.Boolean(
        compute="_compute_trtc_is_credit", compute_sudo=True, string="Credits TRTC Usage"
    )
    trtc_allocation_ids = fields.One2many("trtc.allocation", "move_id", copy=False)
    trtc_statement_ids = fields.Many2many(
        "trtc.statement", string="TRTC Statements", compute="_compute_trtc_statement_ids"
    )
    trtc_statement_count = fields.Integer(compute="_compute_trtc_statement_ids")

    # === COMPUTE === #

    @api.depends("trtc_allocation_ids.released", "trtc_allocation_ids.statement_id")
    def _compute_trtc_statement_ids(self):
        for move in self:
            statements = move._trtc_get_rows().statement_id
            move.trtc_statement_ids = statements
            move.trtc_statement_count = len(statements)

    @api.depends("trtc_allocation_ids.kind")
    def _compute_trtc_is_credit(self):
        for move in self:
            move.trtc_is_credit = "credit" in move.trtc_allocation_ids.mapped("kind")

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        check_own_values(self.env, vals_list)
        return super().create(vals_list)

    def write(self, vals):
        check_own_fields(self.env, vals)
        self._trtc_check_reopens(vals)
        result = super().write(vals)
        if "state" in vals:
            self._trtc_sync_allocations()
        return result

    def unlink(self):
        self.check_access("unlink")
        # By the ORM, so that what they took back counts as billed again.
        self.sudo().trtc_allocation_ids._erase()
        return super().unlink()

    # === ACTION === #

    def action_open_trtc_statements(self):
        return self.trtc_account_id._action_open(
            "trtc_statement_action", [("id", "in", self.trtc_statement_ids.ids)]
        )

    # === BUSINESS === #

    def _trtc_get_rows(self):
        """Return the rows of the ledger that are in force on these invoices."""
        return self.sudo().trtc_allocation_ids._filter_in_force()

    def _trtc_get_first_rows(self):
        """Return those that bill a statement line or fee for the first time."""
        return self._trtc_get_rows()._filter_first()

    def _trtc_is_refreshable(self):
        """Tell whether this is a draft that is still as it was generated."""
        self.ensure_one()
        account = self._trtc_get_billed_account()
        if self.state != "draft" or self.posted_before or self.is_move_sent:
            return False
        if self.reversed_entry_id:
            # A credit note is somebody's decision about another document.
            return False
        if (self.partner_id, self.currency_id, self.company_id) != (
            account._get_invoice_partner(),
            account.currency_id,
            account.company_id,
        ):
            return False
        lines = self.invoice_line_ids
        generated = lines.filtered(lambda line: line._trtc_is_generated())
        return (
            lines == generated
            and bool(generated.sudo().trtc_allocation_ids)
            and all(line._trtc_is_as_generated() for line in generated)
            and not self._trtc_get_typed_amounts()
        )

    @api.model
    def _trtc_invoice(self, bills):
        """Create or refresh invoices; where one bill fails, the others go on.

        :param list bills: ``Bill`` tuples of accounts of the current company
        :return: (invoices, errors)
        """
        try:
            with self.env.cr.savepoint():
                return self._trtc_create_or_refresh(bills), []
        except UserError:
            if not bills:
                raise
        moves, errors = self.browse(), []
        for bill in bills:
            try:
                with self.env.cr.savepoint():
                    moves |= self._trtc_create_or_refresh([bill])
            except UserError as error:
                errors.append(bill.account._keep_billing_error(error))
        return moves, errors

    @api.model
    def _trtc_create_or_refresh(self, bills):
        """Create or refresh one invoice per bill, creating in one batch.

        :param list bills: ``Bill`` tuples of accounts of the current company
        :return: the invoices, in the order of the bills
        """
        plans = [plan for plan in map(self._trtc_get_plan, bills) if plan]
        new = iter(
            self.with_env(without_claims(self.env)).create(
                [plan.get_create_vals() for plan in plans if not plan.draft]
            )
        )
        moves = []
        for plan in plans:
            if plan.draft:
                plan.draft._trtc_refresh(plan)
            moves.append(plan.draft or next(new))
        self.env["trtc.allocation"]._record(
            [
                vals
                for move, plan in zip(moves, plans, strict=True)
                for vals in move._trtc_prepare_allocations(plan)
            ]
        )
        for move, plan in zip(moves, plans, strict=True):
            move.invoice_line_ids._trtc_keep_unit_taxes()
            move._trtc_round_to(plan.total, plan.exact)
        return self.browse(move.id for move in moves)

    @api.model
    def _trtc_get_plan(self, bill):
        """Return the :class:`InvoicePlan` of a bill, or None if nothing is left of it."""
        account, draft = bill.account, bill.draft
        first = draft._trtc_get_first_rows()
        lines = bill.lines | first.statement_line_id
        fees = bill.fees | first.fee_id
        claims = bill.claims | draft._trtc_get_rows().rebills_id
        total = account._get_exact_total(lines) + fees._get_exact_total()
        total -= claims._get_exact_total()
        move_type = "out_invoice" if total >= 0 else "out_refund"
        sign = 1 if total >= 0 else -1
        rounded = account._get_rounded_total(sign * total)
        if draft and (not rounded or draft.move_type != move_type):
            draft.unlink()
            draft = self.browse()
        if not rounded:
            return None
        return InvoicePlan(
            vals=account._prepare_invoice(bill, move_type),
            groups=account._arrange_lines(
                [
                    *account._prepare_invoice_lines(lines, bill.period, sign),
                    *account._prepare_fee_lines(fees, sign),
                    *account._prepare_claim_lines(claims, bill.period, sign),
                ]
            ),
            lines=lines,
            fees=fees,
            claims=claims,
            exact=sign * total,
            total=rounded,
            draft=draft,
        )

    def _trtc_refresh(self, plan):
        """Bring the lines of this draft to a plan; keep what the plan leaves alone."""
        self.trtc_allocation_ids._erase()
        generated = self.invoice_line_ids.filtered(
            lambda line: line._trtc_is_generated() and not line.trtc_is_rounding
        )
        known = generated.grouped(lambda line: line._trtc_get_key())
        commands = []
        for vals in plan.get_line_vals():
            key = generated._trtc_prepare_key(vals)
            line = known.get(key, self.env["account.move.line"])[:1]
            if line:
                known[key] -= line
            # Whatever else was entered on a line that stays, such as taxes, stays too.
            changes = {name: vals[name] for name in REFRESHED if name in vals}
            if line and line._trtc_has_other_unit(vals):
                figures = {name: vals[name] for name in FIGURES if name in vals}
                changes |= line._trtc_keep_taxes(figures)
            commands.append(Command.update(line.id, changes) if line else Command.create(vals))
        commands += [Command.delete(line.id) for rest in known.values() for line in rest]
        self.write({"invoice_line_ids": commands})

    def _trtc_prepare_allocations(self, plan):
        """Return the values of the rows that tie this invoice to statement lines."""
        self.ensure_one()
        exact, no_line = plan.lines._get_exact_amounts(), self.env["account.move.line"]
        by_sequence = {
            line.sequence: line
            for line in self.invoice_line_ids
            if line.trtc_item_id or line.trtc_fee_id
        }
        places = {
            billed: by_sequence[vals["sequence"]]
            for vals, (_vals, found) in zip(plan.get_line_vals(), plan.groups, strict=True)
            for billed in found
        }
        lines = [
            {
                "statement_line_id": line.id,
                "move_id": self.id,
                "move_line_id": places[line].id if line in places else False,
                "quantity": exact[line.id][0],
                "amount": exact[line.id][2],
            }
            for line in plan.lines
        ]
        fees = [
            {
                "fee_id": fee.id,
                "move_id": self.id,
                "move_line_id": places[fee].id,
                "quantity": fee.quantity,
                "amount": fee.amount,
            }
            for fee in plan.fees
        ]
        claims = [
            claim._prepare_credit(*figures, self, places.get(claim, no_line))
            for claim, figures in plan.claims._get_remaining().items()
        ]
        return lines + fees + claims

    def _trtc_round_to(self, total, exact):
        """Let the rounding line make the untaxed total the exact one, rounded once.

        :param Decimal total: the exact amount, rounded
        :param Decimal exact: the exact amount that this document bills
        """
        self.ensure_one()
        billed = self.invoice_line_ids.filtered(lambda line: not line.trtc_is_rounding)
        rounding = self.invoice_line_ids - billed
        largest = billed._trtc_get_largest()
        missing = self.currency_id.round(float(total) - self._trtc_get_billed_total())
        if self.currency_id.is_zero(missing):
            rounding._trtc_follow_distribution(largest)
            return
        difference = sum(rounding.mapped("price_unit")) + missing
        if rounding:
            self.write({"invoice_line_ids": [Command.delete(line.id) for line in rounding]})
        if self.currency_id.is_zero(difference):
            return
        account = self.trtc_account_id._for_customer(self.commercial_partner_id)
        prepared = account._prepare_rounding_lines(difference, exact, largest)
        self.write({"invoice_line_ids": [Command.create(vals) for vals in prepared]})

    def _trtc_get_billed_total(self):
        """Return what is billed in the terms that prices are stated in.

        The totals of the invoice are asked, not those of its lines: the two differ
        where the company rounds taxes globally.  What Odoo rounds for payment in cash is left
        out.
        """
        included = self.line_ids.filtered(lambda line: line.tax_line_id.price_include)
        cash = self.line_ids.filtered(
            lambda line: line.display_type == "rounding" and not line.tax_repartition_line_id
        )
        others = sum(included.mapped("amount_currency")) - sum(cash.mapped("amount_currency"))
        return self.amount_untaxed + self.direction_sign * others
