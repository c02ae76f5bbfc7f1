from odoo import fields, models


class TrtcRun(models.TransientModel):
    _name = "trtc.run"
    _description = "Settle TRTC Usage and Create Invoices"

    # === FIELDS === #

    until = fields.Date(
        required=True,
        default=lambda self: self.env.company._trtc_last_ended_day(),
        help="Periods that ended on or before this day.",
    )
    account_ids = fields.Many2many(
        "trtc.account", string="Accounts", help="Empty: all accounts of your companies."
    )

    # === ACTION === #

    def action_settle(self):
        self.ensure_one()
        statements = self.account_ids.settle(self.until)
        return self.account_ids[:1]._action_open(
            "trtc_statement_action", [("id", "in", statements.ids)]
        )

    def action_invoice(self):
        """Settle what is due, then create the invoices."""
        self.ensure_one()
        self.account_ids.settle(self.until)
        moves = self.account_ids.create_invoices(self.until)
        return self.account_ids[:1]._action_open(
            "trtc_invoice_action", [("id", "in", moves.ids)]
        )
