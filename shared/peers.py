"""Asking another service, at the moment of use, for what the wire doesn't carry (the claim check)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared import telemetry
from shared.clock import Clock

if TYPE_CHECKING:
    import httpx

LIFETIME_SECONDS = 60


class PeerProblem(Exception):
    """Another service refused or can't be reached; ``status`` is its HTTP status, or None when there was no answer."""

    def __init__(self, service: str, path: str, status: int | None, said: str) -> None:
        super().__init__(f"{service}{path} answered {status or 'nothing'}: {said}")
        self.service = service
        self.status = status


def service_token(service: str, audience: str, key: OKPKey, clock: Clock) -> str:
    """Return a token by which ``service`` proves to ``audience`` who it is, for a minute."""
    now = int(clock.now().timestamp())
    claims = {
        "iss": "consilium",
        "sub": service,
        "aud": f"service:{audience}",
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    return jwt.encode({"alg": "Ed25519", "kid": service}, claims, key, algorithms=["Ed25519"])


class Peers:
    """The other services' JSON interfaces, asked as this service."""

    def __init__(self, service: str, base_url: str, signing_key_file: Path | None, clock: Clock) -> None:
        self._service = service
        self._base_url = base_url
        self._key_file = signing_key_file
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._key: OKPKey | None = None

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """Return the JSON at ``/api/<service><path>``; raises ``PeerProblem``."""
        return await self._ask("GET", service, path, params=params or None)

    async def post(self, service: str, path: str, body: Any, *, key: str) -> Any:
        """Post JSON with an idempotency key and return the answer; raises ``PeerProblem``."""
        return await self._ask("POST", service, path, json=body, headers={"Idempotency-Key": key})

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _ask(self, method: str, service: str, path: str, **options: Any) -> Any:
        import httpx  # several MB, that many processes never need

        headers = {"Authorization": f"Bearer {self._token(service)}", **options.pop("headers", {})}
        if (trace := telemetry.traceparent()) is not None:
            headers["traceparent"] = trace
        if self._client is None:
            self._client = httpx.AsyncClient(base_url=self._base_url, timeout=10)
        try:
            answer = await self._client.request(method, f"/api/{service}{path}", headers=headers, **options)
        except httpx.HTTPError as error:
            raise PeerProblem(service, path, None, type(error).__name__) from error
        if answer.is_error:
            raise PeerProblem(service, path, answer.status_code, answer.reason_phrase)
        return answer.json()

    def _token(self, audience: str) -> str:
        if self._key is None:
            if self._key_file is None:
                raise PeerProblem(self._service, "", None, "no signing key is configured for this service")
            self._key = OKPKey.import_key(self._key_file.read_bytes())
        return service_token(self._service, audience, self._key, self._clock)
