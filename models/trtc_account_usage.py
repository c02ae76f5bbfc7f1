from odoo import fields, models


class TrtcAccount(models.Model):
    # Usage that waits for a person.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    bill_from = fields.Date(
        string="Bill Usage From",
        tracking=True,
        groups="base.group_user",
        help="The first day of the first billing period. Usage of an earlier day is not billed "
        "until an accountant has agreed, under Usage / To Check. Empty: the account has no "
        "first day of its own. A change holds for usage that comes in afterwards.",
    )
    held_count = fields.Integer(
        string="Usage to Check",
        compute="_compute_held_count",
        groups="trtc_billing.group_user",
        help="Usage records that are older than expected and wait for a decision.",
    )

    # === COMPUTE === #

    def _compute_held_count(self):
        groups = self.env["trtc.usage"]._read_group(
            [("account_id", "in", self.ids), *self.env["trtc.usage"]._get_to_check_domain()],
            ["account_id"],
            ["__count"],
        )
        counts = {account.id: count for account, count in groups}
        for account in self:
            account.held_count = counts.get(account._origin.id, 0)

    # === ACTION === #

    def action_open_held(self):
        return self._action_open(
            "trtc_usage_check_action",
            [
                ("account_id", "in", self.ids),
                *self.env["trtc.usage"]._get_to_check_domain(),
            ],
        )
