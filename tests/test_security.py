from datetime import date

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import ROLES, TrtcCommon

OPERATIONS = {"c": "create", "r": "read", "w": "write", "d": "unlink"}

READ = {"reader": "r", "operator": "r", "accountant": "r", "manager": "r"}
CATALOGUE = {**READ, "manager": "crwd"}

#: {model: {role: what it may do}}; a role that is not named may do nothing
RIGHTS = {
    "trtc.feature": CATALOGUE,
    "trtc.edition": CATALOGUE,
    "trtc.item": {**CATALOGUE, "portal": "r"},
    "trtc.account": {**CATALOGUE, "portal": "r"},
    "trtc.application": {**CATALOGUE, "portal": "r"},
    "trtc.subscription": CATALOGUE,
    "trtc.suspension": CATALOGUE,
    "trtc.suspend": {"accountant": "crwd", "manager": "crwd"},
    "trtc.usage": READ,
    "trtc.usage.import": {**READ, "operator": "crwd", "manager": "crwd"},
    "trtc.statement": {**READ, "portal": "r"},
    "trtc.statement.line": {**READ, "portal": "r"},
    "trtc.allocation": READ,
    "trtc.decision": {**READ, "accountant": "crd", "manager": "crd"},
    "trtc.decide": {"accountant": "crwd", "manager": "crwd"},
    "trtc.run": {"accountant": "crwd", "manager": "crwd"},
    "trtc.run.line": {"accountant": "crwd", "manager": "crwd"},
    "trtc.billing.run": {"accountant": "r", "manager": "r"},
    "trtc.billing.run.line": {"accountant": "r", "manager": "r"},
    "trtc.account.pricelist": CATALOGUE,
    "trtc.price.change": {"manager": "crwd"},
    "trtc.settlement.note": {},
}


