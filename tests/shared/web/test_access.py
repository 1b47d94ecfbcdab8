"""Who may call what: credentials, roles, cases, and an application that refuses to start without a rule."""

from datetime import timedelta
from uuid import uuid4

import pytest
from fastapi import APIRouter
from pydantic import BaseModel

from shared.service import Service
from shared.web import Role, allow, anyone, create_app
from shared.web.app import RouteRefused
from shared.web.principals import INVITED, NOBODY, PATIENT_SIDE, STAFF, Principal
from shared.web.problem import Problem
from shared.web.sections import SECTIONS, sections_for
from shared.web.tokens import NotOurs, PublicKeys, make_keys, mint_session, read_key, sign
from tests.shared.web.sample.service import SAMPLE
from tests.support.service import SERVICES, ServiceUnderTest, service_named

PAGE = {"Accept": "text/html"}


async def test_a_route_without_a_rule_keeps_the_application_from_starting(sample: ServiceUnderTest) -> None:
    router = APIRouter()
    router.add_api_route("/api/sample/open", lambda: None)
    with pytest.raises(RouteRefused, match="GET /api/sample/open"):
        create_app(_with(router), sample.ctx)


async def test_a_request_model_that_ignores_unknown_fields_keeps_the_application_from_starting(
    sample: ServiceUnderTest,
) -> None:
    class Loose(BaseModel):
        text: str

    async def keep(loose: Loose) -> None: ...

    router = APIRouter(dependencies=[anyone()])
    router.add_api_route("/api/sample/loose", keep, methods=["POST"])
    with pytest.raises(RouteRefused, match="Loose"):
        create_app(_with(router), sample.ctx)


@pytest.mark.parametrize("role", [Role.PATIENT, Role.LOCAL_PHYSICIAN, Role.FAMILY])
async def test_a_page_of_the_desk_that_lets_in_others_than_staff_keeps_the_application_from_starting(
    sample: ServiceUnderTest, role: Role
) -> None:
    router = APIRouter(dependencies=[allow(Role.CASE_MANAGER, role)])
    router.add_api_route("/desk/sample/cases/{case_id}", lambda: None)
    with pytest.raises(RouteRefused, match="GET /desk/sample/cases"):
        create_app(_with(router), sample.ctx)


def _with(router: APIRouter) -> Service:
    return Service(name="sample", package=SAMPLE.package, settings=SAMPLE.settings, routes=lambda: [router])


def test_allow_needs_a_role() -> None:
    with pytest.raises(ValueError, match="anyone"):
        allow()


def test_every_role_is_staff_patient_side_or_a_system() -> None:
    assert STAFF | PATIENT_SIDE | INVITED | {Role.PARTNER_SYSTEM, Role.SERVICE} == frozenset(Role)
    assert not STAFF & (PATIENT_SIDE | INVITED)


