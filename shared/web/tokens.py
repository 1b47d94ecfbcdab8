"""Sessions and service tokens: JWTs signed with Ed25519, verified with public keys from one JWKS file.

Only intake holds the private key ``sessions``; each service holds its own, named like itself. Whoever can read the
JWKS file can verify and can sign nothing.
"""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from shared.ids import CaseId
from shared.web.principals import Principal, Role

ALGORITHM = "Ed25519"
SESSIONS = "sessions"
STAFF_SESSION, PATIENT_SESSION = timedelta(hours=9), timedelta(hours=2)
LEEWAY = 5
"""Seconds by which two machines' clocks may differ."""


class NotOurs(Exception):
    """A token that nobody we trust signed, or that is out of date, or meant for somebody else."""


def make_keys(folder: Path, services: Iterable[str]) -> None:
    """Write ``<name>.pem`` (private, mode 600) for ``sessions`` and each service, and ``jwks.json`` of the public halves.

    What is there stays: calling it again adds what is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    public = []
    for kid in (SESSIONS, *services):
        file = folder / f"{kid}.pem"
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as private:
                private.write(OKPKey.generate_key("Ed25519").as_pem(private=True))
        public.append({**read_key(file, kid).as_dict(private=False), "use": "sig", "alg": ALGORITHM})
    staged = folder / "jwks.json.new"
    staged.write_text(json.dumps({"keys": public}, indent=1), encoding="utf-8")
    staged.replace(folder / "jwks.json")


def read_key(file: Path, kid: str) -> OKPKey:
    """Return the private key in a PEM file, to sign as ``kid``."""
    return OKPKey.import_key(file.read_bytes(), {"kid": kid})


def sign(key: OKPKey, claims: Mapping[str, Any], *, now: datetime, life: timedelta) -> str:
    """Return a JWT of ``claims`` that ``key`` vouches for until ``now + life``."""
    stamped = {
        **claims,
        "iat": int(now.timestamp()),
        "exp": int((now + life).timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": str(key.kid), "typ": "JWT"}, stamped, key, algorithms=[ALGORITHM])


def mint_session(key: OKPKey, principal: Principal, *, now: datetime, life: timedelta | None = None) -> str:
    """Return the session cookie's value for a person. Staff: 9 hours; patients by link: 2 hours."""
    claims = {
        "iss": "consilium", "aud": SESSIONS, "sub": principal.subject, "name": principal.name, "locale": principal.locale,
        "roles": sorted(principal.roles), "cases": sorted(str(case) for case in principal.cases),
    }  # fmt: skip
    return sign(key, claims, now=now, life=life or (STAFF_SESSION if principal.is_staff else PATIENT_SESSION))


class PublicKeys:
    """The JWKS file, read again when it has changed."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: float | None = None
        self._keys = KeySet([])

    def of(self, kid: str) -> Any:
        """Return the public key named ``kid``. Raises ``NotOurs``."""
        changed = self._file.stat().st_mtime if self._file.exists() else None
        if changed is not None and changed != self._read_at:
            self._keys = KeySet.import_key_set(json.loads(self._file.read_text(encoding="utf-8")))
            self._read_at = changed
        for key in self._keys:
            if key.kid == kid:
                return key
        raise NotOurs(f"no key {kid}")

    def session(self, token: str, *, now: datetime) -> Principal:
        """Return who a session cookie stands for. Raises ``NotOurs``."""
        claims = verified(token, self.of(SESSIONS), audience=SESSIONS, now=now)
        return Principal(
            subject=claims["sub"], name=claims.get("name") or "", locale=claims.get("locale"),
            roles=frozenset(Role(role) for role in claims.get("roles", ())),
            cases=frozenset(CaseId(UUID(case)) for case in claims.get("cases", ())),
        )  # fmt: skip

    def service(self, token: str, *, audience: str, now: datetime) -> Principal:
        """Return the service that sent a token meant for ``audience``. Raises ``NotOurs``: a service speaks only for itself."""
        kid = key_id(token)
        if kid == SESSIONS:
            raise NotOurs("the session key speaks for no service")
        claims = verified(token, self.of(kid), audience=f"service:{audience}", now=now)
        if claims["sub"] != kid:
            raise NotOurs("signed by another service")
        return Principal(subject=kid, name=kid, roles=frozenset({Role.SERVICE}))


def key_id(token: str) -> str:
    """Return the key id that a JWT's header names. Raises ``NotOurs`` when it isn't one."""
    try:
        kid = jws.extract_compact(token.encode()).headers().get("kid")
    except (JoseError, ValueError) as error:
        raise NotOurs("not a token") from error
    return str(kid)


def verified(
    token: str,
    key: Any,
    *,
    audience: str,
    now: datetime,
    issuer: str = "consilium",
    algorithms: tuple[str, ...] = (ALGORITHM,),
) -> dict[str, Any]:
    """Return a token's claims once signature, issuer, audience and time hold. Raises ``NotOurs``."""
    try:
        claims = jwt.decode(token, key, algorithms=list(algorithms)).claims
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()), leeway=LEEWAY, exp={"essential": True}, sub={"essential": True},
            iss={"essential": True, "value": issuer}, aud={"essential": True, "value": audience},
        ).validate(claims)  # fmt: skip
    except (JoseError, ValueError, TypeError) as error:
        raise NotOurs(str(error)) from error
    return claims
