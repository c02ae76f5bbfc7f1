from odoo import SUPERUSER_ID, api
from odoo.tools import SQL

from odoo.addons.trtc_billing.rating.sheets import safe_name


def migrate(cr, version):
    """Look for encoding and decimal mark of files that wait; make names of files names."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    drafts = env["trtc.usage.import"].search([("state", "=", "draft")])
    # What is no UTF-8 was taken for GB18030, whatever it was.
    drafts.filtered(lambda draft: draft.encoding == "gb18030")._compute_encoding()
    drafts._compute_decimal_mark()
    drafts.flush_recordset()
    for name in ("file_name", "rejected_file_name"):
        cr.execute(
            SQL(
                "SELECT id, %(name)s FROM trtc_usage_import WHERE %(name)s IS NOT NULL",
                name=SQL.identifier(name),
            )
        )
        for import_id, old in cr.fetchall():
            if safe_name(old) != old:
                cr.execute(
                    SQL(
                        "UPDATE trtc_usage_import SET %s = %s WHERE id = %s",
                        SQL.identifier(name),
                        safe_name(old),
                        import_id,
                    )
                )
    env.invalidate_all()
