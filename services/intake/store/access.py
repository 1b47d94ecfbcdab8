"""Magic links and requests for one: what a person without a session is known by. Tokens as hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Link:
    case_id: CaseId
    audience: str
    path: str


async def insert_link(tx: Tx, token_hash: bytes, link: Link, expires_at: datetime) -> None:
    await tx.execute(
        """INSERT INTO links (token_hash, case_id, audience, path, made_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        token_hash, link.case_id, link.audience, link.path, tx.now, expires_at,
    )  # fmt: skip


async def links_made(tx: Tx, case_id: CaseId, audience: str, since: datetime) -> int:
    sql = "SELECT count(*) FROM links WHERE case_id = $1 AND audience = $2 AND made_at > $3"
    return int(await tx.fetchval(sql, case_id, audience, since))


async def link_works(tx: Tx, token_hash: bytes) -> bool:
    sql = "SELECT EXISTS (SELECT FROM links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)"
    return bool(await tx.fetchval(sql, token_hash, tx.now))


async def use_link(tx: Tx, token_hash: bytes) -> Link | None:
    """Spend a link; None when it is unknown, spent or too old. Of two at once, one gets it."""
    row = await tx.fetchrow(
        """UPDATE links SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
           RETURNING case_id, audience, path""",
        token_hash, tx.now,
    )  # fmt: skip
    return None if row is None else Link(**row)


async def insert_attempt(tx: Tx, attempt_id: UUID, email: str, case_number: str) -> None:
    await tx.execute(
        "INSERT INTO sign_in_attempts (attempt_id, email, case_number, asked_at) VALUES ($1, $2, $3, $4)",
        attempt_id, email, case_number, tx.now,
    )  # fmt: skip


async def take_attempt(tx: Tx, attempt_id: UUID) -> tuple[str, str] | None:
    """Remove the attempt and return (e-mail, case number) as typed."""
    sql = "DELETE FROM sign_in_attempts WHERE attempt_id = $1 RETURNING email, case_number"
    row = await tx.fetchrow(sql, attempt_id)
    return None if row is None else (row["email"], row["case_number"])
