"""What finance's desk shows of all cases together: figures, how late money is, and the invoices behind each figure.

A figure and its list read the same rows, so that they can't differ. Everything here is found by partial indexes on what
is unfinished: finished invoices cost nothing, however many there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.billing.domain import AGES, STEPS, InvoiceState
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId

PAGE = 50
"""How many invoices a list shows at a time."""

_OF_PAYMENT = "JOIN payments p ON p.id = {0}.payment_id"
_SOURCES: Mapping[str, str] = {
    "owed": """SELECT id AS invoice_id, currency, price_minor - paid_minor AS amount_minor FROM invoices
               WHERE state IN ('open', 'part_paid') AND due_at > $1""",
    "late": """SELECT i.id AS invoice_id, i.currency, i.price_minor - i.paid_minor - coalesce(h.held, 0) AS amount_minor
               FROM (SELECT id, case_id, currency, price_minor, paid_minor FROM invoices
                         WHERE state IN ('open', 'part_paid') AND due_at <= $1
                     UNION ALL
                     SELECT id, case_id, currency, price_minor, paid_minor FROM invoices
                         WHERE cancelled = 'expired' AND due_at <= $1) i
               JOIN billing_cases c ON c.case_id = i.case_id AND c.withdrawn_at IS NULL
               LEFT JOIN (SELECT invoice_id, currency, sum(held_minor)::bigint AS held FROM payments
                          WHERE held_minor > 0 GROUP BY invoice_id, currency) h
                   ON h.invoice_id = i.id AND h.currency = i.currency
               WHERE i.price_minor - i.paid_minor > coalesce(h.held, 0)""",
    "held": "SELECT invoice_id, currency, held_minor AS amount_minor FROM payments WHERE held_minor > 0",
    "to_refund": f"""SELECT p.invoice_id, r.currency, r.amount_minor FROM refunds r {_OF_PAYMENT.format("r")}
                     WHERE r.state IN ('decided', 'failed')""",
    "to_confirm": f"""SELECT p.invoice_id, w.currency, w.amount_minor FROM refund_proposals w {_OF_PAYMENT.format("w")}
                      WHERE w.state = 'waiting'""",
    "disputed": f"""SELECT p.invoice_id, d.currency, d.amount_minor FROM disputes d {_OF_PAYMENT.format("d")}
                    WHERE d.state = 'open'""",
    "all": "SELECT id AS invoice_id, currency, price_minor AS amount_minor FROM invoices",
}
_SEVERAL = frozenset({"held", "to_refund", "to_confirm", "disputed"})
"""Of these an invoice may have more than one."""
SHOWN = tuple(_SOURCES)
"""What a list can be of."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One amount of the desk's first page: ``what`` it is, and in how many places it stands."""

    what: str
    amount: Money
    count: int


@dataclass(frozen=True, slots=True)
class Aged:
    """What of one currency is late by one step of days (``AGES[step]``)."""

    step: int
    amount: Money
    count: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which invoices a list shows. ``age`` is a place in ``AGES``; what is None doesn't narrow."""

    what: str = "all"
    state: InvoiceState | None = None
    currency: str | None = None
    age: int | None = None
    case_number: str | None = None
    page: int = 1