async def test_without_a_session_programs_get_401_and_staff_go_to_sign_in(sample: ServiceUnderTest) -> None:
    answer = await sample.http.put("/api/sample/notes/1", json={"text": "x"}, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    answer = await sample.http.get("/desk/sample", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/desk/sample")
    answer = await sample.http.get("/desk/sample", headers={"HX-Request": "true"})
    assert (answer.status_code, "in another tab" in answer.text) == (401, True)
    answer = await sample.http.post("/desk/sample/parked/1/retry", headers=PAGE)
    assert (answer.status_code, "not saved" in answer.text, "/my/sign-in" in answer.text) == (401, True, False)
    assert 'href="/sign-in" role="button" draggable="false" target="_blank"' in answer.text, (
        "what was written stays here"
    )
    answer = await sample.http.get(f"/my/sample/cases/{uuid4()}/summary", headers=PAGE)
    assert (answer.status_code, "/my/sign-in" in answer.text) == (401, True)


async def test_another_role_gets_403(sample: ServiceUnderTest) -> None:
    answer = await sample.sign_in(Role.FINANCE).get("/desk/sample", headers=PAGE)
    assert (answer.status_code, "another role" in answer.text) == (403, True)


async def test_patients_reach_their_own_case_and_no_other(sample: ServiceUnderTest) -> None:
    mine, other = uuid4(), uuid4()
    patient = sample.sign_in(Role.PATIENT, subject="p", cases=[mine])
    assert (await patient.get(f"/my/sample/cases/{mine}/summary", headers=PAGE)).status_code == 200
    assert (await patient.get(f"/my/sample/cases/{other}/summary", headers=PAGE)).status_code == 404


def test_staff_and_services_are_of_every_case_and_nobody_is_of_none() -> None:
    case = uuid4()
    for role in (*STAFF, Role.SERVICE, Role.PARTNER_SYSTEM):
        Principal("x", "X", frozenset({role})).require_case(case)
    for who in (NOBODY, Principal("p", "P", frozenset({Role.REQUESTER}))):
        with pytest.raises(Problem) as refused:
            who.require_case(case)
        assert refused.value.status_code == 404


async def test_a_stale_or_forged_cookie_is_nobody(
    sample: ServiceUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    client = sample.sign_in(Role.CARE_ADVISOR)
    assert (await client.get("/api/sample/who")).json()["subject"] == "staff-test"
    sample.clock.advance(timedelta(hours=9, seconds=10))
    assert (await client.get("/api/sample/who")).json() == {"subject": "anonymous", "roles": [], "staff": False}
    folder = tmp_path_factory.mktemp("foreign")
    make_keys(folder, [])
    forged = mint_session(
        read_key(folder / "sessions.pem", "sessions"),
        Principal("x", "X", frozenset({Role.FINANCE})),
        now=sample.clock.now(),
    )
    sample.http.cookies.set("consilium_session", forged)
    assert (await sample.http.get("/api/sample/who")).json()["roles"] == []


async def test_a_service_speaks_for_itself_and_to_whom_it_says(sample: ServiceUnderTest) -> None:
    assert (await sample.as_service("billing").get("/api/sample/service-only")).json() == {"subject": "billing"}
    key, now = read_key(sample._keys / "billing.pem", "billing"), sample.clock.now()
    life = timedelta(minutes=1)
    for claims in (
        {"iss": "consilium", "sub": "billing", "aud": "service:records"},
        {"iss": "consilium", "sub": "intake", "aud": "service:sample"},
        {"iss": "somebody", "sub": "billing", "aud": "service:sample"},
        {"iss": "consilium", "aud": "service:sample"},
    ):
        answer = await _bearer(sample, sign(key, claims, now=now, life=life))
        assert answer == 401, claims
    good = {"iss": "consilium", "sub": "billing", "aud": "service:sample"}
    assert await _bearer(sample, sign(key, good, now=now, life=life)) == 200
    assert await _bearer(sample, sign(key, good, now=now - timedelta(hours=1), life=life)) == 401
    assert await _bearer(sample, "not.a.token") == 401
    sessions = read_key(sample._keys / "sessions.pem", "sessions")
    assert await _bearer(sample, sign(sessions, {**good, "sub": "sessions"}, now=now, life=life)) == 401


async def _bearer(sample: ServiceUnderTest, token: str) -> int:
    sample.app.state.identity.issuer.about = _no_issuer
    return (await sample.http.get("/api/sample/service-only", headers={"Authorization": f"Bearer {token}"})).status_code


async def _no_issuer() -> dict[str, str]:
    raise NotOurs("there is no issuer in this test")


def test_keys_are_made_once_and_kept_private(tmp_path: pytest.TempPathFactory) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "keys"
    make_keys(folder, ["intake"])
    before = (folder / "intake.pem").read_bytes()
    make_keys(folder, ["intake", "billing"])
    assert (folder / "intake.pem").read_bytes() == before
    assert (folder / "sessions.pem").stat().st_mode & 0o077 == 0
    keys = PublicKeys(folder / "jwks.json")
    assert keys.of("billing").is_private is False
    assert '"d"' not in (folder / "jwks.json").read_text()
    with pytest.raises(NotOurs):
        keys.of("records")


def test_new_public_keys_are_seen_without_a_restart(tmp_path: pytest.TempPathFactory) -> None:
    import os
    from pathlib import Path

    folder = Path(str(tmp_path)) / "keys"
    make_keys(folder, ["intake"])
    keys = PublicKeys(folder / "jwks.json")
    keys.of("intake")
    make_keys(folder, ["intake", "records"])
    os.utime(folder / "jwks.json", (1, 1))
    assert keys.of("records").kid == "records"


def test_the_desk_offers_each_role_its_queues_and_every_queue_is_there() -> None:
    declared = {
        f"/desk/{service.name}/queues/{queue.name}": {Role(role) for role in queue.roles}
        for service in map(service_named, SERVICES)
        for queue in service.queues
    }
    offered = {section.href: set(section.roles) for section in SECTIONS if "/queues/" in section.href}
    assert {href: declared.get(href) for href in offered} == offered
    assert set(declared) - set(offered) <= {"/desk/notify/queues/call-instead"}
    titles = [section.title for section in sections_for(Principal("l", "Lena", frozenset({Role.LAB})))]
    assert titles == ["Desk", "Cases", "Slides in", "Slides home"]
