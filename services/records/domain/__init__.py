"""What a complete collection of materials is (R22-R29, M3): rules without I/O, clock or framework.

States that may not exist don't construct: nothing is accepted that is in another language without its translation, or
that nobody compared with the patient; nobody returns or waives without a reason and a name.
"""

from services.records.domain.collection import (
    NOT_LISTED,
    Collection,
    Missing,
    Summary,
    came_late,
    completeness,
    decided,
    describing,
    put_aside,
    receiving,
    refuse_unless_receiving,
    taken_in,
)
from services.records.domain.documents import (
    ENGLISH,
    NO_WORDS,
    Arrival,
    Document,
    DocumentId,
    IdentityCheck,
    Late,
    Verdict,
)
from services.records.domain.freshness import dated, fresh_until, lapsed, next_check, refuse_too_old
from services.records.domain.guides import (
    Absence,
    CaseManager,
    HandOver,
    HandOverKind,
    choose_manager,
    goes_back,
    refuse_absence,
)
from services.records.domain.items import (
    SETTLED,
    Asked,
    Decision,
    Item,
    ItemId,
    ItemState,
    Kind,
    Standing,
    tied,
)
from services.records.domain.parts import Part, Side
from services.records.domain.paths import tidy_path
from services.records.domain.people import N_, Person, Refused, Stale, Unknown
from services.records.domain.providers import Authority, Helper, Provider, Relation
from services.records.domain.slides import Counts, Leg, Shipment, owed_home, refuse_uncounted, slides_in
from services.records.domain.talks import LOCAL_PHYSICIAN, PATIENT, Message, Thread, threads

__all__ = [
    "ENGLISH",
    "LOCAL_PHYSICIAN",
    "NOT_LISTED",
    "NO_WORDS",
    "N_",
    "PATIENT",
    "SETTLED",
    "Absence",
    "Arrival",
    "Asked",
    "Authority",
    "CaseManager",
    "Collection",
    "Counts",
    "Decision",
    "Document",
    "DocumentId",
    "HandOver",
    "HandOverKind",
    "Helper",
    "IdentityCheck",
    "Item",
    "ItemId",
    "ItemState",
    "Kind",
    "Late",
    "Leg",
    "Message",
    "Missing",
    "Part",
    "Person",
    "Provider",
    "Refused",
    "Relation",
    "Shipment",
    "Side",
    "Stale",
    "Standing",
    "Summary",
    "Thread",
    "Unknown",
    "Verdict",
    "came_late",
    "choose_manager",
    "completeness",
    "dated",
    "decided",
    "describing",
    "fresh_until",
    "goes_back",
    "lapsed",
    "next_check",
    "owed_home",
    "put_aside",
    "receiving",
    "refuse_absence",
    "refuse_too_old",
    "refuse_uncounted",
    "refuse_unless_receiving",
    "slides_in",
    "taken_in",
    "threads",
    "tidy_path",
    "tied",
]  # fmt: skip
