"""Every answer that is not success: what went wrong, in the form that whoever asked can use."""

from collections.abc import Sequence
from contextlib import suppress

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from shared.web.auth import identify
from shared.web.i18n import N_
from shared.web.pages import error_page
from shared.web.problem import Problem, ProblemResponse, wants_page


async def respond(request: Request, problem: Problem) -> Response:
    """Return the problem in the form that the caller can use; staff get a page of the desk."""
    if 300 <= problem.status_code < 400:
        return RedirectResponse((problem.headers or {})["Location"], problem.status_code)
    if wants_page(request):
        with suppress(Problem):  # a bad token: the page is drawn as for a stranger
            await identify(request)
        return error_page(request, problem)
    return ProblemResponse(problem.document(), problem.status_code, headers=problem.headers)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer a ``Problem``, or what the framework raised (404, 405, 413…)."""
    if isinstance(error, Problem):
        return await respond(request, error)
    assert isinstance(error, HTTPException)
    return await respond(request, _from_framework(error))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Answer a body or query that is not what the route takes: 400 when it is not JSON at all, else 422 field by field."""
    assert isinstance(error, RequestValidationError)
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return await respond(request, Problem(400, N_("Not JSON"), detail=N_("Send a well-formed JSON document.")))
    errors = [{"pointer": _pointer(item["loc"]), "detail": str(item["msg"])} for item in error.errors()]
    return await respond(
        request,
        Problem(
            422, N_("Not what this address takes"), detail=N_("Mend the members named under errors."), errors=errors
        ),
    )


def unexpected() -> Problem:
    """Return what the world may know about an error of ours: that we know of it."""
    return Problem(
        500,
        N_("Something went wrong on our side"),
        detail=N_("Nothing was changed. Try again in a minute; if it happens again, call us."),
    )


def unavailable() -> Problem:
    """Return the answer while the database does not."""
    return Problem(
        503,
        N_("Back in a moment"),
        detail=N_("Nothing was changed. Try again in a minute."),
        headers={"Retry-After": "5"},
    )


TOO_LARGE = (N_("Too large"), N_("Send a smaller file, or less at a time."))
_PLAIN = {
    404: (N_("Page not found"), N_("Check the address, or start again from the first page.")),
    405: (N_("Not possible here"), N_("This address does not do that. Go back and use the buttons on the page.")),
    413: TOO_LARGE,
}


def _from_framework(error: HTTPException) -> Problem:
    title, detail = _PLAIN.get(error.status_code, (None, None))
    return Problem(error.status_code, title, detail=detail, headers=error.headers)


def _pointer(loc: Sequence[int | str]) -> str:
    where, *rest = loc
    if where == "body":
        return "#" + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in rest)
    return "/".join(map(str, loc))
