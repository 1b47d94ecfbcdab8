"""``python -m deploy.dev_issuer``: the development issuer as its own process, on ``DEV_ISSUER_HOST:DEV_ISSUER_PORT``."""

import os

import uvicorn

from deploy.dev_issuer.app import create_app


def main() -> None:
    """Serve until stopped."""
    host, port = os.environ.get("DEV_ISSUER_HOST", "127.0.0.1"), int(os.environ.get("DEV_ISSUER_PORT", "8391"))
    uvicorn.run(create_app(), host=host, port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
