from decimal import Decimal

from odoo import api, fields, models, tools


class UomUom(models.Model):
    _inherit = "uom.uom"

    # === FIELDS === #

    trtc_code = fields.Char(
        string="Usage Record Word",
        copy=False,
        help='The word that TRTC usage records use for this unit, for instance "min".',
    )

    _trtc_code_uniq = models.UniqueIndex(
        "(trtc_code) WHERE trtc_code IS NOT NULL",
        "Each word for a unit in usage records can belong to one unit only.",
    )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        units = super().create(vals_list)
        self.env.registry.clear_cache()
        return units

    def write(self, vals):
        result = super().write(vals)
        self.env.registry.clear_cache()
        return result

    def unlink(self):
        result = super().unlink()
        self.env.registry.clear_cache()
        return result

    # === TOOLING === #

    @tools.ormcache("self.id")
    def _trtc_get_smaller_ids(self):
        """Return the ids of the units that measure the same and are smaller, largest first.

        Asked for each invoice line; units change hardly ever.
        """
        self.ensure_one()
        root = self.parent_path.partition("/")[0]
        units = self.sudo().with_context(active_test=True)
        units = units.search([("parent_path", "=like", f"{root}/%"), ("factor", "<", self.factor)])
        return tuple(units.sorted(lambda unit: (-unit.factor, unit.id)).ids)

    def _trtc_ratio(self, other):
        """Return how many units ``other`` one unit of ``self`` holds, exactly.

        :rtype: Decimal, or None if the two units do not measure the same thing
        """
        self.ensure_one()
        if self.parent_path.split("/")[0] != other.parent_path.split("/")[0]:
            return None
        return Decimal(repr(self.factor)) / Decimal(repr(other.factor))
