"""The money of one case in the demo: two wires that make up the price, then a withdrawal, and all of it back by bank."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from deploy.demo.askers import PAYER
from deploy.demo.people import PATIENCE, TLS, Person, WentWrong
from deploy.demo.story import Story
from shared import programme

FINANCE = "Felix Grau"
PRICE, FIRST_PART = 200_000, 120_000


def ask(story: Story) -> None:
    """The patient's request comes in over the public JSON interface, as from a portal of their own."""
    rules = programme.current("msk_international")
    body = {
        "path": "new_patient", "stream": "remote",
        "requester": {"role": "patient", "name": PAYER.name, "email": PAYER.mail, "authority": "self"},
        "patient": {"name": PAYER.name, "birth_date": "1963-11-21", "sex": "female", "country": "PT", "languages": ["pt"]},
        "cancer_type": "sarcoma", "reasons": ["peace_of_mind"], "interests": ["written"],
        "emergency_notice_version": rules.text_version("emergency_notice"),
        "consent": {"version": rules.text_version("consent"), "signed_name": PAYER.name, "accepted": True},
        "locale": "en",
    }  # fmt: skip
    headers = {"Idempotency-Key": uuid4().hex}
    answer = httpx.post(f"{story.places.pages}/api/intake/requests", json=body, headers=headers, timeout=30, verify=TLS)
    if answer.status_code != 201:
        raise WentWrong(f"the request was answered with {answer.status_code}: {answer.text[:300]}")
    story.case_id = answer.json()["case_id"]


def wire(story: Story, patient: Person, minor: int) -> None:
    """The patient's bank sends money; finance enters the line of the statement and counts it in where its reference leads."""
    invoice = _until(lambda: _invoice(story, patient), "the invoice with its reference")
    line = {
        "bank_reference": f"DEMO-{uuid4().hex[:10]}", "amount": {"amount_minor": minor, "currency": "USD"},
        "sender": PAYER.name, "remittance": f"For {invoice['reference']}", "value_on": datetime.now(UTC).date().isoformat(),
    }  # fmt: skip
    finance = story.as_staff(FINANCE)
    entered = finance.send("POST", "/api/billing/receipts", line)
    if entered["candidates"] != [invoice["id"]]:
        raise WentWrong(f"the wire's reference leads to {entered['candidates']}")
    finance.send("POST", f"/api/billing/receipts/{entered['id']}/match", {"invoice_id": invoice["id"]})


def missing(story: Story, patient: Person) -> int:
    """Return what is still to be paid, in minor units."""
    found = _invoice(story, patient)
    return int(found["missing_minor"]) if found else 0


def said_beforehand(story: Story, patient: Person) -> int:
    """Return what the patient reads would come back, in minor units, before they withdraw."""
    said = patient.get(f"/api/billing/cases/{story.case_id}/refund-by-stage")
    if said["stage"] != "before_acceptance":
        raise WentWrong(f"no specialist was asked, and the stage is {said['stage']}")
    return sum(int(one["amount_minor"]) for one in said["back"])


def withdraw(story: Story, patient: Person) -> None:
    """The patient withdraws the request."""
    patient.send("POST", f"/api/intake/cases/{story.case_id}/withdraw", {"reason": ""})


def pay_back(story: Story) -> list[int]:
    """Finance sends from the bank what the rule decided; return the amounts, in minor units."""
    finance, at = story.as_staff(FINANCE), f"/api/billing/cases/{story.case_id}/ledger"
    decided = _until(lambda: finance.get(at)["refunds"], "what goes back")
    for refund in decided:
        reference = {"bank_reference": f"DEMO-OUT-{uuid4().hex[:8]}"}
        finance.send("POST", f"/api/billing/refunds/{refund['id']}/paid", reference)
    return [int(refund["amount"]["amount_minor"]) for refund in decided]


def _invoice(story: Story, patient: Person) -> dict[str, Any] | None:
    found = patient.get(f"/api/billing/cases/{story.case_id}/invoices")["invoices"]
    return next((one for one in found if one["reference"]), None)


def _until(look: Callable[[], Any], what: str) -> Any:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise WentWrong(f"{what} did not come within {PATIENCE:.0f} s")
