from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import chain

from psycopg2.errors import SerializationFailure

from odoo import Command, fields, models
from odoo.tools import SQL

from ..rating import charges as rating
from ..rating import engine, periods
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
        until = fields.Date.to_date(until)
        statements = self.env["trtc.statement"]
        book = PriceBook()
        for account in self._get_accounts_to_bill().sudo()._filter_unsettled(until):
            if account._lock_for_billing():
                account = account.with_company(account.company_id)
                statements |= account._settle(until, book)
        return self.env["trtc.statement"].browse(statements.ids)

    def _filter_unsettled(self, until):
        """Return those accounts that have something to settle."""
        groups = self.env["trtc.settlement.note"]._read_group(
            [("account_id", "in", self.ids), ("date_to", "<=", until)], ["account_id"]
        )
        return self.browse(account.id for (account,) in groups).sorted("id")

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

    def _settle(self, until, book):
        """Settle this locked account; return the new statements."""
        until = min(until, self.company_id._trtc_last_ended_day())
        notes = self.env["trtc.settlement.note"].search(
            [("account_id", "=", self.id), ("date_to", "<=", until)]
        )
        statements = self.env["trtc.statement"]
        for cycle, noted in notes.grouped("cycle").items():
            touched = {(note.date_from, note.date_to) for note in noted}
            window = self._get_rating_window(cycle, touched, until)
            new = self._rate(cycle, window, book)
            settled = self._get_settled_charges(cycle, window)
            statements |= self._create_statements(cycle, rating.difference(new, settled))
        notes._work_off()
        return statements

    def _get_rating_window(self, cycle, touched, until):
        """Return the periods to rate again when some were touched.

        Where prices have steps, usage of a day may change the price of every other
        day of its month, days after ``until`` that are settled already among them.
        """
        if cycle == periods.MONTH or not self.pricelist_id._trtc_has_steps():
            return touched
        until = max(until, self._get_last_settled_day(cycle) or until)
        months = {periods.period_of(first, periods.MONTH) for first, _last in touched}
        days = chain.from_iterable(_days(first, min(last, until)) for first, last in months)
        return {(day, day) for day in days}

    def _get_last_settled_day(self, cycle):
        """Return the last day of the newest settled period, or nothing."""
        return (
            self.env["trtc.statement"]
            .search(
                [("account_id", "=", self.id), ("cycle", "=", cycle)],
                order="date_to desc",
                limit=1,
            )
            .date_to
        )

    def _rate(self, cycle, window, book):
        """Return the charges for all usage of this account in some periods.

        :param window: {(first day, last day)} of periods of ``cycle``
        :param PriceBook book: the prices of this run
        """
        items, rules = self.env["trtc.item"]._get_rules()
        meters, counts = self._get_meters(cycle, window)
        used = self.env["trtc.item"].union(*(items[meter.item] for meter in meters))

        def steps_for(code, day):
            steps = book.get_steps(self.pricelist_id, used, day)
            return steps[items[code]]

        mode = book.get_mode(self.pricelist_id)
        return [
            self._add_trace(charge, rules[charge.item], counts)
            for charge in engine.rate(rules, meters, steps_for, mode)
        ]

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

    def _get_meters(self, cycle, window):
        """Return usage summed per item, application and day, and record counts.

        :return: ([Meter], {(period, item code, sdkappid): number of records})
        """
        self.env["trtc.usage"].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT item.id, usage.application_id, usage.date,
                       CASE item.aggregation WHEN 'peak' THEN usage.start END AS instant,
                       sum(usage.quantity)::text, count(*)
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE usage.account_id = %(account)s AND usage.state = 'current'
                   AND item.cycle = %(cycle)s AND usage.date = ANY(%(days)s)
                 GROUP BY item.id, usage.application_id, usage.date, instant
                """,
                account=self.id,
                cycle=cycle,
                days=list(chain.from_iterable(_days(*period) for period in window)),
            )
        )
        meters, counts = [], defaultdict(int)
        rights = self._get_rights()
        # Read together, not one by one.
        applications = self.env["trtc.application"].browse({row[1] for row in rows})
        applications = {application.id: application for application in applications}
        for item_id, application_id, day, instant, quantity, count in rows:
            item = self.env["trtc.item"].browse(item_id)
            application = applications[application_id]
            meter = engine.Meter(
                item=item.code,
                application=application.sdkappid,
                day=day,
                usage=Decimal(quantity),
                status=rights(application, item, day),
                instant=instant,
            )
            meters.append(meter)
            robot = self._get_robot_meter(meter, application, item, rights)
            if robot:
                meters.append(robot)
            place = meter.application if item.scope == "application" else None
            period = periods.period_of(day, cycle)
            counts[period, item.code, place] += count
            if robot:
                counts[period, robot.item, place] += count
        return meters, counts

    def _get_robot_meter(self, meter, application, item, rights):
        """Return the duration of a task's robot, where the feed does not report it."""
        start, robot = self.derive_robots_from, item.robot_item_id
        if not start or meter.day < start or not robot:
            return None
        status = rights(application, robot, meter.day)
        return meter._replace(item=robot.code, status=status, kind=rating.ROBOT)

    def _get_rights(self):
        """Return a function (application, item, day) -> status of usage that day."""
        decisions = self.env["trtc.decision"].search([("account_id", "=", self.id)])
        decided = decisions.grouped(lambda d: (d.application_id, d.item_id))
        known = {}

        def status(application, item, day):
            key = application, item, day
            if key not in known:
                known[key] = self._get_usage_status(
                    application, item, day, decided.get((application, item), ())
                )
            return known[key]

        return status

    def _get_usage_status(self, application, item, day, decisions):
        """Decide whether usage of a day is billable, locked or waived.

        :param decisions: decisions on this application and item, the newest first
        """
        if not item.feature_id or application._unlocks(item.feature_id, day):
            return rating.BILLABLE
        for decision in decisions:
            if decision.date_from <= day <= decision.date_to:
                return rating.BILLABLE if decision.outcome == "bill" else rating.WAIVED
        return rating.LOCKED

    def _get_settled_charges(self, cycle, window):
        """Return what is settled in some periods, over all revisions, as charges."""
        self.env["trtc.statement.line"].flush_model()
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
                [last for _first, last in window],
            )
        )
        return [
            rating.Charge(
                periods.period_of(day, cycle),
                code,
                sdkappid,
                status,
                kind,
                *map(Decimal, [price, *measures]),
            )
            for day, code, sdkappid, status, kind, price, *measures in rows
        ]

    def _create_statements(self, cycle, charges):
        """Write charges down: new periods each on a statement, the rest on one."""
        by_period = defaultdict(list)
        for charge in charges:
            by_period[charge.period].append(charge)
        if not by_period:
            return self.env["trtc.statement"]
        # No "created" note on each: the serial number and the dates say it all.
        Statement = self.env["trtc.statement"].with_context(
            mail_create_nolog=True, tracking_disable=True
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
        vals_list = [
            self._prepare_statement(cycle, period, 0, by_period[period])
            for period in sorted(set(by_period) - known)
        ]
        corrected = sorted(set(by_period) & known)
        if corrected:
            span = corrected[0][0], corrected[-1][1]
            charges = chain.from_iterable(by_period[period] for period in corrected)
            revision = self._get_next_revision(cycle)
            vals_list.append(self._prepare_statement(cycle, span, revision, charges))
        return Statement.create(vals_list)

    def _get_next_revision(self, cycle):
        newest = self.env["trtc.statement"].search(
            [("account_id", "=", self.id), ("cycle", "=", cycle)],
            order="revision desc",
            limit=1,
        )
        return newest.revision + 1

    def _prepare_statement(self, cycle, period, revision, charges):
        """Return the values of a statement with its lines."""
        applications = {
            application.sdkappid: application.id
            for application in self.with_context(active_test=False).application_ids
        }
        items, _rules = self.env["trtc.item"]._get_rules()
        return {
            "account_id": self.id,
            "currency_id": self.currency_id.id,
            "cycle": cycle,
            "date_from": period[0],
            "date_to": period[1],
            "revision": revision,
            "line_ids": [
                Command.create(
                    {
                        **self._prepare_statement_line(charge),
                        "item_id": items[charge.item].id,
                        "application_id": applications.get(charge.application),
                    }
                )
                for charge in charges
            ],
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
        }


def _days(first, last):
    """Return the days from ``first`` to ``last``, both inclusive."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
