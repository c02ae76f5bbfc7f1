import math

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .markers import is_uninstalling

#: What a quantity in a unit means.
FACTOR_FIELDS = {"relative_factor", "relative_uom_id", "factor", "parent_path"}


class UomUom(models.Model):
    # A room of its own: what usage was metered and priced in stays what it was.
    _inherit = "uom.uom"  # pylint: disable=consider-merging-classes-inherited

    _trtc_factor_above_zero = models.Constraint(
        "CHECK (trtc_code IS NULL OR (factor > 0 AND factor < 'Infinity'::numeric))",
        "A unit that usage records name is a number of its reference unit above zero.",
    )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._trtc_check_number(vals)
        return super().create(vals_list)

    def write(self, vals):
        self._trtc_check_number(vals)
        if FACTOR_FIELDS & set(vals):
            self._trtc_check_kept(FACTOR_FIELDS & set(vals), vals)
        if "trtc_code" in vals:
            # A first word changes nothing of what is there.
            self.filtered("trtc_code")._trtc_check_kept({"trtc_code"}, vals)
        if "active" in vals and not vals["active"]:
            self._trtc_check_kept({"active"}, vals)
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        # Not a method of ``api.ondelete``, which a key of the context turns off.
        if not is_uninstalling(self.env):
            self._trtc_check_deletable()
        return super().unlink()

    # === TOOLING === #

    def _trtc_check_deletable(self):
        """Raise if something depends on one of these units."""
        for unit in self:
            if reason := unit._trtc_get_dependent():
                raise UserError(
                    self.env._(
                        "The unit %(unit)s cannot be deleted: %(reason)s",
                        unit=unit.name,
                        reason=reason,
                    )
                )

    @api.model
    def _trtc_check_number(self, vals):
        """Raise for a factor that is no number."""
        factor = vals.get("relative_factor")
        if isinstance(factor, float) and not math.isfinite(factor):
            raise UserError(
                self.env._(
                    "%(factor)s is no number of reference units: enter one above zero.",
                    factor=factor,
                )
            )

    def _trtc_check_kept(self, names, vals):
        """Raise if values change what a quantity of usage means that depends on these units.

        :param set names: the fields to compare with what they are
        """
        for unit in self:
            now = {
                name: unit._fields[name].convert_to_write(unit[name], unit) for name in names
            }
            given = unit.new({name: vals[name] for name in names}, origin=unit)
            changed = {
                name
                for name in names
                if unit._fields[name].convert_to_write(given[name], given) != now[name]
            }
            reason = changed and unit._trtc_get_dependent(changed == {"trtc_code"})
            if reason:
                raise UserError(
                    self.env._(
                        "You cannot change the %(fields)s of the unit %(unit)s: %(reason)s",
                        unit=unit.name,
                        fields=", ".join(
                            f'"{unit._fields[name]._description_string(self.env)}"'
                            for name in sorted(changed)
                        ),
                        reason=reason,
                    )
                )

    def _trtc_get_dependent(self, word_only=False):
        """Return in a sentence what depends on this unit and what to do, or None.

        Units that derive from it count as well.

        :param bool word_only: whether only the word of usage records is at stake
        """
        self.ensure_one()
        units = self.sudo().with_context(active_test=False)
        derived = units.search([("id", "child_of", self.ids)])
        items = self.env["trtc.item"].sudo().with_context(active_test=False)
        item = not word_only and items.search(
            Domain("usage_uom_id", "in", derived.ids)
            | Domain("uom_id", "in", derived.ids)
            | Domain("product_id.uom_id", "in", derived.ids),
            limit=1,
        )
        if item:
            return self.env._(
                "the billing item %(item)s is metered or priced in it, or in a unit that derives "
                "from it. Make another unit, and another billing item, for what is measured "
                "otherwise.",
                item=item.code,
            )
        fees = self.env["trtc.fee"].sudo()
        if not word_only and fees.search_count([("uom_id", "in", derived.ids)], limit=1):
            return self.env._(
                "fees were billed in it, or in a unit that derives from it. Make another unit."
            )
        named = (self if word_only else derived).filtered("trtc_code")._trtc_filter_sent()
        if named:
            return self.env._(
                'usage records name it, or a unit that derives from it, "%(word)s". Make another '
                "unit with a word of its own.",
                word=named[0].trtc_code,
            )
        return None

    def _trtc_filter_sent(self):
        """Return those of these units, with words, whose word may stand in records that came.

        Usage is kept in the unit of its item, without the word.  So any usage that came since a
        unit is as it is may have named it, if an item measures the same thing.
        """
        newest = self.env["trtc.usage"].sudo().search([], order="id desc", limit=1)
        if not newest:
            return self.browse()
        items = self.env["trtc.item"].sudo().with_context(active_test=False)
        items = items.search_fetch([], ["usage_uom_id"])
        families = {unit.parent_path.split("/")[0] for unit in items.usage_uom_id}
        waiting = self.env["trtc.usage"].sudo().search(
            [("unit", "in", self.mapped("trtc_code")), ("item_id", "=", False)], limit=1
        )
        return self.filtered(
            lambda unit: unit.trtc_code in waiting.mapped("unit")
            or (
                unit.parent_path.split("/")[0] in families
                and (not newest.create_date or newest.create_date >= unit.write_date)
            )
        )


class ProductTemplate(models.Model):
    # The unit of the product is what prices of its billing item are stated in.
    _inherit = "product.template"

    # === CRUD === #

    def write(self, vals):
        units = {template: template.uom_id for template in self} if "uom_id" in vals else {}
        result = super().write(vals)
        for template, unit in units.items():
            if template.uom_id != unit:
                template._trtc_check_unit(unit)
        return result

    # === TOOLING === #

    @api.model
    def _trtc_get_items(self):
        items = self.env["trtc.item"].sudo().with_context(active_test=False)
        return items.search([("product_id.product_tmpl_id", "in", self.ids)])

    def _trtc_check_unit(self, before):
        """Raise if another unit than before changes the prices of usage that is there."""
        items = self._trtc_get_items()
        used = items.filtered(lambda item: item._has_usage())
        if used:
            raise UserError(
                self.env._(
                    "The product %(product)s is priced per %(unit)s: the billing item %(item)s "
                    "has usage, whose prices would change. Make another product, and a billing "
                    "item for it.",
                    product=self.display_name,
                    unit=before.name,
                    item=used[0].code,
                )
            )
        items._check_units()
        pack = self.env.ref("trtc_billing.product_pack", raise_if_not_found=False)
        minute = self.env.ref("trtc_billing.uom_minute", raise_if_not_found=False)
        if pack in self.product_variant_ids and self.uom_id._trtc_ratio(minute) is None:
            raise UserError(
                self.env._(
                    "Minute packs are priced by the product %(product)s: choose a unit of time "
                    "that converts to %(minute)s.",
                    product=self.display_name,
                    minute=minute.name,
                )
            )
