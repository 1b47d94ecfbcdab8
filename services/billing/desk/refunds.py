"""A refund above the programme's limit, as the second person rules on it (R21)."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier
from services.billing.api import person_of
from services.billing.desk.cases import ReasonForm, case_page
from services.billing.desk.parts import money_desk
from shared.db import Tx
from shared.web import Db, Form, Once, Page, Who

router = APIRouter(prefix="/cases/{case_id}/refunds/{refund_id}")


@router.post("/confirm", dependencies=money_desk)
async def confirm_refund(case_id: UUID, refund_id: UUID, who: Who, once: Once) -> Response:
    async def work(tx: Tx) -> str:
        await cashier.confirm(tx, refund_id, person_of(who))
        return f"/desk/billing/cases/{case_id}#refund-{refund_id}"

    return await once.redirect(work)


@router.post("/reject", dependencies=money_desk)
async def reject_refund(
    request: Request, case_id: UUID, refund_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    form = await Form.read(request, ReasonForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=str(refund_id))

    async def work(tx: Tx) -> str:
        await cashier.reject(tx, refund_id, person_of(who), form.model.reason)
        return f"/desk/billing/cases/{case_id}#refund-{refund_id}"

    return await once.redirect(work)
