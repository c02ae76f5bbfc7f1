from odoo import api, fields, models

from .exact import QUANTITY_DIGITS, Exact


class TrtcEdition(models.Model):
    _name = "trtc.edition"
    _description = "TRTC Edition"
    _inherit = ["trtc.given", "trtc.catalogue"]
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

    fee_product_id = fields.Many2one(
        "product.product",
        string="Monthly Fee",
        ondelete="restrict",
        help="What a month of this edition is billed as. Pricelists say what it costs; where "
        "a pricelist has no price for it, the edition is not sold there: no fee is billed, "
        "and no minutes are included.",
    )
    included_minutes = Exact(
        digits=QUANTITY_DIGITS,
        help="Minutes that each paid month includes, for the application alone.",
    )
    trial_days = fields.Integer(help="How long a trial lasts; 0: this edition is no trial.")
    trial_max_application = fields.Integer(
        string="Trials per Application", help="0: as many as wanted."
    )
    trial_max_account = fields.Integer(string="Trials per Account", help="0: as many as wanted.")

    shared_feature_ids = fields.Many2many(
        "trtc.feature",
        string="In Every Edition",
        compute="_compute_shared_feature_ids",
        help="Features that every edition unlocks.",
    )

    _not_negative = models.Constraint(
        "CHECK (coalesce(included_minutes, 0) >= 0 AND coalesce(trial_days, 0) >= 0"
        " AND coalesce(trial_max_application, 0) >= 0 AND coalesce(trial_max_account, 0) >= 0)",
        "Included minutes, trial days and numbers of trials cannot be negative.",
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
