"""The web's side of records' rules: who may see which case and document, and how files go in and out.

After withdrawal nobody but those answerable for privacy sees anything; a file of another patient is shown to nobody
else either; each document that is opened leaves a line saying who opened it (R29, M5, M13).
"""

from collections.abc import AsyncIterator
from uuid import UUID

from fastapi.responses import StreamingResponse

from services.records import files, vault
from services.records.domain import (
    LOCAL_PHYSICIAN,
    NOT_LISTED,
    PATIENT,
    Authority,
    Collection,
    Document,
    Item,
    Part,
    Person,
    Refused,
    Side,
    Stale,
    Standing,
    Unknown,
    Verdict,
)
from services.records.inspection import kinds
from services.records.settings import LARGEST_FILE
from services.records.store import access, cases, checklist, providers, uploads
from services.records.store.uploads import FileRow
from shared.db import Tx
from shared.files import as_download
from shared.ids import CaseId
from shared.service import Context
from shared.web import N_, Principal, Problem, Role

OWNERS = (Role.PATIENT, Role.REQUESTER)
PATIENT_SIDE = (*OWNERS, Role.LOCAL_PHYSICIAN, Role.FAMILY)
PRIVACY = (Role.PRIVACY_OFFICER, Role.SUPERVISOR)
DESK = (Role.CASE_MANAGER, Role.LAB, *PRIVACY)
TAKES_FILES = LARGEST_FILE + (1 << 20)
"""The body of a request that brings a file: the largest one, and the form around it."""


async def in_words() -> AsyncIterator[None]:
    """Answer a rule's no as a problem in the rule's own words."""
    try:
        yield
    except Stale as refused:
        raise Problem(412, "Changed since you saw it", detail=str(refused)) from refused
    except Unknown as refused:
        raise Problem(404, N_("Not of this case"), detail=str(refused)) from refused
    except Refused as refused:
        raise Problem(409, N_("Not possible now"), detail=str(refused)) from refused
    except vault.Erased as refused:
        raise Problem(410, N_("Erased"), detail=N_("The files of this case were erased for good.")) from refused
    except files.TooLarge as refused:
        raise Problem(413, N_("Too large"), detail=str(refused)) from refused
    except files.Unacceptable as refused:
        raise Problem(415, N_("This file can't be used"), detail=str(refused)) from refused


def person(who: Principal) -> Person:
    """Return who acts, as the record will name them. Links of one case share a subject; a local physician's is told apart."""
    subject = f"{who.subject}/local_physician" if is_physician(who) else who.subject
    return Person(subject, who.name or who.subject)


def is_physician(who: Principal) -> bool:
    """Return whether somebody is here as the local physician and as nobody else."""
    return who.has(Role.LOCAL_PHYSICIAN) and not who.has(*OWNERS) and not who.is_staff


async def part_of(tx: Tx, who: Principal, case_id: UUID) -> Part:
    """Return which part of a case somebody sees (R22); ``Problem`` 404 for a helper whose invitation was taken back."""
    if is_physician(who):
        return Part(Side.LOCAL_PHYSICIAN, person(who).subject)
    if who.has(Role.FAMILY) and not who.has(*OWNERS):
        known = await providers.helper(tx, UUID(who.subject.removeprefix("helper:")))
        if known is None or known[0] != case_id or not known[1].is_welcome(tx.now):
            raise _nobodys()
        return Part(Side.EVERYTHING if known[1].authority is Authority.ACTS else Side.HELPER, who.subject)
    reads = who.has(Role.SPECIALIST, Role.SERVICE) and not who.has(*DESK)
    return Part(Side.READER if reads else Side.EVERYTHING, who.subject)


def party_of(part: Part) -> str:
    """Return whose thread somebody of the patient's side writes in."""
    named = {Side.LOCAL_PHYSICIAN: LOCAL_PHYSICIAN, Side.HELPER: part.subject}
    return named.get(part.side, PATIENT)


async def require_whole(tx: Tx, who: Principal, case_id: UUID) -> None:
    """Raise ``Problem`` 404 when somebody sees only a part of the case: what they asked for isn't in it."""
    if (await part_of(tx, who, case_id)).side is not Side.EVERYTHING:
        raise _nobodys()


def _nobodys() -> Problem:
    return Problem(404, N_("No such case"), detail=N_("Nothing is collected for this case, or it isn't yours."))


async def see(tx: Tx, who: Principal, case_id: UUID) -> Collection:
    """Return what somebody may see of a case; else ``Problem`` 404, and 403 after withdrawal."""
    collection = await _admitted(tx, who, case_id, await cases.load(tx, CaseId(case_id)))
    return (await part_of(tx, who, case_id)).of(collection)


