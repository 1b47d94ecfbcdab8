"""What somebody may be here, and who somebody is. Workers know people too: this needs no web framework."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from shared.ids import CaseId
from shared.web.i18n import N_
from shared.web.problem import Problem


class Role(StrEnum):
    """What somebody, or a system, may be here."""

    PATIENT = "patient"
    REQUESTER = "requester"
    LOCAL_PHYSICIAN = "local_physician"
    FAMILY = "family"
    CARE_ADVISOR = "care_advisor"
    FINANCE = "finance"
    CASE_MANAGER = "case_manager"
    LAB = "lab"
    SPECIALIST = "specialist"
    CLINICAL_LEAD = "clinical_lead"
    SUPERVISOR = "supervisor"
    PRIVACY_OFFICER = "privacy_officer"
    PARTNER_SYSTEM = "partner_system"
    SERVICE = "service"


PATIENT_SIDE = frozenset({Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN})
INVITED = frozenset({Role.FAMILY})
"""Whom the patient's side let in to help with one thing: they reach what names them and nothing else."""
STAFF = frozenset(Role) - PATIENT_SIDE - INVITED - {Role.PARTNER_SYSTEM, Role.SERVICE}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a person with a session, or a system with a token. ``cases`` matters for patient-side roles only."""

    subject: str
    name: str
    roles: frozenset[Role] = frozenset()
    cases: frozenset[CaseId] = frozenset()
    locale: str | None = None

    @property
    def is_staff(self) -> bool:
        """Tell whether this is a member of staff of either organisation."""
        return not self.roles.isdisjoint(STAFF)

    @property
    def is_patient_side(self) -> bool:
        """Tell whether this person reaches the cases of their links alone."""
        return not self.roles.isdisjoint(PATIENT_SIDE | INVITED)

    @property
    def is_signed_in(self) -> bool:
        """Tell whether we know who this is."""
        return bool(self.roles)

    def has(self, *roles: Role) -> bool:
        """Tell whether any of ``roles`` is held."""
        return not self.roles.isdisjoint(roles)

    def require_case(self, case_id: UUID) -> None:
        """Raise ``Problem`` 404 when a patient-side principal is not of that case: what isn't yours doesn't exist."""
        if self.is_staff or self.has(Role.SERVICE, Role.PARTNER_SYSTEM):
            return
        if CaseId(case_id) not in self.cases:
            raise Problem(404, N_("No such case"), detail=N_("Open the newest link from our e-mails to see your case."))


NOBODY = Principal(subject="anonymous", name="")
