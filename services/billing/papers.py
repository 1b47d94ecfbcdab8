"""Documents and the statement to read, print and keep: the patient's pages of them, and what finance's share (R21)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field

from services.billing import domain, store
from services.billing.api import PAYERS
from services.billing.domain import Document, DocumentKind
from services.billing.paying import refusals
from services.billing.sheets import WORDS, Parties, Sheet, document_sheet, render_beside
from services.billing.statement_sheet import statement_sheet
from shared import programme
from shared.db import Tx
from shared.events import ProgrammeRef
from shared.ids import CaseId
from shared.peers import PeerProblem
from shared.service import Context
from shared.web import N_, Ctx, Form, Incoming, Once, Page, Who, allow, locale_of
from shared.web.speech import Speech

router = APIRouter(prefix="/my/billing/cases/{case_id}", dependencies=[allow(*PAYERS), Depends(refusals)])


class PayerForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": N_("Enter the payer’s name, at most 120 characters")}
    name: Annotated[str, Field(min_length=1, max_length=120)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A document, and the words in which its reader has it."""

    document: Document
    sheet: Sheet


async def patient_of(ctx: Context, case_id: CaseId) -> str | None:
    """Return the patient's name as intake knows it at this moment; None when it doesn't (any more) or doesn't answer."""
    try:
        answer = await ctx.peers.get("intake", f"/cases/{case_id}/contacts")
    except PeerProblem:
        return None
    name = (answer.get("patient") or {}).get("name")
    return str(name) if name else None


async def shown(ctx: Context, case_id: UUID, document_id: UUID, locale: str) -> Shown:
    """Return a document of this very case in its reader's language. Raises ``LookupError``."""
    async with ctx.db.reading() as tx:
        document = await store.document(tx, document_id)
        if document is None or document.case_id != case_id:
            raise LookupError(N_("There is no such document"))
        about = await store.invoiced_by(tx, document) if document.kind is not DocumentKind.INVOICE else None
        payer = await store.payer_of(tx, document.id)
        invoice = await store.invoice(tx, document.invoice_id)
    assert invoice is not None
    parties = Parties(await patient_of(ctx, document.case_id), payer)
    words = _speech(locale, invoice.programme)
    return Shown(document, document_sheet(words, document, invoice.programme, parties, about))


async def statement(ctx: Context, case_id: UUID, locale: str) -> Sheet:
    """Return the case's account as it stands now. Raises ``LookupError`` when nothing was ever billed."""
    async with ctx.db.reading() as tx:
        case, invoices = await store.case(tx, CaseId(case_id)), await store.invoices_of_case(tx, CaseId(case_id))
        movements = await store.movements_of_case(tx, CaseId(case_id))
        documents = await store.documents_of_case(tx, CaseId(case_id))
    if case is None or not invoices:
        raise LookupError(N_("There is no account yet: it begins with the first invoice"))
    ref = invoices[0].programme
    parties = Parties(await patient_of(ctx, case.case_id))
    lines = domain.account_lines(movements)
    return statement_sheet(_speech(locale, ref), ref, case.case_number, parties, lines, documents, ctx.clock.now())


async def pdf_of(ctx: Context, sheet: Sheet, name: str, at: datetime) -> Response:
    """Answer with a document that nobody between us and its reader keeps."""
    made = await render_beside(sheet, at, ctx.platform.node_modules)
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "private, no-store"}
    return Response(made, media_type="application/pdf", headers=headers)


async def pdf_of_document(ctx: Context, one: Shown) -> Response:
    return await pdf_of(ctx, one.sheet, one.document.label, one.document.issued_at)


@router.get("/documents/{document_id}")
async def show(case_id: UUID, document_id: UUID, request: Request, page: Page, ctx: Ctx) -> Response:
    return _page(page, case_id, await shown(ctx, case_id, document_id, locale_of(request)), Form[PayerForm].blank())


@router.get("/documents/{document_id}/pdf")
async def download(case_id: UUID, document_id: UUID, request: Request, ctx: Ctx) -> Response:
    return await pdf_of_document(ctx, await shown(ctx, case_id, document_id, locale_of(request)))


@router.post("/documents/{document_id}/payer")
async def name_payer(
    case_id: UUID, document_id: UUID, request: Request, page: Page, ctx: Ctx, who: Who, once: Once
) -> Response:
    """Have a receipt name who paid it, when that isn't the patient."""
    one = await shown(ctx, case_id, document_id, locale_of(request))
    if one.document.kind is not DocumentKind.RECEIPT:
        raise LookupError(N_("Only a receipt names its payer"))
    form = await Form.read(request, PayerForm)
    if not form.valid:
        return _page(page, case_id, one, form)

    async def work(tx: Tx) -> str:
        await store.name_payer(tx, document_id, form.model.name, who.subject)
        return f"/my/billing/cases/{case_id}/documents/{document_id}"

    return await once.redirect(work)


@router.get("/statement")
async def show_statement(case_id: UUID, request: Request, page: Page, ctx: Ctx) -> Response:
    sheet = await statement(ctx, case_id, locale_of(request))
    return page("document.html", sheet=sheet, case_id=case_id, pdf=f"/my/billing/cases/{case_id}/statement/pdf")


@router.get("/statement/pdf")
async def download_statement(case_id: UUID, request: Request, ctx: Ctx) -> Response:
    return await pdf_of(ctx, await statement(ctx, case_id, locale_of(request)), "statement", ctx.clock.now())


def _page(page: Page, case_id: UUID, one: Shown, form: Form[PayerForm]) -> Response:
    here = f"/my/billing/cases/{case_id}/documents/{one.document.id}"
    mine = form if one.document.kind is DocumentKind.RECEIPT else None
    status = 422 if form.errors else 200
    return page("document.html", status=status, sheet=one.sheet, document=one.document, case_id=case_id,
                pdf=f"{here}/pdf", form=mine)  # fmt: skip


def _speech(locale: str, ref: ProgrammeRef) -> Speech:
    return Speech(locale, WORDS, programme.load(ref).calendar.zone)
