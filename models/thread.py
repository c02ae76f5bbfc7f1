from odoo import models
from odoo.exceptions import AccessError, UserError

from .shown import is_customer

#: In the context of what the module itself writes to a customer, such as a reminder.  An object
#: of its own, so that no caller from outside can claim it.
TO_CUSTOMER = object()


class TrtcThread(models.AbstractModel):
    """A record in whose chatter the staff writes for the staff.

    Who closes a month reads accounts, statements and packs and changes none of them by hand,
    but has to be able to say what was agreed with the customer.  Customers read these
    records in the portal, where there is no chatter: they read and write nothing here,
    neither as followers nor by a link, and nobody writes to them from here by mistake.
    """

    _name = "trtc.thread"
    _description = "TRTC Record With a Chatter for the Staff"
    _inherit = "mail.thread"

    # === CORE OVERRIDES === #

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        if is_customer(self.env):
            # Whatever a link to the record or its rules allow.
            return dict.fromkeys(self, False)
        if message_operation == "create" and self.env.user._is_internal():
            return dict.fromkeys(self, "read")
        return super()._mail_get_operation_for_mail_message_operation(message_operation)

    def _mail_group_by_operation_for_mail_message_operation(self, message_operation):
        grouped = super()._mail_group_by_operation_for_mail_message_operation(message_operation)
        return {operation: records for operation, records in grouped.items() if operation}

    def message_post(self, **kwargs):
        self._trtc_check_staff()
        if not self._trtc_is_to_customer():
            self._trtc_check_recipients(
                kwargs.get("partner_ids"), kwargs.get("outgoing_email_to")
            )
        return super().message_post(**kwargs)

    def message_notify(self, **kwargs):
        self._trtc_check_staff()
        if not self._trtc_is_to_customer():
            self._trtc_check_recipients(kwargs.get("partner_ids"))
        return super().message_notify(**kwargs)

    def _message_get_suggested_recipients_batch(self, *args, **kwargs):
        return {record.id: [] for record in self}

    def _notify_get_recipients(self, message, msg_vals=False, **kwargs):
        """Leave out followers who are no employees."""
        recipients = super()._notify_get_recipients(message, msg_vals=msg_vals, **kwargs)
        addressed = set()
        if self._trtc_is_to_customer():
            addressed = set((msg_vals or {}).get("partner_ids") or message.sudo().partner_ids.ids)
        return [
            recipient
            for recipient in recipients
            if not recipient["share"] or recipient["id"] in addressed
        ]

    # === TOOLING === #

    def _trtc_is_to_customer(self):
        """Tell whether the module itself writes to a customer."""
        return self.env.context.get("trtc_to_customer") is TO_CUSTOMER

    def _trtc_check_staff(self):
        """Raise if a customer writes, who has no chatter here."""
        if is_customer(self.env) and not self.env.su:
            raise AccessError(
                self.env._(
                    "The staff alone writes here. Answer an invoice or an e-mail instead."
                )
            )

    def _trtc_check_recipients(self, partner_ids, emails=None):
        """Raise if a message would leave the company."""
        ids = partner_ids if isinstance(partner_ids, (list, tuple, set)) else [partner_ids]
        ids = [one for one in ids if type(one) is int]
        outside = self.env["res.partner"].sudo().browse(ids).exists().filtered("partner_share")
        names = outside.mapped("display_name") + ([emails] if emails else [])
        if names:
            raise UserError(
                self.env._(
                    "Only staff can read messages of %(record)s. Remove %(names)s from the "
                    "recipients and write to them from their contact or invoice.",
                    record=self[:1].display_name,
                    names=", ".join(names),
                )
            )
