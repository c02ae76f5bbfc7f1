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
    """

    def convert_to_column(self, value, record, values=None, validate=True):
        if not isinstance(value, Decimal):
            return super().convert_to_column(value, record, values, validate)
        _precision, scale = self.get_digits(record.env)
        with localcontext() as context:
            context.prec = 60
            return format(value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP), "f")

    def convert_to_cache(self, value, record, validate=True):
        # Core rounds by multiplying, which may leave 740,700.000000001 of 740,700.
        if not isinstance(value, Decimal):
            return super().convert_to_cache(value, record, validate)
        return float(value)
