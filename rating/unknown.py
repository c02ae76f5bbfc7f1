"""What this program does not know is an error that names it, and never a guess."""


class UnknownRule(ValueError):
    """A metering rule or a price model names something that nothing here computes.

    ``what`` is one of ``aggregation``, ``cycle``, ``scope``, ``free_scope`` and ``mode``;
    ``item`` is the code of the item, or None for a price model.

    >>> error = UnknownRule("aggregation", "p95", "relay_bandwidth")
    >>> str(error)
    "relay_bandwidth: unknown aggregation 'p95'"
    >>> str(UnknownRule("mode", "tiered"))
    "unknown mode 'tiered'"
    """

    def __init__(self, what, value, item=None):
        self.what, self.value, self.item = what, value, item
        text = f"unknown {what} {value!r}"
        super().__init__(f"{item}: {text}" if item else text)
