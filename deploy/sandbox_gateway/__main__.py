"""``python -m deploy.sandbox_gateway``: the sandbox provider as its own process, set by ``SANDBOX_GATEWAY_…``."""

from pathlib import Path
from typing import Annotated

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.sandbox_gateway.app import SandboxSettings, create_app


class Environment(BaseSettings):
    """Where to listen, where to send messages, and the two secrets shared with billing."""

    model_config = SettingsConfigDict(env_prefix="SANDBOX_GATEWAY_", extra="ignore")

    host: str = "127.0.0.1"
    port: int = 8395
    public_url: Annotated[str | None, Field(description="Where browsers reach it; http://host:port when unset")] = None
    webhook_url: str = "http://127.0.0.1:8300/api/billing/webhooks/gateway"
    api_key: str = "development-only"
    webhook_secret: str = "whsec_ZGV2ZWxvcG1lbnQtb25seQ=="  # noqa: S105 - the development pair's; anything else sets its own
    state: Annotated[Path | None, Field(description="SQLite file that survives a restart; in memory when unset")] = None


def main() -> None:
    """Serve until stopped."""
    told = Environment()
    public_url = (told.public_url or f"http://{told.host}:{told.port}").rstrip("/")
    app = create_app(SandboxSettings(public_url, told.webhook_url, told.api_key, told.webhook_secret, told.state))
    uvicorn.run(app, host=told.host, port=told.port, log_level="warning")


if __name__ == "__main__":
    main()
