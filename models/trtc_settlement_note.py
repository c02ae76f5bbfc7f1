from odoo import fields, models
from odoo.tools import SQL


class TrtcSettlementNote(models.Model):
    """A note that something changed in a period of an account.

    Whoever adds or restates usage, or changes an edition or a decision, leaves a
    note in the same transaction; settlement works the notes off under the lock of
    the account.  So what is to settle is found without scanning usage, and without
    a watermark behind which a slow transaction could commit.
    """

    _name = "trtc.settlement.note"
    _description = "TRTC Settlement Note"
    _inherit = ["trtc.sealed"]
    _log_access = False

    # === FIELDS === #

    account_id = fields.Many2one("trtc.account", required=True, ondelete="cascade")
    item_id = fields.Many2one("trtc.item", required=True, ondelete="cascade")
    cycle = fields.Selection([("day", "Day"), ("month", "Month")], required=True)
    date_from = fields.Date(required=True)
    date_to = fields.Date(required=True)

    _account_date = models.Index("(account_id, date_to)")

    # === TOOLING === #

    def _get_seal_message(self):
        return self.env._(
            "What is to settle is noted by what changes usage, and worked off by settlement "
            "alone: without a note a change would never be billed."
        )

    # === BUSINESS === #

    def _work_off(self):
        """Delete these notes; unlike ``unlink`` keep everything else that is cached."""
        self.flush_model()
        self.env.cr.execute(SQL("DELETE FROM trtc_settlement_note WHERE id = ANY(%s)", self.ids))
        self.invalidate_model(flush=False)

    def _insert_select(self, usages):
        """Note the periods of usage rows.

        :param SQL usages: a query that gives (account_id, item_id, cycle, date)
        """
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO trtc_settlement_note
                            (account_id, item_id, cycle, date_from, date_to)
                SELECT DISTINCT account_id, item_id, cycle,
                       CASE cycle WHEN 'day' THEN date
                            ELSE date_trunc('month', date)::date END,
                       CASE cycle WHEN 'day' THEN date
                            ELSE (date_trunc('month', date)
                                  + interval '1 month - 1 day')::date END
                  FROM (%(usages)s) AS touched
                """,
                usages=usages,
            )
        )

    def _note_rows(self, usage_ids):
        """Note the periods of usage rows, given by id; not of those that do not count."""
        if usage_ids:
            self.env["trtc.item"].flush_model()
            self._insert_select(
                SQL(
                    """
                    SELECT usage.account_id, item.id AS item_id, item.cycle, usage.date
                      FROM trtc_usage usage
                      JOIN trtc_item item ON item.id = usage.item_id
                     WHERE usage.id = ANY(%s) AND usage.account_id IS NOT NULL
                       AND usage.is_held IS NOT TRUE
                    """,
                    list(usage_ids),
                )
            )

    def _note_usage(self, applications, date_from, date_to, only_locked_items):
        """Note the periods in which applications have usage between two days."""
        self.env["trtc.item"].flush_model()
        self._insert_select(
            SQL(
                """
                SELECT usage.account_id, item.id AS item_id, item.cycle, usage.date
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE usage.application_id = ANY(%(applications)s)
                   AND usage.state = 'current' AND usage.is_held IS NOT TRUE
                   AND usage.date >= %(date_from)s
                   AND usage.date <= %(date_to)s
                   AND (NOT %(only_locked)s OR item.feature_id IS NOT NULL)
                """,
                applications=applications.ids,
                date_from=date_from,
                date_to=date_to or fields.Date.to_date("9999-12-31"),
                only_locked=only_locked_items,
            )
        )

    def _note_days(self, keys):
        """Note the periods that end on some days.

        :param keys: (account, item, day) each
        """
        self.env["trtc.item"].flush_model()
        keys = sorted((account.id, item.id, day) for account, item, day in keys)
        accounts, items, days = ([key[part] for key in keys] for part in range(3))
        self._insert_select(
            SQL(
                """
                SELECT key.account_id, item.id AS item_id, item.cycle, key.date
                  FROM unnest(%s::int[], %s::int[], %s::date[]) AS key(account_id, item_id, date)
                  JOIN trtc_item item ON item.id = key.item_id
                """,
                accounts,
                items,
                days,
            )
        )

    def _note_own_ratios(self, item, free):
        """Note the periods in which packs that go by the items' own ratios cover an item.

        :param free: of which packs: True for free minutes, False for all others
        """
        self.env["trtc.item"].flush_model()
        self.env["trtc.minute.pack"].flush_model()
        self.env["trtc.free.policy"].flush_model()
        self._insert_select(
            SQL(
                """
                SELECT usage.account_id, item.id AS item_id, item.cycle, usage.date
                  FROM trtc_minute_pack pack
             LEFT JOIN trtc_free_policy policy ON policy.id = pack.policy_id
                  JOIN trtc_usage usage ON usage.account_id = pack.account_id
                   AND usage.date BETWEEN pack.date_start AND pack.date_end
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE item.id = %(item)s AND usage.state = 'current'
                   AND usage.is_held IS NOT TRUE
                   AND pack.active AND (pack.kind = 'free') = ANY(%(free)s)
                   AND pack.ratio_table_id IS NULL AND policy.ratio_table_id IS NULL
                """,
                item=item.id,
                free=list(free),
            )
        )

    def _note_items(self, account, application, items, date_from=None, date_to=None):
        """Note the periods in which an account has usage of some items.

        :param application: the only one that is concerned, or none for all
        :param date_from: the first day; default all the days before ``date_to``
        :param date_to: the last day; default all the days since ``date_from``
        """
        self.env["trtc.item"].flush_model()
        self._insert_select(
            SQL(
                """
                SELECT usage.account_id, item.id AS item_id, item.cycle, usage.date
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE usage.account_id = %(account)s AND usage.state = 'current'
                   AND usage.is_held IS NOT TRUE
                   AND usage.item_id = ANY(%(items)s)
                   AND usage.date BETWEEN %(date_from)s AND %(date_to)s
                   AND (%(application)s IS NULL OR usage.application_id = %(application)s)
                """,
                account=account.id,
                application=application.id or None,
                items=items.ids,
                date_from=date_from or fields.Date.to_date("0001-01-01"),
                date_to=date_to or fields.Date.to_date("9999-12-31"),
            )
        )
