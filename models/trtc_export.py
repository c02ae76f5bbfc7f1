import csv
import io
import json
import zipfile

from odoo import api, models
from odoo.exceptions import AccessError
from odoo.tools import SQL

from ..rating.sheets import to_sheet

#: What is exported, in the order of the way of the data.
MODELS = (
    "trtc.account",
    "trtc.application",
    "trtc.subscription",
    "trtc.commitment",
    "trtc.usage",
    "trtc.statement",
    "trtc.statement.line",
    "trtc.decision",
    "trtc.fee",
    "trtc.minute.pack",
    "trtc.pack.draw",
    "trtc.allocation",
    "trtc.recognition",
    "trtc.accrual",
    "trtc.billing.run",
)
#: {model: column} that says in words which record is meant, beside its id
NAMES = {
    "account.move": "name",
    "product.pricelist": "name",
    "product.product": "default_code",
    "res.company": "name",
    "res.currency": "name",
    "res.partner": "name",
    "trtc.account": "uin",
    "trtc.application": "sdkappid",
    "trtc.edition": "code",
    "trtc.item": "code",
}
ROWS = 5_000  # read at once


class TrtcExport(models.AbstractModel):
    """Everything that was metered, settled and billed, as files for other programs."""

    _name = "trtc.export"
    _description = "TRTC Export of All Companies"

    # === BUSINESS === #

    @api.model
    def _write_zip(self, file):
        """Write a ZIP file with one CSV file per model, of all companies.

        However much there is, only some rows are in memory at a time.

        :param file: open for writing bytes
        :raise AccessError: for a user who may not uninstall the module: nobody else sees all
            companies
        """
        self._check_may_export()
        self.env.flush_all()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for model in MODELS:
                with (
                    archive.open(f"{model}.csv", "w", force_zip64=True) as member,
                    io.TextIOWrapper(member, "utf-8-sig", newline="") as text,
                ):
                    self._write_csv(self.env[model], text)

    @api.model
    def _get_counted(self):
        """Return {model: its name for people} of all that is exported, in order."""
        names = {one.model: one.name for one in map(self.env["ir.model"]._get, MODELS)}
        return {model: names[model] for model in MODELS}

    # === TOOLING === #

    @api.model
    def _check_may_export(self):
        if not self.env.is_system():
            raise AccessError(
                self.env._(
                    "Only an administrator of the system can export the data of all companies."
                )
            )

    def _write_csv(self, records, text):
        writer = csv.writer(text, lineterminator="\r\n")
        names, query = self._get_query(records)
        writer.writerow(names)
        last = 0
        while True:
            rows = self.env.execute_query(
                SQL("%s WHERE one.id > %s ORDER BY one.id LIMIT %s", query, last, ROWS)
            )
            writer.writerows(map(_to_cell, row) for row in rows)
            if len(rows) < ROWS:
                return
            last = rows[-1][0]

    def _get_query(self, records):
        """Return (column names, SELECT) of the stored fields of a model."""
        fields = [
            field
            for name, field in sorted(records._fields.items())
            if field.store and field.column_type and field.type != "binary"
            and name not in ("id", "access_token")
        ]  # fmt: skip
        names, columns = ["id"], [SQL("one.id")]
        joins = []
        for number, field in enumerate(fields):
            names.append(field.name)
            columns.append(SQL.identifier("one", field.name))
            shown = field.type == "many2one" and NAMES.get(field.comodel_name)
            if shown:
                alias = f"other{number}"
                names.append(f"{field.name}.{shown}")
                columns.append(self._get_name(field.comodel_name, alias, shown))
                joins.append(
                    SQL(
                        " LEFT JOIN %s %s ON %s = %s",
                        SQL.identifier(self.env[field.comodel_name]._table),
                        SQL.identifier(alias),
                        SQL.identifier(alias, "id"),
                        SQL.identifier("one", field.name),
                    )
                )
        query = SQL(
            "SELECT %s FROM %s one%s",
            SQL(", ").join(columns),
            SQL.identifier(records._table),
            SQL().join(joins),
        )
        return names, query

    def _get_name(self, model, alias, name):
        """Return the column that names a record; of a translated one, what it was written in."""
        column = SQL.identifier(alias, name)
        if self.env[model]._fields[name].translate:
            return SQL("%s->>'en_US'", column)
        return column


def _to_cell(value):
    """Return a value as a cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return to_sheet(value) if isinstance(value, str) else value
