"""Editing what somebody else may be editing too: a version in ``ETag``, sent back in ``If-Match`` (or the field ``_version``)."""

from typing import Annotated

from fastapi import Depends, Request

from shared.web.forms import sent_form
from shared.web.i18n import N_
from shared.web.problem import Problem


def etag(version: int) -> str:
    """Return the strong entity tag of a version: ``"7"`` in its quotes."""
    return f'"{version}"'


async def expected_version(request: Request) -> int:
    """Return the version that the sender saw. Raises ``Problem`` 428 when it says none, 412 when no version could match."""
    sent = request.headers.get("if-match")
    if sent is None and "form" in request.headers.get("content-type", ""):
        field = (await sent_form(request)).get("_version")
        sent = field if isinstance(field, str) else None
    if not sent:
        raise Problem(
            428, N_("Say which version you saw"), detail=N_("Read it first, and send its ETag back as If-Match.")
        )
    try:
        return int(sent.strip().removeprefix("W/").strip('"'))
    except ValueError:
        raise Problem(
            412, N_("Changed since you saw it"), detail=N_("Read it again, look at what changed, and repeat your edit.")
        ) from None


Expected = Annotated[int, Depends(expected_version)]
