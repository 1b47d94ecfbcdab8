"""Who has something of the patient's, and who may help to send it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from services.records.domain import Authority, Helper, Person, Provider, Relation
from shared.db import Row, Tx
from shared.ids import CaseId

_HELPER = """SELECT id, name, relation, authority, invited_by_name, invited_at, expires_at, came_at, revoked_at
FROM helpers WHERE """


async def of_case(tx: Tx, case_id: CaseId) -> list[Provider]:
    """Return the case's providers in the order of their coming."""
    rows = await tx.fetch(
        "SELECT id, name, country, contact, language, version FROM providers WHERE case_id = $1 AND removed_at IS NULL"
        " ORDER BY added_at, id",
        case_id,
    )
    return [Provider(**dict(row)) for row in rows]


async def add(tx: Tx, case_id: CaseId, one: Provider) -> None:
    """Add a provider; the same id again changes nothing."""
    await tx.execute(
        "INSERT INTO providers (id, case_id, name, country, contact, language, added_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        one.id, case_id, one.name, one.country, one.contact, one.language, tx.now,
    )  # fmt: skip


async def change(tx: Tx, one: Provider) -> None:
    """Bring a provider up to date, its version counted up."""
    await tx.execute(
        "UPDATE providers SET name = $2, country = $3, contact = $4, language = $5, version = version + 1 WHERE id = $1",
        one.id, one.name, one.country, one.contact, one.language,
    )  # fmt: skip


async def remove(tx: Tx, provider_id: UUID) -> None:
    """Take a provider off the case; what was sent stays."""
    await tx.execute("DELETE FROM item_providers WHERE provider_id = $1", provider_id)
    await tx.execute("UPDATE providers SET removed_at = $2 WHERE id = $1", provider_id, tx.now)


async def say_who_has(tx: Tx, item_id: UUID, provider_ids: Iterable[UUID], *, never_made: bool) -> None:
    """Keep which providers have an item, or that there is no such thing."""
    await tx.execute("DELETE FROM item_providers WHERE item_id = $1", item_id)
    await tx.executemany(
        "INSERT INTO item_providers (item_id, provider_id) VALUES ($1, $2)",
        [(item_id, one) for one in dict.fromkeys(provider_ids)],
    )
    await tx.execute("UPDATE items SET never_made = $2, version = version + 1 WHERE id = $1", item_id, never_made)


async def say_what_exists(tx: Tx, case_id: CaseId, said: dict[str, bool]) -> None:
    """Keep the answers to the programme's questions."""
    await tx.execute("UPDATE collections SET said = $2 WHERE case_id = $1", case_id, said)


async def helpers_of(tx: Tx, case_id: CaseId) -> list[Helper]:
    """Return everybody who was invited, the latest first."""
    rows = await tx.fetch(_HELPER + "case_id = $1 ORDER BY invited_at DESC, id DESC", case_id)
    return [_helper(row) for row in rows]


async def helper(tx: Tx, helper_id: UUID) -> tuple[CaseId, Helper] | None:
    """Return a helper and their case."""
    case_id = await tx.fetchval("SELECT case_id FROM helpers WHERE id = $1", helper_id)
    row = await tx.fetchrow(_HELPER + "id = $1", helper_id)
    return None if row is None else (CaseId(case_id), _helper(row))


async def invite(tx: Tx, case_id: CaseId, one: Helper, by: Person) -> None:
    """Write down who is invited, by whom and with what authority."""
    await tx.execute(
        "INSERT INTO helpers (id, case_id, name, relation, authority, invited_by, invited_by_name, invited_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        one.id, case_id, one.name, one.relation, one.authority, by.subject, by.name, one.invited_at, one.expires_at,
    )  # fmt: skip


async def note_visit(tx: Tx, helper_id: UUID) -> None:
    """Keep when they last came in."""
    await tx.execute("UPDATE helpers SET came_at = $2 WHERE id = $1", helper_id, tx.now)


async def revoke(tx: Tx, helper_id: UUID, by: Person, at: datetime) -> None:
    """Take the invitation back: from now on nobody comes in by it, and who is in sees nothing more."""
    await tx.execute(
        "UPDATE helpers SET revoked_at = $2, revoked_by_name = $3 WHERE id = $1 AND revoked_at IS NULL",
        helper_id, at, by.name,
    )  # fmt: skip


def _helper(row: Row) -> Helper:
    fields = dict(row)
    fields["relation"], fields["authority"] = Relation(row["relation"]), Authority(row["authority"])
    return Helper(**fields)
