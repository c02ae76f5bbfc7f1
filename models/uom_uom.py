from decimal import Decimal

from odoo import fields, models


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

    # === TOOLING === #

    def _trtc_ratio(self, other):
        """Return how many units ``other`` one unit of ``self`` holds, exactly.

        :rtype: Decimal, or None if the two units do not measure the same thing
        """
        self.ensure_one()
        if self.parent_path.split("/")[0] != other.parent_path.split("/")[0]:
            return None
        return Decimal(repr(self.factor)) / Decimal(repr(other.factor))
