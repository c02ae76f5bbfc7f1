from odoo import fields, models


class TrtcSuspension(models.Model):
    # A room of its own: which suspensions the arrears of an account have made.
    _inherit = "trtc.suspension"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # A payment ends these, and not what a person has suspended.
    arrears_id = fields.Many2one(
        "trtc.arrears", readonly=True, index="btree_not_null", ondelete="set null"
    )
