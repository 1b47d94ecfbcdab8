"""``python -m deploy.mail_catcher``: SMTP on ``MAIL_CATCHER_SMTP_PORT``, pages on ``MAIL_CATCHER_HTTP_PORT``."""

import os

import uvicorn

from deploy.mail_catcher.app import create_app


def main() -> None:
    """Catch mails until told to stop; listens on this machine alone unless ``MAIL_CATCHER_HOST`` says otherwise."""
    host = os.environ.get("MAIL_CATCHER_HOST", "127.0.0.1")
    app = create_app(smtp_host=host, smtp_port=int(os.environ.get("MAIL_CATCHER_SMTP_PORT", "8325")))
    port = int(os.environ.get("MAIL_CATCHER_HTTP_PORT", "8326"))
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
