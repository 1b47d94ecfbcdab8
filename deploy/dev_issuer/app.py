"""A small OpenID Connect issuer for development: you sign in by clicking a made-up person. Never for production.

It speaks what Keycloak speaks (discovery, JWKS, authorization code with PKCE, client credentials, userinfo), so that
replacing it is a matter of ``OIDC_ISSUER``. Keys and codes live in memory: a restart signs nobody out of Consilium
itself, whose sessions are its own.
"""

import base64
import hashlib
import os
import secrets
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import jinja2
from fastapi import FastAPI, Form, HTTPException, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

_HERE = Path(__file__).parent
_PEOPLE = _HERE.parent / "local" / "people.toml"
_LIFE = 300
_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; base-uri 'none'",
    "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
}  # fmt: skip


@dataclass(frozen=True)
class Grant:
    """What a code was given for."""

    sub: str
    client_id: str
    redirect_uri: str
    nonce: str | None
    challenge: str
    until: float


@dataclass
class Issuer:
    """The made-up people and systems, the client, and what is under way."""

    url: str
    client_id: str
    client_secret: str
    redirects: str
    people: dict[str, dict[str, Any]]
    systems: dict[str, dict[str, Any]]
    key: RSAKey = field(
        default_factory=lambda: RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig", "alg": "RS256"})
    )
    grants: dict[str, Grant] = field(default_factory=dict)

    def token(self, claims: dict[str, Any], audience: str) -> str:
        """Return a signed token of five minutes."""
        now = int(time.time())
        stamped = {"iss": self.url, "aud": audience, "iat": now, "exp": now + _LIFE, **claims}
        return jwt.encode({"alg": "RS256", "kid": str(self.key.kid)}, stamped, self.key)

    def redeem(self, code: str, verifier: str, redirect_uri: str) -> Grant | None:
        """Return the grant of a code, once, when the verifier and the address are the ones it was given for."""
        grant = self.grants.pop(code, None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        if grant is None or grant.until < time.time() or grant.redirect_uri != redirect_uri:
            return None
        return grant if secrets.compare_digest(proof, grant.challenge) else None


def create_app() -> FastAPI:
    """Return the issuer; DEV_ISSUER_URL (or OIDC_ISSUER), OIDC_CLIENT_ID and _SECRET, PUBLIC_URL and DEV_ISSUER_PEOPLE set it up.

    Raises ``RuntimeError`` when CONSILIUM_ENV is production.
    """
    if os.environ.get("CONSILIUM_ENV") == "production":
        raise RuntimeError("the development issuer lets anybody in as anybody: set OIDC_ISSUER to a real one")
    made_up = tomllib.loads(Path(os.environ.get("DEV_ISSUER_PEOPLE", _PEOPLE)).read_text(encoding="utf-8"))
    issuer = Issuer(
        url=(os.environ.get("DEV_ISSUER_URL") or os.environ.get("OIDC_ISSUER", "http://127.0.0.1:8391")).rstrip("/"),
        client_id=os.environ.get("OIDC_CLIENT_ID", "consilium"),
        client_secret=os.environ.get("OIDC_CLIENT_SECRET", "development-only"),
        redirects=os.environ.get("PUBLIC_URL", "http://127.0.0.1:8300").rstrip("/") + "/sign-in/callback",
        people={person["sub"]: person for person in made_up["people"]},
        systems={system["client_id"]: system for system in made_up.get("systems", ())},
    )
    app = FastAPI(
        title="Consilium development issuer", openapi_url=None, docs_url=None, redoc_url=None, max_body_size=1 << 16
    )
    app.state.issuer = issuer
    _describe(app, issuer)
    _authorize(app, issuer)
    _tokens(app, issuer)
    return app


def _describe(app: FastAPI, issuer: Issuer) -> None:
    @app.get("/.well-known/openid-configuration")
    async def discovery(request: Request) -> dict[str, Any]:
        asked_at = str(request.base_url).rstrip("/")  # services may reach us by another name than browsers do
        return {
            "issuer": issuer.url, "authorization_endpoint": f"{issuer.url}/authorize", "token_endpoint": f"{asked_at}/token",
            "userinfo_endpoint": f"{asked_at}/userinfo", "jwks_uri": f"{asked_at}/jwks", "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "client_credentials"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"], "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "scopes_supported": ["openid", "profile"], "claims_supported": ["sub", "name", "roles"],
        }  # fmt: skip

    @app.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return {"keys": [issuer.key.as_dict(private=False)]}

    @app.get("/style.css")
    async def style() -> Response:
        return Response((_HERE / "templates" / "style.css").read_text(encoding="utf-8"), media_type="text/css")

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}


