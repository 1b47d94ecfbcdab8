"""Drafts: a form that somebody is filling in, the browsers that may go on with it, and links back to it.

Tokens as hashes only. Erasing a draft erases all of this with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx


@dataclass(frozen=True, slots=True)
class Draft:
    """A form in the making; ``sent`` once it is a case, and then it holds no answers any more."""

    draft_id: UUID
    programme: str
    channel: str
    entered_by: str | None
    email: str | None
    locale: str
    answers: dict[str, Any]
    updated_at: datetime
    sent: bool


_DRAFTS = """
SELECT d.draft_id, d.programme, d.channel, d.entered_by, d.email, d.locale, d.answers, d.updated_at,
       EXISTS (SELECT FROM cases c WHERE c.case_id = d.draft_id)
           OR EXISTS (SELECT FROM set_aside s WHERE s.case_id = d.draft_id) AS sent
FROM drafts d
"""
_OF_BROWSER = """(d.token_hash = ANY($1::bytea[])
    OR d.draft_id IN (SELECT b.draft_id FROM draft_browsers b WHERE b.token_hash = ANY($1::bytea[])))"""


async def insert(tx: Tx, draft_id: UUID, token_hash: bytes, programme: str, channel: str, by: str | None) -> None:
    await tx.execute(
        """INSERT INTO drafts (draft_id, token_hash, programme, channel, entered_by, updated_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        draft_id, token_hash, programme, channel, by, tx.now,
    )  # fmt: skip


async def of_browser(tx: Tx, draft_id: UUID, token_hash: bytes) -> Draft | None:
    """Return the draft if this browser may go on with it."""
    row = await tx.fetchrow(f"{_DRAFTS} WHERE d.draft_id = $2 AND {_OF_BROWSER}", [token_hash], draft_id)
    return None if row is None else Draft(**row)


async def all_of_browser(tx: Tx, token_hashes: Iterable[bytes]) -> list[Draft]:
    """Return every draft that one of these tokens opens, the last changed first."""
    rows = await tx.fetch(f"{_DRAFTS} WHERE {_OF_BROWSER} ORDER BY d.updated_at DESC", list(token_hashes))
    return [Draft(**row) for row in rows]


async def lock(tx: Tx, draft_id: UUID) -> Draft | None:
    """Hold the draft until the transaction ends and return it as it stands; None when it was erased."""
    await tx.execute("SELECT 1 FROM drafts WHERE draft_id = $1 FOR UPDATE", draft_id)
    return await read(tx, draft_id)


async def read(tx: Tx, draft_id: UUID) -> Draft | None:
    row = await tx.fetchrow(f"{_DRAFTS} WHERE d.draft_id = $1", draft_id)
    return None if row is None else Draft(**row)


async def save(tx: Tx, draft_id: UUID, question: str, answer: dict[str, Any], forget: list[str]) -> None:
    """Keep one answer and forget those of ``forget``, leaving the rest alone: two tabs don't erase each other."""
    await tx.execute(
        """UPDATE drafts SET updated_at = $5,
               answers = (answers - $4::text[]) || jsonb_build_object($2::text, $3::jsonb)
           WHERE draft_id = $1""",
        draft_id, question, answer, forget, tx.now,
    )  # fmt: skip


async def set_address(tx: Tx, draft_id: UUID, email: str | None, locale: str) -> None:
    """Keep where a link back may be sent, and in which language."""
    await tx.execute("UPDATE drafts SET email = $2, locale = $3 WHERE draft_id = $1", draft_id, email, locale)


async def with_address(tx: Tx, email: str, limit: int) -> list[UUID]:
    """Return the unsent drafts that may be come back to from this mail box, the last changed first."""
    rows = await tx.fetch(
        """SELECT d.draft_id FROM drafts d
           WHERE lower(d.email) = lower($1) AND d.entered_by IS NULL
             AND NOT EXISTS (SELECT FROM cases c WHERE c.case_id = d.draft_id)
             AND NOT EXISTS (SELECT FROM set_aside s WHERE s.case_id = d.draft_id)
           ORDER BY d.updated_at DESC LIMIT $2""",
        email, limit,
    )  # fmt: skip
    return [row["draft_id"] for row in rows]


async def insert_link(tx: Tx, token_hash: bytes, draft_id: UUID, expires_at: datetime) -> None:
    await tx.execute(
        "INSERT INTO draft_links (token_hash, draft_id, made_at, expires_at) VALUES ($1, $2, $3, $4)",
        token_hash, draft_id, tx.now, expires_at,
    )  # fmt: skip


async def links_made(tx: Tx, draft_id: UUID, since: datetime) -> int:
    sql = "SELECT count(*) FROM draft_links WHERE draft_id = $1 AND made_at > $2"
    return int(await tx.fetchval(sql, draft_id, since))


async def link_works(tx: Tx, token_hash: bytes) -> bool:
    sql = "SELECT EXISTS (SELECT FROM draft_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)"
    return bool(await tx.fetchval(sql, token_hash, tx.now))


async def use_link(tx: Tx, token_hash: bytes) -> UUID | None:
    """Spend a link and return its draft; None when it is unknown, spent or too old. Of two at once, one gets it."""
    draft_id: UUID | None = await tx.fetchval(
        """UPDATE draft_links SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
           RETURNING draft_id""",
        token_hash, tx.now,
    )  # fmt: skip
    return draft_id


async def let_in(tx: Tx, draft_id: UUID, token_hash: bytes) -> None:
    """Let one more browser go on with the draft."""
    await tx.execute(
        "INSERT INTO draft_browsers (token_hash, draft_id, since) VALUES ($1, $2, $3)", token_hash, draft_id, tx.now
    )


async def empty(tx: Tx, draft_id: UUID) -> None:
    """Forget what was typed but keep the row, so that the browser that sent it still finds its receipt."""
    await tx.execute(
        "UPDATE drafts SET answers = '{}', email = NULL, updated_at = $2 WHERE draft_id = $1", draft_id, tx.now
    )


async def erase(tx: Tx, draft_id: UUID) -> None:
    await tx.execute("DELETE FROM drafts WHERE draft_id = $1", draft_id)
