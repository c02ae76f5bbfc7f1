import base64
import csv
import io
from collections import Counter

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating import facts

ENCODINGS = [
    ("utf-8-sig", "UTF-8"),
    ("gb18030", "GB18030"),
]
DELIMITERS = [(",", "Comma"), (";", "Semicolon"), ("\t", "Tab")]
PREVIEW_ROWS = 10
#: More columns than this are no usage records, whatever their names.
COLUMN_LIMIT = 20
#: What spreadsheets take for the beginning of a formula.
FORMULA_SIGNS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")  # the last four: full-width
#: What carrying out an import writes, and nobody else.
RESULT_FIELDS = {
    "state",
    "row_count",
    "accepted_count",
    "duplicate_count",
    "restated_count",
    "unassigned_count",
    "rejected_count",
    "rejected_file",
    "rejected_file_name",
}
#: What an import that was carried out is evidence of.
KEPT_FIELDS = RESULT_FIELDS | {"company_id", "source", "file", "encoding", "delimiter"}


class TrtcUsageImport(models.Model):
    _name = "trtc.usage.import"
    _description = "TRTC Usage Import"
    _order = "id desc"
    _inherit = ["trtc.entered", "trtc.thread"]

    # === FIELDS === #

    name = fields.Char(required=True, default=lambda self: self.env._("New import"))
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    source = fields.Char(
        required=True,
        default="csv",
        help="The sender of these facts. A fact counts once per source and id, so keep "
        "to one source for files of one origin.",
    )
    file = fields.Binary(required=True, attachment=True, copy=False)
    file_name = fields.Char()
    encoding = fields.Selection(
        ENCODINGS,
        compute="_compute_format",
        store=True,
        readonly=False,
        help="Found in the file; correct it if the preview looks wrong.",
    )
    delimiter = fields.Selection(
        DELIMITERS, compute="_compute_format", store=True, readonly=False
    )
    state = fields.Selection(
        [("draft", "To Import"), ("done", "Imported")],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    problem = fields.Char(compute="_compute_preview")
    preview = fields.Json(compute="_compute_preview")
    row_count = fields.Integer(readonly=True, copy=False, string="Rows")
    accepted_count = fields.Integer(readonly=True, copy=False, string="Accepted")
    duplicate_count = fields.Integer(
        readonly=True, copy=False, string="Duplicate", help="Known already, nothing happened."
    )
    restated_count = fields.Integer(
        readonly=True, copy=False, string="Restated", help="Replaced a fact with the same id."
    )
    unassigned_count = fields.Integer(
        readonly=True,
        copy=False,
        string="Unassigned",
        help="Kept, but the application or the billing item is not known.",
    )
    rejected_count = fields.Integer(readonly=True, copy=False, string="Rejected")
    rejected_file = fields.Binary(readonly=True, attachment=True, copy=False)
    rejected_file_name = fields.Char(readonly=True, copy=False)
    usage_ids = fields.One2many("trtc.usage", "import_id", readonly=True)
    usage_count = fields.Integer(compute="_compute_usage_count")

    # === COMPUTE === #

    @api.depends("file")
    def _compute_format(self):
        for usage_import in self:
            try:
                content = usage_import._get_content()
            except UserError:  # the preview says so
                content = b""
            usage_import.encoding = self._guess_encoding(content)
            usage_import.delimiter = self._guess_delimiter(
                content.decode(usage_import.encoding, errors="replace")
            )

    @api.depends("file", "encoding", "delimiter", "company_id", "state")
    def _compute_preview(self):
        for usage_import in self:
            usage_import.problem = usage_import.preview = False
            if not usage_import.file or usage_import.state == "done":
                continue
            try:
                header, shown, total = usage_import._read_file(PREVIEW_ROWS)
            except UserError as error:
                usage_import.problem = str(error)
                continue
            errors = usage_import._get_problems([record for _line, record in shown])
            usage_import.preview = {
                "header": header,
                "rows": [
                    {
                        "line": line,
                        "cells": [record.get(name) or "" for name in header],
                        "error": errors.get(index, False),
                    }
                    for index, (line, record) in enumerate(shown)
                ],
                "total": total,
            }

    def _compute_usage_count(self):
        groups = self.env["trtc.usage"]._read_group(
            [("import_id", "in", self.ids)], ["import_id"], ["__count"]
        )
        counts = {usage_import.id: count for usage_import, count in groups}
        for usage_import in self:
            usage_import.usage_count = counts.get(usage_import.id, 0)

    @api.onchange("file_name")
    def _onchange_file_name(self):
        if self.file_name:
            self.name = self.file_name

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_file(vals)
            if not self.env.su and any(vals.get(name) for name in RESULT_FIELDS - {"state"}):
                self._refuse_results()
            if not self.env.su and vals.get("state", "draft") != "draft":
                self._refuse_results()
        # Defaults of the context would come in by the same door.
        context = {
            key: value
            for key, value in self.env.context.items()
            if key.removeprefix("default_") not in RESULT_FIELDS
        }
        # Some keys go: that cannot be said by keywords.
        # pylint: disable-next=context-overridden
        return super(TrtcUsageImport, self.with_context(context)).create(vals_list)

    def write(self, vals):
        self.check_access("write")
        self._check_file(vals)
        if "company_id" in vals and any(
            usage_import.company_id.id != vals["company_id"] for usage_import in self
        ):
            raise UserError(
                self.env._(
                    "The company of an import cannot be changed: make a new one in the other "
                    "company."
                )
            )
        if not KEPT_FIELDS.isdisjoint(vals) and "done" in self.mapped("state"):
            raise UserError(
                self.env._(
                    "An import that was carried out stays as it is: it shows where usage "
                    "came from. Make a new one for another file."
                )
            )
        if not self.env.su and not RESULT_FIELDS.isdisjoint(vals):
            self._refuse_results()
        return super().write(vals)

    def _refuse_results(self):
        raise UserError(
            self.env._(
                "State, counts and rejected rows of an import are written when it is carried "
                "out: choose a file and import it."
            )
        )

    @api.ondelete(at_uninstall=False)
    def _unlink_if_draft(self):
        if any(usage_import.state == "done" for usage_import in self):
            raise UserError(
                self.env._(
                    "An import that was carried out is kept: it shows where usage came from."
                )
            )

    # === ACTION === #

    def action_import(self):
        """Take the rows of the file in; keep the rejected ones as a file."""
        self.ensure_one()
        self.env["trtc.usage"]._check_may_ingest()
        self.check_access("write")
        if self.state == "done":
            raise UserError(self.env._("This file was imported already."))
        header, rows, _total = self._read_file()
        usage = self.env["trtc.usage"].with_company(self.company_id).sudo()
        source = usage._read_source(self.source)
        result = usage._ingest([record for _line, record in rows], source, self)
        rejected = result["rejected"]
        self.sudo().write(
            {
                "state": "done",
                "row_count": len(rows),
                "accepted_count": result["accepted"],
                "duplicate_count": result["duplicate"],
                "restated_count": result["restated"],
                "unassigned_count": result["unassigned"],
                "rejected_count": len(rejected),
                **self._prepare_rejected_file(header, rows, rejected),
            }
        )

    def action_open_usage(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_usage_action"
        )
        action["domain"] = [("import_id", "in", self.ids)]
        return action

    # === TOOLING === #

    def _get_content(self):
        self.ensure_one()
        # A client that asks for sizes must not make the file look like its size.
        return self._decode(self.with_context(bin_size=False).file)

    @api.model
    def _decode(self, value):
        """Return the bytes of a file as a client sends it."""
        try:
            if isinstance(value, str):
                value = value.encode("ascii")
            return base64.b64decode(b"".join((value or b"").split()), validate=True)
        except (AttributeError, TypeError, ValueError):
            raise UserError(
                self.env._("The file did not arrive whole (no valid Base64): send it again.")
            ) from None

    def _check_file(self, vals):
        for name in {"file", "rejected_file"} & vals.keys():
            self._decode(vals[name])

    @api.model
    def _guess_encoding(self, content):
        try:
            content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return "gb18030"
        return "utf-8-sig"

    @api.model
    def _guess_delimiter(self, text):
        header = text.split("\n", 1)[0]
        return max((sign for sign, _label in DELIMITERS), key=header.count)

    def _read_file(self, limit=None):
        """Return (column names, [(line number, record)], count of records) of the file.

        A cell that begins with an apostrophe and a sign of :data:`FORMULA_SIGNS` loses
        the apostrophe: the file of rejected rows puts it there, lest a spreadsheet
        take the cell for a formula.

        :param int limit: how many records to return; the others are counted only
        :raise UserError: where the file as a whole cannot be read
        """
        self.ensure_one()
        content = self._get_content()
        try:
            text = content.decode(self.encoding or "utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(
                self.env._(
                    "The file is not %(encoding)s text: byte %(position)s cannot be read. "
                    "Choose another encoding.",
                    encoding=dict(ENCODINGS)[self.encoding],
                    position=error.start + 1,
                )
            ) from None
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter or ",")
        try:
            header = [name.strip() for name in next(reader, [])]
            self._check_header(header)
            rows = []
            total = 0
            for cells in reader:
                if not any(map(str.strip, cells)):
                    continue
                total += 1
                if limit is None or total <= limit:
                    rows.append((reader.line_num, self._get_record(header, cells)))
        except csv.Error as error:
            raise UserError(
                self.env._(
                    "Line %(line)s cannot be read as CSV: %(error)s. Check the delimiter "
                    "and the quotation marks.",
                    line=reader.line_num,
                    error=error,
                )
            ) from None
        return header, rows, total

    def _check_header(self, header):
        if len(header) > COLUMN_LIMIT:
            raise UserError(
                self.env._(
                    "The first line names %(count)s columns; a file of usage records has at "
                    "most %(limit)s. Check file and delimiter.",
                    count=len(header),
                    limit=COLUMN_LIMIT,
                )
            )
        known = facts.REQUIRED + facts.OPTIONAL
        missing = [name for name in facts.REQUIRED if name not in header]
        unknown = [name for name in header if name not in known and name != "reason"]
        double = [name for name, count in Counter(header).items() if count > 1]
        if missing or unknown or double:
            raise UserError(
                self.env._(
                    "The first line must name the columns. Required: %(required)s. "
                    "Optional: %(optional)s. Found: %(found)s. Check column names and "
                    "delimiter.",
                    required=", ".join(facts.REQUIRED),
                    optional=", ".join(facts.OPTIONAL),
                    found=", ".join(header)[:200] or self.env._("nothing"),
                )
            )

    def _get_record(self, header, cells):
        record = dict(zip(header, map(_from_sheet, cells), strict=False))
        # A file of rejected rows can be mended and imported as it is.
        record.pop("reason", None)
        # A cell without a column is not dropped: 1,000 may be two cells.
        for number, cell in enumerate(cells[len(header) :], start=len(header) + 1):
            if cell.strip():  # one is enough to refuse the row
                record[self.env._("column %(number)s", number=number)] = cell
                break
        return {name: value for name, value in record.items() if value.strip()}

    def _get_problems(self, records):
        """Return {index: sentence} of the records that the import would reject."""
        rejected = []
        usage = self.env["trtc.usage"].with_company(self.company_id).sudo()
        usage._read_facts(records, rejected)
        return {rejection["index"]: rejection["error"] for rejection in rejected}

    def _prepare_rejected_file(self, header, rows, rejected):
        """Return the rejected rows as a file of the same form, with their reasons.

        What a spreadsheet would take for a formula gets an apostrophe in front, a
        negative number too; :meth:`_read_file` takes it away again.
        """
        if not rejected:
            return {}
        names = [name for name in header if name != "reason"]
        output = io.StringIO()
        writer = csv.writer(output, delimiter=self.delimiter, lineterminator="\r\n")
        writer.writerow([*names, "reason"])
        for rejection in rejected:
            line, record = rows[rejection["index"]]
            reason = self.env._("Line %(line)s: %(error)s", line=line, error=rejection["error"])
            cells = [*(record.get(name, "") for name in names), reason]
            writer.writerow(map(to_sheet, cells))
        content = output.getvalue().encode("gb18030" if self.encoding == "gb18030" else "utf-8-sig")
        stem = (self.file_name or self.name).rsplit(".", 1)[0]
        return {
            "rejected_file": base64.b64encode(content),
            "rejected_file_name": f"{stem}-rejected.csv",
        }


def to_sheet(cell):
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA_SIGNS) else cell


def _from_sheet(cell):
    """Undo :func:`to_sheet`."""
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA_SIGNS) else cell
