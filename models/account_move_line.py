from decimal import Decimal

from odoo import api, fields, models
from odoo.tools import SQL

from .account_move import check_own_fields, check_own_values


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    # === FIELDS === #

    trtc_item_id = fields.Many2one(
        "trtc.item",
        string="TRTC Billing Item",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
    )
    trtc_fee_id = fields.Many2one(
        "trtc.fee",
        string="TRTC Fee",
        readonly=True,
        copy=False,
        ondelete="restrict",
        index="btree_not_null",
    )
    trtc_kind = fields.Selection(
        [("usage", "Usage"), ("robot", "Robot")], string="TRTC Kind", readonly=True, copy=False
    )
    trtc_is_late = fields.Boolean(
        string="TRTC Earlier Period",
        readonly=True,
        copy=False,
        help="Bills or corrects usage of a period before the one that this invoice covers.",
    )
    trtc_date_from = fields.Date(string="Service From", readonly=True, copy=False)
    trtc_date_to = fields.Date(string="Service To", readonly=True, copy=False)
    trtc_is_rebill = fields.Boolean(
        string="TRTC Billed Again",
        readonly=True,
        copy=False,
        help="Bills again what a credit note took back.",
    )
    trtc_origin_line_id = fields.Many2one(
        "account.move.line",
        string="TRTC Credited Line",
        readonly=True,
        copy=False,
        ondelete="set null",
        index="btree_not_null",
        help="The line of another invoice that this one was copied from.",
    )
    trtc_is_rounding = fields.Boolean(
        string="TRTC Rounding Difference", readonly=True, copy=False
    )
    # The text as generated: it tells whether somebody wrote another one.
    trtc_name = fields.Text(readonly=True, copy=False)
    trtc_allocation_ids = fields.One2many("trtc.allocation", "move_line_id", copy=False)

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        check_own_values(self.env, vals_list)
        return super().create(vals_list)

    def write(self, vals):
        check_own_fields(self.env, vals)
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        # By the ORM, so that what they took back counts as billed again.
        self.sudo().trtc_allocation_ids._erase()
        return super().unlink()

    # === ACTION === #

    def action_open_trtc_lines(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_statement_line_action"
        )
        lines = self.trtc_allocation_ids.statement_line_id
        action["domain"] = [("id", "in", lines.ids)]
        return action

    # === BUSINESS === #

    def _trtc_get_key(self):
        """Return what tells generated lines of one invoice apart."""
        self.ensure_one()
        return self._trtc_prepare_key(
            {
                "trtc_item_id": self.trtc_item_id.id,
                "trtc_fee_id": self.trtc_fee_id.id,
                "trtc_is_late": self.trtc_is_late,
                "trtc_is_rebill": self.trtc_is_rebill,
                "trtc_kind": self.trtc_kind,
                "price_unit": self.price_unit,
                "trtc_ratio": self.trtc_ratio,
            }
        )

    @api.model
    def _trtc_prepare_key(self, vals):
        """Return the same of the values of a line."""
        if vals.get("trtc_fee_id"):
            return vals["trtc_fee_id"], vals.get("trtc_is_rebill", False)
        parts = ("trtc_item_id", "trtc_is_late", "trtc_kind")
        # Another unit, as more usage may ask for, is no other price.
        price = f"{vals['price_unit'] * float(vals.get('trtc_ratio') or 1):.7g}"
        return (*(vals[name] for name in parts), price, vals.get("trtc_is_rebill", False))

    def _trtc_is_as_generated(self):
        """Tell whether text, quantity and price are still what the statements say."""
        self.ensure_one()
        if self.trtc_is_rounding:
            return True
        return self.name == self.trtc_name and self._trtc_has_generated_figures()

    def _trtc_has_generated_figures(self):
        """Tell whether quantity and price are still what the statements say."""
        self.ensure_one()
        # What somebody changed by hand is no part of what the statements say.
        rows = self.sudo().trtc_allocation_ids.filtered(lambda one: one.kind != "manual")
        quantity = self._trtc_get_way() * sum(
            (Decimal(repr(quantity)) for quantity in rows.mapped("quantity")), Decimal(0)
        )
        prices = set((rows.statement_line_id or rows.fee_id).mapped("price_unit"))
        return (
            not self.discount
            and self._trtc_says(quantity)
            and all(self._trtc_has_price(price) for price in prices)
        )

    def _trtc_get_largest(self):
        """Return the line that a rounding line belongs to: the largest, of usage or fees if any."""
        own = self.filtered(lambda line: line.trtc_item_id or line.trtc_fee_id) or self
        return own.sorted(lambda line: abs(line.price_subtotal))[-1:]

    def _trtc_get_recognition_places(self):
        """Return (account of deferred revenue, income account, partner) of a billed fee."""
        self.ensure_one()
        template = self.trtc_fee_id.product_id.with_company(self.company_id).product_tmpl_id
        accounts = template.get_product_accounts(fiscal_pos=self.move_id.fiscal_position_id)
        return self.account_id, accounts["income"], self.partner_id

    def _trtc_get_credited_lines(self, lines):
        """Return those lines of an invoice that this line of a credit note takes back."""
        self.ensure_one()
        same = lines.filtered(lambda line: line.account_id == self.account_id)
        for name in ("product_id", "name"):
            same = same.filtered(lambda line, name=name: line[name] == self[name]) or same
        return same

    @api.model
    def _trtc_get_added_sql(self):
        """Return the SQL of what lines come to that bill neither usage nor fees.

        A sum over rows named ``line``, beside their ``currency``, in the terms that prices
        are stated in.
        """
        return SQL(
            """
            coalesce(sum(round(line.quantity * line.price_unit
                               * (1 - coalesce(line.discount, 0) / 100)
                               / currency.rounding) * currency.rounding)
                     FILTER (WHERE line.display_type = 'product'
                               AND line.trtc_item_id IS NULL AND line.trtc_fee_id IS NULL
                               AND line.trtc_is_rounding IS NOT TRUE
                               AND NOT EXISTS (SELECT FROM trtc_allocation row
                                                WHERE row.move_line_id = line.id)), 0)
            """
        )

    @api.model
    def _trtc_get_cash_sql(self):
        """Return the SQL of what documents gain by being rounded for payment in cash.

        A sum over rows named ``line`` of a ``move``, as its untaxed total has it.
        """
        return SQL(
            """
            coalesce(sum(-line.amount_currency
                         * CASE move.move_type WHEN 'out_refund' THEN -1 ELSE 1 END)
                     FILTER (WHERE line.display_type = 'rounding'
                               AND line.tax_repartition_line_id IS NULL), 0)
            """
        )
