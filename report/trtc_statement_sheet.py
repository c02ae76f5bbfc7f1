from odoo import models
from odoo.tools import SQL

from ..models.figures import to_decimal


class TrtcStatement(models.Model):
    # All lines of a statement as a table for programs.
    _inherit = "trtc.statement"  # pylint: disable=consider-merging-classes-inherited

    # === TOOLING === #

    def _iterate_sheet(self):
        """Yield the rows of a table of all lines, its head first; texts and exact Decimals."""
        self.ensure_one()
        yield self._get_sheet_head()
        env = self.sudo().env
        items = {item.id: self._get_sheet_item(item) for item in self.sudo()._get_items()}
        labels = dict(env["trtc.statement.line"]._fields["status"]._description_selection(self.env))
        robot = self.env._("robots of tasks")
        currency = self.currency_id.name
        for sdkappid, application, item_id, kind, status, day, *figures in self._iterate_lines():
            code, item, usage_unit, unit = items[item_id]
            metered, *quantities, price, amount = map(to_decimal, figures)
            yield [
                day.isoformat(),
                sdkappid or "",
                application or "",
                code,
                item,
                robot if kind == "robot" else "",
                labels[status],
                metered,
                usage_unit,
                *quantities,
                unit,
                price,
                amount,
                currency,
            ]

    def _get_sheet_head(self):
        return [
            self.env._("Day"),
            self.env._("SDKAppID"),
            self.env._("Application"),
            self.env._("Item Code"),
            self.env._("Billing Item"),
            self.env._("Robots"),
            self.env._("Status"),
            self.env._("Metered"),
            self.env._("Usage Unit"),
            self.env._("Rounded Up"),
            self.env._("Free"),
            self.env._("From Packs"),
            self.env._("Not Billed"),
            self.env._("Billed"),
            self.env._("Unit"),
            self.env._("Unit Price"),
            self.env._("Amount"),
            self.env._("Currency"),
        ]

    def _get_items(self):
        """Return the billing items of the lines of this statement."""
        rows = self.env.execute_query(
            SQL("SELECT DISTINCT item_id FROM trtc_statement_line WHERE statement_id = %s", self.id)
        )
        return self.env["trtc.item"].browse(item_id for (item_id,) in rows)

    def _get_sheet_item(self, item):
        """Return the cells that name a billing item: code, name, usage unit, billing unit."""
        return [
            text or ""
            for text in (item.code, item.name, item.usage_uom_id.name, item.uom_id.name)
        ]
