"""What a request is, what may happen to a case, and what a quote promises. Pure: no I/O, no clock, no framework.

A `Request` that exists is complete: it names who asks and for whom, says why, carries a signed consent and the
version of the emergency notice that was read. A `ServiceSelection` that exists obeys its programme's rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol, Self
from uuid import UUID

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
from services.intake.values import (
    N_,
    AskedText,
    Code,
    Country,
    Email,
    Language,
    LatinName,
    Line,
    Note,
    Phone,
    Text,
    Value,
    Version,
)
from shared.events import Money

__all__ = ["N_", "AskedText", "Code", "Country", "Email", "Language", "Line", "Note", "Phone", "Text", "Value"]


class Refused(Exception):
    """A step the rules don't allow now. The text is a sentence for the person who tried, and says what to do."""


class Unacceptable(Refused):
    """What was given breaks rules; `sentences` holds one for each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = tuple(sentences)


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


class Refusal(Protocol):
    """One broken programme rule, with the sentence that explains it."""

    @property
    def rule(self) -> str: ...
    @property
    def sentence(self) -> str: ...


class Rules(Protocol):
    """The part of a programme that judges a selection of services (R13-R17, R18: programme data, not code)."""

    @property
    def reasons(self) -> Mapping[str, object]: ...
    @property
    def cancer_types(self) -> Mapping[str, object]: ...
    @property
    def catalogue(self) -> Mapping[str, object]: ...
    def text_version(self, key: str) -> str: ...
    def check_selection(self, codes: Iterable[str]) -> Sequence[Refusal]: ...


@dataclass(frozen=True)
class ServiceSelection:
    """Catalogue codes that obey `rules`; anything else raises Unacceptable with a sentence each (R13-R17)."""

    codes: tuple[str, ...]
    rules: InitVar[Rules]

    def __post_init__(self, rules: Rules) -> None:
        if refusals := rules.check_selection(self.codes):
            raise Unacceptable([refusal.sentence for refusal in refusals])


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


class QuoteState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class PriceLine:
    """What one service costs in a quote, in minor units, beside the programme's sample price for it."""

    service: str
    sample_minor: int
    amount_minor: int


@dataclass(frozen=True)
class Quote:
    """An individual price for a selection (R19), good until `valid_until`. A new revision supersedes the one before.

    One that `supplements` an accepted revision adds the services of its `lines` to what was agreed: `services` is then
    the whole, and `price` is for what it adds. `adjustment_minor` is what the sum of the lines was changed by.
    """

    quote_id: UUID
    revision: int
    services: tuple[str, ...]
    price: Money
    valid_until: datetime
    offered_at: datetime
    offered_by: str
    note: str
    state: QuoteState
    lines: tuple[PriceLine, ...] = ()
    adjustment_minor: int = 0
    price_reason: str = ""
    supplements: int | None = None
    surgery_advice: bool = False
    settled_at: datetime | None = None
    decline_code: str | None = None
    decline_words: str = ""
    reminded_at: datetime | None = None

    @property
    def added(self) -> tuple[str, ...]:
        """What this revision brings: all of it, or what it adds to what was agreed."""
        return self.services if self.supplements is None else tuple(line.service for line in self.lines)

    def check_answerable(self, quote_id: UUID, revision: int, now: datetime) -> None:
        """Raise Refused unless this very revision is meant, still open and not past its date."""
        if (quote_id, revision) != (self.quote_id, self.revision) or self.state is QuoteState.SUPERSEDED:
            raise Refused(N_("There is a newer quote for this case. Please read it before you answer."))
        if self.state is QuoteState.EXPIRED or (self.state is QuoteState.OPEN and now >= self.valid_until):
            raise Refused(N_("This quote is no longer valid. Your care advisor will send you a new one."))
        if self.state is not QuoteState.OPEN:
            raise Refused(N_("This quote has already been answered."))


class Stage(StrEnum):
    """Where a case stands, as far as intake can tell from its own rows and the facts it was told."""

    REQUESTED = "requested"
    QUOTED = "quoted"
    CONFIRMED = "confirmed"
    PAID = "paid"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"
    CONTINUED = "continued"
    """It goes on in another case of the same patient."""


class Step(StrEnum):
    RECORD_CONTACT = "record the contact"
    MOVE_STREAM = "move the request"
    OFFER_QUOTE = "offer a quote"
    ADD_SERVICE = "add a service"
    ANSWER_QUOTE = "answer the quote"
    ASK_ABOUT_QUOTE = "ask about the quote"
    WITHDRAW = "withdraw the request"
    WORK = "work on the case"


_LIVE = frozenset(Stage) - {Stage.WITHDRAWN, Stage.CONTINUED}
MAY: dict[Step, frozenset[Stage]] = {
    Step.RECORD_CONTACT: frozenset({Stage.REQUESTED, Stage.QUOTED, Stage.CONFIRMED, Stage.PAID}),
    Step.MOVE_STREAM: frozenset({Stage.REQUESTED, Stage.QUOTED}),
    Step.OFFER_QUOTE: frozenset({Stage.REQUESTED, Stage.QUOTED}),
    Step.ADD_SERVICE: frozenset({Stage.CONFIRMED, Stage.PAID}),
    Step.ANSWER_QUOTE: _LIVE,
    Step.ASK_ABOUT_QUOTE: _LIVE - {Stage.DELIVERED},
    Step.WITHDRAW: _LIVE,
    Step.WORK: _LIVE,
}


def check_may(step: Step, stage: Stage) -> None:
    """Raise Refused when a case at `stage` can't take `step`; a withdrawn case takes none (R29, M13)."""
    if stage is Stage.WITHDRAWN:
        raise Refused(N_("This request was withdrawn; nothing more can be done with it."))
    if stage is Stage.CONTINUED:
        raise Refused(N_("This request goes on in another case of the same patient. Open that one."))
    if stage not in MAY[step]:
        raise Refused(f"It is not possible to {step.value} now: the case is {stage.value}.")


def check_move(now_in: Stream, to: Stream, reason: str) -> None:
    """R7: staff move a request over and back, each time with a reason; moving to where it is makes no history."""
    if now_in is to:
        raise Refused("The request is already in that stream.")
    if not reason.strip():
        raise Refused("Say why the request is moved.")


def check_merge(ends: Stage, goes_on: Stage) -> None:
    """Raise Refused unless a case at `ends` may go on in one at `goes_on`: before services were agreed, nothing else counts on it."""
    if Stage.CONTINUED in (ends, goes_on):
        raise Refused("One of them goes on in another case already. Compare with that one.")
    if Stage.WITHDRAWN in (ends, goes_on):
        raise Refused("One of them was withdrawn, and with it the consent. Keep them apart.")
    if ends not in (Stage.REQUESTED, Stage.QUOTED):
        raise Refused(
            f"Services were agreed in the case that would end: it is {ends.value}. Let the other one end instead."
        )