@tagged("post_install", "-at_install")
class TestRights(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()

    def rights(self, model, role):
        records = self.env[model].with_user(getattr(self, f"user_{role}"))
        return "".join(key for key, name in OPERATIONS.items() if records.has_access(name))

    def test_each_role_may_do_what_it_is_for_and_no_more(self):
        for model, expected in RIGHTS.items():
            found = {role: self.rights(model, role) for role in ROLES}
            self.assertEqual(found, {role: expected.get(role, "") for role in ROLES}, model)

    def test_a_new_model_is_not_open_by_accident(self):
        for model in self.env.registry:
            if not model.startswith("trtc.") or model in RIGHTS or self.env[model]._abstract:
                continue
            with self.subTest(model=model):
                for role in ("api_sender", "employee"):
                    self.assertEqual(self.rights(model, role), "")
                for role in ("reader", "portal"):
                    self.assertIn(self.rights(model, role), ("", "r"))

    def test_a_role_has_exactly_one_group_of_this_module(self):
        """So that the tests above say something about that group."""
        for role, group in ROLES.items():
            user = getattr(self, f"user_{role}")
            self.assertEqual(user.group_ids, self.env.ref(group), role)
            self.assertFalse(user.has_group("base.group_system"), role)

    def test_only_an_accountant_settles_and_invoices(self):
        self.usage("av_hd", 600, "2024-10-01")
        for role in ("reader", "operator", "api_sender", "portal", "employee"):
            accounts = self.env["trtc.account"].with_user(getattr(self, f"user_{role}"))
            for records in (accounts, self.account.with_user(accounts.env.user)):
                with self.assertRaises(AccessError):
                    records.settle("2024-10-31")
                with self.assertRaises(AccessError):
                    records.create_invoices("2024-10-31")
        self.assertFalse(self.lines())

    def test_an_accountant_needs_no_technical_rights(self):
        """From a feed by the operator to a posted invoice, a decision on the way."""
        operator, accountant = self.user_operator, self.user_accountant
        records = [
            self.record("av_hd", 60000, "2024-10-01"),
            self.record("screenshot_terminal", 30000, "2024-10-01"),
        ]
        self.ingest(*records, env=self.env(user=operator))
        statements = self.account.with_user(accountant).settle("2024-10-31")
        self.assertEqual(len(statements), 2)
        line = self.lines(status="locked").with_user(accountant)
        self.env["trtc.decide"].with_user(accountant).create(
            {"line_ids": line.ids, "outcome": "bill", "reason": "Agreed by telephone"}
        ).action_decide()
        move = self.account.with_user(accountant).create_invoices("2024-10-31")
        self.assertEqual(move.amount_untaxed, 3.99 + 0.60)
        move.action_post()
        self.assertEqual(move.state, "posted")
        # What was locked is on no invoice; the adjustment that bills it is.
        states = statements.sorted("cycle").mapped("state")
        self.assertEqual(states, ["posted", "free"])
        adjustment = self.lines().statement_id.filtered("is_adjustment")
        self.assertEqual(adjustment.state, "posted")
        statements.read()
        statements.line_ids.read()
        self.assert_books()

    def test_a_reader_opens_everything_and_changes_nothing(self):
        self.usage("av_hd", 600, "2024-10-01")
        self.subscribe(self.application, "trial", "2024-10-01")
        self.invoice("2024-10-31")
        for model in RIGHTS:
            if "r" not in RIGHTS[model].get("reader", ""):
                continue
            records = self.env[model].with_user(self.user_reader).search([], limit=5)
            records.read()
            if records:
                with self.assertRaises(AccessError):
                    records.check_access("write")

    def test_an_accountant_cannot_note_what_was_agreed(self):
        """Nobody changes a settled statement, yet who closes the month writes in its chatter."""
        self.usage("av_hd", 600, "2024-10-01")
        self.invoice("2024-10-31")
        for record in (self.account, self.lines().statement_id):
            for user in (self.user_accountant, self.user_reader):
                record.with_user(user).message_post(body="Agreed by telephone")
                self.assertEqual(record.message_ids[0].author_id, user.partner_id)
            for user in (self.user_portal, self.user_api_sender):
                with self.assertRaises(AccessError):
                    record.with_user(user).message_post(body="Agreed by telephone")


@tagged("post_install", "-at_install")
class TestCompanies(TrtcCommon):
    """Two companies with the same customer, each with the whole way of the data."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mine = cls.env.company
        cls.theirs = cls.setup_other_company(name="Theirs")["company"]
        cls.env.user.company_ids = cls.mine | cls.theirs
        cls.fill(cls.mine)
        cls.fill(cls.theirs)
        cls.env = cls.env(context={**cls.env.context, "allowed_company_ids": cls.mine.ids})

    @classmethod
    def fill(cls, company):
        env = cls.env(context={**cls.env.context, "allowed_company_ids": company.ids})
        account = cls.account
        if company != account.company_id:
            account = cls.make_account(company_id=company.id)
        account = account.with_env(env)
        application = cls.make_application(account, sdkappid="1455555555")
        cls.subscribe(application, "lite", "2024-10-01")
        application._suspend("other", "2024-12-01")
        records = [
            cls.record("av_hd", 6000, "2024-10-01", application),
            cls.record("screenshot_terminal", 50000, "2024-10-01", application),
        ]
        cls.ingest(*records, env=env)
        file = "aWQsc2RrYXBwaWQsaXRlbSxxdWFudGl0eSxzdGFydA=="
        env["trtc.usage.import"].create({"name": "File", "file": file})
        account.settle("2024-10-31")
        env["trtc.account.pricelist"].create(
            {"account_id": account.id, "pricelist_id": account.pricelist_id.id}
        )
        env["trtc.decision"].create(
            {
                "application_id": application.id,
                "item_id": cls.item("screenshot_terminal").id,
                "date_from": "2024-10-01",
                "date_to": "2024-10-31",
                "outcome": "waive",
                "reason": "Goodwill",
            }
        )
        env["trtc.billing.run"]._start(account, "2024-10-31", "settle")
        account.create_invoices("2024-10-31")

    def shared(self):
        """Return the names of the models whose records belong to a company."""
        return [
            model
            for model in self.env.registry
            if model.startswith("trtc.")
            and self.env[model]._auto
            and not self.env[model]._transient
            and "company_id" in self.env[model]._fields
        ]

    def test_the_same_sdkappid_in_two_companies_is_two_applications(self):
        found = self.env["trtc.application"].sudo().search([("sdkappid", "=", "1455555555")])
        self.assertEqual(found.company_id, self.mine | self.theirs)

    def test_a_user_sees_the_own_company_only(self):
        models = self.shared()
        self.assertGreaterEqual(len(models), 9)
        for company, other in ((self.mine, self.theirs), (self.theirs, self.mine)):
            user = self.make_user("manager", company)
            for model in models:
                with self.subTest(company=company.name, model=model):
                    records = self.env[model].sudo().search([])
                    own = records.filtered(lambda r, c=company: r.company_id == c)
                    alien = records.filtered(lambda r, c=other: r.company_id == c)
                    self.assertTrue(own or model not in RIGHTS, "the test has nothing to see")
                    self.assert_sees(self.env[model].with_user(user), own, alien)

    def assert_sees(self, model, own, alien):
        # With no company in the context, those of the user hold
        model = model.with_context(allowed_company_ids=None)
        self.assertEqual(model.search([]), own.with_env(model.env))
        self.assertEqual(model.search_count([]), len(own))
        self.assertEqual(model._read_group([], [], ["__count"]), [(len(own),)])
        self.assertFalse(model.search([("id", "in", alien.ids)]))
        if alien:
            with self.assertRaises(AccessError):
                alien.with_env(model.env).read(["display_name"])
            with self.assertRaises(AccessError):
                alien.with_env(model.env).check_access("write")

    def test_a_company_that_is_not_chosen_is_not_seen(self):
        """A user of both companies who works in one of them."""
        self.assertEqual(self.env.user.company_ids, self.mine | self.theirs)
        for model in self.shared():
            self.assertLessEqual(self.env[model].search([]).company_id, self.mine, model)

    def test_settling_all_accounts_is_settling_those_of_the_company(self):
        env = self.env(context={**self.env.context, "allowed_company_ids": self.theirs.ids})
        theirs = env["trtc.application"].search([("sdkappid", "=", "1455555555")])
        self.ingest(self.record("av_hd", 600, "2024-11-01", theirs), env=env)
        accountant = self.make_user("accountant", self.mine)
        accounts = self.env["trtc.account"].with_user(accountant)
        accounts = accounts.with_context(allowed_company_ids=None)
        self.assertFalse(accounts.settle("2024-11-30"))
        self.assertFalse(accounts.create_invoices("2024-11-30"))
        for method in ("settle", "create_invoices"):
            with self.assertRaises(AccessError):
                getattr(theirs.account_id.with_env(accounts.env), method)("2024-11-30")
        self.assertTrue(env["trtc.account"].search([]).settle("2024-11-30"))

    def test_an_application_is_not_hung_on_an_account_of_another_company(self):
        theirs = self.env["trtc.account"].sudo().search([("company_id", "=", self.theirs.id)])
        manager = self.make_user("manager", self.mine)
        with self.assertRaises(AccessError):
            self.env["trtc.application"].with_user(manager).create(
                {"name": "Stray", "sdkappid": "1433333333", "account_id": theirs.id}
            )

    def test_records_are_moved_into_a_company_of_others(self):
        account = self.env["trtc.account"].sudo().search([("company_id", "=", self.theirs.id)])
        theirs = account.application_ids
        mine = self.make_account(company_id=self.mine.id, user_id=False)
        stray = self.make_application(mine)
        subscription = self.subscribe(stray, "lite", "2030-01-01")
        manager = self.make_user("manager", self.mine)
        for record, vals in (
            (subscription, {"application_id": theirs[:1].id}),
            (stray, {"account_id": account[:1].id}),
            (mine, {"company_id": self.theirs.id}),
        ):
            with self.subTest(model=record._name), self.assertRaises(AccessError):
                record.with_user(manager).write(vals)
        with self.assertRaises(AccessError) as caught:
            self.env["trtc.subscription"].with_user(manager).create(
                {
                    "application_id": theirs[:1].id,
                    "edition_id": self.edition("pro").id,
                    "date_start": "2024-10-05",
                }
            )
        self.assertNotIn(theirs[:1].name, str(caught.exception))

    def test_an_administrator_reads_the_notes_of_another_company(self):
        for application in self.env["trtc.application"].sudo().search([]):
            env = self.env(
                context={**self.env.context, "allowed_company_ids": application.company_id.ids}
            )
            self.ingest(self.record("av_hd", 600, "2024-11-01", application), env=env)
        notes = self.env["trtc.settlement.note"]
        self.assertEqual(notes.sudo().search([]).account_id.company_id, self.mine | self.theirs)
        admin = self.make_user("employee", self.mine)
        admin.group_ids += self.env.ref("base.group_system")
        found = notes.with_user(admin).sudo(False).search([])
        self.assertEqual(found.sudo().account_id.company_id, self.mine)

    def test_usage_of_one_company_never_reaches_a_statement_of_the_other(self):
        lines = self.env["trtc.statement.line"].sudo().search([])
        for company in self.mine | self.theirs:
            found = lines.filtered(
                lambda li, c=company: li.company_id == c and li.item_id.code == "av_hd"
            )
            self.assertEqual(sum(found.mapped("quantity")), 100)
            self.assertEqual(found.application_id.company_id, company)


@tagged("post_install", "-at_install")
class TestPortalAccess(TrtcCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_users()
        cls.stranger = cls.make_user("portal")
        Partner = cls.env["res.partner"]
        colleague = Partner.create({"name": "Colleague", "parent_id": cls.customer.id})
        daughter = Partner.create(
            {"name": "Daughter", "is_company": True, "parent_id": cls.customer.id}
        )
        cls.colleague = cls.make_user("portal", partner_id=colleague.id)
        cls.daughter = cls.make_user("portal", partner_id=daughter.id)
        cls.competitor = Partner.create({"name": "Competitor", "is_company": True})
        cls.rival = cls.make_account(partner_id=cls.competitor.id)
        cls.usage("av_hd", 600, "2024-10-01")
        cls.usage("av_hd", 6000, "2024-10-01", cls.make_application(cls.rival))
        cls.invoice("2024-10-31")

    #: What a customer is shown of each model
    SHOWN = {
        "trtc.account": ["display_name", "name", "uin", "currency_id", "partner_id"],
        "trtc.application": ["display_name", "name", "sdkappid"],
        "trtc.statement": ["display_name", "name", "date_to", "state", "amount_untaxed"],
        "trtc.statement.line": [
            "display_name",
            "item_id",
            "application_id",
            "metered_quantity",
            "quantity",
            "billable_quantity",
            "price_unit",
            "amount",
            "uom_id",
            "explanation",
        ],
    }

    def belonging(self, model, account):
        field = "id" if model == "trtc.account" else "account_id"
        return self.env[model].search([(field, "=", account.id)])

    def test_a_customer_sees_the_own_records_and_no_others(self):
        for user in (self.user_portal, self.colleague):
            for name in self.SHOWN:
                with self.subTest(user=user.login, model=name):
                    own = self.belonging(name, self.account)
                    alien = self.belonging(name, self.rival)
                    self.assertTrue(own and alien)
                    model = self.env[name].with_user(user)
                    self.assertEqual(model.search([]), own)
                    self.assertEqual(model.search_count([]), len(own))
                    self.assertEqual(model._read_group([], [], ["__count"]), [(len(own),)])
                    own.with_user(user).read(self.SHOWN[name])
                    for record in alien.with_user(user):
                        with self.assertRaises(AccessError):
                            record.read(["display_name"])
                        with self.assertRaises(AccessError):
                            getattr(record, "display_name")  # noqa: B009
                    self.assertFalse(model.search([("id", "in", alien.ids)]))
                    named = {found for found, _name in model.name_search("")}
                    self.assertEqual(named, set(own.ids))

    def test_a_customer_searches_what_the_staff_noted(self):
        for name in ("trtc.account", "trtc.application", "trtc.statement"):
            model = self.env[name].with_user(self.user_portal)
            for field in ("message_ids", "website_message_ids"):
                with self.subTest(model=name, field=field), self.assertRaises(AccessError):
                    model.search([(f"{field}.body", "ilike", "secret")])
        lines = self.env["trtc.statement.line"].with_user(self.user_portal)
        with self.assertRaises(AccessError):
            lines.search([("statement_id.account_id.message_ids.body", "ilike", "secret")])
        statements = self.env["trtc.statement"].with_user(self.user_portal)
        with self.assertRaises(AccessError):
            statements.search([("move_ids", "in", [1])])

    def test_a_stranger_sees_nothing(self):
        for user in (self.stranger, self.daughter):
            for name in self.SHOWN:
                self.assertFalse(self.env[name].with_user(user).search([]), (user.login, name))

    def test_sums_do_not_leak_what_rows_do_not_show(self):
        lines = self.env["trtc.statement.line"].with_user(self.user_portal)
        groups = lines.formatted_read_group([], ["account_id"], ["amount:sum", "quantity:sum"])
        self.assertEqual([group["quantity:sum"] for group in groups], [10])
        statements = self.env["trtc.statement"].with_user(self.user_portal)
        groups = statements.formatted_read_group([], ["partner_id"], ["amount_untaxed:sum"])
        self.assertEqual(len(groups), 1)

    def test_a_customer_cannot_change_anything(self):
        for name in self.SHOWN:
            record = self.belonging(name, self.account)[:1].with_user(self.user_portal)
            for operation in ("write", "create", "unlink"):
                with self.assertRaises(AccessError):
                    record.check_access(operation)

    def test_raw_usage_and_internals_are_not_for_customers(self):
        for name in (
            "trtc.usage",
            "trtc.usage.import",
            "trtc.subscription",
            "trtc.decision",
            "trtc.allocation",
            "trtc.settlement.note",
            "trtc.edition",
            "trtc.feature",
        ):
            with self.assertRaises(AccessError):
                self.env[name].with_user(self.user_portal).search([])

    def test_a_customer_moved_to_another_group_loses_sight(self):
        """What is seen follows the commercial partner of today."""
        contact = self.user_portal.partner_id
        contact.parent_id = self.competitor
        statements = self.env["trtc.statement"].with_user(self.user_portal).search([])
        self.assertEqual(statements.account_id, self.rival)
        self.assertEqual(statements.date_to, date(2024, 10, 1))
