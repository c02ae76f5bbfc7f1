from odoo import api, models


class ProductPricelistItem(models.Model):
    _inherit = "product.pricelist.item"

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        rules = super().create(vals_list)
        self.env["trtc.settlement.note"].sudo()._note_unpriced()
        return rules

    def write(self, vals):
        result = super().write(vals)
        self.env["trtc.settlement.note"].sudo()._note_unpriced()
        return result
