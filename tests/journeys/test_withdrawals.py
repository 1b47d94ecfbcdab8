"""A case is withdrawn at each stage, on real Kafka: every service stops, gives back what it owes, and says nothing more (R29, M13)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from deploy.demo.people import Person
from deploy.demo.story import ADVISOR
from services.notify.letters import AFTER_WITHDRAWAL
from tests.support.installation import Installation, until
from tests.support.journey import Journey
from tests.support.service import SERVICES

pytestmark = pytest.mark.timeout(600)
HOUSEKEEPING = {"refund_withdrawn", "ask_provider", "sweep_uploads"}
"""Clocks that run on: the refund's grace, asking how an open pay page ended, and taking halves of uploads out of the store."""
OWED_WORK = {"refunds-to-settle", "slides-to-return"}
"""What may wait after a withdrawal: money that finance rules on, and slides on their way home."""


@dataclass
class Left:
    """A case that was withdrawn, and who worked on it."""

    journey: Journey
    specialist: Person | None = None


def _asked(journey: Journey) -> None:
    journey.asks()


def _quoted(journey: Journey) -> None:
    journey.asks()
    journey.story.quote(["comprehensive"], 420_000)
    journey.is_written_to("quote")


def _confirmed(journey: Journey) -> None:
    journey.asks()
    journey.confirms()


def _paid(journey: Journey) -> None:
    """Wait for the letter as well: a withdrawal that overtakes the payment is another story."""
    journey.to_payment()
    journey.is_written_to("payment")


def _complete(journey: Journey) -> None:
    _paid(journey)
    journey.collects()
    journey.is_written_to("have what we need")


def _taken(journey: Journey) -> Person:
    _complete(journey)
    specialist = journey.is_taken()
    journey.is_written_to("specialist")
    return specialist


def _delivered(journey: Journey) -> Person:
    specialist = _taken(journey)
    journey.is_answered(specialist)
    return specialist


STAGES: dict[str, Callable[[Journey], Person | None]] = {
    "asked": _asked,
    "quoted": _quoted,
    "confirmed": _confirmed,
    "paid": _paid,
    "complete": _complete,
    "taken": _taken,
    "delivered": _delivered,
}
NAMES = ("Ilse Testmann", "Omar Probe", "Keiko Shiken", "Bruno Ensaio", "Wanda Przykład", "Nils Forsøk", "Tala Misal")
"""As different as can be: two who are alike would be put before staff as the same patient twice."""
PAID = ("paid", "complete", "taken", "delivered")


@pytest.fixture(scope="module")
def left(installation: Installation) -> Iterator[dict[str, Left]]:
    """One withdrawn case for each stage, once nothing is on its way any more."""
    cases = {stage: Left(Journey(installation, name=name)) for stage, name in zip(STAGES, NAMES, strict=True)}

    def live(stage: str) -> None:
        case = cases[stage]
        case.specialist = STAGES[stage](case.journey)
        advisor = case.journey.story.as_staff(ADVISOR)
        at = f"/api/intake/cases/{case.journey.case_id}/withdraw"
        advisor.send("POST", at, {"reason": "Asked for by telephone"})

    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(live, STAGES))
        until(installation.quiet, "every fact heard and every errand done")
        yield cases
    finally:
        for case in cases.values():
            case.journey.close()


@pytest.mark.parametrize("stage", STAGES)
def test_every_service_stops_its_clocks_and_clears_its_desks(
    installation: Installation, left: dict[str, Left], stage: str
) -> None:
    case_id = UUID(left[stage].journey.case_id)
    for service in SERVICES:
        clocks = {
            row["name"] for row in installation.rows(service, "SELECT name FROM timers WHERE case_id = $1", case_id)
        }
        assert clocks <= HOUSEKEEPING, (service, clocks)
        sql = "SELECT queue FROM queue_items WHERE case_id = $1 AND state <> 'done'"
        waiting = {row["queue"] for row in installation.rows(service, sql, case_id)}
        assert waiting <= OWED_WORK, (service, waiting)


