"""The document of the API, for anybody: no secret and no person is in it."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from privet.http.desk import Desk
from privet.http.guard import public


def meta(desk: Desk, document: Callable[[], bytes]) -> APIRouter:
    """The family. `document`: the OpenAPI document, made when it is first asked for."""
    router = APIRouter(route_class=public(desk), tags=["meta"])

    @router.get(
        "/v1/openapi.json",
        response_class=Response,
        responses={
            200: {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": _OBJECT}}}
        },
    )
    async def openapi() -> Response:
        """This document."""
        return Response(document(), 200, {"cache-control": "public, max-age=60"}, "application/json")

    return router


_OBJECT: dict[str, Any] = {"type": "object"}
