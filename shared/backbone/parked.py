"""Records that couldn't be applied: kept whole, with the reason, and the later ones of their case behind them.

``held_keys`` is read under a shared lock that ``retry`` and ``drop`` take alone, so no record can be parked behind one
that has just been let go. With it comes the turn of the records' partitions.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from uuid import UUID

from shared import log
from shared.db import Database, Row, Tx

if TYPE_CHECKING:
    from shared.backbone.inbox import Arrival

LOCK = 7_203_943
_NOT_PARKED = "no record is parked under {}; list them to see which are"


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record as people see it."""

    id: int
    topic: str
    partition: int
    offset: int
    type: str | None
    case_id: UUID | None
    behind: bool
    error: str
    attempts: int
    parked_at: datetime
    ended: str | None
    ended_at: datetime | None
    ended_by: str | None
    ended_why: str | None


_TURNS = """SELECT pg_advisory_xact_lock_shared($1::int)
            UNION ALL SELECT pg_advisory_xact_lock($1::int, turn) FROM unnest($2::int[]) AS turn"""


async def held_keys(tx: Tx, arrivals: Sequence["Arrival"]) -> set[bytes | None]:
    """Return the keys (cases) of these records that have a parked record, once it is this transaction's turn.

    Until it commits, no other applies records of partitions with these numbers, of whatever topic. A case has the same
    number in each, so two that lock several cases (a rebalance, a replay beside a worker) never wait for each other.
    """
    await tx.execute(_TURNS, LOCK, sorted({arrival.partition for arrival in arrivals}))
    wanted = [arrival.key for arrival in arrivals if arrival.key is not None]
    rows = await tx.fetch("SELECT DISTINCT key FROM parked WHERE ended IS NULL AND key = ANY($1)", wanted)
    return {row["key"] for row in rows}


async def put(tx: Tx, arrival: "Arrival", *, error: str, behind: bool) -> None:
    """Park a record, whatever bytes it holds; parking the same one twice keeps the first.

    One that comes ``behind`` another and was applied long ago, since it is read again, is not parked.

    PostgreSQL takes no NUL in a text: names of headers are kept percent-encoded, and what is for people leaves it out.
    """
    named = {name: value or b"" for name, value in arrival.headers}
    await tx.execute(
        """INSERT INTO parked (topic, partition, "offset", key, value, headers, type, case_id, behind, error)
           SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
           WHERE NOT ($9 AND EXISTS (SELECT FROM inbox WHERE event_id = $11)) ON CONFLICT DO NOTHING""",
        arrival.topic, arrival.partition, arrival.offset, arrival.key, arrival.value,
        [[quote(name), value if value is None else value.hex()] for name, value in arrival.headers],
        named.get("ce_type", b"").decode(errors="replace").replace("\0", "") or None,
        _uuid(named.get("ce_subject", arrival.key or b"")), behind, log.scrub(error).replace("\0", ""), _uuid(named.get("ce_id", b"")),
    )  # fmt: skip


_SHOWN = "SELECT " + ", ".join(f'"{name}"' for name in Parked.__slots__) + " FROM parked "


async def listed(db: Database) -> list[Parked]:
    """Return what is parked now, in the order in which it came."""
    async with db.reading() as tx:
        return [Parked(**row) for row in await tx.fetch(_SHOWN + "WHERE ended IS NULL ORDER BY id")]


async def one(db: Database, parked_id: int) -> Parked:
    """Return a record, also when it is parked no more. Raises ``LookupError``."""
    async with db.reading() as tx:
        row = await tx.fetchrow(_SHOWN + "WHERE id = $1", parked_id)
    if row is None:
        raise LookupError(_NOT_PARKED.format(parked_id))
    return Parked(**row)


async def without_known(db: Database, arrivals: Sequence["Arrival"]) -> list["Arrival"]:
    """Return those of these records that nobody parked, or that were applied after it: not what waits or was dropped."""
    async with db.reading() as tx:
        rows = await tx.fetch(
            """SELECT topic, partition, "offset" FROM parked JOIN unnest($1::text[], $2::int[], $3::bigint[])
                 AS asked (topic, partition, "offset") USING (topic, partition, "offset")
               WHERE ended IS DISTINCT FROM 'applied'""",
            *([getattr(one, part) for one in arrivals] for part in ("topic", "partition", "offset")),
        )  # fmt: skip
    known = {tuple(row) for row in rows}
    return [one for one in arrivals if (one.topic, one.partition, one.offset) not in known]


async def retry(db: Database, parked_id: int, react: Callable[[Tx, "Arrival"], Awaitable[Any]], *, by: str) -> int:
    """Apply a parked record and then those behind it, in order; return how many were applied.

    Raises what the reaction raised; that record and all behind it stay parked, and those before it are applied.
    Raises ``LookupError`` when nothing is parked under this id, or when an earlier record of its case must go first.
    """
    applied = 0
    while (row := await _first_of_case(db, parked_id)) is not None:
        if applied == 0 and row["id"] != parked_id:
            raise LookupError(f"record {row['id']} of the same case was parked earlier; retry that one first")
        try:
            async with db.transaction() as tx:
                await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
                if await _end(tx, row["id"], "applied", by):
                    await react(tx, _arrival(row))
                    applied += 1
        except Exception as error:  # whatever it failed of stands at the record, and reaches whoever tried
            await _note_failure(db, row["id"], f"{type(error).__name__}: {error}")
            raise
    if applied == 0:
        raise LookupError(_NOT_PARKED.format(parked_id))
    return applied


async def drop(tx: Tx, parked_id: int, *, by: str, why: str = "") -> None:
    """Give a parked record up for good, on somebody's responsibility; those behind it can then be retried.

    Raises ``LookupError`` when nothing is parked under this id.
    """
    await tx.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
    if not await _end(tx, parked_id, "dropped", by, why):
        raise LookupError(_NOT_PARKED.format(parked_id))


async def _first_of_case(db: Database, parked_id: int) -> Row | None:
    """The earliest open record with the key of ``parked_id``; a record without a key stands alone."""
    async with db.reading() as tx:
        return await tx.fetchrow(
            """SELECT p.* FROM parked p JOIN parked asked ON asked.id = $1
               WHERE p.ended IS NULL AND (p.id = asked.id OR p.key = asked.key) ORDER BY p.id LIMIT 1""",
            parked_id,
        )


async def _end(tx: Tx, parked_id: int, how: str, by: str, why: str = "") -> bool:
    ended = await tx.changed(
        """UPDATE parked SET ended = $2, ended_at = $3, ended_by = $4, ended_why = nullif($5, '')
           WHERE id = $1 AND ended IS NULL""",
        parked_id, how, tx.now, by, why,
    )  # fmt: skip
    return ended == 1


async def _note_failure(db: Database, parked_id: int, error: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE parked SET attempts = attempts + 1, error = $2, behind = false WHERE id = $1",
            parked_id, log.scrub(error).replace("\0", ""),
        )  # fmt: skip


def _arrival(row: Row) -> "Arrival":
    from shared.backbone.inbox import Arrival

    headers = [(unquote(name), value and bytes.fromhex(value)) for name, value in row["headers"]]
    return Arrival(row["topic"], row["partition"], row["offset"], row["key"], row["value"], headers)


def _uuid(text: bytes) -> UUID | None:
    try:
        return UUID(text.decode())
    except ValueError:
        return None
