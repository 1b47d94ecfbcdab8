"""Records, wired: ``python -m services.records api|worker|migrate|seed|parked|replay|reconcile|erase|rewrap``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.records import erasing, handlers, queues, rewrapping, roster
from services.records.imaging.opening import MODULE as PICTURES
from services.records.previews.pages import MODULE as PAGES
from services.records.sandbox import jail
from services.records.settings import Settings
from shared.events.partner import FACTS as TO_THE_PARTNER
from shared.events.records import FACTS
from shared.main import main
from shared.service import Context, Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def routes() -> "Sequence[APIRouter]":
    """Return the routers; a worker never asks, and loads no web framework."""
    from services.records import api, api_collecting, api_desk, api_dicomweb, api_imaging, api_uploads, api_wado, pages

    ours = (api.router, api_uploads.router, api_collecting.router, api_desk.router, api_desk.office)
    scans = (api_imaging.router, api_dicomweb.router, api_wado.router)
    return (*ours, *scans, api.partner_router, *pages.ROUTERS)


async def keep_ready(ctx: Context) -> None:
    """Have what makes pictures loaded before anybody looks: a first one takes seconds otherwise (R25)."""
    await jail.keep_ready(ctx, PICTURES, PAGES)


SERVICE = Service(
    name="records",
    package=Path(__file__).parent,
    settings=Settings,
    emits=(*FACTS, *TO_THE_PARTNER),
    reactions=handlers.REACTIONS,
    timers=handlers.TIMERS,
    errands=handlers.ERRANDS,
    queues=queues.ALL,
    routes=routes,
    seed=roster.seed,
    commands=(erasing.COMMAND, rewrapping.COMMAND),
    beside=keep_ready,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
