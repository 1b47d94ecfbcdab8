"""What is sent and shown at the case manager's desk: the worklist, threads, reminders, who guides whom."""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from services.records.domain import Absence, CaseManager, HandOver, Message, Thread
from services.records.domain.worklist import Line, Waits
from services.records.talking import Audience, Template
from services.records.views import Words
from shared.web import N_, Incoming

Party = Annotated[str, Field(max_length=60, pattern="^(patient|local_physician|helper:[0-9a-f-]{36})$")]


class Write(Incoming):
    """A message in a thread; ``party`` says whose thread, for the desk alone."""

    sentences: ClassVar[dict[str, str]] = {"text": N_("Write your question or answer first.")}
    text: Words
    party: Party = "patient"


class Reading(Incoming):
    """Whose thread was read, for the desk alone."""

    party: Party = "patient"


class Chasing(Incoming):
    """Which reminder goes to whom."""

    template: Template
    audience: Audience = "requester"


class HandingOver(Incoming):
    """To whom a case goes for good, with words for them."""

    sentences: ClassVar[dict[str, str]] = {"to": "Choose a colleague from the list"}
    to: Annotated[str, Field(min_length=1, max_length=200)]
    words: Annotated[str, Field(max_length=2000)] = ""


class BeingAway(Incoming):
    """The first and the last day of an absence (UTC), and who stands in; nobody: whom the rule chooses."""

    sentences: ClassVar[dict[str, str]] = {
        "manager": "Choose who is away",
        "first_day": "Enter the first day of the absence",
        "last_day": "Enter the last day of the absence",
    }
    manager: Annotated[str, Field(min_length=1, max_length=200)]
    first_day: date
    last_day: date
    deputy: Annotated[str, Field(max_length=200)] | None = None


class MessageView(BaseModel):
    """One message of a thread."""

    id: UUID
    side: Literal["desk", "sender"]
    by: str
    text: str
    at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, one: Message) -> "MessageView":
        side: Literal["desk", "sender"] = "desk" if one.from_desk else "sender"
        return cls(id=one.id, side=side, by=one.by_name, text=one.text, at=one.at, read_at=one.read_at)


class ThreadView(BaseModel):
    """What one sender and the case manager said about one line."""

    item_id: UUID
    party: str
    messages: list[MessageView]

    @classmethod
    def of(cls, one: Thread) -> "ThreadView":
        return cls(item_id=one.item_id, party=one.party, messages=[MessageView.of(said) for said in one.messages])


class ThreadsView(BaseModel):
    """The threads of a case that the reader may see."""

    threads: list[ThreadView]


class WorkView(BaseModel):
    """One case on the worklist."""

    case_id: UUID
    case_number: str | None
    case_manager: str
    waits: list[Waits]
    missing: list[str]
    since: datetime
    heard_at: datetime
    opened_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, one: Line) -> "WorkView":
        return cls(
            case_id=one.case_id, case_number=one.case_number, case_manager=one.manager_name, waits=list(one.waits),
            missing=sorted(one.missing), since=one.since, heard_at=one.heard_at, opened_at=one.opened_at,
            completed_at=one.completed_at,
        )  # fmt: skip


class WorklistView(BaseModel):
    """The cases that the query shows, in its order, and how many that is."""

    total: int
    cases: list[WorkView]


class ManagerView(BaseModel):
    """A case manager: languages, clock, and how many open cases they carry."""

    subject: str
    name: str
    languages: list[str]
    zone: str
    load: int
    away: bool

    @classmethod
    def of(cls, one: CaseManager) -> "ManagerView":
        return cls(
            subject=one.subject,
            name=one.name,
            languages=sorted(one.languages),
            zone=one.zone,
            load=one.load,
            away=one.away,
        )


class AbsenceView(BaseModel):
    """An absence that hasn't ended."""

    id: UUID
    manager: str
    deputy: str | None
    starts_at: datetime
    ends_at: datetime
    began_at: datetime | None

    @classmethod
    def of(cls, one: Absence) -> "AbsenceView":
        return cls(
            id=one.id, manager=one.manager_name, deputy=one.deputy_name, starts_at=one.starts_at, ends_at=one.ends_at,
            began_at=one.began_at,
        )  # fmt: skip


class ManagersView(BaseModel):
    """The roster, and who is or will be away."""

    managers: list[ManagerView]
    absences: list[AbsenceView]


class HandOverView(BaseModel):
    """A case went from one case manager to another; ``by`` is null where the clock did it."""

    kind: str
    giver: str
    receiver: str
    words: str
    by: str | None
    at: datetime

    @classmethod
    def of(cls, one: HandOver) -> "HandOverView":
        return cls(
            kind=one.kind, giver=one.from_name, receiver=one.to_name, words=one.words, by=one.by_name, at=one.at
        )  # fmt: skip


class HandOversView(BaseModel):
    """How a case went on, the oldest first."""

    hand_overs: list[HandOverView]
