from odoo import api, fields, models
from odoo.fields import Domain

#: Accounts that the source of an invoice names, at most
NAMED = 3


class TrtcAccount(models.Model):
    # A room of its own: which accounts of a customer share an invoice.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    invoice_grouping = fields.Selection(
        [("account", "One per account"), ("customer", "One per customer")],
        string="Invoices",
        required=True,
        default="account",
        tracking=True,
        groups="base.group_user",
        help="Accounts of a customer that choose one per customer share an invoice for each "
        "period, where invoice address, currency, invoice period and all choices here are the "
        "same. Each account has a section of its own on it.",
    )
    invoice_group_ids = fields.Many2many(
        "trtc.account",
        string="Invoiced Together With",
        compute="_compute_invoice_group_ids",
        compute_sudo=True,
        groups="base.group_user",
    )

    # === COMPUTE === #

    @api.depends(lambda self: ("invoice_grouping", "partner_id", *self._get_group_fields()))
    def _compute_invoice_group_ids(self):
        for account in self:
            saved = account._origin
            # One that is being entered belongs to no group yet.
            account.invoice_group_ids = saved and saved._get_invoice_group() - saved

    # === BUSINESS === #

    @api.model
    def _get_group_fields(self):
        """Return the fields that accounts must share to share an invoice."""
        return (
            "company_id",
            "commercial_partner_id",
            "currency_id",
            "invoice_cycle",
            "invoice_journal_id",
            "payment_term_id",
            "invoice_date_rule",
            "invoice_sections",
            "auto_post",
            "auto_send",
        )

    def _get_group_key(self):
        """Return what accounts must have in common to share an invoice."""
        self.ensure_one()
        return (
            self._get_invoice_partner(),
            self._get_customer_lang(),
            *(self[name] for name in self._get_group_fields()),
        )

    def _get_invoice_group(self):
        """Return the accounts that share their invoices with this one, itself among them.

        The first one leads: it is the account of the invoice.
        """
        self.ensure_one()
        return self._get_invoice_groups()[self]

    def _get_invoice_groups(self):
        """Return {account: the accounts of its group, the leading one first}."""
        # With a former customer an account shares nothing any more.
        grouped = self.filtered(
            lambda account: account.invoice_grouping == "customer" and not account._get_former()
        )
        groups = {account: account for account in self - grouped}
        if grouped:
            candidates = self.sudo().with_context(active_test=False).search(
                Domain("invoice_grouping", "=", "customer")
                & Domain("company_id", "in", grouped.company_id.ids)
                & Domain("commercial_partner_id", "in", grouped.commercial_partner_id.ids),
                order="id",
            )  # fmt: skip
            by_key = candidates.grouped(lambda account: account._get_group_key())
            for account in grouped:
                groups[account] = by_key[account.sudo()._get_group_key()].with_env(self.env)
        return groups

    def _get_invoice_origin(self):
        """Return what an invoice names as its source: the accounts that share it."""
        self.ensure_one()
        names = self._get_invoice_group().mapped("display_name")
        if len(names) <= NAMED:
            return ", ".join(names)
        self = self.with_context(lang=self._get_customer_lang())
        return self.env._(
            "%(names)s and %(count)s more", names=", ".join(names[:NAMED]), count=len(names) - NAMED
        )

    @api.model
    def _get_due_groups(self, groups, due):
        """Return those groups that have something due, the oldest leading account first.

        :param dict groups: see :meth:`_get_invoice_groups`
        :param due: accounts that have something due
        """
        due = set(due.ids)
        by_lead = {group[0]: group for group in groups.values()}
        return [
            by_lead[lead]
            for lead in sorted(by_lead, key=lambda account: account.id)
            if not due.isdisjoint(by_lead[lead].ids)
        ]
