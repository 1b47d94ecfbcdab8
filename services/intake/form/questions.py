"""The questions of the form: what each page takes, and what it says when an answer is missing or can't be right."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from services.intake.circumstances import DayTime, Knowledge
from services.intake.domain import Authority, Path, RequesterRole, Stream
from services.intake.values import AskedText, Code, Country, Email, Language, LatinName, Line, Phone, Text
from services.intake.zones import Zone
from shared.web import Incoming
from shared.web.i18n import N_

WANTS_EMAIL = N_("Enter an e-mail address in the correct format, like name@example.com")


class Start(Incoming):
    """The emergency notice, before anything else (R5)."""

    sentences: ClassVar[dict[str, str]] = {"emergency_read": N_("Confirm that you have read the emergency notice")}
    emergency_read: Literal["yes"]
    emergency_notice_version: str


class WayIn(Incoming):
    """Which of the two paths (R8)."""

    sentences: ClassVar[dict[str, str]] = {"path": N_("Say who is asking")}
    path: Path


class Where(Incoming):
    """Remote or in person; no answer means in person (R7)."""

    stream: Stream = Stream.IN_PERSON


class Save(Incoming):
    """Where to send a link to come back by, if one is wanted."""

    sentences: ClassVar[dict[str, str]] = {"email": WANTS_EMAIL}
    email: Email | None = None


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


class PatientName(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": N_("Enter the patient's name")}
    name: Line


class Latin(Incoming):
    """The patient's name as in the passport; asked when it is written in another script."""

    sentences: ClassVar[dict[str, str]] = {"latin_name": N_("Enter the name in Latin letters, as in the passport")}
    latin_name: LatinName


class BirthDate(Incoming):
    sentences: ClassVar[dict[str, str]] = {"birth_date": N_("Enter the date of birth, such as 27 3 1978")}
    birth_date: date


class NamedGuardian(Incoming):
    """Who answers for a patient under 18."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Enter the guardian's name"),
        "relationship": N_("Say what the guardian is to the patient"),
    }
    name: Line
    relationship: Line


class Sex(Incoming):
    sentences: ClassVar[dict[str, str]] = {"sex": N_("Choose one of the answers")}
    sex: Literal["female", "male", "other", "unknown"]


class PatientCountry(Incoming):
    sentences: ClassVar[dict[str, str]] = {"country": N_("Choose the country where the patient lives")}
    country: Country


class Spoken(Incoming):
    sentences: ClassVar[dict[str, str]] = {"language": N_("Choose a language")}
    language: Language


class Interpreter(Incoming):
    """Whether an interpreter should join calls, and for which language (R11)."""

    sentences: ClassVar[dict[str, str]] = {"wanted": N_("Say whether you want an interpreter")}
    wanted: Literal["yes", "no"]
    interpreter: Language | None = Field(default=None, validate_default=True)

    @field_validator("interpreter")
    @classmethod
    def _for_a_language(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("wanted") == "yes" and value is None:
            raise ValueError(N_("Choose the interpreter's language"))
        return value


class PatientContact(WithPhone):
    """How to reach a patient who isn't the requester."""

    sentences: ClassVar[dict[str, str]] = {"email": WANTS_EMAIL, **WithPhone.sentences}
    email: Email | None = None


class Hospital(Incoming):
    """Whether the patient is in hospital now."""

    sentences: ClassVar[dict[str, str]] = {"in_hospital": N_("Say whether the patient is in hospital now")}
    in_hospital: Literal["yes", "no"]
    hospital: Line | None = None


class Kind(Incoming):
    """The kind of cancer: a code of the programme's table, or ``icd10cm:…`` or ``oncotree:…``."""

    sentences: ClassVar[dict[str, str]] = {
        "kind": N_("Choose the kind of cancer or blood disorder; you may say that you are not sure")
    }
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$|^(icd10cm|oncotree):[A-Za-z0-9._-]{1,40}$")]


class Reasons(Incoming):
    """Why (R3)."""

    sentences: ClassVar[dict[str, str]] = {"reasons": N_("Choose at least one reason")}
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=8)


class Surgery(Incoming):
    """Whether surgery may be needed, for the advice of R4."""

    sentences: ClassVar[dict[str, str]] = {"surgery": N_("Choose one of the answers")}
    surgery: Literal["yes", "no", "unsure"]


class Story(Incoming):
    story: Text | None = None


class NewQuestion(Incoming):
    """One question to the specialist: it will be answered, declined with a reason, or redirected (M10)."""

    sentences: ClassVar[dict[str, str]] = {"text": N_("Write your question first, or go on without")}
    text: AskedText


class NewConfidant(Incoming):
    """One person who may be told, and what."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Enter the person's name, or go on without"),
        "may_know": N_("Choose what this person may be told"),
    }
    name: Line
    relationship: Line | None = None
    may_know: tuple[Knowledge, ...] = Field(min_length=1, max_length=3)


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


class Heard(Incoming):
    heard_from: Code | None = None
    heard_more: Line | None = None


class Signed(Incoming):
    """A text in one version, agreed to and signed by typing a name."""

    sentences: ClassVar[dict[str, str]] = {"signed_name": N_("Type your full name to sign")}
    version: str
    accepted: Literal["yes"]
    signed_name: Line


class Declared(Signed):
    """A clinician's authority to refer this patient."""

    sentences: ClassVar[dict[str, str]] = {**Signed.sentences, "accepted": N_("Tick the box to declare this")}


class Agreement(Signed):
    """Consent for two organisations (R29)."""

    sentences: ClassVar[dict[str, str]] = {
        **Signed.sentences,
        "accepted": N_("Tick the box to agree; without consent we cannot start"),
    }


QUESTIONS: dict[str, type[Incoming]] = {
    "start": Start,
    "path": WayIn,
    "stream": Where,
    "save": Save,
    "role": Role,
    "relation": Relation,
    "ground": Ground,
    "your_name": OwnName,
    "your_email": OwnEmail,
    "your_country": OwnCountry,
    "your_phone": WithPhone,
    "contact": Contact,
    "call": Call,
    "patient_name": PatientName,
    "birth_date": BirthDate,
    "guardian": NamedGuardian,
    "sex": Sex,
    "patient_country": PatientCountry,
    "language": Spoken,
    "interpreter": Interpreter,
    "latin_name": Latin,
    "patient_contact": PatientContact,
    "hospital": Hospital,
    "cancer_type": Kind,
    "reasons": Reasons,
    "surgery": Surgery,
    "story": Story,
    "questions": NewQuestion,
    "services": Interests,
    "doctor": Doctor,
    "told": NewConfidant,
    "heard": Heard,
    "declaration": Declared,
    "consent": Agreement,
}
LISTS = frozenset({"questions", "told"})
"""Pages that gather entries one by one. Kept as ``{"items": [{"id": …, …}], "done": true}``."""

AT_MOST = {"questions": 20, "told": 10}
