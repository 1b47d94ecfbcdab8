"""Where the card provider's messages come in, a thousand a second if need be (R21)."""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel

from services.billing.ear import Ear
from services.billing.gateway import NotFromGatewayError, gateway_of
from shared import telemetry
from shared.web import Problem, anyone
from shared.web.context import context_of


class Heard(BaseModel):
    done: bool = True


class _Bare(APIRoute):
    """A route of which the framework knows what it documents, and does no more: its function answers the request itself."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


router = APIRouter(route_class=_Bare)
_HEARD = Heard().model_dump_json()


@router.post("/webhooks/gateway", dependencies=[anyone()], status_code=202, response_model=Heard, responses={400: {}})
async def hear_gateway(request: Request) -> Response:
    """Take in a message of the card provider: its signature says who sends it, its webhook-id that it counts once."""
    ctx = context_of(request)
    try:
        message = gateway_of(ctx.settings).read(request.headers, await request.body())
    except NotFromGatewayError as error:
        raise Problem(400, "Not a message that we can believe", detail=str(error)) from None
    await _ear(request).hear(replace(message, traceparent=telemetry.traceparent()))
    return Response(_HEARD, 202, media_type="application/json")


def _ear(request: Request) -> Ear:
    """Return the one ear of this process."""
    state, db = request.app.state, context_of(request).db
    if not hasattr(state, "ear") or state.ear.db is not db:
        state.ear = Ear(db)
    ear: Ear = state.ear
    return ear
