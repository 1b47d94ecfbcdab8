"""Questions about a stored document's bytes, asked in the sandbox."""

from typing import Any
from uuid import UUID

from services.records import vault
from services.records.sandbox import jail
from services.records.vault.copies import COPIES
from shared.service import Context

SECONDS = 20
MODULE = "services.records.imaging.frames"

Answer = tuple[dict[str, Any], bytes]


class Unanswered(Exception):
    """The sandbox died over the file, took too long, or couldn't make sense of it."""


async def ask(ctx: Context, document_id: UUID, function: str, **wanted: Any) -> Answer:
    """Return what ``frames``' function says of a document's bytes. Who may open it is asked before.

    Raises ``Unanswered``, ``LookupError``, ``vault.Erased``.
    """
    return await ask_of(ctx, await vault.open_document(ctx, document_id), function, **wanted)


async def ask_of(ctx: Context, file: vault.OpenFile, function: str, **wanted: Any) -> Answer:
    """Return the same of a file that is open. Raises ``Unanswered``."""
    async with COPIES.lent(file, jail.scratch_of(ctx.settings)) as fd, jail.lent(ctx, MODULE) as lent:
        try:
            return await lent.call(f"{MODULE}:{function}", fd, wanted, SECONDS)
        except (jail.Killed, jail.Failed) as problem:
            raise Unanswered(function) from problem
