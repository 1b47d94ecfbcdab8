"""What matching asks intake about a case, at the moment of use: the patient, the tumour, the questions."""

from datetime import date

from pydantic import BaseModel

from services.matching.domain.candidates import CaseNeeds, Discipline
from services.matching.domain.opinions import Question
from shared.ids import CaseId
from shared.peers import Peers


class Patient(BaseModel):
    name: str
    birth_date: date | None = None
    sex: str | None = None
    country: str | None = None
    languages: tuple[str, ...] | None = ()


class LocalPhysician(BaseModel):
    name: str
    country: str | None = None
    institution: str | None = None

    @property
    def full(self) -> str:
        """Name and institution, as they stand on a letter."""
        return ", ".join(part for part in (self.name, self.institution) if part)


class Brief(BaseModel):
    """One case in intake's words; never stored here."""

    case_number: str
    patient: Patient
    cancer_type: str | None = None
    reasons: tuple[str, ...] = ()
    story: str | None = None
    questions: tuple[Question, ...] = ()
    local_physician: LocalPhysician | None = None
    withdrawn: bool = False

    def needs(self, discipline: Discipline) -> CaseNeeds:
        """Return what matters for choosing a specialist."""
        doctor = self.local_physician
        return CaseNeeds(
            discipline=discipline, cancer_type=self.cancer_type or "", patient=self.patient.name,
            languages=self.patient.languages or (), physician=doctor.name if doctor else "",
            institution=(doctor.institution or "") if doctor else "",
        )  # fmt: skip


async def brief_of(peers: Peers, case_id: CaseId) -> Brief:
    """Return the case's brief; raises ``PeerProblem``."""
    return Brief.model_validate(await peers.get("intake", f"/cases/{case_id}/brief"))


async def locale_of(peers: Peers, case_id: CaseId) -> str:
    """Return the language in which the patient's side reads; raises ``PeerProblem``."""
    return str((await peers.get("intake", f"/cases/{case_id}/contacts")).get("locale") or "en")
