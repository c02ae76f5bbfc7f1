from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date


class TrtcAccrual(models.Model):
    # A room of its own: what became of invoices since an accrual was proposed.
    _inherit = "trtc.accrual"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    since_move_ids = fields.Many2many(
        "account.move",
        string="Posted or Reset Since",
        readonly=True,
        help="Invoices and credit notes dated until the period end that were posted, or are "
        "posted no more, since this accrual was proposed: it counts them as they were then.",
    )
    since_note = fields.Char(compute="_compute_since_note", compute_sudo=True)

    # === COMPUTE === #

    @api.depends("since_move_ids.state", "date")
    def _compute_since_note(self):
        for accrual in self:
            accrual.since_note = bool(accrual.since_move_ids) and accrual._get_since_note()

    # === BUSINESS === #

    @api.model
    def _get_counting(self, company, currency, date):
        """Return the accruals in force that count documents of a day as they were."""
        return self.search(
            [
                ("company_id", "=", company.id),
                ("currency_id", "=", currency.id),
                ("date", ">=", date),
                ("state", "!=", "cancel"),
            ]
        )

    def _note_since(self, move):
        """Note that a document is posted, or is posted no more, since these were proposed.

        One that is as it was again is forgotten. Who proposed an accrual is told once.
        """
        for accrual in self:
            known = move in accrual.since_move_ids
            is_first = not accrual.since_move_ids
            command = Command.unlink(move.id) if known else Command.link(move.id)
            accrual.since_move_ids = [command]
            if not known:
                accrual.message_post(
                    body=accrual._get_since_note(),
                    partner_ids=accrual.create_uid.partner_id.ids if is_first else [],
                )

    def _get_since_note(self):
        """Return in words what is counted wrongly at the period end, and what to do."""
        self.ensure_one()
        moves = self.since_move_ids
        return self.env._(
            "Posted, or reset, with a date until %(date)s since this was proposed: %(documents)s. "
            "At the period end their revenue is counted twice, or not at all. Take the accrual "
            "back and propose the day again; or let the documents have a later date.",
            date=format_date(self.env, self.date),
            documents=moves[:10]._trtc_get_names()
            + (", \N{HORIZONTAL ELLIPSIS}" if moves[10:] else ""),
        )

    def _check_up_to_date(self):
        """Raise if invoices were posted or reset since one of these was proposed."""
        outdated = self.filtered("since_move_ids")
        if outdated:
            raise UserError(outdated[0]._get_since_note())
