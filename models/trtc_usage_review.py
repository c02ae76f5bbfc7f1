from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..rating import periods


class TrtcUsage(models.Model):
    # Usage that is so old that a person decides whether it is billed.
    _inherit = "trtc.usage"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    # What every query of usage in force leaves out; without statistics, too, a flag that is
    # not set is no rare thing for the planner.
    is_held = fields.Boolean(
        string="Not Counted",
        readonly=True,
        help="This usage waits for a decision, or was ignored: no statement counts it.",
    )
    review = fields.Selection(
        [("waiting", "To Check"), ("bill", "Bill"), ("ignore", "Ignore")],
        string="Check",
        readonly=True,
        help="Usage that is older than expected is billed only after an accountant has agreed.",
    )
    review_reason = fields.Selection(
        [
            ("before_account", "Before the first billing day"),
            ("old", "Older than the limit"),
        ],
        string="Reason to Check",
        readonly=True,
    )
    reviewed_by_id = fields.Many2one(
        "res.users",
        string="Decided By",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
    )
    reviewed_on = fields.Datetime(string="Decided On", readonly=True)

    _held_is_reviewed = models.Constraint(
        "CHECK ((is_held IS TRUE) = (coalesce(review, 'bill') <> 'bill'))",
        "Usage that waits for a decision, or was ignored, is not counted; all other usage is.",
    )
    _to_review = models.Index("(account_id) WHERE review IS NOT NULL")

    # === ACTION === #

    def action_review_bill(self):
        """Let these records be billed: those that wait, and those that were ignored."""
        return self._review("bill", ("waiting", "ignore"))

    def action_review_ignore(self):
        """Let these records that wait not be billed."""
        return self._review("ignore", ("waiting",))

    # === BUSINESS === #

    @api.model
    def _get_counted_domain(self):
        """Return the domain of usage that statements count, if it is assigned."""
        return [("state", "=", "current"), ("is_held", "=", False)]

    @api.model
    def _get_to_check_domain(self):
        """Return the domain of usage that waits for a decision."""
        return [("is_held", "=", True), ("review", "=", "waiting"), ("state", "=", "current")]

    def _review(self, outcome, allowed):
        """Decide on records that wait; return a notification that says how many.

        :param allowed: the states of review that can become the outcome
        :raise UserError: where none of them waits any more
        """
        self.env["trtc.account"]._check_may_bill()
        self.check_access("read")
        rows = self.env.execute_query(
            SQL(
                """
                UPDATE trtc_usage
                   SET review = %(outcome)s, is_held = %(held)s,
                       reviewed_by_id = %(uid)s, reviewed_on = now() AT TIME ZONE 'UTC',
                       write_uid = %(uid)s, write_date = now() AT TIME ZONE 'UTC'
                 WHERE id = ANY(%(ids)s) AND state = 'current' AND review = ANY(%(allowed)s)
                RETURNING id, account_id, date
                """,
                outcome=outcome,
                held=outcome != "bill",
                uid=self.env.uid,
                ids=self.ids,
                allowed=list(allowed),
            )
        )
        if not rows:
            raise UserError(
                self.env._("None of these usage records waits for a decision any more.")
            )
        self.env["trtc.settlement.note"].sudo()._note_rows([row[0] for row in rows])
        self.invalidate_model()
        self._log_reviews(outcome, rows)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self._get_review_message(outcome, len(rows)),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def _get_review_message(self, outcome, count):
        if outcome == "bill":
            return self.env._("The next settlement bills %(count)s usage records.", count=count)
        return self.env._("%(count)s usage records are not billed.", count=count)

    def _log_reviews(self, outcome, rows):
        """Write on each account what was decided on its usage.

        :param rows: (id, account id, billing day) each
        """
        days = {}
        for _id, account_id, day in rows:
            days.setdefault(account_id, []).append(day)
        outcomes = dict(self._fields["review"]._description_selection(self.env))
        for account in self.env["trtc.account"].sudo().browse(days):
            found = days[account.id]
            account.message_post(
                body=self.env._(
                    "%(outcome)s: %(count)s old usage records of %(first)s to %(last)s, decided "
                    "by %(user)s.",
                    outcome=outcomes[outcome],
                    count=len(found),
                    first=min(found),
                    last=max(found),
                    user=self.env.user.name,
                )
            )

    # === BOUNDS === #

    @api.model
    def _get_oldest_day(self, company):
        """Return the first day whose usage is billed without a question, or None."""
        months = company.trtc_usage_age_months
        return periods.add_months(company._trtc_today(), -months) if months else None

    def _hold_out_of_bounds(self, usage_ids):
        """Let those of some rows wait for a person that lie before what is expected.

        The bounds are those of this moment; a later change neither bills nor holds what came
        in before. What corrects a fact of the same day that counts is a correction as any
        other: to hold it would credit the whole fact. Where a person agreed to bill that
        fact, the same quantity stays agreed to, another one is judged anew.
        """
        if not usage_ids:
            return
        self.env["trtc.account"].flush_model(["bill_from"])
        limits = [
            (company.id, self._get_oldest_day(company))
            for company in self.env["res.company"].sudo().search([])
        ]
        companies, days = map(list, zip(*limits, strict=True))
        self.env.cr.execute(
            SQL(
                """
                UPDATE trtc_usage usage
                   SET review = CASE WHEN former.id IS NULL THEN 'waiting'
                                     ELSE former.review END,
                       is_held = CASE WHEN former.id IS NULL THEN TRUE END,
                       review_reason = CASE WHEN former.id IS NULL
                            THEN CASE WHEN usage.date < account.bill_from
                                      THEN 'before_account' ELSE 'old' END
                            ELSE former.review_reason END,
                       reviewed_by_id = former.reviewed_by_id,
                       reviewed_on = former.reviewed_on
                  FROM unnest(%(ids)s) AS judged (id)
                  JOIN trtc_usage found ON found.id = judged.id
                  JOIN trtc_account account ON account.id = found.account_id
                  JOIN unnest(%(companies)s::int[], %(days)s::date[])
                       AS bound (company_id, oldest) ON bound.company_id = found.company_id
             LEFT JOIN LATERAL (
                       SELECT old.* FROM trtc_usage old
                        WHERE old.superseded_by_id = found.id AND old.is_held IS NOT TRUE
                          AND old.application_id = found.application_id
                          AND old.item_id = found.item_id AND old.date = found.date
                          AND (old.review IS NULL OR old.quantity = found.quantity)
                        ORDER BY old.id DESC LIMIT 1) AS former ON TRUE
                 WHERE usage.id = found.id AND found.item_id IS NOT NULL
                   AND (found.date < account.bill_from OR found.date < bound.oldest)
                """,
                ids=list(usage_ids),
                companies=companies,
                days=days,
            )
        )
