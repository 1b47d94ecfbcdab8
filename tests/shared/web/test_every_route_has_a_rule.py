"""Every route of every service says who may call it; this lists them all."""

import pytest
from fastapi import FastAPI

from shared.web.app import routes_of
from shared.web.auth import rule_of
from tests.support.service import SERVICES, fresh_database, service_named, under_test

OPEN = {
    "intake": (
        "/",
        "/explore",
        "/request",
        "/call-back",
        "/api/intake/requests",
        "/sign-in",
        "/sign-out",
        "/link",
        "/my/sign-in",
        "/partner",
    ),
    "billing": ("/api/billing/webhooks",),
    "records": ("/my/records/invitations",),
}
"""The prefixes under which a service may let everybody in; anything else that is open fails this test."""
FOR_MACHINES = ("/livez", "/readyz", "/healthz", "/metrics")


@pytest.mark.parametrize("name", SERVICES)
async def test_every_route_says_who_may_call_it(
    name: str, postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: object
) -> None:
    assert fresh_database
    async with under_test(service_named(name), postgres_url, platform_environment, keys_folder) as tested:  # type: ignore[arg-type]
        app: FastAPI = tested.app
    routes = list(routes_of(app))
    assert len(routes) > 5
    assert [route.path for route in routes if rule_of(route) is None] == []
    open_to_all = {route.path for route in routes if (rule := rule_of(route)) and not rule.roles}
    unexpected = {path for path in open_to_all if not path.endswith(FOR_MACHINES) and not _is_open(name, path)}
    assert unexpected == set()


def _is_open(name: str, path: str) -> bool:
    allowed = OPEN.get(name, ())
    return path in allowed or path.startswith(tuple(f"{prefix}/" for prefix in allowed if prefix != "/"))
