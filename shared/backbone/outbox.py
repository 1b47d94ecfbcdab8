"""Telling facts: written with the state they tell of, in one transaction, and sent afterwards by the relay."""

from typing import NamedTuple

from shared import telemetry
from shared.backbone import failpoints
from shared.db import Row, Tx
from shared.events import Fact
from shared.ids import CaseId, EventId, new_id


class _Unsent(NamedTuple):
    event_id: EventId
    fact: Fact
    traceparent: str | None


def append(tx: Tx, fact: Fact) -> EventId:
    """Tell ``fact`` when ``tx`` commits, and never if it doesn't; facts of one case keep the order of these calls."""
    if not tx.unsent:
        tx.before_commit.append(flush)
    unsent = _Unsent(EventId(new_id()), fact, telemetry.traceparent())
    tx.unsent.append(unsent)
    return unsent.event_id


# Reserves each case's next sequences (their row locks make two writers of a case take turns); then the rows are added.
_RESERVE = """
INSERT INTO outbox_sequences AS s (topic, case_id, last)
SELECT topic, case_id, count(*) FROM unnest($1::text[], $2::uuid[]) AS told (topic, case_id)
GROUP BY topic, case_id ORDER BY case_id, topic
ON CONFLICT (case_id, topic) DO UPDATE SET last = s.last + excluded.last
RETURNING topic, case_id, last
"""
_TELL = """
INSERT INTO outbox (event_id, topic, case_id, sequence, type, payload, traceparent, created_at)
SELECT event_id, topic, case_id,
       last - count(*) OVER (PARTITION BY topic, case_id)
            + row_number() OVER (PARTITION BY topic, case_id ORDER BY position),
       type, payload, traceparent, $7
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::json[], $6::text[])
     WITH ORDINALITY AS told (event_id, topic, case_id, type, payload, traceparent, position)
     JOIN reserved USING (topic, case_id)
ORDER BY position
"""


async def flush(tx: Tx) -> None:
    """Write what ``tx`` tells, with the last of its other writes; ``append`` has it run before the commit."""
    told = [
        (event_id, fact.topic, fact.case_id, fact.type_name(), fact.model_dump_json(), traceparent)
        for event_id, fact, traceparent in tx.unsent
    ]
    event_ids, topics, cases, *rest = map(list, zip(*told, strict=True))
    tx.later(_RESERVE, topics, cases, name="reserved")
    tx.later(_TELL, event_ids, topics, cases, *rest, tx.now)
    tx.before_commit.append(_flushed)  # behind everything else that waits for the commit


async def _flushed(tx: Tx) -> None:
    if failpoints.wanted("consumer.flushed"):  # otherwise the last write and the commit may be one
        await tx.catch_up()
        failpoints.reach("consumer.flushed")


async def facts_of(tx: Tx, case_id: CaseId) -> list[Row]:
    """Return this service's facts of a case, oldest first."""
    return await tx.fetch(
        """SELECT event_id, topic, sequence, type, payload, created_at, published_at
           FROM outbox WHERE case_id = $1 ORDER BY id""",
        case_id,
    )
