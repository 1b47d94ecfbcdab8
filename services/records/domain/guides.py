"""Who guides a case: by language, time zone and load; nobody's case is left without while somebody is away (R22)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from services.records.domain.people import Refused

HOURS_THAT_WEIGH_AS_A_CASE = 4
"""So many hours between two clocks are as much in the way as one more case to carry: a planning figure of ours."""


@dataclass(frozen=True)
class CaseManager:
    """A member of the partner's roster, with the open cases they carry now."""

    subject: str
    name: str
    languages: frozenset[str]
    load: int
    zone: str = "UTC"
    away: bool = False


def hours_apart(zone: str, zones: Sequence[str], now: datetime) -> float:
    """Return how many hours lie between two clocks at this instant, the short way round; 0 when one isn't known."""
    if not zones:
        return 0
    here = _offset(zone, now)
    apart = (abs(here - _offset(other, now)) % 24 for other in zones)
    return min(min(one, 24 - one) for one in apart)


def _offset(zone: str, now: datetime) -> float:
    return (now.astimezone(ZoneInfo(zone)).utcoffset() or timedelta(0)) / timedelta(hours=1)


def choose_manager(
    roster: Iterable[CaseManager], languages: Sequence[str], zones: Sequence[str], now: datetime
) -> CaseManager | None:
    """Return who should guide a patient (R22), None when nobody is there to choose.

    Who is here goes before who is away, then who speaks their language; among these, the fewest open cases, where four
    hours between the clocks weigh as one case.
    """
    wanted = frozenset(languages)

    def burden(one: CaseManager) -> tuple[bool, bool, float, str]:
        apart = hours_apart(one.zone, zones, now) / HOURS_THAT_WEIGH_AS_A_CASE
        return one.away, not one.languages & wanted, one.load + apart, one.subject

    return min(roster, key=burden, default=None)


@dataclass(frozen=True)
class Absence:
    """From when to when a case manager is away, and who stands in; without a deputy, whom the rule chooses, case by case."""

    id: UUID
    manager: str
    manager_name: str
    deputy: str | None
    deputy_name: str | None
    starts_at: datetime
    ends_at: datetime
    began_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def last_day(self) -> date:
        """The last day on which they are away (UTC)."""
        return (self.ends_at - timedelta(microseconds=1)).date()


def refuse_absence(new: Absence, others: Iterable[Absence], now: datetime) -> None:
    """Refuse an absence that would leave cases with somebody who isn't there either."""
    if new.deputy == new.manager:
        raise Refused("Choose somebody else to stand in.")
    if new.ends_at <= max(new.starts_at, now):
        raise Refused("The absence must end after it begins, and not in the past.")
    for other in others:
        if other.starts_at >= new.ends_at or new.starts_at >= other.ends_at:
            continue
        if other.manager == new.manager:
            raise Refused(f"{new.manager_name} is away at that time already. End that absence first.")
        if new.deputy is not None and other.manager == new.deputy:
            raise Refused(f"{new.deputy_name} is away at that time too. Choose somebody else.")
        if other.deputy == new.manager:
            raise Refused(f"{new.manager_name} stands in for {other.manager_name} at that time. Change that first.")


class HandOverKind(StrEnum):
    """Why a case went from one case manager to another."""

    HANDED_OVER = "handed_over"
    ABSENCE = "absence"
    GIVEN_BACK = "given_back"
    LEFT = "left"


@dataclass(frozen=True)
class HandOver:
    """A case went on; ``by_name`` is None where the clock did it."""

    id: UUID
    kind: HandOverKind
    from_manager: str
    from_name: str
    to_manager: str
    to_name: str
    absence_id: UUID | None
    words: str
    by_name: str | None
    at: datetime


def goes_back(history: Sequence[HandOver], absence_id: UUID) -> bool:
    """Return whether a case, with its history from the oldest on, is still owed to who was away.

    Not when somebody handed it on by decision, nor when it went back to who had it before an earlier absence that was
    still running.
    """
    places = {one.absence_id: place for place, one in enumerate(history) if one.kind is HandOverKind.ABSENCE}
    if absence_id not in places:
        return False
    mine = places[absence_id]
    return not any(
        one.kind in (HandOverKind.HANDED_OVER, HandOverKind.LEFT)
        or (one.kind is HandOverKind.GIVEN_BACK and places.get(one.absence_id, mine) <= mine)
        for one in history[mine + 1 :]
    )
