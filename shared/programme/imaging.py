"""What the programme asks of scans (R25): how thin, of which region, in which contrast phases. Planning data, not code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from shared.programme.values import Code, ReadOnly, Texts, Value, in_locale

Words = tuple[Annotated[str, Field(min_length=1)], ...]
Modality = Annotated[str, Field(pattern="^[A-Z]{2,16}$")]
"""DICOM's own code (PS3.3 C.7.3.1.1.1): CT, MR, PT."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Called(Value):
    """A region of the body or a contrast phase: its name, and the words by which scanners and technicians call it."""

    titles: Annotated[Texts, Field(alias="title")]
    words: Annotated[Words, Field(min_length=1)]

    def title_in(self, locale: str) -> str:
        """Return its name in ``locale``, or in English."""
        return in_locale(self.titles, locale)


class Stack(Value):
    """What a scan of one modality must be: slices of at most ``thickest_mm`` millimetres, at least ``fewest_images``."""

    thickest_mm: Annotated[float, Field(gt=0)]
    fewest_images: Annotated[int, Field(ge=1)] = 1


class Contrast(Value):
    """With these cancers, a scan of ``modality`` of one of ``regions`` is of use only with contrast medium, in ``phases``."""

    cancer_types: Annotated[tuple[Code, ...], Field(min_length=1)]
    modality: Modality
    regions: Annotated[tuple[Code, ...], Field(min_length=1)]
    phases: tuple[Code, ...] = ()


class Imaging(Value):
    """What is asked of scans; a programme that says nothing judges only what is wrong for everybody.

    ``gap``: from which multiple of their usual distance two neighbouring slices have a hole between them.
    ``wanted``: the regions of which scans are of use, by cancer type.
    """

    gap: Annotated[float, Field(gt=1)] = 1.5
    stacks: ReadOnly[Modality, Stack] = Field(default_factory=_nothing)
    regions: ReadOnly[str, Called] = Field(default_factory=_nothing)
    phases: ReadOnly[str, Called] = Field(default_factory=_nothing)
    wanted: ReadOnly[str, tuple[Code, ...]] = Field(default_factory=_nothing)
    contrast: tuple[Contrast, ...] = ()
    localiser_words: Words = ()
    not_diagnostic_words: Words = ()

    def wanted_for(self, cancer_type: str | None) -> tuple[str, ...]:
        """Return the regions of which scans are of use for this cancer; none named: of any."""
        return self.wanted.get(cancer_type or "", ())

    def contrast_for(self, cancer_type: str | None) -> tuple[Contrast, ...]:
        """Return which contrast is asked for with this cancer."""
        return tuple(one for one in self.contrast if cancer_type in one.cancer_types)
