"""What becomes of an offer: accepted with a declaration, declined with a reason, or expired (R30, M8, M9)."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import AwareDatetime

from services.matching.domain.candidates import Discipline
from services.matching.domain.values import Refused, Value
from shared.ids import CaseId

DECLARATION = (
    "I have no financial, professional or personal relation to the patient, the treating physician or the treating "
    "institution that could sway my opinion, and I will say so at once if I find one."
)


class OfferState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Offer(Value):
    """One specialist asked about one case; ``expires_at`` is set from the offer on, ``decided_at`` at its end."""

    id: UUID
    case_id: CaseId
    discipline: Discipline
    specialist_id: UUID
    rank: int
    state: OfferState
    expires_at: AwareDatetime | None = None
    decided_at: AwareDatetime | None = None
    reason: str = ""

    def accept(self, no_conflict: bool, now: datetime) -> "Offer":
        """Take the case. Refused without the declaration (M9), after the clock ran out, or once it is decided."""
        self._must_be_open(now)
        if not no_conflict:
            raise Refused("Declare that you have no conflict of interest, or decline and say which one you have.")
        return self.model_copy(update={"state": OfferState.ACCEPTED, "decided_at": now})

    def decline(self, reason: str, now: datetime) -> "Offer":
        """Hand the case back with a reason, so that the next one is asked."""
        self._must_be_open(now)
        if not reason.strip():
            raise Refused("Say in a few words why you decline: it helps the choice of the next specialist.")
        return self.model_copy(update={"state": OfferState.DECLINED, "decided_at": now, "reason": reason.strip()})

    def expire(self, now: datetime) -> "Offer":
        """Close an offer that nobody answered in time; unchanged while its clock still runs or once it is decided."""
        if self.state is not OfferState.OFFERED or self.expires_at is None or now < self.expires_at:
            return self
        return self.model_copy(update={"state": OfferState.EXPIRED, "decided_at": now})

    def _must_be_open(self, now: datetime) -> None:
        if self.state is not OfferState.OFFERED:
            raise Refused(f"This offer is closed ({self.state}). Open your list to see what is on offer now.")
        if self.expires_at is not None and now >= self.expires_at:
            raise Refused("The time for this offer has run out; it goes to the next specialist.")
