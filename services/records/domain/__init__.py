"""What a complete collection of materials is (R22-R29, M3): rules without I/O, clock or framework.

States that may not exist don't construct: nothing is accepted that is in another language without its translation, or
that nobody compared with the patient; nobody returns or waives without a reason and a name.
"""

from services.records.domain.collection import (
    CaseManager,
    Collection,
    Missing,
    Summary,
    choose_manager,
    completeness,
    decided,
    describing,
    receiving,
)
from services.records.domain.items import (
    ENGLISH,
    NO_WORDS,
    SETTLED,
    Decision,
    Document,
    DocumentId,
    IdentityCheck,
    Item,
    ItemId,
    ItemState,
    Kind,
    tied,
)
from services.records.domain.people import N_, Person, Refused, Stale, Unknown
from services.records.domain.slides import Counts, Leg, Shipment, owed_home, refuse_uncounted, slides_in

__all__ = [
    "ENGLISH",
    "NO_WORDS",
    "N_",
    "SETTLED",
    "CaseManager",
    "Collection",
    "Counts",
    "Decision",
    "Document",
    "DocumentId",
    "IdentityCheck",
    "Item",
    "ItemId",
    "ItemState",
    "Kind",
    "Leg",
    "Missing",
    "Person",
    "Refused",
    "Shipment",
    "Stale",
    "Summary",
    "Unknown",
    "choose_manager",
    "completeness",
    "decided",
    "describing",
    "owed_home",
    "receiving",
    "refuse_uncounted",
    "slides_in",
    "tied",
]  # fmt: skip
