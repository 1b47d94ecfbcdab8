"""The provider's report held against the books: fees booked, differences kept, what we never heard of taken in (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.asking import watch_provider
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.hearing import hear_notice
from services.billing.domain import CardStatus, Difference, DifferenceKind, DisputeState, Line, MoneyRefusedError
from services.billing.gateway import CardNotice, DisputeNotice, ReportLine
from services.billing.store import ProviderCheck, ProviderDifference
from shared.db import Tx
from shared.ids import new_id

LOOK_BACK, LOOK_AHEAD = timedelta(days=30), timedelta(days=1)
"""How much farther the report is read than the span that is checked: messages are late, and refunds take weeks."""
_SUBJECTS: dict[str, tuple[domain.Subject, bool]] = {
    "charge": ("charge", False),
    "refund": ("refund", False),
    "refund_failure": ("refund", True),
    "dispute": ("dispute", False),
    "dispute_reversal": ("dispute", True),
}
_FEES = ("fee", "dispute_fee", "dispute_fee_reversal")


@dataclass(frozen=True, slots=True)
class Span:
    """What is checked: from ``start`` until before ``end``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end <= self.start + timedelta(days=92):
            raise MoneyRefusedError("Choose a first day that is not after the last, and at most three months")

    @property
    def read(self) -> tuple[datetime, datetime]:
        """The span of the report that is read for it."""
        return self.start - LOOK_BACK, self.end + LOOK_AHEAD


async def check_report(tx: Tx, lines: Sequence[ReportLine], span: Span, by: str) -> ProviderCheck:
    """Hold a report against the books, keep what differs, and book the fees that it names, each once."""
    await store.begin_check(tx)
    told = {line.id: line for line in lines}
    compared = [_line(line) for line in lines if line.kind in _SUBJECTS]
    keys = sorted({line.key for line in compared})
    found = domain.compare(await store.records_about(tx, span.start, span.end, keys), compared, span.start, span.end)
    in_span = [line for line in lines if span.start <= line.at < span.end]
    fees = await _book_fees(tx, [line for line in in_span if line.kind in _FEES])
    check = ProviderCheck(new_id(), span.start, span.end, tx.now, by, len(in_span), fees, len(found), len(found))
    kept = [_kept(check.id, nth, one, told.get(one.line_id or "")) for nth, one in enumerate(found, 1)]
    await store.add_check(tx, check, kept)
    return check


def can_take_in(one: Difference, line: ReportLine | None) -> bool:
    """Whether a button brings the books to where the provider is; else a person has to find out."""
    match one.kind, line.kind if line else "":
        case DifferenceKind.MISSING_HERE, "charge":
            return line is not None and line.reference is not None
        case DifferenceKind.MISSING_HERE, "dispute" | "dispute_reversal":
            return True
        case DifferenceKind.STATE, "charge" | "dispute_reversal":
            return True
        case DifferenceKind.STATE, "refund":
            return one.record is not None and one.record.state == "decided"
    return False


async def take_in(tx: Tx, difference_id: UUID, by: str) -> ProviderDifference:
    """Do what the lost message would have done, once. Raises ``LookupError`` or ``MoneyRefusedError``."""
    difference = await store.lock_difference(tx, difference_id)
    if difference is None:
        raise LookupError("There is no such difference")
    if difference.taken_in_at:
        raise MoneyRefusedError(f"{difference.taken_in_by} took this in already")
    if difference.line is None or not difference.takeable:
        raise MoneyRefusedError("This can't be taken in: look at it at the provider")
    await _hear_line(tx, ReportLine.model_validate(difference.line))
    await store.mark_taken_in(tx, difference.id, by)
    return difference


