"""Use the module after it was installed again: runs inside ``odoo shell``.

Prices, products and customers of the first installation are there; accounts are new.
"""

codes = env["product.product"].with_context(active_test=False).search([])
codes = [code for code in codes.mapped("default_code") if code]
doubled = {code for code in codes if codes.count(code) > 1}
for model in ("product.pricelist", "product.category", "uom.uom"):
    names = env[model].with_context(active_test=False).search([]).mapped("display_name")
    doubled |= {name for name in names if names.count(name) > 1}
if doubled:
    raise AssertionError(f"installed twice: {sorted(doubled)}")
if env["trtc.usage"].search([]) or env["trtc.statement"].search([]):
    raise AssertionError("the second installation does not begin empty")
contract = env["product.pricelist"].search([("name", "=", "Contract")])
usd = env.ref("trtc_billing.pricelist_usd")
if contract.item_ids.base_pricelist_id != usd:
    raise AssertionError("the contract has lost the pricelist that it is based on")
contract.trtc_graduated = True
billed = env["account.move.line"].search([("product_id", "!=", False)]).product_id
before = set(billed.ids)

partner = env["res.partner"].search([("name", "=", "Customer 1")])
account = env["trtc.account"].create(
    {"name": "Again", "uin": "1", "partner_id": partner.id, "pricelist_id": contract.id}
)
account.free_policy_id = False
application = env["trtc.application"].create(
    {"name": "1400000001", "sdkappid": "1400000001", "account_id": account.id}
)
env["trtc.subscription"].create(
    {
        "application_id": application.id,
        "edition_id": env.ref("trtc_billing.edition_flagship").id,
        "date_start": "2024-12-01",
        "bill_fee": False,
    }
)
result = env["trtc.usage"].ingest(
    [
        {"id": item, "sdkappid": "1400000001", "item": item, "quantity": 600_000,
         "start": "2024-12-05"}
        for item in ("av_audio", "av_hd", "rec_hd", "screenshot_terminal")
    ],
    "feed",
)  # fmt: skip
if result["accepted"] != 4:
    raise AssertionError(f"usage was not accepted: {result}")
account.settle("2024-12-31")
move = account.create_invoices("2024-12-31")
move.action_post()
if not move.amount_untaxed or not set(move.invoice_line_ids.product_id.ids) <= before:
    raise AssertionError(f"{move.amount_untaxed} is billed with other products than before")
if env.ref("trtc_billing.product_av_hd").categ_id != env.ref("trtc_billing.category_duration"):
    raise AssertionError("a product has lost its category")
env.cr.commit()
