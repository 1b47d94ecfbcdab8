"""Letting in whom another service vouches for: a helper of one case gets a session that reaches what names them alone.

Who they are, and until when they are welcome, that service knows and asks itself at every request; intake signs sessions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.intake import store
from services.intake.domain import Refused, Stage
from services.intake.links import hash_of
from shared.db import Tx
from shared.ids import CaseId
from shared.web.principals import Principal, Role

LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Entry:
    """Who came in, and where they wanted to go."""

    principal: Principal
    path: str


async def make(tx: Tx, token: str, case_id: CaseId, guest_id: UUID, name: str, path: str) -> None:
    """Let this token in once, within minutes, as this guest of the case. Raises ``Refused``."""
    if not re.fullmatch(r"/my/records(/[\w.-]+)*", path):
        raise Refused("A guest's link leads to a page under /my/records.")
    case = await store.load_case(tx, case_id)
    if case.stage is Stage.WITHDRAWN:
        raise Refused("The request was withdrawn, and with it everybody's access.")
    await tx.execute(
        "INSERT INTO guest_links (token_hash, case_id, guest_id, name, path, made_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        hash_of(token), case_id, guest_id, name, path, tx.now, tx.now + LIFE,
    )  # fmt: skip


async def works(tx: Tx, token: str) -> bool:
    """Return whether the link would let somebody in."""
    sql = "SELECT EXISTS (SELECT FROM guest_links WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2)"
    return bool(await tx.fetchval(sql, hash_of(token), tx.now))


async def spend(tx: Tx, token: str) -> Entry | None:
    """Use the link up and return whom it lets in; None when it doesn't work (any more)."""
    row = await tx.fetchrow(
        "UPDATE guest_links SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2"
        " RETURNING case_id, guest_id, name, path",
        hash_of(token), tx.now,
    )  # fmt: skip
    if row is None:
        return None
    case = await store.load_case(tx, CaseId(row["case_id"]))
    if case.stage is Stage.WITHDRAWN:
        return None
    who = Principal(
        f"helper:{row['guest_id']}", row["name"], frozenset({Role.FAMILY}), frozenset({case.case_id}), case.locale
    )
    return Entry(who, row["path"])
