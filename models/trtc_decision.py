from odoo import api, fields, models


class TrtcDecision(models.Model):
    """What a person decided about usage of a feature that was locked."""

    _name = "trtc.decision"
    _description = "TRTC Decision on Locked Usage"
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

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su:
            vals_list = [{**vals, "user_id": self.env.uid} for vals in vals_list]
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

    def write(self, vals):
        for decision in self:
            decision._note_for_settlement()
        result = super().write(vals)
        for decision in self:
            decision._note_for_settlement()
        return result

    def unlink(self):
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

    # === BUSINESS === #

    def _note_for_settlement(self):
        self.ensure_one()
        self.application_id._note_for_settlement(
            self.date_from, self.date_to, only_locked_items=True
        )
