"""``./consilium demo``: a patient's case, told fact by fact, to the signed opinion as a PDF; then three more cases.

The patient's materials are a hospital's CD, a photograph of a letter, PDFs and slides; what was found in them is printed.

One is paid by two wires and withdrawn before a specialist accepts, so that the money goes back; a clinician refers a
patient and agrees to the quote; somebody asks on the telephone, and an advisor writes it down.
"""

import os
import sys
import time
from pathlib import Path

from playwright.sync_api import Browser

from deploy.demo import browser, money
from deploy.demo.askers import CALLER, CLINICIAN, DOCTOR, PATIENT, PAYER
from deploy.demo.disc import disc
from deploy.demo.facts import FactTail, Landed
from deploy.demo.files import photograph
from deploy.demo.people import Person, WentWrong, follow
from deploy.demo.places import Places
from deploy.demo.story import ADVISOR, Story
from deploy.local.places import state
from deploy.local.plan import Plan
from shared.money import written

SIX = (
    "RequestSubmitted.v1", "ServicesConfirmed.v1", "PaymentReceived.v1", "RecordsComplete.v1", "SpecialistAssigned.v1",
    "OpinionDelivered.v1",
)  # fmt: skip


class Teller:
    """Prints what happens with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    def step(self, words: str) -> None:
        """Say what somebody does."""
        print(f"{self.seconds:5.1f} s  {words}", flush=True)

    def fact(self, one: Landed) -> None:
        """Say which fact landed, and where."""
        mark = "●" if one.type in SIX else "○"
        place = f"{one.topic}[{one.partition}]@{one.offset}"
        print(f"{self.seconds:5.1f} s      {mark} {one.type:<28} {place}  sequence {one.sequence}", flush=True)


def run(places: Places, folder: Path, tell: Teller) -> Path:
    """Drive one case to its end, and three more to where they differ; return the path of the PDF. Raises ``WentWrong``."""
    stories = [Story(places, asker.name, asker.mail) for asker in (PATIENT, PAYER, CLINICIAN, CALLER)]
    asked, wired, referred, phoned = stories
    with browser.chromium() as chromium, FactTail(places, tell.fact) as tail:
        try:
            patient = _request_and_quote(asked, chromium, tail, tell)
            _pay_and_collect(asked, patient, chromium, tail, tell)
            path = _opinion(asked, folder, tail, tell)
            tell.step(f"the patient's case is done: {path}")
            _two_wires_and_a_withdrawal(wired, chromium, tail, tell)
            _referral(referred, chromium, tail, tell)
            _by_phone(phoned, chromium, tail, tell)
            _money_back(wired, tail, tell)
        finally:
            for story in stories:
                story.close()
    return path


def _request_and_quote(story: Story, chromium: Browser, tail: FactTail, tell: Teller) -> Person:
    tell.step("a patient fills in the request form in a browser")
    window = browser.Window(chromium, story.places)
    browser.begin_request(window)
    browser.fill_and_send(window, PATIENT.answers)
    message = _received(story, window, tail)
    tell.step(f"{ADVISOR} takes the request from the queue and offers a quote")
    desk = browser.Window(chromium, story.places, story.as_staff(ADVISOR))
    browser.claim_first_request(desk, str(message["subject"]).split()[-1])
    desk.open(f"/desk/intake/cases/{story.case_id}/quote")
    desk.fill(services=["comprehensive"], total="4200.00", reason="A made-up discount")
    desk.press("Offer")
    tell.step("the patient follows the link in the mail and accepts the quote")
    browser.open_link(window, story.patient_box.next(about="quote"))
    window.press("Accept")
    tail.wait_for("ServicesConfirmed.v1", story.case_id)
    return story.enter_by_mail("confirmed")


def _received(story: Story, window: browser.Window, tail: FactTail) -> dict[str, object]:
    """Follow the link of the letter that says the request is in; return the letter."""
    message = story.patient_box.next(about="received")
    browser.open_link(window, message)
    story.case_id = window.page.url.split("/cases/")[1].split("/")[0].split("?")[0]
    tail.wait_for("RequestSubmitted.v1", story.case_id)
    return message


def _two_wires_and_a_withdrawal(story: Story, chromium: Browser, tail: FactTail, tell: Teller) -> None:
    tell.step("another patient asks by JSON, as from a portal, and accepts the quote by the link in the mail")
    money.ask(story)
    tail.wait_for("RequestSubmitted.v1", story.case_id)
    story.quote(["written"], money.PRICE)
    window = browser.Window(chromium, story.places)
    browser.open_link(window, story.patient_box.next(about="quote"))
    window.press("Accept")
    tail.wait_for("ServicesConfirmed.v1", story.case_id)
    patient = story.enter_by_mail("confirmed")
    tell.step(f"the patient's bank sends USD 1,200.00; {money.FINANCE} counts it in by its reference")
    money.wire(story, patient, money.FIRST_PART)
    left = money.missing(story, patient)
    tell.step(f"{written(left, 'USD')} is still missing, so nothing starts; the rest comes by a second wire")
    money.wire(story, patient, left)
    tail.wait_for("PaymentReceived.v1", story.case_id)
    back = money.said_beforehand(story, patient)
    tell.step(f"no specialist has accepted: the patient reads that {written(back, 'USD')} comes back, and withdraws")
    money.withdraw(story, patient)
    tail.wait_for("CaseWithdrawn.v1", story.case_id)


def _money_back(story: Story, tail: FactTail, tell: Teller) -> None:
    tell.step(f"the rule sent the withdrawn case's money back; {money.FINANCE} pays each part from the bank")
    amounts = money.pay_back(story)
    tail.wait_for("RefundIssued.v1", story.case_id)
    story.patient_box.next(about="refund")
    said = " and ".join(written(minor, "USD") for minor in amounts)
    tell.step(f"{said} went back, and the patient has a letter about it")


def _referral(story: Story, chromium: Browser, tail: FactTail, tell: Teller) -> None:
    tell.step("a clinician refers a patient, and declares on what authority")
    window = browser.Window(chromium, story.places)
    browser.begin_request(window)
    browser.fill_and_send(window, CLINICIAN.answers)
    _received(story, window, tail)
    tell.step(f"{ADVISOR} offers a written consultation; the clinician accepts by the link in the mail")
    story.quote(["written"], 200_000)
    browser.open_link(window, story.patient_box.next(about="quote"))
    window.press("Accept")
    tail.wait_for("ServicesConfirmed.v1", story.case_id)


def _by_phone(story: Story, chromium: Browser, tail: FactTail, tell: Teller) -> None:
    tell.step(f"somebody asks on the telephone: {ADVISOR} reads notice and consent aloud and writes the request down")
    desk = browser.Window(chromium, story.places, story.as_staff(ADVISOR))
    browser.begin_for_caller(desk)
    browser.fill_and_send(desk, CALLER.answers, letters="en")
    caller = browser.Window(chromium, story.places)
    number = str(_received(story, caller, tail)["subject"]).split()[-1]
    tell.step(f"the caller has letter and case number {number}, and comes in by the link")


def _pay_and_collect(story: Story, patient: Person, chromium: Browser, tail: FactTail, tell: Teller) -> None:
    tell.step("the patient pays by card on the provider's page")
    story.pay_by_card(patient)
    tail.wait_for("PaymentReceived.v1", story.case_id)
    tail.wait_for("CollectionOpened.v1", story.case_id)
    tell.step("the patient sends a hospital's CD and a photograph from a browser, other documents and slides otherwise")
    items = story.item_ids(patient)
    files = {
        "imaging": ("CD of September.zip", "application/zip", disc("Testfall^Amal", "19710403")),
        "treatment_history": ("IMG_2041.png", "image/png", photograph()),
    }
    window = browser.Window(chromium, story.places, patient)
    browser.send_files(window, story.case_id, {items[code]: file for code, file in files.items()})
    story.send_documents(patient, but={code: name for code, (name, _, _) in files.items()})
    for line in story.what_came(patient):
        tell.step(f"    {line}")
    tell.step("the laboratory counts the slides; the case manager looks at what came, accepts it and signs the summary")
    story.count_slides()
    story.review_documents()
    story.sign_summary()
    tail.wait_for("RecordsComplete.v1", story.case_id)


def _opinion(story: Story, folder: Path, tail: FactTail, tell: Teller) -> Path:
    tell.step("the clinical lead asks a specialist, who accepts, writes and signs")
    specialist = story.assign_specialist()
    tail.wait_for("SpecialistAssigned.v1", story.case_id)
    story.sign_opinion(specialist, story.write_opinion(specialist))
    tail.wait_for("OpinionDelivered.v1", story.case_id)
    tell.step("the patient and the local physician open the opinion by their own links")
    reader = story.enter_by_mail("report")
    physician = follow(story.places, story.doctor_box.next(about="report"), DOCTOR)
    opinion, copy = story.read_opinion(reader), story.read_opinion(physician)
    physician.close()
    if opinion != copy:
        raise WentWrong("the patient and the local physician got different documents")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"opinion-{story.case_id}.pdf"
    path.write_bytes(opinion)
    return path


def places() -> Places:
    """Where the installation is: what ``up`` started, or what the environment names."""
    plan = Plan.read()
    mail = os.environ.get("MAIL_URL") or plan.mail_url
    if mail is None:
        raise WentWrong("the demo reads mail from the catcher: set MAIL_URL to its page, or unset SMTP_URL")
    return Places(
        plan.public_url, mail, plan.kafka, os.environ.get("KAFKA_PREFIX", ""),
        os.environ.get("KAFKA_USERNAME"), os.environ.get("KAFKA_PASSWORD"),
    )  # fmt: skip


def main() -> int:
    """Run the demo and return the exit status."""
    tell = Teller()
    try:
        path = run(places(), state() / "demo", tell)
    except WentWrong as problem:
        print(f"The demo stopped: {problem}", file=sys.stderr)
        return 1
    tell.step(f"done; the opinion: {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
