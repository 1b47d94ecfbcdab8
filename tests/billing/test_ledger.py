"""What the database itself refuses, whoever asks (R21)."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.db import Tx
from tests.billing.conftest import CaseFacts
from tests.support.service import ServiceUnderTest

BROKEN = asyncpg.IntegrityConstraintViolationError


async def transaction(tx: Tx, *postings: tuple[str, str, int]) -> UUID:
    entry = uuid4()
    await tx.execute(
        "INSERT INTO ledger_transactions (id, kind, source, entered_at, entered_by) VALUES ($1, 'test', $2, now(), 'test')",
        entry, str(entry),
    )  # fmt: skip
    for line, posting in enumerate(postings):
        await post(tx, entry, line, *posting)
    return entry


async def post(tx: Tx, entry: UUID, line: int, account: str, currency: str, minor: int) -> None:
    await tx.execute("INSERT INTO ledger_postings VALUES ($1, $2, $3, $4, $5)", entry, line, account, currency, minor)


async def test_an_unbalanced_transaction_cannot_be_committed(billing: ServiceUnderTest) -> None:
    for postings in (
        [("bank", "USD", 5), ("receivable", "USD", -4)],
        [("bank", "USD", 5)],
        [],
    ):
        with pytest.raises(BROKEN, match="does not balance"):
            async with billing.ctx.db.transaction() as tx:
                await transaction(tx, *postings)
    assert await billing.count("ledger_transactions") == 0


async def test_a_transaction_is_in_one_currency(billing: ServiceUnderTest) -> None:
    for postings in (
        [("bank", "USD", 5), ("receivable", "EUR", -5)],
        [("bank", "USD", 5), ("receivable", "USD", -5), ("bank", "EUR", 1), ("revenue", "EUR", -1)],
    ):
        with pytest.raises(BROKEN, match="more than one currency: EUR, USD"):
            async with billing.ctx.db.transaction() as tx:
                await transaction(tx, *postings)
    assert await billing.count("ledger_transactions") == 0


async def test_a_balanced_transaction_is_final(billing: ServiceUnderTest) -> None:
    async with billing.ctx.db.transaction() as tx:
        entry = await transaction(
            tx, ("bank", "USD", 5), ("receivable", "USD", -5), ("bank", "USD", 1), ("revenue", "USD", -1)
        )
    for change in (
        "UPDATE ledger_postings SET amount_minor = 0",
        "DELETE FROM ledger_postings",
        "TRUNCATE ledger_postings",
        "UPDATE ledger_transactions SET kind = 'other'",
        "DELETE FROM ledger_transactions",
    ):
        with pytest.raises(BROKEN, match="never changed"):
            async with billing.ctx.db.transaction() as tx:
                await tx.execute(change)
    with pytest.raises(BROKEN, match="closed"):  # noqa: PT012 - either posting may be the one refused
        async with billing.ctx.db.transaction() as tx:
            await post(tx, entry, 9, "bank", "USD", 1)
            await post(tx, entry, 10, "revenue", "USD", -1)
    assert await billing.count("ledger_postings") == 4


async def test_a_posting_after_an_early_check_is_checked_too(billing: ServiceUnderTest) -> None:
    with pytest.raises(BROKEN, match="does not balance"):  # noqa: PT012 - what comes first is allowed
        async with billing.ctx.db.transaction() as tx:
            entry = await transaction(tx, ("bank", "USD", 5), ("receivable", "USD", -5))
            await tx.execute("SET CONSTRAINTS ALL IMMEDIATE")
            await post(tx, entry, 9, "bank", "USD", 1)


async def test_a_cause_cannot_be_entered_twice(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    with pytest.raises(asyncpg.UniqueViolationError):
        async with billing.ctx.db.transaction() as tx:
            await tx.execute(
                """INSERT INTO ledger_transactions (id, kind, source, entered_at, entered_by)
                   SELECT gen_random_uuid(), kind, source, now(), 'test' FROM ledger_transactions"""
            )
