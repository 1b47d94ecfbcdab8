"""How a refusal of ours reads on the web: one dependency for every route of intake."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import Request

from services.intake.casework import Changed
from services.intake.domain import Refused, Unacceptable
from services.intake.duplicates import UnknownPair
from services.intake.store import UnknownCase
from services.intake.values import N_
from shared.web import Problem
from shared.web.i18n import translator_for


async def refusals(request: Request) -> AsyncIterator[None]:
    """Turn what the case's rules raise into problems: 404 unknown, 409 not now, 412 changed, 422 not acceptable."""
    try:
        yield
    except UnknownCase:
        raise Problem(404, "No such case", detail="Check the number of the case.") from None
    except UnknownPair:
        raise Problem(404, "Not found alike", detail="Nobody found these two cases alike. Check the address.") from None
    except Unacceptable as refused:
        errors = [{"pointer": "#", "detail": sentence} for sentence in refused.sentences]
        raise Problem(422, "This can't be accepted", detail=str(refused), errors=errors) from None
    except Refused as refused:
        sentence = translator_for(request).gettext(str(refused))
        raise Problem(409, N_("Not possible now"), detail=sentence) from None
    except Changed:
        detail = "Somebody else changed this case. Read it again, then repeat your change if it is still right."
        raise Problem(412, "Changed since you saw it", detail=detail) from None
