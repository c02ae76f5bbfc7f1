"""Figures as a reader expects them: exact, in the own number format."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

from odoo.tools.misc import get_lang

#: Money on statements is exact to so many decimals.
AMOUNT_DECIMALS = 8
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def to_decimal(figure, decimals=12):
    """Return a figure as a Decimal without trailing zeros.

    A float is taken at its shortest decimal form, which is what was stored.
    """
    exact = figure if isinstance(figure, Decimal) else Decimal(repr(figure))
    with localcontext() as context:
        context.prec = 60
        exact = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
        return exact.normalize() + 0


def count_decimals(figure):
    """Return how many decimals it takes to write a figure in full."""
    return max(-to_decimal(figure).as_tuple().exponent, 0)


def show_figure(env, figure, minimum=0):
    """Return a figure in full, in the number format of the reader's language.

    :param int minimum: decimals to write even where they are zeros
    """
    exact = to_decimal(figure)
    whole, _point, decimals = f"{abs(exact):f}".partition(".")
    lang = env["res.lang"].browse(get_lang(env).id)
    text = lang.format("%d", int(whole), grouping=True)
    decimals = decimals.ljust(minimum, "0")
    if decimals:
        text += lang.decimal_point + decimals
    return f"-{text}" if exact < 0 else text


def show_money(env, amount, currency, minimum=None):
    """Return an exact amount with its currency sign, at least at its usual decimals."""
    decimals = currency.decimal_places if minimum is None else minimum
    text = show_figure(env, amount, decimals)
    parts = (text, currency.symbol)
    return NO_BREAK_SPACE.join(parts if currency.position == "after" else parts[::-1])
