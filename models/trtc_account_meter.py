from collections import defaultdict
from decimal import Decimal

from odoo import models
from odoo.tools import SQL

from ..rating import charges as rating
from ..rating import engine, periods
from .markers import UntilDay, get_marked


class TrtcAccount(models.Model):
    # A room of its own: from usage to what rating takes.
    _inherit = "trtc.account"  # pylint: disable=consider-merging-classes-inherited

    # === BUSINESS === #

    def _get_meters(self, cycle, window):
        """Return usage summed per item, application and day, and record counts.

        :return: ([Meter], {(period, item code, sdkappid): number of records})
        """
        meters, counts = [], defaultdict(int)
        rights = self._get_rights()
        rows = self._read_usage(window)
        # Read together, not one by one.
        applications = self.env["trtc.application"].browse({row[1] for row in rows})
        applications = {application.id: application for application in applications}
        for item_id, application_id, day, instant, quantity, count in rows:
            item = self.env["trtc.item"].browse(item_id)
            application = applications[application_id]
            period = periods.period_of(day, cycle)
            place = application.sdkappid if item.scope == "application" else None
            meter = engine.Meter(
                item=item.code,
                application=application.sdkappid,
                day=day,
                usage=Decimal(quantity),
                status=rights(application, item, day),
                instant=instant,
            )
            robot = self._get_robot_meter(meter, application, item, rights)
            if (period, item) in window:
                meters.append(meter)
                counts[period, item.code, place] += count
            if robot and (period, item.robot_item_id) in window:
                meters.append(robot)
                counts[period, robot.item, place] += count
        return meters, counts

    def _read_usage(self, window):
        """Return the usage of a window, and of tasks whose robots belong to it."""
        for model in ("trtc.usage", "trtc.item"):
            self.env[model].flush_model()
        items = self.env["trtc.item"].union(*(item for _period, item in window))
        items._check_metering()
        tasks = items.with_context(active_test=False).search(
            [("robot_item_id", "in", items.ids)]
        )
        return self.env.execute_query(
            SQL(
                """
                SELECT item.id, usage.application_id, usage.date,
                       CASE WHEN item.aggregation = ANY(%(by_instant)s)
                            THEN usage.start END AS instant,
                       sum(usage.quantity)::text, count(*)
                  FROM trtc_usage usage
                  JOIN trtc_item item ON item.id = usage.item_id
                 WHERE usage.account_id = %(account)s AND usage.state = 'current'
                   AND usage.is_held IS NOT TRUE
                   AND usage.item_id = ANY(%(items)s) AND usage.date = ANY(%(days)s)
                 GROUP BY item.id, usage.application_id, usage.date, instant
                """,
                account=self.id,
                by_instant=[
                    name for name, known in engine.AGGREGATIONS.items() if known.by_instant
                ],
                items=(items | tasks).ids,
                days=sorted(self._get_days_to_rate(window)),
            )
        )

    def _get_days_to_rate(self, window):
        """Return the days whose usage is rated, of the periods of a window."""
        days = {day for period, _item in window for day in periods.days_of(period)}
        until = get_marked(self.env, "trtc_until", UntilDay)
        return {day for day in days if day <= until.day} if until else days

    def _get_robot_meter(self, meter, application, item, rights):
        """Return the duration of a task's robot, where the feed does not report it."""
        start, robot = self.derive_robots_from, item.robot_item_id
        if not start or meter.day < start or not robot:
            return None
        if meter.status != rating.BILLABLE:
            # The robot of a task that is not billed is not billed either.
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

        What a person waived stays waived, whatever edition is entered afterwards and
        whatever is unlocked since: it was promised.

        :param decisions: decisions on this application and item, the newest first
        """
        for decision in decisions:
            if decision.date_from <= day <= decision.date_to:
                return rating.BILLABLE if decision.outcome == "bill" else rating.WAIVED
        if not item.feature_id or application._unlocks(item.feature_id, day):
            return rating.BILLABLE
        return rating.LOCKED
