"""The provider's report held against the books: fees and payouts booked, differences kept, the lost taken in (R21)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.asking import watch_provider
from services.billing.cashier.at_provider import RefundThere, book_refund_there
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.hearing import hear_notice
from services.billing.cashier.matters import Seen, note_differences, open_matter, taken_in
from services.billing.cashier.payouts import book_payouts
from services.billing.cashier.provider_words import what_to_do
from services.billing.domain import CardStatus, Difference, DifferenceKind, DisputeState, Entry, Line, MoneyRefusedError
from services.billing.gateway import CardNotice, DisputeNotice, RefundNotice, ReportLine
from services.billing.store import ProviderCheck, ProviderDifference, matters
from services.billing.store.matters import Matter
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

LOOK_BACK, LOOK_AHEAD = timedelta(days=30), timedelta(days=1)
"""How much farther the report is read than the span that is checked: messages are late, and refunds take weeks."""
_SUBJECTS: dict[str, tuple[domain.Subject, bool]] = {
    "charge": ("charge", False),
    "refund": ("refund", False),
    "refund_failure": ("refund", True),
    "dispute": ("dispute", False),
    "dispute_reversal": ("dispute", True),
}
_LOST_MESSAGES = (("dispute", DifferenceKind.MISSING_HERE), ("charge", DifferenceKind.STATE))
_FEES = ("fee", "dispute_fee", "dispute_fee_reversal", "payout_fee")


@dataclass(frozen=True, slots=True)
class Span:
    """What is checked: from ``start`` until before ``end``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not self.start < self.end <= self.start + timedelta(days=92):
            raise MoneyRefusedError("Choose a first day that is not after the last, and at most three months")

    def read(self, back_to: datetime | None = None) -> tuple[datetime, datetime]:
        """Return the span of the report that is read for it; ``back_to``: as far as what is open needs it."""
        start = self.start - LOOK_BACK
        return min(start, back_to or start), self.end + LOOK_AHEAD


async def check_report(tx: Tx, lines: Sequence[ReportLine], span: Span, by: str, read_from: datetime) -> ProviderCheck:
    """Hold a report against the books, keep what differs, and book the fees, payouts and changes of currency that it names,
    each once.

    ``lines`` were read from ``read_from`` on. What stood open before is looked at too, where they tell all of it.
    """
    await store.begin_check(tx)
    told = {line.id: line for line in lines}
    compared = [_line(line) for line in lines if line.kind in _SUBJECTS]
    up_to_now = span.end + LOOK_AHEAD >= tx.now
    judged = [one for one in await matters.open_matters(tx) if up_to_now and one.read_from >= read_from]
    also = {(one.subject, one.key) for one in judged}
    keys = sorted({line.key for line in compared} | {key for _, key in also})
    records = await store.records_about(tx, span.start, span.end, keys)
    found = domain.compare(records, compared, span.start, span.end, also)
    in_span = [line for line in lines if span.start <= line.at < span.end]
    fees = await _book(tx, {line: _fee(line) for line in lines if line.kind in _FEES})
    await _book(tx, {line: _changed(line) for line in lines if line.settled_currency})
    payouts = await book_payouts(tx, lines)
    check = ProviderCheck(new_id(), span.start, span.end, tx.now, by, len(in_span), fees, payouts, len(found))
    by_line = {line.id: line for line in compared}
    cases = await store.cases_of_payments(tx, [line.payment_id for line in lines if line.payment_id])
    kept = [
        _kept(check.id, nth, one, told.get(one.line_id or ""), by_line.get(one.line_id or ""), cases)
        for nth, one in enumerate(found, 1)
    ]
    await store.add_check(tx, check, kept)
    since = {(one.subject, one.key): one.read_from for one in judged}
    seen = [
        Seen(one, found_one.subject, found_one.key, since.get((found_one.subject, found_one.key), span.read()[0]))
        for one, found_one in zip(kept, found, strict=True)
    ]
    await note_differences(tx, seen, judged, by)
    return check


