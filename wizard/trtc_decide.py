from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class TrtcDecide(models.TransientModel):
    _name = "trtc.decide"
    _description = "Decide on Locked TRTC Usage"
    _inherit = ["trtc.given", "trtc.entered"]

    # === FIELDS === #

    line_ids = fields.Many2many("trtc.statement.line", readonly=True, string="Locked Usage")
    outcome = fields.Selection(
        [
            ("bill", "Bill it"),
            ("waive", "Waive it"),
            ("upgrade", "Unlock by an edition"),
        ],
        required=True,
        default="bill",
    )
    edition_id = fields.Many2one(
        "trtc.edition", help="The edition that the applications hold from the day below."
    )
    allowed_edition_ids = fields.Many2many("trtc.edition", compute="_compute_allowed_edition_ids")
    date_start = fields.Date(
        string="From",
        compute="_compute_date_start",
        store=True,
        readonly=False,
        help="An application whose chosen lines start later gets the edition with the first "
        "of them. A day before all the lines holds for every application.",
    )
    reason = fields.Char(required=True)

    # === COMPUTE === #

    @api.depends("line_ids")
    def _compute_date_start(self):
        for wizard in self:
            starts = [line._get_period()[0] for line in wizard.line_ids]
            wizard.date_start = min(starts, default=False)

    @api.depends("line_ids")
    def _compute_allowed_edition_ids(self):
        editions = self.env["trtc.edition"].search([("active", "=", True)])
        for wizard in self:
            features = wizard.line_ids.feature_id
            wizard.allowed_edition_ids = editions.filtered(
                lambda edition, features=features: all(map(edition._unlocks, features))
            )

    @api.model
    def default_get(self, fields_list):
        values = super().default_get(fields_list)
        if "line_ids" in fields_list and not values.get("line_ids"):
            lines = self._get_active("trtc.statement.line").filtered(
                lambda line: line.status == "locked" and line.is_pending
            )
            values["line_ids"] = [Command.set(lines.ids)]
        return values

    # === ACTION === #

    def action_decide(self):
        """Record the decision and settle the days concerned again."""
        self._check_one()
        self.env["trtc.account"]._check_may_bill()
        lines = self.line_ids.filtered("is_pending")
        lines.check_access("read")
        if not lines:
            raise UserError(self.env._("None of these lines waits for a decision any more."))
        if self.outcome == "upgrade":
            self._upgrade(lines)
        else:
            self.env["trtc.decision"].create(
                [vals for line in lines for vals in self._prepare_decisions(line)]
            )
        statements = lines.account_id.settle(max(lines.mapped("date")))
        return lines.account_id[:1]._action_open(
            "trtc_statement_action", [("id", "in", (lines.statement_id | statements).ids)]
        )

    # === BUSINESS === #

    def _prepare_decisions(self, line):
        """Return the values of the decisions about one line, one per application."""
        first, last = line._get_period()
        applications = line.application_id or line._get_usages().application_id
        return [
            {
                "application_id": application.id,
                "item_id": line.item_id.id,
                "date_from": first,
                "date_to": last,
                "outcome": self.outcome,
                "reason": self.reason,
            }
            for application in applications
        ]

    def _upgrade(self, lines):
        """Let the applications hold the chosen edition from the chosen day on."""
        if not self.edition_id or not self.date_start:
            raise UserError(self.env._("Choose the edition and the day from which it holds."))
        for feature in lines.item_id.feature_id:
            if not self.edition_id._unlocks(feature):
                raise UserError(
                    self.env._(
                        "The edition %(edition)s does not unlock %(feature)s. Choose another one.",
                        edition=self.edition_id.name,
                        feature=feature.name,
                    )
                )
        for application, date_start in self._get_upgrade_days(lines).items():
            application.sudo()._start_edition(self.edition_id, date_start)
            application.sudo().message_post(
                body=self.env._(
                    "Edition %(edition)s from %(date)s. Reason: %(reason)s",
                    edition=self.edition_id.name,
                    date=date_start,
                    reason=self.reason,
                )
            )

    def _get_upgrade_days(self, lines):
        """Return {application: first day of the edition} for what is locked on lines.

        Nobody pays for days without need of the edition: an application starts with its
        own first line, or on the chosen day if that is later. A day before all lines can
        only be meant as it is, and holds for every application.
        """
        starts = {}
        for line in lines:
            day = line._get_period()[0]
            for application in line.application_id or self._get_locked_applications(line):
                starts[application] = min(day, starts.get(application, day))
        if self.date_start < min(starts.values(), default=self.date_start):
            return dict.fromkeys(starts, self.date_start)
        return {application: max(day, self.date_start) for application, day in starts.items()}

    def _get_locked_applications(self, line):
        """Return the applications whose usage on a line of the account is locked.

        Others may have usage of the item in that period, under an edition of their own.
        """
        feature = line.item_id.feature_id
        return (
            line._get_usages()
            .filtered(lambda usage: not usage.application_id._unlocks(feature, usage.date))
            .application_id
        )
