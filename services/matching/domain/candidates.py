"""Who is a candidate for a case, in which order, and why; who is left out, and why (R30, M8, M9)."""

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from services.matching.domain.values import Value


class Discipline(StrEnum):
    ONCOLOGY = "oncology"
    PATHOLOGY = "pathology"
    RADIOLOGY = "radiology"
    INTEGRATIVE = "integrative"


def lead_discipline(specialties: Iterable[str]) -> Discipline:
    """Return who writes the opinion: an oncologist when any service calls for one (R13-R16, R30)."""
    wanted = set(specialties)
    order = (Discipline.ONCOLOGY, Discipline.PATHOLOGY, Discipline.RADIOLOGY, Discipline.INTEGRATIVE)
    return next((discipline for discipline in order if discipline in wanted), Discipline.ONCOLOGY)


class Conflicts(Value):
    """What a specialist declared once and for all; each entry rules out the cases it names (M9)."""

    institutions: tuple[str, ...] = ()
    physicians: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()


class Specialist(Value):
    """One entry of the roster with the load of this moment: ``open_cases`` counts work accepted or on offer now."""

    id: UUID
    subject: str
    name: str
    credentials: str
    discipline: Discipline
    subspecialties: tuple[str, ...] = ()
    languages: tuple[str, ...] = ("en",)
    capacity: Annotated[int, Field(ge=0)]
    open_cases: Annotated[int, Field(ge=0)] = 0
    recent_cases: Annotated[int, Field(ge=0)] = 0
    active: bool = True
    conflicts: Conflicts = Conflicts()

    @property
    def free(self) -> int:
        """How many more cases this specialist takes now."""
        return max(0, self.capacity - self.open_cases)


class CaseNeeds(Value):
    """What matters for choosing, fetched from its owner at the moment of use and kept nowhere."""

    discipline: Discipline
    cancer_type: str
    patient: str = ""
    languages: tuple[str, ...] = ()
    physician: str = ""
    institution: str = ""


class Reason(Value):
    """One part of a score. The sentence names no diagnosis: it is kept with the offer as the record of the choice."""

    code: Literal["expertise", "load", "fairness", "language"]
    points: int
    sentence: str


class Candidate(Value):
    specialist: Specialist
    reasons: tuple[Reason, ...]

    @property
    def score(self) -> int:
        """Out of 100."""
        return sum(reason.points for reason in self.reasons)


class Excluded(Value):
    specialist: Specialist
    sentence: str


class Ranking(Value):
    candidates: tuple[Candidate, ...]
    excluded: tuple[Excluded, ...]


def rank(case: CaseNeeds, roster: Iterable[Specialist], already: dict[UUID, str] | None = None) -> Ranking:
    """Order the specialists of the needed discipline, best first, with reasons; say who is left out, and why (M8).

    ``already`` maps a specialist to what became of an earlier offer of this case: they aren't asked again.
    """
    peers = sorted(
        (one for one in roster if one.discipline == case.discipline), key=lambda one: (one.name, str(one.id))
    )
    candidates, excluded = [], []
    for one in peers:
        obstacle = obstacle_to(case, one, (already or {}).get(one.id))
        if obstacle:
            excluded.append(Excluded(specialist=one, sentence=obstacle))
        else:
            candidates.append(Candidate(specialist=one, reasons=_reasons(case, one, peers)))
    candidates.sort(key=lambda candidate: (-candidate.score, candidate.specialist.recent_cases))
    return Ranking(candidates=tuple(candidates), excluded=tuple(excluded))


def obstacle_to(case: CaseNeeds, one: Specialist, earlier: str | None = None) -> str | None:
    """Return why this specialist can't have this case, or ``None``. A conflict holds at any load (M9)."""
    if conflict := _conflict(case, one):
        return f"Conflict of interest: declared {conflict}."
    if earlier:
        return f"Was asked before and {earlier}."
    if not one.active:
        return "Away at present."
    if one.free == 0:
        return f"No room: {one.open_cases} of {one.capacity} places are taken."
    return None


def _conflict(case: CaseNeeds, one: Specialist) -> str | None:
    if any(_same_institution(case.institution, known) for known in one.conflicts.institutions):
        return "a tie to the treating institution"
    if any(_same_person(case.physician, known) for known in (one.name, *one.conflicts.physicians)):
        return "a tie to the treating physician"
    if any(_same_person(case.patient, known) for known in (one.name, *one.conflicts.relations)):
        return "a personal relation to the patient"
    return None


def _reasons(case: CaseNeeds, one: Specialist, peers: list[Specialist]) -> tuple[Reason, ...]:
    busiest = max(peer.recent_cases for peer in peers)
    shared = _words(" ".join(case.languages)) & _words(" ".join(one.languages)) - {"en"}
    load = round(20 * one.free / one.capacity)
    fairness = 15 if busiest == 0 else round(15 * (1 - one.recent_cases / busiest))
    language = "Speaks the patient's language." if shared else "Works in English; no language in common but English."
    return (
        _expertise(case, one),
        Reason(code="load", points=load, sentence=f"{one.free} of {one.capacity} places are free."),
        Reason(code="fairness", points=fairness, sentence=f"Accepted {one.recent_cases} cases in the last 90 days."),
        Reason(code="language", points=5 if shared else 0, sentence=language),
    )


def _expertise(case: CaseNeeds, one: Specialist) -> Reason:
    tumour = _words(case.cancer_type) - _TUMOUR_NOISE
    for subspecialty in one.subspecialties:
        known = _words(subspecialty) - _TUMOUR_NOISE
        if known and known <= tumour:
            return Reason(code="expertise", points=60, sentence="Subspecialty is this very tumour.")
    if any((_words(subspecialty) - _TUMOUR_NOISE) & tumour for subspecialty in one.subspecialties):
        return Reason(code="expertise", points=40, sentence="Subspecialty is close to this tumour.")
    if "general" in one.subspecialties:
        return Reason(code="expertise", points=20, sentence="Sees tumours of many kinds.")
    return Reason(code="expertise", points=0, sentence="Subspecialty is another one.")


_TUMOUR_NOISE = frozenset(
    {"cancer", "tumour", "tumor", "carcinoma", "disease", "of", "the", "and", "or", "other", "general"}
)
_TITLES = frozenset({"dr", "prof", "professor", "md", "phd", "mr", "mrs", "ms"})


def _words(text: str) -> frozenset[str]:
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return frozenset(re.findall(r"[^\W_]+", bare))


def _same_person(named: str, known: str) -> bool:
    """Say whether the longer name holds all words (two at least) of the shorter, whatever the order or accents."""
    shorter, longer = sorted((_words(named) - _TITLES, _words(known) - _TITLES), key=len)
    return shorter == longer != frozenset() or (len(shorter) >= 2 and shorter <= longer)


def _same_institution(named: str, known: str) -> bool:
    shorter, longer = sorted((_words(named) - {"the", "of"}, _words(known) - {"the", "of"}), key=len)
    return shorter == longer != frozenset() or (len(shorter) >= 2 and shorter <= longer)


def same_name(typed: str, name: str) -> bool:
    """Say whether both are the same person's full name; titles, accents, case and order don't count."""
    return _words(typed) - _TITLES == _words(name) - _TITLES != frozenset()
