"""Services, and who is told."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from services.intake.circumstances import Knowledge
from services.intake.form.questions.start import WANTS_EMAIL
from services.intake.values import Code, Country, Email, Line
from shared.web import Incoming
from shared.web.i18n import N_


class Interests(Incoming):
    """Services that the requester is interested in; an advisor confirms them later (R17)."""

    interests: tuple[Code, ...] = Field(default=(), max_length=10)


DOCTORS = {"name": N_("Enter the doctor's name"), "email": N_("Enter the doctor's e-mail address")}


class Doctor(Incoming):
    """The local physician, if there is one who should get the opinion (R34). A clinician may say: I am."""

    sentences: ClassVar[dict[str, str]] = {
        "doctor": N_("Say whether a doctor at home should get the opinion"),
        "email": WANTS_EMAIL,
    }
    doctor: Literal["me", "other", "none"]
    name: Line | None = Field(default=None, validate_default=True)
    email: Email | None = Field(default=None, validate_default=True)
    institution: Line | None = None
    country: Country | None = None

    @field_validator("name", "email")
    @classmethod
    def _named(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("doctor") == "other" and value is None:
            raise ValueError(DOCTORS[info.field_name or "name"])
        return value


class NewConfidant(Incoming):
    """One person who may be told, and what."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Enter the person's name, or go on without"),
        "may_know": N_("Choose what this person may be told"),
    }
    name: Line
    relationship: Line | None = None
    may_know: tuple[Knowledge, ...] = Field(min_length=1, max_length=3)


class Heard(Incoming):
    heard_from: Code | None = None
    heard_more: Line | None = None
