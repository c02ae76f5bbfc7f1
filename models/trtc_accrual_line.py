from odoo import api, fields, models

from .exact import AMOUNT_DIGITS, QUANTITY_DIGITS, Exact


class TrtcAccrualLine(models.Model):
    """What an accrual counts as earned and not invoiced, of one thing of one account.

    It is the evidence of the entry: it goes with its draft, and stays as it is once the
    entry is posted.
    """

    _name = "trtc.accrual.line"
    _description = "TRTC Accrual Line"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "accrual_id desc, account_id, kind, application_id, item_id, id"

    # === FIELDS === #

    accrual_id = fields.Many2one(
        "trtc.accrual", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="accrual_id.company_id", store=True, index=True)
    currency_id = fields.Many2one(related="accrual_id.currency_id", store=True)
    date = fields.Date(related="accrual_id.date", store=True)
    state = fields.Selection(related="accrual_id.state")
    account_id = fields.Many2one(
        "trtc.account", required=True, readonly=True, ondelete="restrict", index=True
    )
    commercial_partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        compute="_compute_commercial_partner_id",
        store=True,
        precompute=True,
        # Else Odoo would drop the one that is said.
        readonly=False,
        ondelete="restrict",
    )
    application_id = fields.Many2one("trtc.application", readonly=True, ondelete="restrict")
    item_id = fields.Many2one("trtc.item", readonly=True, ondelete="restrict")
    fee_id = fields.Many2one("trtc.fee", readonly=True, ondelete="set null", index="btree_not_null")
    product_id = fields.Many2one(
        "product.product", required=True, readonly=True, ondelete="restrict"
    )
    name = fields.Char(required=True, readonly=True)
    kind = fields.Selection(
        [
            ("settled", "Settled"),
            ("unsettled", "Not settled, estimated"),
            ("fee", "Fee"),
            ("locked", "Locked"),
            ("unpriced", "Without price"),
        ],
        required=True,
        readonly=True,
    )
    quantity = Exact(digits=QUANTITY_DIGITS, readonly=True, help="Billing units, of usage.")
    amount = Exact(
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="As statements count it, before the one rounding. Of locked usage what is at stake, "
        "before free quantities.",
    )
    amount_accrued = Exact(
        string="Accrued",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="What the entry counts: without taxes that prices include.",
    )
    ledger_account_id = fields.Many2one(
        "account.account", string="Income Account", readonly=True, ondelete="restrict"
    )
    analytic_distribution = fields.Json(readonly=True)
    move_line_id = fields.Many2one(
        "account.move.line",
        string="Journal Item",
        readonly=True,
        ondelete="set null",
        index="btree_not_null",
    )

    # === COMPUTE === #

    # Where it is not said: of the day on which it was made.
    @api.depends("account_id", "fee_id")
    def _compute_commercial_partner_id(self):
        for line in self:
            line.commercial_partner_id = (
                line.fee_id.commercial_partner_id or line.account_id.commercial_partner_id
            )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.accrual_id._check_open()
        return lines

    def write(self, vals):
        self.check_access("write")
        self.accrual_id._check_open()
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        self.accrual_id._check_open()
        return super().unlink()

    @api.model
    def _get_made_message(self):
        return self.env._(
            "The lines of an accrual are its evidence and stay as they are: propose the day "
            "again under Billing / Accrue Revenue."
        )
