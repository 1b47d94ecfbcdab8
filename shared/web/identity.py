"""Whose request this is: a session cookie, a service's token, or an access token of the OpenID Connect issuer."""

import time
from typing import TYPE_CHECKING, Any

from fastapi import Request
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.clock import Clock
from shared.web.principals import NOBODY, STAFF, Principal, Role
from shared.web.problem import Problem
from shared.web.tokens import NotOurs, PublicKeys, key_id, verified

if TYPE_CHECKING:
    import httpx

SIGNATURES = ("RS256", "ES256", "Ed25519", "EdDSA")
FROM_ISSUER = STAFF | {Role.PARTNER_SYSTEM}
"""The roles an issuer may give; nobody becomes a patient or one of our services that way."""


def session_cookie(public_url: str) -> str:
    """Return the cookie's name; over https the browser itself keeps it to this host."""
    return "__Host-consilium" if public_url.startswith("https:") else "consilium_session"


def roles_in(claims: dict[str, Any]) -> frozenset[Role]:
    """Return the roles of an issuer's token: the claim ``roles``, or Keycloak's ``realm_access.roles``."""
    access = claims.get("realm_access")
    named = [*(claims.get("roles") or ()), *((access.get("roles") or ()) if isinstance(access, dict) else ())]
    return frozenset(role for role in FROM_ISSUER if str(role) in named)


class IssuerKeys:
    """The issuer's discovery document and keys, kept for ten minutes; an unknown key id asks again, at most every 5 s."""

    def __init__(self, issuer: str, transport: "httpx.AsyncBaseTransport | None" = None) -> None:
        self.issuer = issuer.rstrip("/")
        self._transport = transport
        self._about: dict[str, Any] = {}
        self._keys = KeySet([])
        self._asked_at = float("-inf")

    def client(self) -> "httpx.AsyncClient":
        """Return an HTTP client for the issuer."""
        import httpx  # several MB, that most processes never need

        return httpx.AsyncClient(transport=self._transport, timeout=5)

    async def about(self) -> dict[str, Any]:
        """Return the discovery document. Raises ``httpx.HTTPError``."""
        if not self._about or time.monotonic() - self._asked_at > 600:
            await self._ask()
        return self._about

    async def key(self, kid: str) -> Any:
        """Return the issuer's public key ``kid``. Raises ``NotOurs`` or ``httpx.HTTPError``."""
        for attempt in range(2):
            for key in self._keys:
                if key.kid == kid:
                    return key
            if attempt == 0 and time.monotonic() - self._asked_at > 5:
                await self._ask()
        raise NotOurs(f"the issuer has no key {kid}")

    async def claims(self, token: str, *, audience: str, now: Any) -> dict[str, Any]:
        """Return the verified claims of a token that the issuer made for ``audience``. Raises ``NotOurs``."""
        about = await self.about()
        key = await self.key(key_id(token))
        return verified(token, key, audience=audience, now=now, issuer=about["issuer"], algorithms=SIGNATURES)

    async def _ask(self) -> None:
        self._asked_at = time.monotonic()
        async with self.client() as http:
            about = await http.get(f"{self.issuer}/.well-known/openid-configuration")
            self._about = about.raise_for_status().json()
            keys = await http.get(self._about["jwks_uri"])
            self._keys = _usable(keys.raise_for_status().json())


def _usable(document: dict[str, Any]) -> KeySet:
    usable = [key for key in document["keys"] if key.get("use", "sig") == "sig"]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError, KeyError) as error:
        raise NotOurs("the issuer's keys can't be read") from error


class Identity:
    """Reads credentials; one per application, at ``app.state.identity``."""

    def __init__(
        self, *, service: str, keys: PublicKeys, issuer: IssuerKeys, audience: str, cookie: str, clock: Clock
    ) -> None:
        self.service = service
        self.keys = keys
        self.issuer = issuer
        self.audience = audience
        self.cookie = cookie
        self.clock = clock

    async def principal_of(self, request: Request) -> Principal:
        """Return who asks. A stale cookie counts as none; a bad bearer token raises ``Problem`` 401."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and token:
            return await self._bearer(token.strip())
        if cookie := request.cookies.get(self.cookie):
            try:
                return self.keys.session(cookie, now=self.clock.now())
            except (NotOurs, ValueError):
                return NOBODY
        return NOBODY

    async def _bearer(self, token: str) -> Principal:
        now = self.clock.now()
        try:
            return self.keys.service(token, audience=self.service, now=now)
        except NotOurs:
            import httpx
        try:
            claims = await self.issuer.claims(token, audience=self.audience, now=now)
        except NotOurs as error:
            raise _refused() from error
        except httpx.HTTPError as error:
            raise Problem(
                503, "Sign-in can't be checked now", detail="Try again in a minute.", headers={"Retry-After": "5"}
            ) from error
        return Principal(
            subject=claims.get("client_id") or claims["sub"],
            name=claims.get("name") or claims["sub"],
            roles=roles_in(claims),
        )


def _refused() -> Problem:
    return Problem(
        401,
        "This token is not valid here",
        detail="Get a new one and try again.",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )
