"""What a request said: its people by role, their questions to the specialist, the consent that was signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from services.intake.domain import Authority, Request
from shared.db import Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Person:
    role: str
    name: str
    email: str | None
    phone: str | None
    country: str | None
    birth_date: date | None
    sex: str | None
    languages: list[str] | None
    relationship: str | None
    authority: str | None
    asks_as: str | None
    institution: str | None
    latin_name: str | None


@dataclass(frozen=True, slots=True)
class Question:
    question_id: UUID
    text: str


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """Which text was signed, by whom, and when it ended (R29)."""

    version: str
    signed_name: str
    organisations: list[str]
    signed_at: datetime
    withdrawn_at: datetime | None


async def insert_people(tx: Tx, case_id: CaseId, request: Request) -> None:
    """Insert the patient, who asks, and the doctor at home. A patient who asks for themselves stands twice (R9)."""
    asks, patient, doctor = request.requester, request.patient, request.local_physician
    own = asks.authority is Authority.SELF
    rows: list[tuple[Any, ...]] = [
        (case_id, "requester", asks.name, asks.email, asks.phone, None, None, None, None,
         asks.relationship, asks.authority, asks.role, None, None),
        (case_id, "patient", patient.name, patient.email or (asks.email if own else None),
         patient.phone or (asks.phone if own else None), patient.country, patient.birth_date, patient.sex,
         patient.languages, None, None, None, None, patient.latin_name),
    ]  # fmt: skip
    if doctor is not None:
        rows.append((case_id, "local_physician", doctor.name, doctor.email, None, doctor.country, None, None, None,
                     None, None, None, doctor.institution, None))  # fmt: skip
    await tx.executemany(
        """INSERT INTO people (case_id, role, name, email, phone, country, birth_date, sex, languages,
               relationship, authority, asks_as, institution, latin_name)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)""",
        rows,
    )


async def insert_questions(tx: Tx, case_id: CaseId, texts: Iterable[str]) -> None:
    asked = [*texts]
    if asked:
        await tx.execute(
            """INSERT INTO questions (question_id, case_id, position, text)
               SELECT question_id, $1, position, text
               FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS asked (question_id, text, position)""",
            case_id, [new_id() for _ in asked], asked,
        )  # fmt: skip


async def insert_consent(tx: Tx, case_id: CaseId, request: Request, organisations: tuple[str, str]) -> None:
    """Keep which text was signed, by whom, in which language, and the two organisations it names (R29)."""
    await tx.execute(
        """INSERT INTO consents (case_id, version, signed_name, organisations, locale, signed_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        case_id, request.consent.version, request.consent.signed_name, organisations, request.locale, tx.now,
    )  # fmt: skip


async def people(tx: Tx, case_id: CaseId) -> dict[str, Person]:
    """Return the people of a case by role."""
    rows = await tx.fetch(
        """SELECT role, name, email, phone, country, birth_date, sex, languages, relationship, authority, asks_as,
                  institution, latin_name FROM people WHERE case_id = $1""",
        case_id,
    )
    return {row["role"]: Person(**row) for row in rows}


async def cases_of_mailbox(tx: Tx, email: str) -> list[tuple[CaseId, str, bool]]:
    """Return (case, role, asks for themselves) of everyone who reads this mail box; no doctor of a withdrawn case."""
    rows = await tx.fetch(
        """SELECT p.case_id, p.role, r.authority = 'self' AS own
           FROM people p JOIN people r ON r.case_id = p.case_id AND r.role = 'requester'
           JOIN cases c ON c.case_id = p.case_id
           WHERE lower(p.email) = lower($1) AND (p.role <> 'local_physician' OR c.withdrawn_at IS NULL)""",
        email,
    )
    return [(row["case_id"], row["role"], row["own"]) for row in rows]


async def questions(tx: Tx, case_id: CaseId) -> list[Question]:
    sql = "SELECT question_id, text FROM questions WHERE case_id = $1 ORDER BY position"
    return [Question(**row) for row in await tx.fetch(sql, case_id)]


async def consents_of(tx: Tx, case_id: CaseId) -> list[SignedConsent]:
    """Return every version of the consent text that was signed for the case."""
    rows = await tx.fetch(
        """SELECT version, signed_name, organisations, signed_at, withdrawn_at FROM consents
           WHERE case_id = $1 ORDER BY signed_at""",
        case_id,
    )
    return [SignedConsent(**row) for row in rows]
