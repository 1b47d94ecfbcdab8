"""One case's way through a running installation: each step by its own person, over the public interfaces."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from deploy.demo.people import TLS, Person, WentWrong, follow, link_in
from deploy.demo.story import LEAD, MANAGER, Story
from tests.intake.asking import CONSENT, a_request
from tests.support.installation import Installation, until

SIX = (
    "RequestSubmitted.v1", "ServicesConfirmed.v1", "PaymentReceived.v1", "RecordsComplete.v1", "SpecialistAssigned.v1",
    "OpinionDelivered.v1",
)  # fmt: skip


class Journey:
    """A case and its people. Steps wait for what the step before them set going, however long services are away."""

    def __init__(self, installation: Installation, *, name: str = "Amal Testfall", **words: Any) -> None:
        self.installation, self.words = installation, words
        mark = uuid4().hex[:12]
        self.story = Story(
            installation.places, patient_name=name, patient_mail=f"{mark}@patient.example",
            doctor_mail=f"{mark}@clinic.example",
        )  # fmt: skip
        self.patient: Person | None = None

    @property
    def case_id(self) -> str:
        return self.story.case_id

    def request(self) -> dict[str, Any]:
        """Return what the patient asks, as the form would send it."""
        name, mail = self.story.patient_name, self.story.patient_mail
        return a_request(
            requester={"role": "patient", "name": name, "email": mail, "authority": "self"},
            patient={"name": name, "birth_date": "1971-04-03", "sex": "female", "country": "JO", "languages": ["ar"]},
            local_physician={"name": "Dr Rami Hakim", "email": self.story.doctor_mail, "country": "JO"},
            reasons=["new_diagnosis"], questions=["Is there a way without surgery?"],
            consent={"version": CONSENT, "signed_name": name, "accepted": True},
        ) | self.words  # fmt: skip

    def asks(self) -> None:
        """The patient sends the request."""
        answer = httpx.post(
            f"{self.installation.places.pages}/api/intake/requests", json=self.request(), timeout=30,
            headers={"Idempotency-Key": uuid4().hex}, verify=TLS,
        )  # fmt: skip
        assert answer.status_code == 201, answer.text
        self.story.case_id = answer.json()["case_id"]

    def confirms(self) -> Person:
        """The advisor quotes; the patient follows the link in the mail and accepts. Returns the patient."""
        self.story.quote(["comprehensive"], 420_000)
        self.patient = self.story.enter_by_mail("quote")
        quote = self.patient.get(f"/api/intake/cases/{self.case_id}")["quotes"][-1]
        body = {"quote_id": quote["quote_id"], "revision": quote["revision"]}
        self.patient.send("POST", f"/api/intake/cases/{self.case_id}/accept", body)
        return self.patient

    def pays(self) -> None:
        """The patient pays by card, once the invoice is there."""
        patient = self._patient
        until(
            lambda: _there(lambda: patient.get(f"/api/billing/cases/{self.case_id}/invoices")["invoices"]), "an invoice"
        )
        self.story.pay_by_card(patient)

    def collects(self) -> None:
        """Patient, laboratory and case manager bring the materials together, and the summary is signed."""
        manager = self.story.as_staff(MANAGER)
        at = f"/api/records/cases/{self.case_id}/checklist"

        def drawn_up() -> bool:
            seen = _there(lambda: manager.get(at)) or {"case_manager": None}
            return bool(seen["case_manager"]) and "request" not in {one["code"] for one in seen["missing"]}

        until(drawn_up, "a case manager, and a checklist that won't grow")
        self.story.send_documents(self._patient)
        self.story.count_slides()
        self.story.review_documents()
        self.story.sign_summary()

    def is_taken(self) -> Person:
        """The clinical lead asks a specialist, who accepts. Returns the specialist."""
        lead = self.story.as_staff(LEAD)
        at = f"/api/matching/cases/{self.case_id}/candidates"
        until(lambda: _there(lambda: lead.get(at)["candidates"]), "candidates")
        return self.story.assign_specialist()

    def is_answered(self, specialist: Person) -> tuple[bytes, bytes]:
        """The specialist writes and signs. Returns the document as the patient and as the local physician get it."""
        self.story.sign_opinion(specialist, self.story.write_opinion(specialist))
        physician = follow(self.story.places, self.story.doctor_box.next(about="report"), "Dr Rami Hakim")
        self.story.people["physician"] = physician
        patient = self.story.enter_by_mail("report")
        return self.story.read_opinion(patient), self.story.read_opinion(physician)

    def to_payment(self) -> None:
        """Everything up to the payment."""
        self.asks()
        self.confirms()
        self.pays()

    def to_the_end(self) -> tuple[bytes, bytes]:
        """All of it."""
        self.to_payment()
        self.collects()
        return self.is_answered(self.is_taken())

    def withdraws(self, **headers: str) -> None:
        """The patient withdraws."""
        answer = self._patient.client.post(
            f"/api/intake/cases/{self.case_id}/withdraw", json={"reason": ""},
            headers={"Idempotency-Key": uuid4().hex, **headers},
        )  # fmt: skip
        assert answer.status_code == 200, answer.text

    def facts(self) -> list[str]:
        """Return the types of the case's facts in Kafka, each event once however often it stands there."""
        seen = {dict(record.headers)["ce_id"]: dict(record.headers) for record in self.installation.facts(self.case_id)}
        return [headers["ce_type"].decode() for headers in seen.values()]

    def is_written_to(self, about: str) -> dict[str, Any]:
        """Wait for the mail to the patient whose subject says this, and return it."""

        def look() -> dict[str, Any] | None:
            found = self.installation.mails(self.story.patient_mail)
            return next((one for one in found if re.search(about, one["subject"], re.IGNORECASE)), None)

        return until(look, f"mail about {about}")

    def close(self) -> None:
        """Let go of connections."""
        self.story.close()
        if self.patient is not None:
            self.patient.close()

    @property
    def _patient(self) -> Person:
        assert self.patient is not None
        return self.patient


def link_path(mail: dict[str, Any]) -> str:
    """Return the path of a mail's single-use link."""
    return urlsplit(link_in(mail)).path


def _there(ask: Callable[[], Any]) -> Any:
    """Return what can be read, or None while it can't."""
    try:
        return ask()
    except WentWrong:
        return None
