"""Who is asking, and the rule every route must carry.

A route says who may call it with ``dependencies=[allow(Role.FINANCE)]`` or ``[anyone()]``; an application with a route
that says neither does not start (``app.py``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from shared.web.i18n import N_
from shared.web.principals import INVITED, PATIENT_SIDE, Principal, Role
from shared.web.problem import Problem, wants_page


@dataclass(frozen=True)
class AccessRule:
    """The dependency behind ``allow`` and ``anyone``; an empty set of roles lets everybody in."""

    roles: frozenset[Role] = field(default_factory=frozenset)

    async def __call__(self, request: Request) -> None:
        principal = await identify(request)
        if not self.roles:
            return
        if not principal.is_signed_in:
            raise _unknown(request)
        if not principal.has(*self.roles):
            raise Problem(
                403,
                N_("Not for your role"),
                detail=N_("This part belongs to another role. Go back, or sign in as somebody else."),
            )
        if case_id := _case_in(request.url.path):
            principal.require_case(case_id)


def allow(*roles: Role) -> Any:
    """Return the dependency that lets in holders of any of ``roles``.

    Others get 401 (not signed in) or 403. Under ``…/cases/{id}/…`` patient-side holders reach their own cases only (404).
    """
    if not roles:
        raise ValueError("allow() needs at least one role; a route for everybody says anyone()")
    return Depends(AccessRule(frozenset(roles)))


def anyone() -> Any:
    """Return the dependency that says aloud: this route is for everybody."""
    return Depends(AccessRule())


async def identify(request: Request) -> Principal:
    """Return who asks, verified once per request; ``NOBODY`` without credentials. Raises ``Problem`` 401 on a bad token."""
    known: Principal | None = getattr(request.state, "principal", None)
    if known is None:
        known = await request.app.state.identity.principal_of(request)
        request.state.principal = known
    return known


Who = Annotated[Principal, Depends(identify)]


def unruled_routes(routes: Iterator[Any]) -> list[str]:
    """Return ``METHOD path`` of each route that carries no access rule."""
    return [f"{'|'.join(sorted(route.methods or ()))} {route.path}" for route in routes if rule_of(route) is None]


def strangers_on_the_desk(routes: Iterator[Any]) -> list[str]:
    """Return ``METHOD path`` of each route below ``/desk`` that lets in a role of the patient's side.

    What such a role sees of a case is narrowed on its own pages; the desk's show all of it.
    """
    return [
        f"{'|'.join(sorted(route.methods or ()))} {route.path}"
        for route in routes
        if f"{route.path}/".startswith("/desk/") and (rule := rule_of(route)) and rule.roles & (PATIENT_SIDE | INVITED)
    ]


def rule_of(route: Any) -> AccessRule | None:
    """Return the strictest access rule of a route (or of its routers), or None when it has none."""
    rules = [d.call for d in _flat(getattr(route, "dependant", None)) if isinstance(d.call, AccessRule)]
    return max(rules, key=lambda rule: bool(rule.roles), default=None)


def _flat(dependant: Any) -> Iterator[Any]:
    for dependency in dependant.dependencies if dependant else ():
        yield dependency
        yield from _flat(dependency)


def _case_in(path: str) -> UUID | None:
    parts = path.split("/")
    if "cases" not in parts[:-1]:
        return None
    try:
        return UUID(parts[parts.index("cases") + 1])
    except ValueError:
        return None


_ASIDE = "Sign in in another tab of this browser, then go on here."
_SENT_BY_STAFF = (
    "What you sent was not saved. Sign in in another tab of this browser, then load this page again, and say yes when the "
    "browser asks whether to send it once more."
)
_SENT = N_(
    "What you sent did not reach us yet. Open the newest link from our e-mails in another tab of this browser. Then "
    "come back here, load this page again, and say yes when the browser asks whether to send it once more."
)
"""Loading the answer to a form again sends the form again."""


def _unknown(request: Request) -> Problem:
    if wants_page(request):
        on_the_desk, reads = request.url.path.startswith("/desk"), request.method == "GET"
        if on_the_desk and "hx-request" in request.headers:
            return Problem(401, N_("You are signed out"), detail=_ASIDE)
        if on_the_desk and reads:
            return Problem(303, N_("Sign in"), headers={"Location": f"/sign-in?next={request.url.path}"})
        if not reads:
            return Problem(401, N_("You are signed out"), detail=_SENT_BY_STAFF if on_the_desk else _SENT)
        return Problem(
            401,
            N_("Please open your link"),
            detail=N_("This page belongs to one case. Open the newest link from our e-mails, or ask for a new one."),
        )
    return Problem(
        401,
        N_("Sign in first"),
        detail=N_("Send a session cookie or a bearer token."),
        headers={"WWW-Authenticate": "Bearer"},
    )
