"""Staff sign in by OpenID Connect: against the development issuer, and against tokens as Keycloak makes them."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt

from deploy.dev_issuer.app import create_app as create_issuer
from services.intake.pages import staff_sign_in
from shared.service import Service
from shared.settings import PlatformSettings
from shared.web import Role, create_app
from shared.web.identity import IssuerKeys, roles_in
from shared.web.oidc import local_path, oidc_router
from shared.web.tokens import NotOurs, read_key
from tests.shared.web.sample.service import SAMPLE, router
from tests.support.service import ServiceUnderTest

ISSUER = "http://issuer.test"
PUBLIC = "http://consilium.test"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OIDC_ISSUER", ISSUER)
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    return create_issuer()


@pytest.fixture
def browser(sample: ServiceUnderTest, issuer: Any) -> Callable[[], httpx.AsyncClient]:
    """A browser that knows the application and the issuer by their hosts."""
    sample.clock.at = datetime.fromtimestamp(int(time.time()), UTC)
    sample.ctx.platform.oidc_issuer = ISSUER
    key = read_key(sample._keys / "sessions.pem", "sessions")
    secret = issuer.state.issuer.client_secret
    signing_in = Service(
        name="sample",
        package=SAMPLE.package,
        settings=SAMPLE.settings,
        routes=lambda: [router, oidc_router(key=key, client_secret=secret, public_url=PUBLIC)],
    )
    app = create_app(signing_in, sample.ctx, issuer_transport=httpx.ASGITransport(issuer))
    mounts = {"all://issuer.test": httpx.ASGITransport(issuer), "all://consilium.test": httpx.ASGITransport(app)}
    return lambda: httpx.AsyncClient(
        mounts=mounts, base_url=PUBLIC, follow_redirects=False, headers={"Accept": "text/html"}
    )


async def _authorize(client: httpx.AsyncClient, sub: str, path: str = "/sign-in") -> str:
    """Leave for the issuer, click a person, and return the address that leads back."""
    away = (await client.get(path)).headers["location"]
    assert away.startswith(f"{ISSUER}/authorize?")
    people = await client.get(away)
    assert "Ada Winter" in people.text
    asked = {name: values[0] for name, values in parse_qs(urlsplit(away).query).items()}
    return (await client.post(f"{ISSUER}/authorize", data={**asked, "sub": sub})).headers["location"]


async def test_a_click_on_a_person_ends_on_the_page_they_wanted(browser: Callable[[], httpx.AsyncClient]) -> None:
    async with browser() as client:
        wanted = await client.get("/desk/sample")
        back = await client.get(await _authorize(client, "staff-ada", wanted.headers["location"]))
        assert (back.status_code, back.headers["location"]) == (303, "/desk/sample")
        cookie = back.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        who = (await client.get("/api/sample/who")).json()
        assert who == {"subject": "staff-ada", "roles": ["care_advisor"], "staff": True}
        assert "Ada Winter" in (await client.get("/desk/sample")).text
        assert (await client.get("/sign-out")).status_code == 405, "a link on somebody's page signs nobody out"
        assert 'action="/sign-out"' in (await client.get("/desk/sample")).text
        await client.post("/sign-out")
        assert (await client.get("/api/sample/who")).json()["roles"] == []


async def test_a_way_back_that_this_browser_did_not_leave_by_is_refused(
    browser: Callable[[], httpx.AsyncClient],
) -> None:
    async with browser() as victim, browser() as attacker:
        back = await _authorize(attacker, "staff-ada")
        assert (await victim.get(back)).status_code == 400
        await victim.get("/sign-in")
        assert (await victim.get(back)).status_code == 400
        assert (await victim.get("/sign-in/callback?code=c&state=é")).status_code == 400
        assert (await attacker.get(back)).status_code == 303
        assert (await attacker.get(back)).status_code == 400


async def test_a_code_works_once(browser: Callable[[], httpx.AsyncClient]) -> None:
    async with browser() as client:
        back = await _authorize(client, "staff-ada")
        going = client.cookies.get("consilium_signing_in")
        assert (await client.get(back)).status_code == 303
        client.cookies.set("consilium_signing_in", going or "", domain="consilium.test", path="/sign-in")
        assert (await client.get(back)).status_code == 400


async def test_somebody_without_a_role_here_stays_outside(
    browser: Callable[[], httpx.AsyncClient], issuer: Any
) -> None:
    issuer.state.issuer.people["staff-ada"]["roles"] = ["gardener", "patient", "service"]
    async with browser() as client:
        answer = await client.get(await _authorize(client, "staff-ada"))
        assert (answer.status_code, "No role here" in answer.text) == (403, True)


async def test_while_the_issuer_is_away_people_are_told_so(
    sample: ServiceUnderTest, browser: Callable[[], httpx.AsyncClient]
) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    keys = IssuerKeys(ISSUER, httpx.MockTransport(refuse))
    with pytest.raises(httpx.HTTPError):
        await keys.about()
    sample.app.state.identity.issuer = keys
    answer = await sample.http.get("/api/sample/who", headers={"Authorization": "Bearer x.y.z"})
    assert answer.status_code in (401, 503)


async def test_the_partners_system_gets_a_token_with_its_secret(browser: Callable[[], httpx.AsyncClient]) -> None:
    async with browser() as client:
        wrong = await client.post(
            f"{ISSUER}/token", data={"grant_type": "client_credentials"}, auth=("partner-demo", "guess")
        )
        assert (wrong.status_code, wrong.json()) == (401, {"error": "invalid_client"})
        right = await client.post(
            f"{ISSUER}/token",
            data={
                "grant_type": "client_credentials",
                "client_id": "partner-demo",
                "client_secret": "partner-demo-secret",
            },
        )
        token = {"Authorization": f"Bearer {right.json()['access_token']}"}
        assert (await client.get("/api/sample/partner-only", headers=token)).json() == {"subject": "partner-demo"}
        assert (await client.get("/api/sample/service-only", headers=token)).status_code == 403
        info = await client.get(f"{ISSUER}/userinfo", headers=token)
        assert info.json()["roles"] == ["partner_system"]
        assert (await client.get(f"{ISSUER}/userinfo", headers={"Authorization": "Bearer no"})).status_code == 401


async def test_a_token_of_another_audience_or_issuer_or_key_is_refused(
    browser: Callable[[], httpx.AsyncClient], issuer: Any
) -> None:
    made = issuer.state.issuer
    now = int(time.time())
    good = {"iss": ISSUER, "aud": "consilium", "sub": "x", "exp": now + 60, "roles": ["partner_system"]}
    async with browser() as client:

        async def answers(claims: dict[str, Any], kid: str = made.key.kid) -> int:
            token = jwt.encode({"alg": "RS256", "kid": kid}, claims, made.key)
            return (
                await client.get("/api/sample/partner-only", headers={"Authorization": f"Bearer {token}"})
            ).status_code

        assert await answers(good) == 200
        assert await answers({**good, "aud": "account"}) == 401
        assert await answers({**good, "iss": "http://other.test"}) == 401
        assert await answers({**good, "exp": now - 60}) == 401
        assert await answers(good, kid="unknown") == 401


def test_keycloaks_roles_count_and_roles_an_issuer_may_not_give_do_not() -> None:
    assert roles_in({"realm_access": {"roles": ["finance", "offline_access"]}}) == {Role.FINANCE}
    assert roles_in({"roles": ["patient", "service", "partner_system", "lab"]}) == {Role.PARTNER_SYSTEM, Role.LAB}
    assert roles_in({"realm_access": "odd", "roles": None}) == frozenset()


@pytest.mark.parametrize(
    "text", ["https://evil.example", "//evil.example", "/\\evil.example", "desk", "/a\nb", "", None]
)
def test_nobody_is_sent_elsewhere_after_signing_in(text: str | None) -> None:
    assert local_path(text, "/desk") == "/desk"
    assert local_path("/desk/cases?x=1", "/desk") == "/desk/cases?x=1"


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://evil.example/cb"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
    ],
)
async def test_the_development_issuer_refuses_what_is_not_asked_properly(
    browser: Callable[[], httpx.AsyncClient], changed: dict[str, str]
) -> None:
    asked = {
        "client_id": "consilium",
        "redirect_uri": f"{PUBLIC}/sign-in/callback",
        "response_type": "code",
        "code_challenge": "c",
        "code_challenge_method": "S256",
        "state": "s",
    }
    async with browser() as client:
        assert (await client.get(f"{ISSUER}/authorize", params=asked)).status_code == 200
        assert (await client.get(f"{ISSUER}/authorize", params={**asked, **changed})).status_code == 400
        assert (await client.post(f"{ISSUER}/authorize", data={**asked, "sub": "nobody"})).status_code == 400


async def test_the_issuers_token_endpoint_says_what_is_wrong(browser: Callable[[], httpx.AsyncClient]) -> None:
    async with browser() as client:
        for sent, auth, status, error in (
            ({"grant_type": "password"}, None, 400, "unsupported_grant_type"),
            ({"grant_type": "authorization_code", "code": "x"}, ("consilium", "wrong"), 401, "invalid_client"),
            (
                {"grant_type": "authorization_code", "code": "x"},
                ("consilium", "development-only"),
                400,
                "invalid_grant",
            ),
        ):
            answer = await client.post(f"{ISSUER}/token", data=sent, auth=auth)
            assert (answer.status_code, answer.json()) == (status, {"error": error})
        broken = await client.post(
            f"{ISSUER}/token", data={"grant_type": "client_credentials"}, headers={"Authorization": "Basic %%%"}
        )
        assert broken.status_code == 401


def test_the_development_issuer_never_runs_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_ENV", "production")
    with pytest.raises(RuntimeError, match="anybody in as anybody"):
        create_issuer()


def test_production_does_not_start_without_https_or_on_the_development_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_ENV", "production")
    monkeypatch.setenv("PUBLIC_URL", PUBLIC)
    monkeypatch.setenv("OIDC_CLIENT_SECRET", "really-secret")
    with pytest.raises(ValueError, match="PUBLIC_URL") as refused:
        PlatformSettings()
    assert "really-secret" not in str(refused.value)
    monkeypatch.delenv("OIDC_CLIENT_SECRET")
    monkeypatch.setenv("PUBLIC_URL", "https://consilium.test")
    monkeypatch.setenv("INTAKE_DATABASE_URL", "postgresql://x")
    with pytest.raises(ValueError, match="OIDC_CLIENT_SECRET"):
        staff_sign_in()


async def test_an_issuers_unknown_key_is_asked_for_at_most_every_few_seconds() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(
            200,
            json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks"} if "well-known" in request.url.path else {"keys": []},
        )

    keys = IssuerKeys(ISSUER, httpx.MockTransport(answer))
    for _ in range(5):
        with pytest.raises(NotOurs):
            await keys.key("k")
    assert len(asked) == 2
