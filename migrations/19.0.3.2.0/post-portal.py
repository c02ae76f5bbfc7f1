"""Whom records were settled for; messages that were written for the staff."""

from odoo import SUPERUSER_ID, api

#: Tables that named the customer of their account, whoever that was.
KEPT = ("trtc_statement", "trtc_fee", "trtc_minute_pack", "trtc_accrual_line")


def migrate(cr, version):
    # Until now they followed the contact, so they name the customer of today: nobody can tell
    # any more whose it was before. A row that names none takes the account's.
    cr.execute(
        """
        UPDATE trtc_account SET commercial_partner_id = partner.commercial_partner_id
          FROM res_partner partner
         WHERE partner.id = partner_id AND trtc_account.commercial_partner_id IS NULL
        """
    )
    for table in KEPT:
        cr.execute(
            f"""
            UPDATE {table} SET commercial_partner_id = account.commercial_partner_id
              FROM trtc_account account
             WHERE account.id = account_id AND {table}.commercial_partner_id IS NULL
            """  # noqa: S608
        )
    cr.execute(
        """
        UPDATE trtc_statement SET partner_id = account.partner_id
          FROM trtc_account account
         WHERE account.id = account_id AND trtc_statement.partner_id IS NULL
        """
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    # What was written where customers could read it, too.
    cr.execute(
        """
        UPDATE mail_message SET is_internal = TRUE
         WHERE model = ANY(%s) AND is_internal IS NOT TRUE
        """,
        [env["mail.message"]._get_trtc_staff_models()],
    )
