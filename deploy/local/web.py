"""All five services' pages and interfaces at one origin, in one process: `python -m deploy.local.web`."""

import uvicorn

from deploy.local.plan import HOST, SERVICES, Plan
from deploy.local.prepare import declared
from shared import log, telemetry
from shared.settings import PlatformSettings
from shared.web.hosting import serve


def main() -> None:
    """Serve until told to stop."""
    platform = PlatformSettings()
    log.configure("web", level=platform.log_level, style=platform.log_format)
    telemetry.configure(
        "web", traces_file=platform.otel_traces_file, otlp_endpoint=platform.otel_exporter_otlp_endpoint
    )
    uvicorn.run(
        serve(*map(declared, SERVICES)), host=HOST, port=Plan.read().ports["pages"], log_config=None, access_log=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=2,
    )  # fmt: skip


if __name__ == "__main__":
    main()
