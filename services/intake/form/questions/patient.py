"""About the patient."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from services.intake.form.questions.start import WANTS_EMAIL
from services.intake.form.questions.you import WithPhone
from services.intake.values import Country, Email, Language, LatinName, Line
from shared.web import Incoming
from shared.web.i18n import N_


class PatientName(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": N_("Enter the patient's name")}
    name: Line


class BirthDate(Incoming):
    sentences: ClassVar[dict[str, str]] = {"birth_date": N_("Enter the date of birth, such as 27 3 1978")}
    birth_date: date


class NamedGuardian(Incoming):
    """Who answers for a patient under 18."""

    sentences: ClassVar[dict[str, str]] = {
        "name": N_("Enter the guardian's name"),
        "relationship": N_("Say what the guardian is to the patient"),
    }
    name: Line
    relationship: Line


class Sex(Incoming):
    sentences: ClassVar[dict[str, str]] = {"sex": N_("Choose one of the answers")}
    sex: Literal["female", "male", "other", "unknown"]


class PatientCountry(Incoming):
    sentences: ClassVar[dict[str, str]] = {"country": N_("Choose the country where the patient lives")}
    country: Country


class Spoken(Incoming):
    sentences: ClassVar[dict[str, str]] = {"language": N_("Choose a language")}
    language: Language


class Interpreter(Incoming):
    """Whether an interpreter should join calls, and for which language (R11)."""

    sentences: ClassVar[dict[str, str]] = {"wanted": N_("Say whether you want an interpreter")}
    wanted: Literal["yes", "no"]
    interpreter: Language | None = Field(default=None, validate_default=True)

    @field_validator("interpreter")
    @classmethod
    def _for_a_language(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("wanted") == "yes" and value is None:
            raise ValueError(N_("Choose the interpreter's language"))
        return value


class Latin(Incoming):
    """The patient's name as in the passport; asked when it is written in another script."""

    sentences: ClassVar[dict[str, str]] = {"latin_name": N_("Enter the name in Latin letters, as in the passport")}
    latin_name: LatinName


class PatientContact(WithPhone):
    """How to reach a patient who isn't the requester."""

    sentences: ClassVar[dict[str, str]] = {"email": WANTS_EMAIL, **WithPhone.sentences}
    email: Email | None = None


class Hospital(Incoming):
    """Whether the patient is in hospital now."""

    sentences: ClassVar[dict[str, str]] = {"in_hospital": N_("Say whether the patient is in hospital now")}
    in_hospital: Literal["yes", "no"]
    hospital: Line | None = None
