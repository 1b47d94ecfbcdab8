"""Tumour types of OncoTree, as the operator imported them last."""

from __future__ import annotations

from collections.abc import Iterable

from services.intake.diagnoses.oncotree import TumourType
from shared.db import Tx


async def replace(tx: Tx, types: Iterable[TumourType]) -> None:
    """Keep these types and no others: an import is the whole list."""
    rows = [(one.code, one.title, one.tissue) for one in types]
    await tx.execute("DELETE FROM oncotree_types")
    await tx.executemany("INSERT INTO oncotree_types (code, title, tissue) VALUES ($1, $2, $3)", rows)


async def all_types(tx: Tx) -> list[TumourType]:
    rows = await tx.fetch("SELECT code, title, tissue FROM oncotree_types ORDER BY length(code), code")
    return [TumourType(**row) for row in rows]


async def type_with_code(tx: Tx, code: str) -> TumourType | None:
    row = await tx.fetchrow("SELECT code, title, tissue FROM oncotree_types WHERE code = $1", code)
    return None if row is None else TumourType(**row)
