"""Limits for strangers, and a sign-in that tells them nothing: neither by words nor by the work it does."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared import limits
from shared.db import Database, Tx
from shared.ids import new_case_number
from shared.limits import Limit, Rate, TooOften
from shared.settings import PlatformSettings
from shared.web import Role
from tests.intake.asking import HTML, a_request, advisor, key, submit
from tests.intake.filling import BY_A_DAUGHTER, fill, send
from tests.support.service import ServiceUnderTest

SIX_AN_HOUR = Rate(6, timedelta(hours=1))


@pytest.fixture
def behind_a_gateway(intake: ServiceUnderTest) -> Iterator[ServiceUnderTest]:
    """Have the tests' client stand for the gateway: it says in X-Forwarded-For whom it speaks for."""
    platform = intake.ctx.platform
    kept = platform.trusted_proxies
    platform.trusted_proxies = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8"))
    yield intake
    platform.trusted_proxies = kept


async def ask_for_link(
    intake: ServiceUnderTest, email: str, *, address: str = "203.0.113.7", number: str = "7K3M-9QXW-S", **more: str
) -> httpx.Response:
    sent = {"email": email, "case_number": number}
    return await intake.http.post("/sign-in/link", data=sent, headers=HTML | {"X-Forwarded-For": address} | more)


async def tries_until_refused(intake: ServiceUnderTest) -> tuple[int, httpx.Response]:
    for tried in range(100):
        answer = await ask_for_link(intake, f"{tried}@example.com")
        if answer.status_code == 429:
            return tried, answer
    raise AssertionError("never refused")


async def test_an_address_is_refused_after_its_tries_and_told_when_to_come_back(
    behind_a_gateway: ServiceUnderTest,
) -> None:
    intake = behind_a_gateway
    allowed = intake.ctx.settings.limit_links
    tried, answer = await tries_until_refused(intake)
    assert tried == allowed.tries
    assert int(answer.headers["retry-after"]) == allowed.each.total_seconds()
    assert "Wait 2 minutes" in answer.text
    assert (await ask_for_link(intake, "a@example.com", address="203.0.113.8")).status_code == 200
    intake.clock.at += allowed.each
    assert (await ask_for_link(intake, "b@example.com")).status_code == 200
    assert (await ask_for_link(intake, "c@example.com")).status_code == 429


@pytest.mark.parametrize(("lang", "words"), [("ar", "الانتظار|انتظر"), ("zh-Hans", "请"), ("es", "Espere")])
async def test_the_refusal_is_in_the_readers_language(
    behind_a_gateway: ServiceUnderTest, lang: str, words: str
) -> None:
    behind_a_gateway.ctx.settings.limit_links = Rate(1, timedelta(hours=1))
    await ask_for_link(behind_a_gateway, "a@example.com")
    refused = await ask_for_link(behind_a_gateway, "a@example.com", **{"Accept-Language": lang})
    assert refused.status_code == 429
    assert re.search(words, refused.text)


async def test_a_mail_box_is_refused_alike_whether_anybody_has_it_or_not(behind_a_gateway: ServiceUnderTest) -> None:
    intake = behind_a_gateway
    await submit(intake)
    counts = set()
    for number, mailbox in enumerate(("dalia@example.com", "nobody@example.com")):
        for tried in range(20):
            address = f"198.51.{number}.{tried}"
            answer = await ask_for_link(intake, mailbox.upper() if tried % 2 else mailbox, address=address)
            if answer.status_code == 429:
                counts.add((tried, answer.headers["retry-after"], answer.headers["content-length"]))
                break
    assert len(counts) == 1
    assert counts.pop()[0] == intake.ctx.settings.limit_mailbox.tries


async def test_programs_get_a_problem_and_staff_are_never_counted(behind_a_gateway: ServiceUnderTest) -> None:
    intake = behind_a_gateway
    intake.ctx.settings.limit_requests = Rate(2, timedelta(hours=1))
    ada = advisor(intake)
    from_afar = {"X-Forwarded-For": "203.0.113.9"}
    statuses = []
    for client in (intake.http, intake.http, intake.http, ada):
        answer = await client.post("/api/intake/requests", json=a_request(), headers=key() | from_afar)
        statuses.append(answer.status_code)
        if answer.status_code == 429:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 429
            assert "call us" in answer.json()["detail"]
    assert statuses == [201, 201, 429, 201]


