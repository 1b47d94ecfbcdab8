"""Folders arrive file by file: one is looked upon as a whole when its sender says so, all that was announced is here, or quiet falls.

What is said of a folder before that would be said of a part: that scans are missing, that the case manager may accept it.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID, uuid5

from services.records import casework
from services.records.domain import N_, Arrival, Refused, Unknown
from services.records.inspection.results import Looked
from services.records.inspection.verdicts import speaks_against
from services.records.store import cases, folders, looking
from services.records.store.uploads import Incoming
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId

QUIET = timedelta(minutes=30)
"""A folder of which nothing came for so long is taken to be all there is."""
STUDY_QUIET = timedelta(minutes=2)
"""The same of a study that a hospital's system sends: it sends on its own, and says nothing at the end."""
_STUDIES = UUID("0b8f5a52-6c1e-4d0e-8d57-2b9d6a7c3f14")
END = "end_quiet_folders"


async def join(tx: Tx, one: Incoming, quiet: timedelta) -> None:
    """Count a file into the folder that it came in. Raises ``Refused``; the case is locked."""
    stands = await folders.join(tx, one, (one.path or one.name).split("/", 1)[0], quiet)
    if stands is None:
        raise Refused(N_("This folder takes no more files. Choose the folder again."))
    if stands[0] == Arrival.ARRIVING != stands[1]:
        await _wake(tx, one.case_id)


async def study_folder(tx: Tx, item_id: UUID, subject: str, study: str) -> UUID:
    """Return the id of the folder in which somebody's objects of a study come together, in however many requests."""
    number = await folders.closed(tx, item_id, subject, study)
    return uuid5(_STUDIES, f"{item_id} {subject} {study} {number}")


async def end(tx: Tx, case_id: CaseId, folder_id: UUID, subject: str) -> None:
    """A sender says that nothing more comes of their folder; said again, it changes nothing. Raises ``Unknown``."""
    await cases.hold(tx, case_id)
    if not await folders.end(tx, case_id, folder_id, subject):
        raise Unknown(N_("Nothing came of this folder. Choose the folder again."))
    await _close(tx, case_id, [folder_id])


async def end_quiet_folders(case_id: CaseId, tx: Tx) -> None:
    """Nothing more came of a folder for a while: it is judged as it is."""
    await cases.hold(tx, case_id)
    await _close(tx, case_id, await folders.end_quiet(tx, case_id, QUIET))
    await _wake(tx, case_id)


async def close(tx: Tx, folder_id: UUID) -> bool:
    """Give a folder its verdict when all of it is here and was looked at; return whether it is clean now."""
    found = await folders.sum_up(tx, folder_id)
    if found is None or found[0]:
        return False
    reason = speaks_against(found[1])
    looked = (Looked(folder_id, None, reason), "clean" if reason is None else "quarantined")
    return bool(await looking.give_verdicts(tx, [looked])) and reason is None


async def _close(tx: Tx, case_id: CaseId, folder_ids: Iterable[UUID]) -> None:
    clean = {folder_id for folder_id in folder_ids if await close(tx, folder_id)}
    await casework.put_before_manager(tx, case_id, clean)


async def _wake(tx: Tx, case_id: CaseId) -> None:
    if (due := await folders.next_quiet(tx, case_id, QUIET)) is not None:
        await timers.set(tx, case_id, END, max(due, tx.now))
