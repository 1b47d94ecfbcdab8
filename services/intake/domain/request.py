"""What a request is: who asks, for whom, on what ground and why, with a signed consent (R3, R5, R7-R10, R29)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, model_validator

from services.intake.circumstances import (
    GUARDIAN_NEEDED,
    CallTimes,
    Confidant,
    Declaration,
    Diagnosis,
    Guardian,
    is_minor,
)
from services.intake.domain.refusals import Unacceptable
from services.intake.domain.selection import Rules
from services.intake.values import (
    N_,
    AskedText,
    Code,
    Country,
    Email,
    Language,
    LatinName,
    Line,
    Phone,
    Text,
    Value,
    Version,
)


class Path(StrEnum):
    """R8: Path A is an appointment for a new patient, Path B a referral by a clinician."""

    NEW_PATIENT = "new_patient"
    REFERRAL = "referral"


class Stream(StrEnum):
    """R7: one form serves both; who forgets to choose lands in the in-person stream."""

    REMOTE = "remote"
    IN_PERSON = "in_person"


class Channel(StrEnum):
    """R10: how the request reached us."""

    WEB = "web"
    PHONE = "phone"
    EMAIL = "email"
    FAX = "fax"
    POST = "post"
    COURIER = "courier"


class RequesterRole(StrEnum):
    PATIENT = "patient"
    CAREGIVER = "caregiver"
    FAMILY = "family"
    CLINICIAN = "clinician"


class Authority(StrEnum):
    """R9: on what ground the requester speaks for the patient."""

    SELF = "self"
    PERMISSION = "permission"
    GUARDIAN = "guardian"
    POWER_OF_ATTORNEY = "power_of_attorney"
    REFERRING_CLINICIAN = "referring_clinician"


BORN_LATER = N_("Enter a date of birth that is not in the future")


class Requester(Value):
    """Who asks (R9). Speaking for someone else needs a ground; a caregiver or relative also says what they are."""

    role: RequesterRole
    name: Line
    email: Email
    phone: Phone | None = None
    relationship: Line | None = None
    authority: Authority

    @model_validator(mode="after")
    def _speaks_with_authority(self) -> Self:
        required = {RequesterRole.PATIENT: Authority.SELF, RequesterRole.CLINICIAN: Authority.REFERRING_CLINICIAN}
        own_words = self.authority in (Authority.PERMISSION, Authority.GUARDIAN, Authority.POWER_OF_ATTORNEY)
        if not (self.authority is required[self.role] if self.role in required else own_words):
            raise ValueError(N_("Say on what ground you ask for this patient"))
        if self.role not in required and self.relationship is None:
            raise ValueError(N_("Say how you are related to the patient"))
        return self


class Patient(Value):
    """For whom. `country` is ISO 3166-1 alpha-2, `languages` are ISO 639 codes, the preferred one first.

    `latin_name` is the name as in the passport, where `name` is in another script.
    """

    name: Line
    latin_name: LatinName | None = None
    birth_date: date
    sex: Literal["female", "male", "other", "unknown"]
    country: Country
    languages: tuple[Language, ...] = Field(min_length=1, max_length=5)
    email: Email | None = None
    phone: Phone | None = None


class LocalPhysician(Value):
    """The doctor who treats the patient at home and gets the opinion too (R34)."""

    name: Line
    email: Email
    institution: Line | None = None
    country: Country | None = None


class Consent(Value):
    """The consent text in one version, signed by typing a name (R29: it covers both organisations)."""

    version: Version
    signed_name: Line
    accepted: Literal[True]


class Request(Value):
    """A complete request: what RequestSubmitted proves is here, or this doesn't construct."""

    path: Path
    stream: Stream = Stream.IN_PERSON
    requester: Requester
    patient: Patient
    contact: Literal["requester", "patient"] = "requester"
    local_physician: LocalPhysician | None = None
    cancer_type: Code
    surgery: Literal["yes", "no", "unsure"] = "unsure"
    story: Text | None = None
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=8)
    questions: tuple[AskedText, ...] = Field(default=(), max_length=20)
    interests: tuple[Code, ...] = Field(default=(), max_length=10)
    in_hospital: Literal["yes", "no"] | None = None
    hospital: Line | None = None
    guardian: Guardian | None = None
    may_be_told: tuple[Confidant, ...] = Field(default=(), max_length=10)
    call: CallTimes | None = None
    interpreter: Language | None = None
    diagnosis: Diagnosis | None = None
    heard_from: Code | None = None
    heard_more: Line | None = None
    declaration: Declaration | None = None
    emergency_notice_version: Version
    consent: Consent
    locale: Language = "en"

    @model_validator(mode="after")
    def _the_path_fits_who_asks(self) -> Self:
        by_clinician = self.requester.role is RequesterRole.CLINICIAN
        if by_clinician != (self.path is Path.REFERRAL):
            raise ValueError(N_("A referral is made by a clinician; anyone else asks for a new patient's appointment"))
        if self.contact == "patient" and self.patient.email is None and self.patient.phone is None:
            raise ValueError(N_("Give the patient's e-mail or phone, or choose to be contacted yourself"))
        if len(set(self.reasons)) != len(self.reasons):
            raise ValueError(N_("Name each reason once"))
        return self

    @property
    def has_guardian(self) -> bool:
        """Tell whether somebody answers for a patient under 18: a named guardian, or the requester as one."""
        return self.guardian is not None or self.requester.authority is Authority.GUARDIAN

    @property
    def surgery_advice(self) -> bool:
        """R4: possible surgery is advised in person. Advice beside the form, never a reason to refuse."""
        return self.surgery == "yes"


def check_request(request: Request, rules: Rules, today: date) -> None:
    """Raise Unacceptable unless codes are the programme's and the texts read are those in force (R3, R5, R18, R29)."""
    wrong = [f"This programme knows no reason {code}." for code in request.reasons if code not in rules.reasons]
    wrong += [f"This programme has no service {code}." for code in request.interests if code not in rules.catalogue]
    if request.patient.birth_date > today:
        wrong.append(BORN_LATER)
    elif is_minor(request.patient.birth_date, today) and not request.has_guardian:
        wrong.append(GUARDIAN_NEEDED)
    if request.cancer_type not in rules.cancer_types:
        wrong.append(f"{request.cancer_type} is no kind of cancer that this programme lists.")
    if request.consent.version != rules.text_version("consent"):
        wrong.append(N_("The consent text has changed. Please read it again and sign it."))
    if request.declaration and request.declaration.version != rules.text_version("clinician_authority"):
        wrong.append(N_("The declaration for clinicians has changed. Please read it again and sign it."))
    if request.emergency_notice_version != rules.text_version("emergency_notice"):
        wrong.append(N_("The emergency notice has changed. Please read it again."))
    if wrong:
        raise Unacceptable(wrong)
