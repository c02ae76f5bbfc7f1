from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..rating import charges as rating


class TrtcItem(models.Model):
    # A room of its own: settled usage keeps the feature that it rests on.
    #
    # Subscriptions and decisions have dates, the matrix edition × feature has none. A
    # feature that an edition loses would be locked for all the past: every invoice that
    # bills it would be credited, little by little, by whatever touches its days. No
    # accountant wants that from a tick that somebody took away, so it is refused while
    # settled, billable usage rests on it. The way is another edition, without the
    # feature, which applications hold from a day on: the past stays, and says why.
    _inherit = "trtc.item"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        needs = {item: item.feature_id for item in self} if "feature_id" in vals else {}
        result = super().write(vals)
        for item, feature in needs.items():
            if item.feature_id and item.feature_id != feature:
                item._check_stays_unlocked(
                    lambda application, day, feature=feature: not feature
                    or application._unlocks(feature, day),
                    self.env._(
                        "Let editions unlock the feature first, or create another billing item "
                        "for what needs it."
                    ),
                )
        return result

    # === BUSINESS === #

    def _check_stays_unlocked(self, was_unlocked, way_out, editions=None):
        """Raise if a change locks settled, billable usage of these items.

        Call it after the change. Usage that a decision bills stays billable; usage that
        is not settled yet becomes locked, which everybody sees.

        :param was_unlocked: function (application, day) -> whether usage of that day was
            unlocked before the change
        :param str way_out: a sentence that says what to do instead
        :param editions: the editions that the change is about; default any
        :raise UserError: with an example
        """
        for line in self.sudo()._get_settled_lines(editions):
            rights = line.account_id._get_rights()
            for application, day in line._get_usage_days():
                if (
                    was_unlocked(application, day)
                    and rights(application, line.item_id, day) == rating.LOCKED
                ):
                    raise UserError(
                        self.env._(
                            'Usage of the feature "%(feature)s" is settled as billable already, '
                            'for instance "%(item)s" of %(date)s. This change has no date: it '
                            "would lock that usage too, and take back what may be on invoices. "
                            "%(way_out)s",
                            feature=line.feature_id.name,
                            item=line.item_id.name,
                            date=line.date,
                            way_out=way_out,
                        )
                    )
        self._note_unsettled()

    def _get_settled_lines(self, editions=None):
        """Return a statement line for each settled period with billable usage of these items."""
        lines = self.env["trtc.statement.line"]
        lines.flush_model()
        self.env["trtc.subscription"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT max(id)
                  FROM trtc_statement_line
                 WHERE item_id = ANY(%(items)s) AND status = 'billable'
                   AND (%(editions)s IS NULL OR application_id IS NULL OR application_id IN (
                        SELECT application_id FROM trtc_subscription
                         WHERE edition_id = ANY(%(editions)s)))
                 GROUP BY account_id, item_id, application_id, date, kind
                HAVING sum(quantity) <> 0
                 ORDER BY max(id) DESC
                """,
                items=self.ids,
                editions=None if editions is None else editions.ids,
            )
        )
        return lines.browse(line_id for (line_id,) in rows)

    def _note_unsettled(self):
        """Have usage of these items that is not settled yet settled by the new matrix.

        It is noted already; but a settlement that runs at this moment works those notes
        off by the matrix as it was.
        """
        for model in ("trtc.usage", "trtc.item", "trtc.statement.line"):
            self.env[model].flush_model()
        self.env["trtc.settlement.note"].sudo()._insert_select(
            SQL(
                """
                SELECT usage.account_id, item.id AS item_id, item.cycle, usage.date
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE (item.id = ANY(%(items)s) OR item.robot_item_id = ANY(%(items)s))
                   AND usage.account_id IS NOT NULL AND usage.state = 'current'
                   AND usage.is_held IS NOT TRUE
                   AND NOT EXISTS (
                       SELECT FROM trtc_statement_line line
                        WHERE line.account_id = usage.account_id AND line.item_id = item.id
                          AND line.date = CASE item.cycle WHEN 'day' THEN usage.date
                              ELSE (date_trunc('month', usage.date)
                                    + interval '1 month - 1 day')::date END)
                """,
                items=self.ids,
            )
        )
