"""Builders and checks that the tests of this module share.

A test says what it is about and nothing else::

    self.usage("av_hd", 61, "2024-10-01")
    self.settle("2024-10-31")
    self.assertEqual(self.total("quantity"), 2)
    self.assert_books()

Days are given as ISO strings and lie in the past, so that no clock is needed.
"""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from itertools import count

from odoo import Command
from odoo.tests import new_test_user
from odoo.tools import SQL

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..rating import periods

#: {role: the one group that a user of this role has}
ROLES = {
    "reader": "trtc_billing.group_user",
    "operator": "trtc_billing.group_operator",
    "accountant": "trtc_billing.group_accountant",
    "manager": "trtc_billing.group_manager",
    "api_sender": "trtc_billing.group_api_sender",
    "portal": "base.group_portal",
    "employee": "base.group_user",
}

MEASURES = (
    "metered_quantity",
    "quantity",
    "free_quantity",
    "pack_quantity",
    "locked_quantity",
    "billable_quantity",
    "amount",
)

_numbers = count(1)


class TrtcCommon(AccountTestInvoicingCommon):
    """A company in USD with one customer, one account and one application.

    Its users are tagged ``post_install``, ``-at_install``.
    """

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.quick_ref("trtc_billing.group_manager")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Usage of the tests is of fixed days: it does not grow old with the calendar.
        cls.env["ir.default"].set("res.company", "trtc_usage_age_months", 0)
        cls.env.company.trtc_usage_age_months = 0
        cls.pricelist_usd = cls.env.ref("trtc_billing.pricelist_usd")
        cls.pricelist_cny = cls.env.ref("trtc_billing.pricelist_cny")
        cls.customer = cls.env["res.partner"].create(
            {"name": "Customer", "is_company": True, "email": "customer@example.com"}
        )
        cls.account = cls.make_account()
        cls.application = cls.make_application()

    # === USERS === #

    @classmethod
    def make_user(cls, role, company=None, **vals):
        """Return a new user who has exactly the one group of a role."""
        company = company or cls.env.company
        login = vals.pop("login", f"{role}{next(_numbers)}")
        return new_test_user(
            cls.env,
            login=login,
            password=f"{login}-password",
            groups=ROLES[role],
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
            **vals,
        )

    @classmethod
    def make_users(cls):
        """Set one user per role: ``user_reader``, ``user_operator`` and so on.

        The portal user is a contact of ``customer``.
        """
        contact = cls.env["res.partner"].create(
            {"name": "Contact", "parent_id": cls.customer.id, "email": "contact@example.com"}
        )
        for role in ROLES:
            vals = {"partner_id": contact.id} if role == "portal" else {}
            setattr(cls, f"user_{role}", cls.make_user(role, **vals))

    # === BUILDERS === #

    @classmethod
    def make_account(cls, **vals):
        """Return a new account, without free minutes unless a policy is given."""
        number = next(_numbers)
        return cls.env["trtc.account"].create(
            {
                "name": f"Account {number}",
                "uin": str(200000000000 + number),
                "partner_id": cls.customer.id,
                "company_id": cls.env.company.id,
                "pricelist_id": cls.pricelist_usd.id,
                "free_policy_id": False,
                **vals,
            }
        )

    @classmethod
    def make_application(cls, account=None, **vals):
        number = next(_numbers)
        return cls.env["trtc.application"].create(
            {
                "name": f"Application {number}",
                "sdkappid": str(1400000000 + number),
                "account_id": (account or cls.account).id,
                **vals,
            }
        )

    @classmethod
    def subscribe(cls, application, edition_code, start, end=None):
        """Let an application hold an edition from a day to a day, both inclusive."""
        return cls.env["trtc.subscription"].create(
            {
                "application_id": application.id,
                "edition_id": cls.edition(edition_code).id,
                "date_start": start,
                "date_end": end or False,
            }
        )

    @classmethod
    def make_pack(cls, minutes, start, end, account=None, application=None, **vals):
        """Return a pack of minutes, promotional unless a kind is given."""
        packs = cls.env["trtc.minute.pack"]
        if vals.get("kind") in ("free", "edition"):
            # The software alone grants these.
            packs = packs.sudo()
        pack = packs.create(
            {
                "name": f"Pack {next(_numbers)}",
                "account_id": (account or cls.account).id,
                "application_id": application.id if application else False,
                "minutes": minutes,
                "date_start": start,
                "date_end": end,
                **vals,
            }
        )
        return pack.with_env(cls.env)

    @classmethod
    def make_pricelist(cls, prices, currency=None, base=None, **vals):
        """Return a contract: a customer's own pricelist.

        :param dict prices: {item code: price per unit of the product, or a list of
            (minimum quantity, price)}
        :param base: the pricelist that prices everything else
        """
        rules = []
        for code, steps in prices.items():
            if not isinstance(steps, (list, tuple)):
                steps = [(0, steps)]
            rules += [
                {
                    "applied_on": "0_product_variant",
                    "product_id": cls.item(code).product_id.id,
                    "compute_price": "fixed",
                    "min_quantity": minimum,
                    "fixed_price": float(price),
                }
                for minimum, price in steps
            ]
        if base:
            rules.append(
                {
                    "applied_on": "3_global",
                    "compute_price": "formula",
                    "base": "pricelist",
                    "base_pricelist_id": base.id,
                }
            )
        return cls.env["product.pricelist"].create(
            {
                "name": f"Contract {next(_numbers)}",
                "currency_id": (currency or cls.env.ref("base.USD")).id,
                "company_id": False,
                "item_ids": [Command.create(rule) for rule in rules],
                **vals,
            }
        )

    @classmethod
    def price_editions(cls, pricelist, prices):
        """Let a pricelist have prices for the monthly fees of editions, by code."""
        cls.env["product.pricelist.item"].create(
            [
                {
                    "pricelist_id": pricelist.id,
                    "applied_on": "0_product_variant",
                    "product_id": cls.edition(code).fee_product_id.id,
                    "compute_price": "fixed",
                    "fixed_price": price,
                }
                for code, price in prices.items()
            ]
        )

    # === LOOK-UP === #

    @classmethod
    def item(cls, code):
        items = cls.env["trtc.item"].with_context(active_test=False)
        return items.search([("code", "=", code)]).ensure_one()

    @classmethod
    def edition(cls, code):
        return cls.env["trtc.edition"].search([("code", "=", code)]).ensure_one()

    @classmethod
    def feature(cls, code):
        return cls.env["trtc.feature"].search([("code", "=", code)]).ensure_one()

    # === USAGE === #

    @classmethod
    def record(cls, item, quantity, day, application=None, **more):
        """Return a usage record as a sender writes it; its id is a new one."""
        application = application or cls.application
        return {
            "id": f"u{next(_numbers)}",
            "sdkappid": application.sdkappid,
            "item": item,
            "quantity": quantity if isinstance(quantity, (int, float)) else str(quantity),
            "start": day.isoformat() if isinstance(day, date) else day,
            **more,
        }

    @classmethod
    def ingest(cls, *records, source="test", env=None, check=True):
        """Send records; unless told otherwise, fail if one of them is rejected."""
        result = (env or cls.env)["trtc.usage"].ingest(list(records), source)
        if check and result["rejected"]:
            raise AssertionError(f"rejected: {result['rejected']}")
        return result

    @classmethod
    def usage(cls, item, quantity, day, application=None, source="test", **more):
        """Send one usage record and return the ``trtc.usage`` in force under its id."""
        record = cls.record(item, quantity, day, application, **more)
        cls.ingest(record, source=source)
        return cls.env["trtc.usage"].search(
            [
                ("company_id", "=", cls.env.company.id),
                ("source", "=", source),
                ("external_id", "=", record["id"]),
                ("state", "=", "current"),
            ]
        )

    # === BILLING === #

    @classmethod
    def settle(cls, until, accounts=None):
        """Settle some accounts, or all; return the new statements."""
        accounts = cls.env["trtc.account"] if accounts is None else accounts
        return accounts.settle(until)

    @classmethod
    def invoice(cls, until, accounts=None, settle=True):
        """Settle, then create the draft invoices of some accounts, or of all."""
        accounts = cls.env["trtc.account"] if accounts is None else accounts
        if settle:
            accounts.settle(until)
        return accounts.create_invoices(until)

    @classmethod
    def lines(cls, of=None, item=None, application=None, day=None, **equal):
        """Return statement lines, the oldest revision first.

        :param of: statements or accounts; default the account of the tests
        :param item: item code
        :param day: last day of the period
        :param equal: field values, such as ``status="locked"``
        """
        of = cls.account if of is None else of
        field = "statement_id" if of._name == "trtc.statement" else "account_id"
        domain = [(field, "in", of.ids)]
        if item:
            domain.append(("item_id.code", "=", item))
        if application:
            domain.append(("application_id", "=", application.id))
        if day:
            domain.append(("date", "=", day))
        domain += [(name, "=", value) for name, value in equal.items()]
        found = cls.env["trtc.statement.line"].search(domain)
        return found.sorted(lambda line: (line.statement_id.revision, line.date, line.id))

    @classmethod
    def total(cls, measure, lines=None, **which):
        """Return the exact sum of a measure over lines, as a Decimal.

        :param lines: statement lines; default those that ``which`` names, see
            :meth:`lines`
        """
        lines = cls.lines(**which) if lines is None else lines
        lines.flush_model()
        rows = cls.env.execute_query(
            SQL(
                "SELECT coalesce(sum(%s), 0)::text FROM trtc_statement_line WHERE id = ANY(%s)",
                SQL.identifier(measure),
                lines.ids,
            )
        )
        return Decimal(rows[0][0]).normalize() + 0

    def net_prices(self, day):
        """Return the net {price: quantity} of a day over all revisions."""
        net = {}
        for line in self.lines(day=day):
            net[line.price_unit] = net.get(line.price_unit, 0) + line.billable_quantity
        return {price: quantity for price, quantity in net.items() if quantity}

    # === CHECKS === #

    def assert_books(self, *accounts):
        """Check conservation (DESIGN.md, invariants 2 and 3) for settled periods.

        For each account, by default all of them, and for every period that is settled
        and not touched since:

        * per item, period and place: what the lines metered is the usage in force;
        * each line's quantity is the sum of its parts, and what packs covered is in the ledger;
        * no pack gives more minutes than it holds, and every minute is in the ledger;
        * rounding added less than a block per status, and took nothing off;
        * the product's own check agrees: the lines of all revisions together are a fresh
          rating of all usage, and invoices hold what the ledger says.
        """
        for account in accounts or self.env["trtc.account"].search([]):
            account = account.with_company(account.company_id)
            settled = self._get_settled(account)
            lines = self.lines(of=account)
            self._assert_parts(lines)
            self._assert_metered(account, lines, settled)
            self._assert_checked(account)
            for pack in account.pack_ids:
                drawn = sum(pack.draw_ids.mapped("minutes"))
                self.assertEqual(pack.minutes_left, pack.minutes - drawn)
                self.assertTrue(0 <= drawn <= pack.minutes, f"{pack.display_name}: {drawn}")

    def _get_settled(self, account):
        """Return {(cycle, period)} of what is settled and has no note since."""
        found = self.env["trtc.statement"].search([("account_id", "=", account.id)])
        notes = self.env["trtc.settlement.note"].sudo().search([("account_id", "=", account.id)])
        return {
            (statement.cycle, (statement.date_from, statement.date_to))
            for statement in found.filtered(lambda statement: not statement.is_adjustment)
        } - {(note.cycle, (note.date_from, note.date_to)) for note in notes}

    def _assert_parts(self, lines):
        for line in lines:
            figures = {name: self.total(name, line) for name in MEASURES}
            parts = ("free_quantity", "pack_quantity", "locked_quantity", "billable_quantity")
            self.assertEqual(
                figures["quantity"],
                sum(figures[name] for name in parts),
                f"{line.display_name}: the parts miss the quantity: {figures}",
            )
            drawn = line.draw_ids.filtered(lambda draw: draw.pack_id.kind != "free")
            self.assertEqual(
                float(figures["pack_quantity"]),
                sum(drawn.mapped("units")),
                f"{line.display_name}: the ledger of minutes misses what packs covered",
            )

    def _assert_metered(self, account, lines, settled):
        lines = lines.filtered(lambda line: (line.cycle, line._get_period()) in settled)
        used = self._get_used(account, settled)
        groups = lines.filtered(lambda line: line.kind == "usage").grouped(
            lambda line: (line.item_id, line.application_id, line._get_period())
        )
        self.assertEqual(
            {key: self.total("metered_quantity", found) for key, found in groups.items()},
            {key: used.get(key, 0) for key in groups},
            "what is settled is not the usage in force",
        )
        self.assertFalse(
            {key for key, usage in used.items() if usage and key not in groups},
            "usage of a settled period is on no line",
        )
        for (item, _application, period), found in groups.items():
            if item.robot_item_id or any(line.kind == "robot" for line in found):
                continue
            unit = item._get_unit_size()
            exact = self.total("metered_quantity", found) / unit
            rounded = self.total("quantity", found)
            spare = Decimal(repr(item.block_size)) / unit * len(set(found.mapped("status")))
            self.assertTrue(
                exact <= rounded < exact + spare or exact == rounded,
                f"{item.code} {period}: {exact} became {rounded}",
            )

    def _get_used(self, account, settled):
        """Return {(item, application or none, period): usage in force}, naively.

        :param settled: {(cycle, period)} to look at
        """
        self.env["trtc.usage"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT item_id, application_id, date, start, quantity::text
                  FROM trtc_usage
                 WHERE account_id = %s AND state = 'current' AND item_id IS NOT NULL
                   AND is_held IS NOT TRUE
                """,
                account.id,
            )
        )
        instants = defaultdict(lambda: defaultdict(Decimal))
        for item_id, application_id, day, start, quantity in rows:
            item = self.env["trtc.item"].browse(item_id)
            application = self.env["trtc.application"].browse(application_id)
            period = periods.period_of(day, item.cycle)
            if (item.cycle, period) in settled:
                place = application if item.scope == "application" else application.browse()
                instant = start if item.aggregation == "peak" else None
                instants[item, place, period][instant] += Decimal(quantity)
        return {key: max(found.values()) for key, found in instants.items()}

    def _assert_checked(self, account):
        """Let the product's own check look at all of an account: see "Check the Books"."""
        checks = self.env["trtc.books.check"].sudo().with_company(account.company_id)
        findings = checks._get_findings(account, date(2000, 1, 1), date(2099, 12, 31))
        self.assertEqual(
            [one["message"] for one in findings if one["severity"] == "difference"],
            [],
            f"{account.display_name}: the check of the books finds differences",
        )
