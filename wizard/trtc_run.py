from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..models.figures import AMOUNT_DECIMALS, show_money, to_decimal
from ..models.markers import PREVIEW
from ..rating import periods

#: So many accounts are billed at once; more are queued.
AT_ONCE = 20
#: So many accounts are shown in a preview.
PREVIEWED = 100


class TrtcRun(models.TransientModel):
    _name = "trtc.run"
    _description = "Settle TRTC Usage and Create Invoices"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    until = fields.Date(
        required=True,
        default=lambda self: self.env.company._trtc_last_ended_day(),
        help="Periods that ended on or before this day.",
    )
    account_ids = fields.Many2many(
        "trtc.account", string="Accounts", help="Empty: all accounts of your companies."
    )
    is_previewed = fields.Boolean(readonly=True)
    line_ids = fields.One2many("trtc.run.line", "run_id", string="Preview", readonly=True)
    unassigned_count = fields.Integer(string="Unassigned Usage", readonly=True)
    left_out_count = fields.Integer(
        readonly=True, help="Accounts with something to do that the preview does not show."
    )

    # === ONCHANGE === #

    @api.onchange("until", "account_ids")
    def _onchange_what_is_run(self):
        self.is_previewed = False

    # === ACTION === #

    def action_preview(self):
        """Show what a run would settle and invoice; write nothing but this dialog."""
        self._check_until()
        # A transaction of its own, taken back: what is shown is what the run itself does.
        with self.env.registry.cursor() as cr:
            env = self.env(cr=cr, context={**self.env.context, "trtc_preview": PREVIEW})
            try:
                vals = env["trtc.run"]._preview(self.account_ids.ids, self.until)
            finally:
                cr.rollback()
        self.write({**vals, "is_previewed": True})
        return self._reopen()

    def action_settle(self):
        """Settle what is due."""
        return self._run("settle")

    def action_invoice(self):
        """Settle what is due, then create the invoices."""
        return self._run("invoice")

    # === BUSINESS === #

    def _run(self, what):
        """Bill few accounts at once, and let the server bill many."""
        self._check_until()
        accounts = self._get_accounts_with_work(self.account_ids, self.until, what)
        runs = self.env["trtc.billing.run"]
        is_for_all = not self.account_ids
        if len(accounts) > AT_ONCE:
            return self._show_runs(runs._queue(accounts, self.until, what, is_for_all))
        lines = runs._start(accounts, self.until, what, is_for_all).sudo().line_ids
        if what == "settle":
            xml_id, records = "trtc_statement_action", lines.statement_ids
        else:
            xml_id, records = "trtc_invoice_action", lines.move_ids
        action = self.env["trtc.account"]._action_open(xml_id, [("id", "in", records.ids)])
        if not records and lines.filtered(lambda line: line.state != "done"):
            action = {"type": "ir.actions.act_window_close"}
        return lines.run_id._get_outcome(action)

    def _get_accounts_with_work(self, accounts, until, what):
        """Return which of some accounts, or of all, a run would look at.

        :param what: ``settle`` or ``invoice``
        """
        self.env["trtc.usage"].sudo()._adopt()
        found = accounts._get_accounts_to_bill().sudo()
        work = found._filter_unsettled(until) | found._filter_with_fees_due(until)
        if what == "invoice":
            work |= found._filter_uninvoiced()
            work |= found._get_drafts_to_post()._trtc_get_accounts() & found
        # Who names a parked account wants it tried, even if nothing is left to do.
        work |= accounts.sudo().filtered("parked_since")
        return self.env["trtc.account"].browse(sorted(work.ids))

    # === PREVIEW === #

    def _preview(self, account_ids, until):
        """Run until a day and return what came of it as values of a dialog.

        The caller takes the transaction back.
        """
        accounts = self.env["trtc.account"].browse(account_ids)
        work = self._get_accounts_with_work(accounts, until, "invoice")
        lines = []
        for account in work[:PREVIEWED]:
            account = account.company_id._trtc_in_billing_time(account)
            vals = self._prepare_line(account, account._bill(until, until))
            if vals:
                lines.append(vals)
        unassigned = self.env["trtc.usage"].search_count(
            [
                ("company_id", "in", self.env.companies.ids),
                ("state", "=", "current"),
                "|",
                ("application_id", "=", False),
                ("item_id", "=", False),
            ]
        )
        return {
            "line_ids": [Command.clear(), *(Command.create(vals) for vals in lines)],
            "unassigned_count": unassigned,
            "left_out_count": max(len(work) - PREVIEWED, 0),
        }

    def _prepare_line(self, account, billed):
        """Return the values of a line of the preview, or None if there is nothing to say.

        :param billed: what ``trtc.account._bill`` returned
        """
        account.invalidate_recordset(["pending_count"])
        pending = account.pending_count
        if billed.state == "done" and not (billed.statements or billed.moves or pending):
            return None
        error = billed.error
        if billed.state == "held":
            error = self.env._("Another run is at work on this account.")
        late = billed.statements.filtered("is_adjustment")
        new = billed.statements - late
        amounts = billed.statements.sudo().line_ids.mapped("amount")
        return {
            "account_id": account.id,
            "settled": self._get_settled_text(new),
            "statement_count": len(new),
            "adjustment_count": len(late),
            "amount": sum(to_decimal(amount, AMOUNT_DECIMALS) for amount in amounts),
            "result": error or "\n".join(map(self._get_invoice_text, billed.moves)),
            "is_failed": bool(error),
            "amount_invoiced": sum(
                move.direction_sign * -move.amount_total for move in billed.moves
            ),
            "pending_count": pending,
        }

    def _get_settled_text(self, statements):
        """Return the days and months that are settled for the first time."""
        parts = []
        for cycle, found in sorted(statements.grouped("cycle").items()):
            span = {
                "count": len(found),
                "date_from": format_date(self.env, min(found.mapped("date_from"))),
                "date_to": format_date(self.env, max(found.mapped("date_to"))),
            }
            if cycle == periods.DAY:
                parts.append(self.env._("%(count)s × day, %(date_from)s to %(date_to)s", **span))
            else:
                parts.append(self.env._("%(count)s × month, %(date_from)s to %(date_to)s", **span))
        return "\n".join(parts)

    def _get_invoice_text(self, move):
        """Return kind, period and total of an invoice to be."""
        kind = (
            self.env._("Credit note") if move.move_type == "out_refund" else self.env._("Invoice")
        )
        total = show_money(self.env, to_decimal(move.amount_total), move.currency_id)
        if not move.trtc_date_from:
            return self.env._("%(kind)s of fees: %(total)s", kind=kind, total=total)
        return self.env._(
            "%(kind)s, %(date_from)s to %(date_to)s: %(total)s",
            kind=kind,
            date_from=format_date(self.env, move.trtc_date_from),
            date_to=format_date(self.env, move.trtc_date_to),
            total=total,
        )

    # === TOOLING === #

    def _check_until(self):
        """Raise for a day to come: what was asked for would not be what is done."""
        self._check_one()
        # Today is taken: it stands for all that is over by now.
        last = max(company._trtc_last_ended_day() for company in self.env.companies)
        if self.until > periods.next_day(last):
            raise UserError(
                self.env._(
                    "%(day)s is not over: its usage is not known yet. Choose %(last)s or an "
                    "earlier day.",
                    day=format_date(self.env, self.until),
                    last=format_date(self.env, last),
                )
            )

    def _reopen(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Settle and Invoice"),
            "res_model": self._name,
            "res_id": self.id,
            "view_mode": "form",
            "target": "new",
            "context": {"dialog_size": "extra-large"},
        }

    def _show_runs(self, runs):
        """Return the action that shows runs at work."""
        action = self.env["trtc.account"]._action_open(
            "trtc_billing_run_action", [("id", "in", runs.ids)]
        )
        if len(runs) == 1:
            action.update(res_id=runs.id, view_mode="form", views=[(False, "form")])
        return action
