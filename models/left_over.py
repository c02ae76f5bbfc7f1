"""What an earlier installation left is taken over as the company has it.

See ``pre_init_hook``: while the module is installed, the registry names the records.
"""

from odoo import models

#: Of these types a field that is empty is filled with what the module ships.
FILLED_TYPES = ("char", "text", "html", "many2one")


class TrtcLeftOver(models.AbstractModel):
    _name = "trtc.left.over"
    _description = "TRTC Record That May Outlive the Module"

    def _load_records_write(self, values):
        """Write of a left-over record what it lacks, and nothing else.

        The unit of a product on posted entries, for one, may not even be written as it is.
        """
        left = getattr(self.env.registry, "trtc_left_over", ())
        if (self._name, self.id) not in left:
            return super()._load_records_write(values)
        missing = self._trtc_get_missing(values)
        return super()._load_records_write(missing) if missing else None

    def _trtc_get_missing(self, values):
        """Return those of some values that this record lacks.

        The module's own fields went with it. What is archived serves again.
        """
        self.ensure_one()
        missing = {
            name: value
            for name, value in values.items()
            if name.startswith("trtc_")
            or (value and self._fields[name].type in FILLED_TYPES and not self[name])
        }
        if "active" in self._fields and not self.active:
            missing["active"] = True
        return missing


class ProductCategory(models.Model):
    _name = "product.category"
    _inherit = ["product.category", "trtc.left.over"]


class ProductPricelist(models.Model):
    _name = "product.pricelist"
    _inherit = ["product.pricelist", "trtc.left.over"]


class ProductPricelistItem(models.Model):
    _name = "product.pricelist.item"
    _inherit = ["product.pricelist.item", "trtc.left.over"]


class ProductProduct(models.Model):
    _name = "product.product"
    _inherit = ["product.product", "trtc.left.over"]


class UomUom(models.Model):
    _name = "uom.uom"
    _inherit = ["uom.uom", "trtc.left.over"]

    def _trtc_get_missing(self, values):
        """Let a unit hold as much as prices and usage take it for, too."""
        missing = super()._trtc_get_missing(values)
        for name in ("relative_factor", "relative_uom_id"):
            if name in values:
                value = self._fields[name].convert_to_cache(values[name], self)
                if value != self._fields[name].convert_to_cache(self[name], self):
                    missing[name] = values[name]
        return missing
