import base64

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..rating import encodings, numerals, sheets, usage_file

ENCODINGS = [
    (encodings.UTF_8, "UTF-8"),
    (encodings.GB18030, "GB18030"),
    (encodings.WINDOWS, "Windows-1252"),
    (encodings.UTF_16_LE, "UTF-16 (Unicode Text)"),
    (encodings.UTF_16_BE, "UTF-16, big-endian"),
]
DELIMITERS = [(",", "Comma"), (";", "Semicolon"), ("\t", "Tab")]
DECIMAL_MARKS = [(numerals.POINT, "Point (1,234.5)"), (numerals.COMMA, "Comma (1.234,5)")]
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
KEPT_FIELDS = RESULT_FIELDS | {
    "company_id",
    "source",
    "file",
    "encoding",
    "delimiter",
    "decimal_mark",
}


class TrtcUsageImport(models.Model):
    _name = "trtc.usage.import"
    _description = "TRTC Usage Import"
    _order = "id desc"
    _inherit = ["trtc.given", "trtc.kept", "trtc.entered", "trtc.thread"]

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
        compute="_compute_encoding",
        store=True,
        copy=False,
        readonly=False,
        help="Found in the file; correct it if the preview shows wrong text.",
    )
    delimiter = fields.Selection(
        DELIMITERS, compute="_compute_delimiter", store=True, readonly=False, copy=False
    )
    decimal_mark = fields.Selection(
        DECIMAL_MARKS,
        compute="_compute_decimal_mark",
        store=True,
        copy=False,
        readonly=False,
        help="Found in the quantities of the file. Choose it where no quantity shows whether "
        "1.234 is a little more than one or more than a thousand.",
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
        vals_list = [self._clean_name(vals) for vals in vals_list]
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
        vals = self._clean_name(vals)
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

    @api.model
    def _clean_name(self, vals):
        """Return values with the name of the file as a name: a client may send a path."""
        if vals.get("file_name"):
            return {**vals, "file_name": sheets.safe_name(vals["file_name"])}
        return vals

    def _refuse_results(self):
        raise UserError(
            self.env._(
                "State, counts and rejected rows of an import are written when it is carried "
                "out: choose a file and import it."
            )
        )

    def _check_deletable(self):
        super()._check_deletable()
        if any(usage_import.state == "done" for usage_import in self):
            raise UserError(
                self.env._(
                    "An import that was carried out is kept: it shows where usage came from."
                )
            )

    # === ACTION === #

    def action_import(self):
        """Take the rows of the file in; keep the rejected ones as a file."""
        self._check_one()
        self.env["trtc.usage"]._check_may_ingest()
        self.check_access("write")
        if self.state == "done":
            raise UserError(self.env._("This file was imported already."))
        header, rows, _count = self._read_file()
        readable = [row for row in rows if not row.error]
        usage = self.env["trtc.usage"].with_company(self.company_id).sudo()
        source = usage._read_source(self.source)
        result = usage._ingest(
            [row.record for row in readable], source, self, lines=[row.line for row in readable]
        )
        rejected = [(row, self._get_row_message(row.error)) for row in rows if row.error]
        rejected += [
            (readable[rejection["index"]], rejection["error"]) for rejection in result["rejected"]
        ]
        rejected.sort(key=lambda pair: pair[0].line)
        self.sudo().write(
            {
                "state": "done",
                "row_count": len(rows),
                "accepted_count": result["accepted"],
                "duplicate_count": result["duplicate"],
                "restated_count": result["restated"],
                "unassigned_count": result["unassigned"],
                "rejected_count": len(rejected),
                **self._prepare_rejected_file(header, rejected),
            }
        )

    def action_open_usage(self):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "trtc_billing.trtc_usage_action"
        )
        action["domain"] = [("import_id", "in", self.ids)]
        return action

    # === TOOLING === #

    @api.model
    def _trtc_get_enterable_fields(self):
        """Let an import begin in any company of the user; ``write`` lets it move to no other."""
        return super()._trtc_get_enterable_fields() | {"company_id"}

    def _get_content(self):
        self.ensure_one()
        # A client that asks for sizes must not make the file look like its size.
        return self._decode(self.with_context(bin_size=False, bin_size_file=False).file)

    @api.model
    def _decode(self, value):
        """Return the bytes of a file as a client sends it."""
        try:
            if isinstance(value, str):
                value = value.encode("ascii")
            return base64.b64decode((value or b"").translate(None, b" \t\r\n"), validate=True)
        except (AttributeError, TypeError, ValueError):
            raise UserError(
                self.env._("The file did not arrive whole (no valid Base64): send it again.")
            ) from None

    def _check_file(self, vals):
        for name in {"file", "rejected_file"} & vals.keys():
            self._decode(vals[name])

    def _prepare_rejected_file(self, header, rejected):
        """Return the rejected rows as a file of the same form, with their reasons.

        What a spreadsheet would take for a formula gets an apostrophe in front, a
        negative number too; reading the file takes it away again.

        :param list rejected: pairs of a :class:`usage_file.Row` and a sentence
        """
        if not rejected:
            return {}
        rows = [
            (row, self.env._("Line %(line)s: %(error)s", line=row.line, error=sentence))
            for row, sentence in rejected
        ]
        delimiter = self.delimiter or ","
        mark = self.decimal_mark or self._find_mark(self._get_content(), delimiter)
        text = usage_file.write_rejected(header, rows, delimiter, mark)
        content = text.encode(encodings.UTF_8)
        if self.encoding == encodings.GB18030:
            chinese = text.encode(encodings.GB18030)
            # Unless what is left of the file could be taken for something else
            if encodings.find_encoding(chinese) == encodings.GB18030:
                content = chinese
        stem = sheets.safe_name(self.file_name or self.name).rsplit(".", 1)[0]
        return {
            "rejected_file": base64.b64encode(content),
            "rejected_file_name": sheets.safe_name(stem, "-rejected.csv"),
        }
