"""Every SQL statement of intake, one function each; rows come back as frozen values. Here: the case; what its request said
about people, questions and consent is in `requests`.

A step that changes a case calls `lock_case` first: the row lock makes the order of a case's facts the order of commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.intake.domain import Request, Stage, Stream
from shared.db import Row, Tx
from shared.events import ProgrammeRef
from shared.ids import CaseId


class UnknownCase(LookupError):
    """No such case here."""


@dataclass(frozen=True, slots=True)
class Case:
    case_id: CaseId
    case_number: str
    version: int
    programme: ProgrammeRef
    path: str
    stream: Stream
    channel: str
    entered_by: str | None
    locale: str
    contact: str
    cancer_type: str
    surgery: str
    story: str | None
    reasons: list[str]
    interests: list[str]
    submitted_at: datetime
    contact_due_at: datetime
    contacted_at: datetime | None
    contacted_by: str | None
    confirmed_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None
    continued_in: CaseId | None
    stage: Stage


@dataclass(frozen=True, slots=True)
class Move:
    moved_at: datetime
    moved_to: str
    reason: str
    moved_by: str


def new_case(
    tx: Tx,
    case_id: CaseId,
    number: str,
    programme: ProgrammeRef,
    request: Request,
    channel: str,
    entered_by: str | None,
    due: datetime,
) -> Case:
    """Return the case that a request is at first."""
    return Case(
        case_id=case_id, case_number=number, version=1, programme=programme, path=request.path, stream=request.stream,
        channel=channel, entered_by=entered_by, locale=request.locale, contact=request.contact,
        cancer_type=request.cancer_type, surgery=request.surgery, story=request.story, reasons=[*request.reasons],
        interests=[*request.interests], submitted_at=tx.now, contact_due_at=due, contacted_at=None, contacted_by=None,
        confirmed_at=None, withdrawn_at=None, withdrawn_by=None, withdrawal_reason=None, continued_in=None,
        stage=Stage.REQUESTED,
    )  # fmt: skip


async def insert_case(tx: Tx, case: Case, notice_version: str) -> None:
    """Insert a case that is new, with the version of the emergency notice that was seen (R5)."""
    await tx.execute(
        """INSERT INTO cases (case_id, case_number, programme_id, programme_version, path, stream, channel, entered_by,
               locale, contact, cancer_type, surgery, story, reasons, interests, emergency_notice_version,
               submitted_at, contact_due_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)""",
        case.case_id, case.case_number, case.programme.id, case.programme.version, case.path, case.stream, case.channel,
        case.entered_by, case.locale, case.contact, case.cancer_type, case.surgery, case.story, case.reasons,
        case.interests, notice_version, case.submitted_at, case.contact_due_at,
    )  # fmt: skip


async def lock_case(tx: Tx, case_id: CaseId) -> Case:
    """Lock the case until the transaction ends and return it as it stands; UnknownCase when there is none."""
    await tx.execute("SELECT 1 FROM cases WHERE case_id = $1 FOR UPDATE", case_id)
    return await load_case(tx, case_id)


async def load_case(tx: Tx, case_id: CaseId) -> Case:
    row = await tx.fetchrow(_CASES + "WHERE c.case_id = $1", case_id)
    if row is None:
        raise UnknownCase(str(case_id))
    return _case(row)


async def cases_of(tx: Tx, case_ids: Iterable[CaseId]) -> list[Case]:
    rows = await tx.fetch(_CASES + "WHERE c.case_id = ANY($1::uuid[]) ORDER BY c.submitted_at DESC", list(case_ids))
    return [_case(row) for row in rows]


async def newest_cases(tx: Tx, limit: int) -> list[Case]:
    return [_case(row) for row in await tx.fetch(_CASES + "ORDER BY c.submitted_at DESC LIMIT $1", limit)]


_OWN = """c.case_id, c.case_number, c.version, c.programme_id, c.programme_version, c.path, c.stream, c.channel,
       c.entered_by, c.locale, c.contact, c.cancer_type, c.surgery, c.story, c.reasons, c.interests, c.submitted_at,
       c.contact_due_at, c.contacted_at, c.contacted_by, c.confirmed_at, c.withdrawn_at, c.withdrawn_by,
       c.withdrawal_reason, c.continued_in"""
_CASES = f"""
SELECT {_OWN},
       CASE WHEN c.withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN c.continued_in IS NOT NULL THEN 'continued'
            WHEN p.delivered_at IS NOT NULL THEN 'delivered'
            WHEN p.paid_at IS NOT NULL THEN 'paid'
            WHEN c.confirmed_at IS NOT NULL THEN 'confirmed'
            WHEN EXISTS (SELECT FROM quotes q WHERE q.case_id = c.case_id AND q.state = 'open') THEN 'quoted'
            ELSE 'requested' END AS stage
