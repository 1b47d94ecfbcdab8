"""CloudEvents 1.0 in Kafka's binary mode: what a record's headers say, and what its value is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import ValidationError

from shared.events import BY_TYPE_NAME, Fact
from shared.ids import CaseId, EventId

CONTENT_TYPE = b"application/json"


class Unreadable(Exception):
    """A record that no reader of the published language can read; it is parked, never skipped."""


class Envelope(NamedTuple):
    """What is known of a fact before its payload is read; ``sequence`` counts from 1 per case and topic, gap-free."""

    event_id: EventId
    type: str
    source: str
    time: datetime
    case_id: CaseId
    sequence: int
    traceparent: str | None

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the record's headers."""
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(self.event_id).encode()),
            ("ce_type", self.type.encode()),
            ("ce_source", self.source.encode()),
            ("ce_time", self.time.isoformat().encode()),
            ("ce_subject", str(self.case_id).encode()),
            ("ce_sequence", b"%d" % self.sequence),
            ("content-type", CONTENT_TYPE),
        ]
        if self.traceparent:
            headers.append(("traceparent", self.traceparent.encode()))
        return headers


def read_envelope(headers: Sequence[tuple[str, Any]]) -> Envelope:
    """Return the envelope that the headers spell; raise ``Unreadable`` naming the header that is missing or wrong."""
    found = dict(headers)
    try:
        traceparent = found.get("traceparent")
        return Envelope(
            event_id=EventId(UUID(found["ce_id"].decode())),
            type=found["ce_type"].decode(),
            source=found["ce_source"].decode(),
            time=datetime.fromisoformat(found["ce_time"].decode()),
            case_id=CaseId(UUID(found["ce_subject"].decode())),
            sequence=int(found["ce_sequence"]),
            traceparent=traceparent.decode() if traceparent else None,
        )
    except KeyError as missing:
        raise Unreadable(f"header {missing} is missing") from None
    except (ValueError, AttributeError, TypeError) as wrong:
        raise Unreadable(f"a header is not as CloudEvents says: {wrong}") from None


def read_fact(type_name: str, value: bytes | str) -> Fact | None:
    """Return the fact, or None for a type this reader doesn't know; raise ``Unreadable`` when a known one is broken."""
    kind = BY_TYPE_NAME.get(type_name)
    if kind is None:
        return None
    try:
        return kind.model_validate_json(value)
    except ValidationError as error:
        fields = ", ".join(".".join(str(step) for step in problem["loc"]) or "value" for problem in error.errors())
        raise Unreadable(f"{type_name} is broken at: {fields}") from None
