from datetime import timedelta

from odoo import api, fields, models

from ..rating import periods


class TrtcCheckBooks(models.TransientModel):
    """Choose what a check of the books looks at."""

    _name = "trtc.check.books"
    _description = "Check the Books of TRTC Services"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    account_ids = fields.Many2many(
        "trtc.account",
        string="Accounts",
        domain="[('company_id', '=', company_id)]",
        help="Empty: all accounts of the company, archived ones among them.",
    )
    date_from = fields.Date(
        string="From", required=True, default=lambda self: self._default_period()[0]
    )
    date_to = fields.Date(
        string="To", required=True, default=lambda self: self._default_period()[1]
    )

    # === DEFAULT === #

    @api.model
    def _default_period(self):
        first = self.env.company._trtc_today().replace(day=1)
        return periods.period_of(first - timedelta(days=1), periods.MONTH)

    # === ACTION === #

    def action_check(self):
        """Check the books and open the report."""
        self._check_one()
        check = self.env["trtc.books.check"]._check_books(
            self.company_id, self.date_from, self.date_to, self.account_ids
        )
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_books_check_action"
        )
        return {**action, "res_id": check.id, "views": [(False, "form")]}
