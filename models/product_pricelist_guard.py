from bisect import bisect_right
from collections import defaultdict
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .markers import ForcedPrices, get_marked, is_uninstalling
from .price_watch import PriceWatch

#: The resolution of the moments of pricelist rules.
TICK = timedelta(seconds=1)


class ProductPricelist(models.Model):
    # A room of its own: which settled days rest on which prices.
    _inherit = "product.pricelist"  # pylint: disable=consider-merging-classes-inherited

    # === CRUD === #

    def write(self, vals):
        if not {"trtc_graduated", "currency_id"} & set(vals):
            return super().write(vals)
        watch = PriceWatch(self)
        before = {pricelist: pricelist._trtc_describe() for pricelist in self} if watch else {}
        result = super().write(vals)
        altered = watch.get_altered() if watch else set()
        if altered:
            for pricelist, old in before.items():
                pricelist._trtc_answer_for(
                    altered,
                    lambda pricelist=pricelist, **names: self.env._(
                        "Days of %(account)s from %(first)s to %(last)s are settled at the prices "
                        "of %(pricelist)s as they are: make a new pricelist for the days to come "
                        "and give it to the account.",
                        pricelist=pricelist.display_name,
                        **names,
                    ),
                    f"{old} → {pricelist._trtc_describe()}",
                )
        return result

    def unlink(self):
        self.check_access("unlink")
        if not is_uninstalling(self.env):
            self._trtc_check_deletable()
        return super().unlink()

    # === BUSINESS === #

    def _trtc_answer_for(self, altered, refusal, change):
        """Refuse a change that alters prices of settled days, or let it lead to adjustments.

        :param altered: {(account, item, day)} whose price has changed
        :param refusal: a function of ``account``, ``first`` and ``last`` that says what to
            do instead
        :param str change: what changed, for the record
        :raise UserError: unless the context asks for the change by ``trtc_force_prices``, a
            :class:`ForcedPrices`, which only code on the server can put there
        :raise AccessError: for a user who may not ask for it
        """
        if not altered:
            return
        days = sorted(day for _account, _item, day in altered)
        accounts = self.env["trtc.account"].union(*{account for account, _item, _day in altered})
        forced = get_marked(self.env, "trtc_force_prices", ForcedPrices)
        if not forced:
            visible = accounts.sudo(False)._filtered_access("read")
            name = visible[:1].display_name or self.env._("a TRTC account")
            raise UserError(refusal(account=name, first=days[0], last=days[-1]))
        self._trtc_check_may_force(accounts)
        self.env["trtc.settlement.note"].sudo()._note_days(altered)
        for pricelist in self:
            pricelist.message_post(
                body=self.env._(
                    "Prices of settled days were changed by %(user)s: %(change)s. %(days)s days "
                    "of %(accounts)s accounts, from %(first)s to %(last)s, are adjusted by the "
                    "next settlement. Reason: %(reason)s",
                    user=self.env.user.name,
                    change=change,
                    days=len(set(days)),
                    accounts=len(accounts),
                    first=days[0],
                    last=days[-1],
                    reason=forced.reason or self.env._("not given"),
                )
            )

    def _trtc_check_may_force(self, accounts):
        """Raise unless the user may change what some accounts were settled at."""
        if self.env.su:
            return
        if not self.env.user.has_group("trtc_billing.group_manager"):
            raise AccessError(
                self.env._(
                    "Changing the prices of settled days takes the group "
                    '"TRTC Billing / Manager". Ask your administrator for it.'
                )
            )
        accounts.sudo(False).check_access("write")

    # === TOOLING === #

    def _trtc_check_deletable(self):
        """Raise for lists that settled days rest on, directly or through other lists.

        Core refuses that by a method that a key of the context turns off; the rules would go
        by the database, and nobody would ask what they priced.
        """
        for keys in self._trtc_get_settled_days().values():
            days = sorted(day for _account, _item, day in keys)
            raise UserError(
                self.env._(
                    "Days from %(first)s to %(last)s are settled at prices that depend on "
                    "%(pricelist)s: it cannot be deleted. Archive it instead.",
                    first=days[0],
                    last=days[-1],
                    pricelist=", ".join(self.mapped("display_name")),
                )
            )

    def _trtc_describe(self):
        """Return in words what else than rules makes the prices of this list."""
        self.ensure_one()
        steps = self.env._("graduated") if self.trtc_graduated else self.env._("not graduated")
        return f"{self.currency_id.name}, {steps}"

    def _trtc_get_holders(self):
        """Return (accounts, pricelists) that these lists price, or ever did.

        The accounts have or had one of the pricelists, which are these lists and all that
        are based on them, directly or through others.
        """
        for model in ("product.pricelist.item", "trtc.account", "trtc.account.pricelist"):
            self.env[model].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                WITH RECURSIVE above AS (
                    SELECT id FROM product_pricelist WHERE id = ANY(%s)
                     UNION
                    SELECT rule.pricelist_id FROM product_pricelist_item rule
                      JOIN above ON rule.base_pricelist_id = above.id
                     WHERE rule.base = 'pricelist'
                )
                SELECT held.account_id, held.pricelist_id FROM above
                  JOIN (SELECT id AS account_id, pricelist_id FROM trtc_account
                         UNION
                        SELECT account_id, pricelist_id FROM trtc_account_pricelist) AS held
                    ON held.pricelist_id = above.id
                """,
                self.ids,
            )
        )
        accounts = self.env["trtc.account"].sudo().browse(sorted({row[0] for row in rows}))
        return accounts, self.sudo().browse(sorted({row[1] for row in rows}))

    def _trtc_get_settled_days(self, rules=None, since=None, until=None, hold=False):
        """Return what is settled, and billable, at prices that rest on these lists.

        :param rules: only billing items that one of these rules applies to
        :param since: only days that hold moments from this one (naive UTC) on
        :param until: only days that hold moments up to this one
        :param bool hold: keep settlement of the accounts off, as prices are to change
        :return: {(pricelist of the account, company): {(account, item, day): lines}}
        """
        accounts, lists = self._trtc_get_holders()
        if not accounts:
            return {}
        if hold:
            accounts._hold_for_billing()
        items = self.env["trtc.item"].sudo().search([("active", "in", (True, False))])
        if rules is not None:
            items = rules._trtc_filter_items(items)
        self.env["trtc.statement.line"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account_id, item_id, date, count(*)
                  FROM (SELECT account_id, item_id, date
                          FROM trtc_statement_line
                         WHERE status = 'billable' AND account_id = ANY(%(accounts)s)
                           AND item_id = ANY(%(items)s)
                           AND date BETWEEN %(since)s AND %(until)s
                         GROUP BY account_id, item_id, date, application_id, kind
                        HAVING sum(billable_quantity) <> 0 OR sum(amount) <> 0) AS settled
                 GROUP BY account_id, item_id, date
                """,
                accounts=accounts.ids,
                items=items.ids,
                # A day more on both sides, for all time zones.
                since=(since - timedelta(days=1)).date() if since else "0001-01-01",
                until=(until + timedelta(days=1)).date() if until else "9999-12-31",
            )
        )
        accounts = {account.id: account for account in accounts}
        items = {item.id: item for item in items}
        found = defaultdict(dict)
        for account_id, item_id, day, count in rows:
            account = accounts[account_id]
            pricelist = account._get_pricelist(day)
            if pricelist in lists:
                found[pricelist, account.company_id][account, items[item_id], day] = count
        return dict(found)

    def _trtc_get_price_marks(self, company, keys):
        """Return what stands for the prices of this list on some days.

        :param keys: (account, item, day) each
        :return: {(item, day): mark}; the same marks mean the same price of all usage
        """
        pricelist = self.sudo().with_company(company)
        wanted = defaultdict(lambda: self.env["trtc.item"].sudo())
        for _account, item, day in keys:
            wanted[day] |= item
        marks = {}
        for days in pricelist._trtc_get_spans(wanted):
            items = wanted[days[0]].union(*(wanted[day] for day in days))
            steps = pricelist._trtc_price_steps(items, days[0])
            mode = pricelist._trtc_mode()
            for day in days:
                for item in wanted[day]:
                    merged = []
                    for step in steps[item]:
                        if not merged or merged[-1][1] != step.price:
                            merged.append((step.start, step.price))
                    plain = len(merged) == 1 and not merged[0][0]
                    marks[item, day] = (None if plain else mode, tuple(merged))
        return marks

    def _trtc_get_spans(self, days):
        """Return lists of days, in order, on each of which the same rules hold.

        Where rates of exchange are involved each day stands for itself.
        """
        self.ensure_one()
        lists, rules = self._trtc_get_bases()
        currencies = lists.currency_id
        if rules.filtered(lambda rule: rule.compute_price != "fixed" and rule.base != "pricelist"):
            currencies |= self.env.company.currency_id
        if len(currencies) > 1:
            return [[day] for day in sorted(days)]
        edges = {rule.date_start for rule in rules if rule.date_start}
        edges |= {rule.date_end + TICK for rule in rules if rule.date_end}
        edges = sorted(edges)
        zone = self.env.company._trtc_get_zone()
        spans = defaultdict(list)
        for day in sorted(days):
            spans[bisect_right(edges, self._trtc_price_moment(day, zone))].append(day)
        return list(spans.values())

    def _trtc_get_bases(self):
        """Return (pricelists, rules): these lists and all below them, with their rules."""
        rules = self.env["product.pricelist.item"]
        lists, below = self, self
        while below:
            found = rules.search([("pricelist_id", "in", below.ids)])
            rules |= found
            below = found.filtered(lambda rule: rule.base == "pricelist").base_pricelist_id - lists
            lists |= below
        return lists, rules

    def _trtc_rests_on(self, rule, product, moment):
        """Tell whether the price of a product rests on a rule, of this list or one below.

        :param moment: naive UTC
        """
        for start in self._trtc_step_starts(product, moment):
            pricelist = self
            while pricelist:
                found = rule.browse(pricelist._get_product_rule(product, float(start), date=moment))
                if found == rule:
                    return True
                based = found.compute_price != "fixed" and found.base == "pricelist"
                pricelist = found.base_pricelist_id if based else self.browse()
        return False

    def _trtc_get_first_open_day(self, accounts):
        """Return the first day that is settled for none of some accounts, at least today."""
        today = self.env.company._trtc_today()
        groups = (
            self.env["trtc.statement"]
            .sudo()
            ._read_group([("account_id", "in", accounts.ids)], [], ["date_to:max"])
        )
        last = fields.Date.to_date(groups[0][0])
        return max(today, last + timedelta(days=1)) if last else today