def _authorize(app: FastAPI, issuer: Issuer) -> None:
    page = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(_HERE / "templates")).get_template(
        "people.html"
    )

    def checked(asked: Any) -> dict[str, str]:
        if asked.get("client_id") != issuer.client_id or asked.get("redirect_uri") != issuer.redirects:
            raise HTTPException(
                400, f"unknown client or redirect_uri; this issuer knows {issuer.client_id} and {issuer.redirects}"
            )
        if (
            asked.get("response_type") != "code"
            or asked.get("code_challenge_method") != "S256"
            or not asked.get("code_challenge")
        ):
            raise HTTPException(400, "this issuer speaks the authorization code flow with PKCE (S256)")
        return {name: str(value) for name, value in asked.items() if name != "sub"}

    @app.get("/authorize")
    async def choose(request: Request) -> Response:
        return HTMLResponse(
            page.render(asked=checked(request.query_params), people=issuer.people.values()), headers=_HEADERS
        )

    @app.post("/authorize")
    async def chosen(request: Request) -> Response:
        sent = await request.form()
        asked = checked(sent)
        sub = str(sent.get("sub"))
        if sub not in issuer.people:
            raise HTTPException(400, "nobody of that name")
        code = secrets.token_urlsafe(24)
        issuer.grants[code] = Grant(
            sub,
            asked["client_id"],
            asked["redirect_uri"],
            asked.get("nonce"),
            asked["code_challenge"],
            time.time() + 60,
        )
        back = urlencode({"code": code, "state": asked.get("state", ""), "iss": issuer.url})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303, headers=_HEADERS)


def _tokens(app: FastAPI, issuer: Issuer) -> None:
    @app.post("/token")
    async def token(request: Request, grant_type: Annotated[str, Form()]) -> Response:
        sent = await request.form()
        client_id, secret = _credentials(request, sent)
        if grant_type == "client_credentials":
            return _for_system(issuer, client_id, secret)
        if grant_type != "authorization_code":
            return _error(400, "unsupported_grant_type")
        if client_id != issuer.client_id or not secrets.compare_digest(secret, issuer.client_secret):
            return _error(401, "invalid_client")
        grant = issuer.redeem(str(sent.get("code")), str(sent.get("code_verifier")), str(sent.get("redirect_uri")))
        if grant is None:
            return _error(400, "invalid_grant")
        person = issuer.people[grant.sub]
        claims = {"sub": grant.sub, "name": person["name"], "roles": person["roles"], "azp": client_id}
        id_token = issuer.token({**claims, "nonce": grant.nonce}, client_id)
        return _answer({"access_token": issuer.token(claims, client_id), "id_token": id_token})

    @app.get("/userinfo")
    async def userinfo(request: Request) -> Response:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, issuer.key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            return _error(401, "invalid_token")
        return JSONResponse({name: claims[name] for name in ("sub", "name", "roles") if name in claims})


def _for_system(issuer: Issuer, client_id: str, secret: str) -> Response:
    system = issuer.systems.get(client_id)
    if system is None or not secrets.compare_digest(secret, system["client_secret"]):
        return _error(401, "invalid_client")
    claims = {"sub": client_id, "client_id": client_id, "name": system["name"], "roles": system["roles"]}
    return _answer({"access_token": issuer.token(claims, issuer.client_id)})


def _credentials(request: Request, sent: Any) -> tuple[str, str]:
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return client_id, secret
    return str(sent.get("client_id") or ""), str(sent.get("client_secret") or "")


def _answer(tokens: dict[str, str]) -> Response:
    return JSONResponse({**tokens, "token_type": "Bearer", "expires_in": _LIFE}, headers={"cache-control": "no-store"})


def _error(status: int, code: str) -> Response:
    return JSONResponse({"error": code}, status, headers={"cache-control": "no-store"})
