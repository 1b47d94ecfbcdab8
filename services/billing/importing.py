"""From a file's bytes to the books, for the desk and for finance's tools: whole or not at all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from services.billing import cashier, statements, store
from services.billing.statements import Mapping, NotAStatementError, account_name
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


@dataclass(frozen=True, slots=True)
class Which:
    """Of which account a table is, as who sends it says; tables of two accounts of one bank look the same."""

    account: str = ""
    currency: str = ""

    def means(self, mapping: Mapping) -> bool:
        same = account_name(self.account) == account_name(mapping.account)
        return same and self.currency in ("", mapping.currency)


async def known_mappings(tx: Tx, data: bytes) -> list[Mapping]:
    """Return how this bank's tables are read, one for each account of which somebody has said so, the last said first."""
    kept = await store.mappings(tx, statements.signature(data))
    return [RawMapping.model_validate(one).mapping() for one in kept]


async def saved_mapping(tx: Tx, data: bytes, mapping: Mapping, by: str) -> None:
    """Keep how this table was read, for the account's next one."""
    raw, account = RawMapping.model_validate(mapping, from_attributes=True), account_name(mapping.account)
    await store.save_mapping(tx, statements.signature(data), account, mapping.currency, raw.model_dump(), by)


async def mapping_of(tx: Tx, data: bytes, which: Which) -> Mapping:
    """Return how the tables of the account that was said are read. Raises ``NotAStatementError``."""
    if not account_name(which.account):
        raise NotAStatementError(
            None, "Say of which account this table is, such as ?account=DE02120300000000202051: "
            "tables of two accounts of one bank look the same."
        )  # fmt: skip
    found = [one for one in await known_mappings(tx, data) if which.means(one)]
    if not found:
        raise NotAStatementError(
            None,
            "Nobody has said how the tables of this account are read: upload one once at /desk/billing/statements.",
        )
    if len(found) > 1:
        kept = " or ".join(sorted(one.currency for one in found))
        raise NotAStatementError(None, f"This account is kept in {kept}: say which, such as &currency=USD.")
    return found[0]


async def import_file(tx: Tx, data: bytes, mapping: Mapping | None, by: str) -> Sequence[UUID]:
    """Return the ids of the file's statements. Raises ``NotAStatementError``, before anything is written."""
    found = statements.read(data, mapping)
    return await cashier.import_statements(tx, hashlib.sha256(data).hexdigest(), found, by)
