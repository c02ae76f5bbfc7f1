from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL

from ..rating.sheets import safe_name
from .exact import AMOUNT_DIGITS


class TrtcStatement(models.Model):
    _name = "trtc.statement"
    _description = "TRTC Statement"
    _order = "date_to desc, cycle, revision desc, id desc"
    _inherit = ["trtc.sealed", "portal.mixin", "trtc.thread"]
    _rec_names_search = ["name"]

    # === FIELDS === #

    name = fields.Char(compute="_compute_name", store=True)
    account_id = fields.Many2one(
        "trtc.account", required=True, readonly=True, ondelete="restrict", index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    # For whom it was settled, wherever account and contact go later.
    partner_id = fields.Many2one(
        "res.partner", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    commercial_partner_id = fields.Many2one(
        "res.partner", readonly=True, index=True, ondelete="restrict"
    )
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    cycle = fields.Selection(
        [("day", "Daily items"), ("month", "Monthly items")], required=True, readonly=True
    )
    date_from = fields.Date(string="From", required=True, readonly=True)
    date_to = fields.Date(string="To", required=True, readonly=True, index=True)
    revision = fields.Integer(
        required=True,
        readonly=True,
        help="0 for the first settlement of a period; adjustments are counted on.",
    )
    is_adjustment = fields.Boolean(
        compute="_compute_is_adjustment",
        store=True,
        help="Corrects periods that were settled before, by the difference.",
    )
    line_ids = fields.One2many("trtc.statement.line", "statement_id", readonly=True)
    correction_ids = fields.One2many(
        "trtc.allocation",
        "statement_id",
        string="Credited or Changed on Invoices",
        domain=["|", ("kind", "!=", "bill"), ("rebills_id", "!=", False)],
        readonly=True,
        groups="trtc_billing.group_user",
    )
    # Notes of the staff: a customer could search by what they say.
    message_ids = fields.One2many(groups="base.group_user")
    website_message_ids = fields.One2many(groups="base.group_user")
    line_count = fields.Integer(compute="_compute_line_count")
    amount_untaxed = fields.Float(
        string="Exact Amount",
        digits=AMOUNT_DIGITS,
        compute="_compute_amount_untaxed",
        store=True,
        help="Without taxes, before the rounding to the currency on the invoice.",
    )
    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        compute="_compute_move_ids",
        search="_search_move_ids",
        compute_sudo=True,
        groups="base.group_user",
    )
    move_count = fields.Integer(
        string="Invoice Count",
        compute="_compute_move_ids",
        compute_sudo=True,
        groups="base.group_user",
    )
    state = fields.Selection(
        [
            ("pending", "To Decide"),
            ("open", "To Invoice"),
            ("draft", "Draft Invoice"),
            ("posted", "Invoiced"),
            ("paid", "Paid"),
            ("free", "Nothing to Bill"),
        ],
        string="Status",
        compute="_compute_state",
        search="_search_state",
        compute_sudo=True,
        help="Derived from the lines and their invoices.",
    )

    _period_once = models.UniqueIndex(
        "(account_id, cycle, date_from) WHERE revision = 0",
        "This period of the account is settled already.",
    )
    _revision_once = models.UniqueIndex(
        "(account_id, cycle, revision) WHERE revision > 0",
        "This adjustment of the account exists already.",
    )

    # === COMPUTE === #

    @api.depends("account_id.uin", "date_from", "date_to", "cycle", "revision")
    def _compute_name(self):
        for statement in self:
            account, first, last = (
                statement.account_id,
                statement.date_from,
                statement.date_to,
            )
            if not (first and last):
                statement.name = False
                continue
            if statement.revision:
                tail = f"{first:%Y-%m-%d}/{statement.cycle[0].upper()}A{statement.revision}"
            elif statement.cycle == "month":
                tail = f"{first:%Y-%m}"
            else:
                tail = f"{first:%Y-%m-%d}"
            statement.name = f"{account.uin}/{tail}"

    @api.depends("revision")
    def _compute_is_adjustment(self):
        for statement in self:
            statement.is_adjustment = statement.revision > 0

    def _compute_line_count(self):
        groups = self.env["trtc.statement.line"]._read_group(
            [("statement_id", "in", self.ids)], ["statement_id"], ["__count"]
        )
        counts = {statement.id: count for statement, count in groups}
        for statement in self:
            statement.line_count = counts.get(statement.id, 0)

    @api.depends("line_ids.amount")
    def _compute_amount_untaxed(self):
        for statement in self:
            statement.amount_untaxed = sum(statement.line_ids.mapped("amount"))

    @api.depends("line_ids.allocation_ids.move_id", "line_ids.allocation_ids.released")
    def _compute_move_ids(self):
        groups = self.env["trtc.allocation"]._read_group(
            [("statement_line_id.statement_id", "in", self.ids), ("released", "=", False)],
            ["statement_id"],
            ["move_id:recordset"],
        )
        moves = dict(groups)
        for statement in self:
            statement.move_ids = moves.get(statement, False)
            statement.move_count = len(statement.move_ids)

    def _search_move_ids(self, operator, value):
        if operator != "in":
            return NotImplemented
        held = Domain("released", "=", False)
        ids = [one for one in value if one]

        def billed(allocated):
            return Domain("line_ids", "any", [("allocation_ids", "any", allocated)])

        found = billed(held & Domain("move_id", "in", ids)) if ids else Domain.FALSE
        return found | ~billed(held) if False in value else found

    @api.depends("move_ids.state", "move_ids.payment_state", "line_ids")
    def _compute_state(self):
        Line = self.env["trtc.statement.line"]
        pending = Line.search([("statement_id", "in", self.ids), ("is_pending", "=", True)])
        unbilled = self._filter_unbilled()
        for statement in self:
            moves = statement.move_ids
            if statement in pending.statement_id:
                statement.state = "pending"
            elif statement in unbilled:
                statement.state = "open"
            elif not moves:
                statement.state = "free"
            elif any(move.state == "draft" for move in moves):
                statement.state = "draft"
            elif all(move.payment_state in ("paid", "in_payment") for move in moves):
                statement.state = "paid"
            else:
                statement.state = "posted"

    def _filter_unbilled(self):
        """Return those that have lines to invoice, asking for their own days alone.

        As the search of ``is_to_invoice`` on lines says it of all accounts.
        """
        self.env["trtc.statement.line"].flush_model()
        self.env["trtc.allocation"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                WITH own AS MATERIALIZED (
                    SELECT line.statement_id, line.account_id, line.item_id, line.date,
                           line.kind, coalesce(line.application_id, 0) AS application
                      FROM trtc_statement_line line
                     WHERE line.statement_id = ANY(%(statements)s) AND line.amount <> 0
                       AND NOT EXISTS (SELECT FROM trtc_allocation held
                                        WHERE held.statement_line_id = line.id
                                          AND held.released IS NOT TRUE)
                ), due AS MATERIALIZED (
                    SELECT free.account_id, free.item_id, free.date, free.kind,
                           coalesce(free.application_id, 0) AS application
                      FROM (SELECT DISTINCT account_id, date FROM own) AS place
                      JOIN trtc_statement_line free
                        ON free.account_id = place.account_id AND free.date = place.date
                     WHERE free.amount <> 0
                       AND NOT EXISTS (SELECT FROM trtc_allocation held
                                        WHERE held.statement_line_id = free.id
                                          AND held.released IS NOT TRUE)
                     GROUP BY 1, 2, 3, 4, 5
                    HAVING sum(free.amount) <> 0
                )
                SELECT DISTINCT own.statement_id
                  FROM own JOIN due USING (account_id, item_id, date, kind, application)
                """,
                statements=self.ids,
            )
        )
        found = self.browse(statement_id for (statement_id,) in rows)
        # What a credit note opened again.
        groups = self.env["trtc.allocation"]._read_group(
            [
                ("statement_line_id.statement_id", "in", (self - found).ids),
                ("is_open", "=", True),
                ("amount", "!=", 0),
            ],
            ["statement_id"],
        )
        return found.union(*(statement for (statement,) in groups))

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        domains = self._get_state_domains()
        wanted = Domain.OR(domains[state] for state in value if state in domains)
        # What a state follows from is more than a portal user may read.
        return [("id", "in", self.sudo()._search(wanted))]

    def _get_state_domains(self):
        """Return {state: domain} that says in the database what the compute says."""

        def held(*leaves):
            domain = [("allocation_ids", "any", [("released", "=", False), *leaves])]
            return Domain("line_ids", "any", domain)

        pending = Domain("line_ids", "any", [("is_pending", "=", True)])
        unbilled = Domain("line_ids", "any", [("is_to_invoice", "=", True)])
        draft = held(("move_id.state", "=", "draft"))
        unpaid = held(("move_id.payment_state", "not in", ("paid", "in_payment")))
        settled = ~pending & ~unbilled
        return {
            "pending": pending,
            "open": ~pending & unbilled,
            "free": settled & ~held(),
            "draft": settled & draft,
            "posted": settled & held() & ~draft & unpaid,
            "paid": settled & held() & ~draft & ~unpaid,
        }

    def _compute_access_url(self):
        super()._compute_access_url()
        for statement in self:
            statement.access_url = f"/my/trtc/statements/{statement.id}"

    # === ACTION === #

    def action_open_lines(self):
        return self.account_id._action_open(
            "trtc_statement_line_action", [("statement_id", "in", self.ids)]
        )

    def action_open_usage(self):
        return self.account_id._action_open(
            "trtc_usage_action", [("id", "in", self.line_ids._get_usages().ids)]
        )

    def action_open_invoices(self):
        return self.account_id._action_open(
            "trtc_invoice_action", [("id", "in", self.move_ids.ids)]
        )

    def action_decide(self):
        """Open the wizard for the locked lines of these statements."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_decide_action"
        )
        pending = self.line_ids.filtered(
            lambda line: line.status == "locked" and line.is_pending
        )
        action["context"] = {"default_line_ids": pending.ids}
        return action

    def action_preview(self):
        self._check_one()
        return {
            "type": "ir.actions.act_url",
            "target": "self",
            "url": self.get_portal_url(),
        }

    # === TOOLING === #

    def _get_unsealed_fields(self):
        return {
            "access_token",
            "message_follower_ids",
            "message_ids",
            "message_partner_ids",
            "website_message_ids",
        }

    def _get_seal_message(self):
        return self.env._(
            "Statements stay as they were settled, and none is made or deleted by hand. To "
            "correct one, correct its usage or take the decision back: the difference becomes "
            "an adjustment."
        )

    def _get_report_base_filename(self):
        self.ensure_one()
        return safe_name(self.name)
