"""Builders of the tests of whole accounting cycles: what an accountant expects of documents.

The notebook is plain arithmetic on documents and their lines, and knows nothing of the ledger
of allocations. Figures are signed: what is billed is positive, what is credited negative.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)


@dataclass
class Line:
    """A line of a document that bills or credits usage or a fee."""

    key: tuple  # (code of the item or name of the fee, settled price)
    held: Decimal  # how much of what was settled it bills, or credits
    quantity: Decimal  # as it stands there by now
    price: Decimal
    known: Decimal  # the quantity of the last time that the document was made or posted
    origin: int = 0  # the line that it takes back
    made: tuple = ()  # quantity and price as generated

    def get_amount(self):
        return self.quantity * self.price

    def is_changed(self):
        return (self.quantity, self.price) != self.made


@dataclass
class Paper:
    """An invoice or a credit note."""

    kind: str  # bill, credit
    lines: dict = field(default_factory=dict)
    state: str = "draft"
    reopens: bool = True
    was_posted: bool = False
    is_touched: bool = False  # by hand, at any time

    def is_changed(self):
        return any(line.is_changed() for line in self.lines.values())


class Notebook:
    """What the documents of some accounts say, and what has to become of it."""

    def __init__(self):
        self.papers = {}

    def get_left(self, line_id):
        """Return how much of what a line bills or credits no other one takes back."""
        left = ZERO
        for paper in self.papers.values():
            if paper.state == "cancel":
                continue
            for number, line in paper.lines.items():
                if number == line_id or line.origin == line_id:
                    left += line.held
        return left

    def post(self, number):
        """Post a document: a credit that was lowered credits less, all else is by hand."""
        paper = self.papers[number]
        for line in paper.lines.values():
            way = 1 if line.known > 0 else -1
            lowered = 0 <= way * line.quantity < way * line.known
            if paper.kind == "credit" and lowered and line.price == self._get_origin_price(line):
                line.held = way * min(way * line.held, way * line.quantity)
            line.known = line.quantity
        paper.state, paper.was_posted = "posted", True

    def _get_origin_price(self, line):
        for paper in self.papers.values():
            if line.origin in paper.lines:
                return paper.lines[line.origin].price
        return None

    def get_goodwill(self):
        """Return {key: quantity} that was credited and stays so."""
        found = defaultdict(Decimal)
        for paper in self.papers.values():
            if paper.kind == "credit" and paper.state == "posted" and not paper.reopens:
                for number, line in paper.lines.items():
                    found[line.key] += self.get_left(number)
        return {key: quantity for key, quantity in found.items() if quantity}

    def get_manual(self):
        """Return {key: amount} that people changed by hand on what is posted."""
        found = defaultdict(Decimal)
        for paper in self.papers.values():
            if paper.state == "posted":
                for line in paper.lines.values():
                    found[line.key] += line.get_amount() - line.held * line.key[1]
        return {key: amount for key, amount in found.items() if abs(amount) > Decimal("0.0001")}
