"""From a file's bytes to the books, for the desk and for finance's tools: whole or not at all."""

import hashlib
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from services.billing import cashier, statements, store
from services.billing.statements import Mapping, NotAStatementError
from services.billing.statements.mapping import Role
from shared.db import Tx


class RawMapping(BaseModel):
    """A mapping as it is kept."""

    account: str
    currency: str
    delimiter: str
    decimal: Literal[".", ","]
    dates: Literal["YMD", "DMY", "MDY"]
    encoding: str
    header: int
    columns: dict[Role, int]

    def mapping(self) -> Mapping:
        return Mapping(**dict(self))


async def known_mapping(tx: Tx, data: bytes) -> Mapping | None:
    """Return how this bank's tables are read, if somebody has said so."""
    kept = await store.mapping(tx, statements.signature(data))
    return RawMapping.model_validate(kept).mapping() if kept else None


async def saved_mapping(tx: Tx, data: bytes, mapping: Mapping, by: str) -> None:
    """Keep how this table was read, for the bank's next one."""
    raw = RawMapping.model_validate(mapping, from_attributes=True)
    await store.save_mapping(tx, statements.signature(data), raw.model_dump(), by)


async def import_file(tx: Tx, data: bytes, mapping: Mapping | None, by: str) -> Sequence[UUID]:
    """Return the ids of the file's statements. Raises ``NotAStatementError``, before anything is written."""
    if not statements.is_camt(data) and mapping is None:
        mapping = await known_mapping(tx, data)
    if not statements.is_camt(data) and mapping is None:
        raise NotAStatementError(
            1, "Nobody has said how this table is read: upload it once at /desk/billing/statements."
        )
    found = statements.read(data, mapping)
    return await cashier.import_statements(tx, hashlib.sha256(data).hexdigest(), found, by)
