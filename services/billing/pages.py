"""The patient's pages of billing: what it costs, what is paid, how to pay the rest, and an invoice to print."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.billing import cashier, domain, store
from services.billing.api import PAYERS, invoice_of
from services.billing.domain import CardStatus, Dispute, Invoice, InvoiceBack, InvoiceState, Refund, RefundStage
from services.billing.held import held_of
from services.billing.paying import open_checkout, pay_origin, refusals
from services.billing.store import CaseRow
from services.billing.store.matches import Recall
from shared import programme
from shared.db import Database, Tx
from shared.events import Money
from shared.ids import CaseId
from shared.web import N_, Ctx, Db, Once, Page, allow
from shared.web.i18n import locale_of

router = APIRouter(prefix="/my/billing/cases/{case_id}", dependencies=[allow(*PAYERS), Depends(refusals)])


@dataclass(frozen=True, slots=True)
class Shown:
    """An invoice as the patient sees it. ``card``: what the provider last said of an attempt to pay it."""

    invoice: Invoice
    state: InvoiceState
    reference: str | None
    card: CardStatus | None

    @property
    def paid(self) -> Money:
        return Money(amount_minor=self.invoice.paid_minor, currency=self.invoice.price.currency)

    @property
    def missing(self) -> Money:
        return Money(amount_minor=self.invoice.due_minor, currency=self.invoice.price.currency)

    def titles(self, locale: str) -> list[str]:
        """Return the names of what is billed, in the words of the case's programme."""
        catalogue = programme.load(self.invoice.programme).catalogue
        return [catalogue[code].title_in(locale) if code in catalogue else code for code in self.invoice.services]


@dataclass(frozen=True, slots=True)
class Account:
    """A case's money, for its pages. ``backs``: what goes back if it is withdrawn now, or went back when it was (R21)."""

    case: CaseRow | None
    invoices: list[Shown]
    refunds: list[Refund]
    backs: list[InvoiceBack]
    stage: RefundStage
    disputes: list[Dispute]
    recalls: list[Recall]

    @property
    def due(self) -> Shown | None:
        """Return the first invoice on which something is missing."""
        return next((one for one in self.invoices if one.missing.amount_minor), None)

    def of(self, recall: Recall) -> Shown:
        """Return the invoice that a wire which the bank took back was for."""
        return next(one for one in self.invoices if one.invoice.id == recall.invoice_id)

    @property
    def expired(self) -> Shown | None:
        return next((one for one in self.invoices if one.invoice.cancelled == "expired"), None)

    @property
    def back_in_all(self) -> list[Money]:
        return domain.totals(self.backs)


async def account_of(db: Database, case_id: UUID, now: datetime) -> Account:
    """Return what billing shows of a case."""
    async with db.reading() as tx:
        case, states = await store.case(tx, CaseId(case_id)), await store.states_of_case(tx, CaseId(case_id))
        found = await store.invoices_of_case(tx, CaseId(case_id))
        shown = [await _shown(tx, case, one, states[one.id]) for one in found]
        if case is None:
            return Account(None, shown, [], [], RefundStage.BEFORE_ACCEPTANCE, [], [])
        at = case.withdrawn_at or now
        refunds = [one for one in await store.refunds_of_case(tx, case.case_id) if one.state != "overtaken"]
        return Account(
            case, shown, refunds, await cashier.back_by_stage(tx, case, at),
            domain.stage_at(case.accepted_at, case.delivered_at, at), await store.disputes_of_case(tx, case.case_id),
            await store.recalls_of_case(tx, case.case_id),
        )  # fmt: skip


async def _shown(tx: Tx, case: CaseRow | None, invoice: Invoice, state: InvoiceState) -> Shown:
    checkout = await store.latest_checkout(tx, invoice.id)
    card = await store.latest_attempt(tx, checkout.id) if checkout else None
    number = case.case_number if case else None
    return Shown(invoice, state, domain.creditor_reference(number, invoice.ordinal) if number else None, card)


@router.get("/summary")
async def summary(case_id: UUID, page: Page, db: Db) -> Response:
    return page("summary.html", account=await account_of(db, case_id, page.now), case_id=case_id)


@router.get("")
async def show(case_id: UUID, page: Page, ctx: Ctx) -> Response:
    account = await account_of(ctx.db, case_id, page.now)
    origin = pay_origin(ctx.settings)
    async with ctx.db.reading() as tx:
        documents, held = await store.documents_of_case(tx, CaseId(case_id)), await held_of(tx, CaseId(case_id))
    return page(
        "case.html", account=account, documents=documents, held=held, case_id=case_id, settings=ctx.settings,
        form_action=[origin],
    )  # fmt: skip


@router.get("/withdrawal")
async def if_withdrawn(case_id: UUID, page: Page, db: Db) -> Response:
    """Say what money would come back if the case were withdrawn now: the same rule as decides it then (R21)."""
    return page("withdrawal.html", account=await account_of(db, case_id, page.now))


@router.get("/invoices/{invoice_id}")
async def invoice_to_print(case_id: UUID, invoice_id: UUID, page: Page, ctx: Ctx) -> Response:
    account = await account_of(ctx.db, case_id, page.now)
    return page("invoice.html", shown=_one(account, invoice_id), account=account, settings=ctx.settings)


@router.post("/invoices/{invoice_id}/pay")
async def pay(case_id: UUID, invoice_id: UUID, request: Request, ctx: Ctx, once: Once) -> Response:
    """Lead to the provider's pay page; back to the case's money when all of it is in, as in a second tab."""
    if earlier := await once.earlier():
        return earlier
    invoice = await invoice_of(ctx, CaseId(case_id), invoice_id)
    if not invoice.due_minor:
        return RedirectResponse(f"/my/billing/cases/{case_id}", 303)
    checkout = await open_checkout(ctx, invoice, locale_of(request))

    async def work(tx: Tx) -> str:
        await cashier.open_card(tx, checkout)
        return checkout.url

    return await once.redirect(work)


@router.get("/invoices/{invoice_id}/paid")
async def come_back(case_id: UUID, invoice_id: UUID, page: Page, db: Db, payment: str = "") -> Response:
    """Where the provider sends the patient back to: only its signed message makes it true that money is in.

    Without ``payment``, the attempt's name, the patient went back without paying.
    """
    if not payment:
        return RedirectResponse(f"/my/billing/cases/{case_id}", 303)
    return page(
        "paid.html", shown=await _attempt(page, db, case_id, invoice_id, payment), case_id=case_id, payment=payment
    )


@router.get("/invoices/{invoice_id}/confirmation")
async def confirmation(case_id: UUID, invoice_id: UUID, page: Page, db: Db, payment: str = "") -> Response:
    """The part of the return page that asks again until the provider has said how this attempt ended."""
    shown = await _attempt(page, db, case_id, invoice_id, payment)
    return page("confirmation.html", shown=shown, case_id=case_id, payment=payment)


async def _attempt(page: Page, db: Database, case_id: UUID, invoice_id: UUID, payment: str) -> Shown:
    """Return the invoice with what was heard of this attempt: an earlier one that failed doesn't matter."""
    shown = _one(await account_of(db, case_id, page.now), invoice_id)
    async with db.reading() as tx:
        return replace(shown, card=await store.attempt_on_invoice(tx, payment, invoice_id))


def _one(account: Account, invoice_id: UUID) -> Shown:
    for shown in account.invoices:
        if shown.invoice.id == invoice_id:
            return shown
    raise LookupError(N_("There is no such invoice"))
