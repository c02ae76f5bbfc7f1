from collections import defaultdict
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..models.figures import show_figure, to_decimal

ZERO = Decimal(0)


class TrtcCredit(models.TransientModel):
    """Credits a part of a posted invoice: which application, item, days, how much."""

    _name = "trtc.credit"
    _description = "Credit TRTC Usage"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    move_id = fields.Many2one("account.move", string="Invoice", required=True, readonly=True)
    currency_id = fields.Many2one(related="move_id.currency_id")
    company_id = fields.Many2one(related="move_id.company_id")
    application_ids = fields.Many2many(
        "trtc.application", string="Applications", help="Empty: all of the invoice."
    )
    item_ids = fields.Many2many("trtc.item", string="Billing Items", help="Empty: all.")
    date_from = fields.Date(string="Usage From", help="The first day to credit; empty: the first.")
    date_to = fields.Date(string="Usage To", help="The last day to credit; empty: the last.")
    whole = fields.Boolean(
        string="All of It", help="Credit all that is left of what is listed."
    )
    reopens = fields.Selection(
        [
            ("again", "Bill it again with the next run"),
            ("goodwill", "Goodwill: it stays credited"),
        ],
        string="Afterwards",
        required=True,
        default="goodwill",
    )
    reason = fields.Char(required=True, help="Stands on the credit note.")
    date = fields.Date(
        string="Credit Note Date",
        required=True,
        compute="_compute_date",
        store=True,
        precompute=True,
        readonly=False,
    )
    line_ids = fields.One2many(
        "trtc.credit.line",
        "credit_id",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
    )
    amount = fields.Monetary(string="Untaxed Credit", compute="_compute_amount")
    taken = fields.Text(
        string="Days to Credit",
        compute="_compute_taken",
        help="The days whose usage is credited. The latest of the chosen days come first.",
    )

    # === COMPUTE === #

    @api.depends("move_id")
    def _compute_date(self):
        for wizard in self:
            wizard.date = (wizard.company_id or self.env.company)._trtc_today()

    @api.depends("move_id", "application_ids", "item_ids", "date_from", "date_to", "whole")
    def _compute_line_ids(self):
        for wizard in self:
            wizard.line_ids = [Command.clear()] + [
                Command.create(wizard._prepare_line(key, rows))
                for key, rows in wizard._get_groups().items()
            ]

    @api.depends("line_ids.amount")
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = sum(wizard.line_ids.mapped("amount"))

    @api.depends("line_ids.quantity")
    def _compute_taken(self):
        for wizard in self:
            wizard.taken = "\n".join(wizard._show_taken())

    # === ACTION === #

    def action_credit(self):
        """Create the draft credit note and open it."""
        self._check_one()
        self.move_id.check_access("write")
        if self.move_id.state != "posted":
            raise UserError(
                self.env._(
                    "%(invoice)s is not posted: change the draft itself instead.",
                    invoice=self.move_id._trtc_get_names(),
                )
            )
        self._check_date()
        groups = self._get_groups()
        parts = []
        for line in self.line_ids:
            quantity = to_decimal(line.quantity)
            if quantity:
                parts += self._take(line, groups.get(line._get_key(), {}), quantity)
        if not parts:
            self.move_id._trtc_check_left(usage_only=True)
            raise UserError(
                self.env._(
                    "Nothing to credit: enter under To Credit how much of which line is to "
                    "come back."
                )
            )
        self._check_lines(parts)
        credit = self.move_id._trtc_credit_parts(
            parts, self.date, self.reason, self.reopens == "again"
        )
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": credit.id,
            "view_mode": "form",
            "context": {"default_move_type": credit.move_type},
        }

    # === TOOLING === #

    def _get_groups(self):
        """Return {(invoice line, application, item or fee): {what is billed: what is left}}.

        Quantities of the days that were chosen, as Decimals, net of changes by hand and of
        what was credited before.
        """
        self.ensure_one()
        lines = self.move_id._origin.sudo().invoice_line_ids.filtered("trtc_allocation_ids")
        groups = defaultdict(dict)
        for line, left in lines._trtc_get_left().items():
            for billed, (quantity, _amount) in left.items():
                if quantity and self._is_chosen(billed):
                    groups[self._get_key(line, billed)][billed] = quantity
        # Usage and its correction may leave nothing between them.
        return {key: rows for key, rows in groups.items() if sum(rows.values(), ZERO)}

    def _is_chosen(self, billed):
        """Tell whether a statement line or fee is one of those that the filters leave."""
        first, last = billed._get_period()
        applications, items = self.application_ids._origin, self.item_ids._origin
        item = self.env["trtc.item"] if billed._name == "trtc.fee" else billed.item_id
        return (
            (not applications or billed.application_id in applications)
            and (not items or item in items)
            and (not self.date_from or first >= self.date_from)
            and (not self.date_to or last <= self.date_to)
        )

    def _get_key(self, line, billed):
        thing = billed if billed._name == "trtc.fee" else billed.item_id
        return tuple(
            record.with_env(self.env) for record in (line, billed.application_id, thing)
        )

    def _prepare_line(self, key, rows):
        """Return the values of the line that stands for some of what is billed."""
        move_line, application, thing = key
        is_fee = thing._name == "trtc.fee"
        return {
            "move_line_id": move_line.id,
            "application_id": application.id,
            "item_id": False if is_fee else thing.id,
            "fee_id": thing.id if is_fee else False,
            "name": thing.name,
            "uom_id": thing.uom_id.id,
            "price_unit": move_line._trtc_get_net_price(),
            "remaining": sum(rows.values(), ZERO),
            "quantity": sum(rows.values(), ZERO) if self.whole else ZERO,
        }

    def _take(self, line, rows, quantity):
        """Return [(invoice line, what it bills, quantity)] that together are a quantity.

        The last days come first.
        """
        total = sum(rows.values(), ZERO)
        way = 1 if total >= 0 else -1
        if quantity * way < 0 or quantity * way > total * way:
            raise UserError(
                self.env._(
                    "%(name)s: %(quantity)s cannot be credited. Between 0 and %(left)s are left "
                    "on %(invoice)s in the days that you chose.",
                    name=line.name,
                    quantity=show_figure(self.env, quantity),
                    left=show_figure(self.env, total),
                    invoice=self.move_id.name,
                )
            )
        if quantity == total:
            return [(line.move_line_id, *one) for one in rows.items()]
        parts, left = [], quantity * way
        same_sign = [row for row in rows if rows[row] * way > 0]
        for row in sorted(same_sign, key=lambda row: (row._get_day(), row.id), reverse=True):
            taken = min(rows[row] * way, left)
            if taken:
                parts.append((line.move_line_id, row, taken * way))
                left -= taken
        return parts

    def _show_taken(self):
        """Return a text for each line that is credited: on which days, and how much."""
        self.ensure_one()
        groups, texts = self._get_groups(), []
        for line in self.line_ids:
            quantity = to_decimal(line.quantity)
            if not quantity:
                continue
            rows = groups.get(line._get_key(), {})
            try:
                parts = self._take(line, rows, quantity)
            except UserError as error:
                texts.append(str(error))
                continue
            texts.append(self._show_line(line, rows, parts, quantity))
        return texts

    def _show_line(self, line, rows, parts, quantity):
        """Return in words which days a line credits.

        :param rows: {statement line or fee: quantity that is left}
        :param parts: [(invoice line, statement line or fee, quantity)] of what is credited
        """
        spans = [billed._get_period() for _line, billed, _quantity in parts]
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        days = format_date(self.env, first)
        if first != last:
            days = self.env._(
                "%(date_from)s to %(date_to)s",
                date_from=days,
                date_to=format_date(self.env, last),
            )
        text = self.env._(
            "%(what)s: %(quantity)s %(unit)s, %(days)s",
            what=" - ".join(filter(None, [line.application_id.display_name, line.name])),
            quantity=show_figure(self.env, quantity),
            unit=line.uom_id.name or "",
            days=days,
        )
        cut = [(one, part) for _line, one, part in parts if part != rows[one]]
        if not cut:
            return text
        # At most the first day is credited in part.
        billed, part = cut[-1]
        if first == last and len(rows) == 1:
            return text
        return self.env._(
            "%(text)s; of %(day)s %(part)s of %(all)s",
            text=text,
            day=format_date(self.env, billed._get_period()[0]),
            part=show_figure(self.env, part),
            all=show_figure(self.env, rows[billed]),
        )

    def _check_lines(self, parts):
        """Raise if more of an invoice line would come back than it bills in all.

        It may bill usage of one application and take some of another one back.
        """
        taken = defaultdict(Decimal)
        for line, _billed, quantity in parts:
            taken[line] += quantity
        lines = self.env["account.move.line"].union(*taken).sudo()
        for line, left in lines._trtc_get_left().items():
            total = sum((quantity for quantity, _amount in left.values()), ZERO)
            way = 1 if total >= 0 else -1
            if taken[line] * way < 0 or taken[line] * way > total * way:
                raise UserError(
                    self.env._(
                        "%(line)s: %(quantity)s cannot be credited. On %(invoice)s %(left)s are "
                        "left of the line in all, with what it takes back of other applications: "
                        "credit that too, or less.",
                        line=(line.name or "").partition("\n")[0],
                        quantity=show_figure(self.env, taken[line]),
                        invoice=self.move_id._trtc_get_names(),
                        left=show_figure(self.env, total),
                    )
                )

    def _check_date(self):
        """Raise if the books are locked on the date of the credit note."""
        has_tax = bool(self.move_id.invoice_line_ids.tax_ids)
        locks = self.move_id._get_violated_lock_dates(self.date, has_tax)
        if locks:
            raise UserError(
                self.env._(
                    "The books are locked on %(date)s: %(locks)s. Choose a later date.",
                    date=format_date(self.env, self.date),
                    locks=self.env["res.company"]._format_lock_dates(locks),
                )
            )
