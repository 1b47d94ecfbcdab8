"""Refunds over JSON: what goes back by the stage, and what a second person confirms or rejects (R21)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.billing import cashier, domain, store
from services.billing.api import FINANCE, PAYERS, person_of
from services.billing.api_views import RefundView, Ruling, View
from services.billing.domain import InvoiceBack, Proposal
from services.billing.paying import refusals
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId
from shared.web import Db, Once, Page, Who, allow

router = APIRouter(prefix="/api/billing", tags=["billing"], dependencies=[Depends(refusals)])


class InvoiceBackView(View):
    """What of one invoice goes back: by the stage's per cent of the fee, and what bought no work, in any currency."""

    invoice_id: UUID
    ordinal: int
    percent: int
    fee_back_minor: int
    kept_minor: int
    back: list[Money]


class ByStage(View):
    """What goes back when the case is withdrawn at ``at``; after a withdrawal ``at`` is its instant (R21)."""

    stage: str
    at: datetime
    withdrawn: bool
    ruled: bool
    back: list[Money]
    invoices: list[InvoiceBackView]


class ProposalView(View):
    """A refund above the limit: who proposed it, and how a second person ruled."""

    id: UUID
    payment_id: UUID
    amount: Money
    of_fee_minor: int
    reason: str
    proposed_by: str
    proposed_at: datetime
    state: str
    ruled_by: str | None
    ruled_at: datetime | None
    ruling: str | None


class ProposalList(View):
    proposals: list[ProposalView]


@router.get("/cases/{case_id}/refund-by-stage", dependencies=[allow(*PAYERS, *FINANCE)])
async def refund_by_stage(case_id: UUID, page: Page, db: Db) -> ByStage:
    """Say what goes back if the case is withdrawn now, or went back when it was: by the same rule."""
    async with db.reading() as tx:
        case = await store.case(tx, CaseId(case_id))
        if case is None:
            raise LookupError("Billing has heard of no such case")
        at = case.withdrawn_at or page.now
        backs = await cashier.back_by_stage(tx, case, at)
    return ByStage(
        stage=domain.stage_at(case.accepted_at, case.delivered_at, at), at=at, withdrawn=case.withdrawn_at is not None,
        ruled=case.kept_at is not None, back=domain.totals(backs), invoices=[_view(one) for one in backs],
    )  # fmt: skip


@router.get("/cases/{case_id}/refund-proposals", dependencies=[allow(*FINANCE)])
async def list_proposals(case_id: UUID, db: Db) -> ProposalList:
    """List what was proposed above the limit, oldest first, and how each ended."""
    async with db.reading() as tx:
        found = await store.proposals_of_case(tx, CaseId(case_id))
    return ProposalList(proposals=[_proposal(one) for one in found])


@router.post("/refunds/{refund_id}/confirm", dependencies=[allow(*FINANCE)], response_model=RefundView)
async def confirm_refund(refund_id: UUID, who: Who, once: Once) -> Response:
    """Confirm, as a second person, a refund above the limit: it starts on its way."""

    async def work(tx: Tx) -> RefundView:
        return RefundView.model_validate(await cashier.confirm(tx, refund_id, person_of(who)))

    return await once.run(work)


@router.post("/refunds/{refund_id}/reject", dependencies=[allow(*FINANCE)], response_model=RefundView)
async def reject_refund(refund_id: UUID, ruling: Ruling, who: Who, once: Once) -> Response:
    """Reject, as a second person and with a reason, a refund above the limit: nothing moves."""

    async def work(tx: Tx) -> RefundView:
        return RefundView.proposed(await cashier.reject(tx, refund_id, person_of(who), ruling.reason))

    return await once.run(work)


def _view(one: InvoiceBack) -> InvoiceBackView:
    return InvoiceBackView(
        invoice_id=one.invoice.id, ordinal=one.invoice.ordinal, percent=one.percent, fee_back_minor=one.fee_back_minor,
        kept_minor=one.kept_minor, back=domain.totals([one]),
    )  # fmt: skip


def _proposal(one: Proposal) -> ProposalView:
    return ProposalView(
        id=one.id, payment_id=one.payment_id, amount=one.amount, of_fee_minor=one.of_fee_minor, reason=one.reason,
        proposed_by=one.proposed_by.name, proposed_at=one.proposed_at, state=one.state,
        ruled_by=one.ruled_by and one.ruled_by.name, ruled_at=one.ruled_at, ruling=one.ruling,
    )  # fmt: skip
