"""The form filled in, as a browser without JavaScript does it: a question a page, in the order in which they are asked."""

import re
from collections.abc import Mapping
from typing import Any

import httpx

from tests.intake.asking import CONSENT, HTML, NOTICE, RULES, field_of

DECLARATION = RULES.text_version("clinician_authority")
Answers = dict[str, dict[str, Any]]

START = {"emergency_read": "yes", "emergency_notice_version": NOTICE}
BY_A_DAUGHTER: Answers = {
    "path": {"path": "new_patient"},
    "stream": {"stream": "remote"},
    "save": {},
    "role": {"role": "family"},
    "relation": {"relationship": "daughter"},
    "ground": {"authority": "permission"},
    "your_name": {"name": "Dalia Testova"},
    "your_email": {"email": "dalia@example.com"},
    "your_country": {"country": "BR"},
    "your_phone": {"phone": "+55 11 91234 5678"},
    "contact": {"contact": "requester"},
    "call": {"times": ["morning", "evening"], "zone": "America/Sao_Paulo"},
    "patient_name": {"name": "Mira Testova"},
    "birth_date": {"birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "1958"},
    "sex": {"sex": "female"},
    "patient_country": {"country": "BR"},
    "language": {"language": "pt"},
    "interpreter": {"wanted": "yes", "interpreter": "pt"},
    "patient_contact": {},
    "hospital": {"in_hospital": "yes", "hospital": "Clinic of Tests"},
    "cancer_type": {"kind": "breast"},
    "reasons": {"reasons": ["new_diagnosis", "rare_condition"]},
    "surgery": {"surgery": "yes"},
    "story": {"story": "It began in May."},
    "questions": {"text": "Is surgery needed?"},
    "services": {"interests": ["comprehensive"]},
    "doctor": {"doctor": "other", "name": "Dr Ana Exemplo", "email": "ana@example.org", "country": "BR"},
    "told": {"name": "Vera Testova", "relationship": "sister", "may_know": ["appointments"]},
    "heard": {"heard_from": "internet"},
    "consent": {"version": CONSENT, "accepted": "yes", "signed_name": "Dalia Testova"},
}


def by_the_patient(**changes: dict[str, Any]) -> Answers:
    """Return the answers of a patient who asks for herself."""
    others = ("relation", "ground", "contact", "patient_name", "patient_country", "patient_contact")
    own = {name: given for name, given in BY_A_DAUGHTER.items() if name not in others}
    said = {
        "role": {"role": "patient"},
        "your_name": {"name": "Mira Testova"},
        "your_email": {"email": "mira@example.com"},
    }
    return {**own, **said, **changes}


def by_a_clinician(**changes: dict[str, Any]) -> Answers:
    """Return the answers of a clinician who refers a patient."""
    others = ("role", "relation", "ground")
    given = {name: answer for name, answer in BY_A_DAUGHTER.items() if name not in others}
    signed = {"version": DECLARATION, "accepted": "yes", "signed_name": "Dr Ana Exemplo"}
    said = {"path": {"path": "referral"}, "your_name": {"name": "Dr Ana Exemplo"}, "your_email": {"email": "ana@example.org"},
            "doctor": {"doctor": "me"}, "declaration": signed}  # fmt: skip
    return {**given, **said, "consent": given["consent"], **changes}


async def begin(browser: httpx.AsyncClient, lang: str = "en") -> str:
    """Read the emergency notice and begin; return the draft's address."""
    assert (await browser.get("/request/start", params={"lang": lang}, headers=HTML)).status_code == 200
    sent = await browser.post("/request/start", data=START, headers=HTML)
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"]).removesuffix("/path")


async def put(browser: httpx.AsyncClient, draft: str, question: str, given: Mapping[str, Any]) -> httpx.Response:
    """Send one page. A list's entry comes with the button that is done with the list, unless it names another."""
    then = {"_then": "done"} if question in ("questions", "told") else {}
    return await browser.post(f"{draft}/{question}", data={**then, **given}, headers=HTML)


async def fill(browser: httpx.AsyncClient, answers: Answers, draft: str | None = None, lang: str = "en") -> str:
    """Open and answer each page in turn; return the draft's address."""
    draft = draft or await begin(browser, lang)
    for question, given in answers.items():
        page = await browser.get(f"{draft}/{question}", params={"lang": lang}, headers=HTML)
        assert page.status_code == 200, (question, page.status_code, page.text[-2000:])
        sent = await put(browser, draft, question, given)
        errors = re.findall(r'error-message">.*?</', sent.text, re.DOTALL)
        assert sent.status_code == 303, (question, sent.status_code, errors)
    return draft


async def send(browser: httpx.AsyncClient, draft: str, **fields: str) -> httpx.Response:
    """Read the check page and send the request."""
    page = await browser.get(f"{draft}/check", headers=HTML)
    assert page.status_code == 200, page.headers.get("location", page.text)
    return await browser.post(f"{draft}/check", data={"_once": field_of(page.text, "_once"), **fields}, headers=HTML)
