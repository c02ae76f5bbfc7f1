from odoo import api, models

from .shown import check_domain, is_customer


class TrtcVisible(models.AbstractModel):
    """A record that customers read in the portal.

    Of its fields they read those that the pages show, and no others: what they could search,
    sort or group by they could also guess.  So a field is named here before customers have
    it, whichever module adds it.
    """

    _name = "trtc.visible"
    _description = "TRTC Record That Customers Read"

    # === CORE OVERRIDES === #

    @api.model
    def _has_field_access(self, field, operation):
        if not super()._has_field_access(field, operation):
            return False
        if self.env.su or field.name in self._get_customer_fields():
            return True
        return not is_customer(self.env)

    @api.model
    def _search(self, domain, *args, **kwargs):
        if not kwargs.get("bypass_access"):
            check_domain(self, domain)
        return super()._search(domain, *args, **kwargs)

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        """Return the names of the fields that pages for customers show, sort or filter by."""
        return {"id", "display_name"}


class TrtcAccount(models.Model):
    _name = "trtc.account"
    _inherit = ["trtc.account", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "name",
            "uin",
            "active",
            "partner_id",
            "commercial_partner_id",
            "currency_id",
        }


class TrtcApplication(models.Model):
    _name = "trtc.application"
    _inherit = ["trtc.application", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "name",
            "sdkappid",
            "active",
            "account_id",
            "commercial_partner_id",
        }


class TrtcItem(models.Model):
    _name = "trtc.item"
    _inherit = ["trtc.item", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "code",
            "name",
            "active",
            "sequence",
            "usage_uom_id",
            "uom_id",
        }


class TrtcStatement(models.Model):
    _name = "trtc.statement"
    _inherit = ["trtc.statement", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "name",
            "account_id",
            "partner_id",
            "commercial_partner_id",
            "currency_id",
            "cycle",
            "date_from",
            "date_to",
            "revision",
            "is_adjustment",
            "line_ids",
            "amount_untaxed",
            "state",
            "access_url",
        }


class TrtcStatementLine(models.Model):
    _name = "trtc.statement.line"
    _inherit = ["trtc.statement.line", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "statement_id",
            "account_id",
            "commercial_partner_id",
            "currency_id",
            "cycle",
            "is_adjustment",
            "application_id",
            "sdkappid",
            "item_id",
            "usage_uom_id",
            "uom_id",
            "date",
            "status",
            "kind",
            "metered_quantity",
            "quantity",
            "free_quantity",
            "pack_quantity",
            "locked_quantity",
            "billable_quantity",
            "price_unit",
            "amount",
            "explanation",
            "draw_ids",
            "is_pending",
        }


class TrtcMinutePack(models.Model):
    _name = "trtc.minute.pack"
    _inherit = ["trtc.minute.pack", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "name",
            "active",
            "account_id",
            "commercial_partner_id",
            "application_id",
            "kind",
            "minutes",
            "minutes_drawn",
            "minutes_left",
            "percent_left",
            "date_start",
            "date_end",
            "draw_ids",
            "draw_count",
            "state",
            "refunded",
        }


class TrtcPackDraw(models.Model):
    _name = "trtc.pack.draw"
    _inherit = ["trtc.pack.draw", "trtc.visible"]

    # === TOOLING === #

    @api.model
    def _get_customer_fields(self):
        return super()._get_customer_fields() | {
            "pack_id",
            "statement_line_id",
            "statement_id",
            "commercial_partner_id",
            "date",
            "item_id",
            "application_id",
            "uom_id",
            "units",
            "minutes",
        }
