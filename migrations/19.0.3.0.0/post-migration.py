import logging

from odoo import SUPERUSER_ID, api
from odoo.exceptions import UserError

from odoo.addons.trtc_billing.models.markers import Reopening

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Enter credit notes that are there into the ledger.

    They named an invoice and no usage, and what they took back was not billed again: it
    stays so, as goodwill.
    """
    env = api.Environment(cr, SUPERUSER_ID, {"trtc_reopens": Reopening(False)})
    credits = env["account.move"].search(
        [
            ("reversed_entry_id.trtc_allocation_ids", "any", [("released", "=", False)]),
            ("state", "!=", "cancel"),
            ("trtc_allocation_ids", "=", False),
        ],
        order="id",
    )
    for credit in credits:
        try:
            with cr.savepoint():
                _enter(credit)
        except UserError as error:
            _logger.info("Credit note %s is not in the ledger: %s", credit.id, error)


def _enter(credit):
    """Tie the lines of a credit note to those of its invoice, as far as they are known."""
    left = credit.reversed_entry_id.invoice_line_ids
    for line in credit.invoice_line_ids:
        same = left.filtered(
            lambda other, line=line: other.product_id == line.product_id
            and (other.name == line.name or other.price_unit == line.price_unit)
        ).sorted(lambda other, line=line: other.name != line.name)[:1]
        line.trtc_origin_line_id = same
        left -= same
    posted = credit.state == "posted"
    credit._trtc_credit_all(as_shown=posted)
    if posted:
        # As before a posting, it has to fit the account.
        credit._trtc_record_changes()