@dataclass(frozen=True, slots=True)
class Listed:
    """An invoice on a list; ``amount`` is what the list is about: what is late of it, what is held, …"""

    invoice_id: UUID
    case_id: CaseId
    case_number: str | None
    ordinal: int
    state: InvoiceState
    due_at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a list, how long the whole list is, and what it sums to in each currency."""

    invoices: list[Listed]
    count: int
    totals: list[Money]


async def figures(tx: Tx) -> list[Figure]:
    """Return what is owed, late, held, to be refunded, awaiting a second person, disputed and unmatched, per currency."""
    parts = [f"SELECT '{what}' AS what, currency, amount_minor FROM ({sql}) s" for what, sql in _SOURCES.items()
             if what != "all"]  # fmt: skip
    parts.append(
        "SELECT 'unmatched', currency, amount_minor FROM wire_receipts WHERE payment_id IS NULL AND closed_as IS NULL"
    )
    rows = await tx.fetch(
        f"""SELECT what, currency, sum(amount_minor)::bigint AS minor, count(*) AS n FROM ({" UNION ALL ".join(parts)}) f
            GROUP BY what, currency ORDER BY what, currency""",
        tx.now,
    )
    return [Figure(row["what"], Money(amount_minor=row["minor"], currency=row["currency"]), row["n"]) for row in rows]


async def ageing(tx: Tx) -> dict[str, list[Aged]]:
    """Return, for each currency in which anything is late, how much of it in each step of days since it was due."""
    rows = await tx.fetch(
        f"""SELECT l.currency, width_bucket(extract(day FROM $1 - i.due_at)::integer, $2::integer[]) AS step,
                   sum(l.amount_minor)::bigint AS minor, count(*) AS n
            FROM ({_SOURCES["late"]}) l JOIN invoices i ON i.id = l.invoice_id
            GROUP BY l.currency, step ORDER BY l.currency, step""",
        tx.now, list(STEPS),
    )  # fmt: skip
    found: dict[str, list[Aged]] = {}
    for row in rows:
        nothing = Money(amount_minor=0, currency=row["currency"])
        steps = found.setdefault(row["currency"], [Aged(step, nothing, 0) for step in range(len(AGES))])
        steps[row["step"]] = Aged(row["step"], nothing.model_copy(update={"amount_minor": row["minor"]}), row["n"])
    return found


async def list_invoices(tx: Tx, wanted: Wanted) -> Found:
    """Return a page of the invoices behind a figure, narrowed, the longest due first."""
    args: list[Any] = [tx.now]
    chosen = " AND ".join(_conditions(wanted, tx.now, args))
    each = _SOURCES[wanted.what]
    if wanted.what in _SEVERAL:
        each = f"SELECT invoice_id, currency, sum(amount_minor)::bigint AS amount_minor FROM ({each}) s GROUP BY 1, 2"
    source = f"""({each}) l JOIN invoices i ON i.id = l.invoice_id AND $1::timestamptz IS NOT NULL
                 JOIN billing_cases c ON c.case_id = i.case_id"""
    sums = await tx.fetch(
        f"""SELECT l.currency, sum(l.amount_minor)::bigint AS minor, count(*) AS n FROM {source}
            WHERE {chosen} GROUP BY l.currency ORDER BY l.currency""",
        *args,
    )
    rows = await tx.fetch(
        f"""SELECT i.id AS invoice_id, i.case_id, c.case_number, i.ordinal, i.state, i.due_at, l.amount_minor, l.currency
            FROM {source} WHERE {chosen} ORDER BY i.due_at, i.id, l.currency
            LIMIT {PAGE} OFFSET ${len(args) + 1}""",
        *args, (wanted.page - 1) * PAGE,
    )  # fmt: skip
    totals = [Money(amount_minor=row["minor"], currency=row["currency"]) for row in sums]
    return Found([_listed(dict(row)) for row in rows], sum(row["n"] for row in sums), totals)


def _conditions(wanted: Wanted, now: datetime, args: list[Any]) -> list[str]:
    """Return the SQL that narrows a list, and add its arguments."""
    found = ["true"]

    def also(sql: str, value: Any) -> None:
        args.append(value)
        found.append(sql.format(f"${len(args)}"))

    if wanted.state:
        also("i.state = {}", str(wanted.state))
    if wanted.currency:
        also("l.currency = {}", wanted.currency)
    if wanted.case_number:
        also("c.case_number = {}", wanted.case_number)
    if wanted.age is not None:
        step = AGES[wanted.age]
        also("i.due_at <= {}", now - timedelta(days=step.from_days))
        if step.to_days is not None:
            also("i.due_at > {}", now - timedelta(days=step.to_days + 1))
    return found


def _listed(row: dict[str, Any]) -> Listed:
    amount = Money(amount_minor=row.pop("amount_minor"), currency=row.pop("currency"))
    return Listed(amount=amount, state=InvoiceState(row.pop("state")), **row)
