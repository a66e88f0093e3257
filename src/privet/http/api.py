"""The /v1 API: every route but the hot two, which `http.hot` serves, behind one application.

The hot two stand here too, so that the OpenAPI document is whole; the composition never lets a request reach them.
Refuses what is no route, or not that method of it, as every other error: in problem details, with a leaf where a known
caller asked.
"""

from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from privet.http.describing import describe
from privet.http.desk import Desk
from privet.http.guard import problem_response, refuse
from privet.http.heads import Heads
from privet.http.problems import EdgeError, problem_of
from privet.http.routes.audit import audit
from privet.http.routes.consent import consents
from privet.http.routes.controls import controls
from privet.http.routes.log import log
from privet.http.routes.me import me
from privet.http.routes.meta import meta
from privet.http.routes.reads import reads
from privet.http.routes.writes import writes

_SILENT: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""FastAPI's own telemetry sees bodies, and goes wherever the environment says: ours (privet.serving) does not."""


def make_api(desk: Desk) -> FastAPI:
    """The application, of an open vault."""
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_SILENT,
        generate_unique_id_function=_operation_id,
        exception_handlers={HTTPException: _no_route(desk), Exception: _failed},
    )
    families = [family(desk) for family in (reads, writes, consents, me, audit, controls, log)]
    app.add_middleware(Heads)
    document: list[bytes] = []

    def written() -> bytes:
        if not document:
            document.append(orjson.dumps(describe(app.routes, desk.parts.catalogue)))
        return document[0]

    families.append(meta(desk, written))
    for family in families:
        app.include_router(family)
    paths = [route.path for family in families for route in family.routes if isinstance(route, APIRoute)]
    desk.unrouted.routes = frozenset(path for path in paths if "{" not in path)
    return app


def _operation_id(route: APIRoute) -> str:
    """Of the path: `consent-record`, `audit-entries`."""
    return "-".join(part for part in route.path.split("/") if part not in ("", "v1") and part[0] != "{")


def _no_route(desk: Desk) -> Any:
    async def answer(request: Request, error: HTTPException) -> Response:
        allow = (error.headers or {}).get("allow") or (error.headers or {}).get("Allow") or ""
        if error.status_code == 405:
            methods = [name.strip() for name in allow.split(",")]
            if "GET" in methods:
                methods.append("HEAD")
            told = EdgeError("method_not_allowed", f"this route takes {', '.join(methods)}", allow=methods)
        elif error.status_code == 404:
            told = EdgeError("not_found", "there is nothing at this address")
        else:
            told = EdgeError("bad_request", "the request cannot be understood")
        caller = await desk.unrouted.find_caller(request.scope)
        path = request.scope["path"]
        route = path if path in desk.unrouted.routes else ""
        return await refuse(desk, request.scope, route, caller, told)

    return answer


async def _failed(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the caller hears nothing of it, the edge tells the operator."""
    return problem_response(request.scope, problem_of(error))
