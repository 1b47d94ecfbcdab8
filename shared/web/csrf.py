"""Cross-origin protection without tokens: a browser says itself whether a request comes from our own pages.

The rule of Go's ``net/http.CrossOriginProtection``: an unsafe request passes when ``Sec-Fetch-Site`` is ``same-origin``
or ``none``; without that header, when ``Origin`` is absent (no browser) or is our own host. The rest get 403.
"""

from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web.errors import respond
from shared.web.i18n import N_
from shared.web.problem import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def crosses_origin(method: str, headers: Headers, public_host: str) -> bool:
    """Tell whether a browser sent this unsafe request from somebody else's page."""
    if method in SAFE:
        return False
    if site := headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return False
    return urlsplit(origin).netloc not in {headers.get("host", ""), public_host} or origin == "null"


class CrossOriginProtection:
    """ASGI middleware that applies the rule."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self._app = app
        self._public_host = urlsplit(public_url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and crosses_origin(scope["method"], Headers(scope=scope), self._public_host):
            problem = Problem(403, N_("Sent from another site"), detail=N_("Open the page here and send it again."))
            answer = await respond(Request(scope, receive), problem)
            await answer(scope, receive, send)
            return
        await self._app(scope, receive, send)
