from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from functools import partial
from itertools import chain

from psycopg2.errors import SerializationFailure

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..rating import charges as rating
from ..rating import engine, periods
from ..rating.unknown import UnknownRule
from .days import read_day
from .markers import SETTLING, without_claims
from .price_book import PriceBook


class TrtcAccount(models.Model):
    # A room of its own: from usage to statements.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def settle(self, until):
        """Settle every period that ended on or before ``until``.

        Days and months that are not over yet stay open, whatever ``until`` says.
        An account that another run holds is left to that run.

        :param until: date or ISO string
        :return: the new ``trtc.statement`` records: one per newly settled period,
            and one adjustment per cycle for what changed in settled periods
        :raise AccessError: for a user who may not settle
        """
        until = read_day(self.env, until)
        caller, self = self.env, self.with_env(without_claims(self.env))
        accounts = self._get_accounts_to_bill().sudo()
        self.env["trtc.usage"].sudo()._adopt()
        statements, book, errors = self.env["trtc.statement"], PriceBook(), []
        with_fees = accounts._filter_with_fees_due(until)
        for account in (accounts._filter_unsettled(until) | with_fees).sorted("id"):
            if not account._lock_for_billing():
                continue
            account = account.company_id._trtc_in_billing_time(account)
            opens = account in with_fees
            new = account._attempt(errors, partial(account._open_and_settle, until, book, opens))
            statements |= new or statements.browse()
        if errors and len(accounts) == 1:
            raise errors[0]
        self.env["trtc.statement.line"].invalidate_model(["is_pending", "is_to_invoice"])
        self.env["trtc.statement"].invalidate_model(["state"])
        return caller["trtc.statement"].browse(statements.ids)

    def _filter_unsettled(self, until):
        """Return those accounts that have something to settle.

        Usage that waits for a decision or a price is looked at each time, as there
        may be one now.
        """
        waiting = self.env["trtc.statement.line"]
        waiting.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT account_id FROM trtc_settlement_note
                 WHERE account_id = ANY(%(accounts)s) AND date_to <= %(until)s
                 UNION
                SELECT account_id FROM (%(waiting)s) AS waiting
                 WHERE account_id = ANY(%(accounts)s) AND date <= %(until)s
                """,
                accounts=self.ids,
                until=until,
                waiting=waiting._get_pending_query(),
            )
        )
        return self.browse(sorted(account_id for (account_id,) in rows))

    def _lock_for_billing(self):
        """Lock this account for settlement or invoicing until the transaction ends.

        Under the isolation level of Odoo a run that waited for another one would
        still see the database as it was before; so it does not wait, and the serial
        number makes it fail if the other one has ended in between.

        :return: whether the account is locked now
        """
        self.ensure_one()
        self.flush_recordset()
        query = SQL(
            """
            UPDATE trtc_account SET billing_serial = billing_serial + 1
             WHERE id = (SELECT id FROM trtc_account WHERE id = %s
                            FOR NO KEY UPDATE SKIP LOCKED)
            """,
            self.id,
        )
        try:
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(query, log_exceptions=False)
                locked = bool(self.env.cr.rowcount)
        except SerializationFailure:
            return False
        self.invalidate_recordset(["billing_serial"], flush=False)
        return locked

    def _open_and_settle(self, until, book, opens):
        """Settle this locked account, with the terms to open before; return the statements."""
        if opens:
            self._open_terms(until)
        return self._settle(until, book)

    def _settle(self, until, book):
        """Settle this locked account; return the new statements."""
        until = min(until, self.company_id._trtc_last_ended_day())
        notes = self.env["trtc.settlement.note"].search(
            [("account_id", "=", self.id), ("date_to", "<=", until)]
        )
        notes.item_id._check_metering()
        touched = defaultdict(set)
        for note in notes:
            touched[note.cycle].add(((note.date_from, note.date_to), note.item_id))
        for cycle, day, item in self._get_waiting(until):
            touched[cycle].add((periods.period_of(day, cycle), item))
        statements = self.env["trtc.statement"]
        for cycle, found in sorted(touched.items()):
            window = self._get_rating_window(cycle, found, until)
            new = self._rate(cycle, window, book)
            settled = self._get_settled_charges(cycle, window)
            statements |= self._create_statements(cycle, rating.difference(new, settled))
        notes._work_off()
        self._settle_commitments(until)
        self._follow_up_packs(statements)
        self._notify_locked_usage(statements)
        return statements

    def _get_waiting(self, until):
        """Return [(cycle, date, item)] of usage that waits for a decision or a price."""
        rows = self.env.execute_query(
            SQL(
                """
                SELECT DISTINCT item.cycle, waiting.date, item.id
                  FROM (%s) AS waiting JOIN trtc_item item ON item.id = waiting.item_id
                 WHERE waiting.account_id = %s AND waiting.date <= %s
                """,
                self.env["trtc.statement.line"]._get_pending_query(),
                self.id,
                until,
            )
        )
        items = self.env["trtc.item"]
        items.browse(sorted({item_id for _cycle, _day, item_id in rows}))._check_metering()
        return [(cycle, day, items.browse(item_id)) for cycle, day, item_id in rows]

    def _get_rating_window(self, cycle, touched, until):
        """Return what to rate again when usage of some items and periods was touched.

        A task's robot shares the rounding of another item; days share the minutes of
        packs, and the steps of prices.

        :param touched: {(period, item)}
        :return: likewise
        """
        window = touched | {
            (period, item.robot_item_id) for period, item in touched if item.robot_item_id
        }
        while cycle == periods.DAY:
            wider = self._extend_for_steps(self._extend_for_pools(window), until)
            if wider == window:
                break
            window = wider
        return window

    def _extend_for_steps(self, window, until):
        """Return a window of daily periods, with what shares price steps with it.

        Usage of a day may change the price of every other settled day of its month.
        """
        lists = {self._get_pricelist(last) for (_first, last), _item in window}
        if not any(pricelist._trtc_has_steps() for pricelist in lists):
            return window
        settled = self.env["trtc.statement"].search(
            [("account_id", "=", self.id), ("cycle", "=", periods.DAY), ("revision", "=", 0)]
        )
        later = {day for day in settled.mapped("date_from") if day > until}
        months = {(periods.period_of(first, periods.MONTH), item) for (first, _), item in window}
        return {
            ((day, day), item)
            for (first, last), item in months
            for day in periods.days_of((first, last))
            if day <= until or day in later
        } | window

    def _rate(self, cycle, window, book):
        """Return the charges for all usage of this account in a window.

        :param window: {(period, item)}, periods of ``cycle`` as (first day, last day)
        :param PriceBook book: the prices of this run
        """
        items, rules = self.env["trtc.item"]._get_rules()
        meters, counts = self._get_meters(cycle, window)
        used = self.env["trtc.item"].union(*(items[meter.item] for meter in meters))

        def steps_for(code, day):
            steps = book.get_steps(self._get_pricelist(day), used, day)
            return steps[items[code]]

        def mode_for(day):
            return self._get_pricelist(day)._trtc_mode()

        pools = self._get_pools(window) if cycle == periods.DAY else ()
        try:
            charges = engine.rate(rules, meters, steps_for, mode_for, pools)
        except UnknownRule as error:
            raise UserError(self.env["trtc.item"]._get_unknown_message(error)) from None
        return [self._add_trace(charge, rules[charge.item], counts) for charge in charges]

    def _add_trace(self, charge, rule, counts):
        """Return a charge with the record of how it came to be."""
        price_rule = charge.trace.get("rule")
        trace = {
            "records": counts[charge.period, charge.item, charge.application],
            "block_size": f"{rule.block_size.normalize():f}",
            "unit_size": f"{rule.unit_size.normalize():f}",
        }
        if rule.free_quantity:
            trace["free_quantity"] = f"{rule.free_quantity.normalize():f}"
            trace["free_scope"] = rule.free_scope
        if price_rule:
            trace["price_rule"] = {
                "id": price_rule.id,
                "pricelist": price_rule.pricelist_id.name,
                "name": price_rule.name,
                "date_start": fields.Datetime.to_string(price_rule.date_start),
                "date_end": fields.Datetime.to_string(price_rule.date_end),
                "version": fields.Datetime.to_string(price_rule.write_date),
            }
        return replace(charge, trace=trace)

    def _get_settled_charges(self, cycle, window):
        """Return what is settled in a window, over all revisions, as charges."""
        self.env["trtc.statement.line"].flush_model()
        wanted = {(period, item.code) for period, item in window}
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.date, item.code, app.sdkappid, line.status, line.kind,
                       line.price_unit::text, sum(line.metered_quantity)::text,
                       sum(line.quantity)::text, sum(line.free_quantity)::text,
                       sum(line.pack_quantity)::text, sum(line.locked_quantity)::text,
                       sum(line.billable_quantity)::text, sum(line.amount)::text
                  FROM trtc_statement_line line
                  JOIN trtc_statement statement ON statement.id = line.statement_id
                  JOIN trtc_item item ON item.id = line.item_id
             LEFT JOIN trtc_application app ON app.id = line.application_id
                 WHERE statement.account_id = %s AND statement.cycle = %s
                   AND line.date = ANY(%s)
                 GROUP BY line.date, item.code, app.sdkappid, line.status, line.kind,
                       line.price_unit
                """,
                self.id,
                cycle,
                sorted({last for (_first, last), _item in window}),
            )
        )
        draws = self._get_settled_draws(cycle, window)
        charges = [
            rating.Charge(
                periods.period_of(day, cycle),
                code,
                sdkappid,
                status,
                kind,
                *map(Decimal, [price, *measures]),
                draws=draws[day, code, sdkappid, status, kind, price],
            )
            for day, code, sdkappid, status, kind, price, *measures in rows
        ]
        return [charge for charge in charges if (charge.period, charge.item) in wanted]

    def _get_settled_draws(self, cycle, window):
        """Return {key of a charge: {pack id: (units, minutes)}} as settled in a window."""
        draws = defaultdict(dict)
        if cycle == periods.MONTH:
            return draws
        self.env["trtc.pack.draw"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT line.date, item.code, app.sdkappid, line.status, line.kind,
                       line.price_unit::text, draw.pack_id,
                       sum(draw.units)::text, sum(draw.minutes)::text
                  FROM trtc_pack_draw draw
                  JOIN trtc_statement_line line ON line.id = draw.statement_line_id
                  JOIN trtc_item item ON item.id = line.item_id
             LEFT JOIN trtc_application app ON app.id = line.application_id
                 WHERE line.account_id = %s AND line.date = ANY(%s)
                 GROUP BY line.date, item.code, app.sdkappid, line.status, line.kind,
                       line.price_unit, draw.pack_id
                """,
                self.id,
                sorted({last for (_first, last), _item in window}),
            )
        )
        for *key, pack_id, units, minutes in rows:
            if Decimal(units) or Decimal(minutes):
                draws[tuple(key)][pack_id] = Decimal(units), Decimal(minutes)
        return draws

    def _create_statements(self, cycle, charges):
        """Write charges down: new periods each on a statement, the rest on one."""
        by_period = defaultdict(list)
        for charge in charges:
            by_period[charge.period].append(charge)
        if not by_period:
            return self.env["trtc.statement"]
        # No "created" note on each: the serial number and the dates say it all.
        Statement = self.env["trtc.statement"].with_context(
            mail_create_nolog=True, tracking_disable=True, trtc_settling=SETTLING
        )
        settled = Statement.search(
            [
                ("account_id", "=", self.id),
                ("cycle", "=", cycle),
                ("revision", "=", 0),
                ("date_from", "in", [first for first, _last in by_period]),
            ]
        )
        known = {(statement.date_from, statement.date_to) for statement in settled}
        plans = [
            (self._prepare_statement(cycle, period, 0), by_period[period])
            for period in sorted(set(by_period) - known)
        ]
        corrected = sorted(set(by_period) & known)
        revision = self._get_next_revision(cycle) if corrected else 0
        for found in self._split_by_customer(corrected):
            span = found[0][0], found[-1][1]
            late = list(chain.from_iterable(by_period[period] for period in found))
            plans.append((self._prepare_statement(cycle, span, revision), late))
            revision += 1
        items, _rules = self.env["trtc.item"]._get_rules()
        applications = {
            application.sdkappid: application.id
            for application in self.with_context(active_test=False).application_ids
        }

        def prepare_line(charge):
            return {
                **self._prepare_statement_line(charge),
                "item_id": items[charge.item].id,
                "application_id": applications.get(charge.application),
            }

        statements = Statement.create(
            [
                {**vals, "line_ids": [Command.create(prepare_line(c)) for c in found]}
                for vals, found in plans
            ]
        )
        # What follows may not claim to be settlement.
        return statements.with_env(self.env)

    def _get_next_revision(self, cycle):
        newest = self.env["trtc.statement"].search(
            [("account_id", "=", self.id), ("cycle", "=", cycle)],
            order="revision desc",
            limit=1,
        )
        return newest.revision + 1

    def _prepare_statement(self, cycle, period, revision):
        """Return the values of a statement, without its lines."""
        customer = self._get_customer_on(period[1])
        return {
            "account_id": self.id,
            "partner_id": self._for_customer(customer)._get_addressee().id,
            "commercial_partner_id": customer.id,
            "currency_id": self.currency_id.id,
            "cycle": cycle,
            "date_from": period[0],
            "date_to": period[1],
            "revision": revision,
        }

    def _prepare_statement_line(self, charge):
        """Return the values of a statement line for a charge, without its links."""
        return {
            "date": charge.period[1],
            "status": charge.status,
            "kind": charge.kind,
            "metered_quantity": charge.metered,
            "quantity": charge.quantity,
            "free_quantity": charge.free,
            "pack_quantity": charge.pack,
            "locked_quantity": charge.locked,
            "billable_quantity": charge.billable,
            "price_unit": charge.price,
            "amount": charge.amount,
            "trace": charge.trace,
            "draw_ids": [
                Command.create({"pack_id": pack_id, "units": units, "minutes": minutes})
                for pack_id, (units, minutes) in sorted(charge.draws.items())
            ],
        }
