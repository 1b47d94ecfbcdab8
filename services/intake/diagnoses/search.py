"""Searching kinds of cancer by words or code, and what a chosen kind stands for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.circumstances import Diagnosis
from services.intake.diagnoses import icd10
from services.intake.diagnoses.words import matches, plain, words_of
from services.intake.store import oncotree
from shared.db import Tx
from shared.programme import Programme
from shared.programme.model import CancerType

MOST = 25
UNSURE = "not_listed"


@dataclass(frozen=True, slots=True)
class Found:
    """One line to choose: the form's value for it, its name, and its code where it has one."""

    value: str
    title: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a chosen value stands for: the programme's type, and the code beside it."""

    cancer_type: str
    diagnosis: Diagnosis | None


class Kinds:
    """The kinds that one programme knows, with the published lists beside them."""

    def __init__(self, rules: Programme) -> None:
        self._rules = rules
        self.unsure = UNSURE if UNSURE in rules.cancer_types else list(rules.cancer_types)[-1]

    def offered(self, locale: str) -> list[Found]:
        """Return the programme's own table, but for "not sure", which stands by itself."""
        return [_own(kind, locale) for kind in self._rules.cancer_types.values() if kind.code != self.unsure]

    async def search(self, tx: Tx, query: str, locale: str) -> list[Found]:
        """Return what matches every word, or the code: the programme's kinds first, then coded diagnoses, `MOST` at most."""
        wanted = words_of(query)
        if not wanted:
            return []
        await asyncio.to_thread(icd10.entries)
        kinds = [
            _own(kind, locale)
            for kind in self._rules.cancer_types.values()
            if kind.code != self.unsure and matches(wanted, " ".join((*kind.titles.values(), *kind.synonyms)))
        ]
        imported = [
            Found(f"oncotree:{one.code}", one.title, one.code)
            for one in await oncotree.all_types(tx)
            if plain(one.code) == plain(query.strip()) or matches(wanted, f"{one.title} {one.tissue}")
        ]
        return [*kinds, *_coded(query, wanted), *imported][:MOST]

    async def chosen(self, tx: Tx, value: str) -> Chosen | None:
        """Return what this value of the form stands for; None when nothing does (any more)."""
        system, _, code = value.rpartition(":")
        if not system:
            return Chosen(value, None) if value in self._rules.cancer_types else None
        if system == "icd10cm":
            entries = await asyncio.to_thread(icd10.by_code)
            if (entry := entries.get(code)) is None:
                return None
            return Chosen(self._type_of(code), Diagnosis(system="icd10cm", code=code, title=entry.title))
        if (one := await oncotree.type_with_code(tx, code)) is None:
            return None
        diagnosis = Diagnosis(system="oncotree", code=code, title=one.title[:200])
        return Chosen(self._of_tissue(one.tissue), diagnosis)

    def _type_of(self, code: str) -> str:
        """Return the type whose range of ICD-10-CM holds this code, the narrowest range first."""
        ranges = [(start, kind.code) for kind in self._rules.cancer_types.values() for start in kind.icd10]
        return max(((start, kind) for start, kind in ranges if code.startswith(start)), default=("", self.unsure))[1]

    def _of_tissue(self, tissue: str) -> str:
        types = self._rules.cancer_types.values()
        return next((kind.code for kind in types if tissue in kind.oncotree), self.unsure)


def _own(kind: CancerType, locale: str) -> Found:
    return Found(kind.code, kind.title_in(locale))


def _coded(query: str, wanted: tuple[str, ...]) -> Iterator[Found]:
    """Yield ICD-10-CM's matches: by code where the query looks like one, else by words, general codes before their parts."""
    code = query.strip().upper().replace(".", "")
    by_code = len(code) >= 3 and code[1:3].isalnum() and code[0] in "CD" and any(map(str.isdigit, code))
    found = [
        entry
        for entry in icd10.entries()
        if (by_code and entry.code.replace(".", "").startswith(code))
        or matches(wanted, " ".join((entry.title, *entry.also)))
    ]
    for entry in sorted(found, key=lambda entry: len(entry.code)):
        yield Found(f"icd10cm:{entry.code}", entry.title, entry.code)
