"""Settings of records, with the prefix ``RECORDS_`` in the environment. Where files lie is ``FILES_URL``."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.settings import STATE, ServiceSettings

LARGEST_FILE = 4 * 1024**3
"""Bytes: what ``max_upload_bytes`` may be at most."""


class Settings(ServiceSettings):
    """What records has of its own."""

    model_config = SettingsConfigDict(env_prefix="RECORDS_", extra="ignore")

    max_upload_bytes: Annotated[int, Field(gt=0, le=LARGEST_FILE, description="Largest file taken in")] = 2 * 1024**3
    files_key_file: Annotated[
        Path, Field(description="Keys that wrap the cases' keys: base64 of 32 bytes a line, the one that wraps first")
    ] = STATE / "keys" / "files.key"
    clamd: Annotated[
        str | None, Field(description="host:port of a clamd that scans each file; unset: files are marked not scanned")
    ] = None
    clamd_largest: Annotated[
        int,
        Field(
            gt=0,
            description="Bytes: the smaller of that clamd's StreamMaxLength and MaxFileSize; set its AlertExceedsMax",
        ),
    ] = 100 * 1024**2
    scratch: Annotated[
        Path | None,
        Field(description="Where plain copies lie, without a name, while they are looked at; unset: the system's"),
    ] = None
    upload_age: Annotated[
        timedelta, Field(description="How long an upload that stands still can be gone on with, before it is swept")
    ] = timedelta(days=7)
    orphan_age: Annotated[
        timedelta, Field(description="Age at which objects are swept that no upload or document came to point at")
    ] = timedelta(days=1)
