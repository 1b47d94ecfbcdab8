"""What a request is, what may happen to a case, and what a quote promises. Pure: no I/O, no clock, no framework.

A `Request` that exists is complete: it names who asks and for whom, says why, carries a signed consent and the
version of the emergency notice that was read. A `ServiceSelection` that exists obeys its programme's rules.
"""

from services.intake.domain.quote import PriceLine, Quote, QuoteState
from services.intake.domain.refusals import Refused, Unacceptable
from services.intake.domain.request import (
    BORN_LATER,
    Authority,
    Channel,
    Consent,
    LocalPhysician,
    Path,
    Patient,
    Request,
    Requester,
    RequesterRole,
    Stream,
    check_request,
)
from services.intake.domain.selection import Refusal, Rules, ServiceSelection
from services.intake.domain.stage import MAY, Stage, Step, check_may, check_merge, check_move

__all__ = [
    "BORN_LATER",
    "MAY",
    "Authority",
    "Channel",
    "Consent",
    "LocalPhysician",
    "Path",
    "Patient",
    "PriceLine",
    "Quote",
    "QuoteState",
    "Refusal",
    "Refused",
    "Request",
    "Requester",
    "RequesterRole",
    "Rules",
    "ServiceSelection",
    "Stage",
    "Step",
    "Stream",
    "Unacceptable",
    "check_may",
    "check_merge",
    "check_move",
    "check_request",
]
