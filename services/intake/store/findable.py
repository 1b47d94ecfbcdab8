"""What people of cases are found by: how their names sound, their mail boxes, their phone numbers from the last digit on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.intake.names.likeness import heard_as
from services.intake.store.requests import Person
from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Found:
    """A person of a case that a search brought up."""

    case_id: CaseId
    case_number: str
    role: str
    name: str
    latin_name: str | None
    birth_date: date | None
    country: str | None
    submitted_at: datetime


def digits_backwards(phone: str) -> str:
    """Return the digits of a phone number from the last to the first: numbers agree at their ends, however they are written."""
    return "".join(str(int(sign)) for sign in reversed(phone) if sign.isdecimal())


async def put(tx: Tx, case_id: CaseId, people: Iterable[Person]) -> None:
    """Make the people of a case findable, as they are now."""
    await tx.execute("DELETE FROM findable WHERE case_id = $1", case_id)
    await tx.executemany(
        "INSERT INTO findable (case_id, role, sounds, email, phone) VALUES ($1, $2, $3, $4, $5)",
        [
            (case_id, one.role, _sounds(one.name, one.latin_name),
             one.email.lower() if one.email else None, digits_backwards(one.phone) if one.phone else None)
            for one in people
        ],
    )  # fmt: skip


def _sounds(*names: str | None) -> str:
    return " ".join(sorted({part for name in names if name for parts in heard_as(name) for part in parts}))


_FOUND = """SELECT f.case_id, c.case_number, f.role, p.name, p.latin_name, p.birth_date, p.country, c.submitted_at
            FROM findable f JOIN cases c USING (case_id) JOIN people p USING (case_id, role) """


async def by_sound(tx: Tx, sounds: Sequence[str], limit: int) -> list[Found]:
    """Return whose name holds something like one of these sounds (at most four), those with most of them first."""
    await tx.execute("SET LOCAL pg_trgm.word_similarity_threshold = 0.45")
    words = [*sounds, *[sounds[0]] * 4][:4]
    rows = await tx.fetch(
        _FOUND
        + """WHERE f.sounds %> $1 OR f.sounds %> $2 OR f.sounds %> $3 OR f.sounds %> $4
             ORDER BY word_similarity($1, f.sounds) + word_similarity($2, f.sounds) + word_similarity($3, f.sounds)
                    + word_similarity($4, f.sounds) DESC, c.submitted_at DESC, f.role LIMIT $5""",
        *words, limit,
    )  # fmt: skip
    return [Found(**row) for row in rows]


async def by_phone(tx: Tx, backwards: str, limit: int) -> list[Found]:
    """Return whose phone number ends in these digits, given from the last to the first."""
    rows = await tx.fetch(
        _FOUND + "WHERE f.phone LIKE $1 || '%' ORDER BY c.submitted_at DESC, f.role LIMIT $2", backwards, limit
    )
    return [Found(**row) for row in rows]


async def by_email(tx: Tx, email: str, limit: int) -> list[Found]:
    """Return who reads this mail box, or one spelt nearly so; the nearest first."""
    await tx.execute("SET LOCAL pg_trgm.similarity_threshold = 0.6")
    rows = await tx.fetch(
        _FOUND + "WHERE f.email % $1 ORDER BY similarity(f.email, $1) DESC, c.submitted_at DESC, f.role LIMIT $2",
        email.lower(), limit,
    )  # fmt: skip
    return [Found(**row) for row in rows]


async def by_numbers(tx: Tx, numbers: Iterable[str]) -> list[Found]:
    """Return the patients of the cases with these numbers, the newest first."""
    rows = await tx.fetch(
        """SELECT c.case_id, c.case_number, p.role, p.name, p.latin_name, p.birth_date, p.country, c.submitted_at
           FROM cases c JOIN people p USING (case_id)
           WHERE p.role = 'patient' AND c.case_number = ANY($1::text[]) ORDER BY c.submitted_at DESC""",
        list(numbers),
    )
    return [Found(**row) for row in rows]
