"""A disputed card payment on its case's page: accept it, or write down what a lost one means (R21)."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from services.billing import cashier, store
from services.billing.api_views import Reason
from services.billing.desk.cases import case_page
from services.billing.desk.parts import money_desk
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/cases/{case_id}/disputes/{dispute_id}")


class DecisionForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why, in a sentence: an auditor reads it later"}
    reason: Reason


@router.post("/{decision}", dependencies=money_desk)
async def decide(
    request: Request,
    case_id: UUID,
    dispute_id: UUID,
    decision: Annotated[Literal["accept", "conclude"], Path()],
    page: Page,
    db: Db,
    who: Who,
    once: Once,
) -> Response:
    """Leave the money to the card's holder, or note how the case goes on without it."""
    form = await Form.read(request, DecisionForm)
    if not form.valid:
        return await case_page(page, db, case_id, form=form, at=str(dispute_id))
    act = cashier.accept_dispute if decision == "accept" else cashier.conclude_dispute

    async def work(tx: Tx) -> str:
        await act(tx, await store.lock_case(tx, CaseId(case_id)), dispute_id, form.model.reason, who.name)
        return f"/desk/billing/cases/{case_id}#dispute-{dispute_id}"

    return await once.redirect(work)
