"""The desk's first page: what is owed, late, held and to go back, a wire to enter, what is unmatched, the trial balance (R21)."""

from datetime import date
from typing import ClassVar

from fastapi import APIRouter, Request, Response
from pydantic import Field

from services.billing import cashier, store
from services.billing.desk.overview import overview_of
from services.billing.desk.parts import AmountForm, BankReference, money_desk
from services.billing.store import WireReceipt
from shared.db import Database, Tx
from shared.ids import new_id
from shared.money import written
from shared.web import Db, Form, Once, Page, Who

router = APIRouter()


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


async def _desk(page: Page, db: Database, form: Form[ReceiptForm], status: int = 200) -> Response:
    async with db.reading() as tx:
        receipts, balances = await store.unmatched_receipts(tx), await store.trial_balance(tx)
        overview = await overview_of(tx, "/desk/billing/unmatched")
    return page(
        "desk_money.html",
        status=status,
        form=form,
        receipts=receipts,
        balances=balances,
        written=written,
        overview=overview,
        queues=(cashier.TO_MATCH, cashier.TO_REFUND, cashier.TO_CONFIRM, cashier.DISPUTES, cashier.PROVIDER),
    )