async def _hear_line(tx: Tx, line: ReportLine) -> None:
    amount, currency = abs(line.amount_minor), line.currency
    if line.kind == "charge":
        known = await store.checkout_of_attempt(tx, line.object_id)
        invoice = await store.invoice(tx, line.reference) if line.reference else None
        if invoice is None and known is None:
            raise MoneyRefusedError("This payment names no invoice of ours: look at it at the provider")
        await hear_notice(tx, CardNotice(
            payment_id=line.object_id, checkout_id=known or "", reference=line.reference, status=CardStatus.SUCCEEDED,
            amount_minor=amount, currency=currency,
        ))  # fmt: skip
    elif line.kind in ("dispute", "dispute_reversal") and line.payment_id:
        if await store.payment_of_provider(tx, line.payment_id) is None:
            raise MoneyRefusedError("The disputed payment is missing here too: take it in first")
        state = DisputeState.OPEN if line.kind == "dispute" else DisputeState.WON
        await hear_notice(tx, DisputeNotice(
            dispute_id=line.object_id, payment_id=line.payment_id, reference=line.reference, status=state,
            amount_minor=amount, currency=currency,
        ))  # fmt: skip
        await _check_stands(tx, line, state)
    elif line.kind == "refund" and line.reference:
        refund = await store.refund(tx, line.reference)
        if refund is None or refund.state != "decided":
            raise MoneyRefusedError("This refund ended otherwise here: look at it at the provider")
        await store.note_sent(tx, refund.id, line.object_id)
        await watch_provider(tx, refund.case_id)
    else:
        raise MoneyRefusedError("This can't be taken in: look at it at the provider")


async def _check_stands(tx: Tx, line: ReportLine, state: DisputeState) -> None:
    """Refuse to call a dispute taken in that stands otherwise here still."""
    here = await store.dispute_of_provider(tx, line.object_id)
    if here is None or here.payment_id is None or (state is DisputeState.WON and here.state is not state):
        raise MoneyRefusedError("This dispute stands otherwise here: look at it at the provider")


async def _book_fees(tx: Tx, lines: Sequence[ReportLine]) -> int:
    entries = {line.id: domain.fee(line.id, -line.amount_minor, line.currency) for line in lines if line.amount_minor}
    booked = await store.fees_booked(tx, [one.source for made in entries.values() for one in made])
    cases = await store.cases_of_payments(tx, [line.payment_id for line in lines if line.payment_id])
    new = [line for line in lines if line.id in entries and entries[line.id][0].source not in booked]
    for line in new:
        await store.post(tx, cases.get(line.payment_id or ""), entries[line.id], SYSTEM)
    return len(new)


def _line(line: ReportLine) -> Line:
    subject, back = _SUBJECTS[line.kind]
    key = str(line.reference) if subject == "refund" and line.reference else line.object_id
    return Line(line.id, subject, key, line.amount_minor, line.currency, line.at, back)


def _kept(check_id: UUID, ordinal: int, one: Difference, line: ReportLine | None) -> ProviderDifference:
    ours = one.record
    return ProviderDifference(
        new_id(), check_id, ordinal, one.kind, line.kind if line else one.subject, line.object_id if line else one.key,
        line.model_dump(mode="json") if line else None, ours.case_id if ours else None,
        ours.amount_minor if ours else None, ours.currency if ours else None, what_to_do(one, line),
        can_take_in(one, line),
    )  # fmt: skip


_ASK = {
    DifferenceKind.MISSING_HERE: "Its message never came: take it in.",
    DifferenceKind.MISSING_THERE: "The provider has no such movement: ask it, with the number.",
    DifferenceKind.AMOUNT: "The amounts differ: ask the provider, with both.",
    DifferenceKind.CURRENCY: "The currencies differ: ask the provider, with both.",
    DifferenceKind.TWICE: "The provider moved it more than once: ask it to take one back.",
    DifferenceKind.STATE: "It stands otherwise here: take it in.",
}
_FIND_OUT = {
    (
        DifferenceKind.MISSING_HERE,
        "charge",
    ): "It names no invoice of ours: look at it at the provider, and send it back there.",
    (DifferenceKind.MISSING_HERE, "refund"): "Somebody sent money back at the provider itself: find out who and why.",
    (DifferenceKind.MISSING_HERE, "refund_failure"): "Money that somebody sent back at the provider came back to it.",
    (
        DifferenceKind.STATE,
        "refund",
    ): "The provider sent it, though it ended otherwise here: see that it does not go back twice.",
    (
        DifferenceKind.STATE,
        "refund_failure",
    ): "Its money came back to the provider: ask how else the patient can be paid.",
    (DifferenceKind.STATE, "dispute"): "We heard that it was won, but the money is not back: ask the provider.",
}


def what_to_do(one: Difference, line: ReportLine | None) -> str:
    """Return, for finance, what a difference may mean and what to do about it."""
    if can_take_in(one, line):
        return _ASK[one.kind]
    return _FIND_OUT.get((one.kind, line.kind if line else ""), _ASK[one.kind])
