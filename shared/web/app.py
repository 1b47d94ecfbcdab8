"""The application factory: a service's routes inside everything that all services promise on the web."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount

from shared.service import Context, Service
from shared.settings import PlatformSettings
from shared.web import assets, pages
from shared.web.auth import strangers_on_the_desk, unruled_routes
from shared.web.backbone import backbone_router
from shared.web.csrf import CrossOriginProtection
from shared.web.errors import on_http_exception, on_invalid_request
from shared.web.identity import Identity, IssuerKeys, session_cookie
from shared.web.middleware import NothingEscapes, SecurityHeaders, Traced
from shared.web.ops import ops_router
from shared.web.parked_pages import parked_pages
from shared.web.queue_feed import QueueFeed
from shared.web.queue_pages import queue_pages
from shared.web.tokens import PublicKeys

if TYPE_CHECKING:
    import httpx
    from fastapi import APIRouter

MAX_BODY = 1 << 20
"""Bytes a request may bring; a route that takes more says ``max_body_size=`` itself."""


OWN_TRACES_ONLY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""The framework's own spans name each address whole, and with it the secret of a sign-in link."""


class RouteRefused(Exception):
    """A route that may not be served: it says not who may call it, or takes fields it doesn't know."""


def create_app(
    service: Service, ctx: Context, *, issuer_transport: "httpx.AsyncBaseTransport | None" = None
) -> FastAPI:
    """Return the ASGI application of one service; ``issuer_transport`` is how tests reach an issuer. Raises ``RouteRefused``."""
    app = build(service, ctx.platform)
    furnish(app, service, ctx, issuer_transport)
    return app


def build(service: Service, platform: PlatformSettings) -> FastAPI:
    """Return a service's application before it is furnished: nothing of it is bound to a process or an event loop.

    Raises ``RouteRefused`` when a route has no access rule, or a request model ignores unknown fields.
    """
    app = FastAPI(
        title=f"Consilium {service.name}", version="1", redirect_slashes=False,
        openapi_url=None, docs_url=None, redoc_url=None, telemetry=OWN_TRACES_ONLY, exception_handlers={
            HTTPException: on_http_exception, RequestValidationError: on_invalid_request,
        },
    )  # fmt: skip
    app.state.assets = assets.load(Path(platform.node_modules))
    app.state.templates = pages.environment(service.package / "templates")
    app.router.routes.append(Mount("/static", app=app.state.assets))
    for router in _routers(service):
        app.include_router(router, max_body_size=MAX_BODY)
    refuse_unsafe(app)
    for middleware, options in _layers(service.name, platform.public_url):
        app.add_middleware(middleware, **options)
    return app


def _routers(service: Service) -> "Sequence[APIRouter]":
    """Return the service's own routes, then those that all have: a request meets them one by one, its own most often."""
    return [
        *(service.routes() if service.routes else ()),
        ops_router(service.name),
        backbone_router(service),
        queue_pages(service),
        parked_pages(service),
    ]


def furnish(
    app: FastAPI, service: Service, ctx: Context, issuer_transport: "httpx.AsyncBaseTransport | None" = None
) -> None:
    """Give an application all that its routes look up in it: what two of the same service and address differ in."""
    platform = ctx.platform
    app.state.context = ctx
    app.state.clock = ctx.clock
    app.state.queue_feed = QueueFeed(ctx.db, ctx.settings.database_url, service.queues)
    app.state.service_name = service.name
    app.state.office_zone = platform.office_zone
    app.state.development = platform.consilium_env == "development"
    app.state.secure = platform.public_url.startswith("https:")
    app.state.locale_folders = (service.package / "locale",)
    app.state.identity = Identity(
        service=service.name, keys=PublicKeys(Path(platform.jwks_file)), issuer=IssuerKeys(platform.oidc_issuer, issuer_transport),
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


def routes_of(app: FastAPI) -> Iterator[Any]:
    """Yield every route a service serves (``.path``, ``.methods``, ``.dependant``); the static files are nobody's secret."""
    for route in iter_route_contexts(app.routes):
        if getattr(route, "path", None) != "/static":
            yield route


def refuse_unsafe(app: FastAPI) -> None:
    """Raise ``RouteRefused`` naming every route that has no access rule, that lets others than staff onto the desk, or
    whose request model ignores unknown fields.
    """
    unruled = unruled_routes(routes_of(app))
    if unruled:
        raise RouteRefused(f"who may call these? add allow(…) or anyone() to their dependencies: {', '.join(unruled)}")
    strange = strangers_on_the_desk(routes_of(app))
    if strange:
        raise RouteRefused(f"the desk is for staff alone; these let in others: {', '.join(strange)}")
    loose = [
        f"{route.path}: {model.__name__}"
        for route in routes_of(app)
        for model in _request_models(route)
        if _is_loose(model)
    ]
    if loose:
        raise RouteRefused(
            f"these request models ignore unknown fields; derive them from shared.web.Incoming: {', '.join(loose)}"
        )


def _request_models(route: Any) -> Iterator[type[BaseModel]]:
    for field in getattr(getattr(route, "dependant", None), "body_params", ()):
        annotation = field.field_info.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation


def _is_loose(model: type[BaseModel]) -> bool:
    return model.model_config.get("extra") != "forbid"
