"""Builders of the tests of whole accounting cycles: what an accountant expects of documents.

The notebook is plain arithmetic on documents and their lines, and knows nothing of the ledger
of allocations. Figures are signed: what is billed is positive, what is credited negative.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
DUST = Decimal("0.0001")


@dataclass
class Line:
    """A line of a document that bills or credits usage or a fee."""

    name: str  # of the item or fee
    quantity: Decimal  # as it stands there by now
    price: Decimal
    held: tuple = (ZERO, ZERO)  # (quantity, amount) of what it was made for
    known: tuple = (ZERO, ZERO)  # what it billed or took back when it was posted last
    origin: int = 0  # the line that it takes back
    made: tuple = ()  # quantity and price as generated
    is_allowance: bool = False  # of a credit: it lowers a price, and opens nothing

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

    def find(self, line_id):
        """Return a line of any document, or None."""
        for paper in self.papers.values():
            if line_id in paper.lines:
                return paper.lines[line_id]
        return None

    def get_left(self, line_id, but=0):
        """Return (quantity, amount) of a posted line that nothing takes back.

        :param but: a line that does not count
        """
        quantity, amount = self.find(line_id).known
        for paper in self.papers.values():
            for number, other in paper.lines.items():
                if paper.state != "cancel" and other.origin == line_id and number != but:
                    quantity += other.known[0]
                    amount += other.known[1]
        return quantity, amount

    def may_post(self, number):
        """Tell whether no line of a document credits more than is left."""
        for place, line in self.papers[number].lines.items():
            if line.origin and line.is_changed():
                quantity, amount = self.get_left(line.origin, place)
                way = 1 if amount >= 0 else -1
                if not 0 <= -way * line.quantity <= way * quantity:
                    return False
                if not 0 <= -way * line.get_amount() <= way * amount + Decimal("0.01"):
                    return False
        return True

    def post(self, number):
        """Post a document: a credit at the price that was billed takes back what it says."""
        paper = self.papers[number]
        for place, line in paper.lines.items():
            shown = line.quantity, line.get_amount()
            if not line.origin:
                line.known = shown
                continue
            if self._is_same(shown, line.known):
                continue
            quantity, amount = self.get_left(line.origin, place)
            fair = amount * line.quantity / quantity if quantity else ZERO
            line.is_allowance = abs(line.get_amount() - fair) >= Decimal("0.00001")
            line.known = (ZERO, shown[1]) if line.is_allowance else shown
        paper.state, paper.was_posted = "posted", True

    def _is_same(self, shown, known):
        return shown[0] == known[0] and abs(shown[1] - known[1]) < Decimal("0.00001")

    def get_goodwill(self):
        """Return {name: amount} that was credited and stays so."""
        found = defaultdict(Decimal)
        for paper in self.papers.values():
            if paper.kind == "credit" and paper.state == "posted":
                for number, line in paper.lines.items():
                    if line.is_allowance or not paper.reopens:
                        found[line.name] += self.get_left(number)[1]
        return {name: amount for name, amount in found.items() if abs(amount) > DUST}

    def get_manual(self):
        """Return {name: amount} that people changed by hand on what is posted."""
        found = defaultdict(Decimal)
        for paper in self.papers.values():
            if paper.kind == "bill" and paper.state == "posted":
                for line in paper.lines.values():
                    if not line.origin:
                        found[line.name] += line.get_amount() - line.held[1]
        return {name: amount for name, amount in found.items() if abs(amount) > DUST}
