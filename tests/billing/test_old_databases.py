"""Migrations that run while the old code still does, and after it is gone: on a database with rows in it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from shared import db, migrations
from shared.ids import new_id
from tests.support.service import run_as_admin, service_named, with_database

BILLING = service_named("billing").migrations


@pytest.fixture
async def prepared(postgres_url: str) -> AsyncIterator[str]:
    """The address of a database that is ready for the new code, while the old code still runs."""
    name = f"test_old_{new_id().hex[12:]}"
    await run_as_admin(postgres_url, f"CREATE DATABASE {name}")
    try:
        await migrations.migrate(with_database(postgres_url, name), BILLING)
        yield with_database(postgres_url, name)
    finally:
        await run_as_admin(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def connection(prepared: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(prepared)
    await db.prepare(connection)
    try:
        yield connection
    finally:
        await connection.close()


async def writes(connection: Any, kind: str, source: str, account: str, minor: int) -> None:
    """Write an entry as the code of before did: without a document."""
    entry = new_id()
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO ledger_transactions (id, kind, source, entered_at, entered_by) VALUES ($1, $2, $3, now(), 'old')",
            entry, kind, source,
        )  # fmt: skip
        await connection.execute(
            """INSERT INTO ledger_postings (transaction_id, line, account, currency, amount_minor)
               VALUES ($1, 1, $2, 'USD', $3), ($1, 2, 'refunds_payable', 'USD', -$3::bigint)""",
            entry, account, minor,
        )  # fmt: skip


async def test_the_old_codes_money_counts_until_it_is_gone(connection: Any, prepared: str) -> None:
    await writes(connection, "payment_received", "payment:1", "card_clearing", 5)
    await migrations.migrate(prepared, BILLING, stage="post")
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="has no document"):
        await writes(connection, "payment_received", "payment:2", "card_clearing", 5)


async def a_refund_of_before(connection: Any, why: str, account: str) -> UUID:
    case, invoice, payment, refund = (new_id() for _ in range(4))
    await connection.execute("INSERT INTO billing_cases (case_id) VALUES ($1)", case)
    await connection.execute(
        """INSERT INTO invoices (id, case_id, quote_id, revision, ordinal, programme_id, programme_version, services,
               price_minor, currency, issued_at, due_at, state)
           VALUES ($1, $2, $1, 1, 1, 'msk_international', 1, '{}', 9, 'USD', now(), now(), 'open')""",
        invoice, case,
    )  # fmt: skip
    await connection.execute(
        """INSERT INTO payments (id, case_id, invoice_id, method, provider_id, amount_minor, currency, received_at,
               applied_minor, held_minor) VALUES ($1, $2, $3, 'card', $4, 9, 'USD', now(), 9, 0)""",
        payment, case, invoice, str(payment),
    )  # fmt: skip
    await connection.execute(
        """INSERT INTO refunds (id, case_id, payment_id, amount_minor, currency, why, reason, decided_by, decided_at, state)
           VALUES ($1, $2, $3, 7, 'USD', $4, 'Agreed', 'Felix', now(), 'issued')""",
        refund, case, payment, why,
    )  # fmt: skip
    await writes(connection, "refund_decided", f"refund:{refund}", account, 7)
    return refund


async def test_what_was_given_back_of_a_fee_before_counts(connection: Any, prepared: str) -> None:
    expected = {
        await a_refund_of_before(connection, "decision", "deferred_revenue"): 7,
        await a_refund_of_before(connection, "decision", "overpayments"): 0,
        await a_refund_of_before(connection, "withdrawn", "revenue"): 0,
    }
    await migrations.migrate(prepared, BILLING, stage="post")
    rows = await connection.fetch("SELECT id, of_fee_minor FROM refunds")
    assert {row["id"]: row["of_fee_minor"] for row in rows} == expected
