from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .exact import AMOUNT_DIGITS, Exact


class TrtcAccrual(models.Model):
    """What is earned at the end of a period and not invoiced: one entry, reversed next day.

    There is one per company, currency and day.  Its lines are kept as evidence.
    """

    _name = "trtc.accrual"
    _description = "TRTC Accrual"
    _order = "date desc, company_id, currency_id, number desc"
    _inherit = ["trtc.given", "trtc.made", "trtc.thread"]

    # === FIELDS === #

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    date = fields.Date(
        string="Period End", required=True, readonly=True, help="The date of the entry."
    )
    number = fields.Integer(
        required=True, readonly=True, help="Counts the accruals of a day and currency."
    )
    reversal_date = fields.Date(compute="_compute_reversal_date")
    move_id = fields.Many2one(
        "account.move", string="Entry", readonly=True, ondelete="cascade", index="btree_not_null"
    )
    move_state = fields.Selection(related="move_id.state", string="Entry Status")
    reversal_id = fields.Many2one(
        "account.move", readonly=True, ondelete="set null", index="btree_not_null"
    )
    # Accountants without the rights of bookkeepers do not see these on the entry.
    entry_line_ids = fields.One2many(related="move_id.line_ids", string="Journal Items")
    reversal_state = fields.Selection(related="reversal_id.state", string="Reversal Status")
    accrued_account_id = fields.Many2one(
        "account.account", string="Accrued Revenue", required=True, readonly=True
    )
    line_ids = fields.One2many("trtc.accrual.line", "accrual_id", readonly=True)
    accrued_line_ids = fields.One2many(
        "trtc.accrual.line",
        "accrual_id",
        string="Accrued Lines",
        domain=[("kind", "in", ("settled", "unsettled", "fee"))],
    )
    waiting_line_ids = fields.One2many(
        "trtc.accrual.line",
        "accrual_id",
        string="Not Accrued",
        domain=[("kind", "in", ("locked", "unpriced"))],
    )
    amount_exact = Exact(
        string="Exact Amount",
        digits=AMOUNT_DIGITS,
        readonly=True,
        help="The sum of the lines, without taxes that prices include, before rounding.",
    )
    amount_total = fields.Monetary(
        string="Accrued",
        readonly=True,
        currency_field="currency_id",
        help="What was proposed for the account of accrued revenue.",
    )
    amount_booked = fields.Monetary(
        string="In the Entry",
        compute="_compute_amount_booked",
        currency_field="currency_id",
        help="What the entry has on the account of accrued revenue.",
    )
    balance = fields.Monetary(
        string="In Company Currency",
        compute="_compute_amount_booked",
        currency_field="company_currency_id",
    )
    is_changed = fields.Boolean(compute="_compute_amount_booked")
    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("posted", "Posted"),
            ("reversed", "Posted and Reversed"),
            ("cancel", "Taken Back"),
        ],
        string="Status",
        compute="_compute_state",
        search="_search_state",
    )

    # Two runs that do not see each other would both accrue the same.
    _number_once = models.Constraint(
        "UNIQUE (company_id, currency_id, date, number)",
        "Another run accrued the same period at the same time. Run it again.",
    )

    # === COMPUTE === #

    @api.depends("date", "currency_id")
    def _compute_display_name(self):
        for accrual in self:
            accrual.display_name = self.env._(
                "Accrual of %(date)s, %(currency)s",
                date=format_date(self.env, accrual.date) if accrual.date else "",
                currency=accrual.currency_id.name or "",
            )

    @api.depends("date")
    def _compute_reversal_date(self):
        for accrual in self:
            accrual.reversal_date = accrual.date and accrual.date + timedelta(days=1)

    @api.depends("move_id.line_ids.amount_currency", "move_id.line_ids.account_id")
    def _compute_amount_booked(self):
        for accrual in self:
            lines = accrual.sudo().move_id.line_ids.filtered(
                lambda line, accrual=accrual: line.account_id == accrual.accrued_account_id
            )
            accrual.amount_booked = sum(lines.mapped("amount_currency"))
            accrual.balance = sum(lines.mapped("balance"))
            currency = accrual.currency_id
            accrual.is_changed = bool(
                currency and currency.compare_amounts(accrual.amount_booked, accrual.amount_total)
            )

    @api.depends("move_id.state", "reversal_id.state")
    def _compute_state(self):
        for accrual in self:
            state = accrual.move_id.state or "cancel"
            if state == "posted" and accrual.reversal_id.state == "posted":
                state = "reversed"
            accrual.state = state

    def _search_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        domains = {
            "draft": [("move_id.state", "=", "draft")],
            "posted": [("move_id.state", "=", "posted"), ("reversal_id.state", "!=", "posted")],
            "reversed": [("move_id.state", "=", "posted"), ("reversal_id.state", "=", "posted")],
            "cancel": ["|", ("move_id", "=", False), ("move_id.state", "=", "cancel")],
        }
        return fields.Domain.OR(domains[state] for state in value if state in domains)

    # === CRUD === #

    def write(self, vals):
        self.check_access("write")
        if self._get_evidence_fields() & set(vals):
            self._check_open()
        return super().write(vals)

    def unlink(self):
        self.check_access("unlink")
        # Not a method of ``api.ondelete``, which a key of the context turns off.
        self._check_open()
        return super().unlink()

    @api.model
    def _get_evidence_fields(self):
        """Return the fields that stay as they are once the entry is posted."""
        return {
            "company_id",
            "currency_id",
            "date",
            "number",
            "move_id",
            "accrued_account_id",
            "line_ids",
            "accrued_line_ids",
            "waiting_line_ids",
            "amount_exact",
            "amount_total",
        }

    @api.model
    def _get_made_message(self):
        return self.env._(
            "Accruals are made under Billing / Accrue Revenue, posted and reversed under "
            "Reporting / Accruals: nobody enters, changes or deletes one by hand."
        )

    # === ACTION === #

    def action_open_entries(self):
        """Return the action that shows the entry, with its reversal if there is one."""
        moves = self.move_id | self.reversal_id
        action = self.env["ir.actions.act_window"]._for_xml_id("account.action_move_journal_line")
        return {**action, "domain": [("id", "in", moves.ids)], "context": {"create": False}}

    def action_post(self):
        """Post the entry; its reversal follows by itself."""
        self.check_access("read")
        self.move_id.action_post()

    def action_take_back(self):
        """Cancel the entry together with its reversal, so that the day is accrued again."""
        self.check_access("read")
        self.move_id.filtered(lambda move: move.state != "cancel").button_cancel()

    def action_reconcile(self):
        """Open the reconciliation of this company, currency and day."""
        self._check_one()
        vals = {"date": self.date, "company_id": self.company_id.id}
        return self.env["trtc.reconcile"].create(vals).action_open()

    # === BUSINESS === #

    @api.model
    def _propose(self, company, date):
        """Make the draft entries that accrue what is earned until a day, one per currency.

        Drafts of that day are replaced.

        :return: the accruals, or none where nothing is to be accrued
        :raise UserError: where the company has no account of accrued revenue, the day lies in
            the future, is locked or accrued already, or where another run is at work
        """
        self = company._trtc_in_billing_time(self)
        company._trtc_lock_for_entries()
        self._check_day(company, date)
        journal = company._trtc_get_accrual_journal()
        self._check_locks(company, date, journal)
        accounts = self.env["trtc.account"].with_context(active_test=False)
        accounts = accounts.search([("company_id", "=", company.id)])
        # No invoice is posted meanwhile that neither this knows of nor its own warning.
        accounts.sudo()._hold_for_billing()
        unbilled = accounts._get_unbilled(date)
        self._get_drafts(company, date)._discard()
        accruals, by_currency = self.browse(), {}
        for one in unbilled:
            currency = accounts.browse(one.account_id).currency_id
            by_currency.setdefault(currency, []).append(one)
        for currency, found in sorted(by_currency.items(), key=lambda pair: pair[0].name):
            accruals |= self._create_accrual(company, currency, date, journal, found)
        return accruals

    @api.model
    def _get_drafts(self, company, date):
        """Return the accruals of a day whose entry is a draft."""
        return self.search(
            [("company_id", "=", company.id), ("date", "=", date), ("move_id.state", "=", "draft")]
        )

    def _discard(self):
        """Delete these drafts; one that was posted keeps its number and is cancelled."""
        moves = self.move_id
        kept = self.filtered("move_id.posted_before")
        (self - kept).unlink()
        moves._trtc_take_back()

    @api.model
    def _check_day(self, company, date):
        """Raise if nothing can be accrued at the end of a day."""
        if not company.trtc_accrued_account_id:
            raise UserError(
                self.env._(
                    "%(company)s has no account of accrued revenue. A manager sets one under "
                    "Configuration / Billing Settings.",
                    company=company.display_name,
                )
            )
        company._trtc_check_past(date)
        posted = self.search(
            [
                ("company_id", "=", company.id),
                ("date", "=", date),
                ("move_id.state", "=", "posted"),
            ]
        )
        if posted:
            raise UserError(
                self.env._(
                    "%(entry)s accrues %(date)s already and is posted. Take it back first, under "
                    "Reporting / Accruals: its reversal goes with it.",
                    entry=", ".join(posted.move_id.mapped("name")),
                    date=format_date(self.env, date),
                )
            )

    @api.model
    def _check_locks(self, company, date, journal):
        """Raise if a lock date does not allow the entry; its reversal is later still."""
        violated = company._get_violated_lock_dates(date, False, journal)
        if violated:
            raise UserError(
                self.env._(
                    "An accrual on %(date)s is not allowed: %(locks)s. Ask who is in charge of "
                    "lock dates for an exception, or choose a later period end.",
                    date=format_date(self.env, date),
                    locks=company._format_lock_dates(violated),
                )
            )

    def _check_open(self):
        """Raise if the entry of one of these is posted, or was: then it is evidence."""
        closed = self.sudo().filtered(
            lambda accrual: accrual.move_id.posted_before or accrual.move_id.state == "posted"
        )
        if closed:
            raise UserError(
                self.env._(
                    "%(accrual)s was posted: its lines are evidence and stay as they are. Take "
                    "it back, then propose the day again.",
                    accrual=closed[0].display_name,
                )
            )

    def _check_postable(self):
        """Raise if the entries of these accruals cannot be posted with their reversals."""
        self._check_up_to_date()
        for accrual in self:
            move = accrual.move_id
            if move.date != accrual.date:
                raise UserError(
                    self.env._(
                        "%(entry)s accrues what was not invoiced on %(date)s: it cannot be posted "
                        "on %(day)s. Propose that day instead.",
                        entry=move.display_name,
                        date=format_date(self.env, accrual.date),
                        day=format_date(self.env, move.date),
                    )
                )
            self._check_locks(move.company_id, accrual.date, move.journal_id)
            twin = self.search(
                [
                    ("company_id", "=", accrual.company_id.id),
                    ("currency_id", "=", accrual.currency_id.id),
                    ("date", "=", accrual.date),
                    ("move_id.state", "=", "posted"),
                    ("id", "!=", accrual.id),
                ]
            )
            if twin:
                raise UserError(
                    self.env._(
                        "%(entry)s accrues %(date)s already.",
                        entry=twin[0].move_id.display_name,
                        date=format_date(self.env, accrual.date),
                    )
                )
