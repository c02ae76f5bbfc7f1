from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError


class TrtcAccrue(models.TransientModel):
    """Propose the accrual of a period end, for the company that it is opened for."""

    _name = "trtc.accrue"
    _description = "Accrue Revenue of TRTC Services"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    date = fields.Date(
        string="Period End",
        required=True,
        default=lambda self: self.env.company._trtc_today().replace(day=1) - timedelta(days=1),
        help="The last day of what is accrued, and the date of the entry. It is reversed on the "
        "next day.",
    )
    is_off = fields.Boolean(compute="_compute_hints")
    replaced = fields.Char(string="Replaces", compute="_compute_hints")
    unsettled_count = fields.Integer(compute="_compute_hints")
    draft_count = fields.Integer(compute="_compute_hints")
    is_open_day = fields.Boolean(compute="_compute_hints")

    # === COMPUTE === #

    @api.depends("date", "company_id")
    def _compute_hints(self):
        for wizard in self:
            company = wizard._get_company()
            date = wizard.date or company._trtc_today()
            wizard.is_off = not company.trtc_accrued_account_id
            drafts = self.env["trtc.accrual"].sudo()._get_drafts(company, date)
            # Each by its name, which is longer than that of the accrual.
            wizard.replaced = ", ".join(drafts.mapped("display_name"))
            notes = self.env["trtc.settlement.note"].sudo()
            groups = notes._read_group(
                [("account_id.company_id", "=", company.id), ("date_from", "<=", date)],
                ["account_id"],
            )
            wizard.unsettled_count = len(groups)
            wizard.draft_count = (
                self.env["account.move"]
                .sudo()
                .search_count(
                    [
                        ("company_id", "=", company.id),
                        ("trtc_allocation_ids", "any", [("released", "=", False)]),
                        ("state", "=", "draft"),
                        ("trtc_date_to", "<=", date),
                    ]
                )
            )
            wizard.is_open_day = date > company._trtc_last_ended_day()

    # === ACTION === #

    def action_propose(self):
        """Make the draft entries, and show what they accrue."""
        self._check_one()
        company = self._get_company()
        accruals = company._trtc_in_billing_time(self.env["trtc.accrual"].sudo())
        accruals = accruals._propose(company, self.date)
        if not accruals:
            return {
                "type": "ir.actions.client",
                "tag": "display_notification",
                "params": {
                    "type": "info",
                    "message": self.env._("There is nothing to accrue."),
                    "next": {"type": "ir.actions.act_window_close"},
                },
            }
        action = self.env["ir.actions.act_window"]._for_xml_id("trtc_billing.trtc_accrual_action")
        if len(accruals) == 1:
            return {**action, "views": [(False, "form")], "res_id": accruals.id}
        return {**action, "domain": [("id", "in", accruals.ids)]}

    # === TOOLING === #

    def _get_company(self):
        """Return the company with the rights to see its usage, if the user may propose for it."""
        self._check_may_accrue()
        company = self.company_id or self.env.company
        if company not in self.env.user.company_ids:
            raise AccessError(self.env._("You do not work in the company of this proposal."))
        return company.sudo()

    @api.model
    def _check_may_accrue(self):
        if not self.env.user.has_group("trtc_billing.group_accountant"):
            raise AccessError(
                self.env._('Accruing revenue takes the group "TRTC Billing / Accountant".')
            )
