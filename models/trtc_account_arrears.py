from collections import defaultdict
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

#: What the customer no longer owes, or is not asked for: paid, credited, or blocked by a person.
NOT_CHASED = ("paid", "in_payment", "reversed", "blocked", "invoicing_legacy")


class Overdue(NamedTuple):
    """What is overdue of an invoice; its instalments that are not due yet are left out."""

    move_id: int
    currency_id: int
    #: the oldest due date
    since: object
    #: in the currency of the company, and of the invoice
    residual: float
    residual_currency: float


class Arrears(NamedTuple):
    """What an account owes after the due date."""

    rows: list
    #: posted credits of the customer that no invoice has taken yet, in the company's currency
    credit: float
    #: what the customer owes with all accounts together, likewise, where there are credits
    customer_residual: float

    @property
    def move_ids(self):
        return [row.move_id for row in self.rows]

    @property
    def since(self):
        return min(row.since for row in self.rows)

    def only(self, move_ids):
        """Return these arrears for some invoices only, or None."""
        rows = [row for row in self.rows if row.move_id in set(move_ids)]
        return self._replace(rows=rows) if rows else None

    def get_residual(self):
        """Return what is overdue in the currency of the company."""
        return float(sum(row.residual for row in self.rows))


class TrtcAccount(models.Model):
    # A room of its own: what is overdue, and what follows from it.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # For the staff: a customer of a reseller need not know how the reseller stands.
    arrears_exempt = fields.Boolean(
        string="Arrears Handled Elsewhere",
        tracking=True,
        groups="trtc_billing.group_user",
        help="Overdue invoices of this account lead to no reminder and no suspension, as for "
        "the customer of a reseller. Ticked while applications are suspended for arrears, "
        "they go on.",
    )
    arrears_ids = fields.One2many(
        "trtc.arrears", "account_id", readonly=True, groups="trtc_billing.group_user"
    )
    is_in_arrears = fields.Boolean(
        string="In Arrears",
        compute="_compute_arrears",
        compute_sudo=True,
        search="_search_is_in_arrears",
        groups="trtc_billing.group_user",
        help="A posted invoice is past its due date and not paid.",
    )
    arrears_since = fields.Date(
        compute="_compute_arrears", compute_sudo=True, groups="trtc_billing.group_user"
    )
    arrears_amount = fields.Monetary(
        string="Overdue",
        compute="_compute_arrears",
        compute_sudo=True,
        groups="trtc_billing.group_user",
    )
    arrears_next = fields.Char(
        compute="_compute_arrears", compute_sudo=True, groups="trtc_billing.group_user"
    )

    # === COMPUTE === #

    @api.depends("arrears_ids.closed_at", "arrears_exempt", "company_id")
    def _compute_arrears(self):
        found = self._get_arrears()
        episodes = self._get_open_episodes()
        for account in self:
            arrears = found.get(account._origin)
            episode = episodes.get(account._origin, self.env["trtc.arrears"])
            account.is_in_arrears = bool(arrears)
            account.arrears_since = arrears and arrears.since
            account.arrears_amount = arrears and account._get_owed(arrears)
            account.arrears_next = arrears and account._get_next_step(arrears, episode)

    def _search_is_in_arrears(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Found under the rules of the user; what they owe takes the rights to read invoices.
        accounts = self.search([("active", "in", (True, False))]).sudo()
        found = [account.id for account in accounts._get_arrears()]
        return [("id", "in" if True in value else "not in", found)]

    # === ACTION === #

    def action_open_overdue(self):
        """Open the overdue invoices of these accounts."""
        self.check_access("read")
        found = self.sudo()._get_arrears()
        ids = {move_id for arrears in found.values() for move_id in arrears.move_ids}
        return self._action_open("trtc_invoice_action", [("id", "in", sorted(ids))])

    def action_follow_arrears(self):
        """Do now what the hourly run would do for these accounts."""
        self._get_accounts_to_bill().sudo()._follow_arrears()

    # === BUSINESS === #

    def _get_arrears(self):
        """Return {account: :class:`Arrears`} of those accounts that owe something.

        Overdue is a posted invoice, or the instalment of one, whose due date is over in
        billing time: as far as it is neither paid nor credited, and neither blocked nor
        excluded from follow-ups by a person.
        """
        rows, owed = defaultdict(list), {}
        for name in ("account.move", "account.move.line", "trtc.allocation"):
            self.env[name].flush_model()
        for company, accounts in self._origin.grouped("company_id").items():
            query = accounts._get_overdue_query(company._trtc_today())
            for account_id, *row in self.env.execute_query(query):
                if not company.currency_id.is_zero(float(row[3])):
                    rows[self.browse(account_id)].append(Overdue(*row))
        for company, accounts in self.browse(a.id for a in rows).grouped("company_id").items():
            credits = accounts._get_open_credits(company)
            sharing = accounts.browse(
                account.id for account in accounts if account.commercial_partner_id.id in credits
            )
            totals = sharing._get_owed_by_customer(company) if sharing else {}
            for account in accounts:
                partner_id = account.commercial_partner_id.id
                sums = (found.get(partner_id, 0.0) for found in (credits, totals))
                owed[account] = Arrears(rows[account], *sums)
        return owed

    def _get_owed_by_customer(self, company):
        """Return {commercial partner id: what is overdue with all accounts of the customer}.

        An invoice that bills several of them counts once.
        """
        accounts = self.sudo().with_context(active_test=False).search(
            [
                ("company_id", "=", company.id),
                ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                # What nobody asks for here waits for no credit.
                ("arrears_exempt", "=", False),
            ]
        )  # fmt: skip
        residuals = {}
        query = accounts._get_overdue_query(company._trtc_today())
        for account_id, *row in self.env.execute_query(query):
            overdue = Overdue(*row)
            partner_id = accounts.browse(account_id).commercial_partner_id.id
            residuals[overdue.move_id] = partner_id, overdue.residual
        totals = defaultdict(float)
        for partner_id, residual in residuals.values():
            totals[partner_id] += residual
        return totals

    def _get_overdue_query(self, today):
        """Return the query of (account id, *:class:`Overdue`) for these accounts.

        An invoice belongs to its account, and to each whose usage or fees it bills; not
        that of a former customer, who has the account no more.
        """
        return SQL(
            """
            SELECT owner.account_id, move.id, move.currency_id,
                   min(COALESCE(line.date_maturity, move.invoice_date_due, move.date)),
                   sum(line.amount_residual), sum(line.amount_residual_currency)
              FROM (SELECT trtc_account_id AS account_id, id AS move_id
                      FROM account_move
                     WHERE trtc_account_id = ANY(%(accounts)s)
                     UNION
                    SELECT settled.account_id, allocation.move_id
                      FROM trtc_statement_line settled
                      JOIN trtc_allocation allocation ON allocation.statement_line_id = settled.id
                     WHERE settled.account_id = ANY(%(accounts)s)
                       AND allocation.released IS NOT TRUE
                     UNION
                    SELECT fee.account_id, allocation.move_id
                      FROM trtc_fee fee
                      JOIN trtc_allocation allocation ON allocation.fee_id = fee.id
                     WHERE fee.account_id = ANY(%(accounts)s)
                       AND allocation.released IS NOT TRUE) AS owner
              JOIN account_move move ON move.id = owner.move_id
              JOIN trtc_account billed ON billed.id = owner.account_id
               AND billed.commercial_partner_id = move.commercial_partner_id
              JOIN account_move_line line ON line.move_id = move.id
              JOIN account_account booked ON booked.id = line.account_id
             WHERE move.state = 'posted' AND move.move_type = 'out_invoice'
               AND move.payment_state <> ALL(%(not_chased)s)
               AND booked.account_type = 'asset_receivable'
               AND line.no_followup IS NOT TRUE
               AND COALESCE(line.date_maturity, move.invoice_date_due, move.date) < %(today)s
             GROUP BY owner.account_id, move.id, move.currency_id
            HAVING sum(line.amount_residual) > 0
             ORDER BY 4, 2
            """,
            accounts=self.ids,
            not_chased=list(NOT_CHASED),
            today=today,
        )

    def _get_open_credits(self, company):
        """Return {commercial partner id: posted credits that no invoice has taken yet}."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT partner.commercial_partner_id, -sum(line.amount_residual)
                  FROM account_move_line line
                  JOIN account_account booked ON booked.id = line.account_id
                  JOIN res_partner partner ON partner.id = line.partner_id
                 WHERE partner.commercial_partner_id = ANY(%s) AND line.company_id = %s
                   AND line.parent_state = 'posted' AND line.amount_residual < 0
                   AND booked.account_type = 'asset_receivable'
                 GROUP BY partner.commercial_partner_id
                """,
                self.commercial_partner_id.ids,
                company.id,
            )
        )
        return dict(rows)

    def _get_arrears_moves(self):
        """Return the overdue invoices of this account."""
        self.ensure_one()
        arrears = self._get_arrears().get(self._origin)
        return self.env["account.move"].browse(arrears and arrears.move_ids)

    def _get_owed(self, arrears):
        """Return what is overdue in the currency of the account."""
        self.ensure_one()
        company, day = self.company_id, self.company_id._trtc_today()
        return self.currency_id.round(
            sum(
                float(row.residual_currency)
                if row.currency_id == self.currency_id.id
                else company.currency_id._convert(
                    float(row.residual), self.currency_id, company, day
                )
                for row in arrears.rows
            )
        )

    def _get_open_episodes(self):
        """Return {account: its open ``trtc.arrears``}."""
        episodes = self.env["trtc.arrears"].search(
            [("account_id", "in", self._origin.ids), ("closed_at", "=", False)]
        )
        return {episode.account_id: episode for episode in episodes}

    # === PORTAL === #

    @api.model
    def _get_portal_arrears(self):
        """Return what the customer of the user is told of the own arrears, as dicts.

        Only where the customer would be reminded, too.
        """
        partner = self.env.user.commercial_partner_id
        if not self.has_access("read"):
            return []
        accounts = self.search([("commercial_partner_id", "=", partner.id)]).sudo()
        found, episodes = accounts._get_arrears(), accounts._get_open_episodes()
        notices = []
        for account, arrears in found.items():
            episode = episodes.get(account, self.env["trtc.arrears"].sudo())
            if episode or account._is_to_remind(arrears):
                notices.append(
                    {
                        "account": account,
                        "amount": account._get_owed(arrears),
                        "since": arrears.since,
                        "suspended": bool(episode.suspended_at and episode._is_suspended()),
                        "deadline": episode and episode._show_deadline(),
                    }
                )
        return notices
