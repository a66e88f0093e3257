"""The log's public face: the signed checkpoint and the hash tiles (C2SP tlog-tiles), for whoever verifies it.

Serves what is stored and signs nothing, so that strangers make it do no work that is kept. Refuses entry bundles: those
are for officers. Hashes tell nothing of anybody.
"""

from time import monotonic
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from privet.audit.tiles import ENTRIES, Tile, parse_tile_path
from privet.bootstrap.auditing import has_tile, log_tile, stored_checkpoint
from privet.errors import InvalidInput
from privet.http.desk import Desk
from privet.http.guard import public
from privet.http.models.base import ProblemDetails
from privet.http.problems import EdgeError

_LONG: Final = {"cache-control": "public, max-age=3600"}
_SHORT: Final = {"cache-control": "public, max-age=1"}
_MOST_N: Final = 2**40
_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ProblemDetails, "description": why}
    for status, why in ((404, "There is no such thing here."), (422, "Not valid."), (503, "Not now."))
}

Level = Annotated[
    str, Path(json_schema_extra={"pattern": "^(0|[1-9][0-9]?)$"}, description="0 for hashes of leaves.")
]
Number = Annotated[
    str, Path(description="As in C2SP tlog-tiles: `x001/067`, with `.p/5` for a partial tile.")
]


def log(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(prefix="/v1/log", route_class=public(desk), tags=["log"])
    kept: list[tuple[float, bytes]] = []

    async def newest() -> bytes:
        """Read at most once a second, however many ask."""
        if not kept or monotonic() - kept[0][0] > 1.0:
            kept[:] = [(monotonic(), await desk.run(stored_checkpoint, desk.parts))]
        return kept[0][1]

    @router.get(
        "/checkpoint",
        response_class=Response,
        responses={**_PROBLEMS, 200: _binary("A C2SP checkpoint: a signed note.", "text/plain")},
    )
    async def checkpoint() -> Response:
        """The newest signed checkpoint, as a note."""
        return Response(await newest(), 200, _SHORT, "text/plain; charset=utf-8")

    @router.get(
        "/tile/{level}/{number:path}",
        response_class=Response,
        responses={**_PROBLEMS, 200: _binary("Hashes of 32 bytes.", "application/octet-stream")},
    )
    async def tile(level: Level, number: Number) -> Response:
        """A tile of the log's hashes."""
        wanted = _parse(level, number)
        if not await desk.run(has_tile, desk.parts, wanted):
            raise EdgeError("not_found", "the log has no such tile")
        found = await desk.run(log_tile, desk.parts, wanted)
        return Response(found, 200, _LONG, "application/octet-stream")

    return router


def _parse(level: str, number: str) -> Tile:
    try:
        wanted = parse_tile_path(f"tile/{level}/{number}")
    except InvalidInput:
        wanted = Tile(ENTRIES, 0)
    if wanted.level == ENTRIES or wanted.n >= _MOST_N:
        raise EdgeError("not_found", "the log has no such tile")
    return wanted


def _binary(what: str, media_type: str) -> dict[str, Any]:
    return {"description": what, "content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
