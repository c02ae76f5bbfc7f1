"""Tables of any length as files: written to disk beyond a megabyte, not to memory."""

import csv
import io
import tempfile

from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import request

from ..rating.sheets import safe_name, to_cell

MEGABYTE = 1 << 20


def send_csv(name, rows):
    """Return the response that downloads rows as a CSV file.

    With a byte order mark, by which spreadsheets know UTF-8.

    :param str name: of the file
    :param rows: an iterable of lists: texts, which are made harmless for spreadsheets, and
        Decimals, which stay numbers
    """
    # Handed to the response, which closes it.
    file = tempfile.SpooledTemporaryFile(MEGABYTE)  # noqa: SIM115
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows(map(to_cell, row) for row in rows)
    text.detach()
    length = file.tell()
    file.seek(0)
    response = request.make_response(
        wrap_file(request.httprequest.environ, file),
        [
            ("Content-Type", "text/csv; charset=utf-8"),
            ("Content-Length", str(length)),
            ("Content-Disposition", http.content_disposition(safe_name(name))),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ],
    )
    response.direct_passthrough = True
    return response
