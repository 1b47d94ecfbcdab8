"""The steps of one case by the public JSON interfaces, each as the person whose step it is."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx

from deploy.demo.askers import DOCTOR_MAIL, PATIENT
from deploy.demo.files import letter
from deploy.demo.people import PATIENCE, TLS, Mailbox, Person, WentWrong, follow, staff
from deploy.demo.places import Places

ADVISOR, MANAGER, LAB, LEAD = "Ada Winter", "Mara Lindqvist", "Lena Brook", "Dr Vera Stahl"
SPECIALISTS = {"staff-imani": "Dr Imani Okafor", "staff-yusuf": "Dr Yusuf Demir"}
CARD = {"card": "4242 4242 4242 4242", "expiry": "12/34", "code": "123"}


@dataclass
class Story:
    """One case as its people live through it. ``case_id`` is known once the patient has followed the first link."""

    places: Places
    patient_name: str = PATIENT.name
    patient_mail: str = PATIENT.mail
    doctor_mail: str = DOCTOR_MAIL
    case_id: str = ""
    people: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.patient_box = Mailbox(self.places, self.patient_mail)
        self.doctor_box = Mailbox(self.places, self.doctor_mail)

    def as_staff(self, name: str) -> Person:
        """Return a member of staff, signed in once."""
        if name not in self.people:
            self.people[name] = staff(self.places, name)
        return self.people[name]

    def manager(self) -> Person:
        """Return the case's own case manager."""
        return self.as_staff(self.as_staff(MANAGER).get(f"{self._records}/checklist")["case_manager"])

    @property
    def _records(self) -> str:
        return f"/api/records/cases/{self.case_id}"

    @property
    def _matching(self) -> str:
        return f"/api/matching/cases/{self.case_id}"

    def enter_by_mail(self, about: str) -> Person:
        """Follow the newest message's link as the patient."""
        patient = follow(self.places, self.patient_box.next(about=about), self.patient_name)
        self.people[self.patient_name] = patient
        self.case_id = patient.landed.split("/cases/")[1].split("/")[0].split("?")[0]
        return patient

    def quote(self, services: list[str], amount_minor: int) -> None:
        """The advisor confirms services at an individual price."""
        body = {"services": services, "price": {"amount_minor": amount_minor, "currency": "USD"}}
        self.as_staff(ADVISOR).send("POST", f"/api/intake/cases/{self.case_id}/quotes", body)

    def pay_by_card(self, patient: Person) -> None:
        """The patient pays on the provider's own page."""
        invoices = patient.get(f"/api/billing/cases/{self.case_id}/invoices")
        invoice = (invoices["invoices"] if isinstance(invoices, dict) else invoices)[-1]
        at = f"/api/billing/cases/{self.case_id}/invoices/{invoice['id']}/checkout"
        page = patient.send("POST", at)["url"]
        answer = httpx.post(page, data=CARD, timeout=20, verify=TLS)
        if answer.status_code != 303:
            raise WentWrong(f"the card provider answered {answer.status_code}")

    def send_documents(self, patient: Person, *, but: Mapping[str, str] = MappingProxyType({})) -> None:
        """The patient uploads one file per needed item and writes down the parcel of slides; all is looked at.

        ``but``: names of files, by the codes of items, that are on their way already.
        """
        for item in self._whole_checklist(patient):
            if item["kind"] == "slides":
                manifest = {"leg": "to_laboratory", "slides": 12, "courier": "Example Courier", "tracking": "EX123"}
                patient.send("POST", f"{self._records}/parcels", manifest)
            elif item["needed"] and item["code"] not in but:
                path = f"{self._records}/items/{item['id']}/documents/{uuid4()}"
                words = f"A made-up document of a made-up patient: {item['code']}"
                patient.send("PUT", path, params={"name": f"{item['code']}.pdf"}, content=letter(words))
        self._wait_until_looked_at(patient, set(but.values()))

    def _wait_until_looked_at(self, sender: Person, names: set[str]) -> None:
        """Wait until each file was found to be what it says; until then only its sender may see it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            sent = sender.get(f"{self._records}/uploads")["sent"]
            if refused := [one["sentence"] for one in sent if one["verdict"] in ("quarantined", "skipped")]:
                raise WentWrong(f"a file was not taken in: {refused[0]}")
            if all(one["verdict"] == "clean" for one in sent) and names <= {one["name"] for one in sent}:
                return
            time.sleep(0.05)
        raise WentWrong(f"files of case {self.case_id} were not looked at within {PATIENCE:.0f} s")

    def _whole_checklist(self, reader: Person) -> list[dict[str, Any]]:
        """Return the items once records has read the request: until then the checklist may still grow."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            seen = reader.get(f"{self._records}/checklist")
            if "request" not in {one["code"] for one in seen["missing"]}:
                items: list[dict[str, Any]] = seen["items"]
                return items
            time.sleep(0.05)
        raise WentWrong(f"the checklist of case {self.case_id} was not drawn up within {PATIENCE:.0f} s")

    def item_ids(self, patient: Person) -> dict[str, str]:
        """Return the checklist's items: ids by codes."""
        return {item["code"]: item["id"] for item in self._whole_checklist(patient)}

    def what_came(self, patient: Person) -> list[str]:
        """Say what was found in archives, which scans there are, and what is wrong with them, as their sender reads it."""
        said = []
        for one in patient.get(f"{self._records}/uploads")["sent"]:
            if files := one["files"]:
                rest = ", ".join(f"{count} {code}" for code, count in sorted(files.items()) if code != "clean")
                said.append(f"{one['name']}: {files.get('clean', 0)} files are kept, the rest is not ({rest})")
        found = patient.get(f"{self._records}/imaging")
        for study in found["studies"]:
            said += [
                f"{study['description']}, {study['date']}: {one['modality']} {one['description']}, {one['images']} images,"
                f" slices of {one['thickness']} mm" for one in study["series"]
            ]  # fmt: skip
        return said + ([defect["sentence"] for defect in found["defects"]] or ["nothing is wrong with the scans"])

    def count_slides(self) -> None:
        """The laboratory counts what came."""
        lab = self.as_staff(LAB)
        for parcel in lab.get(f"{self._records}/checklist")["parcels"]:
            body = {"slides": parcel["expected_slides"], "blocks": parcel["expected_blocks"]}
            lab.send("POST", f"{self._records}/parcels/{parcel['id']}/count", body)

    def review_documents(self) -> None:
        """The case manager notes language and identity, accepts what came, and waives the rest in their own name."""
        manager, today = self.manager(), datetime.now(UTC).date().isoformat()
        known = {"language": "en", "pages": 1, "dated_on": today}
        for item in manager.get(f"{self._records}/checklist")["items"]:
            version = item["version"]
            at = f"{self._records}/items/{item['id']}"
            for document in item["documents"]:
                place = f"{self._records}/documents/{document['id']}"
                version = manager.send("PATCH", place, known, version=version)["version"]
                same = {"name_matches": True, "birth_date_matches": True}
                version = manager.send("POST", f"{place}/identity", same, version=version)["version"]
            if item["documents"] or item["kind"] == "slides":
                manager.send("POST", f"{at}/accept", {}, version=version)
            elif item["needed"]:
                manager.send("POST", f"{at}/waive", {"reason": "Not to be had."}, version=version)

    def sign_summary(self) -> None:
        """The case manager writes and signs the summary for the specialist."""
        manager = self.manager()
        words = {"text": "A made-up summary: what happened, in which order, and what is asked."}
        version = manager.send("PUT", f"{self._records}/summary", words, version=0)["version"]
        manager.send("POST", f"{self._records}/summary/signature", {}, version=version)

    def assign_specialist(self) -> Person:
        """The clinical lead asks the best candidates; one of them accepts."""
        lead = self.as_staff(LEAD)
        candidates = lead.get(f"{self._matching}/candidates")["candidates"]
        able = [one for one in candidates if one.get("name") in SPECIALISTS.values()]
        if not able:
            raise WentWrong(f"none of the demo's specialists is a candidate: {json.dumps(candidates)[:300]}")
        lead.send("POST", f"{self._matching}/offers", {"specialist_ids": [able[0]["specialist_id"]]})
        specialist = self.as_staff(able[0]["name"])
        offer = next(
            one for one in specialist.get("/api/matching/offers")["offers"] if one["case_id"] == self.case_id
        )  # fmt: skip
        specialist.send("POST", f"/api/matching/offers/{offer['id']}/accept", {"no_conflict": True})
        return specialist

    def write_opinion(self, specialist: Person) -> int:
        """The specialist writes every section and answers every question; return the draft's revision."""
        draft = specialist.get(f"{self._matching}/opinion")
        text: dict[str, Any] = {
            "received": "Reports, scans and twelve glass slides, all of them made up.",
            "history": "A made-up history, as the summary tells it.",
            "assessment": "The slides confirm the diagnosis of this made-up case.",
            "plan": "Continue the present treatment; see the local physician in four weeks.",
            "limits": "The opinion rests on what was received.",
            "answers": [
                {"question_id": question["id"], "outcome": "answered", "text": "Yes, in a case like this made-up one."}
                for question in draft["questions"]
            ],
        }
        saved = specialist.send("PUT", f"{self._matching}/opinion", text, version=draft["revision"])
        return int(saved["revision"])

    def sign_opinion(self, specialist: Person, revision: int) -> None:
        """The specialist signs."""
        body = {"name": specialist.name, "confirm": True}
        specialist.send("POST", f"{self._matching}/opinion/sign", body, version=revision)

    def read_opinion(self, reader: Person) -> bytes:
        """Return the PDF as a reader who was let in gets it."""
        answer = reader.client.get(f"{self._matching}/opinion.pdf")
        if not answer.content.startswith(b"%PDF"):
            raise WentWrong(f"{reader.name} got no PDF: {answer.status_code} {answer.text[:200]}")
        return answer.content

    def close(self) -> None:
        """Let go of every connection."""
        for person in self.people.values():
            person.close()
