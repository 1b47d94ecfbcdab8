"""Statements of 500 lines with planted differences: all of them are found, and nothing else is flagged (R21)."""

import random
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from services.billing import cashier, domain, store
from services.billing.suggesting import suggestions_for
from shared.events import PaymentReceived
from shared.ids import new_case_number
from tests.billing.bank import Movement, camt, table
from tests.billing.conftest import CaseFacts, balances
from tests.billing.test_statement_import import imports
from tests.support.service import ServiceUnderTest

Kind = Literal[
    "sure", "typo", "swapped", "double", "part", "charges", "over", "number", "no reference", "foreign", "unknown",
    "fee", "reversal", "withdrawn money",
]  # fmt: skip
HOW_MANY: dict[Kind, int] = {
    "sure": 400, "typo": 12, "swapped": 8, "double": 6, "part": 10, "charges": 10, "over": 10, "number": 8, "no reference": 8,
    "foreign": 8, "unknown": 8, "fee": 6, "reversal": 4, "withdrawn money": 2,
}  # fmt: skip
REASONS: dict[Kind, str] = {
    "typo": "one slip of the pen away",
    "swapped": "one slip of the pen away",
    "double": "is sound and names",
    "part": "would still be missing",
    "charges": "banks' charges may have kept it",
    "over": "more than what is missing",
    "number": "case number",
    "no reference": "Exactly what is missing",
    "foreign": "is sound and names",
}


@dataclass(frozen=True)
class Planted:
    """A line of the statement, what it is, and for which case."""

    kind: Kind
    movement: Movement
    case: CaseFacts | None = None


def price(nth: int) -> int:
    return 200_000 + 1_013 * nth


def planted(cases: list[tuple[CaseFacts, str]], rng: random.Random) -> list[Planted]:
    """Return 500 lines in a random order; those that need an invoice have one each."""
    found: list[Planted] = []
    left = iter(enumerate(cases))
    for kind, count in HOW_MANY.items():
        for turn in range(count):
            nth, (case, number) = (
                next(left) if kind not in ("unknown", "fee", "reversal", "withdrawn money", "double") else (0, cases[0])
            )
            reference = domain.creditor_reference(number, 1)
            found.append(_line(kind, turn, price(nth), reference, number, case, found))
    doubled = [one for one in found if one.kind == "double"]
    rest = [one for one in found if one.kind != "double"]
    rng.shuffle(rest)
    return [*rest, *doubled]  # a second one comes after its first


def _line(
    kind: Kind, turn: int, due: int, reference: str, number: str, case: CaseFacts, before: list[Planted]
) -> Planted:
    own = Movement(
        due, text=f"invoice {reference}", bank_reference=f"{kind[:3].upper()}{turn:04d}", party=f"Payer {number}"
    )
    if kind == "double":
        return replace(before[turn], kind="double")
    if kind == "reversal":
        return Planted(
            kind, replace(before[100 + turn].movement, amount=-before[100 + turn].movement.amount, reversal=True), case
        )
    body = reference.replace(" ", "")
    changed: dict[Kind, dict[str, object]] = {
        "sure": {},
        "typo": {"text": body[:6] + ("X" if body[6] != "X" else "Y") + body[7:]},
        "swapped": {"text": body[:2] + body[3] + body[2] + body[4:] if body[2] != body[3] else body[:-1]},
        "part": {"amount": due - 100_000},
        "charges": {"amount": due - 2_500, "charges": 2_500, "bearer": "SHAR"},
        "over": {"amount": due + 30_000},
        "number": {"text": f"case {number} second opinion"},
        "no reference": {"text": "second opinion"},
        "foreign": {"amount": due - 70_007, "instructed": (due, "EUR"), "rate": "0.9"},
        "unknown": {"text": "rent", "amount": 31 + turn, "party": "Somebody else"},
        "fee": {"text": "account fee", "amount": -1_500 - turn, "party": "The bank"},
        "withdrawn money": {"text": "to another account", "amount": -9_999_99 - turn},
    }
    return Planted(kind, replace(own, **changed[kind]), case)  # type: ignore[arg-type]


async def bill(billing: ServiceUnderTest, count: int) -> list[tuple[CaseFacts, str]]:
    """Let so many cases have an invoice each, in one go."""
    cases = [(CaseFacts(), new_case_number()) for _ in range(count)]
    facts = [
        fact
        for nth, (case, number) in enumerate(cases)
        for fact in (case.submitted(number), case.confirmed(price(nth)))
    ]
    for start in range(0, len(facts), 100):
        await billing.applies(*(billing.arrival(fact) for fact in facts[start : start + 100]))
    return cases


