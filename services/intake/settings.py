"""Intake's own settings, from the environment as INTAKE_…"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.limits import Limit, Rate
from shared.settings import STATE, ServiceSettings


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="INTAKE_", extra="ignore")

    views_database_url: Annotated[
        str | None, Field(description="The same database as a role that may write view_* only; streams.py uses it")
    ] = None
    programme: Annotated[str, Field(description="The programme of a request that names none")] = "msk_international"
    session_key_file: Annotated[Path, Field(description="Private key of patients' sessions; only intake holds it")] = (
        STATE / "keys" / "sessions.pem"
    )
    link_life: Annotated[timedelta, Field(description="How long a magic link works, ISO 8601")] = timedelta(hours=48)
    draft_life: Annotated[timedelta, Field(description="How long an unsent form is kept after its last change")] = (
        timedelta(days=30)
    )
    draft_link_life: Annotated[timedelta, Field(description="How long a link back to an unsent form works")] = (
        timedelta(days=7)
    )
    limit_answers: Annotated[Limit, Field(description="Pages of the form sent, per address: tries/time, or off")] = (
        Rate(300, timedelta(minutes=10))
    )
    limit_requests: Annotated[Limit, Field(description="Requests sent, per address")] = Rate(30, timedelta(hours=1))
    limit_links: Annotated[Limit, Field(description="Sign-in links asked for, per address")] = Rate(
        30, timedelta(hours=1)
    )
    limit_mailbox: Annotated[Limit, Field(description="Sign-in links asked for, per mail box")] = Rate(
        6, timedelta(hours=1)
    )
    limit_calls: Annotated[Limit, Field(description="Calls asked for without a case, per address")] = Rate(
        10, timedelta(hours=1)
    )
    limit_letters: Annotated[
        Limit, Field(description="Requests sent in the name of one mail box: each brings it a letter")
    ] = Rate(30, timedelta(days=1))
    max_original_bytes: Annotated[
        int, Field(gt=0, description="Largest fax, letter or message attached for a caller")
    ] = 25 * 1024**2
