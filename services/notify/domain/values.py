"""The words in which a case is told: how far it has come, whose move it is, what that move is."""

from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.events import Money, ProgrammeRef


class Stage(StrEnum):
    """How far a case has come."""

    ANNOUNCED = "announced"
    REQUESTED = "requested"
    QUOTED = "quoted"
    DECLINED = "declined"
    CONFIRMED = "confirmed"
    PAID = "paid"
    COLLECTING = "collecting"
    COMPLETE = "complete"
    ASSIGNED = "assigned"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"


class Actor(StrEnum):
    """Who has the next move."""

    REQUESTER = "requester"
    CARE_ADVISOR = "care_advisor"
    FINANCE = "finance"
    CASE_MANAGER = "case_manager"
    CLINICAL_TEAM = "clinical_team"
    SPECIALIST = "specialist"
    LOCAL_PHYSICIAN = "local_physician"


class Action(StrEnum):
    """What the next move is."""

    REGISTER = "register"
    CONTACT = "contact"
    ACCEPT_QUOTE = "accept_quote"
    RENEW_QUOTE = "renew_quote"
    OFFER_AGAIN = "offer_again"
    PAY = "pay"
    ASSIGN_CASE_MANAGER = "assign_case_manager"
    SEND_MATERIALS = "send_materials"
    FIND_SPECIALIST = "find_specialist"
    WRITE_OPINION = "write_opinion"
    DISCUSS_OPINION = "discuss_opinion"
    ANSWER_QUESTIONS = "answer_questions"
    REFUND = "refund"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Step(_Value):
    """One move that is awaited. ``by`` is a tracked clock; ``earliest`` is the near end of a target window (R32)."""

    actor: Actor
    action: Action
    by: AwareDatetime | None = None
    earliest: AwareDatetime | None = None
    overdue: bool = False


class Entry(_Value):
    """One line of a case's history."""

    fact: str
    at: AwareDatetime
    money: Money | None = None
    due: AwareDatetime | None = None


class Timeline(_Value):
    """A case as it stands: the first of ``next`` is what it waits for; an empty ``next`` means that nothing is owed."""

    stage: Stage
    case_number: str | None
    programme: ProgrammeRef | None
    entries: tuple[Entry, ...]
    next: tuple[Step, ...]

    def without_amounts(self) -> "Timeline":
        """Return it for somebody to whom it is no business what the case costs."""
        told = tuple(entry.model_copy(update={"money": None}) for entry in self.entries)
        return self.model_copy(update={"entries": told})
