"""Errors as RFC 9457 problems: JSON for programs, a page in plain words for people. Nothing inside leaks out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


class Problem(HTTPException):
    """An answer other than success: ``raise Problem(409, "Already claimed", detail="What to do now.")``.

    ``title`` says what is wrong, ``detail`` what to do about it, ``errors`` names fields (``{"pointer", "detail"}``);
    ``extensions`` become members of the JSON document.
    """

    def __init__(
        self,
        status: int,
        title: str | None = None,
        detail: str | None = None,
        *,
        type: str = "about:blank",  # noqa: A002 - the member's name in RFC 9457
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        super().__init__(status, detail=detail, headers=dict(headers or {}))
        self.title = title or HTTPStatus(status).phrase
        self.explanation = detail
        self.type = type
        self.errors = list(errors)
        self.extensions = extensions

    def document(self) -> dict[str, Any]:
        """Return the ``application/problem+json`` document."""
        document: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status_code}
        if self.explanation:
            document["detail"] = self.explanation
        if self.errors:
            document["errors"] = self.errors
        return {**self.extensions, **document}


class ProblemResponse(JSONResponse):
    """A problem on the wire."""

    media_type = "application/problem+json"


def wants_page(request: Request) -> bool:
    """Tell whether a person in a browser waits for this answer; everything under ``/api/`` and ``/partner/`` is for programs."""
    if request.url.path.startswith(("/api/", "/partner/")):
        return False
    accept = request.headers.get("accept", "")
    return "text/html" in accept or "hx-request" in request.headers
