"""What compliance officers pause: purposes and services, at once and in every process."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from privet.bootstrap.officer import Officer
from privet.http.desk import Desk
from privet.http.guard import caller_of, guarded
from privet.http.models.officer import ControlAsked, ControlsSaid
from privet.http.routes.saying import problems, say


def controls(desk: Desk) -> APIRouter:
    """The family."""
    router = APIRouter(route_class=guarded(desk, "officer"), tags=["controls"])

    def officer(request: Request) -> Officer:
        return Officer(desk.parts, caller_of(request).name)

    @router.get("/v1/controls", response_model=ControlsSaid, responses=problems(body=False))
    async def show(request: Request) -> Response:
        """What is paused now."""
        return say({"paused": await desk.run(officer(request).paused)})

    @router.post("/v1/controls/pause", response_model=ControlsSaid, responses=problems(404))
    async def pause(asked: ControlAsked, request: Request) -> Response:
        """Pauses a purpose, with all below it, or a service."""
        return await _set(asked.name, request, pause=True)

    @router.post("/v1/controls/resume", response_model=ControlsSaid, responses=problems(404))
    async def resume(asked: ControlAsked, request: Request) -> Response:
        """Lifts a pause."""
        return await _set(asked.name, request, pause=False)

    async def _set(name: str, request: Request, *, pause: bool) -> Response:
        ana = officer(request)

        def act() -> tuple[str, ...]:
            (ana.pause if pause else ana.resume)(name)
            return ana.paused()

        return say({"paused": await desk.run(act)})

    return router
