from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date

from .markers import SETTLING, without_claims


class TrtcRecognition(models.Model):
    """What an entry recognises of a prepaid fee.

    What is recognised so far is never stored anywhere else: it is the sum of these rows
    whose entry is not cancelled.  A row goes with its entry, and its amount is what the
    entry says.
    """

    _name = "trtc.recognition"
    _description = "TRTC Recognition of a Prepayment"
    _inherit = ["trtc.sealed"]
    _order = "date desc, id desc"

    # === FIELDS === #

    fee_id = fields.Many2one("trtc.fee", required=True, readonly=True, ondelete="restrict")
    move_id = fields.Many2one(
        "account.move",
        string="Entry",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
    )
    move_line_id = fields.Many2one(
        "account.move.line",
        required=True,
        readonly=True,
        ondelete="cascade",
        index=True,
        help="The side of the entry on the account of deferred revenue.",
    )
    income_line_id = fields.Many2one(
        "account.move.line", readonly=True, ondelete="set null", index="btree_not_null"
    )
    number = fields.Integer(
        required=True, readonly=True, help="Counts the recognitions of a fee."
    )
    date = fields.Date(
        string="Recognised Until",
        required=True,
        readonly=True,
        help="The last day of what is earned. The entry may have another date.",
    )
    amount = fields.Monetary(
        compute="_compute_amount",
        store=True,
        currency_field="company_currency_id",
        help="In the currency of the company; negative where less was earned than recognised.",
    )
    company_id = fields.Many2one(related="fee_id.company_id", store=True, index=True)
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company Currency"
    )
    account_id = fields.Many2one(related="fee_id.account_id", store=True)
    commercial_partner_id = fields.Many2one(related="fee_id.commercial_partner_id", store=True)
    state = fields.Selection(related="move_id.state")

    _once = models.Constraint(
        "UNIQUE (fee_id, move_id)", "An entry recognises a fee once."
    )
    # Two runs that do not see each other would both make the next recognition of a fee.
    _number_once = models.Constraint(
        "UNIQUE (fee_id, number)",
        "Another run recognised the same prepayments at the same time. Run it again.",
    )

    # === COMPUTE === #

    @api.depends("move_line_id.balance")
    def _compute_amount(self):
        for recognition in self:
            recognition.amount = recognition.move_line_id.balance

    @api.depends("fee_id", "date")
    def _compute_display_name(self):
        for recognition in self:
            recognition.display_name = self.env._(
                "%(fee)s, until %(date)s",
                fee=recognition.fee_id.display_name or "",
                date=format_date(self.env, recognition.date) if recognition.date else "",
            )

    # === ACTION === #

    def action_open_entry(self):
        """Return the action that shows the entry of this recognition."""
        self._check_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "account.move",
            "res_id": self.move_id.id,
            "view_mode": "form",
        }

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "What is recognised follows from the entries: to take it back, reverse the entry."
        )

    # === BUSINESS === #

    @api.model
    def _propose(self, company, date):
        """Make the draft entry that recognises what was earned until a day.

        Drafts of that day or a later one are replaced; an earlier one stays and counts as
        recognised, so that each period keeps its own.

        :return: the ``account.move``, or none where nothing is to be recognised
        :raise UserError: where the day is locked, lies in the future or before what is
            posted already, or where another run is at work
        """
        self = company._trtc_in_billing_time(self)
        company._trtc_lock_for_entries()
        self._check_day(company, date)
        drafts = self._get_drafts(company, date)
        prepayments = self.env["trtc.fee"]._get_prepayments(company, date, drafts)
        journal = prepayments and company._trtc_get_recognition_journal()
        if prepayments:
            self._check_locks(company, date, journal)
        drafts._trtc_take_back()
        if not prepayments:
            return self.env["account.move"]
        moves = self.env["account.move"].with_env(without_claims(self.env))
        move = moves.create(self._prepare_entry(company, date, journal, prepayments))
        # The lines come in the order in which they were given.
        lines = move.line_ids.sorted("id")
        fees = [one.fee for one in prepayments]
        self._record(list(zip(fees, lines[::2], lines[1::2], strict=True)), date)
        return move

    @api.model
    def _record(self, places, date):
        """Keep which fees the lines of new entries recognise.

        :param list places: (fee, line on the account of deferred revenue, income line)
        :param date: the last day of what is earned
        """
        groups = self._read_group(
            [("fee_id", "in", [fee.id for fee, *_lines in places])], ["fee_id"], ["number:max"]
        )
        numbers = {fee.id: number for fee, number in groups}
        recognitions = self.with_context(trtc_settling=SETTLING).create(
            [
                {
                    "fee_id": fee.id,
                    "move_id": deferred.move_id.id,
                    "move_line_id": deferred.id,
                    "income_line_id": income.id,
                    "number": numbers.get(fee.id, 0) + 1,
                    "date": date,
                }
                for fee, deferred, income in places
            ]
        )
        return recognitions.with_env(self.env)

    def _trtc_get_recognition_places(self):
        """Return (account of deferred revenue, income account, partner) of this fee."""
        self.ensure_one()
        income = self.income_line_id.account_id
        if not income:
            product = self.fee_id.product_id.with_company(self.company_id)
            income = product.product_tmpl_id.get_product_accounts()["income"]
        return self.move_line_id.account_id, income, self.move_line_id.partner_id

    @api.model
    def _get_entries(self, company, domain):
        """Return the entries of a company that recognise something, reversals left out."""
        found = self.search([("company_id", "=", company.id), *domain])
        return found.move_id.filtered(lambda move: not move.reversed_entry_id)

    @api.model
    def _get_drafts(self, company, date):
        """Return the drafts that a proposal for a day replaces."""
        return self._get_entries(
            company, [("date", ">=", date), ("move_id.state", "=", "draft")]
        )

    @api.model
    def _check_day(self, company, date):
        """Raise if nothing can be recognised until a day."""
        company._trtc_check_past(date)
        later = self._get_entries(
            company, [("date", ">", date), ("move_id.state", "=", "posted")]
        ).filtered(lambda move: "posted" not in move.reversal_move_ids.mapped("state"))
        if later:
            raise UserError(
                self.env._(
                    "%(entry)s is posted and goes beyond %(date)s. Choose its day or a later "
                    "one: what changed before comes along as a difference.",
                    entry=", ".join(later.mapped("display_name")),
                    date=format_date(self.env, date),
                )
            )

    @api.model
    def _check_locks(self, company, date, journal):
        """Raise if a lock date does not allow an entry on a day."""
        violated = company._get_violated_lock_dates(date, False, journal)
        if violated:
            raise UserError(
                self.env._(
                    "An entry on %(date)s is not allowed: %(locks)s. Choose a later day, which "
                    "then recognises this period too, or ask who is in charge of lock dates for "
                    "an exception.",
                    date=format_date(self.env, date),
                    locks=company._format_lock_dates(violated),
                )
            )

    @api.model
    def _prepare_entry(self, company, date, journal, prepayments):
        """Return the values of the entry that recognises prepayments."""
        return {
            "move_type": "entry",
            "company_id": company.id,
            "journal_id": journal.id,
            "date": date,
            "ref": self.env._(
                "Prepayments earned until %(date)s", date=format_date(self.env, date)
            ),
            "line_ids": [
                Command.create(vals)
                for one in prepayments
                for vals in self._prepare_entry_lines(company, date, one)
            ],
        }

    @api.model
    def _prepare_entry_lines(self, company, date, prepayment):
        """Return the values of the two lines for a fee, the deferred side first."""
        fee = prepayment.fee
        deferred, income, partner = prepayment.source._trtc_get_recognition_places()
        if not income:
            raise UserError(
                self.env._(
                    "%(product)s has no income account: set one on it or on its category.",
                    product=fee.product_id.display_name,
                )
            )
        name = self.env._(
            "%(fee)s, %(date_from)s to %(date_to)s, earned until %(date)s",
            fee=fee.name,
            date_from=format_date(self.env, fee.date_from),
            date_to=format_date(self.env, fee.date_to),
            date=format_date(self.env, date),
        )
        return [
            {
                "account_id": account.id,
                "partner_id": partner.id,
                "name": name,
                "currency_id": company.currency_id.id,
                "balance": balance,
                "amount_currency": balance,
                "tax_ids": [Command.clear()],
            }
            for account, balance in (
                (deferred, float(prepayment.due)),
                (income, -float(prepayment.due)),
            )
        ]
