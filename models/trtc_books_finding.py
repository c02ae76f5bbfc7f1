from odoo import api, fields, models


class TrtcBooksFinding(models.Model):
    """A place where the books are not what raw usage says, or what is good to know there."""

    _name = "trtc.books.finding"
    _description = "TRTC Finding of a Check of the Books"
    _order = "check_id desc, severity, id"
    _inherit = ["trtc.sealed"]

    # === FIELDS === #

    check_id = fields.Many2one(
        "trtc.books.check", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="check_id.company_id", store=True)
    severity = fields.Selection(
        [("difference", "Difference"), ("information", "Remark")], required=True, readonly=True
    )
    kind = fields.Selection(
        [
            ("metered", "Usage and statements"),
            ("gap", "Usage on no statement"),
            ("parts", "Parts of a line"),
            ("misplaced", "Line in another place"),
            ("statement", "Sum of a statement"),
            ("rating", "Rating"),
            ("minutes", "Minutes of a pack"),
            ("drawn", "Ledger of minutes"),
            ("billed", "Billed amounts"),
            ("released", "Cancelled invoices"),
            ("credited", "Credited amounts"),
            ("invoice_line", "Lines of an invoice"),
            ("invoice_total", "Total of an invoice"),
            ("customer", "Customer of an invoice"),
            ("sold", "Sold without usage"),
            ("waiting", "Waiting"),
            ("parked", "Account that is left out"),
            ("by_hand", "Changed by hand"),
        ],
        required=True,
        readonly=True,
    )
    account_id = fields.Many2one("trtc.account", readonly=True, ondelete="set null")
    application_id = fields.Many2one("trtc.application", readonly=True, ondelete="set null")
    item_id = fields.Many2one("trtc.item", readonly=True, ondelete="set null")
    date_from = fields.Date(string="From", readonly=True)
    date_to = fields.Date(string="To", readonly=True)
    expected = fields.Char(readonly=True)
    found = fields.Char(readonly=True)
    message = fields.Text(string="Finding", required=True, readonly=True)
    to_do = fields.Text(string="What to Do", required=True, readonly=True)
    res_model = fields.Char(readonly=True)
    res_domain = fields.Json(readonly=True)

    # === COMPUTE === #

    @api.depends("message")
    def _compute_display_name(self):
        for finding in self:
            finding.display_name = finding.message

    # === ACTION === #

    def action_open_records(self):
        """Return the action that shows what the finding is about."""
        self._check_one()
        model = self.env[self.res_model]
        model.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": dict(self._fields["kind"]._description_selection(self.env))[self.kind],
            "res_model": self.res_model,
            "domain": self.res_domain,
            "view_mode": "list,form",
            "context": {"active_test": False, "create": False},
        }

    # === TOOLING === #

    def _get_seal_message(self):
        return self.check_id._get_seal_message()
