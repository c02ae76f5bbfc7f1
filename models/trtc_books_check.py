from datetime import timedelta
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..rating import periods
from .figures import show_figure
from .markers import SETTLING

DIFFERENCE = "difference"
INFORMATION = "information"


class TrtcBooksCheck(models.Model):
    """The report of an audit: a period recomputed from raw usage, against what is booked.

    It writes nothing but itself, and stays as it was made.
    """

    _name = "trtc.books.check"
    _description = "TRTC Check of the Books"
    _order = "id desc"
    _inherit = ["trtc.sealed", "trtc.thread", "mail.activity.mixin"]

    # === FIELDS === #

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    account_ids = fields.Many2many(
        "trtc.account", string="Accounts", readonly=True, help="Empty: all of the company."
    )
    date_from = fields.Date(string="From", required=True, readonly=True)
    date_to = fields.Date(string="To", required=True, readonly=True)
    is_automatic = fields.Boolean(string="Automatic", readonly=True)
    create_uid = fields.Many2one("res.users", string="Checked By", readonly=True)
    create_date = fields.Datetime(string="Checked On", readonly=True)
    result = fields.Selection(
        [("right", "Nothing Differs"), ("differs", "Differences")], required=True, readonly=True
    )
    finding_ids = fields.One2many("trtc.books.finding", "check_id", readonly=True)
    difference_ids = fields.One2many(
        "trtc.books.finding", "check_id", readonly=True, domain=[("severity", "=", DIFFERENCE)]
    )
    information_ids = fields.One2many(
        "trtc.books.finding", "check_id", readonly=True, domain=[("severity", "=", INFORMATION)]
    )
    difference_count = fields.Integer(string="Differences", readonly=True)
    information_count = fields.Integer(string="Remarks", readonly=True)
    account_count = fields.Integer(string="Accounts Checked", readonly=True)
    usage_count = fields.Integer(string="Usage Records", readonly=True)
    line_count = fields.Integer(string="Statement Lines", readonly=True)
    fee_count = fields.Integer(string="Fees", readonly=True)
    move_count = fields.Integer(string="Invoices", readonly=True)

    _dates_ordered = models.Constraint(
        "CHECK (date_to >= date_from)", "A period cannot end before it starts."
    )

    # === COMPUTE === #

    @api.depends("company_id", "date_from", "date_to")
    def _compute_display_name(self):
        for check in self:
            check.display_name = self.env._(
                "%(company)s, %(date_from)s to %(date_to)s",
                company=check.company_id.name or "",
                date_from=format_date(self.env, check.date_from),
                date_to=format_date(self.env, check.date_to),
            )

    # === BUSINESS === #

    @api.model
    def _check_books(self, company, date_from, date_to, accounts=None, is_automatic=False):
        """Recompute a period from raw usage; return the report of every difference.

        :param accounts: the only accounts of the company to look at, or none for all
        :rtype: trtc.books.check
        :raise AccessError: for a user who may not bill, or may not see an account
        :raise UserError: where the period or the accounts make no sense
        """
        self.env["trtc.account"]._check_may_bill()
        accounts = self.env["trtc.account"] if accounts is None else accounts
        accounts.check_access("read")
        self._check_arguments(company, date_from, date_to, accounts)
        report = self.sudo().with_company(company)
        vals = report._prepare_report(company, date_from, date_to, accounts.sudo())
        context = {"trtc_settling": SETTLING, "mail_create_nolog": True}
        created = report.with_context(**context).create({**vals, "is_automatic": is_automatic})
        return self.browse(created.id)

    @api.model
    def _check_arguments(self, company, date_from, date_to, accounts):
        if not self.env.su and company not in self.env.companies:
            raise UserError(
                self.env._(
                    "You are not at work in %(company)s: choose it among your companies first.",
                    company=company.display_name,
                )
            )
        if date_to < date_from:
            raise UserError(
                self.env._("The period ends before it starts. Choose a later last day.")
            )
        strange = accounts.filtered(lambda account: account.company_id != company)
        if strange:
            raise UserError(
                self.env._(
                    "%(accounts)s belongs to another company than %(company)s. Check the books of "
                    "each company by themselves.",
                    accounts=", ".join(strange.mapped("display_name")),
                    company=company.display_name,
                )
            )

    def _prepare_report(self, company, date_from, date_to, accounts):
        """Return the values of a report, with its findings."""
        looked_at = accounts or accounts.with_context(active_test=False).search(
            [("company_id", "=", company.id)]
        )
        findings = self._get_findings(looked_at, date_from, date_to, whole=not accounts)
        differences = [one for one in findings if one["severity"] == DIFFERENCE]
        return {
            "company_id": company.id,
            "account_ids": [Command.set(accounts.ids)],
            "date_from": date_from,
            "date_to": date_to,
            "result": "differs" if differences else "right",
            "finding_ids": [Command.create(vals) for vals in findings],
            "difference_count": len(differences),
            "information_count": len(findings) - len(differences),
            "account_count": len(looked_at),
            **self._get_counts(looked_at, date_from, date_to),
        }

    def _get_findings(self, accounts, date_from, date_to, whole=False):
        """Return the values of every finding; nothing is written.

        What rating writes on the way, such as free minutes that it grants, is undone.

        :param accounts: accounts of one company
        :param bool whole: look also at what belongs to no account
        """
        self.env.flush_all()
        with self.env.cr.savepoint(flush=False) as savepoint:
            findings = [
                finding
                for method in self._get_checks()
                for finding in method(accounts, date_from, date_to)
            ]
            if whole:
                findings += self._find_unassigned(accounts.company_id, date_from, date_to)
                findings += self._find_sold_elsewhere(accounts.company_id, date_from, date_to)
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        return findings

    def _get_checks(self):
        """Return the methods that look for findings, in the order of the report.

        Each takes (accounts, date_from, date_to) and returns a list of values as
        :meth:`_prepare_finding` gives them.
        """
        return [
            self._find_metered,
            self._find_gaps,
            self._find_parts,
            self._find_misplaced,
            self._find_statement_sums,
            self._find_rating,
            self._find_minutes,
            self._find_drawn,
            self._find_billed_lines,
            self._find_billed_fees,
            self._find_released,
            self._find_credited,
            self._find_invoice_lines,
            self._find_invoice_totals,
            self._find_other_customers,
            self._find_waiting,
        ]

    @api.model
    def _prepare_finding(self, kind, message, to_do, model, domain, **vals):
        """Return the values of a finding.

        :param str kind: a key of the finding's selection
        :param str message: what is wrong, or to know, in a sentence
        :param str to_do: what to do about it
        :param str model: of the records that it opens
        :param list domain: of these records
        :param vals: ``account_id``, ``item_id``, ``application_id`` (ids), ``date_from``,
            ``date_to``, ``expected`` and ``found`` (Decimals or texts), ``severity``
        """
        figures = {
            name: show_figure(self.env, vals[name])
            for name in ("expected", "found")
            if isinstance(vals.get(name), Decimal)
        }
        return {
            "severity": DIFFERENCE,
            **vals,
            **figures,
            "kind": kind,
            "message": message,
            "to_do": to_do,
            "res_model": model,
            "res_domain": domain,
        }

    def _get_counts(self, accounts, date_from, date_to):
        """Return how much was looked at."""
        span = [("date", ">=", date_from), ("date", "<=", date_to)]
        domain = [("account_id", "in", accounts.ids), *span]
        usage = [*domain, *self.env["trtc.usage"]._get_counted_domain()]
        moves = self.env["trtc.allocation"].search([("account_id", "in", accounts.ids)]).move_id
        dated = moves.filtered(
            lambda move: date_from
            <= (move.trtc_date_to or move.invoice_date or move.date)
            <= date_to
        )
        return {
            "usage_count": self.env["trtc.usage"].search_count(usage),
            "line_count": self.env["trtc.statement.line"].search_count(domain),
            "fee_count": self.env["trtc.fee"].search_count(domain),
            "move_count": len(dated.filtered(lambda move: move.state == "posted")),
        }

    # === CRON === #

    @api.model
    def _cron_check_books(self):
        """Check last month's books of every company; tell the accountant what differs."""
        groups = self.env["trtc.account"].with_context(active_test=False)._read_group(
            [], ["company_id"]
        )
        companies = [company for (company,) in groups]
        cron = self.env["ir.cron"]
        for done, company in enumerate(companies, start=1):
            first = company._trtc_today().replace(day=1)
            month = periods.period_of(first - timedelta(days=1), periods.MONTH)
            check = self._check_books(company, *month, is_automatic=True)
            if check.result == "differs":
                check._notify()
            if not cron._commit_progress(1, remaining=len(companies) - done):
                break

    def _notify(self):
        """Let an accountant look at what differs."""
        user = self._get_user_to_notify()
        if user:
            self.activity_schedule(
                "mail.mail_activity_data_todo",
                summary=self.with_context(lang=user.lang).env._(
                    "The books differ from the usage in %(count)s places",
                    count=self.difference_count,
                ),
                date_deadline=self.company_id._trtc_today(),
                user_id=user.id,
            )

    def _get_user_to_notify(self):
        """Return who checked the books of the company last, or else its first accountant."""
        known = self.search(
            [("company_id", "=", self.company_id.id), ("is_automatic", "=", False)]
        ).create_uid
        group = self.env.ref("trtc_billing.group_accountant")
        accountants = known | group.all_user_ids.sorted("id")
        return accountants.filtered(
            lambda user: user.active
            and not user._is_superuser()
            and self.company_id in user.company_ids
            and user.has_group("trtc_billing.group_accountant")
        )[:1]

    # === TOOLING === #

    def _get_unsealed_fields(self):
        return {
            "activity_ids",
            "message_follower_ids",
            "message_ids",
            "message_partner_ids",
            "website_message_ids",
        }

    def _get_seal_message(self):
        return self.env._(
            "The report of a check stays as it was made. Use Billing / Check the Books to check "
            "once more."
        )
