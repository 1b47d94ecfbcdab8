"""What a request says beside who asks, for whom and why: a guardian, confidants, calls, the diagnosis by code.

Every part may be missing from a request; what is there is whole. Pure.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.intake.values import N_, Line, Value, Version
from services.intake.zones import Zone

OF_AGE = 18
GUARDIAN_NEEDED = N_("The patient is under 18: name a parent or guardian")


class Knowledge(StrEnum):
    """What somebody may be told about a case."""

    APPOINTMENTS = "appointments"
    MEDICAL = "medical"
    COSTS = "costs"


class DayTime(StrEnum):
    """When a person can be called: before noon, until five, in the evening, on the clocks of their own zone."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class Guardian(Value):
    """Who answers for a patient under 18."""

    name: Line
    relationship: Line


class Confidant(Value):
    """A person beside the requester who may be told about the case, and what they may be told."""

    name: Line
    relationship: Line | None = None
    may_know: tuple[Knowledge, ...] = Field(min_length=1, max_length=3)


class CallTimes(Value):
    """When to call, on the caller's own clock; `zone` is an IANA name. No times: any."""

    zone: Zone
    times: tuple[DayTime, ...] = Field(default=(), max_length=3)


class Diagnosis(Value):
    """The diagnosis as a code of a published list, with the words that stood beside it when it was chosen."""

    system: Literal["icd10cm", "oncotree"]
    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    title: Line


class Declaration(Value):
    """A clinician's authority to refer: a text in one version, signed by typing a name."""

    version: Version
    signed_name: Line
    accepted: Literal[True]


def is_minor(birth_date: date, today: date) -> bool:
    """Tell whether somebody born on `birth_date` is under 18 on `today`; who was born on 29 February turns 18 on 1 March."""
    years = today.year - birth_date.year - ((today.month, today.day) < (birth_date.month, birth_date.day))
    return years < OF_AGE
