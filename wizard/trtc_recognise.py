from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command


class TrtcRecognise(models.TransientModel):
    """Propose the entry that recognises prepaid fees of the company it is opened for."""

    _name = "trtc.recognise"
    _description = "Recognise Prepayments of TRTC Services"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    date = fields.Date(
        string="Earned Until",
        required=True,
        default=lambda self: self.env.company._trtc_today().replace(day=1) - timedelta(days=1),
        help="The last day of what is recognised, and the date of the entry.",
    )
    line_ids = fields.One2many(
        "trtc.recognise.line", "wizard_id", compute="_compute_line_ids", store=True
    )
    amount_total = fields.Monetary(string="To Recognise", compute="_compute_amount_total")
    is_off = fields.Boolean(compute="_compute_is_off")
    replaced = fields.Char(string="Replaces", compute="_compute_hints")
    unsettled_count = fields.Integer(compute="_compute_hints")

    # === COMPUTE === #

    @api.depends("company_id")
    def _compute_is_off(self):
        for wizard in self:
            wizard.is_off = not wizard._get_company().trtc_deferred_account_id

    @api.depends("date", "company_id")
    def _compute_line_ids(self):
        recognitions = self.env["trtc.recognition"].sudo()
        for wizard in self:
            found, company = [], wizard._get_company()
            fees = self.env["trtc.fee"].sudo().with_company(company)
            if wizard.date:
                drafts = recognitions._get_drafts(company, wizard.date)
                found = fees._get_prepayments(company, wizard.date, drafts)
            wizard.line_ids = [
                Command.clear(),
                *(Command.create(wizard._prepare_line(prepayment)) for prepayment in found),
            ]

    @api.depends("line_ids.due")
    def _compute_amount_total(self):
        for wizard in self:
            wizard.amount_total = sum(wizard.line_ids.mapped("due"))

    @api.depends("date", "company_id")
    def _compute_hints(self):
        for wizard in self:
            company = wizard._get_company()
            drafts = self.env["trtc.recognition"].sudo()._get_drafts(
                company, wizard.date or company._trtc_today()
            )
            # The name of a draft holds its reference.
            wizard.replaced = ", ".join(drafts.mapped("display_name"))
            groups = self.env["trtc.settlement.note"].sudo()._read_group(
                [("account_id.company_id", "=", company.id), ("date_to", "<=", wizard.date)],
                ["account_id"],
            )
            wizard.unsettled_count = len(groups)

    # === ACTION === #

    def action_propose(self):
        """Make the draft entry, and show it."""
        self._check_one()
        company = self._get_company()
        recognitions = company._trtc_in_billing_time(self.env["trtc.recognition"].sudo())
        move = recognitions._propose(company, self.date)
        if not move:
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "info",
                    "message": self.env._("There is nothing to recognise."),
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": move.id,
            "view_mode": "form",
        }

    # === TOOLING === #

    def _get_company(self):
        """Return the company with the rights to see its fees, if the user may propose for it."""
        self._check_may_propose()
        company = self.company_id or self.env.company
        if company not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work in the company of this proposal."))
        return company.sudo()

    @api.model
    def _check_may_propose(self):
        if not self.env.user.has_group("trtc_billing.group_accountant"):
            raise AccessError(
                self.env._('Recognising prepayments takes the group "TRTC Billing / Accountant".')
            )

    @api.model
    def _prepare_line(self, prepayment):
        """Return the values of the line that shows what is to be recognised of a fee."""
        return {
            "fee_id": prepayment.fee.id,
            "partner_id": prepayment.fee.account_id.partner_id.id,
            "deferred": float(prepayment.deferred),
            "recognised": float(prepayment.recognised),
            "due": float(prepayment.due),
            "reason": prepayment.reason,
        }