@pytest.mark.parametrize("kind", ["camt", "csv"])
async def test_all_planted_differences_are_found_and_nothing_else(billing: ServiceUnderTest, kind: str) -> None:
    cases = await bill(billing, 480)
    lines = planted(cases, random.Random(11))
    assert len(lines) == 500
    write = camt if kind == "camt" else table
    data = write([one.movement for one in lines])
    await imports(billing, data)

    matched = {
        row["bank_reference"]
        for row in await billing.fetch("SELECT bank_reference FROM wire_receipts WHERE matched_by = 'system'")
    }
    assert matched == {one.movement.bank_reference for one in lines if one.kind == "sure"}
    assert len(await billing.emitted(PaymentReceived)) == HOW_MANY["sure"]
    async with billing.ctx.db.transaction() as tx:
        unmatched, debits = await store.unmatched_receipts(tx), await store.unexplained_debits(tx)
        suggested = await suggestions_for(tx, billing.ctx.settings, unmatched)  # type: ignore[arg-type]
        told = await store.lines_of_receipts(tx, [one.id for one in unmatched])
        _compare(
            lines,
            {told[one.id].text + str(one.amount.amount_minor): suggested[one.id] for one in unmatched},
            len(unmatched),
        )
        likely = {row.bank_reference: await cashier.receipts_like(tx, row) for row in debits}
    assert len(debits) == HOW_MANY["fee"] + HOW_MANY["reversal"] + HOW_MANY["withdrawn money"]
    for one in lines:
        if one.kind == "reversal" and kind == "camt":
            assert likely[one.movement.bank_reference][0].receipt.bank_reference == one.movement.bank_reference
    twins = await billing.fetch("SELECT count(*) AS n FROM bank_lines WHERE twin_line IS NOT NULL")
    assert twins[0]["n"] == HOW_MANY["double"]
    assert (await balances(billing))["bank"] == sum(one.movement.amount for one in lines)

    before = await _counts(billing)
    await imports(billing, data)
    assert await _counts(billing) == before, "the same file changes nothing"
    overlap = [
        *[one.movement for one in lines[250:]],
        *(Movement(41 + n, text="new", bank_reference=f"NEW{n}") for n in range(5)),
    ]
    await imports(billing, write(overlap))
    after = await _counts(billing)
    assert after["bank_lines"] - before["bank_lines"] == 5, "an overlapping one brings what is new alone"
    assert after["payments"] == before["payments"]


def _compare(lines: list[Planted], suggested: dict[str, list[object]], found: int) -> None:
    """Check that each planted wire was left to finance, with the right case and reason on top."""
    waiting = [one for one in lines if one.movement.amount > 0 and one.kind != "sure"]
    assert found == len(waiting)
    for one in waiting:
        [ranked] = [ranked for key, ranked in suggested.items() if key == one.movement.text + str(one.movement.amount)]
        if one.kind == "unknown":
            assert ranked == []
            continue
        assert one.case is not None
        best = ranked[0]
        assert best.candidate.case_id == one.case.id, one  # type: ignore[attr-defined]
        assert any(REASONS[one.kind] in reason for reason in best.reasons), (one, best)  # type: ignore[attr-defined]


async def _counts(billing: ServiceUnderTest) -> dict[str, int]:
    tables = (
        "bank_lines",
        "wire_receipts",
        "wire_matches",
        "payments",
        "ledger_transactions",
        "ledger_postings",
        "outbox",
        "queue_items",
    )
    return {name: await billing.count(name) for name in tables}


@pytest.mark.parametrize("kind", ["camt", "csv"])
async def test_a_file_that_is_broken_at_its_end_leaves_nothing(billing: ServiceUnderTest, kind: str) -> None:
    cases = await bill(billing, 3)
    movements = [
        Movement(price(nth), text=domain.creditor_reference(number, 1)) for nth, (_, number) in enumerate(cases)
    ]
    data = camt(movements) if kind == "camt" else table(movements[::-1])
    before = await _counts(billing)
    with pytest.raises(ValueError, match=r"^Line \d+: "):
        await imports(billing, data[:-45])
    assert await _counts(billing) == before
