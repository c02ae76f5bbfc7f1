from odoo import fields, models


class AccountMove(models.Model):
    # Beside the documents that wait: why they do.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # === FIELDS === #

    trtc_hold = fields.Text(
        string="Not Posted or Sent",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Why this invoice was not posted or sent automatically.",
    )
    # The text depends on who reads it and on names that change.
    trtc_hold_reason = fields.Char(
        string="Code of What Holds It",
        readonly=True,
        copy=False,
        groups="base.group_user",
        help="Tells what holds this invoice where a run finds out by itself that it is over.",
    )

    # === BUSINESS === #

    def _trtc_hold(self, reason, code=False):
        """Write why an invoice waits, in the chatter too, once for each reason.

        :param str code: tells this reason from others, whatever the language is
        """
        self.ensure_one()
        if self.trtc_hold != reason:
            self.message_post(body=reason)
        if (self.trtc_hold, self.trtc_hold_reason) != (reason, code):
            self.write({"trtc_hold": reason, "trtc_hold_reason": code})

    def _trtc_release(self):
        """Write that nothing holds this invoice any more."""
        self.ensure_one()
        if self.trtc_hold or self.trtc_hold_reason:
            self.write({"trtc_hold": False, "trtc_hold_reason": False})
