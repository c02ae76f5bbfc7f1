from odoo import fields


class PriceWatch:
    """The prices of settled days before a change, to tell afterwards what it altered.

    What rules apply to, which of them wins and what lists rest on is decided by the
    pricelists themselves, before and after; nothing is decided here a second time.
    """

    def __init__(self, pricelists, rules=None, since=None, until=None):
        """Look at the prices of settled days that rest on some pricelists.

        :param rules: look at the billing items that these rules apply to; default all
        :param since: the first moment (naive UTC) that the change can concern, or None
        :param until: likewise the last one
        """
        # What begins later concerns no day that a settlement could be at work on.
        hold = not since or since <= fields.Datetime.now()
        self.days = pricelists._trtc_get_settled_days(rules, since, until, hold)
        self._before = self._look()

    def __bool__(self):
        return bool(self.days)

    def _look(self):
        """Return {(account, item, day): mark of its price}."""
        found = {}
        for (pricelist, company), keys in self.days.items():
            marks = pricelist._trtc_get_price_marks(company, keys)
            found.update((key, marks[key[1:]]) for key in keys)
        return found

    def get_altered(self):
        """Return {(account, item, day)} of settled usage that costs otherwise now."""
        now = self._look()
        return {key for key, mark in self._before.items() if now[key] != mark}
