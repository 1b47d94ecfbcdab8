"""Reads a document page by page, alone or beside another: page, size and turn stand in the address, so links do it all.

What is shown are images that the sandbox drew; the stranger's file itself never reaches the page. From a file that came
with others, in a folder, an archive or for the same line, a link leads to the next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query
from fastapi.responses import Response as PlainResponse
from starlette.background import BackgroundTask
from starlette.responses import Response

from services.records import desks, vault
from services.records.domain import Collection
from services.records.inspection import kinds
from services.records.pages.common import home_of, mine, staff
from services.records.previews.pages import draw_ahead, page_of
from services.records.store import access, inside, uploads
from services.records.store.uploads import FileRow
from shared.db import Tx
from shared.ids import CaseId
from shared.web import N_, Ctx, Db, Page, Principal, Problem, Role, Who, allow

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
READERS = allow(Role.CASE_MANAGER, Role.SPECIALIST, *desks.PRIVACY)
WIDTHS = (480, 800, 1200, 1800, 2600)
TURNS = (0, 90, 180, 270)
SHOWN = kinds.IMAGES | {kinds.PDF}

Number = Annotated[int, Query(ge=1, le=100_000)]
Size = Annotated[int, Query(ge=0, le=len(WIDTHS) - 1)]
Turn = Annotated[int, Query()]


def list_of(who: Principal, at: str) -> str:
    """Return where somebody sees what came for a case."""
    return at if who.has(*desks.DESK) or not who.is_staff else f"{at}/materials"


@dataclass(frozen=True)
class Near:
    """A file that can be looked at from here; ``name``: with its path, where it came in a folder."""

    id: UUID
    name: str


@mine.get("/documents/{document_id}/read", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}/read", dependencies=[READERS])
async def read(
    case_id: UUID, document_id: UUID, page: Page, who: Who, db: Db,
    number: Number = 1, size: Size = 1, turn: Turn = 0, beside: UUID | None = None, other: Number = 1,
) -> Response:  # fmt: skip
    """Show a page of a document, and if asked a page of another one beside it; the pages' images are written down (``sheet``)."""
    async with db.reading() as tx:
        files = [await desks.may_see_document(tx, who, case_id, each) for each in (document_id, beside) if each]
        collection = await desks.see(tx, who, case_id)
        pages = {file.id: await uploads.pages_of(tx, file.id) for file in files}
        with_it = await _came_with(tx, collection, files[0])
    if any(file.media_type not in SHOWN for file in files):
        raise Problem(409, N_("Not shown here"), detail=N_("Save this file and open it on your device."))
    at, root = home_of(who, case_id), files[0].root
    back = (
        list_of(who, at)
        if root == document_id
        else f"{at}/documents/{root}/files?near={document_id}#file-{document_id}"
    )
    asked = {"number": number, "size": size, "turn": turn % 360, "beside": beside, "other": other}
    return page(
        "viewer.html", case=collection, at=at, back=back, asked=asked, widths=WIDTHS, pages=pages,
        sheets=_sheets(files, pages, number, other, at, asked), others=_others(collection, with_it, document_id),
        with_it=with_it, place=next((n for n, one in enumerate(with_it) if one.id == document_id), None),
        link=lambda **changed: f"?{urlencode({k: v for k, v in (asked | changed).items() if v is not None})}",
    )  # fmt: skip


@mine.get("/documents/{document_id}/pages/{number}", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}/pages/{number}", dependencies=[READERS])
async def sheet(
    case_id: UUID, document_id: UUID, number: int, who: Who, ctx: Ctx, size: Size = 1, turn: Turn = 0
) -> Response:
    """Return one page as an image; that it was looked at is written down, once an hour. The next is drawn meanwhile (M13)."""
    async with ctx.db.reading() as tx:
        stored = await desks.may_see_document(tx, who, case_id, document_id)
        if stored.media_type not in SHOWN or turn % 360 not in TURNS:
            raise Problem(404, N_("Nothing to show"), detail=N_("Go back to the list of files."))
        file = await vault.opened(ctx, tx, document_id)
        pages = await uploads.pages_of(tx, document_id)
    asked = (max(1, number), WIDTHS[size], turn % 360)
    image = await page_of(ctx, CaseId(case_id), file, *asked)
    if image is None:
        raise Problem(404, N_("Nothing to show"), detail=N_("Go back to the list of files."))
    async with ctx.db.transaction() as tx:
        await access.record_look(tx, CaseId(case_id), document_id, desks.person(who), who.roles)
    ahead = BackgroundTask(draw_ahead, ctx, CaseId(case_id), file, *asked) if asked[0] < pages else None
    return _as_image(image, ahead)


def _as_image(image: bytes, ahead: BackgroundTask | None) -> PlainResponse:
    headers = {"content-security-policy": "sandbox; default-src 'none'", "content-encoding": "identity"}
    return PlainResponse(image, media_type="image/webp", headers=headers, background=ahead)


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


async def _came_with(tx: Tx, collection: Collection, file: FileRow) -> list[Near]:
    """Return what can be looked at of all that came with a file, itself among it: in the same folder, or for the same line."""
    if file.root != file.id:
        found = await inside.files_in(tx, file.case_id, file.root, (kinds.DICOM,))
        return [Near(one.id, one.path) for one in found if one.media_type in SHOWN]
    item, _ = desks.found(collection, file.id)
    return [
        Near(one.id, one.name) for one in item.documents
        if one.clean and not one.quarantined and one.media_type in SHOWN
    ]  # fmt: skip


def _others(collection: Collection, with_it: Sequence[Near], document_id: UUID) -> list[Near]:
    """Return what could stand beside a document: what came with it first, such as a translation and its original."""
    every = [
        *with_it,
        *(
            Near(one.id, one.name) for item in collection.items for one in item.documents
            if one.clean and not one.quarantined and one.media_type in SHOWN
        ),
    ]  # fmt: skip
    return [one for one in dict.fromkeys(every) if one.id != document_id]
