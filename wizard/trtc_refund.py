from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date
from odoo.tools.misc import formatLang


class TrtcRefund(models.TransientModel):
    """Take back the paid term of a subscription, or a prepaid pack."""

    _name = "trtc.refund"
    _description = "Refund a TRTC Fee"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    subscription_id = fields.Many2one("trtc.subscription", readonly=True, ondelete="cascade")
    pack_id = fields.Many2one("trtc.minute.pack", readonly=True, ondelete="cascade")
    fee_id = fields.Many2one("trtc.fee", compute="_compute_fee_id")
    currency_id = fields.Many2one(related="fee_id.currency_id")
    paid = fields.Float(related="fee_id.amount", string="Was Charged")
    # Kept as it was shown: what comes back may change before somebody agrees to it.
    amount = fields.Monetary(
        string="Comes Back", compute="_compute_amount", store=True, readonly=False
    )
    obstacle = fields.Char(compute="_compute_preview")
    explanation = fields.Char(compute="_compute_preview")
    consequence = fields.Char(compute="_compute_preview")

    # === COMPUTE === #

    @api.depends("subscription_id", "pack_id")
    def _compute_fee_id(self):
        for wizard in self:
            subscription, pack = wizard.subscription_id._origin, wizard.pack_id._origin
            fee = pack.fee_id
            if subscription and not fee:
                fee = subscription._get_fee_at(wizard._get_today())
            wizard.fee_id = fee

    @api.depends("subscription_id", "pack_id")
    def _compute_amount(self):
        for wizard in self:
            wizard.amount = wizard._get_amount()

    def _get_amount(self):
        pack = self.pack_id._origin
        return pack._get_refund().amount if pack.fee_id else self.fee_id.amount

    @api.depends("subscription_id", "pack_id")
    def _compute_preview(self):
        for wizard in self:
            record = wizard.pack_id._origin or wizard.subscription_id._origin
            wizard.obstacle = bool(record) and record._get_refund_obstacle(wizard._get_today())
            wizard.explanation = wizard._get_explanation()
            wizard.consequence = wizard._get_consequence()

    def _get_explanation(self):
        """Return in words how the amount comes to be."""
        if self.obstacle or not self.fee_id:
            return False
        if self.pack_id:
            return self.pack_id._origin._describe_refund()
        return self.env._(
            "No included minute was used: all that was paid for %(first)s to %(last)s comes back.",
            first=format_date(self.env, self.fee_id.date_from),
            last=format_date(self.env, self.fee_id.date_to),
        )

    def _get_consequence(self):
        """Return in words what a refund does."""
        if self.obstacle or not self.fee_id:
            return False
        if self.fee_id.allocation_ids:
            books = self.env._("The next invoice gives the amount back.")
        else:
            books = self.env._("No invoice holds the fee yet.")
        if self.pack_id:
            return self.env._(
                "The pack gives no further minutes; usage that is not settled yet, also that of "
                "today, is billed. %(books)s",
                books=books,
            )
        if self.subscription_id.date_start == self._get_today():
            # A subscription has at least one day.
            return self.env._(
                "The edition ends, and its features lock again after today. %(books)s", books=books
            )
        return self.env._(
            "The edition ends, and its features lock again from today on. %(books)s", books=books
        )

    # === ACTION === #

    def action_refund(self):
        """Settle what is over, and refund what was shown."""
        self._check_one()
        record = self.pack_id or self.subscription_id
        if not record:
            raise UserError(
                self.env._(
                    "Nothing is chosen to refund: use the button Refund of a subscription or pack."
                )
            )
        record.check_access("write")
        today = self._get_today()
        record.account_id.settle(record.company_id._trtc_last_ended_day())
        if not record._get_refund_obstacle(today):
            self._check_amount()
        # The rights are checked: fees are made by these methods only.
        record.sudo()._refund(today)
        return {"type": "ir.actions.act_window_close"}

    # === TOOLING === #

    def _check_amount(self):
        """Raise if something else would come back than was shown."""
        amount = float(self._get_amount())
        if self.currency_id.compare_amounts(amount, self.amount):
            raise UserError(
                self.env._(
                    "Usage came in meanwhile: %(amount)s would come back now. Open the refund "
                    "again.",
                    amount=formatLang(self.env, amount, currency_obj=self.currency_id),
                )
            )

    def _get_today(self):
        company = (self.pack_id or self.subscription_id).company_id or self.env.company
        return company._trtc_today()
