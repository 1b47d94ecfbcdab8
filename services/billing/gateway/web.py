"""How a provider is asked over HTTP: what may work later is told from what never will."""

from typing import Any

import httpx

from services.billing.gateway.port import GatewayRefusedError, GatewayUnavailableError, GatewayUnknownError

_TIMEOUT = httpx.Timeout(10, connect=3)
_LATER = (408, 409, 425, 429)


async def ask(
    method: str, url: str, *, transport: httpx.AsyncBaseTransport | None = None, **request: Any
) -> dict[str, Any]:
    """Return a provider's JSON answer. Raises ``GatewayUnavailableError`` or ``GatewayRefusedError``."""
    try:
        async with httpx.AsyncClient(timeout=_TIMEOUT, transport=transport) as http:
            answer = await http.request(method, url, **request)
    except httpx.TransportError as error:
        raise GatewayUnavailableError(f"The card provider can't be reached: {type(error).__name__}") from error
    if answer.status_code >= 500 or answer.status_code in _LATER:
        raise GatewayUnavailableError(f"The card provider answered {answer.status_code}")
    if answer.status_code == 404:
        raise GatewayUnknownError(f"404: {_reason(answer)}")
    if answer.is_error:
        raise GatewayRefusedError(f"{answer.status_code}: {_reason(answer)}")
    told: dict[str, Any] = answer.json()
    return told


def _reason(answer: httpx.Response) -> str:
    """Return why it refused: our provider says ``detail``, Stripe ``error.message``."""
    try:
        told = answer.json()
    except ValueError:
        return answer.text[:200]
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("message", "") if isinstance(error, dict) else told.get("detail", ""))
