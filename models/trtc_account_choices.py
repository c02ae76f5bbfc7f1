from odoo import api, fields, models
from odoo.exceptions import ValidationError


class TrtcAccount(models.Model):
    # A room of its own: what each account chooses for its invoices.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    auto_send = fields.Boolean(
        string="Send Automatically",
        tracking=True,
        groups="base.group_user",
        help="Send invoices by the customer's sending method, by default e-mail, once they are "
        "posted. Without an address they stay unsent, and you hear of it.",
    )
    invoice_journal_id = fields.Many2one(
        "account.journal",
        check_company=True,
        ondelete="restrict",
        tracking=True,
        domain="[('type', '=', 'sale')]",
        groups="base.group_user",
        help="The sales journal of the invoices. Empty: the first one of the company.",
    )
    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        check_company=True,
        ondelete="restrict",
        tracking=True,
        groups="base.group_user",
        help="Empty: those of the customer.",
    )
    invoice_date_rule = fields.Selection(
        [("issue", "Day of issue"), ("period_end", "End of the invoicing period")],
        string="Invoice Date",
        required=True,
        default="issue",
        tracking=True,
        groups="base.group_user",
        help="The accounting date and the rate of exchange follow the invoice date. Where it "
        "falls on a locked day, the invoice is dated on the first open day and says so.",
    )
    invoice_sections = fields.Boolean(
        string="Sections per Application",
        tracking=True,
        groups="base.group_user",
        help="Invoice lines stand under the application that they bill. Otherwise "
        "applications share a line for each billing item.",
    )

    # What the company books where is none of a customer's business.
    analytic_distribution = fields.Json(
        groups="base.group_user",
        help="For what the account as a whole uses and pays, such as a minimum commitment, and "
        "for applications that have none of their own.",
    )
    distribution_analytic_account_ids = fields.Many2many(groups="base.group_user")

    # === CONSTRAINT === #

    @api.constrains("invoice_journal_id")
    def _check_invoice_journal(self):
        for account in self:
            journal = account.invoice_journal_id
            if journal and journal.type != "sale":
                raise ValidationError(
                    self.env._(
                        "%(journal)s is no sales journal, which the invoices of %(account)s "
                        "take. Choose another one, or none.",
                        journal=journal.display_name,
                        account=account.display_name,
                    )
                )

    # === BUSINESS === #

    def _prepare_invoice_choices(self):
        """Return the values of an invoice that this account chooses; Odoo decides the rest.

        The payment terms are agreed with the customer of today: a former one has its own.
        """
        self.ensure_one()
        vals = {}
        if self.invoice_journal_id:
            vals["journal_id"] = self.invoice_journal_id.id
        if self.payment_term_id and not self._get_former():
            vals["invoice_payment_term_id"] = self.payment_term_id.id
        return vals

    def _prepare_line_place(self, billed):
        """Return the values of an invoice line that tell whose it is, and what it is booked on.

        :param billed: a statement line or fee
        """
        own = billed.account_id.invoice_sections
        return {
            "trtc_account_id": billed.account_id.id,
            "trtc_application_id": billed.application_id.id if own else False,
            "trtc_distribution": billed.account_id._get_analytic_distribution(
                billed.application_id
            ),
        }

    def _get_line_place_key(self, billed):
        """Return the same as a key: what shares an invoice line shares it."""
        return self.env["account.move.line"]._trtc_prepare_place(self._prepare_line_place(billed))

    def _get_analytic_distribution(self, application):
        """Return the analytic distribution of what an application uses, or None.

        Plans that the application says nothing of are those of the account. Without either,
        the distribution models of Odoo decide.

        :param application: a ``trtc.application``; empty for what the account as a whole uses
        :rtype: dict
        """
        return self._complete_distribution(
            application.analytic_distribution, self.analytic_distribution
        )

    @api.model
    def _complete_distribution(self, own, general):
        """Return an analytic distribution with the plans that it lacks from another one.

        :rtype: dict, or None without either
        """
        if not (own and general):
            return own or general or None
        plans = self._get_plans(own)
        return {
            **{key: part for key, part in general.items() if not plans & self._get_plans([key])},
            **own,
        }

    @api.model
    def _get_plans(self, distribution):
        """Return the root plans of the keys of an analytic distribution."""
        ids = {int(one) for key in distribution for one in key.split(",") if one.strip()}
        return self.env["account.analytic.account"].browse(ids).exists().root_plan_id
