"""The roster of specialists, with their load of this moment."""

from datetime import timedelta
from uuid import UUID

from services.matching.domain.candidates import Conflicts, Discipline, Specialist
from shared.db import Row, Tx

RECENT = timedelta(days=90)

# The roster with the load of now: work elsewhere, assignments that are open, offers that wait for an answer.
_ROSTER = """
SELECT s.id, s.subject, s.name, s.credentials, s.discipline, s.subspecialties, s.languages, s.capacity, s.active,
       s.conflict_institutions, s.conflict_physicians, s.conflict_relations,
       s.other_work
         + (SELECT count(*) FROM assignments a WHERE a.specialist_id = s.id AND a.ended_at IS NULL)
         + (SELECT count(*) FROM offers o WHERE o.specialist_id = s.id AND o.state = 'offered') AS open_cases,
       (SELECT count(*) FROM assignments a WHERE a.specialist_id = s.id AND a.accepted_at > $1) AS recent_cases
FROM specialists s
"""


def _specialist(row: Row) -> Specialist:
    return Specialist(
        id=row["id"], subject=row["subject"], name=row["name"], credentials=row["credentials"],
        discipline=Discipline(row["discipline"]), subspecialties=tuple(row["subspecialties"]),
        languages=tuple(row["languages"]), capacity=row["capacity"], open_cases=row["open_cases"],
        recent_cases=row["recent_cases"], active=row["active"],
        conflicts=Conflicts(
            institutions=tuple(row["conflict_institutions"]), physicians=tuple(row["conflict_physicians"]),
            relations=tuple(row["conflict_relations"]),
        ),
    )  # fmt: skip


async def roster(tx: Tx) -> list[Specialist]:
    return [_specialist(row) for row in await tx.fetch(_ROSTER + "ORDER BY s.name", tx.now - RECENT)]


async def specialist(tx: Tx, specialist_id: UUID) -> Specialist:
    row = await tx.fetchrow(_ROSTER + "WHERE s.id = $2", tx.now - RECENT, specialist_id)
    assert row is not None
    return _specialist(row)


async def specialist_called(tx: Tx, subject: str) -> Specialist | None:
    """Return the specialist who signs in as ``subject``."""
    row = await tx.fetchrow(_ROSTER + "WHERE s.subject = $2", tx.now - RECENT, subject)
    return _specialist(row) if row else None


async def put_specialist(tx: Tx, one: Specialist, other_work: int) -> None:
    """Add or renew an entry of the roster; the subject stays the same person's."""
    await tx.execute(
        """INSERT INTO specialists (id, subject, name, credentials, discipline, subspecialties, languages, capacity,
                  other_work, conflict_institutions, conflict_physicians, conflict_relations, active)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
           ON CONFLICT (subject) DO UPDATE SET name = excluded.name, credentials = excluded.credentials,
                  discipline = excluded.discipline, subspecialties = excluded.subspecialties,
                  languages = excluded.languages, capacity = excluded.capacity, other_work = excluded.other_work,
                  conflict_institutions = excluded.conflict_institutions, active = excluded.active,
                  conflict_physicians = excluded.conflict_physicians,
                  conflict_relations = excluded.conflict_relations""",
        one.id, one.subject, one.name, one.credentials, one.discipline.value, list(one.subspecialties),
        list(one.languages), one.capacity, other_work, list(one.conflicts.institutions),
        list(one.conflicts.physicians), list(one.conflicts.relations), one.active,
    )  # fmt: skip
