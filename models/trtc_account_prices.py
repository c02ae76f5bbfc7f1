from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from .markers import WATCHED


class TrtcAccount(models.Model):
    # A room of its own: which pricelist an account has on which day.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    pricelist_history_ids = fields.One2many(
        "trtc.account.pricelist",
        "account_id",
        string="Pricelists",
        groups="trtc_billing.group_user",
        help="The pricelist from a day on; none: the account's pricelist holds for all days.",
    )

    # === CONSTRAINT === #

    @api.constrains("pricelist_id")
    def _check_history_currency(self):
        for account in self.sudo():
            others = account.pricelist_history_ids.pricelist_id.filtered(
                lambda pricelist, account=account: pricelist.currency_id != account.currency_id
            )
            if others:
                raise ValidationError(
                    self.env._(
                        "%(account)s has %(pricelist)s on other days, in another currency: "
                        "delete those days under Pricelists first.",
                        account=account.display_name,
                        pricelist=others[0].display_name,
                    )
                )

    # === CRUD === #

    def write(self, vals):
        if "pricelist_id" not in vals:
            return super().write(vals)
        self.check_access("write")
        before = {
            account: account._get_pricelist(account.company_id._trtc_today())
            for account in self.sudo()
        }
        result = super().write(vals)
        for account, pricelist in before.items():
            if account.pricelist_id != pricelist:
                account._record_pricelist(pricelist)
        return result

    # === BUSINESS === #

    def _get_pricelist(self, day):
        """Return the pricelist in force on a billing day.

        A period of a month takes that of its last day, as it does with prices.
        """
        self.ensure_one()
        rows = self.sudo().pricelist_history_ids
        if not rows:
            return self.pricelist_id
        rows = rows.sorted(lambda row: row._get_first_day())
        started = rows.filtered(lambda row: row._get_first_day() <= day)
        return (started[-1:] or rows[:1]).pricelist_id.with_env(self.env)

    def _record_pricelist(self, before):
        """Let the pricelist that was just set hold from the first day that is not settled.

        :param before: the pricelist that was in force until now
        """
        # No settled day changes by this: nothing to follow.
        rows = self.pricelist_history_ids.with_context(trtc_watched=WATCHED)
        new = self.pricelist_id
        first, today = self._get_first_unsettled_day(), self.company_id._trtc_today()
        if first is None:
            # All of its days take the new one, except those that somebody planned.
            started = rows.filtered(lambda row: row._get_first_day() <= today)
            started.sorted(lambda row: row._get_first_day())[-1:].pricelist_id = new
            return
        # What began since, nobody was billed at: it would hide the new one.
        rows.filtered(lambda row: first <= row._get_first_day() <= today).unlink()
        old = [] if rows else [{"account_id": self.id, "pricelist_id": before.id}]
        row = {"account_id": self.id, "pricelist_id": new.id, "date_start": first}
        rows.create([*old, row])

    def _get_first_unsettled_day(self):
        """Return the day after the last one of all statements, or None without any."""
        groups = self.env["trtc.statement"]._read_group(
            [("account_id", "in", self.ids)], [], ["date_to:max"]
        )
        return groups[0][0] + timedelta(days=1) if groups[0][0] else None

    def _hold_for_billing(self):
        """Keep runs off these accounts while what they rest on changes, such as prices.

        A run that goes on makes this wait and then fail, so that Odoo repeats it with what
        is settled and billed by then in view; a run with an older view fails likewise.
        Without this a day could be settled at a price that has just been changed, or usage
        billed again whose credit note is just taken back, and neither side would know.
        """
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                "UPDATE trtc_account SET billing_serial = billing_serial + 1 WHERE id IN ("
                "SELECT id FROM trtc_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE)",
                self.ids,
            )
        )
        self.invalidate_recordset(["billing_serial"], flush=False)

    def _get_settled_pricelists(self):
        """Return {(account, item, day): pricelist} of what is settled."""
        self.env["trtc.statement.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT account_id, item_id, date
                  FROM trtc_statement_line WHERE account_id = ANY(%s)
                """,
                self.ids,
            )
        )
        accounts = {account.id: account for account in self}
        items = self.env["trtc.item"]
        known = {}
        for account_id, _item_id, day in rows:
            if (account_id, day) not in known:
                known[account_id, day] = accounts[account_id]._get_pricelist(day)
        return {
            (accounts[account_id], items.browse(item_id), day): known[account_id, day]
            for account_id, item_id, day in rows
        }

    def _follow_pricelists(self, before):
        """Follow a change of the pricelists of days.

        Settled days that have another one now are noted for settlement, and the pricelist
        of today becomes that of the account.

        :param before: what :meth:`_get_settled_pricelists` returned before the change
        """
        now = self.sudo()._get_settled_pricelists()
        changed = {key for key, pricelist in now.items() if before.get(key) != pricelist}
        self.env["trtc.settlement.note"].sudo()._note_days(changed)
        for account in self.sudo():
            days = sorted({day for holder, _item, day in changed if holder == account})
            if days:
                account.message_post(
                    body=self.env._(
                        "%(user)s changed the pricelist of settled days: %(days)s days from "
                        "%(first)s to %(last)s are adjusted by the next settlement. Now: "
                        "%(history)s",
                        user=self.env.user.name,
                        days=len(days),
                        first=days[0],
                        last=days[-1],
                        history=account._describe_pricelists(),
                    )
                )
        self._refresh_pricelist()

    def _describe_pricelists(self):
        """Return in words which pricelist holds from which day on."""
        rows = self.pricelist_history_ids.sorted(lambda row: row._get_first_day())
        texts = [
            self.env._(
                "%(pricelist)s from %(day)s",
                pricelist=row.pricelist_id.name,
                day=row.date_start or self.env._("the beginning"),
            )
            for row in rows
        ]
        return ", ".join(texts or [self.pricelist_id.name])

    def _refresh_pricelist(self):
        """Let the pricelist of these accounts be that of today."""
        for account in self.sudo():
            pricelist = account._get_pricelist(account.company_id._trtc_today())
            if account.pricelist_id != pricelist:
                account.pricelist_id = pricelist

    @api.model
    def _cron_refresh_pricelists(self):
        """Let pricelists that were planned for today begin."""
        rows = self.env["trtc.account.pricelist"].search([("date_start", "!=", False)])
        rows.account_id._refresh_pricelist()
