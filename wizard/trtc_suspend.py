from odoo import Command, api, fields, models


class TrtcSuspend(models.TransientModel):
    _name = "trtc.suspend"
    _description = "Suspend TRTC Applications"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    application_ids = fields.Many2many("trtc.application", required=True)
    reason = fields.Selection(
        selection=lambda self: self.env["trtc.suspension"]._fields["reason"].selection,
        required=True,
    )
    date_start = fields.Date(
        string="From",
        required=True,
        default=lambda self: self.env.company._trtc_today(),
        help="The first day of the suspension.",
    )
    note = fields.Text(help="Kept with the suspension, for the staff.")

    # === COMPUTE === #

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        chosen = self._get_active("trtc.application")
        if "application_ids" in fields_list and chosen:
            values["application_ids"] = [Command.set(chosen.ids)]
        return values

    # === ACTION === #

    def action_suspend(self):
        """Suspend the applications from the chosen day on."""
        self._check_one()
        self.application_ids._suspend(self.reason, self.date_start, self.note or "")
