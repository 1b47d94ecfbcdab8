"""Billing's JSON interface under /api/billing. Amounts are minor units; the provider's messages come in first (R21)."""

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.billing import cashier, domain, store, webhooks
from services.billing.api_views import (
    BalanceView,
    CheckoutView,
    Done,
    InvoiceList,
    InvoiceView,
    LedgerView,
    Match,
    NewReceipt,
    NewRefund,
    PaidOut,
    PaymentView,
    PostingView,
    ReceiptView,
    RefundView,
    Ruling,
    TrialBalance,
)
from services.billing.books import router as books
from services.billing.domain import Invoice, Person, Proposal
from services.billing.paying import open_checkout, refusals
from services.billing.store import WireReceipt
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web import N_, Ctx, Db, Once, Principal, Role, Who, allow

router = APIRouter(prefix="/api/billing", tags=["billing"], dependencies=[Depends(refusals)])
router.include_router(webhooks.router)
router.include_router(books)
PAYERS = (Role.PATIENT, Role.REQUESTER)
FINANCE = (Role.FINANCE, Role.SUPERVISOR)
READERS = (*PAYERS, *FINANCE, Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SERVICE)


@router.get("/cases/{case_id}/invoices", dependencies=[allow(*READERS)])
async def list_invoices(case_id: UUID, db: Db) -> InvoiceList:
    async with db.reading() as tx:
        return InvoiceList(invoices=await _invoices(tx, CaseId(case_id)))


@router.get("/cases/{case_id}/invoices/{invoice_id}", dependencies=[allow(*READERS)])
async def show_invoice(case_id: UUID, invoice_id: UUID, db: Db) -> InvoiceView:
    async with db.reading() as tx:
        for invoice in await _invoices(tx, CaseId(case_id)):
            if invoice.id == invoice_id:
                return invoice
    raise LookupError(N_("There is no such invoice"))


@router.post(
    "/cases/{case_id}/invoices/{invoice_id}/checkout", dependencies=[allow(*PAYERS)], response_model=CheckoutView
)
async def pay_by_card(case_id: UUID, invoice_id: UUID, ctx: Ctx, who: Who, once: Once) -> Response:
    """Return the provider's pay page for what is missing."""
    if earlier := await once.earlier():
        return earlier
    invoice = await invoice_of(ctx, CaseId(case_id), invoice_id)
    checkout = await open_checkout(ctx, invoice, who.locale or "en")

    async def work(tx: Tx) -> CheckoutView:
        await cashier.open_card(tx, checkout)
        return CheckoutView(url=checkout.url, amount=checkout.amount, expires_at=checkout.expires_at)

    return await once.run(work)


@router.post("/cases/{case_id}/invoices/{invoice_id}/reinstate", dependencies=[allow(*FINANCE)], response_model=Done)
async def reinstate(case_id: UUID, invoice_id: UUID, ruling: Ruling, who: Who, once: Once) -> Response:
    """Open an expired invoice again and apply what is held for it."""

    async def work(tx: Tx) -> Done:
        await cashier.reinstate(tx, await store.lock_case(tx, CaseId(case_id)), invoice_id, who.name, ruling.reason)
        return Done()

    return await once.run(work)


@router.post("/receipts", dependencies=[allow(*FINANCE)], status_code=201, response_model=ReceiptView)
async def enter_receipt(new: NewReceipt, who: Who, once: Once) -> Response:
    """Enter a line of the bank statement, and learn which invoices it may be for."""

    async def work(tx: Tx) -> ReceiptView:
        receipt = WireReceipt(id=new_id(), entered_by=who.name, entered_at=tx.now, **dict(new))
        return ReceiptView(id=receipt.id, candidates=[one.id for one in await cashier.enter_receipt(tx, receipt)])

    return await once.run(work, status=201)


