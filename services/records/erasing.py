"""``python -m services.records erase CASE``: erases a case's files and whom its rows name, for good, by a person who answers for it.

The key goes first: from then on nobody can read the files, in no copy of the store, nor pictures of them that a process
keeps. In the same transaction go the scans' headers and what else names people. What lies in the store goes next, and may
be asked for again when it was interrupted.
"""

from argparse import ArgumentParser, Namespace
from uuid import UUID

from services.records import sweeping
from services.records.store import cases, forgetting, keys, uploads
from shared import log
from shared.ids import CaseId
from shared.service import Context, OwnCommand

_log = log.get(__name__)


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("case", type=UUID)


async def erase(ctx: Context, case_id: CaseId) -> int:
    """Erase the case's key and whom its rows name, then its objects; return how many places were cleared."""
    async with ctx.db.transaction() as tx:
        await cases.hold(tx, case_id)
        await keys.erase_case_key(tx, case_id)
        places = await uploads.places_of(tx, case_id)
        await forgetting.forget_people(tx, case_id)
    for place in places:
        await sweeping.clear(ctx, place)
    _log.info("case_files_erased", case_id=str(case_id), places=len(places))
    return len(places)


async def _run(ctx: Context, asked: Namespace) -> int:
    print(f"{await erase(ctx, CaseId(asked.case))} files erased")
    return 0


COMMAND = OwnCommand("erase", "erase the files of a case and whom it names, for good", _options, _run)