@pytest.mark.parametrize("stage", STAGES)
def test_the_withdrawal_is_written_and_nothing_after_it(
    installation: Installation, left: dict[str, Left], stage: str
) -> None:
    case_id = UUID(left[stage].journey.case_id)
    sql = """SELECT kind, state, requested_at > (SELECT happened_at FROM timeline_facts
                 WHERE case_id = $1 AND fact = 'CaseWithdrawn') AS after FROM messages WHERE case_id = $1"""
    letters = installation.rows("notify", sql, case_id)
    assert ("withdrawn", "sent") in {(one["kind"], one["state"]) for one in letters}
    assert {one["kind"] for one in letters if one["after"] and one["state"] == "sent"} <= AFTER_WITHDRAWAL


@pytest.mark.parametrize("stage", STAGES)
def test_the_partner_hears_once_that_nothing_more_is_expected(
    installation: Installation, left: dict[str, Left], stage: str
) -> None:
    sql = "SELECT data->>'reason' AS reason FROM partner_feed WHERE case_id = $1 AND type = 'PartnerCaseClosed.v1'"
    told = [row["reason"] for row in installation.rows("records", sql, UUID(left[stage].journey.case_id))]
    assert told == ["delivered" if stage == "delivered" else "withdrawn"]


@pytest.mark.parametrize("stage", STAGES)
def test_the_local_physician_gets_no_way_in(installation: Installation, left: dict[str, Left], stage: str) -> None:
    body = {"audience": "local_physician", "path": "/my"}
    with installation.as_service("notify", "intake") as client:
        headers = {"Idempotency-Key": uuid4().hex}
        answer = client.post(f"/cases/{left[stage].journey.case_id}/links", json=body, headers=headers)
    assert answer.status_code == 409, answer.text


@pytest.mark.parametrize("stage", ["paid", "complete", "taken"])
def test_nothing_more_is_taken_in(installation: Installation, left: dict[str, Left], stage: str) -> None:
    journey = left[stage].journey
    assert journey.patient is not None
    sql = "SELECT id FROM items WHERE case_id = $1 AND kind = 'document' LIMIT 1"
    [item] = installation.rows("records", sql, UUID(journey.case_id))
    at = f"/api/records/cases/{journey.case_id}/items/{item['id']}/documents/{uuid4()}"
    late = journey.patient.client.put(at, params={"name": "late.pdf"}, content=b"%PDF-1.7")
    assert late.status_code in (403, 409), late.text
    assert "withdrawn" in late.text


def test_the_specialists_draft_is_closed_and_the_materials_with_it(left: dict[str, Left]) -> None:
    case, specialist = left["taken"].journey.case_id, left["taken"].specialist
    assert specialist is not None
    at = f"/api/matching/cases/{case}/opinion"
    draft = specialist.get(at)
    assert draft["state"] not in ("draft", "signed")
    headers = {"If-Match": f'"{draft["revision"]}"'}
    assert specialist.client.put(at, json={"plan": "More"}, headers=headers).status_code == 409
    assert specialist.client.get(f"/api/records/cases/{case}/checklist").status_code in (403, 404, 410)


def test_offers_that_wait_are_ended(installation: Installation, left: dict[str, Left]) -> None:
    for case in left.values():
        sql = "SELECT state FROM offers WHERE case_id = $1"
        states = {row["state"] for row in installation.rows("matching", sql, UUID(case.journey.case_id))}
        assert not states & {"waiting", "offered"}


@pytest.mark.parametrize("stage", PAID)
def test_money_goes_back_by_stage(installation: Installation, left: dict[str, Left], stage: str) -> None:
    case_id = UUID(left[stage].journey.case_id)
    sql = "SELECT amount_minor, state FROM refunds WHERE case_id = $1"

    def ruled() -> bool:
        clock = "SELECT 1 FROM timers WHERE case_id = $1 AND name = 'refund_withdrawn'"
        return not installation.rows("billing", clock, case_id)

    until(ruled, "billing ruled on the fee")
    back = [row["amount_minor"] for row in installation.rows("billing", sql, case_id)]
    assert back == ([420_000] if stage in ("paid", "complete") else [])


def test_the_consent_ends_in_the_version_that_was_signed(installation: Installation, left: dict[str, Left]) -> None:
    for case in left.values():
        sql = "SELECT version, withdrawn_at IS NOT NULL AS ended FROM consents WHERE case_id = $1"
        rows = installation.rows("intake", sql, UUID(case.journey.case_id))
        assert [row["ended"] for row in rows] == [True] * len(rows) != []