@router.post("/receipts/{receipt_id}/match", dependencies=[allow(*FINANCE)], response_model=PaymentView)
async def match_receipt(receipt_id: UUID, match: Match, who: Who, once: Once) -> Response:
    """Count a wire in for an invoice."""

    async def work(tx: Tx) -> PaymentView:
        return PaymentView.model_validate(await cashier.match_receipt(tx, receipt_id, match.invoice_id, who.name))

    return await once.run(work)


@router.post("/cases/{case_id}/refunds", dependencies=[allow(*FINANCE)], status_code=201, response_model=RefundView)
async def decide_refund(case_id: UUID, new: NewRefund, who: Who, once: Once) -> Response:
    """Send money back to where it came from, whatever the stage, for a reason; above the limit, once a second confirms."""

    async def work(tx: Tx) -> RefundView:
        case = await store.lock_case(tx, CaseId(case_id))
        done = await cashier.decide(tx, case, new.payment_id, new.amount, new.reason, person_of(who))
        return RefundView.proposed(done) if isinstance(done, Proposal) else RefundView.model_validate(done)

    return await once.run(work, status=201)


@router.post("/refunds/{refund_id}/paid", dependencies=[allow(*FINANCE)], response_model=RefundView)
async def refund_paid(refund_id: UUID, paid: PaidOut, who: Who, once: Once) -> Response:
    """Note that a refund left our bank."""

    async def work(tx: Tx) -> RefundView:
        refund = await cashier.pay_out_by_bank(tx, refund_id, paid.bank_reference, who.name)
        return RefundView.model_validate(refund)

    return await once.run(work)


@router.post("/cases/{case_id}/fee/keep", dependencies=[allow(*FINANCE)], response_model=Done)
async def keep_fee(case_id: UUID, ruling: Ruling, who: Who, once: Once) -> Response:
    """Rule that nothing more of a withdrawn case's fee goes back."""

    async def work(tx: Tx) -> Done:
        await cashier.keep_fee(tx, await store.lock_case(tx, CaseId(case_id)), ruling.reason, who.name)
        return Done()

    return await once.run(work)


@router.get("/cases/{case_id}/ledger", dependencies=[allow(*FINANCE)])
async def show_ledger(case_id: UUID, db: Db) -> LedgerView:
    async with db.reading() as tx:
        return LedgerView(
            payments=[PaymentView.model_validate(one) for one in await store.payments_of_case(tx, CaseId(case_id))],
            refunds=[RefundView.model_validate(one) for one in await store.refunds_of_case(tx, CaseId(case_id))],
            postings=[PostingView.model_validate(one) for one in await store.ledger_of_case(tx, CaseId(case_id))],
        )


@router.get("/trial-balance", dependencies=[allow(*FINANCE)])
async def show_trial_balance(db: Db) -> TrialBalance:
    async with db.reading() as tx:
        return TrialBalance(balances=[BalanceView.model_validate(one) for one in await store.trial_balance(tx)])


def person_of(who: Principal) -> Person:
    """Return who decides, told apart from others of the same name."""
    return Person(who.subject, who.name)


async def invoice_of(ctx: Ctx, case_id: CaseId, invoice_id: UUID) -> Invoice:
    """Return an invoice of this very case. Raises ``LookupError``."""
    async with ctx.db.reading() as tx:
        invoice = await store.invoice(tx, invoice_id)
    if invoice is None or invoice.case_id != case_id:
        raise LookupError(N_("There is no such invoice"))
    return invoice


async def _invoices(tx: Tx, case_id: CaseId) -> list[InvoiceView]:
    case, states = await store.case(tx, case_id), await store.states_of_case(tx, case_id)
    return [
        InvoiceView(
            id=one.id, case_id=one.case_id, quote_id=one.quote_id, revision=one.revision, services=one.services,
            price=one.price, paid_minor=one.paid_minor, missing_minor=one.due_minor, state=states[one.id],
            reference=domain.creditor_reference(case.case_number, one.ordinal) if case and case.case_number else None,
            issued_at=one.issued_at, due_at=one.due_at,
        )
        for one in await store.invoices_of_case(tx, case_id)
    ]  # fmt: skip
