from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from .exact import AMOUNT_DIGITS, PRICE_DIGITS, QUANTITY_DIGITS, Exact


class TrtcFee(models.Model):
    """A charge that is no usage: an edition's term, a pack, an upgrade, a commitment.

    Like a statement line it stays as it was made, and an invoice line bills it once.
    What is taken back is a fee of its own, with a negative amount.
    """

    _name = "trtc.fee"
    _description = "TRTC Fee"
    _inherit = ["trtc.given", "trtc.made"]
    _order = "date desc, id desc"
    _rec_names_search = ["name"]
    _check_company_auto = True

    # === FIELDS === #

    name = fields.Char(required=True, readonly=True)
    account_id = fields.Many2one(
        "trtc.account", required=True, readonly=True, ondelete="restrict", index=True
    )
    company_id = fields.Many2one(related="account_id.company_id", store=True, index=True)
    commercial_partner_id = fields.Many2one(
        "res.partner",
        compute="_compute_commercial_partner_id",
        store=True,
        precompute=True,
        index=True,
        ondelete="restrict",
    )
    application_id = fields.Many2one("trtc.application", readonly=True, ondelete="restrict")
    kind = fields.Selection(
        [
            ("term", "Edition"),
            ("upgrade", "Upgrade"),
            ("pack", "Minute pack"),
            ("commitment", "Minimum commitment"),
            ("refund", "Refund"),
        ],
        required=True,
        readonly=True,
    )
    subscription_id = fields.Many2one(
        "trtc.subscription", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    commitment_id = fields.Many2one(
        "trtc.commitment", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    pack_ids = fields.One2many("trtc.minute.pack", "fee_id", string="Minutes", readonly=True)
    refund_of_id = fields.Many2one("trtc.fee", readonly=True, ondelete="restrict")
    refund_ids = fields.One2many("trtc.fee", "refund_of_id", readonly=True)
    product_id = fields.Many2one(
        "product.product", required=True, readonly=True, ondelete="restrict"
    )
    uom_id = fields.Many2one("uom.uom", required=True, readonly=True, string="Unit")
    quantity = Exact(digits=QUANTITY_DIGITS, readonly=True)
    price_unit = Exact(string="Unit Price", digits=PRICE_DIGITS, readonly=True)
    list_amount = Exact(
        digits=AMOUNT_DIGITS, readonly=True, help="What the list price would have come to."
    )
    amount = Exact(digits=AMOUNT_DIGITS, readonly=True, help="Without taxes.")
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    date = fields.Date(
        required=True, readonly=True, index=True, help="From this day on it is due for invoicing."
    )
    date_from = fields.Date(string="Service From", required=True, readonly=True)
    date_to = fields.Date(string="Service To", required=True, readonly=True)
    explanation = fields.Text(readonly=True)
    allocation_ids = fields.One2many("trtc.allocation", "fee_id", readonly=True)
    move_id = fields.Many2one(
        "account.move",
        string="Invoice",
        compute="_compute_move_id",
        compute_sudo=True,
        groups="base.group_user",
    )
    is_to_invoice = fields.Boolean(
        compute="_compute_move_id", search="_search_is_to_invoice", compute_sudo=True
    )

    # A term is billed once, however often the run that opens it is repeated. It may be
    # upgraded on its first day.
    _term_once = models.UniqueIndex(
        "(subscription_id, date_from) WHERE kind = 'term'",
        "This term of the subscription has its fee already.",
    )
    _refund_once = models.UniqueIndex(
        "(refund_of_id) WHERE refund_of_id IS NOT NULL", "This fee was refunded already."
    )
    _service_ordered = models.Constraint(
        "CHECK (date_to >= date_from)", "A service period cannot end before it starts."
    )

    # === COMPUTE === #

    # For whom it is charged, wherever account and contact go later.
    @api.depends("account_id", "refund_of_id")
    def _compute_commercial_partner_id(self):
        for fee in self:
            # A commitment is charged for a month that is over, the others in advance.
            day = fee.date_to if fee.kind == "commitment" else fee.date_from
            customer = fee.refund_of_id.commercial_partner_id
            if not customer and fee.account_id:
                customer = fee.account_id._get_customer_on(day)
            fee.commercial_partner_id = customer

    @api.depends("allocation_ids.move_id", "allocation_ids.released", "allocation_ids.is_open")
    def _compute_move_id(self):
        for fee in self:
            held = fee.allocation_ids.filtered(lambda a: a.kind == "bill" and not a.released)
            # The newest: what was credited may be billed again.
            fee.move_id = held[-1:].move_id
            is_open = any(fee.allocation_ids.mapped("is_open"))
            fee.is_to_invoice = fee._is_unbilled() or is_open

    def _search_is_to_invoice(self, operator, value):
        if operator != "in":
            return NotImplemented
        unbilled = Domain("amount", "!=", 0) & Domain(
            "allocation_ids", "not any", [("released", "=", False)]
        )
        due = unbilled | Domain("allocation_ids", "any", [("is_open", "=", True)])
        return due if True in value else ~due

    # === CRUD === #

    def write(self, vals):  # pylint: disable=method-required-super
        self.check_access("write")
        raise UserError(
            self.env._("Fees stay as they were made. What is to be taken back is refunded.")
        )

    def copy(self, default=None):  # pylint: disable=method-required-super
        raise UserError(self.env._("A fee is made once: charge another one instead."))

    def unlink(self):
        self.check_access("unlink")
        self._check_uninvoiced()
        return super().unlink()

    # === TOOLING === #

    @api.model
    def _get_made_message(self):
        return self.env._(
            "Fees follow from what is sold: subscribe an application, sell minutes, or refund "
            "what was charged."
        )

    def _check_uninvoiced(self):
        """Raise unless these fees may go: nothing was charged, and a refund is at work."""
        for fee in self:
            if not self.env.su or fee.allocation_ids:
                raise UserError(
                    self.env._(
                        "The fee %(fee)s cannot be deleted: refund it instead.",
                        fee=fee.display_name,
                    )
                )

    # === ACTION === #

    def action_open_invoice(self):
        return self.account_id._action_open(
            "trtc_invoice_action", [("id", "in", self.move_id.ids)]
        )

    # === BUSINESS === #

    def _filter_unbilled(self):
        """Return those of these fees that no invoice holds."""
        return self.filtered(lambda fee: fee._is_unbilled())

    def _refund(self, amount=None, explanation=""):
        """Take these fees back; return the fees of the refunds.

        A fee that no invoice holds yet is deleted: nothing was charged.

        :param amount: how much of one fee comes back, as a Decimal; default all
        :param str explanation: how the amount came to be, for the customer
        """
        refunds = self.browse()
        for fee in self:
            fee.pack_ids._withdraw()
            if fee.allocation_ids or amount is not None:
                refunds |= self.create(fee._prepare_refund(amount, explanation))
            else:
                fee.pack_ids.fee_id = False
                fee.unlink()
        return refunds

    def _prepare_refund(self, amount=None, explanation=""):
        exact = Decimal(repr(self.amount)) if amount is None else amount
        return {
            "name": self.env._("Refund: %(fee)s", fee=self.name),
            "account_id": self.account_id.id,
            "application_id": self.application_id.id,
            "kind": "refund",
            "subscription_id": self.subscription_id.id,
            "refund_of_id": self.id,
            "product_id": self.product_id.id,
            "uom_id": self.product_id.uom_id.id,
            "quantity": Decimal(-1),
            "price_unit": exact,
            "list_amount": -exact,
            "amount": -exact,
            "currency_id": self.currency_id.id,
            "date": self.account_id.company_id._trtc_today(),
            "date_from": self.date_from,
            "date_to": self.date_to,
            "explanation": explanation,
        }

    def _get_period(self):
        """Return (first day, last day) of the service period."""
        self.ensure_one()
        return self.date_from, self.date_to

    def _get_day(self):
        """Return the first day of the service period."""
        self.ensure_one()
        return self.date_from

    def _get_billed_name(self):
        """Return what an invoice calls this."""
        self.ensure_one()
        return self.name

    def _is_unbilled(self):
        """Tell whether no invoice holds this fee, and never did."""
        self.ensure_one()
        return bool(self.amount) and all(self.sudo().allocation_ids.mapped("released"))

    def _is_after(self, day):
        """Tell whether this fee makes up for a month that ends after a day.

        What is charged in advance belongs to no month that is over.

        :param day: the last day of an invoicing period; False: there is none
        """
        self.ensure_one()
        return bool(self.commitment_id and day and self.date > day)

    def _is_credited(self):
        """Tell whether a credit note, be it a draft, takes back what billed this fee."""
        self.ensure_one()
        return any(
            row.kind == "credit" and not row.released and all(row.rebill_ids.mapped("released"))
            for row in self.sudo().allocation_ids
        )

    def _get_exact_total(self):
        """Return the exact sum of these fees, as a Decimal."""
        return sum((Decimal(repr(fee.amount)) for fee in self), Decimal(0))
