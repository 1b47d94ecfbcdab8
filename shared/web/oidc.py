"""Staff sign-in by OpenID Connect: authorization code with PKCE, state and nonce.

Written on httpx and joserfc: Authlib's client warns that its httpx support ends, and what is left of it here is three
requests. Between leaving and coming back the state lives in a signed cookie of ten minutes, so any replica can finish.
"""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Request
from joserfc.jwk import OKPKey
from starlette.responses import RedirectResponse, Response

from shared.web.auth import anyone
from shared.web.identity import Identity, roles_in
from shared.web.principals import Principal
from shared.web.problem import Problem
from shared.web.tokens import STAFF_SESSION, NotOurs, mint_session, sign, verified

COOKIE = "consilium_signing_in"
_LIFE = timedelta(minutes=10)
_PURPOSE = "signing-in"


def oidc_router(*, key: OKPKey, client_secret: str, public_url: str, home: str = "/desk") -> APIRouter:
    """Return ``/sign-in``, ``/sign-in/callback`` and ``/sign-out``; ``key`` is the private key of sessions (intake's)."""
    router = APIRouter()
    flow = _Flow(key, client_secret, public_url.rstrip("/"), home)
    router.add_api_route("/sign-in", flow.leave, methods=["GET"], dependencies=[anyone()])
    router.add_api_route("/sign-in/callback", flow.come_back, methods=["GET"], dependencies=[anyone()])
    router.add_api_route("/sign-out", flow.sign_out, methods=["POST"], dependencies=[anyone()])
    return router


def set_session(response: Response, name: str, value: str, *, secure: bool, life: timedelta) -> None:
    """Put a session into the browser: no script can read it, no other site can send it along with a form."""
    response.set_cookie(
        name, value, max_age=int(life.total_seconds()), path="/", httponly=True, samesite="lax", secure=secure
    )


def local_path(text: str | None, otherwise: str) -> str:
    """Return ``text`` when it is a path of ours, never an address elsewhere."""
    fine = (
        text is not None
        and text.startswith("/")
        and not text.startswith(("//", "/\\"))
        and text.isprintable()
        and "\\" not in text
    )
    return text if fine and text is not None else otherwise


class _Flow:
    def __init__(self, key: OKPKey, client_secret: str, public_url: str, home: str) -> None:
        self._key = key
        self._public_key = OKPKey.import_key(key.as_dict(private=False))
        self._client_secret = client_secret
        self._callback = f"{public_url}/sign-in/callback"
        self._secure = public_url.startswith("https:")
        self._home = home

    async def leave(self, request: Request) -> Response:
        """Send the browser to the issuer."""
        identity: Identity = request.app.state.identity
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        about = await _ask(identity.issuer.about())
        address = about["authorization_endpoint"] + "?" + urlencode({
            "response_type": "code", "client_id": identity.audience, "redirect_uri": self._callback, "scope": "openid profile",
            "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        going = {
            "iss": "consilium", "aud": _PURPOSE, "sub": state, "nonce": nonce, "verifier": verifier,
            "next": local_path(request.query_params.get("next"), self._home),
        }  # fmt: skip
        response = RedirectResponse(address, 303)
        cookie = sign(self._key, going, now=identity.clock.now(), life=_LIFE)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=int(_LIFE.total_seconds()),
            path="/sign-in",
            httponly=True,
            samesite="lax",
            secure=self._secure,
        )
        return response

    async def come_back(self, request: Request) -> Response:
        """Exchange the code for an ID token, check it, and start the session."""
        identity: Identity = request.app.state.identity
        now = identity.clock.now()
        try:
            going = verified(request.cookies.get(COOKIE, ""), self._public_key, audience=_PURPOSE, now=now)
        except NotOurs as error:
            raise _again() from error
        code = request.query_params.get("code")
        state = request.query_params.get("state", "")
        if not code or not secrets.compare_digest(state.encode(), going["sub"].encode()):
            raise _again()
        tokens = await _ask(self._exchange(identity, code, going["verifier"]))
        try:
            claims = await _ask(identity.issuer.claims(tokens.get("id_token", ""), audience=identity.audience, now=now))
        except NotOurs as error:
            raise _again() from error
        if not secrets.compare_digest(str(claims.get("nonce", "")), going["nonce"]):
            raise _again()
        roles = roles_in(claims)
        if not roles:
            raise Problem(
                403,
                "No role here",
                detail="Your account works, but nobody has given it a role in Consilium. Ask your supervisor.",
            )
        principal = Principal(subject=claims["sub"], name=claims.get("name") or claims["sub"], roles=roles)
        response = RedirectResponse(going["next"], 303)
        response.delete_cookie(COOKIE, path="/sign-in")
        set_session(
            response,
            identity.cookie,
            mint_session(self._key, principal, now=now),
            secure=self._secure,
            life=STAFF_SESSION,
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session in this browser."""
        identity: Identity = request.app.state.identity
        response = RedirectResponse("/", 303)
        response.delete_cookie(identity.cookie, path="/", httponly=True, samesite="lax", secure=self._secure)
        return response

    async def _exchange(self, identity: Identity, code: str, verifier: str) -> dict[str, Any]:
        about = await identity.issuer.about()
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": verifier,
        }
        async with identity.issuer.client() as http:
            answer = await http.post(about["token_endpoint"], data=sent, auth=(identity.audience, self._client_secret))
        if answer.status_code == 400:
            raise _again()
        tokens: dict[str, Any] = answer.raise_for_status().json()
        return tokens


async def _ask(question: Any) -> Any:
    try:
        return await question
    except httpx.HTTPError as error:
        raise Problem(
            503, "Sign-in is away for a moment", detail="Try again in a minute.", headers={"Retry-After": "5"}
        ) from error


def _again() -> Problem:
    return Problem(
        400,
        "Sign-in was not finished",
        detail="It took too long, or was started in another window. Go to the desk and sign in again.",
    )
