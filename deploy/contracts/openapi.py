"""``docs/openapi/<service>.json`` (OpenAPI 3.1): each service's JSON interface, drawn from its routes.

FastAPI knows paths and models. Added here is what it can't see: who may call, the idempotency key of every POST, the
version an edit needs, and problems (RFC 9457) in place of its own errors.
"""

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi

from shared.service import Service
from shared.web.app import routes_of
from shared.web.auth import rule_of
from shared.web.backbone import backbone_router
from shared.web.limits import AddressLimit
from shared.web.once import read_once
from shared.web.versions import expected_version

_PREFIXES = ("/api/", "/partner/")
_PROBLEM = {
    "type": "object",
    "description": "What is wrong, and what to do about it (RFC 9457)",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_PROBLEMS = {
    400: ("Unreadable", "Not JSON, no idempotency key, or a cursor that nobody gave"),
    401: ("Unknown", "No session or token, or one that is not valid here"),
    403: ("Forbidden", "Not for this role, or sent by a browser from another site"),
    404: ("Nowhere", "Not there, or not yours"),
    406: ("NotAcceptable", "Not in a form that the Accept header names"),
    409: ("NotNow", "Not possible as things stand; the detail says what to do"),
    410: ("Gone", "Erased for good"),
    412: ("Changed", "Somebody changed it since it was read"),
    413: ("TooLarge", "More than this address takes"),
    415: ("WrongKind", "A kind of file that nobody could read here"),
    422: ("Unacceptable", "Not what this address takes; `errors` names each member that needs mending"),
    460: ("Damaged", "The checksum differs: send the same bytes again"),
    428: ("VersionMissing", "Say which version was read, by If-Match"),
    429: ("TooMany", "Too often; Retry-After says when to come back"),
    502: ("PeerFailed", "Another service or provider that is needed did not answer as it should"),
    503: ("BackSoon", "The database is away; Retry-After says when to come back"),
}
"""Every answer that is not success: its name in the document, and what it means."""
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Sent again with the same body: the same answer, done once. With another body: 422",
    "schema": {"type": "string", "minLength": 8, "maxLength": 255, "pattern": "^[ -~]+$"},
}
_VERSION = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag that was read. 412: somebody changed it meanwhile",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}


def openapi(service: Service) -> dict[str, Any]:
    """Return the document of one service's paths under ``/api`` and ``/partner``."""
    app = FastAPI(openapi_url=None)
    for router in (backbone_router(service), *_api_routers(service)):
        app.include_router(router)
    document = get_openapi(title=f"Consilium {service.name}", version="1", openapi_version="3.1.0", routes=app.routes)
    document["paths"] = {path: item for path, item in sorted(document["paths"].items()) if path.startswith(_PREFIXES)}
    for route in routes_of(app):
        for method in route.methods or ():
            if operation := document["paths"].get(route.path, {}).get(method.lower()):
                _complete(operation, route)
    components = document.setdefault("components", {})
    schemas = components.get("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["schemas"] = dict(sorted((schemas | {"Problem": _PROBLEM}).items()))
    used = {
        int(status)
        for item in document["paths"].values()
        for one in item.values()
        for status in one["responses"]
        if status.isdigit()
    }
    components["responses"] = {
        name: {
            "description": description,
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for name, description in [
            ("Problem", "Not done"),
            *(about for status, about in _PROBLEMS.items() if status in used),
        ]
    }
    components["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": "__Host-consilium",
            "description": "A person's signed session",
        },
        "token": {"type": "http", "scheme": "bearer", "description": "A system's or a service's token"},
    }
    return document


def as_text(document: dict[str, Any]) -> str:
    """Return the text of the generated file."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _api_routers(service: Service) -> list[APIRouter]:
    """Return the routers of ``api.py`` and of the modules beside it that have it in their names."""
    modules = [
        import_module(f"services.{service.name}.{file.stem}") for file in sorted(service.package.glob("*api*.py"))
    ]
    found = {id(value): value for one in modules for value in vars(one).values() if isinstance(value, APIRouter)}
    return list(found.values())


def _complete(operation: dict[str, Any], route: Any) -> None:
    rule = rule_of(route)
    roles = sorted(rule.roles) if rule else []
    operation["x-roles"] = [str(role) for role in roles] or ["anyone"]
    operation["security"] = [{"session": []}, {"token": []}] if roles else []
    calls = {one.call for one in _tree(route.dependant)}
    extra = [header for call, header in ((read_once, _KEY), (expected_version, _VERSION)) if call in calls]
    if extra:
        operation["parameters"] = [*operation.get("parameters", ()), *extra]
    done = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    said = {int(status) for status in operation["responses"]} - {int(status) for status in done} - {422}
    problems = sorted(said | set(_problems(route, bool(operation.get("requestBody")), calls)))
    named = {str(status): {"$ref": f"#/components/responses/{_PROBLEMS[status][0]}"} for status in problems}
    operation["responses"] = done | named | {"default": {"$ref": "#/components/responses/Problem"}}


def _problems(route: Any, body: bool, calls: set[Any]) -> Iterator[int]:
    """Yield every status, other than success, that the routes' common ground can answer; a route names its own itself."""
    yield from (401, 503)
    changes = not route.methods <= {"GET", "HEAD"}
    if changes or ((rule := rule_of(route)) and rule.roles):
        yield 403
    if "{" in route.path:
        yield 404
    if changes:
        yield from (409, 413)
    if body or read_once in calls:
        yield 400
    if body or read_once in calls or any(one.path_params or one.query_params for one in _tree(route.dependant)):
        yield 422
    if expected_version in calls:
        yield from (412, 428)
    if any(isinstance(call, AddressLimit) for call in calls):
        yield 429


def _tree(dependant: Any) -> Iterator[Any]:
    yield dependant
    for dependency in dependant.dependencies:
        yield from _tree(dependency)
