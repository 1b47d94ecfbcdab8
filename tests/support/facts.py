"""Facts for tests, made up, one function a fact; whatever a test doesn't name is filled in."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from shared.events import (
    CaseWithdrawn,
    CollectionOpened,
    FormSaved,
    MaterialReturned,
    Money,
    OpinionDelivered,
    PaymentReceived,
    ProgrammeRef,
    QuoteOffered,
    RecordsComplete,
    RefundIssued,
    RequestSubmitted,
    ServicesConfirmed,
    SignInRequested,
    SpecialistAssigned,
)
from shared.ids import CaseId, new_case_number, new_id
from tests.support.service import A_MONDAY

PROGRAMME = ProgrammeRef(id="msk_international", version=1)
QUOTE = UUID("0190f000-0000-7000-8000-000000000001")
SPECIALIST = UUID("0190f000-0000-7000-8000-000000000002")
PRICE = Money(amount_minor=450_000, currency="USD")


def a_case() -> CaseId:
    """Return the id of a new case."""
    return CaseId(new_id())


def submitted(case_id: CaseId, **fields: Any) -> RequestSubmitted:
    return RequestSubmitted(**{
        "case_id": case_id, "case_number": new_case_number(), "programme": PROGRAMME, "path": "new_patient",
        "stream": "remote", "requester": "patient", "channel": "web", "consent_version": "1",
        "emergency_notice_version": "1", "submitted_at": A_MONDAY, "contact_due_at": A_MONDAY + timedelta(days=1),
    } | fields)  # fmt: skip


def quoted(case_id: CaseId, **fields: Any) -> QuoteOffered:
    return QuoteOffered(**{
        "case_id": case_id, "quote_id": QUOTE, "revision": 1, "price": PRICE,
        "valid_until": A_MONDAY + timedelta(days=14), "offered_at": A_MONDAY,
    } | fields)  # fmt: skip


def confirmed(case_id: CaseId, **fields: Any) -> ServicesConfirmed:
    return ServicesConfirmed(**{
        "case_id": case_id, "quote_id": QUOTE, "revision": 1, "services": ("comprehensive",), "price": PRICE,
        "programme": PROGRAMME, "confirmed_at": A_MONDAY,
    } | fields)  # fmt: skip


def paid(case_id: CaseId, **fields: Any) -> PaymentReceived:
    return PaymentReceived(**{
        "case_id": case_id, "quote_id": QUOTE, "revision": 1, "price": PRICE, "method": "card",
        "received_at": A_MONDAY + timedelta(hours=1),
    } | fields)  # fmt: skip


def refunded(case_id: CaseId, **fields: Any) -> RefundIssued:
    return RefundIssued(**{"case_id": case_id, "refund_id": new_id(), "price": PRICE, "issued_at": A_MONDAY} | fields)


def opened(case_id: CaseId, **fields: Any) -> CollectionOpened:
    return CollectionOpened(**{
        "case_id": case_id, "opened_at": A_MONDAY + timedelta(hours=1), "nudge_due_at": A_MONDAY + timedelta(days=5),
    } | fields)  # fmt: skip


def returned(case_id: CaseId, **fields: Any) -> MaterialReturned:
    return MaterialReturned(**{"case_id": case_id, "item_id": new_id(), "returned_at": A_MONDAY} | fields)


def complete(case_id: CaseId, **fields: Any) -> RecordsComplete:
    at = A_MONDAY + timedelta(days=7)
    return RecordsComplete(**{
        "case_id": case_id, "services": ("comprehensive",), "programme": PROGRAMME, "needed": 5, "received": 5,
        "waived": 0, "slides": 12, "completed_at": at, "target_from": at + timedelta(weeks=2),
        "target_to": at + timedelta(weeks=4),
    } | fields)  # fmt: skip


def assigned(case_id: CaseId, **fields: Any) -> SpecialistAssigned:
    return SpecialistAssigned(**{
        "case_id": case_id, "assignment_id": new_id(), "specialist_id": SPECIALIST,
        "accepted_at": A_MONDAY + timedelta(days=8),
    } | fields)  # fmt: skip


def delivered(case_id: CaseId, **fields: Any) -> OpinionDelivered:
    at = A_MONDAY + timedelta(days=20)
    return OpinionDelivered(**{
        "case_id": case_id, "opinion_id": new_id(), "document_sha256": "ab" * 32, "signed_at": at, "delivered_at": at,
    } | fields)  # fmt: skip


def withdrawn(case_id: CaseId, **fields: Any) -> CaseWithdrawn:
    return CaseWithdrawn(**{"case_id": case_id, "by": "patient", "withdrawn_at": A_MONDAY + timedelta(days=3)} | fields)


def sign_in_requested(case_id: CaseId, **fields: Any) -> SignInRequested:
    return SignInRequested(**{"case_id": case_id, "audience": "patient", "requested_at": A_MONDAY} | fields)


def form_saved(case_id: CaseId, **fields: Any) -> FormSaved:
    return FormSaved(**{"case_id": case_id, "programme": PROGRAMME, "saved_at": A_MONDAY} | fields)
