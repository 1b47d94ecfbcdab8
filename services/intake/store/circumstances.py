"""What a request said beside who asks and why: circumstances, confidants, a clinician's declaration."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.domain import Request
from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Circumstances:
    in_hospital: str | None = None
    hospital: str | None = None
    guardian_name: str | None = None
    guardian_relationship: str | None = None
    call_zone: str | None = None
    call_times: tuple[str, ...] = ()
    interpreter: str | None = None
    diagnosis_system: str | None = None
    diagnosis_code: str | None = None
    diagnosis_title: str | None = None
    heard_from: str | None = None
    heard_more: str | None = None


@dataclass(frozen=True, slots=True)
class Confidant:
    name: str
    relationship: str | None
    may_know: list[str]


async def insert(tx: Tx, case_id: CaseId, request: Request) -> None:
    """Keep what the request said of all this; nothing is written for one that said nothing."""
    said = request
    whole = Circumstances(
        in_hospital=said.in_hospital,
        hospital=said.hospital,
        guardian_name=said.guardian.name if said.guardian else None,
        guardian_relationship=said.guardian.relationship if said.guardian else None,
        call_zone=said.call.zone if said.call else None,
        call_times=said.call.times if said.call else (),
        interpreter=said.interpreter,
        diagnosis_system=said.diagnosis.system if said.diagnosis else None,
        diagnosis_code=said.diagnosis.code if said.diagnosis else None,
        diagnosis_title=said.diagnosis.title if said.diagnosis else None,
        heard_from=said.heard_from,
        heard_more=said.heard_more,
    )
    if whole != Circumstances():
        await tx.execute(
            """INSERT INTO circumstances (case_id, in_hospital, hospital, guardian_name, guardian_relationship,
                   call_zone, call_times, interpreter, diagnosis_system, diagnosis_code, diagnosis_title, heard_from,
                   heard_more)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
            case_id, whole.in_hospital, whole.hospital, whole.guardian_name, whole.guardian_relationship,
            whole.call_zone, whole.call_times, whole.interpreter, whole.diagnosis_system, whole.diagnosis_code,
            whole.diagnosis_title, whole.heard_from, whole.heard_more,
        )  # fmt: skip
    if said.may_be_told:
        await tx.executemany(
            "INSERT INTO confidants (case_id, position, name, relationship, may_know) VALUES ($1, $2, $3, $4, $5)",
            [(case_id, place, one.name, one.relationship, one.may_know)
             for place, one in enumerate(said.may_be_told, start=1)],
        )  # fmt: skip
    if said.declaration:
        await tx.execute(
            "INSERT INTO declarations (case_id, version, signed_name, locale, signed_at) VALUES ($1, $2, $3, $4, $5)",
            case_id, said.declaration.version, said.declaration.signed_name, said.locale, tx.now,
        )  # fmt: skip


async def of_case(tx: Tx, case_id: CaseId) -> Circumstances:
    """Return what is known; a case whose request said nothing of it has them empty."""
    row = await tx.fetchrow(
        """SELECT in_hospital, hospital, guardian_name, guardian_relationship, call_zone, call_times, interpreter,
                  diagnosis_system, diagnosis_code, diagnosis_title, heard_from, heard_more
           FROM circumstances WHERE case_id = $1""",
        case_id,
    )
    return Circumstances() if row is None else Circumstances(**{**row, "call_times": tuple(row["call_times"])})


async def confidants(tx: Tx, case_id: CaseId) -> list[Confidant]:
    sql = "SELECT name, relationship, may_know FROM confidants WHERE case_id = $1 ORDER BY position"
    return [Confidant(**row) for row in await tx.fetch(sql, case_id)]


async def declared_by(tx: Tx, case_id: CaseId) -> str | None:
    """Return the name by which a clinician signed the declaration of authority, if one did."""
    name: str | None = await tx.fetchval(
        "SELECT signed_name FROM declarations WHERE case_id = $1 ORDER BY signed_at DESC LIMIT 1", case_id
    )
    return name
