"""Pictures of a case's scans: made in the sandbox, kept a while (``previews.kept``), each look at a series written down (R25, M13)."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from fastapi import Response

from services.records import desks, vault
from services.records.domain import N_, Unknown
from services.records.imaging.accepting import MEDIA_TYPES, OCTETS
from services.records.imaging.opening import Unanswered, ask, ask_of
from services.records.previews.kept import KEPT, Picture
from services.records.scans import see as seen
from services.records.store import access, cases, imaging, scans
from services.records.store.access import READ_AGAIN_AFTER
from services.records.store.scans import Placed
from shared.db import Tx
from shared.ids import CaseId
from shared.service import Context
from shared.web import Principal, Problem

WINDOW = r"^(own|brain|lung|bone|soft|-?\d{1,5}(\.\d{1,3})?,\d{1,5}(\.\d{1,3})?)$"

_NO_PICTURE = N_("This picture can't be opened. Its file may be damaged: ask for the scan again.")


@dataclass(frozen=True)
class Asked:
    """Which picture of a document, as how: ``frame`` counts from 1, ``edge`` in pixels."""

    frame: int = 1
    window: str = "own"
    edge: int = 1024
    media_type: str = "image/jpeg"

    def wanted(self) -> dict[str, Any]:
        """Return it as ``frames.render`` takes it."""
        return {"frame": self.frame - 1, "window": self.window, "edge": self.edge, "media_type": self.media_type}


_written_down: OrderedDict[tuple[str, UUID, str], datetime] = OrderedDict()


async def picture(ctx: Context, who: Principal, case_id: UUID, document_id: UUID, asked: Asked) -> Picture:
    """Return a picture for somebody who may see it. Raises ``Problem``, ``Unknown`` or ``Refused`` with a sentence."""
    async with ctx.db.reading() as tx:
        _, whole = await seen(tx, who, case_id)
        place = await scans.placed(tx, CaseId(case_id), document_id, whole=whole)
        if place is None or not place.is_image or asked.frame > place.frames:
            raise Unknown(N_("This picture isn't of this case. Open the case again."))
        file = await vault.opened(ctx, tx, document_id)
    await write_down(ctx, who, case_id, place)
    found = KEPT.get(file, asked)
    if found is None:
        try:
            found = Picture(*await ask_of(ctx, file, "render", **asked.wanted()))
        except Unanswered:
            await _undecodable(ctx, case_id, document_id)
            raise Problem(422, N_("No picture"), detail=_NO_PICTURE) from None
        KEPT.put(CaseId(case_id), file, asked, found)
    return found


async def _undecodable(ctx: Context, case_id: UUID, document_id: UUID) -> None:
    """Only its decoder found it broken: from now on its series says so."""
    async with ctx.db.transaction() as tx:
        await cases.hold(tx, CaseId(case_id))
        await imaging.mark_undecodable(tx, CaseId(case_id), document_id)


async def whole_metadata(ctx: Context, place: Placed) -> str:
    """Return an object's attributes as DICOM JSON, from its file: the database has them in part."""
    _, content = await ask(ctx, place.document_id, "metadata_json")
    return content.decode()


@dataclass(frozen=True)
class Frames:
    """Frames as they are sent: ``media_type`` of each, and the transfer syntax in which they are."""

    media_type: str
    transfer_syntax: str
    frames: list[bytes]

    @property
    def content_type(self) -> str:
        """What stands over each part."""
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax}"


async def raw(
    ctx: Context, document_id: UUID, numbers: Sequence[int], *, as_stored: Collection[str], native: bool
) -> Frames:
    """Return frames (from 0): as they lie in the file where their media type is in ``as_stored``, else decoded.

    Raises ``Problem`` 406: compressed in a way that the client doesn't take, and it takes no decoded ones either; 422: the
    picture can't be opened.
    """
    syntaxes = [uid for uid, kind in MEDIA_TYPES.items() if kind in as_stored]
    try:
        about, content = await ask(ctx, document_id, "raw_frames", frames=list(numbers), as_stored=syntaxes)
    except Unanswered:
        raise Problem(422, N_("No picture"), detail=_NO_PICTURE) from None
    kind = MEDIA_TYPES.get(about["transfer_syntax"], OCTETS)
    if kind == OCTETS and not native:
        raise Problem(406, "Not in this form", detail=f"This address answers multipart/related; type={OCTETS}.")
    ends = list(accumulate(about["lengths"]))
    parts = [content[end - length : end] for end, length in zip(ends, about["lengths"], strict=True)]
    return Frames(kind, about["transfer_syntax"], parts)


async def write_down(ctx: Context, who: Principal, case_id: UUID, *places: Placed) -> None:
    """Write down that somebody looks at series (M13): a line for each, not again within the hour."""
    now = ctx.clock.now()
    firsts = {place.series_uid: place for place in reversed(places)}
    unsaid = [place for uid, place in firsts.items() if not _said_lately((who.subject, case_id, uid), now)]
    if unsaid:
        async with ctx.db.transaction() as tx:
            for place in unsaid:
                await _line(tx, who, case_id, place)
        for place in unsaid:
            _written_down[who.subject, case_id, place.series_uid] = now
        while len(_written_down) > 10_000:
            _written_down.popitem(last=False)


async def _line(tx: Tx, who: Principal, case_id: UUID, place: Placed) -> None:
    by, roles = desks.person(who), [str(role) for role in who.roles]
    await access.record_look(tx, CaseId(case_id), place.document_id, by, roles, place.series_uid)


def _said_lately(key: tuple[str, UUID, str], now: datetime) -> bool:
    at = _written_down.get(key)
    return at is not None and now - READ_AGAIN_AFTER < at <= now


def response(made: Picture) -> Response:
    """Return a picture as an answer; what a stranger's file holds is never anything but a picture."""
    headers = {
        "content-security-policy": "sandbox; default-src 'none'", "content-disposition": "inline",
        "content-encoding": "identity", "x-window": str(made.about["window"]),
    }  # fmt: skip
    return Response(made.content, media_type=str(made.about["media_type"]), headers=headers)
