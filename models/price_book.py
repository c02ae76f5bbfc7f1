class PriceBook:
    """The price steps of one run, each looked up once.

    Accounts of one pricelist share what is found; nothing outlives the run, so a
    price that changes is seen by the next one.
    """

    def __init__(self):
        self._steps = {}

    def get_steps(self, pricelist, items, day):
        """Return {item: [Step]} of ``items`` on a day of the pricelist's company."""
        found = self._steps.setdefault((pricelist, pricelist.env.company, day), {})
        missing = items.browse(item.id for item in items if item not in found)
        if missing:
            found.update(pricelist._trtc_price_steps(missing, day))
        return found
