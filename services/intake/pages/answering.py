"""What a form's page needs beyond its own fields: who is asked about, what to offer, and rules between answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from starlette.datastructures import QueryParams

from services.intake import phones, zones
from services.intake.diagnoses.search import Kinds
from services.intake.domain import BORN_LATER
from services.intake.exploring import Choices
from services.intake.form import route
from services.intake.form.questions.illness import Kind
from services.intake.form.questions.patient import BirthDate, PatientContact
from services.intake.form.questions.you import WithPhone
from services.intake.names import latin_rendering
from services.intake.pages.choices import countries, languages
from shared.db import Tx
from shared.programme import Programme
from shared.web import N_, Form

OLDEST = 130
HEARD: tuple[tuple[str, str], ...] = (
    ("doctor", N_("From a doctor")),
    ("family_friend", N_("From family or friends")),
    ("patient", N_("From another patient")),
    ("internet", N_("On the internet")),
    ("social_media", N_("On social media")),
    ("hospital", N_("From a hospital")),
    ("insurance", N_("From an insurer or an embassy")),
    ("other", N_("In another way")),
)


def proposed_phone(form: Form[Any], country: str | None) -> phones.PhoneCheck | None:
    """Return what to ask about the number before it is kept; None when it is settled, or needs no word.

    The answer counts for the number that was shown with it: another number is asked about anew.
    """
    given: WithPhone = form.model
    if given.phone is None:
        return None
    said = phones.check(given.phone, country)
    settled = given.keep is not None and given.phone_shown == given.phone
    return said if said.needs_a_word and not settled else None


def phone_to_keep(given: WithPhone, country: str | None) -> str | None:
    """Return the number in the form that its owner chose."""
    if given.phone is None or given.keep != "international":
        return given.phone
    return phones.check(given.phone, country).international or given.phone


def country_for_phone(question: str, answers: route.Answers) -> str | None:
    if question == "patient_contact":
        return route.country_of_patient(answers)
    country: str | None = route.of(answers, "your_country", "country")
    return country


async def objections(
    form: Form[Any], answers: route.Answers, rules: Programme, tx: Tx, locale: str
) -> list[tuple[str, str]]:
    """Return (field, sentence in English) for each rule that this answer breaks beside its own fields."""
    match form.model:
        case BirthDate(birth_date=born):
            return list(_about_birth(born, tx.now.date()))
        case Kind(kind=kind) if await Kinds(rules).chosen(tx, kind) is None:
            return [("kind", Kind.sentences["kind"])]
        case PatientContact(email=None, phone=None) if route.of(answers, "contact", "contact") == "patient":
            sentence = N_("Enter the patient's e-mail address or phone, or choose to be contacted yourself")
            return [("email", sentence)]
    known = _known(rules, locale)
    given = form.model.model_dump(mode="json")
    return [
        (field, N_("Choose from the list")) for field, codes in known.items() if _strange(given.get(field), codes())
    ]


def _about_birth(born: date, today: date) -> Iterator[tuple[str, str]]:
    if born > today:
        yield "birth_date", BORN_LATER
    elif today.year - born.year > OLDEST:
        yield "birth_date", N_("Enter the year in full, such as 27 3 1978")


def _known(rules: Programme, locale: str) -> dict[str, Callable[[], set[str]]]:
    return {
        "country": lambda: set(dict(countries(locale))),
        "language": lambda: set(dict(languages(locale))),
        "interpreter": lambda: set(dict(languages(locale))),
        "reasons": lambda: set(rules.reasons),
        "interests": lambda: set(rules.catalogue),
        "heard_from": lambda: set(dict(HEARD)),
    }


def _strange(given: Any, known: set[str]) -> bool:
    codes = given if isinstance(given, list) else [given]
    return any(code is not None and code not in known for code in codes)


def explored(query: QueryParams, rules: Programme, locale: str) -> dict[str, Any]:
    """Return what somebody chose while exploring (M1), as it stands in the address; empty when nothing."""
    chosen = Choices.read(query.getlist, rules, set(dict(countries(locale))), set(dict(languages(locale))))
    return {name: value for name, value in asdict(chosen).items() if value}


def foretold(question: str, answers: route.Answers) -> dict[str, Any]:
    """Return the answer to show where none was given yet: what the explorer was told, to be confirmed."""
    said = answers.get("explored") or {}
    lives = "your_country" if route.own(answers) else "patient_country"
    told = {"services": ("interests", "services"), "cancer_type": ("kind", "cancer_type"), "language": ("language",) * 2,
            lives: ("country", "country")}  # fmt: skip
    field, name = told.get(question, ("", ""))
    return {field: said[name]} if name in said else {}


@dataclass(frozen=True, slots=True)
class Asking:
    """A question about to be asked: by which answers, to whom, when."""

    answers: route.Answers
    locale: str
    now: datetime

    def call(self) -> dict[str, Any]:
        """Offer time zones; propose the one that country and number tell."""
        country = route.of(self.answers, "your_country", "country")
        number = phones.zones_of(route.of(self.answers, "your_phone", "phone"), country)
        return {"zones": zones.choices(country, self.locale, self.now), "proposal": zones.proposed(country, number)}

    def country(self) -> dict[str, Any]:
        return {"countries": countries(self.locale)}

    def language(self) -> dict[str, Any]:
        """Offer languages; propose, for an interpreter, the preferred one."""
        return {"spoken": languages(self.locale), "proposal": route.of(self.answers, "language", "language")}

    def email(self) -> dict[str, Any]:
        return {"proposal": route.of(self.answers, "save", "email")}

    def passport_name(self) -> dict[str, Any]:
        """Propose the patient's name in Latin letters, to be confirmed or corrected."""
        spoken = route.of(self.answers, "language", "language")
        return {"proposal": latin_rendering(route.name_of_patient(self.answers), spoken)}

    def heard(self) -> dict[str, Any]:
        return {"ways": HEARD}


_OFFERS: dict[str, Callable[[Asking], dict[str, Any]]] = {
    "call": Asking.call,
    "your_country": Asking.country,
    "patient_country": Asking.country,
    "doctor": Asking.country,
    "language": Asking.language,
    "interpreter": Asking.language,
    "your_email": Asking.email,
    "latin_name": Asking.passport_name,
    "heard": Asking.heard,
}


def offers(question: str, asking: Asking) -> dict[str, Any]:
    """Return what this question's page offers to choose from, and what it proposes."""
    return _OFFERS[question](asking) if question in _OFFERS else {}


async def kinds_found(tx: Tx, rules: Programme, query: str, locale: str) -> dict[str, Any]:
    """Return the kinds of cancer to choose from: what the search found, or without one the programme's own table."""
    kinds, query = Kinds(rules), query.strip()[:100]
    found = await kinds.search(tx, query, locale) if query else kinds.offered(locale)
    return {"q": query, "found": found, "unsure": kinds.unsure}
