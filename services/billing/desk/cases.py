"""A case's money: its invoices, payments, refunds to rule on and pay, its ledger (R21)."""

from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, store
from services.billing.api import FINANCE, person_of
from services.billing.api_views import Reason
from services.billing.desk.parts import AmountForm, BankReference, money_desk
from services.billing.domain import Oddity, Payment, oddity_of
from services.billing.pages import Account, account_of
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.money import written
from shared.web import Db, Form, Incoming, Once, Page, Role, Who, allow

router = APIRouter(prefix="/cases/{case_id}")


class RefundForm(AmountForm):
    sentences: ClassVar[dict[str, str]] = {
        "amount": "Enter the amount in figures, such as 2450.00",
        "reason": "Say why the money goes back, in a sentence",
    }
    payment_id: UUID
    reason: Reason


class PaidForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"bank_reference": "Enter the bank's reference of the transfer"}
    bank_reference: BankReference


class ReasonForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why, in a sentence"}
    reason: Reason


@router.get("/summary", dependencies=[allow(*FINANCE, Role.CARE_ADVISOR, Role.CASE_MANAGER)])
async def summary(case_id: UUID, page: Page, db: Db) -> Response:
    return page("desk_summary.html", account=await account_of(db, case_id, page.now), case_id=case_id)


@router.get("", dependencies=money_desk)
async def show_case(case_id: UUID, page: Page, db: Db) -> Response:
    return await case_page(page, db, case_id)


@router.post("/refunds", dependencies=money_desk)
async def decide_refund(request: Request, case_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, RefundForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at="refund")

    async def work(tx: Tx) -> str:
        said, case = form.model, await store.lock_case(tx, CaseId(case_id))
        refund = await cashier.decide(tx, case, said.payment_id, said.money, said.reason, person_of(who))
        return f"/desk/billing/cases/{case_id}#refund-{refund.id}"

    return await once.redirect(work)


@router.post("/refunds/{refund_id}/paid", dependencies=money_desk)
async def refund_paid(
    request: Request, case_id: UUID, refund_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    form = await Form.read(request, PaidForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=str(refund_id))

    async def work(tx: Tx) -> str:
        await cashier.pay_out_by_bank(tx, refund_id, form.model.bank_reference, who.name)
        return f"/desk/billing/cases/{case_id}#refund-{refund_id}"

    return await once.redirect(work)


@router.post("/fee/keep", dependencies=money_desk)
async def keep_fee(request: Request, case_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at="fee")

    async def work(tx: Tx) -> str:
        await cashier.keep_fee(tx, await store.lock_case(tx, CaseId(case_id)), form.model.reason, who.name)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


@router.post("/at-provider/{provider_refund}/looked", dependencies=money_desk)
async def looked_at_provider(case_id: UUID, provider_refund: str, who: Who, once: Once) -> Response:
    """Take off the queue what was sent back at the provider itself: somebody has looked at it."""

    async def work(tx: Tx) -> str:
        await cashier.looked_at_provider(tx, await store.lock_case(tx, CaseId(case_id)), provider_refund, who.name)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


@router.post("/at-provider/{provider_refund}/book", dependencies=money_desk)
async def book_at_provider(
    request: Request, case_id: UUID, provider_refund: str, page: Page, db: Db, who: Who, once: Once
) -> Response:
    """Book a refund that somebody made at the provider itself."""
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=provider_refund)

    async def work(tx: Tx) -> str:
        seen = (await store.asked_about_at_provider(tx, CaseId(case_id))).get(provider_refund)
        if seen is None or seen.payment is None or seen.amount is None:
            raise LookupError("Nothing is asked about this refund")
        there = cashier.RefundThere(provider_refund, seen.payment, seen.amount)
        refund = await cashier.book_refund_there(tx, there, form.model.reason, who.name)
        return f"/desk/billing/cases/{case_id}#refund-{refund.id}"

    return await once.redirect(work)


@router.post("/invoices/{invoice_id}/loss", dependencies=money_desk)
async def bear_loss(
    request: Request, case_id: UUID, invoice_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    """Ask no more for what a bank took back of an earned fee."""
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=f"loss-{invoice_id}")

    async def work(tx: Tx) -> str:
        case = await store.lock_case(tx, CaseId(case_id))
        await cashier.bear_loss(tx, case, invoice_id, form.model.reason, who.name)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


@router.post("/invoices/{invoice_id}/reinstate", dependencies=money_desk)
async def reinstate(
    request: Request, case_id: UUID, invoice_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=str(invoice_id))

    async def work(tx: Tx) -> str:
        case = await store.lock_case(tx, CaseId(case_id))
        await cashier.reinstate(tx, case, invoice_id, who.name, form.model.reason)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


async def case_page(
    page: Page,
    db: Database,
    case_id: UUID,
    form: Form[Any] | None = None,
    at: str = "",
) -> Response:
    """Return the case's page; ``at`` says which of its forms ``form`` is."""
    account = await account_of(db, case_id, page.now)
    if account.case is None:
        raise LookupError("Billing has heard of no such case")
    async with db.reading() as tx:
        payments = await store.payments_of_case(tx, account.case.case_id)
        payers = await store.payers_of_case(tx, account.case.case_id)
        refunds = await store.refunds_of_case(tx, account.case.case_id)
        ledger = await store.ledger_of_case(tx, account.case.case_id)
        proposals = await store.proposals_of_case(tx, account.case.case_id)
        corrections = await store.corrections_of_case(tx, account.case.case_id)
        documents = await store.documents_of_case(tx, account.case.case_id)
        at_provider = await store.asked_about_at_provider(tx, account.case.case_id)
    return page(
        "desk_case.html",
        status=422 if form else 200,
        form=form,
        at=at,
        account=account,
        payments=payments,
        payers=payers,
        refunds=refunds,
        ledger=ledger,
        proposals=proposals,
        corrections=corrections,
        oddities={one.id: _oddity(account, one, payments) for one in payments},
        documents=documents,
        at_provider=at_provider,
        written=written,
        case_id=case_id,
    )


def _oddity(account: Account, payment: Payment, payments: list[Payment]) -> Oddity | None:
    invoice = next(shown.invoice for shown in account.invoices if shown.invoice.id == payment.invoice_id)
    return oddity_of(invoice, payment, [one for one in payments if one.invoice_id == invoice.id])
