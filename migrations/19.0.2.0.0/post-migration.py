from odoo import SUPERUSER_ID, api
from odoo.tools import convert_file

RATIOS = {"audio": 1, "hd": 4, "fhd": 9, "2k": 16, "4k": 36}
INCLUDED_MINUTES = {"basic": 110_000, "exclusive": 380_000, "flagship": 1_400_000}
WITH_FEE = (
    "lite", "basic", "standard", "exclusive", "exclusive_plus", "pro", "flagship",
    "flagship_plus", "enterprise",
)  # fmt: skip


def migrate(cr, version):
    """Give the shipped records what new installations ship them with.

    They are not updated by themselves, so that what users changed stays.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})

    def shipped(name):
        record = env.ref(f"trtc_billing.{name}", raise_if_not_found=False)
        return record.exists() if record else None

    for quality, ratio in RATIOS.items():
        for family, vals in {
            "av": {"pack_ratio": ratio, "free_pack_ratio": ratio},
            "live": {"pack_ratio": ratio / 2},
            "rec": {"free_pack_ratio": ratio},
        }.items():
            item = shipped(f"item_{family}_{quality}")
            if item and item.can_draw:
                item.write(vals)
    for code in WITH_FEE:
        edition = shipped(f"edition_{code}")
        if edition and not edition.fee_product_id:
            edition.fee_product_id = shipped(f"product_edition_{code}")
            edition.included_minutes = INCLUDED_MINUTES.get(code, 0)
    # Prices come with an installation only; these are of products that are new.
    if shipped("pricelist_usd") and shipped("pricelist_cny"):
        convert_file(
            env, "trtc_billing", "data/product_pricelist_fee_data.xml", {}, mode="init",
            noupdate=True,
        )  # fmt: skip
