"""What the customers of the demonstration agreed: free minutes, packs, editions, contracts.

Fees, minutes and prices that Tencent's documents do not give are invented for the
demonstration, and stand in its own pricelists alone.
"""

from datetime import timedelta
from decimal import Decimal

#: Invented: {edition: (USD a month, included minutes)}
EDITIONS = {"lite": (49, 5_000), "standard": (199, 20_000), "pro": (599, 80_000)}


def make_list(env):
    """Return the company's own USD list: the shipped one, and invented fees of editions."""
    listed = env.ref("trtc_billing.pricelist_usd")
    pricelist = env["product.pricelist"].create(
        {
            "name": "Example Cloud Services (USD)",
            "currency_id": listed.currency_id.id,
        }
    )
    rules = [
        {
            "applied_on": "0_product_variant",
            "product_id": env.ref(f"trtc_billing.product_edition_{code}").id,
            "compute_price": "fixed",
            "fixed_price": fee,
        }
        for code, (fee, _minutes) in EDITIONS.items()
    ]
    rules.append(
        {
            "applied_on": "3_global",
            "compute_price": "percentage",
            "base": "pricelist",
            "base_pricelist_id": listed.id,
            "percent_price": 0,
        }
    )
    env["product.pricelist.item"].create(
        [{**rule, "pricelist_id": pricelist.id} for rule in rules]
    )
    for code, (_fee, minutes) in EDITIONS.items():
        env.ref(f"trtc_billing.edition_{code}").included_minutes = minutes
    return pricelist


def make_books(env):
    """Let prepaid fees be deferred: an account and a journal of the company."""
    env.company.write(
        {
            "trtc_deferred_account_id": env["account.account"].create(
                {
                    "name": "Deferred Revenue, TRTC",
                    "code": "219900",
                    "account_type": "liability_current",
                    "company_ids": env.company.ids,
                }
            ),
            "trtc_deferred_journal_id": env["account.journal"].search(
                [("type", "=", "general"), ("company_id", "=", env.company.id)], limit=1
            ),
        }
    )


def make_free_minutes(env, accounts, first):
    """Give each account the rule of free minutes of another era."""
    rules = {
        "lumen-learning": ("free_policy_2023", first.replace(day=15) - timedelta(days=31)),
        "nimbus-meet": (None, None),
        "harbor-insurance": ("free_policy_2021", None),
        "kaihai-live": ("free_policy_china_2019", first - timedelta(days=90)),
        "orbit-broadcast": (None, None),
        "orbit-academy": (None, None),
        "pixel-fitness": ("free_policy_2023", None),
    }
    for key, (name, day) in rules.items():
        accounts[key].write(
            {
                "free_policy_id": env.ref(f"trtc_billing.{name}").id if name else False,
                "free_from": day,
            }
        )


def sell(env, accounts, first):
    """Sell minutes and editions as a manager does, and agree on a minimum."""
    lumen, harbor = accounts["lumen-learning"], accounts["harbor-insurance"]
    lumen._sell_pack(25_000, first + timedelta(days=4))
    harbor._sell_pack(
        3_000,
        first + timedelta(days=9),
        kind="promo",
        amount=Decimal("9.90"),
        application=harbor.application_ids[:1],
    )
    env["trtc.commitment"].create(
        {"account_id": accounts["nimbus-meet"].id, "amount": 3_000, "date_start": first}
    )


def upgrade(env, accounts, first):
    """Let one application of Lumen Learning move up in the middle of its term."""
    classroom = accounts["lumen-learning"].application_ids.filtered(
        lambda application: application.sdkappid == "1400100001"
    )
    day = first + timedelta(days=16)
    standard = classroom.subscription_ids.filtered(
        lambda s: s.date_start <= day and (not s.date_end or s.date_end >= day)
    )
    standard._upgrade(env.ref("trtc_billing.edition_pro"), day)


def change_price(env, contract, first):
    """Let a price of the contract change on the 16th: each day bills at its own."""
    product = env.ref("trtc_billing.product_av_2k")
    for price, start, end in (
        (0.0135, None, first + timedelta(days=14)),
        (0.0129, first + timedelta(days=15), None),
    ):
        env["product.pricelist.item"].create(
            {
                "pricelist_id": contract.id,
                "applied_on": "0_product_variant",
                "product_id": product.id,
                "compute_price": "fixed",
                "fixed_price": price,
                # Billing days begin at 16:00 UTC of the day before.
                "date_start": start and f"{start - timedelta(days=1)} 16:00:00",
                "date_end": end and f"{end} 15:59:59",
            }
        )


def recognise(env, user, last):
    """Propose the entry that recognises what was earned, as the accountant does."""
    wizard = env["trtc.recognise"].with_user(user).create({"date": last})
    wizard.action_propose()
