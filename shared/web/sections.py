"""What the desk's header offers to whom: the first page, the list of cases, and each role's own queues."""

from dataclasses import dataclass

from shared.web.principals import STAFF, Principal, Role


@dataclass(frozen=True, slots=True)
class Section:
    """A place on the desk, and who goes there."""

    title: str
    href: str
    roles: frozenset[Role]


def _queue(title: str, service: str, name: str, *roles: Role) -> Section:
    return Section(title, f"/desk/{service}/queues/{name}", frozenset(roles))


SECTIONS = (
    Section("Desk", "/desk", STAFF),
    Section("Cases", "/desk/cases", STAFF),
    _queue("Requests", "intake", "requests", Role.CARE_ADVISOR, Role.SUPERVISOR),
    _queue("Duplicates", "intake", "possible-duplicates", Role.CARE_ADVISOR, Role.SUPERVISOR),
    _queue("Set aside", "intake", "set-aside", Role.CARE_ADVISOR, Role.SUPERVISOR),
    _queue("Quotes", "intake", "quotes", Role.CARE_ADVISOR, Role.SUPERVISOR),
    _queue("Call-backs", "intake", "call-backs", Role.CARE_ADVISOR, Role.SUPERVISOR),
    _queue("Tasks", "intake", "tasks", Role.CARE_ADVISOR, Role.SUPERVISOR),
    Section("Interpreters", "/desk/interpreters", frozenset({Role.CARE_ADVISOR, Role.SUPERVISOR})),
    Section("Colleagues", "/desk/colleagues", frozenset({Role.CARE_ADVISOR, Role.SUPERVISOR})),
    Section("Billing", "/desk/billing", frozenset({Role.FINANCE, Role.SUPERVISOR})),
    _queue("Payments", "billing", "payments-to-match", Role.FINANCE, Role.SUPERVISOR),
    _queue("Refunds", "billing", "refunds-to-settle", Role.FINANCE, Role.SUPERVISOR),
    _queue("Second person", "billing", "refunds-to-confirm", Role.FINANCE, Role.SUPERVISOR),
    _queue("Disputes", "billing", "card-disputes", Role.FINANCE, Role.SUPERVISOR),
    _queue("Provider", "billing", "provider-differences", Role.FINANCE, Role.SUPERVISOR),
    _queue("Not paid", "billing", "unpaid-supplements", Role.CARE_ADVISOR, Role.SUPERVISOR),
    Section("Collecting", "/desk/records", frozenset({Role.CASE_MANAGER, Role.SUPERVISOR, Role.PRIVACY_OFFICER})),
    _queue("Materials", "records", "materials-to-review", Role.CASE_MANAGER),
    _queue("Questions", "records", "questions-to-answer", Role.CASE_MANAGER),
    _queue("Summaries", "records", "summaries-to-write", Role.CASE_MANAGER),
    _queue("Quiet patients", "records", "quiet-collections", Role.CASE_MANAGER),
    _queue("Slides in", "records", "slides-to-count", Role.LAB),
    _queue("Slides home", "records", "slides-to-return", Role.LAB),
    _queue("To match", "matching", "to-match", Role.CLINICAL_LEAD, Role.CASE_MANAGER),
    _queue("To deliver", "matching", "to-deliver", Role.CLINICAL_LEAD, Role.CASE_MANAGER),
    _queue("Offers", "matching", "my-offers", Role.SPECIALIST),
    _queue("Opinions", "matching", "to-write", Role.SPECIALIST),
    _queue("Calls", "notify", "call-instead", Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SUPERVISOR),
    Section("Parked", "/desk/intake/parked", frozenset({Role.SUPERVISOR})),
)
"""A test holds every queue in this table against the queue its service declares: name and roles."""


def sections_for(who: Principal) -> list[Section]:
    """Return what ``who`` may open, in the order of the work."""
    return [section for section in SECTIONS if not section.roles.isdisjoint(who.roles)]
