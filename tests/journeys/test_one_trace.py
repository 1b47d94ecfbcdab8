"""One trace, followed from the HTTP request of a withdrawal over all five services to the e-mail that tells of it."""

import secrets
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.support.installation import Installation, until
from tests.support.journey import Journey
from tests.support.service import SERVICES

pytestmark = pytest.mark.timeout(600)
Span = dict[str, Any]


@pytest.fixture
def journey(installation: Installation) -> Iterator[Journey]:
    """A case that has been paid, so that its end concerns everybody."""
    journey = Journey(installation)
    try:
        journey.to_payment()
        until(lambda: "CollectionOpened.v1" in journey.facts(), "the collection is open")
        yield journey
    finally:
        journey.close()


def test_a_withdrawal_is_one_trace_through_all_five_services_up_to_the_mail(
    installation: Installation, journey: Journey,
) -> None:  # fmt: skip
    trace, root = secrets.token_hex(16), secrets.token_hex(8)
    journey.withdraws(traceparent=f"00-{trace}-{root}-01")
    journey.is_written_to("withdrawn")

    spans = until(lambda: _mailed(installation, trace), "the span of the mail")
    assert {span["service"] for span in spans} == set(SERVICES)
    known = {span["span_id"]: span for span in spans}
    assert len(known) == len(spans)
    strangers = [span for span in spans if span["parent_id"] not in known]
    asked = next(span for span in strangers if span["service"] == "intake")
    assert (asked["name"], asked["parent_id"]) == ("HTTP POST", root)
    assert strangers == [asked], "every other span's parent is a span of this trace"
    assert {name: _way(known, name) for name in WAYS} == WAYS
    _is_carried_by(installation, journey, "intake", "CaseWithdrawn.v1", trace, asked["span_id"])


WAYS = {
    "billing stop_billing": ["HTTP POST"],
    "records close_collection": ["HTTP POST"],
    "matching stop_matching": ["HTTP POST"],
    "notify stop_calling": ["HTTP POST"],
    "errand send": ["notify stop_calling", "HTTP POST"],
}
"""Each reaction is the request's own doing; the mail is notify's, whose claim checks at intake belong to the trace too."""


def _mailed(installation: Installation, trace: str) -> list[Span] | None:
    """The spans of the trace, once every service's is there and the letter's errand is over."""
    spans = [span for span in installation.spans() if span["trace_id"] == trace]
    return spans if set(WAYS) <= {span["name"] for span in spans} else None


def _way(known: dict[str, Span], name: str) -> list[str]:
    """The names of the spans above the one with this name, nearest first."""
    span = next((one for one in known.values() if one["name"] == name), None)
    assert span is not None, f"no span {name!r} among {sorted({one['name'] for one in known.values()})}"
    above = []
    while (span := known.get(span["parent_id"])) is not None:
        above.append(span["name"])
    return above


def _is_carried_by(
    installation: Installation, journey: Journey, owner: str, fact: str, trace: str, span: str,
) -> None:  # fmt: skip
    """The outbox row and the record's header name this trace and the span in which the fact was told."""
    rows = installation.rows(
        owner, "SELECT traceparent FROM outbox WHERE case_id = $1 AND type = $2", UUID(journey.case_id), fact,
    )  # fmt: skip
    headers = [dict(record.headers) for record in installation.facts(journey.case_id)]
    riding = [header["traceparent"].decode() for header in headers if header["ce_type"] == fact.encode()]
    assert [row["traceparent"] for row in rows] == riding
    assert [one.split("-")[1:3] for one in riding] == [[trace, span]]
