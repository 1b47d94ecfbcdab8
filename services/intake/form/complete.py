"""From kept answers to a `Request`. Only what is asked counts: an answer that no longer fits is as if never given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from services.intake.circumstances import Diagnosis
from services.intake.domain import Authority, Request, RequesterRole
from services.intake.form import route
from services.intake.form.questions import LISTS, QUESTIONS
from services.intake.form.route import Answers


@dataclass(frozen=True)
class Complete:
    """Every question that is asked, answered, each answer readable; the whole is judged when it becomes a `Request`."""

    answers: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, answers: Answers, today: date) -> Self:
        """Read kept answers; KeyError names the first question that is open, or was answered on an older form."""
        read: dict[str, dict[str, Any]] = {}
        for question in route.asked(answers, today):
            if not route.is_answered(question, answers):
                raise KeyError(question)
            try:
                read[question] = _read(question, answers[question])
            except ValidationError:
                raise KeyError(question) from None
        return cls(read)

    def request(self, locale: str, cancer_type: str, diagnosis: Diagnosis | None) -> Request:
        """Return the request that these answers make; what the kind of cancer stands for is the caller's to know.

        Raises ValidationError when answers contradict each other.
        """
        given = self.answers
        doctor, heard = self._doctor(), given["heard"]
        return Request.model_validate(
            {
                "path": given["path"]["path"],
                "stream": given["stream"]["stream"],
                "requester": self._requester(),
                "patient": self._patient(),
                "contact": given["contact"]["contact"] if "contact" in given else "requester",
                "local_physician": doctor,
                "cancer_type": cancer_type,
                "diagnosis": diagnosis,
                **given["reasons"],
                **given["surgery"],
                **given["story"],
                "questions": [item["text"] for item in given["questions"]["items"]],
                **given["services"],
                **given["hospital"],
                "guardian": given.get("guardian"),
                "may_be_told": given["told"]["items"],
                "call": given["call"],
                "interpreter": given["interpreter"]["interpreter"] if given["interpreter"]["wanted"] == "yes" else None,
                **heard,
                "declaration": _signed(given.get("declaration")),
                "emergency_notice_version": given["start"]["emergency_notice_version"],
                "consent": _signed(given["consent"]),
                "locale": locale,
            }
        )

    @property
    def own(self) -> bool:
        """Whether the patient asks for themselves."""
        return route.own(self.answers)

    def _requester(self) -> dict[str, Any]:
        given = self.answers
        if route.by_clinician(given):
            role, ground = RequesterRole.CLINICIAN, Authority.REFERRING_CLINICIAN
        else:
            role = RequesterRole(given["role"]["role"])
            ground = Authority.SELF if self.own else Authority(given["ground"]["authority"])
        return {
            "role": role,
            "name": given["your_name"]["name"],
            "email": given["your_email"]["email"],
            "phone": given["your_phone"]["phone"],
            "relationship": given["relation"]["relationship"] if "relation" in given else None,
            "authority": ground,
        }

    def _patient(self) -> dict[str, Any]:
        given = self.answers
        reached = given.get("patient_contact", {})
        return {
            "name": route.name_of_patient(given),
            "latin_name": given["latin_name"]["latin_name"] if "latin_name" in given else None,
            "birth_date": given["birth_date"]["birth_date"],
            "sex": given["sex"]["sex"],
            "country": route.country_of_patient(given),
            "languages": [given["language"]["language"]],
            "email": given["your_email"]["email"] if self.own else reached["email"],
            "phone": None if self.own else reached["phone"],
        }

    def _doctor(self) -> dict[str, Any] | None:
        given = self.answers
        doctor = given["doctor"]
        if doctor["doctor"] == "none":
            return None
        own = {"name": given["your_name"]["name"], "email": given["your_email"]["email"],
               "country": given["your_country"]["country"]}  # fmt: skip
        named = {field: doctor[field] for field in ("name", "email", "institution", "country")}
        return {**named, **own} if doctor["doctor"] == "me" and route.by_clinician(given) else named


def _read(question: str, kept: dict[str, Any]) -> dict[str, Any]:
    model = QUESTIONS[question]
    if question not in LISTS:
        return model.model_validate(kept).model_dump(mode="json")
    plain = [{key: value for key, value in item.items() if key != "id"} for item in kept["items"]]
    items = TypeAdapter(list[model]).validate_python(plain)  # type: ignore[valid-type]
    return {"items": [item.model_dump(mode="json") for item in items]}  # type: ignore[attr-defined]


def _signed(signed: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if signed is None else {**signed, "accepted": True}
