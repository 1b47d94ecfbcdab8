"""What stands in for the outside world, in one process, each on its own port.

`python -m deploy.local.devtools gateway mail issuer`: the card provider's sandbox, the mail catcher, the development
issuer, or some of them.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn

from deploy.local.plan import HOST, Plan


class _Quiet(uvicorn.Server):
    """A server among others: signals are for all of them, not for the one that started last."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def applications(plan: Plan, wanted: Sequence[str]) -> dict[str, Any]:
    """The applications to run, by the name of their port."""
    apps: dict[str, Any] = {}
    if "gateway" in wanted:
        from deploy.sandbox_gateway.__main__ import Environment
        from deploy.sandbox_gateway.app import SandboxSettings
        from deploy.sandbox_gateway.app import create_app as create_gateway

        secrets = Environment()
        webhook = f"{plan.public_url}/api/billing/webhooks/gateway"
        book = plan.folder / "sandbox_gateway.sqlite"
        apps["gateway"] = create_gateway(
            SandboxSettings(plan.gateway_url, webhook, secrets.api_key, secrets.webhook_secret, book)
        )
    if "mail" in wanted:
        from deploy.mail_catcher.app import create_app as create_catcher

        apps["mail"] = create_catcher(smtp_host=HOST, smtp_port=plan.ports["smtp"])
    if "issuer" in wanted:
        from deploy.dev_issuer.app import create_app as create_issuer

        apps["issuer"] = create_issuer()
    return apps


async def run(plan: Plan, wanted: Sequence[str]) -> None:
    """Serve all of them until told to stop; when one ends, all end."""
    servers = [
        _Quiet(
            uvicorn.Config(
                app,
                host=HOST,
                port=plan.ports[name],
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=1,
            )
        )
        for name, app in applications(plan, wanted).items()
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    running = [asyncio.create_task(server.serve()) for server in servers]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    stop()
    await asyncio.gather(*running)


if __name__ == "__main__":
    asyncio.run(run(Plan.read(), sys.argv[1:]))
