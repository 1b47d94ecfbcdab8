"""STOW-RS (PS3.18 10.5): objects that a hospital's system sends, taken in as every other upload is (R25)."""

from collections.abc import AsyncIterable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from services.records import arriving, desks, files, sweeping, uploads, vault
from services.records.domain import Item, Kind, Refused, receiving, tidy_path
from services.records.imaging import query
from services.records.imaging.multipart import Parts
from services.records.imaging.opening import Unanswered, ask_of
from services.records.store import cases
from shared.ids import CaseId
from shared.service import Context
from shared.web import Principal

DICOM = "application/dicom"
_NOT_NOW, _NOT_DICOM = 0xA700, 0xC000
"""Failure reasons of PS3.18 table I.2-2: refused, cannot understand."""


@dataclass
class Stored:
    """What was kept and what wasn't, as PS3.18 has it said; what was kept is still to be looked at (202)."""

    base: str
    kept: list[dict[str, Any]] = field(default_factory=list)
    failed: list[dict[str, Any]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return the response's dataset as DICOM JSON."""
        listed = {"00081190": [self.base], "00081198": self.failed, "00081199": self.kept}
        return {tag: {"vr": "UR" if tag == "00081190" else "SQ", "Value": some} for tag, some in listed.items() if some}

    def keep(self, uids: dict[str, str]) -> None:
        """Note an object that was kept."""
        where = f"{self.base}/studies/{uids['study']}/series/{uids['series']}/instances/{uids['sop']}"
        self.kept.append(_reference(uids) | {"00081190": query.counted("UR", where)})

    def refuse(self, uids: dict[str, str], reason: int) -> None:
        """Note an object that wasn't kept."""
        self.failed.append(_reference(uids) | {"00081197": query.counted("US", reason)})


def _reference(uids: dict[str, str]) -> dict[str, Any]:
    named = {"00081150": uids.get("sop_class", ""), "00081155": uids.get("sop", "")}
    return {tag: query.counted("UI", uid) for tag, uid in named.items() if uid}


async def store_objects(ctx: Context, who: Principal, case_id: UUID, base: str, parts: Parts) -> Stored:
    """Take in objects one after the other. Raises ``Refused``: the case takes no scans now; ``NotMultipart``."""
    async with ctx.db.reading() as tx:
        await desks.see(tx, who, case_id)
        item = _for_scans(await cases.load(tx, CaseId(case_id)))
    answer = Stored(base)
    async for _, chunks in parts:
        try:
            answer.keep(await _store(ctx, who, case_id, item.id, chunks))
        except (files.Unacceptable, Unanswered):
            await _drain(chunks)
            answer.refuse({}, _NOT_DICOM)
    return answer


async def _store(
    ctx: Context, who: Principal, case_id: UUID, item_id: UUID, chunks: AsyncIterable[bytes]
) -> dict[str, str]:
    """Keep one object beside the others of its study, and return which it is. Raises ``Unanswered``: it can't be told, and is gone."""
    one, sha256 = await uploads.stream_in(ctx, who, case_id, item_id, chunks, "stow.dcm", frozenset({DICOM}))
    async with ctx.db.reading() as tx:
        file = await vault.on_its_way(ctx, tx, one)
    try:
        uids = await _uids_of(ctx, file)
    except Unanswered:
        await sweeping.give_up(ctx, one.case_id, one.id)
        raise
    async with ctx.db.transaction() as tx:
        await cases.hold(tx, one.case_id)
        folder = await arriving.study_folder(tx, item_id, one.sent_by.subject, uids["study"])
        placed = replace(one, folder_id=folder, path=tidy_path("{study}/{series}/{sop}.dcm".format(**uids)))
        await uploads.finish(tx, placed, one.id, sha256, arriving.STUDY_QUIET)
    return uids


async def _uids_of(ctx: Context, file: vault.OpenFile) -> dict[str, str]:
    uids, _ = await ask_of(ctx, file, "uids")
    if not {"study", "series", "sop"} <= uids.keys():
        raise Unanswered("uids")
    return uids


def _for_scans(collection: Any) -> Item:
    """Return the checklist's first line that takes scans now, or refuse."""
    for item in collection.items:
        if item.kind is Kind.IMAGING:
            try:
                return receiving(collection, item.id)
            except Refused:
                continue
    raise Refused("This case's list has no open line for scans. Ask the case manager.")


async def _drain(chunks: AsyncIterable[bytes]) -> None:
    async for _ in chunks:
        pass
