"""Pictures that were made of a case's files, kept a while in this process's memory, each sealed under the key of its case.

Whoever asks has opened the file first (``vault.opened``): that they may see it, and that the case wasn't erased, is asked
each time. Once the case's key is erased, nobody can open what is kept of it, here or in a copy of the memory.
"""

from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.records.vault import Broken, OpenFile
from services.records.vault.sealing import HEAD, Opener, seal
from shared.ids import CaseId

BYTES = 96 << 20
BYTES_OF_A_CASE = 32 << 20
"""A case that somebody pages through for long doesn't push out what others look at."""


@dataclass(frozen=True)
class Picture:
    """An encoded picture; ``about``: its size, and how it is shown."""

    about: Mapping[str, Any]
    content: bytes


@dataclass(frozen=True)
class _Sealed:
    case_id: CaseId
    about: Mapping[str, Any]
    size: int
    content: bytes


class Kept:
    """The pictures that were looked at last, up to so many bytes in all and of a case."""

    def __init__(self, limit: int = BYTES, of_a_case: int = BYTES_OF_A_CASE) -> None:
        self._limits = (limit, of_a_case)
        self._pictures: OrderedDict[tuple[UUID, Hashable], _Sealed] = OrderedDict()
        self._sizes: Counter[CaseId | None] = Counter()

    def get(self, file: OpenFile, asked: Hashable) -> Picture | None:
        """Return what was kept of a file for what was ``asked``, if it is still there."""
        found = self._pictures.get(key := (file.id, asked))
        if found is None:
            return None
        self._pictures.move_to_end(key)
        try:
            opener = Opener(file.vault.key, str(file.id), found.content[:HEAD], found.size)
            return Picture(found.about, opener.open(0, memoryview(found.content)[HEAD:]))
        except Broken:
            self._drop(key)
            return None

    def put(self, case_id: CaseId, file: OpenFile, asked: Hashable, picture: Picture) -> None:
        """Keep a picture, and drop those that were looked at longest ago, of its case first.

        Nothing is kept of files from before cases had keys: nobody could see to it that it goes.
        """
        if not file.laid.sealed:
            return
        key = (file.id, asked)
        if key in self._pictures:
            self._drop(key)
        sealed = seal(file.vault.key, str(file.id), picture.content)
        self._pictures[key] = _Sealed(case_id, picture.about, len(picture.content), sealed)
        self._sizes.update({None: len(sealed), case_id: len(sealed)})
        whole, of_a_case = self._limits
        while self._sizes[case_id] > of_a_case:
            self._drop(next(one for one, kept in self._pictures.items() if kept.case_id == case_id))
        while self._sizes[None] > whole:
            self._drop(next(iter(self._pictures)))

    def __len__(self) -> int:
        return len(self._pictures)

    def _drop(self, key: tuple[UUID, Hashable]) -> None:
        gone = self._pictures.pop(key)
        self._sizes.subtract({None: len(gone.content), gone.case_id: len(gone.content)})
        if not self._sizes[gone.case_id]:
            del self._sizes[gone.case_id]


KEPT = Kept()
