from http import HTTPStatus

from odoo import models
from odoo.exceptions import ConcurrencyError, UserError
from odoo.http import request, serialize_exception
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

#: What a program that called us should wait before it sends the same again, in seconds.
RETRY_AFTER = 5


class IrHttp(models.AbstractModel):
    # A caller whose transaction lost to others five times is told so: it is no fault.
    _inherit = "ir.http"

    # === CORE OVERRIDES === #

    @classmethod
    def _handle_error(cls, exception):
        lost = isinstance(exception, (*PG_CONCURRENCY_EXCEPTIONS_TO_RETRY, ConcurrencyError))
        if not (lost and cls._trtc_is_program()):
            return super()._handle_error(exception)
        busy = UserError(
            request.env._(
                "Others changed the same records at the same moment. Nothing was saved. Send it "
                "again in %(seconds)s seconds.",
                seconds=RETRY_AFTER,
            )
        )
        body = serialize_exception(busy)
        if request.dispatcher.routing_type == "jsonrpc":
            body = {
                "jsonrpc": "2.0",
                "id": request.dispatcher.request_id,
                "error": {
                    "code": HTTPStatus.SERVICE_UNAVAILABLE,
                    "message": str(busy),
                    "data": body,
                },
            }
        return request.make_json_response(
            body,
            headers=[("Retry-After", str(RETRY_AFTER))],
            status=HTTPStatus.SERVICE_UNAVAILABLE,
        )

    # === TOOLING === #

    @classmethod
    def _trtc_is_program(cls):
        """Tell whether a program calls a method of one of our models."""
        kind, path = request.dispatcher.routing_type, request.httprequest.path
        if kind == "json2":
            return path.startswith("/json/2/trtc.")
        if kind != "jsonrpc" or path != "/jsonrpc":
            return False
        params = request.dispatcher.jsonrequest.get("params") or {}
        args = params.get("args") or ()
        return params.get("service") == "object" and any(
            isinstance(arg, str) and arg.startswith("trtc.") for arg in args[3:4]
        )
