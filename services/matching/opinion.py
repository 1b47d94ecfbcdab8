"""The opinion as a document: a tagged, accessible PDF (PDF/UA-1) made by typst, the same bytes for the same input.

Everything a person wrote reaches the template as JSON data and is placed as plain text: none of it is read as markup.
"""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from services.matching.domain.candidates import Specialist
from services.matching.domain.opinions import SECTIONS, OpinionText, Outcome, Question
from shared.typesetting import Unprintable, spelled_out, typeset
from shared.web.times import spoken_day, spoken_instant

TEMPLATE = Path(__file__).parent / "templates" / "opinion.typ"
_NOTE = {
    Outcome.ANSWERED: "",
    Outcome.DECLINED: "This question is not answered here. The reason:",
    Outcome.REDIRECTED: "Someone else can answer this question:",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A text of the programme that stands on each opinion (R33), in one language (ISO 639)."""

    lang: str
    text: str
    rtl: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """All that one opinion says. Names and questions come from others: the author can't reword them."""

    hospital: str
    partner: str
    case_number: str
    patient: str
    birth_date: str
    physician: str
    author: Specialist
    version: int
    correction: str
    text: OpinionText
    questions: tuple[Question, ...]
    notices: tuple[Notice, ...]
    small_print: str
    """What stands small under every page: who stands behind this programme, and who doesn't."""
    signed_name: str | None
    at: datetime
    """When it was signed, or a preview's last change: the document's date."""


def render(letter: Letter, node_modules: Path) -> bytes:
    """Return the PDF. A name or question in a script without a font is spelled in Latin letters.

    Raises ``Unprintable`` for characters that the author wrote and no font has.
    """
    try:
        return typeset(TEMPLATE, "opinion", _content(letter), letter.at, node_modules)
    except Unprintable as problem:
        written = " ".join(
            [*(getattr(letter.text, key) for key in SECTIONS), *(one.text for one in letter.text.answers)]
        )
        if own := problem.characters & set(written + letter.correction):
            raise Unprintable(own) from None
        content = spelled_out(_content(letter), problem.characters)
        return typeset(TEMPLATE, "opinion", content, letter.at, node_modules)


def _content(letter: Letter) -> dict[str, Any]:
    text, signed_on = letter.text, spoken_day(letter.at, "en")
    title = "Remote second opinion"
    facts = [
        ("Patient", letter.patient),
        ("Date of birth", letter.birth_date),
        ("Case", letter.case_number),
        ("Specialist", f"{letter.author.name}, {letter.author.credentials}"),
        ("Local physician", letter.physician),
        ("Date", signed_on if letter.signed_name else f"{signed_on} (draft)"),
    ]
    correction = (
        {"heading": f"Corrected version {letter.version}", "text": letter.correction} if letter.correction else None
    )
    return {
        "title": title,
        "organisation": letter.hospital,
        "partner": f"with {letter.partner}",
        "case_number": letter.case_number,
        "footer": f"{title} · version {letter.version}",
        "small_print": letter.small_print,
        "preview": letter.signed_name is None,
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "specialist": {"name": letter.signed_name or letter.author.name, "credentials": letter.author.credentials},
        "correction": correction,
        "sections": [
            {"title": heading, "parts": parts(getattr(text, key))}
            for key, heading in SECTIONS.items()
            if key != "limits"
        ],
        "answers": [_answered(question, text) for question in letter.questions],
        "limits": {"title": SECTIONS["limits"], "parts": parts(text.limits)},
        "notices": [asdict(notice) for notice in letter.notices],
        "signature": f"Signed electronically on {spoken_instant(letter.at, ZoneInfo('UTC'), 'en')}",
    }


def _answered(question: Question, text: OpinionText) -> dict[str, Any]:
    answer = text.answer_to(question.id)
    note = _NOTE[answer.outcome] if answer.outcome else "Not answered yet."
    return {"question": question.text, "note": note, "parts": parts(answer.text)}


def parts(text: str) -> list[dict[str, Any]]:
    """Split prose at blank lines; lines that begin with ``-``, ``*`` or ``•`` make a list."""
    found: list[dict[str, Any]] = []
    for line in text.split("\n"):
        item = re.fullmatch(r"\s*[-*•]\s+(.+)", line)
        if item and found and found[-1].get("kind") == "list":
            found[-1]["items"].append(item[1])
        elif item:
            found.append({"kind": "list", "items": [item[1]]})
        elif not line.strip():
            found.append({})
        elif found and found[-1].get("kind") == "p":
            found[-1]["lines"].append(line.strip())
        else:
            found.append({"kind": "p", "lines": [line.strip()]})
    return [part for part in found if part]
