"""Services that were added and not paid in time: a care advisor asks the patient, and says what came of it (R17)."""

from typing import ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, store
from services.billing.api_views import Reason
from services.billing.domain import MoneyRefusedError
from services.billing.pages import Shown, account_of
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.web import Db, Form, Incoming, Once, Page, Role, Who, allow

router = APIRouter(prefix="/cases/{case_id}/invoices/{invoice_id}/unpaid")
advisors = [allow(Role.CARE_ADVISOR, Role.SUPERVISOR)]


class OutcomeForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "outcome": "Choose what came of it",
        "reason": "Say in a sentence what the patient said",
    }
    outcome: Literal["open_again", "let_go"]
    reason: Reason


@router.get("", dependencies=advisors)
async def show(case_id: UUID, invoice_id: UUID, page: Page, db: Db) -> Response:
    return await _page(page, db, (case_id, invoice_id), Form[OutcomeForm].blank())


@router.post("", dependencies=advisors)
async def say_what_came_of_it(
    request: Request, case_id: UUID, invoice_id: UUID, page: Page, db: Db, who: Who, once: Once
) -> Response:
    """Open the invoice again, or let the supplement go: either with the patient's words as the reason.

    A case's first invoice is no supplement: finance opens it again, or nobody does.
    """
    form = await Form.read(request, OutcomeForm)
    if not form.valid:
        return await _page(page, db, (case_id, invoice_id), form, status=422)

    async def work(tx: Tx) -> str:
        case = await store.lock_case(tx, CaseId(case_id))
        if (await cashier.invoice_of(tx, case, invoice_id)).ordinal == 1:
            raise MoneyRefusedError(
                "A case's first invoice is opened again by finance: tell them what the patient said"
            )
        act = cashier.reinstate if form.model.outcome == "open_again" else cashier.let_go
        await act(tx, case, invoice_id, who.name, form.model.reason)
        return f"/desk/billing/cases/{case_id}/invoices/{invoice_id}/unpaid"

    return await once.redirect(work)


async def _page(
    page: Page, db: Database, which: tuple[UUID, UUID], form: Form[OutcomeForm], status: int = 200
) -> Response:
    case_id, invoice_id = which
    account = await account_of(db, case_id, page.now)
    async with db.reading() as tx:
        said = [one for one in await store.corrections_of_case(tx, CaseId(case_id)) if one.invoice_id == invoice_id]
    return page(
        "desk_unpaid.html", status=status, form=form, account=account, shown=_one(account.invoices, invoice_id),
        corrections=said, case_id=case_id,
    )  # fmt: skip


def _one(invoices: list[Shown], invoice_id: UUID) -> Shown:
    for shown in invoices:
        if shown.invoice.id == invoice_id:
            return shown
    raise LookupError("There is no such invoice")
