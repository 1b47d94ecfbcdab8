"""Where the installation that the demo drives answers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """Addresses as a person at this machine reaches them."""

    pages: str
    mail: str
    kafka: str
    kafka_prefix: str = ""
    kafka_username: str | None = None
    kafka_password: str | None = None
