from odoo import Command, api, fields, models

from .markers import SETTLING


class TrtcBillingRunLine(models.Model):
    """What a run made of one account."""

    _name = "trtc.billing.run.line"
    _description = "TRTC Billing Run, One Account"
    _inherit = ["trtc.sealed"]
    _order = "id"
    _rec_name = "account_id"

    # === FIELDS === #

    run_id = fields.Many2one(
        "trtc.billing.run", required=True, readonly=True, index=True, ondelete="restrict"
    )
    company_id = fields.Many2one(related="run_id.company_id", store=True, index=True)
    account_id = fields.Many2one(
        "trtc.account", required=True, readonly=True, index=True, ondelete="restrict"
    )
    state = fields.Selection(
        [
            ("waiting", "Waiting"),
            ("done", "Done"),
            ("failed", "Failed"),
            ("held", "Held by Another Run"),
        ],
        required=True,
        readonly=True,
        default="waiting",
    )
    billed_at = fields.Datetime(readonly=True)
    statement_ids = fields.Many2many("trtc.statement", string="Statements", readonly=True)
    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        readonly=True,
        help="Created or refreshed. A draft that was deleted since is not listed any more.",
    )
    statement_count = fields.Integer(string="Number of Statements", compute="_compute_counts")
    error = fields.Text(readonly=True)

    # The queue of what is to do is short, the history is long.
    _waiting = models.Index("(id) WHERE state = 'waiting'")

    # === COMPUTE === #

    @api.depends("statement_ids")
    def _compute_counts(self):
        for line in self:
            line.statement_count = len(line.statement_ids)

    # === BUSINESS === #

    def _work(self):
        """Bill the account of this line as the user who started the run, and note it."""
        self.ensure_one()
        run = self.run_id
        if run.state == "queued":
            run._unsealed().state = "running"
        account = self.account_id.with_user(run.user_id)
        account = account.with_context(allowed_company_ids=run.company_id.ids)
        problem = self._get_problem(run)
        if problem:
            self._unsealed().write({"state": "failed", "error": problem})
        else:
            invoice_until = run.until if run.what == "invoice" else None
            self._note(account._bill(run.until, invoice_until))
        # Not by all lines of the run: a long queue would be read once for each of them.
        if not self.search_count([("run_id", "=", run.id), ("state", "=", "waiting")], limit=1):
            run._finish()

    def _get_problem(self, run):
        """Return why the user who started a run may not go on with it, if so."""
        user = run.user_id
        may = user._is_superuser() or (
            user.active
            and user.has_group("trtc_billing.group_accountant")
            and run.company_id in user.company_ids
        )
        if may:
            return False
        return self.env._(
            "%(user)s, who started this run, may not bill in %(company)s any more.",
            user=user.name,
            company=run.company_id.name,
        )

    def _note(self, billed):
        """Write down what came of it.

        :param billed: what ``trtc.account._bill`` returned
        """
        self._unsealed().write(
            {
                "state": billed.state,
                "billed_at": fields.Datetime.now(),
                "statement_ids": [Command.set(billed.statements.ids)],
                "move_ids": [Command.set(billed.moves.ids)],
                "error": billed.error or False,
            }
        )

    # === TOOLING === #

    def _unsealed(self):
        return self.sudo().with_context(trtc_settling=SETTLING)

    def _get_seal_message(self):
        return self.env._("What runs did is kept as it was: nobody changes or deletes it.")