def can_take_in(one: Difference, line: ReportLine | None) -> bool:
    """Whether a button brings the books to where the provider is; else a person has to find out."""
    ours = one.record.state if one.record else ""
    match one.kind, line.kind if line else "":
        case DifferenceKind.MISSING_HERE, "charge":
            return line is not None and line.reference is not None
        case DifferenceKind.MISSING_HERE, "refund":
            return line is not None and line.reference is None and line.payment_id is not None
        case DifferenceKind.STATE, "refund":
            return ours == "decided"
        case DifferenceKind.STATE, "refund_failure":
            return ours in ("decided", "sent", "issued")
        case DifferenceKind.MISSING_HERE | DifferenceKind.STATE as kind, moved:
            return moved == "dispute_reversal" or (moved, kind) in _LOST_MESSAGES
    return False


def made_there(difference: ProviderDifference) -> bool:
    """Whether it is a refund that somebody made at the provider: who books it says why."""
    return difference.kind == DifferenceKind.MISSING_HERE and difference.movement == "refund"


async def take_in(tx: Tx, matter_id: UUID, reason: str, by: str) -> Matter:
    """Do what the lost message would have done, once. Raises ``LookupError`` or ``MoneyRefusedError``."""
    matter = await open_matter(tx, matter_id)
    if made_there(matter.difference) and not reason:
        raise MoneyRefusedError("Say who sent this money back at the provider, and why")
    await _hear_difference(tx, matter.difference, reason, by)
    await taken_in(tx, matter, reason or "Its message never came", by)
    return matter


async def _hear_difference(tx: Tx, difference: ProviderDifference, reason: str, by: str) -> None:
    if difference.line is None or not difference.takeable:
        raise MoneyRefusedError("This can't be taken in: look at it at the provider")
    line = ReportLine.model_validate(difference.line)
    if made_there(difference):
        amount = Money(amount_minor=abs(line.amount_minor), currency=line.currency)
        await book_refund_there(tx, RefundThere(line.object_id, line.payment_id or "", amount), reason, by)
    else:
        await _hear_line(tx, line)


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
    elif line.kind == "refund_failure":
        await hear_notice(tx, RefundNotice(
            refund_id=line.object_id, reference=line.reference, status="failed", payment_id=line.payment_id,
            amount_minor=amount, currency=currency,
        ))  # fmt: skip
    else:
        raise MoneyRefusedError("This can't be taken in: look at it at the provider")


async def _check_stands(tx: Tx, line: ReportLine, state: DisputeState) -> None:
    """Refuse to call a dispute taken in that stands otherwise here still."""
    here = await store.dispute_of_provider(tx, line.object_id)
    if here is None or here.payment_id is None or (state is DisputeState.WON and here.state is not state):
        raise MoneyRefusedError("This dispute stands otherwise here: look at it at the provider")


async def _book(tx: Tx, entries: Mapping[ReportLine, Sequence[Entry]]) -> int:
    """Book what lines of a report cause, each once; return of how many lines something was new."""
    booked = await store.sources_booked(tx, [one.source for made in entries.values() for one in made])
    cases = await store.cases_of_payments(tx, [line.payment_id for line in entries if line.payment_id])
    new = {line: made for line, made in entries.items() if made and made[0].source not in booked}
    for line, made in new.items():
        await store.post(tx, cases.get(line.payment_id or ""), made, SYSTEM)
    return len(new)


def _fee(line: ReportLine) -> list[Entry]:
    return domain.fee(line.id, -line.amount_minor, line.currency)


def _changed(line: ReportLine) -> list[Entry]:
    settled = line.settled_minor or 0, line.settled_currency or line.currency
    return domain.settled_in_another(line.id, (line.amount_minor, line.currency), settled)


def _line(line: ReportLine) -> Line:
    subject, back = _SUBJECTS[line.kind]
    key = str(line.reference) if subject == "refund" and line.reference else line.object_id
    return Line(line.id, subject, key, line.amount_minor, line.currency, line.at, back)


def _kept(
    check_id: UUID,
    ordinal: int,
    one: Difference,
    line: ReportLine | None,
    compared: Line | None,
    cases: Mapping[str, CaseId],
) -> ProviderDifference:
    ours, takeable = one.record, can_take_in(one, line)
    case_id = ours.case_id if ours else cases.get((line.payment_id if line else None) or "")
    return ProviderDifference(
        new_id(), check_id, ordinal, one.kind, line.kind if line else one.subject, line.object_id if line else one.key,
        line.model_dump(mode="json") if line else None, case_id,
        ours.amount_minor if ours else None, ours.currency if ours else None,
        what_to_do(one, line, takeable=takeable), takeable, identity=domain.identity_of(one, compared),
    )  # fmt: skip
