"""The application factory: a service's routes inside everything that all services promise on the web."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.db import Database
from shared.service import Context, Service
from shared.web import assets, ops, pages, queues
from shared.web.auth import unruled_routes
from shared.web.csrf import CrossOriginProtection
from shared.web.identity import Identity, IssuerKeys, session_cookie
from shared.web.middleware import NothingEscapes, SecurityHeaders, Traced
from shared.web.problem import on_http_exception, on_invalid_request
from shared.web.tokens import PublicKeys

if TYPE_CHECKING:
    import httpx

MAX_BODY = 1 << 20
"""Bytes a request may bring; a route that takes more says ``max_body_size=`` itself."""


class RouteRefused(Exception):
    """A route that may not be served: it says not who may call it, or takes fields it doesn't know."""


def create_app(service: Service, ctx: Context, *, issuer_transport: "httpx.AsyncBaseTransport | None" = None) -> FastAPI:
    """Return the ASGI application of one service; ``issuer_transport`` is how tests reach an issuer.

    Raises ``RouteRefused`` when a route has no access rule, or a request model ignores unknown fields.
    """
    app = FastAPI(
        title=f"Consilium {service.name}", version="1", max_body_size=MAX_BODY, redirect_slashes=False,
        openapi_url=None, docs_url=None, redoc_url=None, exception_handlers={
            HTTPException: on_http_exception, RequestValidationError: on_invalid_request,
        },
    )  # fmt: skip
    _furnish(app, service, ctx, issuer_transport)
    app.router.routes.append(Mount("/static", app=app.state.assets))
    for router in (ops.router(service.name), *queues.routers(service), *(service.routes() if service.routes else ())):
        app.include_router(router)
    refuse_unsafe(app)
    for middleware, options in _layers(service.name, ctx.platform.public_url):
        app.add_middleware(middleware, **options)
    return app


def _furnish(app: FastAPI, service: Service, ctx: Context, transport: "httpx.AsyncBaseTransport | None") -> None:
    platform = ctx.platform
    app.state.context = ctx
    app.state.clock = ctx.clock
    app.state.service_name = service.name
    app.state.development = platform.consilium_env == "development"
    app.state.assets = assets.load(Path(platform.node_modules))
    app.state.templates = pages.environment(service.package / "templates")
    app.state.locale_folders = (service.package / "locale",)
    app.state.identity = Identity(
        service=service.name, keys=PublicKeys(Path(platform.jwks_file)), issuer=IssuerKeys(platform.oidc_issuer, transport),
        audience=platform.oidc_client_id, cookie=session_cookie(platform.public_url), clock=ctx.clock,
    )  # fmt: skip


def _layers(service: str, public_url: str) -> Sequence[tuple[Any, dict[str, Any]]]:
    """Return the middleware, innermost first."""
    return (
        (CrossOriginProtection, {"public_url": public_url}),
        (NothingEscapes, {}),
        (GZipMiddleware, {"minimum_size": 800, "compresslevel": 6}),
        (SecurityHeaders, {"https": public_url.startswith("https:")}),
        (Traced, {"service": service}),
    )


class Hosted:
    """A service that opens its connections when the server starts and lets go of them when it stops."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._ctx: Context | None = None
        self._app: ASGIApp | None = None

    async def open(self) -> None:
        """Connect, and refuse to start with an unsafe route."""
        self._ctx = await Context.open(self.service)
        self._app = create_app(self.service, self._ctx)

    async def close(self) -> None:
        """Let go of connections."""
        if self._ctx is not None:
            await self._ctx.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live([self], receive, send)
        elif self._app is not None:
            await self._app(scope, receive, send)


async def live(hosted: Sequence[Hosted], receive: Receive, send: Send) -> None:
    """Speak the ASGI lifespan protocol for ``hosted``: all open, or none."""
    await receive()
    opened: list[Hosted] = []
    try:
        for one in hosted:
            opened.append(one)
            await one.open()
    except Exception as error:
        for one in opened:
            await one.close()
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    for one in opened:
        await one.close()
    await send({"type": "lifespan.shutdown.complete"})


def serve_alone(service: Service) -> ASGIApp:
    """Return the application that a server runs for one service behind a gateway."""
    return Hosted(service)


def routes_of(app: FastAPI) -> Iterator[Any]:
    """Yield every route a service serves (``.path``, ``.methods``, ``.dependant``); the static files are nobody's secret."""
    for route in iter_route_contexts(app.routes):
        if getattr(route, "path", None) != "/static":
            yield route


def refuse_unsafe(app: FastAPI) -> None:
    """Raise ``RouteRefused`` naming every route that has no access rule, or whose request model ignores unknown fields."""
    unruled = unruled_routes(routes_of(app))
    if unruled:
        raise RouteRefused(f"who may call these? add allow(…) or anyone() to their dependencies: {', '.join(unruled)}")
    loose = [f"{route.path}: {model.__name__}" for route in routes_of(app) for model in _request_models(route) if _is_loose(model)]
    if loose:
        raise RouteRefused(f"these request models ignore unknown fields; derive them from shared.web.Incoming: {', '.join(loose)}")


def _request_models(route: Any) -> Iterator[type[BaseModel]]:
    for field in getattr(getattr(route, "dependant", None), "body_params", ()):
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation


def _is_loose(model: type[BaseModel]) -> bool:
    return model.model_config.get("extra") != "forbid"


def _context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


def _database_of(request: Request) -> Database:
    database: Database = request.app.state.context.db
    return database


Ctx = Annotated[Context, Depends(_context_of)]
Db = Annotated[Database, Depends(_database_of)]
