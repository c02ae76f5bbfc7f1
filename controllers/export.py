import tempfile

from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.exceptions import AccessError
from odoo.http import content_disposition, request


class TrtcExportController(http.Controller):
    @http.route("/trtc_billing/export.zip", type="http", auth="user", methods=["GET"])
    def export(self):
        """Send what uninstalling deletes, of all companies: see ``trtc.export``.

        The file is written to the disk and sent from there, however large it is.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the response
        try:
            request.env["trtc.export"]._write_zip(file)
        except AccessError:
            file.close()
            raise request.not_found() from None
        except BaseException:
            file.close()
            raise
        length = file.tell()
        file.seek(0)
        name = f"trtc_billing-{request.env.company._trtc_today()}.zip"
        response = request.make_response(
            wrap_file(request.httprequest.environ, file),
            [
                ("Content-Type", "application/zip"),
                ("Content-Length", length),
                ("Content-Disposition", content_disposition(name)),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
        response.direct_passthrough = True
        response.call_on_close(file.close)
        return response
