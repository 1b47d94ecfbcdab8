"""HTML forms: what the browser sent, checked by a pydantic model, with one plain sentence per field that needs mending."""

from collections.abc import Callable
from datetime import date
from types import UnionType
from typing import Annotated, Any, ClassVar, Generic, TypeVar, Union, get_args, get_origin

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from starlette.datastructures import FormData, UploadFile

from shared.web.dates import iso_date
from shared.web.i18n import N_, translator_for
from shared.web.pages import translated
from shared.web.problem import Problem


class Incoming(BaseModel):
    """Base of every request model: unknown fields are refused, never ignored; text comes without outer spaces.

    ``sentences`` says, per field, what to tell a person whose answer is missing or wrong (marked with ``N_``).
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    sentences: ClassVar[dict[str, str]] = {}

    @field_validator("*")
    @classmethod
    def _can_be_kept(cls, value: Any) -> Any:
        """Refuse U+0000, the one character that PostgreSQL keeps in no text."""
        for text in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(text, str) and "\0" in text:
                raise ValueError(N_("Check this answer"))
        return value


M = TypeVar("M", bound=BaseModel)

_SENTENCES = {
    "missing": N_("Answer this question"),
    "string_too_short": N_("Answer this question"),
    "string_too_long": N_("Make this shorter"),
    "date_from_datetime_parsing": N_("Enter a real date, such as 27 3 1978"),
    "date_parsing": N_("Enter a real date, such as 27 3 1978"),
    "int_parsing": N_("Enter a whole number"),
    "decimal_parsing": N_("Enter a number"),
    "literal_error": N_("Choose one of the answers"),
    "enum": N_("Choose one of the answers"),
    "too_short": N_("Choose at least one answer"),
    "extra_forbidden": N_("This form has changed. Fill it in again"),
}


async def sent_form(request: Request) -> FormData:
    """Return the request's form, read once; its files stay open until the request is over (``middleware.py``)."""
    form = await request.form()
    request.state.open_form = form
    return form


class Form(Generic[M]):
    """A form as it was sent: ``values`` to show again, ``errors`` by field, and ``model`` when all is well."""

    def __init__(
        self, values: dict[str, Any], files: dict[str, UploadFile], model: M | None, errors: dict[str, str]
    ) -> None:
        self.values = values
        self.files = files
        self.errors = errors
        self._model = model

    @classmethod
    async def read(cls, request: Request, model: type[M]) -> "Form[M]":
        """Read the body of ``request`` as ``model``. Blank answers count as not given; ``x-day``, ``x-month``, ``x-year`` make ``x``.

        The month may be a word, in any of our languages.
        """
        sent = await sent_form(request)
        values: dict[str, Any] = {}
        files = {name: value for name, value in sent.multi_items() if isinstance(value, UploadFile)}
        for name in dict.fromkeys(sent):
            if name.startswith("_") or name in files:
                continue
            texts = [value for value in sent.getlist(name) if isinstance(value, str)]
            values[name] = texts if _takes_many(model, name) else texts[-1]
        _ = translator_for(request).gettext
        try:
            return cls(values, files, model.model_validate(_given(model, values)), {})
        except ValidationError as error:
            return cls(values, files, None, _errors(model, error, _))

    @classmethod
    def blank(cls, **values: Any) -> "Form[M]":
        """Return a form nobody has sent yet, showing ``values``."""
        return cls(values, {}, None, {})

    @property
    def valid(self) -> bool:
        """Tell whether there is nothing to mend."""
        return self._model is not None and not self.errors

    @property
    def model(self) -> M:
        """Return what was sent. Raises ``Problem`` 422 when it needs mending first."""
        if self._model is None or self.errors:
            raise Problem(
                422,
                "Some answers need mending",
                errors=[{"pointer": f"#/{k}", "detail": v} for k, v in self.errors.items()],
            )
        return self._model

    def refuse(self, field: str, sentence: str) -> None:
        """Add what a rule beyond the single field found (already translated)."""
        self.errors.setdefault(field, sentence)

    def error(self, field: str) -> dict[str, str] | None:
        """Return a field's ``errorMessage`` for a component, or None."""
        if field not in self.errors:
            return None
        return {"text": self.errors[field], "visuallyHiddenText": translated(N_("Error"))}

    @property
    def error_list(self) -> list[dict[str, str]]:
        """Return the error summary's list; each sentence leads to its field (whose id is its name)."""
        return [{"text": sentence, "href": f"#{field}"} for field, sentence in self.errors.items()]


def _given(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    given = dict(values)
    for name, info in model.model_fields.items():
        parts = [str(given.pop(f"{name}-{part}", "")).strip() for part in ("year", "month", "day")]
        if any(parts) and date in _types(info.annotation):
            given[name] = iso_date(*parts)
    return {name: value for name, value in given.items() if value not in ("", [], [""])}


def _errors(model: type[BaseModel], error: ValidationError, translate: Callable[[str], str]) -> dict[str, str]:
    own: dict[str, str] = getattr(model, "sentences", {})
    found: dict[str, str] = {}
    for item in error.errors():
        field = str(item["loc"][0]) if item["loc"] else ""
        own_words = item["ctx"]["error"].args[0] if item["type"] == "value_error" and "ctx" in item else None
        sentence = own_words or own.get(field) or _SENTENCES.get(item["type"]) or N_("Check this answer")
        found.setdefault(field, translate(sentence))
    return found


def _takes_many(model: type[BaseModel], name: str) -> bool:
    info = model.model_fields.get(name)
    return info is not None and any(get_origin(t) in (list, tuple, set, frozenset) for t in _options(info.annotation))


def _options(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _types(annotation: Any) -> tuple[Any, ...]:
    return _options(annotation)
