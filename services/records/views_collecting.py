"""What is sent and shown of hospitals, helpers and answers: on the JSON interface and by forms."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

import pycountry
from pydantic import AfterValidator, BaseModel, Field

from services.records.domain import Authority, Helper, Provider, Relation
from shared.web import N_, Incoming


def _country(code: str) -> str:
    if pycountry.countries.get(alpha_2=code) is None:
        raise ValueError(N_("Choose the country from the list"))
    return code


Country = Annotated[str, Field(pattern="^[A-Z]{2}$"), AfterValidator(_country)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
AnyLanguage = Annotated[str, Field(pattern="^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]


class ProviderIn(Incoming):
    """A hospital or practice: ``contact`` is whatever reaches its records office; ``language``: of letters to it."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Write the name of the hospital or practice"),
        "country": N_("Choose the country from the list"),
        "language": N_("Choose the language from the list"),
    }
    name: Name
    country: Country
    contact: Annotated[str, Field(max_length=500)] = ""
    language: AnyLanguage

    def provider(self, id_: UUID) -> Provider:
        """Return it as the domain has it."""
        return Provider(id_, self.name, self.country, self.contact, self.language)


class Source(Incoming):
    """Who has an item, or that it was never made."""

    providers: Annotated[list[UUID], Field(max_length=30, default_factory=list)]
    never_made: bool = False


class Answers(Incoming):
    """Which of the programme's questions are answered, and how."""

    answers: Annotated[dict[str, bool], Field(max_length=30)]


class Inviting(Incoming):
    """Whom to let in: what they are to the patient, and what they may do."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Write the person's name"),
        "relation": N_("Choose what they are to the patient"),
        "authority": N_("Choose what they may do"),
    }
    name: Name
    relation: Relation
    authority: Authority


class ProviderView(BaseModel):
    """A provider; ``version`` is its ETag."""

    id: UUID
    name: str
    country: str
    contact: str
    language: str
    version: int

    @classmethod
    def of(cls, one: Provider) -> "ProviderView":
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class ProvidersView(BaseModel):
    """The case's providers."""

    providers: list[ProviderView]


class QuestionView(BaseModel):
    """A question of what exists, and what was answered so far."""

    code: str
    question: str
    answer: bool | None


class QuestionsView(BaseModel):
    """Every question that this programme asks."""

    questions: list[QuestionView]


class HelperView(BaseModel):
    """Somebody who was invited. The link that lets them in is for the patient's side alone, on its page."""

    id: UUID
    name: str
    relation: Relation
    authority: Authority
    invited_by: str
    invited_at: datetime
    expires_at: datetime
    came_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, one: Helper) -> "HelperView":
        return cls(
            id=one.id, name=one.name, relation=one.relation, authority=one.authority, invited_by=one.invited_by_name,
            invited_at=one.invited_at, expires_at=one.expires_at, came_at=one.came_at, revoked_at=one.revoked_at,
        )  # fmt: skip


class HelpersView(BaseModel):
    """Everybody who was invited, the latest first."""

    helpers: list[HelperView]
