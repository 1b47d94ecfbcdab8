"""What is signed: a clinician's declaration, consent."""

from __future__ import annotations

from typing import ClassVar, Literal

from services.intake.values import Line
from shared.web import Incoming
from shared.web.i18n import N_


class Signed(Incoming):
    """A text in one version, agreed to and signed by typing a name."""

    sentences: ClassVar[dict[str, str]] = {"signed_name": N_("Type your full name to sign")}
    version: str
    accepted: Literal["yes"]
    signed_name: Line


class Declared(Signed):
    """A clinician's authority to refer this patient."""

    sentences: ClassVar[dict[str, str]] = {**Signed.sentences, "accepted": N_("Tick the box to declare this")}


class Agreement(Signed):
    """Consent for two organisations (R29)."""

    sentences: ClassVar[dict[str, str]] = {
        **Signed.sentences,
        "accepted": N_("Tick the box to agree; without consent we cannot start"),
    }
