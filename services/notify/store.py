"""Every SQL statement of notify. What is kept of a message: its kind, case, audience, language, state and times."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.notify.domain import History, happened_at, identity
from services.notify.letters import Audience
from services.notify.mail import message_key
from shared.db import Row, Tx
from shared.events import FACTS, Fact
from shared.ids import CaseId

_KINDS = {fact.__name__: fact for fact in FACTS}


@dataclass(frozen=True)
class Message:
    """One message to one reader, and what became of it. ``copy`` counts from 1; a resend is the next copy."""

    id: UUID
    case_id: CaseId
    kind: str
    audience: Audience
    occasion: str
    copy: int
    state: str
    locale: str | None
    message_id: str | None
    smtp_code: int | None
    attempts: int
    requested_at: datetime
    attempted_at: datetime | None
    settled_at: datetime | None


_COLUMNS = """id, case_id, kind, audience, occasion, copy, state, locale, message_id, smtp_code, attempts,
              requested_at, attempted_at, settled_at"""

NEEDS_A_PERSON = ("no_address", "bounced", "failed")


def note(tx: Tx, fact: Fact) -> None:
    """Keep a fact as it came, once this commits; the same one again changes nothing."""
    tx.at_commit(
        """INSERT INTO timeline_facts (case_id, fact, identity, payload, happened_at, noted_at)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::jsonb[], $5::timestamptz[], $6::timestamptz[])
           ON CONFLICT DO NOTHING""",
        fact.case_id, type(fact).__name__, identity(fact), fact.model_dump(mode="json"), happened_at(fact), tx.now,
    )  # fmt: skip


async def facts_of(tx: Tx, case_id: CaseId) -> list[Fact]:
    """Return what is known of a case, in no particular order."""
    rows = await tx.fetch("SELECT fact, payload FROM timeline_facts WHERE case_id = $1", case_id)
    return [_KINDS[row["fact"]].model_validate(row["payload"]) for row in rows]


async def history_of(tx: Tx, case_id: CaseId) -> History:
    """Return the case's history."""
    return History(await facts_of(tx, case_id))


def ask_for(tx: Tx, case_id: CaseId, kind: str, audience: Audience, occasion: str, copy: int = 1) -> UUID:
    """Write down, once this commits, that a message is to be sent, and return its id; asking again changes nothing."""
    message_id = message_key(case_id, kind, audience, occasion, copy)
    tx.at_commit(
        """INSERT INTO messages (id, case_id, kind, audience, occasion, copy, requested_at, state)
           SELECT *, 'requested' FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[],
                                             $7::timestamptz[])
           ON CONFLICT DO NOTHING""",
        message_id, case_id, kind, audience, occasion, copy, tx.now,
    )  # fmt: skip
    return message_id


async def begin_attempt(tx: Tx, message_id: UUID, mail_id: str) -> Message | None:
    """Count an attempt and fix the ``Message-ID`` for good; None when there is nothing left to do."""
    row = await tx.fetchrow(
        f"""UPDATE messages SET state = 'sending', attempts = attempts + 1, attempted_at = $2,
                   message_id = coalesce(message_id, $3)
            WHERE id = $1 AND state IN ('requested', 'sending') RETURNING {_COLUMNS}""",
        message_id, tx.now, mail_id,
    )  # fmt: skip
    return _message(row) if row else None


async def settle(
    tx: Tx, message_id: UUID, state: str, *, locale: str | None = None, smtp_code: int | None = None
) -> None:
    """Write down how it ended."""
    await tx.execute(
        """UPDATE messages SET state = $2, settled_at = $3, locale = coalesce($4, locale), smtp_code = $5
           WHERE id = $1""",
        message_id, state, tx.now, locale, smtp_code,
    )  # fmt: skip


async def message(tx: Tx, message_id: UUID, *, lock: bool = False) -> Message | None:
    """Return one message, or None."""
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM messages WHERE id = $1 {'FOR UPDATE' if lock else ''}", message_id)
    return _message(row) if row else None


async def messages_of(tx: Tx, case_id: CaseId) -> list[Message]:
    """Return the messages of a case, newest first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM messages WHERE case_id = $1 ORDER BY requested_at DESC, kind, audience, copy DESC",
        case_id,
    )
    return [_message(row) for row in rows]


async def latest_copy(tx: Tx, of: Message) -> int:
    """Return the number of the newest copy of a message."""
    return int(
        await tx.fetchval(
            "SELECT max(copy) FROM messages WHERE case_id = $1 AND kind = $2 AND audience = $3 AND occasion = $4",
            of.case_id, of.kind, of.audience, of.occasion,
        )
    )  # fmt: skip


async def needing_a_person(tx: Tx, limit: int = 200) -> list[Message]:
    """Return the newest copies that never reached their reader, oldest first."""
    rows = await tx.fetch(
        f"""SELECT {_COLUMNS} FROM messages m WHERE state = ANY($1) AND NOT EXISTS (
                SELECT 1 FROM messages n WHERE (n.case_id, n.kind, n.audience, n.occasion) =
                    (m.case_id, m.kind, m.audience, m.occasion) AND n.copy > m.copy)
            ORDER BY settled_at LIMIT $2""",
        list(NEEDS_A_PERSON), limit,
    )  # fmt: skip
    return [_message(row) for row in rows]


async def still_trying(tx: Tx, attempts: int = 2) -> list[Message]:
    """Return the messages that have been tried in vain at least so often, oldest first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM messages WHERE state = 'sending' AND attempts >= $1 ORDER BY requested_at LIMIT 200",
        attempts,
    )
    return [_message(row) for row in rows]


@dataclass(frozen=True)
class Estimate:
    """How long finished cases took from complete records to the opinion, in days (M2)."""

    cases: int
    half_within: float
    most_within: float


async def estimate(tx: Tx, programme: str, fewest: int = 5) -> Estimate | None:
    """Return median and 90th percentile over the programme's finished cases; None while they are too few to tell."""
    row = await tx.fetchrow(
        """SELECT count(*) AS cases,
                  percentile_cont(0.5) WITHIN GROUP (ORDER BY days) AS half,
                  percentile_cont(0.9) WITHIN GROUP (ORDER BY days) AS most
           FROM (SELECT extract(epoch FROM done.happened_at - ready.happened_at)::float8 / 86400 AS days
                 FROM (SELECT DISTINCT ON (case_id) case_id, payload, happened_at FROM timeline_facts
                       WHERE fact = 'RecordsComplete' ORDER BY case_id, happened_at DESC) ready
                 JOIN timeline_facts done ON done.case_id = ready.case_id AND done.fact = 'OpinionDelivered'
                 WHERE ready.payload #>> '{programme,id}' = $1
                 ORDER BY done.happened_at DESC LIMIT 500) AS finished""",
        programme,
    )
    if row is None or row["cases"] < fewest:
        return None
    return Estimate(row["cases"], row["half"], row["most"])


def _message(row: Row) -> Message:
    return Message(**dict(row))
