"""The roster of interpreters: languages, hours on their own wall, bookings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from services.intake.contact.rules import Shift, Window
from shared.db import Row, Tx


@dataclass(frozen=True, slots=True)
class Interpreter:
    interpreter_id: UUID
    name: str
    phone: str
    zone: str
    languages: tuple[str, ...]
    active: bool
    version: int
    shifts: tuple[Shift, ...]
    busy: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Booking:
    booking_id: UUID
    interpreter_id: UUID
    name: str
    phone: str
    starts: datetime
    ends: datetime
    booked_by: str


_ROSTER = """
SELECT interpreter_id, name, phone, zone, languages, active, version,
       (SELECT coalesce(json_agg(json_build_array(s.days, s.starts, s.ends) ORDER BY s.position), '[]'::json)::jsonb
        FROM interpreter_shifts s WHERE s.interpreter_id = i.interpreter_id) AS shifts,
       ARRAY(SELECT tstzrange(b.starts, b.ends) FROM interpreter_bookings b
             WHERE b.interpreter_id = i.interpreter_id AND b.cancelled_at IS NULL AND b.ends > $1
             ORDER BY b.starts) AS busy
FROM interpreters i
"""


def _interpreter(row: Row) -> Interpreter:
    values = dict(row)
    shifts = tuple(
        Shift(frozenset(days), time.fromisoformat(starts), time.fromisoformat(ends))
        for days, starts, ends in values.pop("shifts")
    )
    busy = tuple(Window(one.lower, one.upper) for one in values.pop("busy"))
    return Interpreter(**values | {"languages": tuple(values["languages"])}, shifts=shifts, busy=busy)


async def roster(tx: Tx) -> list[Interpreter]:
    """Return everybody on the roster, those out of service last; their bookings from now on."""
    return [_interpreter(row) for row in await tx.fetch(_ROSTER + "ORDER BY NOT active, name", tx.now)]


async def speaking(tx: Tx, language: str) -> list[Interpreter]:
    """Return whoever interprets this language, on duty or not."""
    sql = _ROSTER + "WHERE active AND languages @> ARRAY[$2::text] ORDER BY name"
    return [_interpreter(row) for row in await tx.fetch(sql, tx.now, language)]


async def one(tx: Tx, interpreter_id: UUID) -> Interpreter | None:
    row = await tx.fetchrow(_ROSTER + "WHERE interpreter_id = $2", tx.now, interpreter_id)
    return _interpreter(row) if row else None


async def lock(tx: Tx, interpreter_id: UUID) -> Interpreter | None:
    """Lock an interpreter until the transaction ends, so that two bookings are judged one after the other."""
    await tx.execute("SELECT 1 FROM interpreters WHERE interpreter_id = $1 FOR UPDATE", interpreter_id)
    return await one(tx, interpreter_id)


async def id_of(tx: Tx, name: str) -> UUID | None:
    found: UUID | None = await tx.fetchval("SELECT interpreter_id FROM interpreters WHERE name = $1", name)
    return found


async def keep(
    tx: Tx, interpreter_id: UUID, name: str, phone: str, zone: str, languages: Iterable[str], active: bool,
    shifts: Iterable[Shift],
) -> None:  # fmt: skip
    """Add an interpreter, or bring their entry and their hours up to date."""
    await tx.execute(
        """INSERT INTO interpreters AS i (interpreter_id, name, phone, zone, languages, active) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (interpreter_id) DO UPDATE SET name = excluded.name, phone = excluded.phone, zone = excluded.zone,
               languages = excluded.languages, active = excluded.active, version = i.version + 1""",
        interpreter_id, name, phone, zone, list(languages), active,
    )  # fmt: skip
    await tx.execute("DELETE FROM interpreter_shifts WHERE interpreter_id = $1", interpreter_id)
    await tx.executemany(
        "INSERT INTO interpreter_shifts (interpreter_id, position, days, starts, ends) VALUES ($1, $2, $3, $4, $5)",
        [(interpreter_id, place, sorted(s.days), s.starts, s.ends) for place, s in enumerate(shifts)],
    )


async def insert_booking(
    tx: Tx,
    booking_id: UUID,
    interpreter_id: UUID,
    call: Window,
    case_id: UUID | None,
    call_back_id: UUID | None,
    by: str,
) -> None:
    await tx.execute(
        """INSERT INTO interpreter_bookings (booking_id, interpreter_id, case_id, call_back_id, starts, ends, booked_by,
               booked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        booking_id, interpreter_id, case_id, call_back_id, call.opens, call.closes, by, tx.now,
    )  # fmt: skip


_BOOKINGS = """
SELECT booking_id, interpreter_id, name, phone, starts, ends, booked_by
FROM interpreter_bookings JOIN interpreters USING (interpreter_id)
"""


async def bookings_of_case(tx: Tx, case_id: UUID) -> list[Booking]:
    """Return the bookings of a case that are not over."""
    sql = _BOOKINGS + "WHERE case_id = $1 AND cancelled_at IS NULL AND ends > $2 ORDER BY starts"
    return [Booking(**row) for row in await tx.fetch(sql, case_id, tx.now)]


async def booking_of_call_back(tx: Tx, call_back_id: UUID) -> Booking | None:
    """Return who interprets this call, if somebody is booked for it."""
    sql = _BOOKINGS + "WHERE call_back_id = $1 AND cancelled_at IS NULL ORDER BY starts DESC LIMIT 1"
    row = await tx.fetchrow(sql, call_back_id)
    return Booking(**row) if row else None


async def cancel_for_call_back(tx: Tx, call_back_id: UUID) -> None:
    """Give back the time that was booked for a call and isn't over."""
    await tx.execute(
        "UPDATE interpreter_bookings SET cancelled_at = $2 WHERE call_back_id = $1 AND cancelled_at IS NULL AND ends > $2",
        call_back_id, tx.now,
    )  # fmt: skip


async def cancel_for_case(tx: Tx, case_id: UUID) -> None:
    await tx.execute(
        "UPDATE interpreter_bookings SET cancelled_at = $2 WHERE case_id = $1 AND cancelled_at IS NULL AND ends > $2",
        case_id, tx.now,
    )  # fmt: skip