async def see_line(tx: Tx, who: Principal, case_id: UUID, item_id: UUID) -> tuple[Collection, Standing]:
    """Return a case without its items, and one line: enough for whoever began to send a file for it.

    Raises as ``see`` does, and ``Unknown``. Sending thousands of files doesn't read thousands of files each time.
    """
    collection = await _admitted(tx, who, case_id, await cases.load(tx, CaseId(case_id), whole=False))
    await part_of(tx, who, case_id)
    line = await checklist.line(tx, CaseId(case_id), item_id)
    if line is None:
        raise Unknown(NOT_LISTED)
    return collection, line


async def _admitted(tx: Tx, who: Principal, case_id: UUID, collection: Collection | None) -> Collection:
    is_reader = who.has(*DESK, *PATIENT_SIDE, Role.SERVICE, Role.PARTNER_SYSTEM) or (
        who.has(Role.SPECIALIST) and await access.is_reader(tx, CaseId(case_id), who.subject)
    )
    if collection is None or not is_reader:
        raise _nobodys()
    who.require_case(case_id)
    if collection.withdrawn_at is not None and not who.has(*PRIVACY):
        raise Problem(
            403, N_("The case was withdrawn"), detail=N_("Its materials are closed to everybody who worked on it.")
        )
    return collection


def may_open(who: Principal, root: Document, verdict: Verdict, sender: str) -> bool:
    """Return whether somebody who may see the case may open a file of it; ``root`` is what it was sent in, or itself.

    Before it was looked at, its sender alone may; what was found harmful, those answerable for privacy alone.
    """
    if who.has(*PRIVACY):
        return True
    if who.has(Role.SPECIALIST) and not who.has(Role.CASE_MANAGER):
        return root.belongs_to_the_patient and verdict is Verdict.CLEAN
    if root.quarantined or not who.has(Role.CASE_MANAGER, *PATIENT_SIDE):
        return False
    return verdict is Verdict.CLEAN or (verdict is Verdict.WAITING and person(who).subject == sender)


async def may_see_document(tx: Tx, who: Principal, case_id: UUID, document_id: UUID) -> FileRow:
    """Return a document's file for somebody who may open it. Raises ``Unknown``, ``Problem`` 404 and 403."""
    return (await _may_see(tx, who, case_id, document_id))[0]


async def _may_see(tx: Tx, who: Principal, case_id: UUID, document_id: UUID) -> tuple[FileRow, Document]:
    """Return likewise, with what it was sent in, or itself."""
    collection = await see(tx, who, case_id)
    stored = await uploads.file_of(tx, document_id)
    if stored is None or stored.case_id != case_id:
        raise Unknown(N_("This document isn't of this case. Open the case again."))
    _, root = found(collection, stored.root)
    if not may_open(who, root, Verdict(stored.verdict), stored.uploaded_by):
        raise Problem(403, "Not for your role", detail=N_("Only those who need this document may open it."))
    return stored, root


async def may_see_inside(tx: Tx, who: Principal, case_id: UUID, document_id: UUID) -> FileRow:
    """Return the folder or archive that was sent, for somebody who may open it. Raises as ``may_see_document`` does."""
    stored = await may_see_document(tx, who, case_id, document_id)
    if stored.media_type not in kinds.HOLDS_FILES or stored.id != stored.root:
        raise Unknown(N_("There is nothing inside this file. Open it itself."))
    return stored


def _nothing() -> Problem:
    """Answer for a folder, and for an archive of which something was kept back: whole, it would come out after all."""
    return Problem(404, N_("Nothing to open"), detail=N_("Open one of the files inside it."))


async def open_document(ctx: Context, who: Principal, case_id: UUID, document_id: UUID) -> StreamingResponse:
    """Return a document's bytes as a stream, having written down who opened it."""
    try:
        async with ctx.db.transaction() as tx:
            stored, root = await _may_see(tx, who, case_id, document_id)
            may_have_all = root.whole or who.has(*PRIVACY) or person(who).subject == stored.uploaded_by
            if root.id == document_id and not may_have_all:
                raise _nothing()
            file = await vault.opened(ctx, tx, document_id)
            await access.record_read(tx, CaseId(case_id), document_id, person(who), who.roles)
    except LookupError:
        raise _nothing() from None
    headers = as_download(stored.name, stored.media_type, stored.size_bytes, stored.sha256 or str(stored.id))
    return StreamingResponse(file.chunks(), media_type=stored.media_type, headers=headers)


def found(collection: Collection, document_id: UUID) -> tuple[Item, Document]:
    """Return a document with its item. Raises ``Unknown``."""
    for item in collection.items:
        for document in item.documents:
            if document.id == document_id:
                return item, document
    raise Unknown(N_("This document isn't of this case. Open the case again."))
