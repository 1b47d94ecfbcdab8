"""Quotes: every revision is kept with its lines, one at most waits for an answer; questions about them; wishes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.domain import PriceLine, Quote, QuoteState
from shared.db import Row, Tx
from shared.events import Money
from shared.ids import CaseId, new_id


async def insert(tx: Tx, case_id: CaseId, quote: Quote) -> None:
    await tx.execute(
        """INSERT INTO quotes (quote_id, revision, case_id, services, amount_minor, currency, note, offered_at,
               valid_until, offered_by, state, supplements, adjustment_minor, price_reason, surgery_advice)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
        quote.quote_id, quote.revision, case_id, quote.services, quote.price.amount_minor, quote.price.currency,
        quote.note, quote.offered_at, quote.valid_until, quote.offered_by, quote.state, quote.supplements,
        quote.adjustment_minor, quote.price_reason, quote.surgery_advice,
    )  # fmt: skip
    await tx.executemany(
        """INSERT INTO quote_lines (quote_id, revision, position, service, sample_minor, amount_minor)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        [(quote.quote_id, quote.revision, position, line.service, line.sample_minor, line.amount_minor)
         for position, line in enumerate(quote.lines, start=1)],
    )  # fmt: skip


async def of_case(tx: Tx, case_id: CaseId) -> list[Quote]:
    """Return every revision ever offered, the newest first."""
    rows = await tx.fetch(
        """SELECT quote_id, revision, services, amount_minor, currency, note, offered_at, valid_until, offered_by, state,
                  supplements, adjustment_minor, price_reason, surgery_advice, settled_at, decline_code, decline_words,
                  reminded_at
           FROM quotes WHERE case_id = $1 ORDER BY revision DESC""",
        case_id,
    )
    lines: dict[tuple[UUID, int], list[PriceLine]] = defaultdict(list)
    found = await tx.fetch(
        """SELECT l.quote_id, l.revision, l.service, l.sample_minor, l.amount_minor
           FROM quote_lines l JOIN quotes q USING (quote_id, revision) WHERE q.case_id = $1 ORDER BY l.position""",
        case_id,
    )
    for row in found:
        line = PriceLine(row["service"], row["sample_minor"], row["amount_minor"])
        lines[row["quote_id"], row["revision"]].append(line)
    return [_quote(row, lines[row["quote_id"], row["revision"]]) for row in rows]


async def newest(tx: Tx, case_id: CaseId) -> Quote | None:
    """Return the last revision offered, whatever became of it."""
    return next(iter(await of_case(tx, case_id)), None)


def _quote(row: Row, lines: list[PriceLine]) -> Quote:
    values = dict(row)
    price = Money(amount_minor=values.pop("amount_minor"), currency=values.pop("currency"))
    services, state = tuple(values.pop("services")), QuoteState(values.pop("state"))
    return Quote(services=services, price=price, state=state, lines=tuple(lines), **values)


async def settle(tx: Tx, case_id: CaseId, state: QuoteState, *, code: str | None = None, words: str = "") -> bool:
    """Give the case's open quote its end, a refusal with its reason; False when none is open."""
    changed = await tx.changed(
        """UPDATE quotes SET state = $2, settled_at = $3, decline_code = $4, decline_words = $5
           WHERE case_id = $1 AND state = 'open'""",
        case_id, state, tx.now, code, words,
    )  # fmt: skip
    return changed == 1


async def mark_reminded(tx: Tx, case_id: CaseId) -> Quote | None:
    """Note that the open quote's reader is reminded, and return it; None when none is open, or they were before."""
    changed = await tx.changed(
        "UPDATE quotes SET reminded_at = $2 WHERE case_id = $1 AND state = 'open' AND reminded_at IS NULL",
        case_id, tx.now,
    )  # fmt: skip
    return await newest(tx, case_id) if changed else None


# --- questions -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuoteQuestion:
    """Something asked about a revision, and its answer once there is one."""

    question_id: UUID
    case_id: CaseId
    quote_id: UUID
    revision: int
    text: str
    asked_by: str
    asked_at: datetime
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None


_QUESTION = """SELECT question_id, case_id, quote_id, revision, text, asked_by, asked_at, answer, answered_by, answered_at
               FROM quote_questions """


async def add_question(tx: Tx, case_id: CaseId, quote: Quote, text: str, by: str) -> UUID:
    question_id: UUID = new_id()
    await tx.execute(
        """INSERT INTO quote_questions (question_id, case_id, quote_id, revision, text, asked_by, asked_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        question_id, case_id, quote.quote_id, quote.revision, text, by, tx.now,
    )  # fmt: skip
    return question_id


async def questions_of(tx: Tx, case_id: CaseId) -> list[QuoteQuestion]:
    """Return the thread: everything ever asked about the case's quotes, in the order of asking."""
    rows = await tx.fetch(_QUESTION + "WHERE case_id = $1 ORDER BY asked_at, question_id", case_id)
    return [QuoteQuestion(**row) for row in rows]


async def question(tx: Tx, question_id: UUID) -> QuoteQuestion | None:
    row = await tx.fetchrow(_QUESTION + "WHERE question_id = $1", question_id)
    return QuoteQuestion(**row) if row else None


async def answer_question(tx: Tx, question_id: UUID, answer: str, by: str) -> None:
    await tx.execute(
        "UPDATE quote_questions SET answer = $2, answered_by = $3, answered_at = $4 WHERE question_id = $1",
        question_id, answer, by, tx.now,
    )  # fmt: skip


# --- wishes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """A service that somebody who works on the case wants added, and what an advisor made of it (R17)."""

    wish_id: UUID
    case_id: CaseId
    service: str
    words: str
    wished_by: str
    wished_at: datetime
    outcome: str | None
    settled_by: str | None
    settled_at: datetime | None
    settled_as: str


async def add_wish(tx: Tx, case_id: CaseId, service: str, words: str, by: str) -> UUID:
    wish_id: UUID = new_id()
    await tx.execute(
        "INSERT INTO service_wishes (wish_id, case_id, service, words, wished_by, wished_at) VALUES ($1, $2, $3, $4, $5, $6)",
        wish_id, case_id, service, words, by, tx.now,
    )  # fmt: skip
    return wish_id


async def wishes_of(tx: Tx, case_id: CaseId) -> list[Wish]:
    """Return every wish for the case, in the order of wishing."""
    rows = await tx.fetch(
        """SELECT wish_id, case_id, service, words, wished_by, wished_at, outcome, settled_by, settled_at, settled_as
           FROM service_wishes WHERE case_id = $1 ORDER BY wished_at, wish_id""",
        case_id,
    )
    return [Wish(**row) for row in rows]


async def settle_wish(
    tx: Tx, wish_id: UUID, outcome: Literal["quoted", "set_aside", "withdrawn"], by: str | None, words: str = ""
) -> None:
    await tx.execute(
        """UPDATE service_wishes SET outcome = $2, settled_by = $3, settled_at = $4, settled_as = $5
           WHERE wish_id = $1 AND outcome IS NULL""",
        wish_id, outcome, by, tx.now, words,
    )  # fmt: skip
