"""``python -m deploy.healthy URL|view``: exit 0 when an HTTP address answers 2xx, or when intake's view is being kept.

For containers' health checks: it needs nothing that the image doesn't hold anyway.
"""

import asyncio
import os
import sys
import urllib.error
import urllib.request

import asyncpg


def answers(url: str) -> bool:
    """Whether a GET of the address succeeds within 3 seconds."""
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return bool(answer.status < 300)
    except (urllib.error.URLError, TimeoutError):
        return False


async def view_is_kept() -> bool:
    """Whether the view's writer has said within 30 seconds that it lives."""
    connection = await asyncpg.connect(os.environ["INTAKE_VIEWS_DATABASE_URL"], timeout=3)
    try:
        return bool(
            await connection.fetchval("SELECT max(as_of) > now() - interval '30 s' FROM view_funnel_heartbeat"),
        )
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(not (asyncio.run(view_is_kept()) if sys.argv[1] == "view" else answers(sys.argv[1])))
