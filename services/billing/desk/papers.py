"""Documents and statements on finance's desk (R21)."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.billing.desk.parts import money_desk
from services.billing.papers import pdf_of, pdf_of_document, shown, statement
from shared.web import Ctx, Page

router = APIRouter(dependencies=money_desk)


@router.get("/cases/{case_id}/documents/{document_id}")
async def show(case_id: UUID, document_id: UUID, page: Page, ctx: Ctx) -> Response:
    one = await shown(ctx, case_id, document_id, "en")
    here = f"/desk/billing/cases/{case_id}/documents/{document_id}"
    return page("desk_sheet.html", sheet=one.sheet, case_id=case_id, pdf=f"{here}/pdf")


@router.get("/cases/{case_id}/documents/{document_id}/pdf")
async def download(case_id: UUID, document_id: UUID, ctx: Ctx) -> Response:
    return await pdf_of_document(ctx, await shown(ctx, case_id, document_id, "en"))


@router.get("/cases/{case_id}/statement")
async def show_statement(case_id: UUID, page: Page, ctx: Ctx) -> Response:
    sheet = await statement(ctx, case_id, "en")
    return page("desk_sheet.html", sheet=sheet, case_id=case_id, pdf=f"/desk/billing/cases/{case_id}/statement/pdf")


@router.get("/cases/{case_id}/statement/pdf")
async def download_statement(case_id: UUID, ctx: Ctx) -> Response:
    return await pdf_of(ctx, await statement(ctx, case_id, "en"), "statement", ctx.clock.now())
