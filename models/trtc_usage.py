from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating import periods
from .exact import QUANTITY_DIGITS


class TrtcUsage(models.Model):
    _name = "trtc.usage"
    _description = "TRTC Usage"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "start desc, id desc"
    _rec_name = "external_id"
    _rec_names_search = ["external_id", "sdkappid"]

    # === FIELDS === #

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    source = fields.Char(required=True, readonly=True)
    external_id = fields.Char(
        string="Sender's Id",
        required=True,
        readonly=True,
        help="The sender's key of this fact: however often it is sent, it counts once.",
    )
    sdkappid = fields.Char(string="SDKAppID", required=True, readonly=True)
    application_id = fields.Many2one("trtc.application", readonly=True, ondelete="restrict")
    account_id = fields.Many2one("trtc.account", readonly=True, ondelete="restrict")
    item_code = fields.Char(required=True, readonly=True)
    item_id = fields.Many2one(
        "trtc.item", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    quantity = fields.Float(
        digits=QUANTITY_DIGITS,
        readonly=True,
        help="In usage units of the billing item (seconds, sheets ...); as sent, while "
        "the item is unknown.",
    )
    unit = fields.Char(readonly=True, help="The unit as sent, where it was named.")
    usage_uom_id = fields.Many2one(related="item_id.usage_uom_id", string="Usage Unit")
    date = fields.Date(string="Billing Day", required=True, readonly=True)
    start = fields.Datetime(required=True, readonly=True)
    end = fields.Datetime(readonly=True)
    tags = fields.Json(string="Tag Object", readonly=True)
    tags_text = fields.Char(string="Tags", readonly=True)
    state = fields.Selection(
        [("current", "Current"), ("superseded", "Superseded")],
        required=True,
        readonly=True,
        default="current",
    )
    superseded_by_id = fields.Many2one(
        "trtc.usage", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    fingerprint = fields.Char(required=True, readonly=True)
    import_id = fields.Many2one(
        "trtc.usage.import", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    line_count = fields.Integer(string="Statement Lines", compute="_compute_line_count")

    _once = models.UniqueIndex(
        "(company_id, source, external_id) WHERE state = 'current'",
        "A usage fact is counted once: its sender's id is known already.",
    )
    # Of all states: whether an account is used is looked up here, too.
    _account_date = models.Index("(account_id, date)")
    _application_date = models.Index("(application_id, date)")
    _unassigned = models.Index(
        "(company_id, sdkappid) WHERE state = 'current'"
        " AND (application_id IS NULL OR item_id IS NULL)"
    )
    _quantity_not_negative = models.Constraint(
        "CHECK (quantity >= 0)", "Usage is never negative."
    )

    # === COMPUTE === #

    def _compute_line_count(self):
        for usage in self:
            usage.line_count = self.env["trtc.statement.line"].search_count(
                usage._get_statement_line_domain()
            )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self._get_made_message())

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(
            self.env._(
                "Usage is kept as received. To correct a fact, send it again with the "
                "same id and the right content: the new fact replaces the old one."
            )
        )

    def unlink(self):
        self.check_access("unlink")
        self._refuse_deletion()
        return super().unlink()

    @api.model
    def _get_made_message(self):
        return self.env._(
            "Usage comes in through the method ingest or through TRTC Billing / "
            "Usage / Imports, which make sure that each fact counts once."
        )

    def _refuse_deletion(self):
        """Raise: called by ``unlink`` itself, as a key of the context turns off api.ondelete."""
        raise UserError(
            self.env._(
                "Usage cannot be deleted: bills rest on it. To take a fact back, send it "
                "again with the same id and the quantity 0."
            )
        )

    # === ACTION === #

    def action_open_lines(self):
        self._check_one()
        return self.account_id._action_open(
            "trtc_statement_line_action", self._get_statement_line_domain()
        )

    # === BUSINESS === #

    def _get_statement_line_domain(self):
        """Return the domain of the statement lines that count this usage."""
        self.ensure_one()
        item = self.item_id
        if self.state != "current" or self.is_held or not (item and self.account_id):
            return [("id", "in", [])]
        _first, last = periods.period_of(self.date, item.cycle)
        return [
            ("account_id", "=", self.account_id.id),
            ("date", "=", last),
            ("application_id", "in", [self.application_id.id, False]),
            "|",
            "&",
            ("kind", "=", "usage"),
            ("item_id", "=", item.id),
            "&",
            ("kind", "=", "robot"),
            ("item_id", "=", item.robot_item_id.id),
        ]
