from odoo import api, fields, models


class TrtcEdition(models.Model):
    _name = "trtc.edition"
    _description = "TRTC Edition"
    _order = "sequence, id"

    # === FIELDS === #

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, copy=False)
    sequence = fields.Integer(
        default=10, help="The rank: an edition further down is a higher one."
    )
    active = fields.Boolean(default=True)
    note = fields.Text(translate=True)
    feature_ids = fields.Many2many(
        "trtc.feature",
        "trtc_edition_feature_rel",
        "edition_id",
        "feature_id",
        string="Unlocked Features",
        help="What this edition unlocks, besides the features of every edition.",
    )

    shared_feature_ids = fields.Many2many(
        "trtc.feature",
        string="In Every Edition",
        compute="_compute_shared_feature_ids",
        help="Features that every edition unlocks.",
    )

    _code_uniq = models.Constraint(
        "UNIQUE (code)", "There is already an edition with this code."
    )

    # === COMPUTE === #

    @api.depends("code")
    def _compute_shared_feature_ids(self):
        self.shared_feature_ids = self.env["trtc.feature"].search([("every_edition", "=", True)])

    # === BUSINESS === #

    def _unlocks(self, feature):
        """Tell whether this edition (or no edition, if empty) unlocks a feature."""
        return feature.every_edition or feature in self.feature_ids
