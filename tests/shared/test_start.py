"""What a process loads at its start: a worker is started anew after each death, and there are five of them."""

import subprocess
import sys

from tests.support.service import SERVICES


def test_a_worker_starts_without_a_web_framework() -> None:
    modules = ", ".join(["shared.backbone.worker", *(f"services.{service}.__main__" for service in SERVICES)])
    loaded = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; sys.exit('fastapi' in sys.modules)"], check=False
    )
    assert loaded.returncode == 0
