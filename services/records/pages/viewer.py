"""Reads a document page by page, alone or beside another: page, size and turn stand in the address, so links do it all.

What is shown are images that the sandbox drew; the stranger's file itself never reaches the page.
"""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response as PlainResponse
from starlette.responses import Response

from services.records import desks, vault
from services.records.domain import Collection, Document
from services.records.inspection import kinds
from services.records.pages.common import mine, staff
from services.records.previews.pages import page_of
from services.records.store import access, uploads
from services.records.store.uploads import FileRow
from shared.ids import CaseId
from shared.web import N_, Ctx, Page, Problem, Role, Who, allow

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
READERS = allow(Role.CASE_MANAGER, Role.SPECIALIST, *desks.PRIVACY)
WIDTHS = (480, 800, 1200, 1800, 2600)
TURNS = (0, 90, 180, 270)
SHOWN = kinds.IMAGES | {kinds.PDF}

Number = Annotated[int, Query(ge=1, le=100_000)]
Size = Annotated[int, Query(ge=0, le=len(WIDTHS) - 1)]
Turn = Annotated[int, Query()]


@mine.get("/documents/{document_id}/read", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}/read", dependencies=[READERS])
async def read(
    case_id: UUID, document_id: UUID, page: Page, who: Who, ctx: Ctx,
    number: Number = 1, size: Size = 1, turn: Turn = 0, beside: UUID | None = None, other: Number = 1,
) -> Response:  # fmt: skip
    """Show a page of a document, and if asked a page of another one beside it; that they were opened is written down."""
    async with ctx.db.transaction() as tx:
        files = [await desks.may_see_document(tx, who, case_id, each) for each in (document_id, beside) if each]
        collection = await desks.see(tx, who, case_id)
        pages = {file.id: await uploads.pages_of(tx, file.id) for file in files}
        for file in files:
            await access.record_read(tx, CaseId(case_id), file.id, desks.person(who), who.roles)
    if any(file.media_type not in SHOWN for file in files):
        raise Problem(409, N_("Not shown here"), detail=N_("Save this file and open it on your device."))
    at = f"/desk/records/cases/{case_id}" if who.has(*desks.DESK, Role.SPECIALIST) else f"/my/records/cases/{case_id}"
    back = at if who.has(*desks.DESK) or not who.is_staff else f"{at}/materials"
    asked = {"number": number, "size": size, "turn": turn % 360, "beside": beside, "other": other}
    return page(
        "viewer.html", case=collection, at=at, back=back, asked=asked, widths=WIDTHS, pages=pages,
        sheets=_sheets(files, pages, number, other, at, asked), others=_others(collection, document_id),
        link=lambda **changed: f"?{urlencode({k: v for k, v in (asked | changed).items() if v is not None})}",
    )  # fmt: skip


@mine.get("/documents/{document_id}/pages/{number}", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}/pages/{number}", dependencies=[READERS])
async def sheet(
    case_id: UUID, document_id: UUID, number: int, who: Who, ctx: Ctx, size: Size = 1, turn: Turn = 0
) -> Response:
    """Return one page as an image."""
    async with ctx.db.reading() as tx:
        stored = await desks.may_see_document(tx, who, case_id, document_id)
        file = await vault.opened(ctx, tx, document_id)
    if stored.media_type not in SHOWN or turn % 360 not in TURNS:
        raise Problem(404, N_("Nothing to show"), detail=N_("Go back to the list of files."))
    image = await page_of(ctx, CaseId(case_id), file, max(1, number), WIDTHS[size], turn % 360)
    if image is None:
        raise Problem(404, N_("Nothing to show"), detail=N_("Go back to the list of files."))
    return _as_image(image)


def _as_image(image: bytes) -> PlainResponse:
    headers = {"content-security-policy": "sandbox; default-src 'none'", "content-encoding": "identity"}
    return PlainResponse(image, media_type="image/webp", headers=headers)


def _sheets(
    files: list[FileRow], pages: dict[UUID, int], number: int, other: int, at: str, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return what stands side by side: each file with the page that is shown of it, and the name of its page in the address."""
    shown = []
    for file, wanted, name in zip(files, (number, other), ("number", "other"), strict=False):
        current = min(wanted, pages[file.id])
        image = f"{at}/documents/{file.id}/pages/{current}?{urlencode({'size': asked['size'], 'turn': asked['turn']})}"
        shown.append({"file": file, "page": current, "of": pages[file.id], "name": name, "image": image})
    return shown


def _others(collection: Collection, document_id: UUID) -> list[Document]:
    """Return what could stand beside a document: for a translation, its original first."""
    return [
        one for item in collection.items for one in item.documents
        if one.clean and not one.quarantined and one.media_type in SHOWN and one.id != document_id
    ]  # fmt: skip
