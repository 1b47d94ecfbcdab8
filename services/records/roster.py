"""The partner's roster of case managers, as a file says it (R22)."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from services.records.store import access
from shared.db import Tx


class _CaseManager(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1)
    name: str = Field(min_length=1)
    languages: list[str]
    active: bool = True


class _Roster(BaseModel):
    model_config = ConfigDict(extra="forbid")

    case_managers: list[_CaseManager] = Field(min_length=1)


async def seed(tx: Tx, data: dict[str, Any]) -> None:
    """Load the roster; loading it again brings entries up to date. Raises ``ValueError`` naming what is wrong."""
    for one in _Roster.model_validate(data).case_managers:
        await access.set_manager(tx, one.subject, one.name, one.languages, active=one.active)
