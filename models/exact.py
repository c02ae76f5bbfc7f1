from decimal import ROUND_HALF_UP, Decimal, localcontext

from odoo import fields

#: Quantities as metered: a billionth of a unit.
QUANTITY_DIGITS = (24, 9)
#: Unit prices of a single billing unit.
PRICE_DIGITS = (24, 12)
#: Amounts of statements, before the one rounding to the currency.
AMOUNT_DIGITS = (24, 8)


class Exact(fields.Float):
    """A float field over a NUMERIC column that stores a ``Decimal`` as it is.

    The ORM reads floats, which is enough to show; what is added up for money is
    read as text from the database (see ``_get_exact_amounts`` of the statement line).
    A float is taken at its shortest decimal form: core rounds by multiplying, which makes
    1,400,000.000000003 of 1,400,000 and would store it.
    """

    def convert_to_column(self, value, record, values=None, validate=True):
        if value is None:
            return None
        exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
        _precision, scale = self.get_digits(record.env)
        with localcontext() as context:
            context.prec = 60
            return format(exact.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP), "f")

    def convert_to_cache(self, value, record, validate=True):
        return float(value or 0.0)
