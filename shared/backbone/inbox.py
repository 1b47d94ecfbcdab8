"""Applying facts: each once, in its case's order, in the transaction that remembers it.

What arrives is either applied, recorded as none of our business, or parked behind an earlier record of its case.
"""

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from shared import telemetry
from shared.backbone import failpoints, parked
from shared.db import Tx
from shared.envelope import Envelope, Unreadable, read_envelope, read_fact
from shared.events import Fact
from shared.strands import side_by_side

if TYPE_CHECKING:
    from shared.service import Context

F = TypeVar("F", bound=Fact)
Reaction = Callable[[Any, Tx], Awaitable[None]]
Reactions = Mapping[type[Fact], Reaction]


class Retry(Exception):
    """Raised by a reaction that can't succeed now and will later: the partition waits, and nothing is parked."""


def in_batches(reaction: Callable[[Sequence[F], Tx], Awaitable[None]]) -> Callable[[Sequence[F], Tx], Awaitable[None]]:
    """Mark a hot reaction that takes many facts at once, of different cases: ``async def note(facts, tx)``."""
    reaction.takes_many = True  # type: ignore[attr-defined]
    return reaction


class Arrival(NamedTuple):
    """One Kafka record as it came."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    def read(self) -> tuple[Envelope, Fact | None]:
        """Return what it says; the fact is None for a type nobody here knows. Raises ``Unreadable``."""
        envelope = read_envelope(self.headers)
        if self.key != str(envelope.case_id).encode():
            raise Unreadable("the record's key isn't the case id that its header ce_subject names")
        return envelope, read_fact(envelope.type, self.value or b"")


_RECORD = """
INSERT INTO inbox (event_id, topic, case_id, sequence, type)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[])
ON CONFLICT DO NOTHING RETURNING event_id
"""


class _Read(NamedTuple):
    topic: str
    envelope: Envelope
    fact: Fact | None


async def apply(tx: Tx, reactions: Reactions, arrivals: Sequence[Arrival], *, service: str) -> int:
    """Apply what is new among ``arrivals`` and return how many facts reached a reaction.

    The caller's order holds within a case; reactions of different cases run side by side (``shared.strands``), begun in
    the order of the cases' ids. Another call with records of the same partitions waits until this one's transaction is
    over. Raises ``Unreadable``, or whatever a reaction raises: then nothing of all this happened.
    """
    waiting = await parked.held_keys(tx, arrivals)
    for arrival in arrivals:
        if arrival.key in waiting:
            await parked.put(tx, arrival, error="an earlier record of its case is parked", behind=True)
    free = [arrival for arrival in arrivals if arrival.key not in waiting] if waiting else arrivals
    return await apply_now(tx, reactions, free, service=service)


async def apply_now(tx: Tx, reactions: Reactions, arrivals: Sequence[Arrival], *, service: str) -> int:
    """Do as ``apply`` does, but for records that wait behind nobody."""
    read = [_Read(arrival.topic, *arrival.read()) for arrival in sorted(arrivals, key=lambda a: a.key or b"")]
    new = await _record(tx, read)
    failpoints.reach("consumer.recorded")
    ours = []
    for one in read:
        if one.envelope.event_id in new:
            new.remove(one.envelope.event_id)
            if one.fact is not None and type(one.fact) in reactions:
                ours.append(one)
    for wave in _waves(ours):
        await _react(tx, reactions, wave, service)
    return len(ours)


async def retry_parked(ctx: "Context", parked_id: int, *, by: str) -> int:
    """Apply a parked record and those behind it, as ``parked.retry`` says."""

    async def react(tx: Tx, arrival: Arrival) -> None:
        await apply_now(tx, ctx.service.reactions, [arrival], service=ctx.service.name)

    return await parked.retry(ctx.db, parked_id, react, by=by)


async def _record(tx: Tx, read: Sequence[_Read]) -> set[UUID]:
    """Remember what arrived, whether it concerns us or not, and return the ids that are new."""
    if not read:
        return set()
    told = [(said.event_id, topic, said.case_id, said.sequence, said.type) for topic, said, _ in read]
    rows = await tx.fetch(_RECORD, *map(list, zip(*told, strict=True)))
    return {row["event_id"] for row in rows}


def _waves(ours: Sequence[_Read]) -> Iterator[list[_Read]]:
    """Yield every case's first fact, then every case's second …; ``ours`` stand together case by case."""
    cases = [list(facts) for _, facts in itertools.groupby(ours, lambda one: one.envelope.case_id)]
    for wave in itertools.zip_longest(*cases):
        yield [one for one in wave if one is not None]


async def _react(tx: Tx, reactions: Reactions, wave: Sequence[_Read], service: str) -> None:
    together: defaultdict[type[Fact], list[Fact]] = defaultdict(list)
    works = []
    for one in wave:
        assert one.fact is not None
        if getattr(reactions[type(one.fact)], "takes_many", False):
            together[type(one.fact)].append(one.fact)
        else:
            works.append(partial(_react_to, one, reactions[type(one.fact)], service))
    for kind, facts in together.items():
        await reactions[kind](facts, tx)
        telemetry.HANDLED.labels(service, kind.type_name()).inc(len(facts))
    if works:
        await side_by_side(tx, works)
    failpoints.reach("consumer.handled")


async def _react_to(one: _Read, reaction: Reaction, service: str, tx: Tx) -> None:
    name = f"{service} {reaction.__name__}"
    with telemetry.continuing(one.envelope.traceparent, name, case_id=str(one.envelope.case_id)):
        await reaction(one.fact, tx)
    telemetry.HANDLED.labels(service, one.envelope.type).inc()
