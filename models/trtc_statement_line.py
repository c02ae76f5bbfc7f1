from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..rating import periods
from .exact import AMOUNT_DIGITS, PRICE_DIGITS, QUANTITY_DIGITS, Exact


class TrtcStatementLine(models.Model):
    _name = "trtc.statement.line"
    _description = "TRTC Statement Line"
    _inherit = ["trtc.sealed"]
    _order = "date desc, statement_id desc, item_id, sdkappid, id"

    # === FIELDS === #

    statement_id = fields.Many2one(
        "trtc.statement", required=True, readonly=True, ondelete="restrict", index=True
    )
    account_id = fields.Many2one(related="statement_id.account_id", store=True, index=True)
    company_id = fields.Many2one(related="statement_id.company_id", store=True)
    commercial_partner_id = fields.Many2one(
        related="statement_id.commercial_partner_id", store=True, index=True
    )
    currency_id = fields.Many2one(related="statement_id.currency_id", store=True)
    cycle = fields.Selection(related="statement_id.cycle")
    is_adjustment = fields.Boolean(related="statement_id.is_adjustment", store=True)
    application_id = fields.Many2one(
        "trtc.application", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    sdkappid = fields.Char(related="application_id.sdkappid", store=True, string="SDKAppID")
    item_id = fields.Many2one(
        "trtc.item", required=True, readonly=True, index=True, ondelete="restrict"
    )
    feature_id = fields.Many2one(related="item_id.feature_id")
    categ_id = fields.Many2one(related="item_id.categ_id", store=True, string="Family")
    usage_uom_id = fields.Many2one(related="item_id.usage_uom_id", string="Usage Unit")
    uom_id = fields.Many2one(related="item_id.uom_id", string="Unit")
    date = fields.Date(
        required=True, readonly=True, index=True, help="The last day of the settled period."
    )
    status = fields.Selection(
        [
            ("billable", "Billable"),
            ("locked", "Locked"),
            ("waived", "Waived"),
            ("unpriced", "Without Price"),
        ],
        required=True,
        readonly=True,
        help="Locked: the edition did not unlock the feature; somebody has to decide. "
        "Without Price: no rule of the pricelist applies.",
    )
    kind = fields.Selection(
        [("usage", "Usage"), ("robot", "Robot")], required=True, readonly=True
    )
    metered_quantity = Exact(
        string="Metered", digits=QUANTITY_DIGITS, readonly=True, help="In usage units."
    )
    quantity = Exact(
        digits=QUANTITY_DIGITS, readonly=True, help="Billing units, rounded up once."
    )
    free_quantity = Exact(string="Free", digits=QUANTITY_DIGITS, readonly=True)
    pack_quantity = Exact(string="From Packs", digits=QUANTITY_DIGITS, readonly=True)
    locked_quantity = Exact(
        string="Locked or Waived", digits=QUANTITY_DIGITS, readonly=True
    )
    billable_quantity = Exact(
        string="Billable", digits=QUANTITY_DIGITS, readonly=True
    )
    price_unit = Exact(string="Unit Price", digits=PRICE_DIGITS, readonly=True)
    amount = Exact(digits=AMOUNT_DIGITS, readonly=True)
    locked_amount = fields.Float(
        string="At Stake, Before Free Quantities",
        digits=AMOUNT_DIGITS,
        compute="_compute_locked_amount",
        help="What the locked usage comes to if it is billed, before free quantities.",
    )
    # It names records that are not for customers; they read the explanation.
    trace = fields.Json(readonly=True, groups="base.group_user")
    explanation = fields.Text(compute="_compute_explanation", compute_sudo=True)
    draw_ids = fields.One2many(
        "trtc.pack.draw", "statement_line_id", string="Minutes Drawn", readonly=True
    )
    allocation_ids = fields.One2many("trtc.allocation", "statement_line_id", readonly=True)
    invoice_line_ids = fields.Many2many(
        "account.move.line",
        string="Invoice Lines",
        compute="_compute_invoice_line_ids",
        compute_sudo=True,
        search="_search_invoice_line_ids",
    )
    move_count = fields.Integer(
        string="Invoice Count", compute="_compute_invoice_line_ids", compute_sudo=True
    )
    is_to_invoice = fields.Boolean(
        compute="_compute_is_to_invoice", search="_search_is_to_invoice", compute_sudo=True
    )
    is_pending = fields.Boolean(
        string="To Decide", compute="_compute_is_pending", search="_search_is_pending"
    )

    # What waits for a decision or a price is looked for in every settlement.
    _waiting = models.Index("(account_id, date) WHERE status IN ('locked', 'unpriced')")
    _quantities_add_up = models.Constraint(
        "CHECK (quantity = free_quantity + pack_quantity + locked_quantity"
        " + billable_quantity)",
        "The parts of a statement line must add up to its quantity.",
    )

    # === COMPUTE === #

    @api.depends("item_id.name", "application_id.name", "date")
    def _compute_display_name(self):
        for line in self:
            parts = [line.item_id.name, line.application_id.name, str(line.date or "")]
            line.display_name = ", ".join(part for part in parts if part)

    @api.depends("locked_quantity", "price_unit")
    def _compute_locked_amount(self):
        for line in self:
            line.locked_amount = line.locked_quantity * line.price_unit

    @api.depends("allocation_ids.move_line_id", "allocation_ids.released")
    def _compute_invoice_line_ids(self):
        for line in self:
            line.invoice_line_ids = line.allocation_ids._filter_in_force().move_line_id
            line.move_count = len(line.invoice_line_ids.move_id)

    def _search_invoice_line_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        held = Domain("released", "=", False) & Domain("move_line_id", "!=", False)
        ids = [one for one in value if one]
        found = Domain.FALSE
        if ids:
            found = Domain("allocation_ids", "any", held & Domain("move_line_id", "in", ids))
        return found | ~Domain("allocation_ids", "any", held) if False in value else found

    @api.depends("amount", "status", "allocation_ids.released", "allocation_ids.is_open")
    def _compute_is_to_invoice(self):
        found = self.search([("id", "in", self.ids), ("is_to_invoice", "=", True)])
        for line in self:
            line.is_to_invoice = line in found

    def _search_is_to_invoice(self, operator, value):
        if operator != "in":
            return NotImplemented
        # What was restated to nothing before it was invoiced has nothing to invoice.
        # Joined by what can be hashed: a day may have thousands of applications.
        query = SQL(
            """(
                SELECT line.id
                  FROM trtc_statement_line line
                  JOIN (SELECT account_id, item_id, application_id, date, kind
                          FROM trtc_statement_line free
                         WHERE amount <> 0 AND NOT EXISTS (
                               SELECT FROM trtc_allocation held
                                WHERE held.statement_line_id = free.id
                                  AND held.released IS NOT TRUE)
                         GROUP BY account_id, item_id, application_id, date, kind
                        HAVING sum(amount) <> 0) AS due
                    ON due.account_id = line.account_id
                   AND due.item_id = line.item_id AND due.date = line.date
                   AND coalesce(due.application_id, 0) = coalesce(line.application_id, 0)
                   AND due.kind = line.kind
                 WHERE line.amount <> 0 AND NOT EXISTS (
                       SELECT FROM trtc_allocation held
                        WHERE held.statement_line_id = line.id
                          AND held.released IS NOT TRUE)
                 UNION %s
            )""",
            # The ledger is the staff's; the lines keep their own rules.
            self.env["trtc.allocation"]
            .sudo()
            ._search([("is_open", "=", True), ("amount", "!=", 0)])
            .subselect(SQL.identifier("trtc_allocation", "statement_line_id")),
        )
        self.flush_model()
        self.env["trtc.allocation"].flush_model()
        return [("id", "in" if True in value else "not in", query)]

    @api.depends("status", "quantity")
    def _compute_is_pending(self):
        pending = self.search([("id", "in", self.ids), ("is_pending", "=", True)])
        for line in self:
            line.is_pending = line in pending

    def _search_is_pending(self, operator, value):
        if operator != "in":
            return NotImplemented
        self.flush_model()
        # Usage that was decided, taken back and waits again is on two lines: the one before
        # the last time that nothing was left is history.
        query = SQL(
            """(
                SELECT id
                  FROM (SELECT line.id, line.quantity,
                               max(line.id) FILTER (WHERE line.left_over = 0) OVER pile AS settled
                          FROM (SELECT *, sum(quantity) OVER (
                                           PARTITION BY account_id, item_id, application_id,
                                                        date, status, kind, price_unit
                                               ORDER BY id) AS left_over
                                  FROM trtc_statement_line
                                 WHERE status IN ('locked', 'unpriced')) AS line
                          JOIN (%s) AS open
                            ON open.account_id = line.account_id
                           AND open.item_id = line.item_id AND open.date = line.date
                           AND coalesce(open.application_id, 0)
                               = coalesce(line.application_id, 0)
                           AND open.status = line.status AND open.kind = line.kind
                           AND open.price_unit = line.price_unit
                        WINDOW pile AS (
                               PARTITION BY line.account_id, line.item_id, line.application_id,
                                            line.date, line.status, line.kind, line.price_unit)
                       ) AS line
                 WHERE quantity > 0 AND id > coalesce(settled, 0)
            )""",
            self._get_pending_query(),
        )
        return [("id", "in" if True in value else "not in", query)]

    @api.model
    def _get_pending_query(self):
        """Return the query of locked and unpriced usage that nobody has settled since.

        A decision or a price leads to an adjustment that takes the line back, so usage
        is pending while its sum over all revisions is not nothing.
        """
        return SQL(
            """
            SELECT account_id, item_id, application_id, date, status, kind, price_unit
              FROM trtc_statement_line
             WHERE status IN ('locked', 'unpriced')
             GROUP BY account_id, item_id, application_id, date, status, kind, price_unit
            HAVING sum(quantity) <> 0
            """
        )

    # === ACTION === #

    def action_open_usage(self):
        self._check_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_usage_action"
        )
        action["domain"] = self._get_usage_domain()
        return action

    def action_open_invoices(self):
        return self.account_id._action_open(
            "trtc_invoice_action", [("id", "in", self.invoice_line_ids.move_id.ids)]
        )

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "Statement lines stay as they were settled; corrections are adjustments."
        )

    # === BUSINESS === #

    def _get_period(self):
        """Return (first day, last day) of the settled period."""
        self.ensure_one()
        return periods.period_of(self.date, self.cycle)

    def _get_day(self):
        """Return the last day of the settled period."""
        self.ensure_one()
        return self.date

    def _get_billed_name(self):
        """Return what an invoice calls this."""
        self.ensure_one()
        return self.item_id.name

    def _get_usage_domain(self):
        """Return the domain of the usage in force behind this line."""
        self.ensure_one()
        first, last = self._get_period()
        items = self.item_id
        if self.kind == "robot":
            items = items.search([("robot_item_id", "=", self.item_id.id)])
        domain = [
            ("account_id", "=", self.account_id.id),
            ("item_id", "in", items.ids),
            ("state", "=", "current"),
            ("is_held", "=", False),
            ("date", ">=", first),
            ("date", "<=", last),
        ]
        if self.application_id:
            domain.append(("application_id", "=", self.application_id.id))
        return domain

    def _get_usage_days(self):
        """Return {(application, day)} of the usage behind this line."""
        self.ensure_one()
        if self.application_id and self.cycle == periods.DAY:
            return {(self.application_id, self.date)}
        return {(usage.application_id, usage.date) for usage in self._get_usages()}

    def _get_usages(self):
        usages = self.env["trtc.usage"]
        for line in self:
            usages |= usages.search(line._get_usage_domain())
        return usages

    def _get_exact_amounts(self):
        """Return {line id: (billable quantity, unit price, amount)} as Decimals."""
        if not self:
            return {}
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT id, billable_quantity::text, price_unit::text, amount::text
                  FROM trtc_statement_line WHERE id = ANY(%s)
                """,
                self.ids,
            )
        )
        return {
            line_id: tuple(Decimal(figure) for figure in figures)
            for line_id, *figures in rows
        }
