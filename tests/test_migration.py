from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .test_credit_notes import CreditCase

FOLDER = Path(__file__).parent.parent / "migrations"


def load(version, name):
    """Return a migration script as a module."""
    path = FOLDER / version / f"{name}.py"
    spec = spec_from_file_location(f"trtc_billing_{name.replace('-', '_')}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@tagged("post_install", "-at_install")
class TestCreditNotesBefore(CreditCase):
    """Credit notes of 19.0.2.0.0 named an invoice and nothing else."""

    def make_old(self, quantity=None, post=True):
        credit = self.reverse().sudo()
        credit.trtc_allocation_ids._erase()
        credit.invoice_line_ids.write({"trtc_origin_line_id": False, "trtc_item_id": False})
        credit.trtc_account_id = False
        if quantity:
            line = credit.invoice_line_ids[:1]
            credit.invoice_line_ids = [Command.update(line.id, {"quantity": quantity})]
        if post:
            credit.action_post()
        return credit

    def migrate(self):
        self.env.flush_all()
        load("19.0.3.0.0", "post-migration").migrate(self.env.cr, "19.0.2.0.0")
        self.env.invalidate_all()

    def test_an_old_credit_note_lets_its_invoice_be_credited_again(self):
        credit = self.make_old()
        self.migrate()
        self.assertEqual(self.net(), 0)
        with self.assertRaisesRegex(UserError, "Nothing is left to credit"):
            self.reverse()
        self.assertEqual(credit.trtc_account_id, self.account)

    def test_an_old_credit_note_bills_its_usage_again(self):
        self.make_old()
        self.migrate()
        self.assertFalse(self.invoice("2024-11-30"))

    def test_an_old_partial_credit_note_counts_in_full(self):
        credit = self.make_old(quantity=100)
        code = credit.invoice_line_ids[:1].product_id
        self.migrate()
        rows = credit.trtc_allocation_ids.filtered(
            lambda row: row.statement_line_id.item_id.product_id == code
        )
        self.assertEqual(sum(rows.mapped("quantity")), -100)
        self.assert_ledger()
