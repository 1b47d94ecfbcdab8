"""What an opinion consists of, and when it may be signed (R31, R33, M10)."""

import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from services.matching.domain.candidates import same_name
from services.matching.domain.values import Value

SECTIONS: dict[str, str] = {
    "received": "What was received",
    "history": "History and findings",
    "assessment": "Assessment",
    "plan": "Recommended plan",
    "limits": "Limits of this opinion",
}


def _plain(text: str) -> str:
    """Keep what prints: composed characters, no control characters, no invisible changes of direction."""
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    hidden = {"\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\ufeff"}
    kept = (
        c for c in text if c in "\n\t" or (unicodedata.category(c) not in {"Cc", "Cs", "Co", "Cn"} and c not in hidden)
    )
    return "".join(kept).strip()


Prose = Annotated[str, Field(max_length=30_000), AfterValidator(_plain)]


class Outcome(StrEnum):
    ANSWERED = "answered"
    DECLINED = "declined"
    REDIRECTED = "redirected"


class Question(Value):
    """One question of the patient; intake owns it."""

    id: str
    text: str


class Answer(Value):
    """What becomes of one question: the answer, the reason for declining it, or who can answer it."""

    question_id: str
    outcome: Outcome | None = None
    text: Prose = ""


class OpinionText(Value):
    """What the specialist writes; any part may be empty until it is signed."""

    received: Prose = ""
    history: Prose = ""
    assessment: Prose = ""
    plan: Prose = ""
    limits: Prose = ""
    answers: tuple[Answer, ...] = ()

    def answer_to(self, question_id: str) -> Answer:
        """Return the answer, or an empty one."""
        found = (answer for answer in self.answers if answer.question_id == question_id)
        return next(found, Answer(question_id=question_id))


class Gap(Value):
    """Something that stands between a draft and its signature; ``field`` is where to mend it."""

    field: str
    sentence: str


def gaps(text: OpinionText, questions: Iterable[Question]) -> tuple[Gap, ...]:
    """Return all that is missing before the opinion may be signed: sections (R31, R33) and open questions (M10)."""
    found = [
        Gap(field=key, sentence=f"Write the section “{title}”.")
        for key, title in SECTIONS.items()
        if not getattr(text, key)
    ]
    for number, question in enumerate(questions, start=1):
        answer = text.answer_to(question.id)
        if answer.outcome is None or not answer.text:
            sentence = f"Question {number} is open: answer it, decline it with a reason, or say who can answer it."
            found.append(Gap(field=f"answer-{question.id}", sentence=sentence))
    return tuple(found)


def check_signature(author: str, typed_name: str, confirmed: bool) -> tuple[Gap, ...]:
    """Return what is wrong with a signature: it is the author's own full name, typed, and a deliberate yes."""
    found = []
    if not same_name(typed_name, author):
        found.append(Gap(field="name", sentence=f"Type your name as it stands on the roster: {author}."))
    if not confirmed:
        found.append(Gap(field="confirm", sentence="Confirm that this is your opinion and that it is complete."))
    return tuple(found)
