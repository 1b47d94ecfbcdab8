"""What runs on this machine, where, and what each process is told. One value, read from the environment once.

Addresses that the environment gives (`DATABASE_URL`, `KAFKA_BOOTSTRAP`, `SMTP_URL`, `OIDC_ISSUER`, `FILES_URL` with `S3_*`) stand for real
things elsewhere: what would stand in for them here is then not started.
"""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local.places import ROOT, state
from deploy.local.trouble import Trouble

SERVICES = ("intake", "billing", "records", "matching", "notify")
HOST = "127.0.0.1"
OFFSETS = {
    "pages": 0, "intake": 11, "billing": 12, "records": 13, "matching": 14, "notify": 15, "smtp": 25, "mail": 26, "postgres": 32,
    "issuer": 91, "gateway": 95, "kafka": 1092, "kafka_controller": 1093,
}  # fmt: skip
"""Ports counted from CONSILIUM_PORT; CONSILIUM_<NAME>_PORT moves one alone."""

BASE = 8300
ELSEWHERE = {
    "postgres": "DATABASE_URL",
    "kafka": "KAFKA_BOOTSTRAP",
    "mail": "SMTP_URL",
    "issuer": "OIDC_ISSUER",
    "gateway": "BILLING_GATEWAY_URL",
}
"""What we would start here, and the variable that names a real one instead."""


def port_variable(name: str) -> str:
    """The environment variable that chooses a port."""
    return "CONSILIUM_PORT" if name == "pages" else f"CONSILIUM_{name.upper()}_PORT"


