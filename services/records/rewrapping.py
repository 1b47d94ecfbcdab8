"""``python -m services.records rewrap``: wraps every case's key by the newest key, so that an older one may be retired.

A hundred cases at a time, each hundred committed by itself. Whatever kills it, what is done stays done; run again, it does
the rest, and then nothing. Files and the cases' own keys stay as they are, and so do those of erased cases: gone.
"""

import sys
from argparse import ArgumentParser, Namespace

from services.records.vault import keys
from shared import log
from shared.backbone import failpoints
from shared.ids import CaseId
from shared.service import Context, OwnCommand

AT_A_TIME = 100
_log = log.get(__name__)


async def rewrap(ctx: Context) -> int:
    """Wrap all that older keys wrap by the newest, and return how many it were."""
    after: CaseId | None = None
    done = 0
    while True:
        async with ctx.db.transaction() as tx:
            some, after = await keys.wrap_some_anew(tx, ctx.settings.files_key_file, after, AT_A_TIME)
            failpoints.reach("rewrap.wrapped")
        failpoints.reach("rewrap.committed")
        done += some
        if after is None:
            _log.info("case_keys_wrapped_anew", cases=done)
            return done


async def _run(ctx: Context, _asked: Namespace) -> int:
    print(f"{await rewrap(ctx)} keys of cases wrapped by the newest key")
    async with ctx.db.reading() as tx:
        strange = await keys.strange_keys(tx, ctx.settings.files_key_file)
    for kek, cases in strange.items():
        print(f"{cases} cases are closed: their key {kek} isn't in {ctx.settings.files_key_file}", file=sys.stderr)
    if not strange:
        print("Every other key of the file may be taken out.")
    return 1 if strange else 0


def _options(_parser: ArgumentParser) -> None:
    return None


COMMAND = OwnCommand("rewrap", "wrap every case's key by the newest key, so that older ones may go", _options, _run)
