"""Work with invoices after the module was uninstalled: runs inside ``odoo shell``."""

from odoo import Command

if any(name.startswith("trtc") for name in env.registry):
    raise AssertionError("a model of the module is still loaded")
customers = env["res.partner"].search([("name", "=like", "Customer %")], order="name")
customers.property_account_position_id = False
moves = env["account.move"].search([])
for move in moves.filtered(lambda one: one.state == "posted" and one.is_invoice()):
    move.invoice_line_ids.mapped("display_name")
    html, _kind = env["ir.actions.report"]._render_qweb_html(
        "account.account_invoices", move.ids
    )
    if move.name.encode() not in html:
        raise AssertionError(f"{move.name} cannot be printed")
    move.get_portal_url()
lines = moves.invoice_line_ids.filtered("product_id")
product = lines.product_id[:1]
invoice = env["account.move"].create(
    {
        "move_type": "out_invoice",
        "partner_id": customers[0].id,
        "invoice_line_ids": [
            Command.create({"product_id": product.id, "quantity": 2, "price_unit": 10})
        ],
    }
)
invoice.action_post()
invoice._reverse_moves(cancel=True)
drafts = moves.filtered(lambda one: one.state == "draft" and one.move_type == "out_invoice")
drafts.action_post()
for name in ("account.move", "product.template", "product.pricelist", "uom.uom", "res.company"):
    for kind in ("form", "list"):
        env[name].get_view(view_type=kind)
env.cr.commit()
