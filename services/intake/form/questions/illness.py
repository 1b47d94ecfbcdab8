"""The illness, and why somebody asks."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from services.intake.values import AskedText, Code, Text
from shared.web import Incoming
from shared.web.i18n import N_


class Kind(Incoming):
    """The kind of cancer: a code of the programme's table, or ``icd10cm:…`` or ``oncotree:…``."""

    sentences: ClassVar[dict[str, str]] = {
        "kind": N_("Choose the kind of cancer or blood disorder; you may say that you are not sure")
    }
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$|^(icd10cm|oncotree):[A-Za-z0-9._-]{1,40}$")]


class Reasons(Incoming):
    """Why (R3)."""

    sentences: ClassVar[dict[str, str]] = {"reasons": N_("Choose at least one reason")}
    reasons: tuple[Code, ...] = Field(min_length=1, max_length=8)


class Surgery(Incoming):
    """Whether surgery may be needed, for the advice of R4."""

    sentences: ClassVar[dict[str, str]] = {"surgery": N_("Choose one of the answers")}
    surgery: Literal["yes", "no", "unsure"]


class Story(Incoming):
    story: Text | None = None


class NewQuestion(Incoming):
    """One question to the specialist: it will be answered, declined with a reason, or redirected (M10)."""

    sentences: ClassVar[dict[str, str]] = {"text": N_("Write your question first, or go on without")}
    text: AskedText
