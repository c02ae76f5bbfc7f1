from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from ..rating import periods

#: What usage becomes by a decision.
STATUSES = {"bill": "billable", "waive": "waived"}


class TrtcDecision(models.Model):
    """What a person decided about usage of a feature that was locked.

    It holds until it is taken back, whatever is unlocked in the meantime; the newest one
    holds where several meet. It can be taken back until an invoice rests on it.
    """

    _name = "trtc.decision"
    _description = "TRTC Decision on Locked Usage"
    _inherit = ["trtc.given", "trtc.entered"]
    _order = "id desc"
    _check_company_auto = True

    # === FIELDS === #

    application_id = fields.Many2one(
        "trtc.application", required=True, ondelete="restrict", index=True, check_company=True
    )
    account_id = fields.Many2one(related="application_id.account_id", store=True, index=True)
    company_id = fields.Many2one(related="application_id.company_id", store=True)
    item_id = fields.Many2one("trtc.item", required=True, ondelete="restrict")
    date_from = fields.Date(required=True)
    date_to = fields.Date(required=True)
    outcome = fields.Selection([("bill", "Bill"), ("waive", "Waive")], required=True)
    reason = fields.Char(required=True)
    user_id = fields.Many2one(
        "res.users",
        string="Decided By",
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
    )
    is_invoiced = fields.Boolean(
        string="Invoiced",
        compute="_compute_is_invoiced",
        compute_sudo=True,
        help="A posted invoice rests on this decision: it cannot be taken back.",
    )

    _dates_ordered = models.Constraint(
        "CHECK (date_to >= date_from)", "A decision cannot end before it starts."
    )

    # === COMPUTE === #

    @api.depends("application_id", "item_id", "outcome")
    def _compute_display_name(self):
        outcomes = dict(self._fields["outcome"]._description_selection(self.env))
        for decision in self:
            decision.display_name = self.env._(
                "%(outcome)s: %(item)s of %(application)s",
                outcome=outcomes.get(decision.outcome, ""),
                item=decision.item_id.name or "",
                application=decision.application_id.name or "",
            )

    @api.depends("application_id", "item_id", "date_from", "date_to", "outcome")
    def _compute_is_invoiced(self):
        for decision in self:
            saved = decision._origin
            decision.is_invoiced = bool(saved and saved._get_posted_invoices())

    # === CONSTRAINT === #

    @api.constrains("item_id")
    def _check_item(self):
        for decision in self:
            if not decision.item_id.feature_id:
                raise ValidationError(
                    self.env._(
                        "There is nothing to decide about %(item)s: it needs no feature, so its "
                        "usage is never locked.",
                        item=decision.item_id.name,
                    )
                )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        decisions = super().create(vals_list)
        for decision in decisions:
            decision._note_for_settlement()
            decision.account_id.sudo().message_post(
                body=self.env._(
                    "%(decision)s, %(date_from)s to %(date_to)s. Reason: %(reason)s",
                    decision=decision.display_name,
                    date_from=decision.date_from,
                    date_to=decision.date_to,
                    reason=decision.reason,
                )
            )
        return decisions

    def write(self, vals):  # pylint: disable=method-required-super
        self.check_access("write")
        raise UserError(self._get_made_message())

    def unlink(self):
        self.check_access("unlink")
        self._check_not_invoiced()
        for decision in self:
            decision._note_for_settlement()
            decision.account_id.sudo().message_post(
                body=self.env._(
                    "Taken back by %(user)s: %(decision)s, %(date_from)s to %(date_to)s, as "
                    "%(decider)s had decided. Reason then: %(reason)s",
                    user=self.env.user.name,
                    decision=decision.display_name,
                    date_from=decision.date_from,
                    date_to=decision.date_to,
                    decider=decision.user_id.name,
                    reason=decision.reason,
                )
            )
        return super().unlink()

    # === TOOLING === #

    @api.model
    def _get_made_message(self):
        """Return why nobody has a right to change a decision, and what to do instead."""
        return self.env._(
            "A decision stays as it was taken, with who took it and why. Take it back and "
            "decide again."
        )

    def _check_not_invoiced(self):
        """Raise if a posted invoice rests on one of these decisions."""
        for decision in self.sudo():
            moves = decision._get_posted_invoices()
            if moves:
                raise UserError(
                    self.env._(
                        "%(decision)s cannot be taken back: %(invoices)s, which is posted, rests "
                        "on it. Reset the invoice to draft or cancel it first; if your customer "
                        "has it already, correct it by a credit note instead.",
                        decision=decision.display_name,
                        invoices=moves._trtc_get_names(),
                    )
                )

    # === ACTION === #

    def action_take_back(self):
        """Delete these decisions and settle their days again; show what waits then.

        :raise UserError: if a posted invoice rests on one of them
        """
        self.env["trtc.account"]._check_may_bill()
        accounts = self.account_id
        affected = Domain.OR(decision._get_line_domain() for decision in self)
        until = max((decision._get_span()[1] for decision in self), default=False)
        self.unlink()
        if until:
            accounts.settle(until)
        return accounts[:1]._action_open(
            "trtc_statement_line_pending_action",
            Domain.AND([affected, Domain("is_pending", "=", True)]),
        )

    # === BUSINESS === #

    def _note_for_settlement(self):
        self.ensure_one()
        self.env["trtc.settlement.note"].sudo()._note_items(
            self.account_id, self.application_id, self.item_id, self.date_from, self.date_to
        )

    def _get_span(self):
        """Return (first day, last day) of the periods that this decision reaches into."""
        cycle = self.item_id.cycle
        return (
            periods.period_of(self.date_from, cycle)[0],
            periods.period_of(self.date_to, cycle)[1],
        )

    def _get_line_domain(self):
        """Return the domain of the statement lines about usage that was decided."""
        self.ensure_one()
        first, last = self._get_span()
        places = self.application_id.ids
        if self.item_id.scope == "account":
            places = [False]
        return Domain(
            [
                ("account_id", "=", self.account_id.id),
                ("application_id", "in", places),
                ("item_id", "=", self.item_id.id),
                ("date", ">=", first),
                ("date", "<=", last),
            ]
        )

    def _get_posted_invoices(self):
        """Return the posted invoices that rest on this decision.

        They hold statement lines that were made after it, of the status that it gives.
        Where their quantities cancel each other out, nothing rests on it any more.
        """
        self.ensure_one()
        lines = self.env["trtc.statement.line"].search(
            Domain.AND(
                [
                    self._get_line_domain(),
                    [
                        ("status", "=", STATUSES[self.outcome]),
                        ("create_date", ">=", self.create_date),
                        (
                            "allocation_ids",
                            "any",
                            [("released", "=", False), ("move_id.state", "=", "posted")],
                        ),
                    ],
                ]
            )
        )
        kept = lines.browse()
        for found in lines.grouped(lambda line: (line.date, line.kind)).values():
            if round(sum(found.mapped("quantity")), 9):
                kept |= found
        return kept.allocation_ids.filtered(
            lambda one: not one.released and one.move_id.state == "posted"
        ).move_id
