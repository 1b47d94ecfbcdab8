"""A card provider that says everything several times, late and in the wrong order: money is received once."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.installation import Installation, until
from tests.support.journey import Journey

pytestmark = pytest.mark.timeout(600)
BADLY = {"duplicate": 3, "delay_seconds": 0.3, "reorder": True, "hold_back_seconds": 1.5}


@pytest.fixture
def bad_provider(installation: Installation) -> Iterator[str]:
    """The provider's address, while it behaves badly."""
    at = f"{installation.gateway}/sandbox/behaviour"
    httpx.post(at, json=BADLY).raise_for_status()
    yield installation.gateway
    httpx.post(at, json={}).raise_for_status()


def test_duplicated_late_and_reordered_messages_are_one_payment(installation: Installation, bad_provider: str) -> None:
    journey = Journey(installation)
    try:
        journey.to_payment()
        said = until(lambda: _all_taken(bad_provider, journey), "every message delivered")
        assert len({one["webhook_id"] for one in said}) == 2
        assert len(said) == 2 * (1 + BADLY["duplicate"])
        assert said[0]["body"]["type"] == "payment.processing", "said first, and held back"
        until(lambda: "CollectionOpened.v1" in journey.facts(), "the payment had its effect")
        until(lambda: _quiet(installation, journey), "nothing more is on its way")
        assert journey.facts().count("PaymentReceived.v1") == 1
        told = installation.told("billing", journey.case_id)
        assert [fact["type"] for fact in told] == ["PaymentReceived.v1"]
        assert told[0]["fact"]["price"] == {"amount_minor": 420_000, "currency": "USD"}
        finance = journey.story.as_staff("Felix Grau")
        ledger = finance.get(f"/api/billing/cases/{journey.case_id}/ledger")
        assert [(one["applied_minor"], one["held_minor"]) for one in ledger["payments"]] == [(420_000, 0)]
        assert sum(one["amount_minor"] for one in ledger["postings"]) == 0
    finally:
        journey.close()


def _all_taken(provider: str, journey: Journey) -> list[dict[str, Any]] | None:
    """The messages about the case's invoice, once billing has taken all of them."""
    invoices = (
        journey.patient.get(f"/api/billing/cases/{journey.case_id}/invoices")["invoices"] if journey.patient else []
    )
    mine = {invoice["id"] for invoice in invoices}
    said = [
        one for one in httpx.get(f"{provider}/sandbox/deliveries").json() if one["body"]["data"]["reference"] in mine
    ]
    whole = len(said) >= 2 * (1 + BADLY["duplicate"]) and all(one["done"] and one["attempts"] for one in said)
    return said if whole else None


def _quiet(installation: Installation, journey: Journey) -> bool:
    """Whether billing has nothing left to tell or to do for this case."""
    unsent = installation.rows("billing", "SELECT 1 FROM outbox WHERE published_at IS NULL")
    undone = installation.rows("billing", "SELECT 1 FROM errands WHERE done_at IS NULL")
    return not unsent and not undone
