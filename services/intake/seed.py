"""The desk's roster from a TOML file: colleagues and interpreters. Loading it again brings entries up to date."""

from __future__ import annotations

from typing import Any

from services.intake.contact import colleagues, interpreting
from shared.db import Tx


async def load_roster(tx: Tx, data: dict[str, Any]) -> None:
    """Load what the file names. Raises ``ValueError`` saying what is wrong."""
    if unknown := set(data) - {"advisors", "interpreters"}:
        raise ValueError(f"a roster has advisors and interpreters, and no {', '.join(sorted(unknown))}")
    await colleagues.seed(tx, data.get("advisors", []))
    await interpreting.seed(tx, data.get("interpreters", []))