async def test_a_mail_box_is_not_flooded_with_letters_by_requests_in_its_name(
    behind_a_gateway: ServiceUnderTest,
) -> None:
    intake = behind_a_gateway
    intake.ctx.settings.limit_letters = Rate(1, timedelta(days=1))
    statuses = [
        (await intake.http.post("/api/intake/requests", json=a_request(),
                                headers=key() | {"X-Forwarded-For": f"198.51.100.{host}"})).status_code
        for host in range(2)
    ]  # fmt: skip
    assert statuses == [201, 429]


async def test_the_form_counts_the_letters_that_a_mail_box_is_brought(behind_a_gateway: ServiceUnderTest) -> None:
    intake = behind_a_gateway
    intake.ctx.settings.limit_letters = Rate(1, timedelta(days=1))
    draft = await fill(intake.http, BY_A_DAUGHTER)
    intake.http.headers["X-Forwarded-For"] = "203.0.113.5"
    await limits.take(intake.ctx.db, intake.ctx.settings.limit_letters, "limit_letters", "dalia@example.com")
    refused = await send(intake.http, draft)
    assert refused.status_code == 429
    intake.clock.at += timedelta(days=1)
    assert (await send(intake.http, draft)).status_code == 303


@pytest.mark.parametrize(
    ("forwarded", "one_of", "another"),
    [
        ("the last that is not ours counts", "9.9.9.9, 203.0.113.1", "8.8.8.8, 203.0.113.1, 10.1.1.1"),
        ("what a stranger writes before it doesn't", "spoofed, 203.0.113.1", "203.0.113.77, 203.0.113.1"),
        ("an IPv6 customer has a whole /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"),
        ("mapped addresses are the same", "::ffff:203.0.113.1", "203.0.113.1"),
    ],
)
async def test_one_stranger_is_one_whatever_they_write(
    behind_a_gateway: ServiceUnderTest, forwarded: str, one_of: str, another: str
) -> None:
    behind_a_gateway.ctx.settings.limit_links = Rate(1, timedelta(hours=1))
    assert (await ask_for_link(behind_a_gateway, "a@example.com", address=one_of)).status_code == 200
    assert (await ask_for_link(behind_a_gateway, "b@example.com", address=another)).status_code == 429, forwarded


async def test_without_trusted_proxies_nobody_hides_behind_a_header(intake: ServiceUnderTest) -> None:
    intake.ctx.settings.limit_links = Rate(1, timedelta(hours=1))
    intake.ctx.platform.unlimited_networks = ()
    try:
        statuses = [
            (await ask_for_link(intake, f"{n}@example.com", address=f"203.0.113.{n}")).status_code for n in range(2)
        ]
    finally:
        intake.ctx.platform.unlimited_networks = None
    assert statuses == [200, 429]


async def test_this_machine_is_spared_in_development_and_in_production_nobody_is(intake: ServiceUnderTest) -> None:
    intake.ctx.settings.limit_links = Rate(1, timedelta(hours=1))
    assert {(await ask_for_link(intake, "a@example.com")).status_code for _ in range(5)} == {200}
    production = PlatformSettings(consilium_env="production", public_url="https://consilium.example")
    assert production.spared_networks == ()
    own = PlatformSettings(unlimited_networks="192.0.2.0/24, 2001:db8::/32")  # type: ignore[arg-type]
    assert own.spared_networks == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))


@pytest.fixture
async def another_replica(intake: ServiceUnderTest) -> AsyncIterator[Database]:
    db = await Database.connect(intake.database_url, intake.clock, size=5)
    yield db
    await db.close()


