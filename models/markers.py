"""What switches something on or off inside one call, and cannot come from outside.

A client may send any context that JSON can say: texts, numbers, lists, objects.  So no
key of the context decides anything by its value alone.  Each of these marks is an object of
its own, compared by identity, or of a class of its own; neither can be sent.
"""

from typing import NamedTuple

from odoo import SUPERUSER_ID

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

#: Who asks, in which language; and ours, each of which is a mark.
KEPT_KEYS = {"lang", "tz", "uid", "allowed_company_ids", "tracking_disable"}
KEPT_PREFIXES = ("trtc_", "mail_")

#: In the context of what settlement itself writes down, as ``trtc_settling``.
SETTLING = object()
#: In the context of the reversal that an accrual makes itself, as ``trtc_accrual``.
REVERSAL = object()
#: In the context of changes inside a change that is watched as a whole, as ``trtc_watched``.
WATCHED = object()
#: In the context of grants while usage is rated, as ``trtc_rating``.
RATING = object()
#: In the context of a preview, whose transaction is taken back, as ``trtc_preview``.
PREVIEW = object()

#: By these a caller has core leave out its checks, or totals and taxes.
SKIPS = {
    "check_move_validity",
    "dynamic_unlink",
    "force_delete",
    "skip_account_move_synchronization",
    "skip_invoice_line_sync",
    "skip_invoice_sync",
    "skip_readonly_check",
}

#: In the context while Odoo itself posts, resets, reverses or replaces it, as ``trtc_flow``:
#: such a flow writes fields that nobody sets by hand.
FLOW = object()


class UntilDay(NamedTuple):
    """In the context, as ``trtc_until``: usage after a day is not rated."""

    day: object


class Reopening(NamedTuple):
    """In the context, as ``trtc_reopens``: whether what is credited is billed again."""

    reopens: bool


class ForcedPrices(NamedTuple):
    """In the context, as ``trtc_force_prices``: a change of settled prices, with its reason."""

    reason: str = ""


def in_flow(env):
    """Tell whether Odoo itself posts, resets, reverses or replaces a document right now."""
    return env.context.get("trtc_flow") is FLOW


def is_preview(env):
    """Tell whether all of this is taken back at the end."""
    return env.context.get("trtc_preview") is PREVIEW


def get_marked(env, key, kind):
    """Return the mark of a class that stands in the context under a key, or None."""
    mark = env.context.get(key)
    return mark if isinstance(mark, kind) else None


def is_uninstalling(env):
    """Tell whether a module is being removed, which nobody but the server itself does.

    Its key alone says nothing: whoever sends it would switch off what is kept.
    """
    return env.uid == SUPERUSER_ID and bool(env.context.get(MODULE_UNINSTALL_FLAG))


def without_defaults(env, prefix=""):
    """Return the environment without the default values that a caller put into the context.

    :param str prefix: leave out those alone of fields whose names begin so
    """
    start = f"default_{prefix}"
    context = {key: value for key, value in env.context.items() if not key.startswith(start)}
    return env(context=context)


def without_skips(env):
    """Return the environment without the keys by which a caller has core skip its checks."""
    if SKIPS.isdisjoint(env.context):
        return env
    return env(context={key: value for key, value in env.context.items() if key not in SKIPS})


def without_claims(env):
    """Return the environment with those keys of a context alone that change no figure.

    Documents that are generated with more rights than the caller has take nothing else of
    the context: core has keys that leave totals out, force rates of exchange or skip checks.
    """
    context = {
        key: value
        for key, value in env.context.items()
        if key in KEPT_KEYS or key.startswith(KEPT_PREFIXES)
    }
    return env(context=context)
