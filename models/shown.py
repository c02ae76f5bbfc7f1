"""What customers may read of Odoo's own models: nothing that this module adds to them."""

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL, Query


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


def check_domain(model, domain):
    """Raise if a customer searches by a field that is not theirs to read.

    Odoo itself asks for the rights to a field late: not where a method of the field answers,
    nor where the answer is plain without the database.
    """
    if model.env.su or not is_customer(model.env):
        return
    for condition in Domain(domain).iter_conditions():
        part = model
        for name in str(condition.field_expr).split("."):
            field = part is not None and part._fields.get(name)
            if not field:
                break
            part._check_field_access(field, "read")
            part = part.env.get(field.comodel_name) if field.relational else None
        if part is None or condition.operator not in ("any", "not any"):
            continue
        # A query comes from code of the server: no client can send one.
        if not isinstance(condition.value, (Query, SQL)):
            check_domain(part, condition.value)


class ResCompany(models.Model):
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)


class AccountMove(models.Model):
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)


class ProductPricelist(models.Model):
    _inherit = "product.pricelist"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)


class UomUom(models.Model):
    _inherit = "uom.uom"  # pylint: disable=consider-merging-classes-inherited

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        return super()._has_field_access(field, operation) and is_open(self.env, field)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)
