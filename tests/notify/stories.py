"""One made-up case as notify hears of it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared import programme
from shared.events import (
    CaseWithdrawn,
    CollectionOpened,
    Fact,
    FormSaved,
    MaterialReturned,
    Money,
    OpinionDelivered,
    PaymentReceived,
    QuoteOffered,
    RecordsComplete,
    RefundIssued,
    RequestSubmitted,
    ServicesConfirmed,
    SignInRequested,
    SpecialistAssigned,
)
from shared.ids import CaseId

CASE = CaseId(UUID("0190aaaa-0000-7000-8000-000000000001"))
QUOTE = UUID("0190aaaa-0000-7000-8000-000000000002")
START = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)
PRICE = Money(amount_minor=345_000, currency="USD")
PROGRAMME = programme.current("msk_international").ref
NUMBER = "7K3M-9QXW-C"

CANARIES = (
    "Canary Zubairi",
    "Kanarek Opiekun",
    "Dr Canarino",
    "canary@patient.example",
    "carer@canary.example",
    "dr@canary.example",
)


def submitted(**changes: Any) -> RequestSubmitted:
    values: dict[str, Any] = {
        "case_id": CASE, "case_number": NUMBER, "programme": PROGRAMME, "path": "new_patient", "stream": "remote",
        "requester": "caregiver", "channel": "web", "consent_version": "1", "emergency_notice_version": "1",
        "submitted_at": START, "contact_due_at": START + DAY,
    }  # fmt: skip
    return RequestSubmitted(**(values | changes))


def offered(revision: int = 1, after: timedelta = DAY) -> QuoteOffered:
    return QuoteOffered(
        case_id=CASE, quote_id=QUOTE, revision=revision, price=PRICE, offered_at=START + after, valid_until=START + after + 14 * DAY,
    )  # fmt: skip


def confirmed(revision: int = 1, after: timedelta = 2 * DAY) -> ServicesConfirmed:
    return ServicesConfirmed(
        case_id=CASE, quote_id=QUOTE, revision=revision, services=("comprehensive",), price=PRICE, programme=PROGRAMME,
        confirmed_at=START + after,
    )  # fmt: skip


def paid(revision: int = 1, after: timedelta = 3 * DAY) -> PaymentReceived:
    return PaymentReceived(
        case_id=CASE, quote_id=QUOTE, revision=revision, price=PRICE, method="card", received_at=START + after
    )


def opened() -> CollectionOpened:
    return CollectionOpened(case_id=CASE, opened_at=START + 3 * DAY, nudge_due_at=START + 10 * DAY)


def returned() -> MaterialReturned:
    return MaterialReturned(case_id=CASE, item_id=UUID(int=5), returned_at=START + 5 * DAY)


def complete(case_id: CaseId = CASE, at: datetime = START + 8 * DAY) -> RecordsComplete:
    return RecordsComplete(
        case_id=case_id, services=("comprehensive",), programme=PROGRAMME, needed=5, received=4, waived=1, slides=3,
        completed_at=at, target_from=at + 14 * DAY, target_to=at + 28 * DAY,
    )  # fmt: skip


def assigned() -> SpecialistAssigned:
    return SpecialistAssigned(
        case_id=CASE, assignment_id=UUID(int=6), specialist_id=UUID(int=7), accepted_at=START + 9 * DAY
    )


def delivered(case_id: CaseId = CASE, at: datetime = START + 24 * DAY) -> OpinionDelivered:
    return OpinionDelivered(
        case_id=case_id, opinion_id=UUID(int=8), document_sha256="a" * 64, signed_at=at, delivered_at=at
    )


def withdrawn(after: timedelta = 6 * DAY) -> CaseWithdrawn:
    return CaseWithdrawn(case_id=CASE, by="patient", withdrawn_at=START + after)


def refunded() -> RefundIssued:
    return RefundIssued(case_id=CASE, refund_id=UUID(int=9), price=PRICE, issued_at=START + 7 * DAY)


def signing_in(audience: Any = "patient") -> SignInRequested:
    return SignInRequested(case_id=CASE, audience=audience, requested_at=START + 4 * DAY)


def form_saved() -> FormSaved:
    return FormSaved(case_id=CASE, programme=PROGRAMME, saved_at=START - DAY)


def whole_case() -> list[Fact]:
    """Every fact of a case that ends well, in the order in which they happened."""
    return [submitted(), offered(), confirmed(), paid(), opened(), returned(), complete(), assigned(), delivered()]


def contacts(**changes: Any) -> dict[str, Any]:
    """What intake answers about the people of the case: canary names that must never be kept."""
    return {
        "case_number": NUMBER, "locale": "en", "withdrawn": False,
        "requester": {"name": "Kanarek Opiekun", "email": "carer@canary.example", "role": "caregiver"},
        "patient": {"name": "Canary Zubairi", "email": "canary@patient.example"},
        "local_physician": {"name": "Dr Canarino", "email": "dr@canary.example"},
    } | changes  # fmt: skip