@dataclass(frozen=True)
class Plan:
    """Where everything is. `given` is the environment that decided it."""

    folder: Path
    ports: Mapping[str, int]
    given: Mapping[str, str]

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Plan":
        """Read the environment. Raises Trouble when a port is no port."""
        base = _port(environment, "CONSILIUM_PORT", BASE)
        ports = {name: _port(environment, port_variable(name), base + offset) for name, offset in OFFSETS.items()}
        return cls(state(), ports, dict(environment))

    @property
    def public_url(self) -> str:
        """The one origin that browsers see."""
        return self.given.get("PUBLIC_URL") or f"http://{HOST}:{self.ports['pages']}"

    @property
    def gateway_url(self) -> str:
        """The card provider."""
        return self.given.get("BILLING_GATEWAY_URL") or f"http://{HOST}:{self.ports['gateway']}"

    @property
    def mail_url(self) -> str | None:
        """Where caught mail is read; None when mail goes elsewhere."""
        return None if self.given.get("SMTP_URL") else f"http://{HOST}:{self.ports['mail']}"

    @property
    def issuer_url(self) -> str:
        """Who says who the staff are."""
        return self.given.get("OIDC_ISSUER") or f"http://{HOST}:{self.ports['issuer']}"

    @property
    def kafka(self) -> str:
        """The brokers."""
        return self.given.get("KAFKA_BOOTSTRAP") or f"{HOST}:{self.ports['kafka']}"

    def here(self, what: str) -> bool:
        """Whether we start this ourselves: postgres, kafka, mail, issuer or gateway."""
        return not self.given.get(ELSEWHERE[what])

    @property
    def used_ports(self) -> dict[str, int]:
        """The ports that must be free."""
        elsewhere = {name for name in ELSEWHERE if not self.here(name)}
        elsewhere |= {"kafka_controller"} if "kafka" in elsewhere else set()
        elsewhere |= {"smtp"} if "mail" in elsewhere else set()
        return {name: port for name, port in self.ports.items() if name not in elsewhere}

    @cached_property
    def passwords(self) -> dict[str, str]:
        """A password for each database role, made up once and kept where only we read."""
        file = self.folder / "secrets.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        missing = {*map(role_of, SERVICES), VIEWS_ROLE} - known.keys()
        if missing:
            known |= {role: secrets.token_urlsafe(18) for role in sorted(missing)}
            draft = file.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(known, indent=1))
            draft.replace(file)
        return known

    def admin_url(self) -> str:
        """The administrator's address of the database server."""
        if given := self.given.get("DATABASE_URL"):
            return given
        password = (self.folder / "postgres.password").read_text()
        return f"postgresql://postgres:{quote(password)}@{HOST}:{self.ports['postgres']}/postgres"

    def database_url(self, service: str, role: str | None = None) -> str:
        """A service's own database, as its own role."""
        if role is None and (given := self.given.get(f"{service.upper()}_DATABASE_URL")):
            return given
        role = role or role_of(service)
        server = urlsplit(self.given.get("DATABASE_URL") or f"postgresql://{HOST}:{self.ports['postgres']}")
        place = server.netloc.rpartition("@")[2]
        netloc = f"{role}:{quote(self.passwords[role])}@{place}"
        return urlunsplit((server.scheme, netloc, f"/{role_of(service)}", server.query, ""))

    def common(self) -> dict[str, str]:
        """What every process is told, over what the environment holds."""
        told = {
            "CONSILIUM_ENV": "development",
            "CONSILIUM_STATE": str(self.folder),
            "PUBLIC_URL": self.public_url,
            "KAFKA_BOOTSTRAP": self.kafka,
            "OIDC_ISSUER": self.issuer_url,
            "SMTP_URL": f"smtp://{HOST}:{self.ports['smtp']}",
            "FILES_URL": f"file://{self.folder}/files",
            "NODE_MODULES": str(self.folder / "node" / "node_modules"),
            "JWKS_FILE": str(self.folder / "keys" / "jwks.json"),
            "PYTHONPATH": str(ROOT),
            "MALLOC_ARENA_MAX": "2",
        }
        kept = {name: value for name, value in self.given.items() if value and not name.endswith("DATABASE_URL")}
        return {**told, **kept, "PYTHONPATH": str(ROOT)}

    def unchanged(self) -> dict[str, str]:
        """The environment for a process of the launcher's own, which reads the plan from it again."""
        return {**self.given, "CONSILIUM_STATE": str(self.folder), "PYTHONPATH": str(ROOT)}

    def told(self, *services: str) -> dict[str, str]:
        """The environment of a process of these services: each one's database, key and ports, and no other's."""
        environment = self.common()
        for service in services:
            prefix = service.upper()
            environment[f"{prefix}_DATABASE_URL"] = self.database_url(service)
            environment[f"{prefix}_SIGNING_KEY_FILE"] = str(self.folder / "keys" / f"{service}.pem")
            environment[f"{prefix}_OPS_PORT"] = str(self.ports[service])
        if "intake" in services:
            environment["INTAKE_VIEWS_DATABASE_URL"] = self.database_url("intake", VIEWS_ROLE)
            environment["INTAKE_SESSION_KEY_FILE"] = str(self.folder / "keys" / "sessions.pem")
        if "records" in services:
            environment["RECORDS_FILES_KEY_FILE"] = str(self.folder / "keys" / "files.key")
        if "billing" in services:
            environment["BILLING_GATEWAY_URL"] = self.gateway_url
        return environment


DATABASES_READY = "databases.ready"
"""Appears in the state folder when the databases are prepared: pages may be served, while workers wait for Kafka as well."""

VIEWS_ROLE = "consilium_intake_views"
"""Faust's role: it writes intake's view_* tables and nothing else."""


def role_of(service: str) -> str:
    """The role and the database of a service."""
    return f"consilium_{service}"


def python(module: str, *arguments: str) -> list[str]:
    """The command line of one of our modules."""
    return [sys.executable, "-P", "-m", module, *arguments]


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    given = environment.get(variable) or str(default)
    if not given.isdecimal() or not 1 <= int(given) <= 65535:
        raise Trouble(f"{variable}={given} is no port. Give a number from 1024 to 65535.")
    return int(given)
