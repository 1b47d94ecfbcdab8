"""PDF: it opens without a password, has pages, and holds nothing that runs, starts or carries something else."""

from collections.abc import Iterator
from typing import Any

import pikepdf

from services.records.inspection.found import Bad, Found
from services.records.inspection.kinds import PDF

MOST_PAGES = 3000
_SCRIPT_KEYS = frozenset({"/JS", "/JavaScript", "/XFA"})
_CARRIES = frozenset({"/EF", "/EmbeddedFiles", "/RichMediaContent"})
_ACTIONS = {
    "/JavaScript": "script", "/Launch": "launch", "/ImportData": "script", "/SubmitForm": "script", "/Rendition": "script",
    "/Movie": "attachments", "/Sound": "attachments", "/GoToE": "attachments", "/RichMediaExecute": "script", "/GoTo3DView": "script",
}  # fmt: skip


def examine(path: str) -> Found:
    """Return what the PDF is. Raises ``Bad``."""
    try:
        with pikepdf.open(path, suppress_warnings=True) as pdf:
            pages = len(pdf.pages)
            if pages == 0:
                raise Bad("unreadable")
            if pages > MOST_PAGES:
                raise Bad("too_many_pages")
            for thing in pdf.objects:
                _refuse_active(thing)
            _refuse_active(pdf.trailer)
    except pikepdf.PasswordError:
        raise Bad("password") from None
    except pikepdf.PdfError:
        raise Bad("unreadable") from None
    return Found(PDF, pages=pages)


def _refuse_active(thing: Any) -> None:
    for key, value in _pairs(thing):
        if key in _SCRIPT_KEYS:
            raise Bad("script")
        if key in _CARRIES:
            raise Bad("attachments")
        if key == "/S" and isinstance(value, pikepdf.Name) and str(value) in _ACTIONS:
            raise Bad(_ACTIONS[str(value)])


def _pairs(thing: Any) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a dictionary and of all that stands directly in it, however deep.

    Indirect objects come by themselves, so there is no way round in a circle.
    """
    inside = [thing]
    while inside:
        one = inside.pop()
        if isinstance(one, (pikepdf.Dictionary, pikepdf.Stream)):
            values = [one[key] for key in one.keys()]  # noqa: SIM118 - pikepdf iterates over values of streams
            yield from zip(one.keys(), values, strict=True)
        else:
            values = list(one) if isinstance(one, pikepdf.Array) else []
        inside += [
            value
            for value in values
            if isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and not value.is_indirect
        ]
