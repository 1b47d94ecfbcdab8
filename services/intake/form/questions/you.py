"""About you: who asks, on what ground, and how and when to reach them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from services.intake.circumstances import DayTime
from services.intake.domain import Authority, RequesterRole
from services.intake.values import Country, Email, Line, Phone
from services.intake.zones import Zone
from shared.web import Incoming
from shared.web.i18n import N_


class Role(Incoming):
    """Who asks, on path A (R8). On path B it is a clinician."""

    sentences: ClassVar[dict[str, str]] = {"role": N_("Say who you are to the patient")}
    role: Literal[RequesterRole.PATIENT, RequesterRole.FAMILY, RequesterRole.CAREGIVER]


class Relation(Incoming):
    """What a relative or caregiver is to the patient (R9)."""

    sentences: ClassVar[dict[str, str]] = {"relationship": N_("Say how you are related to the patient")}
    relationship: Line


class Ground(Incoming):
    """On what ground somebody asks for another person (R9)."""

    sentences: ClassVar[dict[str, str]] = {"authority": N_("Say on what ground you ask for this patient")}
    authority: Literal[Authority.PERMISSION, Authority.GUARDIAN, Authority.POWER_OF_ATTORNEY]


class OwnName(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": N_("Enter your name")}
    name: Line


class OwnEmail(Incoming):
    sentences: ClassVar[dict[str, str]] = {"email": N_("Enter your e-mail address, like name@example.com")}
    email: Email


class OwnCountry(Incoming):
    sentences: ClassVar[dict[str, str]] = {"country": N_("Choose the country where you are")}
    country: Country


class WithPhone(Incoming):
    """A number, and whether the person who typed it wants it as typed or in its international form (asked on the page)."""

    sentences: ClassVar[dict[str, str]] = {"keep": N_("Say which number we should use")}
    phone: Phone | None = None
    phone_shown: str | None = None
    keep: Literal["typed", "international"] | None = None


class Contact(Incoming):
    """Whom to get in touch with (R9)."""

    sentences: ClassVar[dict[str, str]] = {"contact": N_("Say whom we should contact")}
    contact: Literal["requester", "patient"]


class Call(Incoming):
    """When to call, on the clocks of the person called (R11)."""

    sentences: ClassVar[dict[str, str]] = {"zone": N_("Choose a time zone from the list")}
    times: tuple[DayTime, ...] = Field(default=(), max_length=3)
    zone: Zone
