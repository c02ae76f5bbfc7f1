"""What customers may read of Odoo's own models: nothing that this module adds to them."""

from odoo import api, models


def is_customer(env):
    """Tell whether the user is one of the portal, or a visitor.

    A program that sends usage is neither, though it is no employee.
    """
    return env.user._is_portal() or env.user._is_public()


def is_open(env, field):
    """Tell whether the user may read a field of one of Odoo's own models.

    What this module adds there is the staff's; customers see on pages and documents, which
    are made with all rights, what is theirs.
    """
    return env.su or not field.name.startswith("trtc_") or not is_customer(env)


class ResCompany(models.Model):
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)


class AccountMove(models.Model):
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)


class UomUom(models.Model):
    _inherit = "uom.uom"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)
