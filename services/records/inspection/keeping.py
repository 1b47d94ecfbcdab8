"""Keeps what was found, in one transaction: verdicts, an archive's files, images' headers, and what the case manager sees next."""

from collections import Counter
from typing import Any
from uuid import UUID

from services.records import arriving, casework, vault
from services.records.domain import tidy_path
from services.records.inspection import kinds
from services.records.inspection.results import Looked, Told
from services.records.inspection.verdicts import JUNK, speaks_against
from services.records.store import cases, imaging, uploads
from services.records.store import looking as store
from shared.db import Tx
from shared.ids import CaseId


async def keep(tx: Tx, case_id: CaseId, told: Told) -> list[str]:
    """Commit what was found with this transaction; return the places in the store that nothing points at any more.

    Told again, it changes nothing; nor does it of a case that was erased while its files were looked at.
    """
    await cases.hold(tx, case_id)
    if await uploads.is_erased(tx, case_id):
        return [vault.place(child.id) for child in told.children if child.segments]
    surplus = await _keep_children(tx, told) if told.archive is not None else []
    if told.looked:
        surplus += await _keep_looked(tx, case_id, told.looked)
    return surplus


async def _keep_children(tx: Tx, told: Told) -> list[str]:
    archive, children = told.archive, told.children
    assert archive is not None
    if not children or not await store.advance(tx, archive, told.before, children[-1].number):
        return [vault.place(child.id) for child in children if child.segments]
    known = await store.known_hashes(tx, archive)
    for child in children:
        if child.reason is None and child.sha256 in known:
            child.reason = "known"
        elif child.reason is None and child.sha256 is not None:
            known.add(child.sha256)
    await store.count(tx, archive.id, Counter(child.reason or "clean" for child in children))
    rows = [child for child in children if child.reason not in JUNK]
    paths = {child.id: tidy_path(child.path) for child in rows}
    clean = [child for child in rows if child.reason is None]
    await store.add_children(tx, archive, rows, paths, {child.id: vault.place(child.id) for child in rows})
    await _add_instances(tx, archive.case_id, [(child.id, child.header) for child in clean])
    return [vault.place(child.id) for child in children if child.reason is not None and child.segments]


async def _keep_looked(tx: Tx, case_id: CaseId, looked: list[Looked]) -> list[str]:
    judged = [(one, await _verdict(tx, one)) for one in looked]
    still = await store.give_verdicts(tx, judged)
    clean: set[UUID] = set()
    surplus: list[str] = []
    by_id = {one.id: one for one, _ in judged}
    twins = await store.twins(tx, case_id, [one.sha256 for one in looked if one.sha256], list(by_id))
    for document_id, parent_id in still:
        one = by_id[document_id]
        twin = twins.get(one.sha256 or "")
        if one.reason == "known":
            surplus += await store.share_bytes(tx, case_id, document_id, None)
        elif one.reason is None and twin is not None:
            surplus += await store.share_bytes(tx, case_id, document_id, twin)
        if one.reason is None and parent_id is None:
            clean.add(document_id)
    here = {document_id for document_id, _ in still}
    await _add_instances(tx, case_id, [(one.id, one.header) for one in looked if one.reason is None and one.id in here])
    clean |= {
        folder_id for folder_id in {parent for _, parent in still if parent} if await arriving.close(tx, folder_id)
    }
    await casework.put_before_manager(tx, case_id, clean)
    return surplus


async def _verdict(tx: Tx, one: Looked) -> str:
    """Return the verdict for a file; an archive is as good as what is in it. What is wrong with it is noted on the way."""
    if one.reason is not None:
        return "skipped" if one.reason == "known" else "quarantined"
    if one.media_type == kinds.ZIP:
        reason = speaks_against(await store.count(tx, one.id, {}))
        if reason is not None:
            one.reason = reason
            return "quarantined"
    return "clean"


async def _add_instances(tx: Tx, case_id: CaseId, images: list[tuple[UUID, dict[str, Any] | None]]) -> None:
    """Give the headers of images to the study tree."""
    found = [(document_id, header) for document_id, header in images if header is not None]
    if found:
        await imaging.add_instances(tx, case_id, found)
