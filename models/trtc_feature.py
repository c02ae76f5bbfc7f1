from odoo import fields, models


class TrtcFeature(models.Model):
    _name = "trtc.feature"
    _description = "TRTC Feature"
    _inherit = ["trtc.given", "trtc.catalogue"]
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

    # === CRUD === #

    def write(self, vals):
        before = {}
        if {"every_edition", "edition_ids"} & set(vals):
            before = {one: (one.every_edition, one.edition_ids) for one in self}
        result = super().write(vals)
        for feature, (shared, editions) in before.items():
            if shared and not feature.every_edition:
                feature._check_loss()
            elif editions - feature.edition_ids:
                feature._check_loss(editions - feature.edition_ids)
        return result

    # === BUSINESS === #

    def _check_loss(self, editions=None):
        """Raise if settled, billable usage rests on these features, which were taken away.

        :param editions: the editions that have lost them; default all
        :raise UserError: see ``trtc.item._check_stays_unlocked``
        """
        features = self.filtered(lambda feature: not feature.every_edition)
        items = features.sudo().with_context(active_test=False).item_ids
        if items:
            items.with_env(self.env)._check_stays_unlocked(
                lambda application, day: editions is None
                or application._get_edition(day) in editions,
                self.env._(
                    "Create another edition that does not unlock the feature, and let "
                    "applications hold that one from a day on."
                ),
                editions,
            )
