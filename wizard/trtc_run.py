from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

#: Accounts that a notification names, at most
NAMED = 10


class TrtcRun(models.TransientModel):
    _name = "trtc.run"
    _description = "Settle TRTC Usage and Create Invoices"

    # === FIELDS === #

    until = fields.Date(
        required=True,
        default=lambda self: self.env.company._trtc_last_ended_day(),
        help="Periods that ended on or before this day.",
    )
    account_ids = fields.Many2many(
        "trtc.account", string="Accounts", help="Empty: all accounts of your companies."
    )

    # === ACTION === #

    def action_settle(self):
        """Settle what is due."""
        self._check_until()
        statements = self.account_ids.settle(self.until)
        return self._show("trtc_statement_action", statements)

    def action_invoice(self):
        """Settle what is due, then create the invoices."""
        self._check_until()
        self.account_ids.settle(self.until)
        moves = self.account_ids.create_invoices(self.until)
        return self._show("trtc_invoice_action", moves)

    # === TOOLING === #

    def _check_until(self):
        """Raise for a day to come: what was asked for would not be what is done."""
        self.ensure_one()
        today = max(company._trtc_today() for company in self.env.companies)
        if self.until > today:
            raise UserError(
                self.env._(
                    "%(day)s lies in the future: its usage is not known yet. Choose a day until "
                    "%(today)s.",
                    day=format_date(self.env, self.until),
                    today=format_date(self.env, today),
                )
            )

    def _show(self, xml_id, records):
        """Return the action that shows what a run made, and names what it left out."""
        action = self.account_ids[:1]._action_open(xml_id, [("id", "in", records.ids)])
        unsettled = self._get_unsettled_accounts()
        if not unsettled:
            return action
        names = ", ".join(unsettled[:NAMED].mapped("display_name"))
        if len(unsettled) > NAMED:
            names = self.env._(
                "%(names)s and %(count)s more", names=names, count=len(unsettled) - NAMED
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "title": self.env._("Not settled"),
                "message": self.env._(
                    "Another run is at work on these accounts, or they could not be settled "
                    "for a reason that stands on them: %(accounts)s. Run it again later.",
                    accounts=names,
                ),
                "next": action if records else {"type": "ir.actions.act_window_close"},
            },
        }

    def _get_unsettled_accounts(self):
        """Return the accounts of this run that still have days that are due."""
        accounts = self.account_ids._get_accounts_to_bill()
        groups = (
            self.env["trtc.settlement.note"]
            .sudo()
            ._read_group(
                [("account_id", "in", accounts.ids), ("date_to", "<=", self.until)],
                ["account_id"],
                ["date_to:min"],
            )
        )
        # Days that are not over yet are not due, whatever day was asked for.
        due = [
            account.id
            for account, date_to in groups
            if date_to <= account.company_id._trtc_last_ended_day()
        ]
        return accounts.browse(due)
