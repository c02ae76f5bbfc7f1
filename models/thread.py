from odoo import models


class TrtcThread(models.AbstractModel):
    """A record in whose chatter the staff may write.

    Who closes a month reads accounts, statements and packs and changes none of them by hand,
    but has to be able to say what was agreed with the customer.  Customers read these
    records in the portal, where there is no chatter: they write nothing here.
    """

    _name = "trtc.thread"
    _description = "TRTC Record With a Chatter for the Staff"
    _inherit = "mail.thread"

    # === CORE OVERRIDES === #

    def _mail_get_operation_for_mail_message_operation(self, message_operation):
        if message_operation == "create" and self.env.user._is_internal():
            return dict.fromkeys(self, "read")
        return super()._mail_get_operation_for_mail_message_operation(message_operation)
