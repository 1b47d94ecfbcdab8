"""How the sandbox provider names things and writes times."""

import secrets
from datetime import UTC, datetime


def new_name(prefix: str) -> str:
    """Return a name that nothing has yet, such as ``pay_…``."""
    return f"{prefix}_{secrets.token_hex(12)}"


def when(at: float) -> str:
    """Return a time as the provider tells it."""
    return datetime.fromtimestamp(at, UTC).isoformat()
