"""The provider's report against the books: every planted difference is found, and nothing else flagged (R21)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain import Difference, Line, Record, compare
from shared.ids import CaseId
from tests.support.service import A_MONDAY

START, END = A_MONDAY, A_MONDAY + timedelta(days=7)
CASE = CaseId(uuid4())
World = tuple[list[Record], list[Line]]


def agreeing(nth: int, random: Random) -> World:
    """Payments, refunds and disputes on which both sides agree, with clocks that don't."""
    at = START + timedelta(minutes=random.randrange(7 * 24 * 60))
    heard, amount = at + timedelta(minutes=random.choice([0, 1, 600])), random.randrange(1, 10**6)
    currency = random.choice(["USD", "JPY", "KWD"])

    def line(subject: str, amount_minor: int, *, back: bool = False, days: int = 0) -> Line:
        moved = at - timedelta(days=days)
        return Line(f"txn-{nth}-{subject}-{back}", subject, f"{subject}-{nth}", amount_minor, currency, moved, back)  # type: ignore[arg-type]

    def record(subject: str, state: str) -> Record:
        return Record(subject, f"{subject}-{nth}", amount, currency, state, heard, CASE)  # type: ignore[arg-type]

    kinds: list[Callable[[], World]] = [
        lambda: ([record("charge", "paid")], [line("charge", amount)]),
        lambda: ([record("charge", "tried")], []),
        lambda: ([record("refund", "issued")], [line("refund", -amount, days=random.choice([0, 20]))]),
        lambda: ([record("refund", "sent")], [line("refund", -amount)]),
        lambda: ([record("refund", "decided")], []),
        lambda: ([record("refund", "elsewhere")], [line("refund", -amount, days=3), line("refund", amount, back=True)]),
        lambda: ([record("refund", "elsewhere")], []),
        lambda: ([record("dispute", "open")], [line("dispute", -amount)]),
        lambda: ([record("dispute", "lost")], [line("dispute", -amount, days=15)]),
        lambda: ([record("dispute", "won")], [line("dispute", -amount, days=25), line("dispute", amount, back=True)]),
        lambda: ([record("dispute", "won")], [line("dispute", amount, back=True)]),
    ]
    return random.choice(kinds)() if nth % 4 else kinds[0]()


def planted(nth: int, random: Random) -> tuple[World, str]:
    """One thing on which the sides differ, and how."""
    record = Record("charge", f"odd-{nth}", 500, "USD", "paid", START + timedelta(days=1), CASE)
    line = Line(f"odd-{nth}", "charge", f"odd-{nth}", 500, "USD", START + timedelta(days=1))
    went, back = (
        replace(line, subject="refund", amount_minor=-500),
        replace(line, id=f"b{nth}", subject="refund", back=True),
    )
    refund, dispute = replace(record, subject="refund"), replace(record, subject="dispute")
    taken, returned = replace(went, subject="dispute"), replace(back, subject="dispute")
    kinds: list[tuple[World, str]] = [
        (([], [line]), "missing_here"), (([record], []), "missing_there"),
        (([record], [replace(line, amount_minor=501)]), "amount_differs"),
        (([record], [replace(line, currency="EUR")]), "currency_differs"),
        (([record], [line, replace(line, id=f"again-{nth}")]), "twice"),
        (([replace(record, state="tried")], [line]), "state_differs"),
        (([], [went]), "missing_here"), (([replace(refund, state="issued")], []), "missing_there"),
        (([replace(refund, state="issued")], [went, back]), "state_differs"),
        (([replace(refund, state="decided")], [went]), "state_differs"),
        (([replace(refund, state="elsewhere")], [went]), "state_differs"),
        (([replace(refund, state="issued")], [replace(went, amount_minor=-499)]), "amount_differs"),
        (([], [taken]), "missing_here"), (([replace(dispute, state="open")], []), "missing_there"),
        (([replace(dispute, state="open")], [taken, returned]), "state_differs"),
        (([replace(dispute, state="won")], [taken]), "state_differs"),
        (([replace(dispute, state="lost")], [taken, replace(taken, id=f"again-{nth}")]), "twice"),
    ]  # fmt: skip
    return kinds[nth % len(kinds)] if nth < len(kinds) else random.choice(kinds)


def facts_of(found: list[Difference]) -> list[tuple[str, str]]:
    return sorted((one.key, one.kind.value) for one in found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), odd=st.integers(0, 40))
def test_every_planted_difference_is_found_and_nothing_else_flagged(seed: int, odd: int) -> None:
    random = Random(seed)
    worlds = [agreeing(nth, random) for nth in range(600)]
    planned = [planted(nth, random) for nth in range(odd)]
    records = [one for world, _ in [(w, "") for w in worlds] + planned for one in world[0]]
    lines = [one for world, _ in [(w, "") for w in worlds] + planned for one in world[1]]
    random.shuffle(records)
    random.shuffle(lines)
    found = compare(records, lines, START, END)
    assert facts_of(found) == sorted((f"odd-{nth}", kind) for nth, (_, kind) in enumerate(planned))


@pytest.mark.parametrize("days", [-8, 8])
def test_what_is_outside_the_span_is_another_checks_matter(days: int) -> None:
    at = START + timedelta(days=days)
    record = Record("charge", "pay_1", 500, "USD", "paid", at, CASE)
    line = Line("txn_1", "charge", "pay_2", 500, "USD", at)
    assert compare([record], [line], START, END) == []


def test_a_late_message_is_no_difference_in_either_span() -> None:
    line = Line("txn_1", "charge", "pay_1", 500, "USD", END - timedelta(minutes=1))
    record = Record("charge", "pay_1", 500, "USD", "paid", END + timedelta(minutes=1), CASE)
    assert compare([record], [line], START, END) == []
    assert compare([record], [line], END, END + timedelta(days=7)) == []