FROM cases c LEFT JOIN progress p USING (case_id)
"""


def _case(row: Row) -> Case:
    values = dict(row)
    programme = ProgrammeRef(id=values.pop("programme_id"), version=values.pop("programme_version"))
    stage, stream = Stage(values.pop("stage")), Stream(values.pop("stream"))
    return Case(programme=programme, stage=stage, stream=stream, **values)


async def case_with_number(tx: Tx, number: str) -> CaseId | None:
    found: CaseId | None = await tx.fetchval("SELECT case_id FROM cases WHERE case_number = $1", number)
    return found


async def set_contacted(tx: Tx, case_id: CaseId, by: str, at: datetime | None = None) -> None:
    """Stop the contact clock (R12) at the first contact; a later one doesn't move it."""
    await tx.execute(
        """UPDATE cases SET contacted_at = $2, contacted_by = $3, version = version + 1
           WHERE case_id = $1 AND contacted_at IS NULL""",
        case_id, at or tx.now, by,
    )  # fmt: skip


async def set_confirmed(tx: Tx, case_id: CaseId) -> None:
    """Note since when services are agreed; a supplement adds to them and doesn't move that."""
    await tx.execute(
        "UPDATE cases SET confirmed_at = coalesce(confirmed_at, $2), version = version + 1 WHERE case_id = $1",
        case_id, tx.now,
    )  # fmt: skip


async def set_withdrawn(tx: Tx, case_id: CaseId, by: str, reason: str) -> None:
    """End the case and its consent (R29, M13)."""
    await tx.execute(
        """WITH ended AS (UPDATE consents SET withdrawn_at = $2 WHERE case_id = $1 AND withdrawn_at IS NULL)
           UPDATE cases SET withdrawn_at = $2, withdrawn_by = $3, withdrawal_reason = $4, version = version + 1
           WHERE case_id = $1""",
        case_id, tx.now, by, reason,
    )  # fmt: skip


async def insert_move(tx: Tx, case_id: CaseId, to: Stream, reason: str, by: str) -> None:
    """Move the case to the other stream and keep who moved it and why (R7)."""
    await tx.execute(
        """WITH moved AS (UPDATE cases SET stream = $3, version = version + 1 WHERE case_id = $1)
           INSERT INTO stream_moves (case_id, moved_at, moved_to, reason, moved_by) VALUES ($1, $2, $3, $4, $5)""",
        case_id, tx.now, to, reason, by,
    )  # fmt: skip


async def moves(tx: Tx, case_id: CaseId) -> list[Move]:
    sql = "SELECT moved_at, moved_to, reason, moved_by FROM stream_moves WHERE case_id = $1 ORDER BY moved_at"
    return [Move(**row) for row in await tx.fetch(sql, case_id)]


async def bump_version(tx: Tx, case_id: CaseId) -> None:
    await tx.execute("UPDATE cases SET version = version + 1 WHERE case_id = $1", case_id)


async def note_progress(tx: Tx, case_id: CaseId, *, paid_at: datetime | None, delivered_at: datetime | None) -> None:
    """Keep what another service told, whichever fact came first; the earliest time told stays."""
    await tx.execute(
        """INSERT INTO progress AS p (case_id, paid_at, delivered_at) VALUES ($1, $2, $3)
           ON CONFLICT (case_id) DO UPDATE SET paid_at = LEAST(p.paid_at, excluded.paid_at),
               delivered_at = LEAST(p.delivered_at, excluded.delivered_at)""",
        case_id, paid_at, delivered_at,
    )  # fmt: skip
