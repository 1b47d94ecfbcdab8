"""The way through the form: sections, which questions are asked of whom, what comes next. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from services.intake.circumstances import is_minor
from services.intake.domain import Authority, Path, RequesterRole
from services.intake.form.questions import LISTS
from services.intake.values import is_latin
from shared.web.i18n import N_

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """A part of the form, done in one go and left when one likes."""

    name: str
    title: str
    questions: tuple[str, ...]


SECTIONS = (
    Section("start", N_("Before you start"), ("start", "path", "stream", "save")),
    Section("you", N_("About you"), (
        "role", "relation", "ground", "your_name", "your_email", "your_country", "your_phone", "contact", "call",
    )),
    Section("patient", N_("About the patient"), (
        "patient_name", "birth_date", "guardian", "sex", "patient_country", "language", "interpreter", "latin_name",
        "patient_contact", "hospital",
    )),
    Section("illness", N_("The illness, and why you ask"), ("cancer_type", "reasons", "surgery", "story", "questions")),
    Section("help", N_("Services, and who is told"), ("services", "doctor", "told", "heard")),
    Section("consent", N_("Your consent"), ("declaration", "consent")),
)  # fmt: skip


def of(answers: Answers, question: str, field: str) -> Any:
    """Return what was answered, or None."""
    return (answers.get(question) or {}).get(field)


def by_clinician(answers: Answers) -> bool:
    return bool(of(answers, "path", "path") == Path.REFERRAL)


def own(answers: Answers) -> bool:
    """Tell whether the patient asks for themselves."""
    return not by_clinician(answers) and of(answers, "role", "role") == RequesterRole.PATIENT


def name_of_patient(answers: Answers) -> str:
    return str(of(answers, *(("your_name", "name") if own(answers) else ("patient_name", "name"))) or "")


def country_of_patient(answers: Answers) -> str | None:
    country: str | None = of(answers, "your_country" if own(answers) else "patient_country", "country")
    return country


def minor(answers: Answers, today: date) -> bool:
    born = of(answers, "birth_date", "birth_date")
    return born is not None and is_minor(date.fromisoformat(born), today)


def speaks_for_another(answers: Answers) -> bool:
    return not by_clinician(answers) and of(answers, "role", "role") in ("family", "caregiver")


def needs_guardian(answers: Answers, today: date) -> bool:
    return minor(answers, today) and not (
        speaks_for_another(answers) and of(answers, "ground", "authority") == Authority.GUARDIAN
    )


_ONLY_WHEN: dict[str, Callable[[Answers, date], bool]] = {
    "role": lambda answers, _: not by_clinician(answers),
    "relation": lambda answers, _: speaks_for_another(answers),
    "ground": lambda answers, _: speaks_for_another(answers),
    "contact": lambda answers, _: not own(answers),
    "patient_name": lambda answers, _: not own(answers),
    "patient_country": lambda answers, _: not own(answers),
    "patient_contact": lambda answers, _: not own(answers),
    "guardian": needs_guardian,
    "latin_name": lambda answers, _: not is_latin(name_of_patient(answers)),
    "declaration": lambda answers, _: by_clinician(answers),
}
"""Questions that are not asked of everyone, and of whom they are."""


def is_asked(question: str, answers: Answers, today: date) -> bool:
    """Tell whether these answers make this a question to ask."""
    only_when = _ONLY_WHEN.get(question)
    return only_when is None or only_when(answers, today)


def asked(answers: Answers, today: date) -> Iterator[str]:
    """Yield the questions that are asked, in their order."""
    for section in SECTIONS:
        yield from (question for question in section.questions if is_asked(question, answers, today))


def is_answered(question: str, answers: Answers) -> bool:
    """Tell whether this has an answer that still fits the others."""
    match question:
        case "doctor" if of(answers, question, "doctor") == "me":
            return by_clinician(answers)
        case "patient_contact" if of(answers, "contact", "contact") == "patient":
            return bool(of(answers, question, "email") or of(answers, question, "phone"))
    return bool(of(answers, question, "done")) if question in LISTS else question in answers


def unanswered(answers: Answers, today: date) -> str | None:
    """Return the first question that waits for an answer; None when all are answered."""
    return next((question for question in asked(answers, today) if not is_answered(question, answers)), None)


def section_of(question: str) -> Section:
    return next(section for section in SECTIONS if question in section.questions)


State = Literal["done", "begun", "waiting"]


def state_of(section: Section, answers: Answers, today: date) -> State:
    """Return how far a section is."""
    mine = [question for question in section.questions if is_asked(question, answers, today)]
    given = sum(is_answered(question, answers) for question in mine)
    return "done" if given == len(mine) else "begun" if given else "waiting"


def entry_of(section: Section, answers: Answers, today: date) -> str:
    """Return where a section is entered: at its first unanswered question, or its first."""
    mine = [question for question in section.questions if is_asked(question, answers, today)]
    return next((question for question in mine if not is_answered(question, answers)), mine[0])


def following(question: str, answers: Answers, today: date, *, checking: bool = False) -> str:
    """Return where to go after this question was answered: on in its section, then to the list of tasks.

    Who came from the check page goes back to it, by way of whatever the change made necessary.
    """
    if checking:
        return unanswered(answers, today) or "check"
    mine = [q for q in section_of(question).questions if is_asked(q, answers, today)]
    later = mine[mine.index(question) + 1 :] if question in mine else mine
    return next((q for q in (*later, *mine) if not is_answered(q, answers)), "tasks")


def before(question: str, answers: Answers, today: date) -> str:
    """Return where Back leads: the question before it in its section, or the list of tasks."""
    mine = [q for q in section_of(question).questions if is_asked(q, answers, today)]
    place = mine.index(question) if question in mine else 0
    return mine[place - 1] if place else "tasks"
