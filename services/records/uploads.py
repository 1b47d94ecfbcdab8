"""Files on their way in: announced, taken over by one request after the other (``writing``), whole, and then looked at.

Whatever dies in between, what was counted is there and no more; a later request goes on where the count stands.
"""

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from services.records import arriving, desks, files, sweeping, vault
from services.records.domain import Refused, receiving, refuse_unless_receiving, tidy_path
from services.records.inspection import kinds
from services.records.settings import Settings
from services.records.store import cases
from services.records.store import uploads as store
from services.records.store.uploads import Incoming
from services.records.writing import Elsewhere, Writing, append
from shared.backbone import timers
from shared.db import Tx
from shared.files import plain_name
from shared.ids import CaseId, new_id
from shared.service import Context
from shared.web import N_, Principal


@dataclass(frozen=True)
class Announced:
    """What a sender says of a file before its bytes. ``path``: where in a folder it lies; ``folder``: an id for the folder.

    ``folder_files``: how many files it has.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    folder: UUID | None = None
    path: str | None = None
    folder_files: int | None = None


async def begin(
    ctx: Context, tx: Tx, who: Principal, case_id: UUID, item_id: UUID, told: Announced, upload_id: UUID | None = None
) -> Incoming:
    """Announce a file for an item that may take one. Raises ``Refused``, ``files.Unacceptable``; ``Problem`` if not theirs."""
    settings: Settings = ctx.settings
    (await desks.see(tx, who, case_id)).item(item_id)
    item = receiving(await cases.lock(tx, CaseId(case_id)), item_id)
    if told.size == 0:
        raise files.Unreadable(files.EMPTY)
    if told.size is not None and told.size > settings.max_upload_bytes:
        raise files.TooLarge(files.TOO_LARGE, limit=settings.max_upload_bytes // 1024**2)
    path = tidy_path(told.path or told.name)
    one = Incoming(
        upload_id or new_id(), CaseId(case_id), item.id, told.folder, path, plain_name(told.name), told.size, told.sha256,
        None, store.Laid((), sealed=True), 0, desks.person(who), tx.now, told.folder_files,
    )  # fmt: skip
    await store.begin(tx, one)
    one = await store.incoming(tx, one.case_id, one.id) or one
    await timers.set(tx, CaseId(case_id), sweeping.SWEEP, tx.now + settings.orphan_age + settings.orphan_age / 24)
    return one


async def take_over(ctx: Context, tx: Tx, who: Principal, one: Incoming, only: frozenset[str] | None = None) -> Writing:
    """Let this request alone add to an upload from where it stands, once ``tx`` commits; it holds nothing locked.

    ``only``: the media types that may come, where they are fewer than those that the item takes. Raises ``Elsewhere``,
    ``Refused``; ``Problem`` if not theirs.
    """
    writer, first = uuid4(), len(one.laid.segments)
    keys = [vault.new_segment(one.id, number) for number in (first, first + 1)]
    collection, line = await desks.see_line(tx, who, one.case_id, one.item_id)
    refuse_unless_receiving(collection, line)
    room = await vault.vault_of(ctx, tx, one.case_id)
    if not await store.take_over(tx, one.id, writer, one.received, keys):
        raise Elsewhere
    allowed = only or kinds.TAKEN[line.kind]
    return Writing(ctx, one, line.kind, room, writer, keys, allowed, lambda tx, whole: finish(tx, whole, whole.id))


async def finish(
    tx: Tx, one: Incoming, document_id: UUID, sha256: str | None = None, quiet: timedelta = arriving.QUIET
) -> None:
    """Make a document of a file that is all there. It waits; what it is for isn't changed until it was looked at.

    Its folder isn't judged before it was ``quiet`` for so long, or its sender says that nothing more comes.
    """
    receiving(await cases.lock(tx, one.case_id), one.item_id)
    if one.folder_id is not None:
        await arriving.join(tx, one, quiet)
    await store.add_document(tx, one, document_id, vault.place(one.id), sha256)
    await timers.set(tx, one.case_id, sweeping.LOOK, tx.now)


async def take_in(tx: Tx, one: Incoming, document_id: UUID, sha256: str) -> bool:
    """Make a document, under an id of its sender's making, of a file that is all there; False: it is one already.

    Raises ``Refused`` when another file has this id.
    """
    await cases.hold(tx, one.case_id)
    known = await store.file_of(tx, document_id)
    if known is None:
        await finish(tx, one, document_id, sha256)
        return True
    if (known.case_id, known.item_id, known.sha256) != (one.case_id, one.item_id, sha256):
        raise Refused(N_("Another file was sent under this id. Send this one under a new id."))
    return False


async def stream_in(
    ctx: Context, who: Principal, case_id: UUID, item_id: UUID, chunks: AsyncIterable[bytes], name: str,
    only: frozenset[str] | None = None,
) -> tuple[Incoming, str]:  # fmt: skip
    """Take in a file of unknown length to its end, and return it with its SHA-256; the caller finishes it.

    Raises ``files.Unreadable`` for an empty one too.
    """
    digest = hashlib.sha256()

    async def measured() -> AsyncIterable[bytes]:
        async for chunk in chunks:
            digest.update(chunk)
            yield chunk

    async with ctx.db.transaction() as tx:
        one = await begin(ctx, tx, who, case_id, item_id, Announced(name))
        writing = await take_over(ctx, tx, who, one, only)
    try:
        whole = await append(writing, measured())
        if whole.received:
            return whole, digest.hexdigest()
        raise files.Unreadable(files.EMPTY)
    except files.Unacceptable:
        await sweeping.give_up(ctx, one.case_id, one.id)
        raise
