"""A span for each request: the beginning of the trace that a fact carries on, or the next step of a caller's."""

from starlette.types import ASGIApp, Receive, Scope, Send

from shared import telemetry


class Traced:
    """Continue the trace that the header ``traceparent`` names, or begin one."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static"):
            await self._app(scope, receive, send)
            return
        parent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1") or None
        name = f"{scope['method']} /{scope['path'].split('/')[1]}"
        with telemetry.continuing(parent, name, **{"consilium.service": self._service}):
            await self._app(scope, receive, send)
