"""A stored document's bytes, and questions about them that are asked in a process apart with limits of its own."""

import asyncio
import multiprocessing
import resource
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import cache
from importlib import import_module
from typing import Any
from uuid import UUID

from services.records import files
from services.records.store import materials
from services.records.store.materials import StoredFile
from shared.service import Context

SECONDS = 20
MEMORY = 1536 << 20
MODULE = "services.records.imaging.frames"

Answer = tuple[dict[str, Any], bytes]


class Unanswered(Exception):
    """The process died over the file, took too long, or couldn't make sense of it."""


async def stored(ctx: Context, document_id: UUID) -> StoredFile:
    """Return where a document lies. Raises ``LookupError``. Who may open it is asked before."""
    async with ctx.db.reading() as tx:
        found = await materials.stored_file(tx, document_id)
    if found is None:
        raise LookupError(document_id)
    return found


async def chunks(ctx: Context, file: StoredFile) -> AsyncIterator[bytes]:
    """Yield a document's bytes, about 1 MiB at a time."""
    async for chunk in await files.at(ctx.platform.files_url).read(file.object_key):
        yield chunk


async def ask(ctx: Context, document_id: UUID, function: str, **wanted: Any) -> Answer:
    """Return what ``frames``' function says of a document's bytes. Raises ``Unanswered``."""
    file = await stored(ctx, document_id)
    with tempfile.NamedTemporaryFile() as plain:
        async for chunk in chunks(ctx, file):
            plain.write(chunk)
        plain.flush()
        running = asyncio.get_running_loop().run_in_executor(_apart(), _answer, function, plain.name, wanted)
        try:
            return await asyncio.wait_for(running, SECONDS)
        except (TimeoutError, BrokenProcessPool) as died:
            _apart.cache_clear()
            raise Unanswered(function) from died
        except Exception as error:  # a decoder fails in any way there is
            raise Unanswered(function) from error


@cache
def _apart() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), initializer=_limited)


def _limited() -> None:
    import_module(MODULE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(function: str, path: str, wanted: dict[str, Any]) -> Answer:
    answer: Answer = getattr(import_module(MODULE), function)(path, **wanted)
    return answer
