"""What every response carries and no error escapes: security headers, and one place for what nobody expected."""

import secrets
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log, telemetry
from shared.db import AWAY
from shared.web.errors import TOO_LARGE, respond, unavailable, unexpected
from shared.web.problem import Problem

_log = log.get(__name__)

_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'{form_action}; frame-ancestors 'none'; base-uri 'none'"
)
_FIXED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "cache-control": "private, no-store",
}


class SecurityHeaders:
    """Puts the headers on every response; answers are private unless they say otherwise."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        fixed = _FIXED | ({"strict-transport-security": "max-age=31536000"} if https else {})
        self._fixed = tuple((name.encode(), value.encode()) for name, value in fixed.items())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        state["nonce"] = secrets.token_urlsafe(16)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = "".join(f" {origin}" for origin in state.get("form_action", ()))
                policy = _POLICY.format(nonce=state["nonce"], form_action=extra).encode("latin-1")
                said = {name for name, _ in message["headers"]}
                wanted = (*self._fixed, (b"content-security-policy", policy))
                message["headers"] = [*message["headers"], *(one for one in wanted if one[0] not in said)]
            await send(message)

        await self._app(scope, receive, dressed)


class NothingEscapes:
    """Answers 500 (or 503 while the database is away) for an exception nobody caught, and logs it for a person to act.

    It also dresses the framework's bare 413 as a problem, and closes the files of a form when its request is over.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Watched(send)
        try:
            await self._app(scope, receive, answer.send)
            problem = Problem(413, *TOO_LARGE) if answer.bare else None
        except Exception as error:  # the last one who can answer: whatever it is becomes a problem, told and logged
            if answer.started:
                raise
            problem = _problem_of(error)
            _tell(scope, problem, error)
        finally:
            if form := scope["state"].get("open_form"):
                await form.close()
        if problem is not None:
            page = await respond(Request(scope, receive), problem)
            await page(scope, receive, send)


class _Watched:
    """The sending side of a request: notes whether an answer began, and holds back a 413 in plain text."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.bare = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = Headers(raw=message["headers"]).get("content-type", "")
            self.bare = message["status"] == 413 and kind.startswith("text/plain")
            self.started = not self.bare
        if not self.bare:
            await self._send(message)


def _tell(scope: Scope, problem: Problem, error: Exception) -> None:
    route = getattr(scope.get("route"), "path", None)
    if problem.status_code == 500:
        _log.error("request_failed", method=scope["method"], route=route, exc_info=error)
    else:
        _log.warning("database_away", method=scope["method"], route=route, error=type(error).__name__)


def _problem_of(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    return unavailable() if isinstance(error, AWAY) else unexpected()


class Traced:
    """Runs each request as a span, of the caller's trace when it names one; the outbox carries the trace on."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        parent = Headers(scope=scope).get("traceparent")
        with telemetry.continuing(parent, f"HTTP {scope['method']}", **{"consilium.service": self._service}):
            await self._app(scope, receive, send)
