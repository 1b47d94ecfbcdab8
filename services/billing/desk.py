"""Finance's desk: wires to enter and match, refunds to rule on and pay, a case's ledger, the trial balance (R21)."""

from datetime import date
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field, ValidationInfo, field_validator

from services.billing import cashier, domain, store
from services.billing.api import FINANCE, Reason
from services.billing.pages import account_of
from services.billing.paying import refusals
from services.billing.store import WireReceipt
from shared.db import Database, Tx
from shared.events import Money
from shared.ids import CaseId, new_id, parse_case_number
from shared.web import Db, Form, Incoming, Once, Page, Role, Who, allow

router = APIRouter(prefix="/desk/billing", dependencies=[Depends(refusals)])
money_desk = [allow(*FINANCE)]
BankReference = Annotated[str, Field(min_length=3, max_length=100)]


class AmountForm(Incoming):
    """An amount as a person types it, in figures, with its currency."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    amount: str

    @field_validator("amount")
    @classmethod
    def _reads_as_money(cls, amount: str, info: ValidationInfo) -> str:
        domain.parse_money(amount, info.data.get("currency", "USD"))
        return amount

    @property
    def money(self) -> Money:
        return domain.parse_money(self.amount, self.currency)


class ReceiptForm(AmountForm):
    sentences: ClassVar[dict[str, str]] = {
        "bank_reference": "Enter the bank's own reference of this line, at least 3 characters",
        "amount": "Enter the amount in figures, such as 2450.00",
        "currency": "Enter the currency as three letters, such as USD",
        "sender": "Enter who sent the money, as the bank writes it",
        "value_on": "Enter the day on which the money was in",
    }
    bank_reference: BankReference
    sender: str = Field(min_length=1, max_length=200)
    remittance: str = Field(default="", max_length=500)
    value_on: date


class MatchForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"invoice_id": "Choose the invoice that this money is for"}
    invoice_id: UUID


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
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why the fee is kept, in a sentence"}
    reason: Reason


@router.get("", dependencies=money_desk)
async def desk(page: Page, db: Db) -> Response:
    return await _desk(page, db, Form[ReceiptForm].blank(currency="USD"))


@router.post("/receipts", dependencies=money_desk)
async def enter_receipt(request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, ReceiptForm)
    if not form.valid:
        return await _desk(page, db, form, status=422)

    async def work(tx: Tx) -> str:
        said = form.model
        receipt = WireReceipt(
            new_id(), said.bank_reference, said.money, said.sender, said.remittance, said.value_on, who.name, tx.now
        )
        await cashier.enter_receipt(tx, receipt)
        return f"/desk/billing/receipts/{receipt.id}"

    return await once.redirect(work)


@router.get("/receipts/{receipt_id}", dependencies=money_desk)
async def show_receipt(receipt_id: UUID, page: Page, db: Db, number: str = "") -> Response:
    return await _receipt(page, db, receipt_id, Form[MatchForm].blank(), number)


@router.post("/receipts/{receipt_id}/match", dependencies=money_desk)
async def match_receipt(request: Request, receipt_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, MatchForm)
    if not form.valid:
        return await _receipt(page, db, receipt_id, form, status=422)

    async def work(tx: Tx) -> str:
        payment = await cashier.match_receipt(tx, receipt_id, form.model.invoice_id, who.name)
        return f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}"

    return await once.redirect(work)


@router.get("/cases/{case_id}/summary", dependencies=[allow(*FINANCE, Role.CARE_ADVISOR, Role.CASE_MANAGER)])
async def summary(case_id: UUID, page: Page, db: Db) -> Response:
    return page("desk_summary.html", account=await account_of(db, case_id), case_id=case_id)


@router.get("/cases/{case_id}", dependencies=money_desk)
async def show_case(case_id: UUID, page: Page, db: Db) -> Response:
    return await _case(page, db, case_id)


@router.post("/cases/{case_id}/refunds", dependencies=money_desk)
async def decide_refund(request: Request, case_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, RefundForm)
    if not form.valid:
        return await _case(page, db, case_id, form=form, at="refund")

    async def work(tx: Tx) -> str:
        said, case = form.model, await store.lock_case(tx, CaseId(case_id))
        refund = await cashier.decide_refund(tx, case, said.payment_id, said.money, "decision", said.reason, who.name)
        return f"/desk/billing/cases/{case_id}#refund-{refund.id}"

    return await once.redirect(work)


@router.post("/cases/{case_id}/refunds/{refund_id}/paid", dependencies=money_desk)
async def refund_paid(
    request: Request, case_id: UUID, refund_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    form = await Form.read(request, PaidForm)
    if not form.valid:
        return await _case(page, db, case_id, form=form, at=str(refund_id))

    async def work(tx: Tx) -> str:
        await cashier.pay_out_by_bank(tx, refund_id, form.model.bank_reference, who.name)
        return f"/desk/billing/cases/{case_id}#refund-{refund_id}"

    return await once.redirect(work)


@router.post("/cases/{case_id}/fee/keep", dependencies=money_desk)
async def keep_fee(request: Request, case_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await _case(page, db, case_id, form=form, at="fee")

    async def work(tx: Tx) -> str:
        await cashier.keep_fee(tx, await store.lock_case(tx, CaseId(case_id)), form.model.reason, who.name)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


@router.post("/cases/{case_id}/invoices/{invoice_id}/reinstate", dependencies=money_desk)
async def reinstate(case_id: UUID, invoice_id: UUID, who: Who, once: Once) -> Response:
    async def work(tx: Tx) -> str:
        await cashier.reinstate(tx, await store.lock_case(tx, CaseId(case_id)), invoice_id, who.name)
        return f"/desk/billing/cases/{case_id}"

    return await once.redirect(work)


async def _desk(page: Page, db: Database, form: Form[ReceiptForm], status: int = 200) -> Response:
    async with db.reading() as tx:
        receipts, balances = await store.unmatched_receipts(tx), await store.trial_balance(tx)
    return page(
        "desk_money.html",
        status=status,
        form=form,
        receipts=receipts,
        balances=balances,
        written=written,
        queues=(cashier.TO_MATCH, cashier.TO_REFUND),
    )


async def _receipt(
    page: Page, db: Database, receipt_id: UUID, form: Form[MatchForm], number: str = "", status: int = 200
) -> Response:
    async with db.reading() as tx:
        receipt = await store.receipt(tx, receipt_id)
        if receipt is None:
            raise LookupError("There is no such wire")
        candidates, wrong = await cashier.candidates_for(tx, receipt), ""
        if number:
            try:
                candidates = await store.invoices_of_case_number(tx, parse_case_number(number))
            except ValueError as error:
                wrong = str(error)
        cases = {one.case_id: await store.case(tx, one.case_id) for one in candidates}
    return page(
        "desk_receipt.html",
        status=status,
        form=form,
        receipt=receipt,
        candidates=candidates,
        cases=cases,
        number=number,
        wrong=wrong,
        written=written,
    )


async def _case(
    page: Page,
    db: Database,
    case_id: UUID,
    form: Form[RefundForm] | Form[PaidForm] | Form[ReasonForm] | None = None,
    at: str = "",
) -> Response:
    """Return the case's page; ``at`` says which of its forms ``form`` is."""
    account = await account_of(db, case_id)
    if account.case is None:
        raise LookupError("Billing has heard of no such case")
    async with db.reading() as tx:
        payments = await store.payments_of_case(tx, account.case.case_id)
        refunds = await store.refunds_of_case(tx, account.case.case_id)
        ledger = await store.ledger_of_case(tx, account.case.case_id)
    return page(
        "desk_case.html",
        status=422 if form else 200,
        form=form,
        at=at,
        account=account,
        payments=payments,
        refunds=refunds,
        ledger=ledger,
        written=written,
        case_id=case_id,
    )


def written(minor: int, currency: str) -> str:
    """Return an amount of the books, debit without and credit with a minus sign."""
    text = domain.written(Money(amount_minor=abs(minor), currency=currency))
    return f"\N{MINUS SIGN}{text}" if minor < 0 else text
