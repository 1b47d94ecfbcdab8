"""What notify can be told: ``NOTIFY_DATABASE_URL``, the rest of ``ServiceSettings``, how long to keep trying."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.notify.senders import SmtpSender
from shared.settings import PlatformSettings, ServiceSettings


class NotifySettings(ServiceSettings):
    """Environment names carry the prefix ``NOTIFY_``. The mail server is the platform's ``SMTP_URL``, ``MAIL_FROM``."""

    model_config = SettingsConfigDict(env_prefix="NOTIFY_", extra="ignore")

    give_up_after: Annotated[
        timedelta, Field(description="How long a message is tried before staff are asked to call (ISO 8601)")
    ] = timedelta(hours=24)


def read() -> NotifySettings:
    """Return the settings. ``ValueError`` when ``SMTP_URL`` can't be one: at the start, not at the first mail."""
    SmtpSender(PlatformSettings().smtp_url)
    return NotifySettings()
