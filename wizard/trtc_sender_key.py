from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from odoo.addons.base.models.res_users import check_identity

#: A sender has none of these: neither is it an employee, nor a customer.
FOREIGN_GROUPS = (
    "base.group_user",
    "base.group_portal",
    "base.group_public",
    "trtc_billing.group_user",
    "base.group_system",
    "base.group_erp_manager",
)


class TrtcSenderKey(models.TransientModel):
    """Makes the API key of a program that sends usage.

    Its user needs no way to log in, so an administrator makes the key.
    """

    _name = "trtc.sender.key"
    _description = "API Key of a TRTC Usage Feed"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    user_id = fields.Many2one(
        "res.users",
        string="Sender",
        required=True,
        domain=lambda self: [
            ("all_group_ids", "in", self.env.ref("trtc_billing.group_api_sender").ids)
        ],
        help="A user with the group TRTC Usage Feed / API Sender.",
    )
    name = fields.Char(
        string="Purpose", required=True, default=lambda self: self.env._("Usage feed")
    )
    date_end = fields.Date(
        string="Valid Until",
        required=True,
        default=lambda self: fields.Date.context_today(self) + timedelta(days=365),
    )

    # === CONSTRAINT === #

    @api.constrains("date_end")
    def _check_date_end(self):
        for wizard in self:
            if wizard.date_end <= fields.Date.context_today(self):
                raise ValidationError(
                    self.env._("Choose a day in the future until which it is valid.")
                )

    # === ACTION === #

    @check_identity
    def action_make_key(self):
        """Make the key and show it, once."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("API Key of %(user)s", user=self.user_id.display_name),
            "res_model": "res.users.apikeys.show",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_key": self._make_key()},
        }

    # === BUSINESS === #

    def _make_key(self):
        """Return a new key of the sender, which is kept nowhere in readable form."""
        self.ensure_one()
        if not self.env.user._is_system():
            raise AccessError(self.env._("Only an administrator makes keys for other users."))
        if not self.user_id.has_group("trtc_billing.group_api_sender"):
            raise UserError(
                self.env._(
                    "%(user)s does not have the group TRTC Usage Feed / API Sender.",
                    user=self.user_id.display_name,
                )
            )
        if any(map(self.user_id.has_group, FOREIGN_GROUPS)):
            raise UserError(
                self.env._(
                    "%(user)s may do more than send usage: a key that lies in a program would "
                    "open all of that. Use a user with the group TRTC Usage Feed / API Sender "
                    "only.",
                    user=self.user_id.display_name,
                )
            )
        keys = self.env["res.users.apikeys"].with_user(self.user_id).sudo()
        return keys._generate("rpc", self.name, fields.Datetime.to_datetime(self.date_end))
