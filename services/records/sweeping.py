"""What is left over in the store: found by what was announced before it was written, and taken away."""

from uuid import UUID

from services.records import files, vault
from services.records.store import uploads as store
from shared.ids import CaseId
from shared.service import Context

LOOK, SWEEP = "look_at_files", "sweep_uploads"
"""Timers: look at what waits; take out of the store what never became a document."""


async def clear(ctx: Context, place: str) -> None:
    """Take all that lies at or below a place out of the store."""
    await files.at(ctx.platform.files_url).clear(place)


async def give_up(ctx: Context, case_id: CaseId, upload_id: UUID) -> None:
    """Take what came of an upload out of the store, then forget it; done again, it does nothing."""
    async with ctx.db.transaction() as tx:
        if not await store.close(tx, case_id, upload_id):
            return
    await clear(ctx, vault.place(upload_id))
    async with ctx.db.transaction() as tx:
        await store.end(tx, upload_id)
