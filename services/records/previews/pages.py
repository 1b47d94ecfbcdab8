"""A page of a document as an image, for somebody who may see it: drawn in the sandbox, or as it was drawn a while ago."""

from contextlib import suppress

from services.records.previews.kept import KEPT, Picture
from services.records.sandbox import jail
from services.records.vault import Broken, OpenFile
from services.records.vault.copies import COPIES
from shared.ids import CaseId
from shared.service import Context

MODULE = "services.records.previews.drawing"
SECONDS = 20


async def page_of(ctx: Context, case_id: CaseId, file: OpenFile, number: int, width: int, turn: int) -> bytes | None:
    """Return page ``number`` (from 1) as WebP, about ``width`` pixels wide, turned clockwise; None: it can't be drawn."""
    asked = ("page", number, width, turn)
    found = KEPT.get(file, asked)
    if found is None:
        told = {"page": number, "width": width, "turn": turn}
        try:
            async with COPIES.lent(file, jail.scratch_of(ctx.settings)) as fd, jail.lent(ctx, MODULE) as lent:
                found = Picture(*await lent.call(f"{MODULE}:draw", fd, told, SECONDS))
        except (jail.Killed, jail.Failed):
            return None
        KEPT.put(case_id, file, asked, found)
    return found.content


async def draw_ahead(ctx: Context, case_id: CaseId, file: OpenFile, number: int, width: int, turn: int) -> None:
    """Draw the page after ``number``, to be at hand when it is asked for: nobody has looked at it yet.

    A file that broke or went meanwhile is told of to whoever asks for the page.
    """
    with suppress(Broken, FileNotFoundError):
        await page_of(ctx, case_id, file, number + 1, width, turn)
