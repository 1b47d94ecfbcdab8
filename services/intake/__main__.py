"""Intake, wired: ``python -m services.intake api|worker|streams|migrate|seed|parked|replay|reconcile``."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.intake import handlers, queues, seed
from services.intake.diagnoses import oncotree
from services.intake.settings import Settings
from services.intake.store import oncotree as oncotree_store
from shared.events.intake import FACTS
from shared.main import main
from shared.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter

    from shared.db import Tx


def routes() -> "Sequence[APIRouter]":
    from services.intake import api, contact_api, quotes_api
    from services.intake.pages import (
        account,
        aside,
        basket,
        callers,
        calls,
        coming_back,
        contact,
        desk,
        duplicates,
        front,
        interpreters,
        my_quote,
        quotes,
        request,
        search,
        staff_sign_in,
    )

    at_the_desk = (desk.router, duplicates.router, contact.router, calls.router, interpreters.router, callers.router)
    return (
        api.router, front.router, coming_back.router, request.router, account.router, my_quote.router, search.router,
        contact_api.router, quotes_api.router, *at_the_desk, basket.router, quotes.router, aside.router,
        staff_sign_in(),
    )  # fmt: skip


def streams() -> None:
    from services.intake import streams

    streams.run()


async def take_oncotree(tx: "Tx", file: bytes) -> str:
    """Make the tumour types of OncoTree's published JSON searchable in the form, in place of those imported before."""
    types = oncotree.read(json.loads(file))
    await oncotree_store.replace(tx, types)
    return f"{len(types)} tumour types of OncoTree can be searched now"


SERVICE = Service(
    name="intake",
    package=Path(__file__).parent,
    settings=Settings,
    emits=FACTS,
    reactions=handlers.REACTIONS,
    timers=handlers.TIMERS,
    errands=handlers.ERRANDS,
    queues=queues.QUEUES,
    takeovers=handlers.TAKEOVERS,
    imports={"oncotree": take_oncotree},
    seed=seed.load_roster,
    routes=routes,
    streams=streams,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
