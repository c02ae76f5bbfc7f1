from odoo import Command, api, fields, models
from odoo.tools import format_date

from .markers import SETTLING

#: Accounts that a message names, at most
NAMED = 10


class TrtcBillingRun(models.Model):
    """A run that settled or invoiced: who started it, when, and what came of it.

    Kept for good.  An automatic run that found nothing to do leaves none.
    """

    _name = "trtc.billing.run"
    _description = "TRTC Billing Run"
    _inherit = ["trtc.sealed"]
    _order = "id desc"

    # === FIELDS === #

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    user_id = fields.Many2one(
        "res.users", string="Started By", required=True, readonly=True, ondelete="restrict"
    )
    is_automatic = fields.Boolean(string="Automatic", readonly=True)
    what = fields.Selection(
        [("settle", "Settle"), ("invoice", "Settle and Invoice")], required=True, readonly=True
    )
    until = fields.Date(
        string="Periods Ended by", required=True, readonly=True, help="The last day that it bills."
    )
    is_for_all = fields.Boolean(
        string="All Accounts", readonly=True, help="No accounts were chosen."
    )
    state = fields.Selection(
        [("queued", "Queued"), ("running", "Running"), ("done", "Done")],
        required=True,
        readonly=True,
        default="running",
        index=True,
    )
    finished_at = fields.Datetime(string="Finished", readonly=True)
    line_ids = fields.One2many("trtc.billing.run.line", "run_id", readonly=True)
    account_count = fields.Integer(string="Accounts", compute="_compute_counts")
    done_count = fields.Integer(
        string="Worked Off",
        compute="_compute_counts",
        help="Accounts that are through, failed too.",
    )
    failed_count = fields.Integer(string="Failed", compute="_compute_counts")
    statement_count = fields.Integer(string="Statements", compute="_compute_counts")
    move_count = fields.Integer(string="Invoices", compute="_compute_counts")

    # === COMPUTE === #

    @api.depends("what", "until")
    def _compute_display_name(self):
        labels = dict(self._fields["what"]._description_selection(self.env))
        for run in self:
            run.display_name = self.env._(
                "%(what)s until %(day)s",
                what=labels.get(run.what, ""),
                day=format_date(self.env, run.until) if run.until else "",
            )

    @api.depends("line_ids.state", "line_ids.statement_ids", "line_ids.move_ids")
    def _compute_counts(self):
        for run in self:
            states = run.line_ids.mapped("state")
            run.account_count = len(states)
            run.done_count = len(states) - states.count("waiting")
            run.failed_count = states.count("failed")
            run.statement_count = len(run.line_ids.statement_ids)
            run.move_count = len(run.line_ids.move_ids)

    # === ACTION === #

    def action_open_statements(self):
        return self._action_open("trtc_statement_action", self.line_ids.statement_ids)

    def action_open_invoices(self):
        return self._action_open("trtc_invoice_action", self.line_ids.move_ids)

    def action_reload(self):
        return {"type": "ir.actions.client", "tag": "soft_reload"}

    def _action_open(self, xml_id, records):
        return self.env["trtc.account"]._action_open(xml_id, [("id", "in", records.ids)])

    # === CRON === #

    @api.model
    def _cron_work(self, limit=1000):
        """Work off the accounts of queued runs, each in a transaction of its own.

        :param int limit: accounts at most in one call; what is left comes with the next
        """
        domain = [("state", "=", "waiting")]
        Line = self.env["trtc.billing.run.line"]
        lines = Line.search(domain, order="id", limit=limit)
        remaining = len(lines) if len(lines) < limit else Line.search_count(domain)
        # Last come accounts during which a server was ended.
        turns = [
            (line.account_id, line.run_id.what, line._work)
            for line in lines.sorted(lambda line: line.account_id._was_cut_off(line.run_id.what))
        ]
        self.env["trtc.account"]._take_turns(turns, remaining)

    # === BUSINESS === #

    @api.model
    def _start(self, accounts, until, what, is_for_all=False):
        """Bill accounts now, in this transaction; return the runs, one per company.

        :param accounts: those with something to do; may be none
        :raise AccessError: for a user who may not bill
        """
        runs = self._create_runs(accounts, until, what, is_for_all, "running")
        for line in runs.sudo().line_ids:
            line._work()
        return runs

    @api.model
    def _queue(self, accounts, until, what, is_for_all=False):
        """Let the server bill accounts one by one; return the runs, one per company.

        :raise AccessError: for a user who may not bill
        """
        runs = self._create_runs(accounts, until, what, is_for_all, "queued")
        self.env.ref("trtc_billing.cron_billing_run").sudo()._trigger()
        return runs

    def _create_runs(self, accounts, until, what, is_for_all, state):
        accounts._get_accounts_to_bill()
        by_company = accounts.grouped("company_id") or {self.env.company: accounts}
        runs = self._unsealed().create(
            [
                {
                    "company_id": company.id,
                    "user_id": self.env.uid,
                    "what": what,
                    "until": until,
                    "is_for_all": is_for_all,
                    "state": state if found else "done",
                    "finished_at": False if found else fields.Datetime.now(),
                    "line_ids": [Command.create({"account_id": account.id}) for account in found],
                }
                for company, found in by_company.items()
            ]
        )
        return self.browse(runs.ids)

    @api.model
    def _finish_all_but(self, what, due):
        """Finish the automatic runs that have no work left.

        :param due: the work that there is now
        """
        keys = {
            (self.env["trtc.account"].browse(one.account_id).company_id, one.until) for one in due
        }
        runs = self.search(
            [("is_automatic", "=", True), ("state", "=", "running"), ("what", "=", what)]
        )
        runs.filtered(lambda run: (run.company_id, run.until) not in keys)._finish()

    @api.model
    def _record(self, what, account, until, billed):
        """Write down what an automatic run made of an account."""
        run = self.search(
            [
                ("is_automatic", "=", True),
                ("state", "=", "running"),
                ("what", "=", what),
                ("company_id", "=", account.company_id.id),
                ("until", "=", until),
            ],
            limit=1,
        )
        if not run:
            run = self._unsealed().create(
                {
                    "company_id": account.company_id.id,
                    "user_id": self.env.uid,
                    "is_automatic": True,
                    "what": what,
                    "until": until,
                    "is_for_all": True,
                }
            )
        line = self.env["trtc.billing.run.line"]._unsealed()
        line.create({"run_id": run.id, "account_id": account.id})._note(billed)

    def _finish(self):
        """Note that nothing is left to do."""
        self._unsealed().write({"state": "done", "finished_at": fields.Datetime.now()})

    def _get_outcome(self, action):
        """Return an action for the user who ran this: with what failed, if anything did.

        :param dict action: what to show otherwise, or after the message
        """
        lines = self.sudo().line_ids
        failed = lines.filtered(lambda line: line.state == "failed")
        held = lines.filtered(lambda line: line.state == "held")
        if not failed and not held:
            return action
        parts = [
            self.env._(
                "%(account)s: %(error)s", account=line.account_id.display_name, error=line.error
            )
            for line in failed[:NAMED]
        ]
        if len(failed) > NAMED:
            parts.append(self.env._("And %(count)s more.", count=len(failed) - NAMED))
        if held:
            names = ", ".join(held[:NAMED].account_id.mapped("display_name"))
            if len(held) > NAMED:
                names = self.env._(
                    "%(names)s and %(count)s more", names=names, count=len(held) - NAMED
                )
            parts.append(
                self.env._(
                    "Another run is at work on these accounts: %(accounts)s. Run it again later.",
                    accounts=names,
                )
            )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "warning",
                "sticky": True,
                "title": self.env._("Not billed"),
                "message": "\n".join(parts),
                "next": action,
            },
        }

    # === TOOLING === #

    def _unsealed(self):
        return self.sudo().with_context(trtc_settling=SETTLING)

    def _get_seal_message(self):
        return self.env._("What runs did is kept as it was: nobody changes or deletes it.")
