from odoo import fields, models


class TrtcFeature(models.Model):
    _name = "trtc.feature"
    _description = "TRTC Feature"
    _order = "sequence, id"

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, copy=False)
    sequence = fields.Integer(default=10)
    description = fields.Text(translate=True)
    every_edition = fields.Boolean(
        help="Every edition unlocks this feature; so does an application for which "
        "no edition is recorded.",
    )
    edition_ids = fields.Many2many(
        "trtc.edition", "trtc_edition_feature_rel", "feature_id", "edition_id"
    )
    item_ids = fields.One2many("trtc.item", "feature_id", string="Billing Items")

    _code_uniq = models.Constraint(
        "UNIQUE (code)", "There is already a feature with this code."
    )
