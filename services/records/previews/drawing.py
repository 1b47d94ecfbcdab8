"""Draws a page of a PDF, or a photograph or scan, as WebP. Runs inside the sandbox (``services.records.sandbox``)."""

import io
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageOps, ImageSequence

from services.records.inspection import images, kinds

LARGEST_SIDE = 3000
"""Pixels; a page longer than that is drawn smaller."""
assert images.MOST_PIXELS  # importing it teaches Pillow HEIC and lifts the limit that the inspection has set already


class NoSuchPage(Exception):
    """The document has fewer pages."""

    code = "no_such_page"


def draw(path: str, page: int, width: int, turn: int) -> tuple[dict[str, Any], bytes]:
    """Return page ``page`` (from 1), about ``width`` pixels wide, turned clockwise by ``turn`` degrees. Raises ``NoSuchPage``."""
    with Path(path).open("rb") as file:
        kind = kinds.kind_of(file.read(kinds.HEAD))
    drawn = _of_pdf(path, page, width) if kind == kinds.PDF else _of_image(path, page, width)
    if turn:
        drawn = drawn.rotate(-turn, expand=True)
    made = io.BytesIO()
    drawn.convert("RGB").save(made, "WEBP", quality=82, method=2)
    return {"width": drawn.width, "height": drawn.height}, made.getvalue()


def _of_pdf(path: str, page: int, width: int) -> Image.Image:
    with Path(path).open("rb") as file:  # by its path it would look for the name that the file doesn't have
        pdf = pypdfium2.PdfDocument(file)
        if not 1 <= page <= len(pdf):
            raise NoSuchPage
        sheet = pdf[page - 1]
        wide, high = sheet.get_size()
        scale = min(width / max(wide, 1), LARGEST_SIDE / max(wide, high, 1))
        drawn: Image.Image = sheet.render(scale=max(scale, 0.01), may_draw_forms=False).to_pil()
        pdf.close()
    return drawn


def _of_image(path: str, page: int, width: int) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (width, width))
        for number, frame in enumerate(ImageSequence.Iterator(image), 1):
            if number == page:
                upright = ImageOps.exif_transpose(frame.convert("RGB"))
                upright.thumbnail((min(width, LARGEST_SIDE), LARGEST_SIDE))
                return upright
    raise NoSuchPage
