"""What matching's JSON interface takes and gives."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from services.matching.domain.candidates import Candidate, Excluded, Specialist
from services.matching.domain.offers import DECLARATION, Offer
from services.matching.domain.opinions import SECTIONS, Answer, Gap, OpinionText, Outcome, Prose, Question, gaps
from services.matching.store import opinions
from shared.web import Incoming


class CandidateView(BaseModel):
    specialist_id: UUID
    name: str
    credentials: str
    score: int
    reasons: list[dict[str, Any]]

    @classmethod
    def of(cls, one: Candidate) -> "CandidateView":
        return cls(
            specialist_id=one.specialist.id, name=one.specialist.name, credentials=one.specialist.credentials,
            score=one.score, reasons=[reason.model_dump() for reason in one.reasons],
        )  # fmt: skip


class ExcludedView(BaseModel):
    specialist_id: UUID
    name: str
    reason: str

    @classmethod
    def of(cls, one: Excluded) -> "ExcludedView":
        return cls(specialist_id=one.specialist.id, name=one.specialist.name, reason=one.sentence)


class RankingView(BaseModel):
    discipline: str
    candidates: list[CandidateView]
    excluded: list[ExcludedView]


class OfferView(BaseModel):
    id: UUID
    case_id: UUID
    specialist_id: UUID
    rank: int
    state: str
    expires_at: datetime | None
    decided_at: datetime | None
    reason: str

    @classmethod
    def of(cls, one: Offer) -> "OfferView":
        return cls(**one.model_dump(exclude={"discipline"}))


class OffersView(BaseModel):
    declaration: str = DECLARATION
    offers: list[OfferView]


class Shortlist(Incoming):
    """Whom to ask, the first one first."""

    specialist_ids: Annotated[list[UUID], Field(min_length=1, max_length=20)]


class Acceptance(Incoming):
    no_conflict: bool


class Declining(Incoming):
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Accepted(BaseModel):
    assignment_id: UUID


class AnswerIn(Incoming):
    question_id: Annotated[str, Field(max_length=64)]
    outcome: Outcome | None = None
    text: Prose = ""


class Sections(Incoming):
    """The opinion's prose as it comes in; any part may be empty."""

    received: Prose = ""
    history: Prose = ""
    assessment: Prose = ""
    plan: Prose = ""
    limits: Prose = ""

    def text_with(self, answers: Iterable[Answer]) -> OpinionText:
        """Return it as the rules know it."""
        return OpinionText(**{key: getattr(self, key) for key in SECTIONS}, answers=tuple(answers))


class OpinionIn(Sections):
    """All that the specialist wrote so far; any part may be empty."""

    answers: Annotated[list[AnswerIn], Field(max_length=50)] = Field(default_factory=list)

    def text(self) -> OpinionText:
        """Return it as the rules know it."""
        return self.text_with(Answer(**one.model_dump()) for one in self.answers)


class OpinionView(BaseModel):
    opinion_id: UUID
    version: int
    revision: int
    state: str
    text: OpinionText
    questions: list[Question]
    gaps: list[Gap]
    signed_at: datetime | None
    delivered_at: datetime | None
    document_sha256: str | None

    @classmethod
    def of(cls, one: opinions.Opinion, questions: tuple[Question, ...] = ()) -> "OpinionView":
        asked = one.questions or questions
        return cls(
            opinion_id=one.id, version=one.version, revision=one.revision, state=one.state, text=one.text,
            questions=list(asked), gaps=list(gaps(one.text, asked)), signed_at=one.signed_at,
            delivered_at=one.delivered_at, document_sha256=one.sha256,
        )  # fmt: skip


class Signature(Incoming):
    name: Annotated[str, Field(min_length=1, max_length=200)]
    confirm: bool


class Correction(Incoming):
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


class SpecialistView(BaseModel):
    specialist_id: UUID
    subject: str
    name: str
    credentials: str

    @classmethod
    def of(cls, one: Specialist) -> "SpecialistView":
        return cls(specialist_id=one.id, subject=one.subject, name=one.name, credentials=one.credentials)


class Done(BaseModel):
    done: bool = True
