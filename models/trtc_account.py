from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError


class TrtcAccount(models.Model):
    _name = "trtc.account"
    _description = "TRTC Account"
    _order = "name, id"
    _inherit = [
        "trtc.given",
        "trtc.entered",
        "trtc.thread",
        "mail.activity.mixin",
        "analytic.mixin",
    ]
    _rec_names_search = ["name", "uin"]
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    # === FIELDS === #

    name = fields.Char(required=True, tracking=True)
    uin = fields.Char(
        string="UIN",
        required=True,
        tracking=True,
        copy=False,
        help="The identifier of the Tencent Cloud account.",
    )
    active = fields.Boolean(default=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        ondelete="restrict",
        index=True,
        tracking=True,
        check_company=True,
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        required=True,
        ondelete="restrict",
        tracking=True,
        check_company=True,
        default=lambda self: self._default_pricelist_id(),
        help="Prices and currency. A contract is a pricelist of the customer's own, "
        "usually with a last rule that falls back on a shipped list.",
    )
    currency_id = fields.Many2one(
        related="pricelist_id.currency_id", store=True, string="Currency"
    )
    user_id = fields.Many2one(
        "res.users",
        string="Salesperson",
        tracking=True,
        default=lambda self: self.env.user,
        domain="[('share', '=', False)]",
    )
    invoice_cycle = fields.Selection(
        [("day", "Day"), ("month", "Month")],
        required=True,
        default="month",
        tracking=True,
        help="The period that one invoice covers.",
    )
    auto_post = fields.Boolean(
        string="Post Automatically",
        tracking=True,
        groups="base.group_user",
        help="Post draft invoices automatically once the grace period has ended.",
    )
    derive_robots_from = fields.Date(
        tracking=True,
        help="From this day on the usage feed of this account does not report the robots "
        "that recording and slicing tasks put into a room: bill their audio/video "
        "duration, as long as the task itself, on lines of their own. Empty: the feed "
        "reports robots like users, as Tencent's does.",
    )
    free_policy_id = fields.Many2one(
        "trtc.free.policy",
        string="Free Minutes",
        ondelete="restrict",
        tracking=True,
        default=lambda self: self._default_free_policy_id(),
        help="The rule by which this account gets free minutes; empty: none. Cycles that were "
        "granted and drawn from stay; a new rule grants its own from the day after them on.",
    )
    free_from = fields.Date(
        string="Free Minutes Since",
        tracking=True,
        help="The day on which the account received its first free minutes: their cycles begin "
        "on this day of each month. Empty: calendar months, without a beginning. A cycle that "
        "was granted and drawn from stays; the next one begins after it at the earliest.",
    )
    pack_ids = fields.One2many("trtc.minute.pack", "account_id")
    pack_count = fields.Integer(compute="_compute_counts")
    commitment_ids = fields.One2many("trtc.commitment", "account_id")
    fee_ids = fields.One2many("trtc.fee", "account_id", readonly=True)
    fee_count = fields.Integer(compute="_compute_counts")
    application_ids = fields.One2many("trtc.application", "account_id")
    application_count = fields.Integer(compute="_compute_counts")
    statement_count = fields.Integer(compute="_compute_counts")
    invoice_count = fields.Integer(compute="_compute_invoice_count")
    usage_count = fields.Integer(compute="_compute_counts")
    pending_count = fields.Integer(
        compute="_compute_counts",
        string="Lines to Decide",
        help="Statement lines whose usage waits for a decision or for a price.",
    )
    # Notes of the staff: a customer could search by what they say.
    message_ids = fields.One2many(groups="base.group_user")
    website_message_ids = fields.One2many(groups="base.group_user")
    # Raised under the lock of every settlement and invoicing run: a second run
    # with an older view of the database fails on it instead of billing twice.
    billing_serial = fields.Integer(default=0, readonly=True, copy=False)

    _uin_uniq = models.Constraint(
        "UNIQUE (company_id, uin)",
        "There is already an account with this UIN in the company.",
    )

    # === DEFAULT === #

    @api.model
    def _default_pricelist_id(self):
        return self.env.ref("trtc_billing.pricelist_usd", raise_if_not_found=False)

    @api.model
    def _default_free_policy_id(self):
        return self.env.ref("trtc_billing.free_policy_2023", raise_if_not_found=False)

    # === COMPUTE === #

    @api.depends("name", "uin")
    def _compute_display_name(self):
        for account in self:
            account.display_name = (
                f"{account.name} ({account.uin})" if account.uin else account.name
            )

    def _compute_counts(self):
        def counts(model, domain=()):
            groups = self.env[model]._read_group(
                [("account_id", "in", self.ids), *domain], ["account_id"], ["__count"]
            )
            return {account.id: count for account, count in groups}

        applications = counts("trtc.application")
        statements = counts("trtc.statement")
        usages = counts("trtc.usage", self.env["trtc.usage"]._get_counted_domain())
        pending = counts("trtc.statement.line", [("is_pending", "=", True)])
        packs, fees = counts("trtc.minute.pack"), counts("trtc.fee")
        for account in self:
            account.application_count = applications.get(account.id, 0)
            account.statement_count = statements.get(account.id, 0)
            account.usage_count = usages.get(account.id, 0)
            account.pending_count = pending.get(account.id, 0)
            account.pack_count = packs.get(account.id, 0)
            account.fee_count = fees.get(account.id, 0)

    def _compute_invoice_count(self):
        can_invoice = self.env["account.move"].has_access("read")
        groups = (
            # An invoice may bill several accounts.
            self.env["trtc.allocation"]._read_group(
                [("account_id", "in", self.ids)], ["account_id"], ["move_id:count_distinct"]
            )
            if can_invoice
            else []
        )
        counts = {account.id: count for account, count in groups}
        for account in self:
            account.invoice_count = counts.get(account.id, 0)

    # === CONSTRAINT === #

    @api.constrains("free_policy_id", "free_from")
    def _check_free_from(self):
        for account in self:
            if account.free_policy_id._needs_free_from() and not account.free_from:
                raise ValidationError(
                    self.env._(
                        "%(policy)s grants free minutes for a limited time: say under Free "
                        "Minutes Since on which day %(account)s received the first ones.",
                        policy=account.free_policy_id.name,
                        account=account.display_name,
                    )
                )

    # === CRUD === #

    def write(self, vals):
        fixed = self._get_fixed_values() if self._get_fixed_fields() & set(vals) else {}
        days = {account: account.derive_robots_from for account in self}
        free = {account: (account.free_policy_id, account.free_from) for account in self}
        result = super().write(vals)
        if "company_id" in vals:
            # Rules are checked before only, when the company was still the old one.
            self.check_access("write")
        for account, values in fixed.items():
            account._check_fixed_values(values)
        for account, policy in free.items():
            if policy != (account.free_policy_id, account.free_from):
                account._follow_free_policy()
        for account, day in days.items():
            changed = {day, account.derive_robots_from}
            if len(changed) > 1:
                applications = account.with_context(active_test=False).application_ids
                applications._note_for_settlement(min(changed - {False}))
        return result

    @api.model
    def _get_fixed_fields(self):
        """Return the fields whose change may change what usage or statements rest on."""
        return {"company_id", "partner_id", "pricelist_id", "uin"}

    def _get_fixed_values(self):
        """Return {account: {label: value}} of what accounts with usage cannot change."""
        domain = [("account_id", "in", self.ids)]
        used = self.browse(
            account.id
            for (account,) in self.env["trtc.usage"].sudo()._read_group(domain, ["account_id"])
        )
        settled = self.browse(
            account.id
            for (account,) in self.env["trtc.statement"].sudo()._read_group(domain, ["account_id"])
        )
        # A fee is charged to the customer of its time.
        charged = settled | self.browse(
            account.id
            for (account,) in self.env["trtc.fee"].sudo()._read_group(domain, ["account_id"])
        )
        values = {account: {self.env._("company"): account.company_id} for account in used}
        for account in charged:
            customer = account.commercial_partner_id
            values.setdefault(account, {})[self.env._("customer")] = customer
        for account in settled:
            values.setdefault(account, {}).update(
                {
                    self.env._("UIN"): account.uin,
                    self.env._("currency"): account.currency_id,
                }
            )
        return values

    def _check_fixed_values(self, values):
        now = self._get_fixed_values()[self]
        for label, value in values.items():
            if now[label] != value:
                raise UserError(
                    self.env._(
                        "%(account)s has usage, statements or fees already: its %(field)s "
                        "cannot change any more. Create another account instead.",
                        account=self.display_name,
                        field=label,
                    )
                )

    # === ACTION === #

    def _action_open(self, xml_id, domain, context=None):
        action = self.env["ir.actions.act_window"]._for_xml_id(f"trtc_billing.{xml_id}")
        action["domain"] = domain
        if context is not None:
            action["context"] = context
        return action

    def action_open_applications(self):
        return self._action_open(
            "trtc_application_action",
            [("account_id", "in", self.ids)],
            {"default_account_id": self.id},
        )

    def action_open_statements(self):
        return self._action_open(
            "trtc_statement_action", [("account_id", "in", self.ids)]
        )

    def action_open_packs(self):
        return self._action_open(
            "trtc_minute_pack_action",
            [("account_id", "in", self.ids)],
            {"default_account_id": self.id},
        )

    def action_open_fees(self):
        return self._action_open("trtc_fee_action", [("account_id", "in", self.ids)])

    def action_open_pending(self):
        return self._action_open(
            "trtc_statement_line_pending_action", [("account_id", "in", self.ids)]
        )

    def action_open_usage(self):
        return self._action_open(
            "trtc_usage_action",
            [("account_id", "in", self.ids)],
            {"search_default_counted": 1},
        )

    def action_open_invoices(self):
        return self._action_open(
            "trtc_invoice_action", [("trtc_account_ids", "in", self.ids)]
        )

    # === TOOLING === #

    @api.model
    def _check_may_bill(self):
        """Raise unless the user may settle and invoice."""
        if not self.env.su and not self.env.user.has_group(
            "trtc_billing.group_accountant"
        ):
            raise AccessError(
                self.env._(
                    "Settling usage and creating invoices takes the group "
                    '"TRTC Billing / Accountant". Ask your administrator for it.'
                )
            )

    def _get_accounts_to_bill(self):
        """Return the accounts of a run: these, or all of the user's companies."""
        self._check_may_bill()
        accounts = self or self.search([("active", "in", (True, False))])
        accounts.check_access("read")
        return accounts
