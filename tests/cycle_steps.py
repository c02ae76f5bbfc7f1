"""Steps that people take in random accounting cycles, and the notebook that follows them."""

import random
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from odoo import Command
from odoo.exceptions import AccessError, UserError

from .common import TrtcCommon
from .cycle import ZERO, Line, Notebook, Paper

FIRST, LAST = date(2024, 10, 1), date(2024, 12, 31)
ITEMS = {"av_hd": 0.00399, "av_2k": 0.01596, "av_audio": 0.00099}
PRICES = (0, 0.00123, 0.0051, 0.0077)
UNTIL = ("2024-10-09", "2024-10-31", "2024-10-31", "2024-11-17", "2024-11-30", "2024-11-30")
#: {step: how often it comes}
WEIGHTS = {
    "send": 18,
    "restate": 8,
    "settle": 6,
    "invoice": 18,
    "post": 22,
    "reset": 6,
    "cancel": 5,
    "redraft": 3,
    "delete": 4,
    "reverse": 12,
    "modify": 4,
    "credit": 10,
    "change_mind": 2,
    "edit": 10,
    "delete_line": 4,
    "change_price": 4,
}


class NotNow(Exception):
    """There is nothing that this step could be taken with."""


class Broken(Exception):
    """A cycle went wrong."""


