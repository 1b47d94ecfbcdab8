"""The small types that programme data is made of: frozen values, codes, texts in several languages, durations."""

import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

ENGLISH = "en"
_ISO_DURATION = re.compile(r"P(?=.)(\d+W|(\d+D)?(T(?=.)(\d+H)?(\d+M)?)?)")

T = TypeVar("T")
K = TypeVar("K")


class Value(BaseModel):
    """A frozen value that knows all its fields: a misspelt key is refused, and no text counts as a number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def _read_only(mapping: Mapping[K, T]) -> Mapping[K, T]:
    return MappingProxyType(dict(mapping))


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str) or not _ISO_DURATION.fullmatch(value):
        raise ValueError("a duration is written as P7D, P2W or PT48H")
    return TypeAdapter(timedelta).validate_python(value)


def _spoken(texts: Mapping[str, str]) -> Mapping[str, str]:
    if ENGLISH not in texts:
        raise ValueError("the English text is missing")
    if empty := [locale for locale, text in texts.items() if not text.strip()]:
        raise ValueError(f"the text is empty in {', '.join(empty)}")
    return MappingProxyType(dict(texts))


Code = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=60)]
Duration = Annotated[timedelta, BeforeValidator(_duration), Field(gt=timedelta(0))]
ReadOnly = Annotated[Mapping[K, T], AfterValidator(_read_only)]
Texts = Annotated[Mapping[str, str], AfterValidator(_spoken)]


def in_locale(texts: Mapping[str, str], locale: str) -> str:
    """Return the text in ``locale`` (``zh_Hans`` or ``zh-Hans``), and in English where that language has none."""
    return texts.get(locale.replace("-", "_"), texts[ENGLISH])
