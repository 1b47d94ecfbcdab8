"""The roster from a TOML file: ``python -m services.matching seed FILE``. Loading it again changes nothing."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.matching.domain.candidates import Conflicts, Discipline, Specialist
from services.matching.store import roster
from shared.db import Tx
from shared.ids import new_id


class Entry(BaseModel):
    """One specialist as the file says it; ``other_work`` counts the places that work elsewhere takes."""

    model_config = ConfigDict(extra="forbid")

    subject: str
    name: str
    credentials: str
    discipline: Discipline
    subspecialties: tuple[str, ...]
    languages: tuple[str, ...]
    capacity: int = Field(gt=0)
    other_work: int = Field(default=0, ge=0)
    active: bool = True
    conflicts: Conflicts = Conflicts()


class Roster(BaseModel):
    model_config = ConfigDict(extra="forbid")

    specialists: tuple[Entry, ...] = Field(min_length=1)


async def load_roster(tx: Tx, data: dict[str, Any]) -> None:
    """Add or renew every specialist of the file; raises ``ValueError`` naming what is wrong in it."""
    for entry in Roster.model_validate(data).specialists:
        one = Specialist(id=new_id(), **entry.model_dump(exclude={"other_work"}))
        await roster.put_specialist(tx, one, entry.other_work)