class CycleSteps(TrtcCommon):
    """Two accounts of a customer, and the steps that people take with their documents."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    # === PLAY === #

    def play(self, plan):
        """Take steps one after the other, each as a request does, and check the books.

        :param plan: [(step, seed of its dice)], the first one ``("begin", seed)``
        :raise Broken: with the steps that were taken
        """
        self.taken = []
        self.env.flush_all()
        with self.env.cr.savepoint(flush=False) as savepoint:
            try:
                for step, seed in plan:
                    self._take(step, random.Random(seed))
                self._end()
            except Broken:
                raise
            except Exception as error:
                said = [*self.taken, f"{type(error).__name__}: {error}"]
                raise Broken("\n".join(said)) from error
            finally:
                self.env.clear()
                savepoint.rollback()
        self.env.invalidate_all(flush=False)

    def shrink(self, plan):
        """Return the shortest plan of 25 tried that still breaks, and what it says."""
        said, left = "", 25
        for size in (8, 4, 2, 1):
            place = len(plan) - size
            while place >= 1 and left:
                left -= 1
                shorter = plan[:place] + plan[place + size :]
                try:
                    self.play(shorter)
                except Broken as error:
                    plan, said = shorter, str(error)
                place = min(place - size, len(plan) - size)
        return plan, said

    def _take(self, step, dice):
        try:
            with self.env.cr.savepoint():
                said = getattr(self, f"_step_{step}")(dice)
                self.env.flush_all()
        except NotNow:
            return
        except AccessError:
            raise
        except UserError as error:
            self.env.invalidate_all(flush=False)
            self.taken.append(f"{step}: refused: {error}".replace("\n", " "))
        else:
            self.taken.append(f"{step}: {said or ''}")
        self._compare()

    # === USAGE, PRICES, RUNS === #

    def _step_begin(self, dice):
        self.book = Notebook()
        self.facts = {}
        self.contract = self.make_pricelist(ITEMS, base=self.pricelist_usd)
        self.price_editions(self.contract, {"pro": 30})
        self.env.company.trtc_late_usage = dice.choice(["refresh", "refresh", "freeze"])
        vals = {
            "pricelist_id": self.contract.id,
            "invoice_cycle": dice.choice(["month", "month", "month", "day"]),
            "invoice_grouping": dice.choice(["account", "account", "customer"]),
        }
        self.accounts = self.make_account(**vals) | self.make_account(**vals)
        self.apps = [self.make_application(self.accounts[number]) for number in (0, 0, 1)]
        self.terms = [(0, "2024-10-11", "2024-11-10")] if dice.random() < 0.4 else []
        self._subscribe(self.apps)
        return f"{vals['invoice_cycle']}, one per {vals['invoice_grouping']}, {self.terms}"

    def _subscribe(self, apps):
        for number, start, end in self.terms:
            self.subscribe(apps[number], "pro", start, end).bill_fee = True

    def _send(self, key, fact, apps):
        number, item, day, seconds = fact
        record = self.record(item, seconds, day, apps[number], id=key)
        self.ingest(record, source="cycle", env=self.env(user=self.user_operator))

    def _step_send(self, dice):
        for _number in range(dice.randint(2, 5)):
            item = dice.choice([*ITEMS, *ITEMS, "relay_bandwidth"])
            fact = (
                dice.randrange(3),
                item,
                FIRST + timedelta(days=dice.randrange(60)),
                dice.choice([60, 600, 6_000, 60_000, 77_777]),
            )
            key = f"fact-{len(self.facts)}"
            self._send(key, fact, self.apps)
            self.facts[key] = fact
        return f"{fact[1]} {fact[2]}"

    def _step_restate(self, dice):
        key = self._choose(dice, self.facts)
        fact = (*self.facts[key][:3], dice.choice([0, 60, 3_000, 61_000]))
        self._send(key, fact, self.apps)
        self.facts[key] = fact
        return f"{fact}"

    def _step_change_price(self, dice):
        item = dice.choice([*ITEMS])
        rules = self.contract.item_ids.filtered(
            lambda rule: rule.product_id == self.item(item).product_id
        )
        vals = {
            "rule_id": dice.choice(rules).id,
            "date_start": FIRST + timedelta(days=dice.randrange(75)),
            "fixed_price": dice.choice(PRICES),
            "reason": "As agreed",
            "adjust_settled": dice.random() < 0.7,
        }
        self.env["trtc.price.change"].with_user(self.user_manager).create(vals).action_change()
        return f"{item} {vals['date_start']} {vals['fixed_price']}"

    def _step_settle(self, dice):
        until = dice.choice(UNTIL)
        self._as_accountant(self.accounts).settle(until)
        return until

    def _step_invoice(self, dice, until=None):
        until = until or dice.choice(UNTIL)
        one = dice and dice.random() < 0.3
        accounts = self._as_accountant(self.accounts[0] if one else self.accounts)
        if not dice or dice.random() < 0.8:
            accounts.settle(until)
        moves = accounts.create_invoices(until).sudo()
        for number, paper in list(self.book.papers.items()):
            if not self.env["account.move"].browse(number).exists():
                self.assertFalse(paper.is_changed(), "a changed draft was deleted")
                self.assertFalse(paper.was_posted)
                del self.book.papers[number]
        for move in moves:
            known = self.book.papers.get(move.id)
            if known:
                self.assertEqual((known.kind, known.state), ("bill", "draft"))
                self.assertFalse(known.is_changed(), "a changed draft was refreshed")
            self.book.papers[move.id] = self._read(move, "bill")
        return f"{until}: {len(moves)}"

    # === DOCUMENTS === #

    def _step_post(self, dice, number=None):
        number = number or self._choose(dice, self.book.papers, "draft")
        may = self.book.may_post(number)
        self._move(number).action_post()
        self.assertTrue(may, "a credit note of more than is left was posted")
        self.book.post(number)
        return f"{number}"

    def _step_reset(self, dice):
        number = self._choose(dice, self.book.papers, "posted")
        self._move(number).button_draft()
        self.book.papers[number].state = "draft"
        return f"{number}"

    def _step_cancel(self, dice, number=None):
        number = number or self._choose(dice, self.book.papers, "draft")
        self._move(number).button_cancel()
        self.book.papers[number].state = "cancel"
        return f"{number}"

    def _step_redraft(self, dice):
        number = self._choose(dice, self.book.papers, "cancel")
        self._move(number).button_draft()
        self.book.papers[number].state = "draft"
        return f"{number}"

    def _step_delete(self, dice, number=None):
        number = number or self._choose(dice, self.book.papers, "draft", "cancel")
        self._move(number).unlink()
        del self.book.papers[number]
        return f"{number}"

    def _step_edit(self, dice):
        number = self._choose(dice, self.book.papers, "draft")
        place = self._choose(dice, self.book.papers[number].lines)
        line, move = self.book.papers[number].lines[place], self._move(number)
        way = self._way(move)
        if dice.random() < 0.75:
            share = dice.choice(["0.5", "0.5", "0.33", "0.9", "0", "1.2", "-0.1"])
            quantity = (line.quantity * Decimal(share)).quantize(Decimal("0.01"))
            vals = {"quantity": float(way * quantity)}
            line.quantity = quantity
        else:
            line.price = Decimal(dice.choice(["0.002", "0.0043", "0.01"]))
            vals = {"price_unit": float(line.price)}
        try:
            move.invoice_line_ids = [Command.update(place, vals)]
        except UserError as error:
            raise AssertionError(f"a draft may be edited: {error}") from error
        self.book.papers[number].is_touched = True
        return f"{number} {place} {vals}"

    def _step_delete_line(self, dice):
        number = self._choose(dice, self.book.papers, "draft")
        place = self._choose(dice, self.book.papers[number].lines)
        self._move(number).invoice_line_ids = [Command.delete(place)]
        del self.book.papers[number].lines[place]
        self.book.papers[number].is_touched = True
        return f"{number} {place}"

    def _step_change_mind(self, dice):
        numbers = {n: p for n, p in self.book.papers.items() if p.kind == "credit"}
        number = self._choose(dice, numbers, "draft")
        reopens = not self.book.papers[number].reopens
        self._move(number).trtc_reopens = reopens
        self.book.papers[number].reopens = reopens
        return f"{number} {reopens}"

    def _step_reverse(self, dice, modify=False):
        papers = {n: p for n, p in self.book.papers.items() if p.kind == "bill" or not modify}
        number = self._choose(dice, papers, "posted")
        reopens = modify or dice.random() < 0.6
        move, paper = self._move(number), self.book.papers[number]
        wizard = (
            self._as_accountant(self.env["account.move.reversal"])
            .with_context(active_model="account.move", active_ids=move.ids)
            .create(
                {
                    "journal_id": move.journal_id.id,
                    "reason": "Wrong",
                    "trtc_reopens": reopens or modify,
                }
            )
        )
        left = {place: self.book.get_left(place) for place in paper.lines}
        result = self.env["account.move"].browse(wizard.reverse_moves(modify)["res_id"])
        credit = result if not modify else move.sudo().reversal_move_ids.sorted("id")[-1]
        kind = "credit" if paper.kind == "bill" else "bill"
        made = self.book.papers[credit.id] = self._read(credit, kind, tied=True)
        made.reopens = reopens
        if kind == "credit":
            self._assert_figures(
                {line.origin: line.known for line in made.lines.values()},
                {place: (-quantity, -amount) for place, (quantity, amount) in left.items()},
                "a reversal takes back all that is left",
            )
        if modify:
            self.assertEqual(credit.state, "posted")
            made.state, made.was_posted = "posted", True
            self.book.papers[result.id] = self._read(result, "bill")
        return f"{number} by {credit.id}, {'again' if reopens else 'goodwill'}"

    def _step_modify(self, dice):
        return self._step_reverse(dice, modify=True)

    def _step_credit(self, dice):
        papers = {n: p for n, p in self.book.papers.items() if p.kind == "bill"}
        number = self._choose(dice, papers, "posted")
        reopens = dice.choice(["again", "goodwill"])
        wizard = self._as_accountant(self.env["trtc.credit"]).create(
            {"move_id": number, "reason": "Outage", "reopens": reopens}
        )
        wanted = defaultdict(Decimal)
        for line in wizard.line_ids:
            self.assertTrue(line.remaining)
            if dice.random() < 0.6:
                share = dice.choice([1, 1, 0.5, 0.3, 0.7])
                part = Decimal(repr(line.remaining * share)).quantize(Decimal("0.01"))
                line.quantity = float(part)
                wanted[line.move_line_id.id] -= part
        left = {place: self.book.get_left(place)[0] for place in wanted}
        if any(not self._is_between(-part, left[place]) for place, part in wanted.items()):
            # Of a line that bills one application and takes some of another one back.
            with self.assertRaises(UserError):
                wizard.action_credit()
            raise NotNow
        credit = self.env["account.move"].browse(wizard.action_credit()["res_id"])
        made = self.book.papers[credit.id] = self._read(credit, "credit", tied=True)
        made.reopens = reopens == "again"
        found = defaultdict(Decimal)
        for line in made.lines.values():
            found[line.origin] += line.known[0]
        for place, quantity in wanted.items():
            self.assertEqual(found[place], quantity, "the credit is what was entered")
        return f"{number} by {credit.id}, {reopens}"

    def _is_between(self, part, whole):
        """Tell whether a part lies between nothing and the whole."""
        return min(whole, 0) <= part <= max(whole, 0)

    # === READ === #

    def _as_accountant(self, records):
        return records.with_user(self.user_accountant)

    def _move(self, number):
        return self._as_accountant(self.env["account.move"].browse(number))

    def _choose(self, dice, options, *states):
        """Return one of the keys of a dict, of documents in certain states only."""
        keys = [key for key in options if not states or options[key].state in states]
        if not keys:
            raise NotNow
        return dice.choice(keys)

    def _way(self, move):
        return -1 if move.move_type == "out_refund" else 1

    def _read(self, move, kind, tied=False):
        """Return a generated document as it stands.

        :param bool tied: to the lines of the document that it takes back
        """
        paper, way = Paper(kind), self._way(move)
        for line in move.sudo().invoice_line_ids:
            if not (line.trtc_item_id or line.trtc_fee_id):
                continue
            quantity, price = way * Decimal(repr(line.quantity)), Decimal(repr(line.price_unit))
            shown = quantity, quantity * price
            paper.lines[line.id] = Line(
                name=line.trtc_item_id.code or f"fee {line.trtc_fee_id.id}",
                quantity=quantity,
                price=price,
                held=shown if move.state == "draft" else (ZERO, ZERO),
                known=shown,
                origin=line.trtc_origin_line_id.id if tied else 0,
                made=(quantity, price),
            )
        return paper

    # === CHECK === #

    def _compare(self):
        """Every document is as the notebook says."""
        for number, paper in self.book.papers.items():
            move = self.env["account.move"].browse(number)
            self.assertEqual(move.state, paper.state, f"document {number}")
            lines = move.invoice_line_ids.filtered(
                lambda line: line.trtc_item_id or line.trtc_fee_id
            )
            way = self._way(move)
            self.assertEqual(
                {line.id: (way * line.quantity, line.price_unit) for line in lines},
                {
                    place: (float(line.quantity), float(line.price))
                    for place, line in paper.lines.items()
                },
                f"document {number}",
            )
