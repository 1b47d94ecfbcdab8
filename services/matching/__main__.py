"""Matching, wired: ``python -m services.matching api|worker|migrate|seed|parked|replay|reconcile``."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from services.matching import handlers, queues, seed
from services.matching.settings import MatchingSettings
from shared.events.matching import FACTS
from shared.main import main
from shared.service import Service

if TYPE_CHECKING:
    from fastapi import APIRouter


def routes() -> "Sequence[APIRouter]":
    from services.matching import api
    from services.matching.pages import desk, opinion, patients

    return (api.router, desk.router, opinion.router, patients.router)


SERVICE = Service(
    name="matching",
    package=Path(__file__).parent,
    settings=MatchingSettings,
    emits=FACTS,
    reactions=handlers.REACTIONS,
    timers=handlers.TIMERS,
    errands=handlers.ERRANDS,
    queues=queues.QUEUES,
    routes=routes,
    seed=seed.load_roster,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
