"""The partner's roster of case managers, as a file says it (R22)."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.records import guides
from services.records.store import guides as store
from shared.db import Tx


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ValueError(f"{name!r} is no time zone; write one such as America/New_York") from problem
    return name


class _CaseManager(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1)
    name: str = Field(min_length=1)
    languages: list[str]
    zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    active: bool = True


class _Roster(BaseModel):
    model_config = ConfigDict(extra="forbid")

    case_managers: list[_CaseManager] = Field(min_length=1)


async def seed(tx: Tx, data: dict[str, Any]) -> None:
    """Load the roster; loading it again brings entries up to date. Raises ``ValueError`` naming what is wrong.

    Who isn't active any more hands every open case on: nobody's is left without a guide.
    """
    for one in _Roster.model_validate(data).case_managers:
        await store.set_manager(tx, one.subject, one.name, one.languages, one.zone, active=one.active)
    await guides.relieve_who_left(tx)
