"""The request form: its pages in order, the answers each takes, and how they become a `Request`.

The same pages serve both paths (R8), the public and an advisor who writes down what a caller says (R10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from services.intake.domain import (
    AskedText,
    Authority,
    Code,
    Consent,
    Country,
    Email,
    Language,
    Line,
    LocalPhysician,
    Path,
    Patient,
    Phone,
    Request,
    Requester,
    RequesterRole,
    Stream,
    Text,
)
from shared.web import Incoming
from shared.web.i18n import N_

Answers = Mapping[str, Any]


class Start(Incoming):
    """Emergency notice (R5), who asks (R8), and where (R7: no answer means in person)."""

    sentences: ClassVar[dict[str, str]] = {
        "emergency_read": N_("Confirm that you have read the emergency notice"),
        "path": N_("Say who is asking"),
    }
    emergency_read: Literal["yes"]
    emergency_notice_version: str
    path: Path
    stream: Stream = Stream.IN_PERSON


class You(Incoming):
    """Who asks, on what ground, and who is to be contacted (R9)."""

    sentences: ClassVar[dict[str, str]] = {
        "role": N_("Say who you are to the patient"),
        "name": N_("Enter your name"),
        "email": N_("Enter your e-mail address, like name@example.com"),
    }
    role: RequesterRole
    name: Line
    email: Email
    phone: Phone | None = None
    relationship: Line | None = Field(default=None, validate_default=True)
    authority: Authority | None = Field(default=None, validate_default=True)
    contact: Literal["requester", "patient"] = "requester"

    @field_validator("relationship")
    @classmethod
    def _related(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("role") in (RequesterRole.CAREGIVER, RequesterRole.FAMILY):
            raise ValueError(N_("Say how you are related to the patient"))
        return value

    @field_validator("authority")
    @classmethod
    def _ground(cls, value: Authority | None, info: ValidationInfo) -> Authority | None:
        match info.data.get("role"):
            case RequesterRole.PATIENT:
                return Authority.SELF
            case RequesterRole.CLINICIAN:
                return Authority.REFERRING_CLINICIAN
        if value in (None, Authority.SELF, Authority.REFERRING_CLINICIAN):
            raise ValueError(N_("Say on what ground you ask for this patient"))
        return value


class About(Incoming):
    """For whom. Name and e-mail are asked only when the patient is someone else."""

    sentences: ClassVar[dict[str, str]] = {
        "birth_date": N_("Enter the date of birth, such as 27 3 1978"),
        "sex": N_("Choose one of the answers"),
        "country": N_("Choose the country where the patient lives"),
        "languages": N_("Choose at least one language"),
    }
    name: Line | None = None
    birth_date: date
    sex: Literal["female", "male", "other", "unknown"]
    country: Country
    languages: tuple[Language, ...] = Field(min_length=1, max_length=5)
    email: Email | None = None
    phone: Phone | None = None


class Illness(Incoming):
    """Why (R3), whether surgery is likely (R4), and the patient's questions."""

    sentences: ClassVar[dict[str, str]] = {
        "cancer_type": N_("Choose the kind of cancer or blood disorder; you may say that you are not sure"),
        "reasons": N_("Choose at least one reason"),
    }
    cancer_type: Code
    surgery: Literal["yes", "no", "unsure"] = "unsure"
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=8)
    story: Text | None = None
    questions: tuple[AskedText | Literal[""], ...] = Field(default=(), max_length=20)

    @field_validator("questions")
    @classmethod
    def _asked(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text for line in value if (text := line.strip()))


class Interests(Incoming):
    """Services that the requester is interested in; an advisor confirms them later (R17)."""

    interests: tuple[Code, ...] = Field(default=(), max_length=10)


class Doctor(Incoming):
    """The local physician, if there is one who should get the opinion (R34)."""

    sentences: ClassVar[dict[str, str]] = {
        "email": N_("Enter an e-mail address in the correct format, like name@example.com")
    }
    name: Line | None = None
    email: Email | None = Field(default=None, validate_default=True)
    institution: Line | None = None
    country: Country | None = None

    @field_validator("email")
    @classmethod
    def _both_or_neither(cls, value: str | None, info: ValidationInfo) -> str | None:
        if (value is None) != (info.data.get("name") is None):
            raise ValueError(N_("Enter the doctor's name and e-mail address, or leave both empty"))
        return value


class Agreement(Incoming):
    """Consent for two organisations, in one version, signed by typing a name (R29)."""

    sentences: ClassVar[dict[str, str]] = {
        "accepted": N_("Tick the box to agree; without consent we cannot start"),
        "signed_name": N_("Type your full name to sign"),
    }
    version: str
    accepted: Literal["yes"]
    signed_name: Line


PAGES: dict[str, type[Incoming]] = {
    "start": Start,
    "you": You,
    "patient": About,
    "illness": Illness,
    "services": Interests,
    "doctor": Doctor,
    "consent": Agreement,
}


def next_page(answers: Answers) -> str:
    """Return the first page without an answer, or ``check``."""
    return next((page for page in PAGES if page not in answers), "check")


@dataclass(frozen=True)
class Complete:
    """All pages answered, each readable again; the whole is judged when it becomes a `Request`."""

    start: Start
    you: You
    patient: About
    illness: Illness
    services: Interests
    doctor: Doctor
    consent: Agreement

    @classmethod
    def of(cls, answers: Answers) -> Self:
        """Read kept answers; KeyError names the first page that is missing, or was kept by an older form."""
        read: dict[str, Any] = {}
        for page, model in PAGES.items():
            try:
                read[page] = model.model_validate(answers[page])
            except ValidationError:
                raise KeyError(page) from None
        return cls(**read)

    def request(self, locale: str) -> Request:
        """Return the request that these answers make. Raises ValidationError when pages contradict each other."""
        own = self.you.role is RequesterRole.PATIENT
        about = self.patient.model_dump() | ({"name": self.you.name, "email": self.you.email} if own else {})
        doctor = self.doctor.model_dump() if self.doctor.name else None
        return Request(
            path=self.start.path,
            stream=self.start.stream,
            requester=Requester.model_validate(self.you.model_dump(exclude={"contact"})),
            patient=Patient.model_validate(about),
            contact=self.you.contact,
            local_physician=LocalPhysician.model_validate(doctor) if doctor else None,
            emergency_notice_version=self.start.emergency_notice_version,
            consent=Consent(version=self.consent.version, signed_name=self.consent.signed_name, accepted=True),
            locale=locale,
            interests=self.services.interests,
            **self.illness.model_dump(),
        )


def outdated(answers: Answers, given: Incoming) -> list[str]:
    """Return which kept pages no longer fit once `given` is answered: another path, or role, asks other things (R8, R9)."""
    if isinstance(given, Start) and "you" in answers:
        by_clinician = answers["you"]["role"] == RequesterRole.CLINICIAN
        return ["you"] if by_clinician != (given.path is Path.REFERRAL) else []
    if isinstance(given, You) and given.role is not RequesterRole.PATIENT and "patient" in answers:
        return ["patient"] if answers["patient"]["name"] is None else []
    return []
