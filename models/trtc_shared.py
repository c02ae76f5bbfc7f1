"""The catalogue, which all companies bill by."""

from odoo import api, models

# Every account of every company is rated by the items, whether it has used one yet or not.


class TrtcItem(models.Model):
    _name = "trtc.item"
    _inherit = ["trtc.item", "trtc.shared"]

    @api.model
    def _trtc_get_shared_fields(self):
        return {
            *super()._trtc_get_shared_fields(),
            "active",
            "aggregation",
            "block_size",
            "code",
            "cycle",
            "feature_id",
            "free_pack_ratio",
            "free_quantity",
            "free_scope",
            "pack_ratio",
            "product_id",
            "robot_item_id",
            "scope",
            "sequence",
            "uom_id",
            "usage_uom_id",
        }


class TrtcEdition(models.Model):
    _name = "trtc.edition"
    _inherit = ["trtc.edition", "trtc.shared"]

    @api.model
    def _trtc_get_shared_fields(self):
        return {
            *super()._trtc_get_shared_fields(),
            "active",
            "code",
            "feature_ids",
            "fee_product_id",
            "included_minutes",
            "sequence",
            "trial_days",
            "trial_max_account",
            "trial_max_application",
        }

    def _trtc_filter_used(self, companies):
        subscriptions = self.env["trtc.subscription"].sudo()
        groups = subscriptions._read_group(
            [("edition_id", "in", self.ids), ("company_id", "in", companies)], ["edition_id"]
        )
        return self.sudo().union(*(edition for (edition,) in groups))


class TrtcFeature(models.Model):
    _name = "trtc.feature"
    _inherit = ["trtc.feature", "trtc.shared"]

    @api.model
    def _trtc_get_shared_fields(self):
        return {*super()._trtc_get_shared_fields(), "code", "edition_ids", "every_edition"}

    def _trtc_filter_used(self, companies):
        """A feature of every edition, or without an edition, may be one of any application."""
        return self.sudo()


class TrtcFreePolicy(models.Model):
    _name = "trtc.free.policy"
    _inherit = ["trtc.free.policy", "trtc.shared"]

    @api.model
    def _trtc_get_shared_fields(self):
        return {
            *super()._trtc_get_shared_fields(),
            "active",
            "cycle",
            "minutes",
            "months_max",
            "ratio_table_id",
            "requires_edition",
            "when_used_up",
        }

    def _trtc_filter_used(self, companies):
        accounts = self.env["trtc.account"].sudo().with_context(active_test=False)
        groups = accounts._read_group(
            [("free_policy_id", "in", self.ids), ("company_id", "in", companies)],
            ["free_policy_id"],
        )
        packs = self.env["trtc.minute.pack"].sudo().with_context(active_test=False)
        groups += packs._read_group(
            [("policy_id", "in", self.ids), ("company_id", "in", companies)], ["policy_id"]
        )
        return self.sudo().union(*(policy for (policy,) in groups))


class TrtcRatioTable(models.Model):
    _name = "trtc.ratio.table"
    _inherit = ["trtc.ratio.table", "trtc.shared"]

    @api.model
    def _trtc_get_shared_fields(self):
        return {*super()._trtc_get_shared_fields(), "active", "line_ids"}

    def _trtc_filter_used(self, companies):
        policies = self.env["trtc.free.policy"].sudo().with_context(active_test=False)
        policies = policies.search([("ratio_table_id", "in", self.ids)])
        packs = self.env["trtc.minute.pack"].sudo().with_context(active_test=False)
        groups = packs._read_group(
            [("ratio_table_id", "in", self.ids), ("company_id", "in", companies)],
            ["ratio_table_id"],
        )
        tables = policies._trtc_filter_used(companies).ratio_table_id
        return tables.union(*(table for (table,) in groups)) & self.sudo()


class TrtcRatioLine(models.Model):
    _name = "trtc.ratio.line"
    _inherit = ["trtc.ratio.line", "trtc.shared"]

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._trtc_check_shared()
        return lines

    def write(self, vals):
        result = super().write(vals)
        # It may have come to another table.
        if "table_id" in vals:
            self._trtc_check_shared()
        return result

    # === TOOLING === #

    @api.model
    def _trtc_get_shared_fields(self):
        return {*super()._trtc_get_shared_fields(), "item_id", "ratio", "table_id"}

    def _trtc_filter_used(self, companies):
        used = self.table_id._trtc_filter_used(companies)
        return self.sudo().filtered(lambda line: line.table_id in used)
