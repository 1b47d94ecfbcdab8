"""Services that may be chosen together: what a programme says to a selection of them (R13-R17)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Protocol

from services.intake.domain.refusals import Unacceptable


class Refusal(Protocol):
    """One broken programme rule, with the sentence that explains it."""

    @property
    def rule(self) -> str: ...
    @property
    def sentence(self) -> str: ...


class Rules(Protocol):
    """The part of a programme that judges a selection of services (R13-R17, R18: programme data, not code)."""

    @property
    def reasons(self) -> Mapping[str, object]: ...
    @property
    def cancer_types(self) -> Mapping[str, object]: ...
    @property
    def catalogue(self) -> Mapping[str, object]: ...
    def text_version(self, key: str) -> str: ...
    def check_selection(self, codes: Iterable[str]) -> Sequence[Refusal]: ...


@dataclass(frozen=True)
class ServiceSelection:
    """Catalogue codes that obey `rules`; anything else raises Unacceptable with a sentence each (R13-R17)."""

    codes: tuple[str, ...]
    rules: InitVar[Rules]

    def __post_init__(self, rules: Rules) -> None:
        if refusals := rules.check_selection(self.codes):
            raise Unacceptable([refusal.sentence for refusal in refusals])
