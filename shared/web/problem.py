"""Errors as RFC 9457 problems: JSON for programs, a page in plain words for people. Nothing inside leaks out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response


class Problem(HTTPException):
    """An answer other than success: ``raise Problem(409, "Already claimed", detail="What to do now.")``.

    ``title`` says what is wrong, ``detail`` what to do about it, ``errors`` names fields (``{"pointer", "detail"}``);
    ``extensions`` become members of the JSON document.
    """

    def __init__(
        self,
        status: int,
        title: str | None = None,
        *,
        detail: str | None = None,
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


def respond(request: Request, problem: Problem) -> Response:
    """Return the problem in the form that the caller can use."""
    if 300 <= problem.status_code < 400:
        return RedirectResponse((problem.headers or {})["Location"], problem.status_code)
    if wants_page(request):
        from shared.web.pages import error_page

        return error_page(request, problem)
    return ProblemResponse(problem.document(), problem.status_code, headers=problem.headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a ``Problem``, or what the framework raised (404, 405, 413…)."""
    if isinstance(error, Problem):
        return respond(request, error)
    assert isinstance(error, HTTPException)
    return respond(request, _from_framework(error))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer a body or query that is not what the route takes: 400 when it is not JSON at all, else 422 field by field."""
    assert isinstance(error, RequestValidationError)
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return respond(request, Problem(400, "Not JSON", detail="Send a well-formed JSON document."))
    errors = [{"pointer": _pointer(item["loc"]), "detail": str(item["msg"])} for item in error.errors()]
    return respond(request, Problem(422, "Not what this address takes", detail="Mend the members named under errors.", errors=errors))


def unexpected() -> Problem:
    """Return what the world may know about an error of ours: that we know of it."""
    return Problem(500, "Something went wrong on our side", detail="Nothing was changed. Try again in a minute; if it happens again, call us.")


def unavailable() -> Problem:
    """Return the answer while the database does not."""
    return Problem(503, "Back in a moment", detail="Nothing was changed. Try again in a minute.", headers={"Retry-After": "5"})


_PLAIN = {
    404: ("Page not found", "Check the address, or start again from the first page."),
    405: ("Not possible here", "This address does not do that. Go back and use the buttons on the page."),
    413: ("Too large", "Send a smaller file, or less at a time."),
}


def _from_framework(error: HTTPException) -> Problem:
    title, detail = _PLAIN.get(error.status_code, (None, None))
    return Problem(error.status_code, title, detail=detail, headers=error.headers)


def _pointer(loc: Sequence[int | str]) -> str:
    where, *rest = loc
    if where == "body":
        return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    return "/".join(map(str, loc))