async def test_replicas_count_together_and_no_try_is_taken_twice(
    intake: ServiceUnderTest, another_replica: Database
) -> None:
    outcomes = await asyncio.gather(
        *(limits.take(db, SIX_AN_HOUR, "links", "203.0.113.7") for db in (intake.ctx.db, another_replica) * 10),
        return_exceptions=True,
    )
    assert outcomes.count(None) == SIX_AN_HOUR.tries
    assert all(isinstance(one, TooOften) for one in outcomes if one is not None)
    [row] = await intake.fetch("SELECT key FROM limits")
    assert b"203.0.113.7" not in bytes(row["key"])


async def test_full_buckets_are_swept_away(intake: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    await limits.take(intake.ctx.db, SIX_AN_HOUR, "links", "one")
    intake.clock.at += timedelta(hours=2)
    monkeypatch.setattr(limits, "_SWEEP_ONE_IN", 1)
    await limits.take(intake.ctx.db, SIX_AN_HOUR, "links", "another")
    assert await intake.count("limits") == 1


@given(st.integers(1, 999_999), st.integers(1, 9_999), st.sampled_from(["s", "min", "h", "d"]))
def test_a_rate_is_read_as_written(tries: int, time: int, unit: str) -> None:
    rate = TypeAdapter(Limit).validate_python(f"{tries}/{time}{unit}")
    seconds = {"s": 1, "min": 60, "h": 3600, "d": 86400}[unit]
    assert rate == Rate(tries, timedelta(seconds=time * seconds))


@pytest.mark.parametrize("text", ["", "20", "0/1h", "20/0h", "20/h", "-1/1h", "20/1w", "many"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="20/1h"):
        TypeAdapter(Limit).validate_python(text)
    assert TypeAdapter(Limit).validate_python("off") is None


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note every statement that runs in the block."""
    ran: list[str] = []

    def noting(method: Any) -> Any:
        async def run(tx: Tx, sql: str, *args: Any) -> Any:
            ran.append(sql)
            return await method(tx, sql, *args)

        return run

    with monkeypatch.context() as patched:
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            patched.setattr(Tx, name, noting(getattr(Tx, name)))
        patched.setattr(limits, "_SWEEP_ONE_IN", 10**9)
        yield ran


async def test_asking_for_a_link_tells_nobody_who_is_known_here(
    behind_a_gateway: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words, headers and statements are the same for a patient, a stranger, a wrong number and nonsense."""
    intake = behind_a_gateway
    case_id = await submit(intake)
    number = (await intake.fetch("SELECT case_number FROM cases WHERE case_id = $1", case_id))[0][0]
    told = []
    for at, (email, typed) in enumerate([
        ("dalia@example.com", number), ("nobody@example.com", number), ("dalia@example.com", new_case_number()),
        ("nobody@example.com", new_case_number()), ("dalia@example.com", "nonsense"),
    ]):  # fmt: skip
        with statements(monkeypatch) as ran:
            answer = await ask_for_link(intake, email, number=typed, address=f"203.0.113.{at}")
        headers = {name: value for name, value in answer.headers.items() if name != "content-security-policy"}
        told.append((answer.status_code, re.sub(r'nonce="[^"]*"', "", answer.text), headers, ran))
    assert all(one == told[0] for one in told)
    assert told[0][3], "the statements were noted"


async def test_a_link_that_never_was_and_one_that_was_spent_are_told_alike(
    intake: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = await submit(intake)
    body = {"audience": "requester", "path": f"/my/cases/{case_id}"}
    made = await intake.as_service("notify").post(f"/api/intake/cases/{case_id}/links", json=body, headers=key())
    spent = made.json()["url"].rpartition("/")[2]
    await intake.sign_in(Role.PATIENT).post(f"/link/{spent}", headers=HTML)
    told = []
    for token in (spent, "0" * len(spent)):
        for method in ("GET", "POST"):
            with statements(monkeypatch) as ran:
                answer = await intake.http.request(method, f"/link/{token}", headers=HTML)
            text = re.sub(r'nonce="[^"]*"|' + token, "", answer.text)
            told.append((method, answer.status_code, text, ran))
    assert told[:2] == told[2:]
