"""PDF: it opens without a password, has pages, and holds nothing that runs, starts or carries something else."""

from collections.abc import Iterator
from typing import Any

import pikepdf

from services.records.inspection.found import Bad, Found
from services.records.inspection.kinds import PDF

MOST_PAGES = 3000
_DEEPEST = 12
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
    for key, value in _pairs(thing, 0):
        if key in _SCRIPT_KEYS:
            raise Bad("script")
        if key in _CARRIES:
            raise Bad("attachments")
        if key == "/S" and isinstance(value, pikepdf.Name) and str(value) in _ACTIONS:
            raise Bad(_ACTIONS[str(value)])


def _pairs(thing: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the keys and values of a dictionary and of all that stands directly in it; indirect objects come by themselves."""
    if depth > _DEEPEST:
        return
    if isinstance(thing, (pikepdf.Dictionary, pikepdf.Stream)):
        for key in thing.keys():  # noqa: SIM118 - pikepdf iterates over values of streams
            value = thing[key]
            yield key, value
            if isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and not value.is_indirect:
                yield from _pairs(value, depth + 1)
    elif isinstance(thing, pikepdf.Array):
        for value in thing:
            if isinstance(value, (pikepdf.Dictionary, pikepdf.Array)) and not value.is_indirect:
                yield from _pairs(value, depth + 1)
