"""Answers in words, for the page on which they are checked before they are sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.intake import zones
from services.intake.diagnoses.search import Chosen
from services.intake.form.complete import Complete
from services.intake.form.route import SECTIONS, by_clinician
from services.intake.pages.answering import HEARD
from services.intake.pages.choices import countries, languages
from shared.programme import Programme
from shared.web import N_

LABELS = {
    "path": N_("Way in"),
    "stream": N_("How"),
    "save": N_("Link to come back"),
    "role": N_("Who asks"),
    "relation": N_("Relationship"),
    "ground": N_("On what ground"),
    "your_name": N_("Your name"),
    "your_email": N_("Your e-mail address"),
    "your_country": N_("Where you are"),
    "your_phone": N_("Your phone number"),
    "contact": N_("Whom we contact"),
    "call": N_("Best time to call"),
    "patient_name": N_("Name of the patient"),
    "birth_date": N_("Date of birth"),
    "guardian": N_("Parent or guardian"),
    "sex": N_("Sex, as in medical records"),
    "patient_country": N_("Country where the patient lives"),
    "language": N_("Preferred language"),
    "interpreter": N_("Interpreter"),
    "latin_name": N_("Name as in the passport"),
    "patient_contact": N_("The patient’s e-mail address and phone"),
    "hospital": N_("In hospital now"),
    "cancer_type": N_("Kind of cancer or blood disorder"),
    "reasons": N_("Reasons"),
    "surgery": N_("May surgery be needed?"),
    "story": N_("What has happened so far"),
    "questions": N_("Questions"),
    "services": N_("Services"),
    "doctor": N_("The doctor at home"),
    "told": N_("Who may be told"),
    "heard": N_("How you heard of us"),
    "declaration": N_("Declaration signed by"),
    "consent": N_("Consent signed by"),
}
WORDS = {
    "new_patient": N_("Appointment for a new patient"),
    "referral": N_("Referral by a clinician"),
    "remote": N_("Remotely"),
    "in_person": N_("In person"),
    "patient": N_("The patient"),
    "family": N_("A family member"),
    "caregiver": N_("A caregiver"),
    "requester": N_("You"),
    "permission": N_("The patient asked me to"),
    "guardian": N_("I am the legal guardian"),
    "power_of_attorney": N_("I hold a power of attorney"),
    "female": N_("Female"),
    "male": N_("Male"),
    "other": N_("Other"),
    "unknown": N_("Prefer not to say"),
    "yes": N_("Yes"),
    "no": N_("No"),
    "unsure": N_("I am not sure"),
    "morning": N_("Morning, 8 to 12"),
    "afternoon": N_("Afternoon, 12 to 5"),
    "evening": N_("Evening, 5 to 8"),
    "appointments": N_("Appointments and where the request stands"),
    "medical": N_("Medical information and the opinion"),
    "costs": N_("Costs and payment"),
}
"""Codes of answers, as people read them."""


@dataclass(frozen=True, slots=True)
class Row:
    """One answer: its question, what it is called, and its lines, texts and dates; none when nothing was given."""

    question: str
    label: str
    lines: tuple[Any, ...]


class Summary:
    """Puts answers into the reader's words."""

    def __init__(self, rules: Programme, locale: str, translate: Callable[[str], str], chosen: Chosen | None) -> None:
        self._rules, self._locale, self._, self._chosen = rules, locale, translate, chosen

    def sections(self, complete: Complete) -> Iterator[tuple[str, list[Row]]]:
        """Yield each section's title with its rows."""
        given = complete.answers
        for section in SECTIONS:
            rows = [
                Row(
                    question,
                    self._(LABELS[question]),
                    tuple(filter(None, self._lines(question, given[question], given))),
                )
                for question in section.questions
                if question in given and question in LABELS
            ]
            yield self._(section.title), rows

    def _lines(self, question: str, answer: dict[str, Any], given: dict[str, Any]) -> Iterable[Any]:
        if question in ("cancer_type", "doctor"):
            return self._kind() if question == "cancer_type" else self._doctor(answer, given)
        if question in _AS_TYPED:
            return answer.values()
        told = _TOLD.get(question)
        return told(self, answer) if told else map(self._word, answer.values())

    def _word(self, code: str) -> str:
        return self._(WORDS[code])

    def _tongue(self, code: str) -> str:
        return dict(languages(self._locale)).get(code, code)

    def _kind(self) -> Iterator[str]:
        assert self._chosen is not None
        if code := self._chosen.diagnosis:
            yield f"{code.title} ({code.code})"
        yield self._rules.cancer_types[self._chosen.cancer_type].title_in(self._locale)

    def _doctor(self, answer: dict[str, Any], given: dict[str, Any]) -> Iterator[str | None]:
        if answer["doctor"] == "me" and by_clinician(given):
            yield given["your_name"]["name"]
        elif answer["doctor"] == "other":
            yield from (answer["name"], answer["institution"], answer["email"])

    def _country(self, answer: dict[str, Any]) -> Iterator[str]:
        yield dict(countries(self._locale)).get(answer["country"], answer["country"])

    def _interpreter(self, answer: dict[str, Any]) -> Iterator[str]:
        yield self._tongue(answer["interpreter"]) if answer["wanted"] == "yes" else self._word("no")

    def _call(self, answer: dict[str, Any]) -> Iterator[str]:
        yield ", ".join(map(self._word, answer["times"]))
        yield zones.place(answer["zone"], self._locale)

    def _hospital(self, answer: dict[str, Any]) -> Iterator[str | None]:
        yield self._word(answer["in_hospital"])
        yield answer["hospital"] if answer["in_hospital"] == "yes" else None

    def _reasons(self, answer: dict[str, Any]) -> Iterator[str]:
        return (self._rules.reasons[code].title_in(self._locale) for code in answer["reasons"])

    def _services(self, answer: dict[str, Any]) -> Iterator[str]:
        return (self._rules.catalogue[code].title_in(self._locale) for code in answer["interests"])

    def _told(self, answer: dict[str, Any]) -> Iterator[str]:
        for item in answer["items"]:
            yield f"{item['name']}: {', '.join(map(self._word, item['may_know']))}"

    def _heard(self, answer: dict[str, Any]) -> Iterator[str | None]:
        way = dict(HEARD).get(answer["heard_from"])
        yield self._(way) if way else None
        yield answer["heard_more"]


_AS_TYPED = frozenset({"your_name", "patient_name", "relation", "story", "latin_name", "your_email", "save"})
_TOLD: dict[str, Callable[[Summary, dict[str, Any]], Iterable[Any]]] = {
    "birth_date": lambda _, answer: [date.fromisoformat(answer["birth_date"])],
    "your_country": Summary._country,
    "patient_country": Summary._country,
    "language": lambda words, answer: [words._tongue(answer["language"])],
    "interpreter": Summary._interpreter,
    "call": Summary._call,
    "guardian": lambda _, answer: [f"{answer['name']} ({answer['relationship']})"],
    "hospital": Summary._hospital,
    "reasons": Summary._reasons,
    "services": Summary._services,
    "questions": lambda _, answer: [item["text"] for item in answer["items"]],
    "told": Summary._told,
    "heard": Summary._heard,
    "your_phone": lambda _, answer: [answer["phone"]],
    "patient_contact": lambda _, answer: [answer["email"], answer["phone"]],
    "declaration": lambda _, answer: [answer["signed_name"]],
    "consent": lambda _, answer: [answer["signed_name"]],
}
"""How each answer reads; those in neither table are codes, and read as `WORDS` says."""
