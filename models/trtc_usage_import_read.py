from itertools import islice

from odoo import api, models
from odoo.exceptions import UserError

from ..rating import encodings, usage_file

PREVIEW_ROWS = 10
#: How much of a cell the preview shows
PREVIEW_TEXT = 200


class TrtcUsageImport(models.Model):
    # Reading the file: its form, found or asked for, its rows and the preview of them.
    _inherit = "trtc.usage.import"  # pylint: disable=consider-merging-classes-inherited

    # === COMPUTE === #

    @api.depends("file")
    def _compute_encoding(self):
        for usage_import in self:
            usage_import.encoding = encodings.find_encoding(usage_import._get_readable()) or False

    @api.depends("file", "encoding")
    def _compute_delimiter(self):
        for usage_import in self:
            usage_import.delimiter = usage_file.find_delimiter(
                usage_import._get_readable(), usage_import._get_encoding()
            )

    @api.depends("file", "encoding", "delimiter")
    def _compute_decimal_mark(self):
        for usage_import in self:
            mark, _doubt = usage_file.find_mark(
                usage_import._get_readable(),
                usage_import._get_encoding(),
                usage_import.delimiter or ",",
            )
            usage_import.decimal_mark = mark or False

    @api.depends("file", "encoding", "delimiter", "decimal_mark", "company_id", "state")
    def _compute_preview(self):
        for usage_import in self:
            usage_import.problem = usage_import.preview = False
            if not usage_import.file or usage_import.state == "done":
                continue
            try:
                header, rows, total = usage_import._read_file(PREVIEW_ROWS)
            except UserError as error:
                usage_import.problem = str(error)
                continue
            usage_import.preview = usage_import._prepare_preview(header, rows, total)

    def _prepare_preview(self, header, rows, total):
        errors = self._get_problems(rows)
        names = [name for name in header.names if name]
        return {
            "header": names,
            "rows": [
                {
                    "line": row.line,
                    "cells": [cell[:PREVIEW_TEXT] for cell in _get_cells(header, row)],
                    "error": errors.get(row.line, False),
                }
                for row in rows
            ],
            "total": total,
        }

    # === TOOLING === #

    def _get_readable(self):
        """Return the bytes of the file; none where it did not arrive whole: reading says so."""
        try:
            return self._get_content()
        except UserError:
            return b""

    def _get_encoding(self):
        """Return an encoding for what is the same in both that the file could be in."""
        return self.encoding or encodings.WINDOWS

    def _read_file(self, limit=None):
        """Return (header, rows, count of rows) of the file.

        :param int limit: how many rows to read; the others are counted only
        :return: :class:`usage_file.Header`, list of :class:`usage_file.Row`, int
        :raise UserError: where the file as a whole cannot be read
        """
        self.ensure_one()
        content = self._get_content()
        delimiter = self.delimiter or ","
        try:
            usage_file.check_kind(content)
            if not self.encoding:
                raise encodings.FileError("which_encoding", **self._get_readings(content))
            header, lines = usage_file.open_table(content, self.encoding, delimiter)
            mark = self.decimal_mark or self._find_mark(content, delimiter)
            rows = list(islice(usage_file.read_rows(header, lines, delimiter, mark), limit))
            return header, rows, usage_file.count_rows(lines, len(rows))
        except encodings.FileError as error:
            raise UserError(self._get_file_message(error)) from None

    def _get_readings(self, content):
        line, chinese, western = encodings.get_readings(content)
        return {"line": line, "chinese": chinese, "western": western}

    def _find_mark(self, content, delimiter):
        mark, doubt = usage_file.find_mark(content, self.encoding, delimiter)
        if doubt:
            raise encodings.FileError("which_mark", doubt=doubt)
        return mark

    def _get_problems(self, rows):
        """Return {line: sentence} of the rows that the import would reject."""
        problems = {row.line: self._get_row_message(row.error) for row in rows if row.error}
        readable = [row for row in rows if not row.error]
        rejected = []
        usage = self.env["trtc.usage"].with_company(self.company_id).sudo()
        usage._read_facts(
            [row.record for row in readable], rejected, [row.line for row in readable]
        )
        for rejection in rejected:
            problems[readable[rejection["index"]].line] = rejection["error"]
        return problems


def _get_cells(header, row):
    """Return the cells of a row below the names, a record's as they are read."""
    cells = row.cells + [""] * (len(header.names) - len(row.cells))
    return [
        (row.record or {}).get(name, cell)
        for name, cell in zip(header.names, cells, strict=False)
        if name
    ]
