"""Settings that all services share, from the environment; a service adds its own in its ``settings.py``."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

STATE = Path(".consilium")

Networks = tuple[IPv4Network | IPv6Network, ...]
_LOOPBACK: Networks = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def _networks(text: object) -> object:
    """Read ``10.0.0.0/8,fd00::/8``; raises ``ValueError`` for anything that is no network."""
    if not isinstance(text, str):
        return text
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _zone(name: str) -> str:
    """Return a time zone's name; raises ``ValueError`` for one that isn't known."""
    if name not in available_timezones():
        raise ValueError("name a time zone such as America/New_York")
    return name


class PlatformSettings(BaseSettings):
    """Where the things are that every service talks to. Environment names are the field names in capitals."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    consilium_env: Annotated[
        Literal["development", "production"], Field(description="development allows made-up people and http")
    ] = "development"
    public_url: Annotated[str, Field(description="The one origin that browsers see, without a slash at the end")] = (
        "http://127.0.0.1:8300"
    )
    internal_url: Annotated[
        str | None, Field(description="Where services reach each other; the public one when unset")
    ] = None
    office_zone: Annotated[
        str,
        AfterValidator(_zone),
        Field(description="The clock by which pages say when something was, where a programme's own isn't asked for"),
    ] = "America/New_York"
    kafka_bootstrap: Annotated[str, Field(description="host:port[,host:port…] of the brokers")] = "127.0.0.1:9392"
    kafka_prefix: Annotated[
        str, Field(description="Put before every topic and group, for several installations on one cluster")
    ] = ""
    kafka_username: Annotated[str | None, Field(description="SASL/PLAIN user; unset: no authentication")] = None
    kafka_password: str | None = None
    oidc_issuer: Annotated[str, Field(description="OpenID Connect issuer for staff and the partner's systems")] = (
        "http://127.0.0.1:8391"
    )
    oidc_client_id: str = "consilium"
    oidc_client_secret: str = "development-only"  # noqa: S105 - the development issuer's; production sets its own
    smtp_url: Annotated[str, Field(description="smtp[s]://[user:password@]host:port; smtps or ?starttls=1 for TLS")] = (
        "smtp://127.0.0.1:8325"
    )
    mail_from: str = "Consilium <no-reply@consilium.example>"
    files_url: Annotated[
        str, Field(description="file:///folder or s3://bucket/prefix (with S3_* or AWS_* variables)")
    ] = f"file://{STATE.absolute()}/files"
    node_modules: Annotated[Path, Field(description="Where the npm packages of package.json are installed")] = (
        STATE / "node" / "node_modules"
    )
    jwks_file: Annotated[Path, Field(description="Public keys of sessions and services, as a JWK set")] = (
        STATE / "keys" / "jwks.json"
    )
    trusted_proxies: Annotated[
        Networks, NoDecode, BeforeValidator(_networks),
        Field(description="Networks of our own gateways, comma-separated: their X-Forwarded-For is believed"),
    ] = ()  # fmt: skip
    unlimited_networks: Annotated[
        Networks | None, NoDecode, BeforeValidator(_networks),
        Field(description="Networks that no limit holds for, such as the office's; unset: this machine, in development"),
    ] = None  # fmt: skip
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
    otel_traces_file: Annotated[Path | None, Field(description="Append finished spans as JSON lines to this file")] = (
        None
    )
    otel_exporter_otlp_endpoint: Annotated[str | None, Field(description="OTLP/HTTP collector")] = None

    @model_validator(mode="after")
    def production_speaks_https(self) -> Self:
        """Refuse to send sessions and sign-in links of real people over http."""
        if self.consilium_env == "production" and not self.public_url.startswith("https:"):
            raise ValueError("set PUBLIC_URL to the https:// address that browsers see")
        return self

    @property
    def spared_networks(self) -> Networks:
        """Return the networks that no limit holds for."""
        if self.unlimited_networks is not None:
            return self.unlimited_networks
        return _LOOPBACK if self.consilium_env == "development" else ()

    @property
    def peers_url(self) -> str:
        """Return the origin under which services reach each other."""
        return self.internal_url or self.public_url


class ServiceSettings(BaseSettings):
    """What each service has of its own; the names carry the service's prefix, such as ``INTAKE_DATABASE_URL``."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    database_url: Annotated[str, Field(description="This service's own database, as its own role")]
    signing_key_file: Annotated[
        Path | None, Field(description="Ed25519 private key (PEM) for this service's tokens")
    ] = None
    pool_size: Annotated[int, Field(ge=1, description="Database connections per process")] = 5
    ops_port: Annotated[int | None, Field(description="Port of a worker's /livez, /readyz, /healthz and /metrics")] = (
        None
    )
    ops_host: Annotated[str, Field(description="Address it listens at; 0.0.0.0 in a container of its own")] = (
        "127.0.0.1"
    )
