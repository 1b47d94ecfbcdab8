"""The versions of an opinion, their question ledgers, and who received them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.matching.domain.opinions import Answer, OpinionText, Question
from services.matching.domain.values import Unknown
from shared.db import Row, Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Opinion:
    """One version of a case's opinion, with its answers; ``revision`` counts the edits of a draft."""

    id: UUID
    case_id: CaseId
    version: int
    author_id: UUID
    state: str
    revision: int
    text: OpinionText
    questions: tuple[Question, ...]
    correction: str
    updated_at: datetime
    signed_name: str | None
    signed_at: datetime | None
    sha256: str | None
    file: str | None
    delivered_at: datetime | None


_OPINION = """SELECT id, case_id, version, author_id, state, revision, received, history, assessment, plan, limits,
                     correction, updated_at, signed_name, signed_at, sha256, file, delivered_at FROM opinions """
_PROSE = ("received", "history", "assessment", "plan", "limits")


async def _opinion(tx: Tx, row: Row) -> Opinion:
    kept = await tx.fetch(
        "SELECT question_id, question, outcome, text FROM answers WHERE opinion_id = $1 ORDER BY position", row["id"]
    )
    answers = tuple(Answer(question_id=one["question_id"], outcome=one["outcome"], text=one["text"]) for one in kept)
    questions = tuple(
        Question(id=one["question_id"], text=one["question"]) for one in kept if one["question"] is not None
    )
    values: dict[str, Any] = {key: value for key, value in row.items() if key not in _PROSE}
    text = OpinionText(**{key: row[key] for key in _PROSE}, answers=answers)
    return Opinion(text=text, questions=questions, **values)


async def opinion(tx: Tx, opinion_id: UUID) -> Opinion:
    """Return a version by its id; ``Unknown`` when there is none."""
    row = await tx.fetchrow(_OPINION + "WHERE id = $1", opinion_id)
    if row is None:
        raise Unknown("no such opinion")
    return await _opinion(tx, row)


async def latest_opinion(tx: Tx, case_id: CaseId) -> Opinion | None:
    """Return the newest version, draft or signed."""
    row = await tx.fetchrow(_OPINION + "WHERE case_id = $1 ORDER BY version DESC LIMIT 1", case_id)
    return await _opinion(tx, row) if row else None


async def printed_opinion(tx: Tx, case_id: CaseId) -> Opinion | None:
    """Return the newest version that has its document."""
    row = await tx.fetchrow(_OPINION + "WHERE case_id = $1 AND file IS NOT NULL ORDER BY version DESC LIMIT 1", case_id)
    return await _opinion(tx, row) if row else None


async def available_opinion(tx: Tx, case_id: CaseId, audience: str) -> Opinion | None:
    """Return the newest version that was made available to ``audience``."""
    row = await tx.fetchrow(
        _OPINION
        + """WHERE case_id = $1
             AND EXISTS (SELECT FROM deliveries d WHERE d.opinion_id = opinions.id AND d.audience = $2)
             ORDER BY version DESC LIMIT 1""",
        case_id, audience,
    )  # fmt: skip
    return await _opinion(tx, row) if row else None


async def start_opinion(
    tx: Tx, case_id: CaseId, author_id: UUID, version: int, text: OpinionText, correction: str
) -> UUID:
    opinion_id = new_id()
    await tx.execute(
        """INSERT INTO opinions (id, case_id, version, author_id, state, revision, correction, updated_at)
           VALUES ($1, $2, $3, $4, 'draft', 1, $5, $6)""",
        opinion_id, case_id, version, author_id, correction, tx.now,
    )  # fmt: skip
    await save_text(tx, opinion_id, text, (), revision=1)
    return opinion_id


async def save_text(
    tx: Tx, opinion_id: UUID, text: OpinionText, questions: tuple[Question, ...], revision: int
) -> None:
    """Store a draft's words; with ``questions``, the words of each question too."""
    await tx.execute(
        """UPDATE opinions SET received = $2, history = $3, assessment = $4, plan = $5, limits = $6, revision = $7,
                  updated_at = $8 WHERE id = $1""",
        opinion_id, *(getattr(text, key) for key in _PROSE), revision, tx.now,
    )  # fmt: skip
    asked = {question.id: question.text for question in questions}
    await tx.execute("DELETE FROM answers WHERE opinion_id = $1", opinion_id)
    await tx.executemany(
        """INSERT INTO answers (opinion_id, question_id, position, question, outcome, text)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        [(opinion_id, one.question_id, position, asked.get(one.question_id), one.outcome, one.text)
         for position, one in enumerate(text.answers)],
    )  # fmt: skip


async def sign(tx: Tx, opinion_id: UUID, name: str) -> None:
    """Make a draft the signed version; from here on the database refuses any change of it."""
    await tx.execute(
        "UPDATE opinions SET state = 'signed', signed_name = $2, signed_at = $3 WHERE id = $1", opinion_id, name, tx.now
    )


async def close_drafts(tx: Tx, case_id: CaseId) -> None:
    await tx.execute(
        "UPDATE opinions SET state = 'closed', updated_at = $2 WHERE case_id = $1 AND state = 'draft'", case_id, tx.now
    )


async def set_document(tx: Tx, opinion_id: UUID, sha256: str, file: str) -> None:
    """Record the document that was made, once: a second making of the same version changes nothing."""
    await tx.execute(
        "UPDATE opinions SET sha256 = $2, file = $3 WHERE id = $1 AND sha256 IS NULL", opinion_id, sha256, file
    )


async def make_available(tx: Tx, opinion_id: UUID, audience: str) -> None:
    await tx.execute(
        "INSERT INTO deliveries (opinion_id, audience, available_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        opinion_id, audience, tx.now,
    )  # fmt: skip


async def mark_delivered(tx: Tx, opinion_id: UUID) -> bool:
    """Say whether this call was the one that found both recipients served (R34); true once in a version's life."""
    changed = await tx.changed(
        """UPDATE opinions SET delivered_at = $2 WHERE id = $1 AND delivered_at IS NULL AND sha256 IS NOT NULL
           AND (SELECT count(*) FROM deliveries d WHERE d.opinion_id = $1) = 2""",
        opinion_id, tx.now,
    )  # fmt: skip
    return changed == 1


async def record_receipt(tx: Tx, opinion_id: UUID, audience: str, subject: str) -> None:
    """Keep the first time that this person opened the document."""
    await tx.execute(
        """INSERT INTO receipts (opinion_id, audience, subject, opened_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT DO NOTHING""",
        opinion_id, audience, subject, tx.now,
    )  # fmt: skip


async def delivery_of(tx: Tx, opinion_id: UUID) -> list[Row]:
    """Return per audience: available_at, and opened_at of its first reader (M11)."""
    return await tx.fetch(
        """SELECT d.audience, d.available_at, min(r.opened_at) AS opened_at
           FROM deliveries d LEFT JOIN receipts r USING (opinion_id, audience)
           WHERE d.opinion_id = $1 GROUP BY d.audience, d.available_at ORDER BY d.audience DESC""",
        opinion_id,
    )
