"""What a DICOMweb client accepts (PS3.18 8.7), and how it wants pictures: read from headers and query parameters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from starlette.requests import Request

from shared.web import Problem

NATIVE = "1.2.840.10008.1.2.1"
OCTETS = "application/octet-stream"
MEDIA_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys(("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
                     "1.2.840.10008.1.2.4.70"), "image/jpeg"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"), "image/jls"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"), "image/jp2"),
    **dict.fromkeys(("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"), "image/jphc"),
}  # fmt: skip
"""How frames of a compressed transfer syntax are called (PS3.18 table 8.7.3-5)."""


@dataclass(frozen=True)
class Range:
    """One range of an Accept header: the media type, of the parts where it is a multipart one, and a transfer syntax."""

    multipart: bool
    media_type: str
    syntax: str

    def allows(self, media_type: str) -> bool:
        """Return whether it names this type, or a pattern of it."""
        main = media_type.partition("/")[0]
        return self.media_type in ("*/*", f"{main}/*", media_type)


def ranges(request: Request) -> Iterator[Range]:
    """Yield what the request accepts: its query parameter ``accept``, else its header, else anything."""
    said = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    for one in re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", said):
        media_type, *rest = (part.strip() for part in one.split(";"))
        named = dict(part.partition("=")[::2] for part in rest)
        options = {name.strip().lower(): value.strip().strip('"') for name, value in named.items()}
        multipart = media_type.lower() == "multipart/related"
        kind = options.get("type", "*/*") if multipart else media_type.lower()
        yield Range(multipart or kind == "*/*", kind, options.get("transfer-syntax", ""))


def require(request: Request, *offered: str) -> str:
    """Return the first of ``offered`` that the client accepts. Raises ``Problem`` 406 naming them.

    ``multipart/related; type=…`` is offered as such, and stands first where the client takes anything.
    """
    accepted = list(ranges(request))
    for offer in offered:
        whole, _, part = offer.partition("; type=")
        if any(one.allows(part or whole) and (one.multipart or not part) for one in accepted):
            return offer
    raise Problem(406, "Not in this form", detail=f"This address answers {' or '.join(offered)}.")


def frames(request: Request) -> tuple[set[str], bool]:
    """Return which compressed media types the client takes as they are, and whether it takes frames without compression.

    Raises ``Problem`` 406.
    """
    accepted = [one for one in ranges(request) if one.multipart]
    any_syntax = any(one.syntax == "*" for one in accepted)
    as_stored = {
        kind for kind in MEDIA_TYPES.values() if any(one.allows(kind) for one in accepted if one.media_type != "*/*")
    }
    native = any(one.allows(OCTETS) for one in accepted)
    if not as_stored and not native:
        raise Problem(406, "Not in this form", detail=f"This address answers multipart/related; type={OCTETS}.")
    return ({*MEDIA_TYPES.values()} if any_syntax and native else as_stored), native


def rendering(request: Request) -> tuple[str, int]:
    """Return window and longest edge of a picture (PS3.18 8.3.5). Raises ``Problem`` 400."""
    window, viewport = request.query_params.get("window"), request.query_params.get("viewport")
    shown = re.fullmatch(r"(-?\d{1,5}(?:\.\d{1,3})?),(\d{1,5}(?:\.\d{1,3})?),(?i:linear)", window or "0,1,linear")
    sized = re.fullmatch(r"(\d{1,5}),(\d{1,5})", viewport or "1024,1024")
    if shown is None or sized is None or not (edge := max(int(sized[1]), int(sized[2]))) >= 16:
        raise Problem(400, "Not a way to draw it", detail="Send window=centre,width,LINEAR and viewport=width,height.")
    return (f"{shown[1]},{shown[2]}" if window else "own"), min(edge, 4096)
