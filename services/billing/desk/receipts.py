"""One wire, and the invoice that it is for (R21)."""

from typing import ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, store
from services.billing.desk.parts import money_desk, written
from shared.db import Database, Tx
from shared.ids import parse_case_number
from shared.web import Db, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/receipts")


class MatchForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"invoice_id": "Choose the invoice that this money is for"}
    invoice_id: UUID


@router.get("/{receipt_id}", dependencies=money_desk)
async def show_receipt(receipt_id: UUID, page: Page, db: Db, number: str = "") -> Response:
    return await _receipt(page, db, receipt_id, Form[MatchForm].blank(), number)


@router.post("/{receipt_id}/match", dependencies=money_desk)
async def match_receipt(request: Request, receipt_id: UUID, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, MatchForm)
    if not form.valid:
        return await _receipt(page, db, receipt_id, form, status=422)

    async def work(tx: Tx) -> str:
        payment = await cashier.match_receipt(tx, receipt_id, form.model.invoice_id, who.name)
        return f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}"

    return await once.redirect(work)


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
