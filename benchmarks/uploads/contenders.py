"""The servers that are measured: started, killed and spoken to in the same way."""

import abc
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from deploy.local import node
from deploy.local.child import free_port
from shared.files import make_key_file
from shared.ids import CaseId, new_id
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, make_keys, mint_session, read_key

LARGE = 4 * 1024**3
_ROOT = Path(__file__).parents[2]
MIGRATIONS = _ROOT / "services" / "records" / "migrations"


@dataclass
class Contender(abc.ABC):
    """A server that is started, killed and spoken to in the same way as the other."""

    name: str
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None

    @abc.abstractmethod
    def command(self) -> tuple[list[str], dict[str, str]]:
        """Return what to run, and what it is told by its environment."""

    @abc.abstractmethod
    def create_at(self) -> str:
        """Return the path at which an upload is announced."""

    def headers(self) -> dict[str, str]:
        """Return what a sender says of itself."""
        return {}

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self.port = self.port or free_port()
        argv, environment = self.command()
        self.process = subprocess.Popen(  # noqa: ASYNC220 - it is waited for
            argv, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            await asyncio.sleep(0.02)
        raise TimeoutError(f"{self.name} didn't start")

    def kill(self) -> None:
        """End it as a crash does."""
        self.end()

    def end(self) -> None:
        """End it for good."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Peer(Contender):
    """``@tus/server``."""

    def __init__(self, folder: Path, modules: Path) -> None:
        super().__init__("@tus/server")
        self.folder, self.modules = folder, modules
        folder.mkdir()

    def command(self) -> tuple[list[str], dict[str, str]]:
        script = _ROOT / "benchmarks" / "peers" / "tus_server.mjs"
        return [node.find_node(), str(script), str(self.modules), str(self.folder), str(self.port)], {}

    def create_at(self) -> str:
        return "/files"


class Ours(Contender):
    """Records, with one open case in a database of its own. ``kept``: as it is deployed, with a parent that has heirs ready."""

    kept = False

    def __init__(self, folder: Path, url: str, modules: Path) -> None:
        super().__init__("Consilium")
        self.folder, self.url, self.modules = folder, url, modules
        self.case, self.item = CaseId(new_id()), new_id()

    @classmethod
    async def make(cls, folder: Path, url: str, modules: Path) -> "Ours":
        """Make keys, and a case whose records are collected."""
        made = cls(folder, url, modules)
        make_keys(folder / "keys", ("records",))
        make_key_file(folder / "keys" / "files.key")
        connection = await asyncpg.connect(url)
        await connection.execute("INSERT INTO case_managers VALUES ('staff-mara', 'Mara Lindqvist', '{en}', true)")
        await connection.execute(
            "INSERT INTO collections (case_id, programme_id, programme_version, manager, opened_at)"
            " VALUES ($1, 'msk_international', 1, 'staff-mara', now())", made.case,
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO items (id, case_id, code, titles, hints, kind, needed, position, revision)"
            " VALUES ($1, $2, 'imaging', '{\"en\": \"Imaging\"}', '{}', 'imaging', true, 1, 1)", made.item, made.case,
        )  # fmt: skip
        await connection.close()
        return made

    def environment(self) -> dict[str, str]:
        keys = self.folder / "keys"
        return {
            "RECORDS_DATABASE_URL": self.url, "JWKS_FILE": str(keys / "jwks.json"), "FILES_URL": f"file://{self.folder}/files",
            "RECORDS_SIGNING_KEY_FILE": str(keys / "records.pem"), "RECORDS_FILES_KEY_FILE": str(keys / "files.key"),
            "NODE_MODULES": str(self.modules), "LOG_LEVEL": "warning", "RECORDS_MAX_UPLOAD_BYTES": str(LARGE),
            "PUBLIC_URL": "http://127.0.0.1:8300", "MALLOC_ARENA_MAX": "2",
        }  # fmt: skip

    def command(self) -> tuple[list[str], dict[str, str]]:
        alone = [] if self.kept else ["--alone"]
        return [sys.executable, "-m", "services.records", "api", *alone, "--port", str(self.port)], self.environment()

    async def start(self) -> None:
        if not self.kept or self.process is None:
            await super().start()

    def kill(self) -> None:
        if not self.kept or self.process is None:
            self.end()
            return
        for serving in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                serving.kill()
                serving.wait(5)

    def create_at(self) -> str:
        return f"/api/records/cases/{self.case}/items/{self.item}/uploads"

    def headers(self) -> dict[str, str]:
        from shared.clock import Clock

        who = Principal("patient-1", "Made Up", frozenset({Role.PATIENT}), frozenset({self.case}))
        token = mint_session(read_key(self.folder / "keys" / "sessions.pem", SESSIONS), who, now=Clock().now())
        return {"Cookie": f"{session_cookie('http://127.0.0.1:8300')}={token}"}
