"""Intake's server dies in the middle of every step that a person takes, twice: each is done once, and well.

The same story is told to a server that lives and to one that dies; afterwards both databases hold as much.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from deploy.demo.people import TLS
from deploy.local import child
from deploy.local.places import ROOT
from shared.clock import Clock
from shared.ids import CaseId
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, mint_session, read_key
from tests.intake.asking import a_request
from tests.support.installation import until
from tests.support.mortal import DEATHS
from tests.support.service import fresh_database, service_named

pytestmark = pytest.mark.timeout(300)

PASSING = ("idempotency", "worker_reports")
"""What says nothing of a case: answers kept for whoever sends again, and workers' signs of life."""


class Server:
    """Intake's web server with a database of its own, and the people who knock at it until it answers."""

    def __init__(self, module: str, arguments: list[str], port: int, keys: Path, log: Path) -> None:
        self._keys, self._port = keys, port
        argv = [sys.executable, "-P", "-m", module, *arguments]
        self._process = child.spawn(argv, log=log, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT)
        self._base = os.environ["PUBLIC_URL"]
        self.changes, self.unanswered = 0, Counter[str]()

    def close(self) -> None:
        child.stop(self._process)

    def send(self, who: Principal | None, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send one request, with one key, as often as it takes; note each time that nobody answered."""
        told = {"Origin": self._base, "Idempotency-Key": uuid4().hex, **headers}
        if who is not None:
            token = mint_session(read_key(self._keys / "sessions.pem", SESSIONS), who, now=Clock().now())
            told["Cookie"] = f"{session_cookie(self._base)}={token}"
        self.changes += method != "GET"
        deadline = time.monotonic() + 60
        while True:
            try:
                answer = httpx.request(
                    method, f"http://127.0.0.1:{self._port}{path}", headers=told, timeout=60, verify=TLS,
                    **({"data": body} if "_once" in (body or {}) else {"json": body}),
                )  # fmt: skip
            except httpx.ConnectError:  # not yet there
                assert time.monotonic() < deadline, f"nobody listens for {path}"
                time.sleep(0.1)
            except httpx.TransportError:
                assert self._process.poll() is None, "the server is gone for good"
                self.unanswered[told["Idempotency-Key"]] += 1
            else:
                return answer


@pytest.fixture
async def database(postgres_url: str, platform_environment: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, str]]:
    """Two databases of intake."""
    intake = service_named("intake")
    async with fresh_database(intake, postgres_url) as first, fresh_database(intake, postgres_url) as second:
        yield first, second


def somebody(role: Role, *cases: CaseId) -> Principal:
    return Principal(f"some-{role.value}", "Some Body", frozenset({role}), frozenset(cases), "en")


def tell(server: Server) -> None:
    """Take every step of intake that changes something."""
    advisor = somebody(Role.CARE_ADVISOR)

    def done(answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code in (200, 201), answer.text
        said: dict[str, Any] = answer.json()
        return said

    def went(answer: httpx.Response) -> None:
        assert answer.status_code == 303, answer.text

    def form(**fields: str) -> Mapping[str, str]:
        return {"_once": uuid4().hex, **fields}

    case = CaseId(UUID(done(server.send(None, "POST", "/api/intake/requests", a_request()))["case_id"]))
    requester = somebody(Role.REQUESTER, case)
    desk, api = f"/desk/intake/cases/{case}", f"/api/intake/cases/{case}"
    went(server.send(advisor, "POST", f"{desk}/contact", form()))
    seen = server.send(advisor, "GET", api).headers["ETag"].strip('"')
    went(server.send(advisor, "POST", f"{desk}/stream", form(stream="in_person", reason="on request", _version=seen)))
    went(server.send(advisor, "POST", f"{desk}/take", form()))
    went(server.send(advisor, "POST", f"{desk}/notes", form(note="Prefers mornings.")))
    call = {"language": "pt", "phone": "+55 11 91234 5678", "zone": "America/Sao_Paulo", "at": _next_noon()}
    booked = done(server.send(advisor, "POST", f"{api}/call-backs", call))
    tried = {"reached": False, "words": "No answer.", "tries": booked["tries"]}
    done(server.send(advisor, "POST", f"/api/intake/call-backs/{booked['call_back_id']}/tries", tried))
    price = {"amount_minor": 450_000, "currency": "USD"}
    first = done(server.send(advisor, "POST", f"{api}/quotes", {"services": ["comprehensive"], "price": price}))
    meant = {"quote_id": first["quote_id"], "revision": first["revision"]}
    done(server.send(requester, "POST", f"{api}/quote-questions", meant | {"text": "Is the courier included?"}))
    asked = done(server.send(requester, "GET", f"{api}/quote-questions"))["questions"]
    answer = {"text": "No. You choose one."}
    done(server.send(advisor, "POST", f"{api}/quote-questions/{asked[0]['question_id']}/answer", answer))
    done(server.send(requester, "POST", f"{api}/decline", meant | {"reason": "price"}))
    second = done(server.send(advisor, "POST", f"{api}/quotes", {"services": ["written"], "price": price}))
    accepted = {"quote_id": second["quote_id"], "revision": second["revision"]}
    done(server.send(requester, "POST", f"{api}/accept", accepted))
    wish = {"service": "pathology", "words": "For grading."}
    done(server.send(somebody(Role.SPECIALIST), "POST", f"{api}/wishes", wish))
    done(server.send(requester, "POST", f"{api}/withdraw", {"reason": "We found another way."}))


def _next_noon() -> str:
    tomorrow = Clock().now() + timedelta(days=1)
    return tomorrow.replace(hour=15, minute=0, second=0, microsecond=0).isoformat()


async def counts(url: str) -> dict[str, int]:
    """Return how many rows each table has."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        )
        return {
            name: await connection.fetchval(f'SELECT count(*) FROM "{name}"')
            for name in (row["name"] for row in tables)
            if name not in PASSING
        }
    finally:
        await connection.close()


async def test_a_step_whose_server_dies_before_or_after_its_commit_is_done_once(
    database: tuple[str, str], platform_environment: pytest.MonkeyPatch, keys_folder: Path, tmp_path: Path
) -> None:
    found, servers = [], []
    for url, module in zip(database, ("services.intake", "tests.support.mortal"), strict=True):
        port = child.free_port()
        platform_environment.setenv("INTAKE_DATABASE_URL", url)
        arguments = ["api", "--port", str(port)] if module == "services.intake" else ["intake", str(port), *DEATHS]
        server = Server(module, arguments, port, keys_folder, tmp_path / f"{module}.log")
        try:
            until(lambda port=port: child.listens(port), "the server listens")
            tell(server)
        except (AssertionError, subprocess.SubprocessError) as wrong:
            raise AssertionError(f"{wrong}; {child.tail(tmp_path / f'{module}.log', 20)}") from wrong
        finally:
            server.close()
        found.append(await counts(url))
        servers.append(server)

    spared, killed = servers
    assert spared.unanswered.total() == 0
    assert list(killed.unanswered.values()) == [len(DEATHS)] * killed.changes
    assert found[1] == found[0]
    assert found[0]["cases"] == 1
    assert found[0]["quotes"] == 2
