from odoo.tools import SQL

from odoo.addons.trtc_billing.tools import upgrade

#: Columns of an invoice line that say that it bills usage or a fee: fees came with 19.0.2.0.0.
BILLS = ("trtc_item_id", "trtc_fee_id")


def migrate(cr, version):
    """Keep automatic posting as it is, and tell of known invoice lines whose they are.

    Companies that are there post as soon as invoices are created, until they give usage some
    days of grace.
    """
    upgrade.add_column(cr, "res_company", "trtc_grace_days", "int4", 0)
    bills = upgrade.present(cr, "account_move_line", *BILLS)
    if (
        bills
        and upgrade.has(cr, "account_move", "trtc_account_id")
        and upgrade.add_column(cr, "account_move_line", "trtc_account_id", "int4")
    ):
        cr.execute(
            SQL(
                """
                UPDATE account_move_line line SET trtc_account_id = move.trtc_account_id
                  FROM account_move move
                 WHERE move.id = line.move_id AND move.trtc_account_id IS NOT NULL
                   AND coalesce(%s) IS NOT NULL
                """,
                SQL(", ").join(SQL.identifier("line", name) for name in bills),
            )
        )
