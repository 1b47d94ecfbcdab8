"""Settings of records, with the prefix ``RECORDS_`` in the environment. Where files lie is ``FILES_URL``."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings

LARGEST_FILE = 4 * 1024**3
"""Bytes: what ``max_upload_bytes`` may be at most."""


class Settings(ServiceSettings):
    """What records has of its own."""

    model_config = SettingsConfigDict(env_prefix="RECORDS_", extra="ignore")

    max_upload_bytes: Annotated[int, Field(gt=0, le=LARGEST_FILE, description="Largest file taken in")] = 2 * 1024**3
    orphan_age: Annotated[timedelta, Field(description="Age at which an upload that never finished is swept")] = (
        timedelta(days=1)
    )
