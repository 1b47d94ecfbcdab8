"""Everybody through whose hands money goes dies at every step: no cent is lost, and none moves twice (R20, R21).

Billing's server and worker die at each of their fail-points, between "the provider has done it" and "we know" too; the
provider dies with messages not yet sent; broker and database are killed once each. Cases go on being paid meanwhile.
"""

import asyncio
import collections
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.demo.people import TLS
from deploy.local import child
from deploy.local.kafka import LocalKafka
from deploy.local.postgres import LocalPostgres
from services.billing.settings import SANDBOX_API_KEY
from shared import topics
from shared.backbone.inbox import Arrival
from shared.clock import Clock
from shared.db import TRANSIENT
from shared.envelope import Envelope
from shared.events import Fact
from shared.ids import CaseId, EventId, new_id
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, mint_session, read_key
from tests.support import kafka_topics
from tests.support.facts import PRICE, a_case, confirmed
from tests.support.installation import Installation, until

pytestmark = [
    pytest.mark.alone,  # it kills servers of its own, which take memory
    pytest.mark.timeout(600),
    pytest.mark.skipif("CONSILIUM_DRILL" not in os.environ, reason="minutes long: set CONSILIUM_DRILL=1 to run it"),
]

DEATHS = {
    "web": ["once.worked", "once.committed", "messages.heard", "messages.committed", "consumer.flushed"],
    "billing": [
        "consumer.recorded", "consumer.committed", "relay.taken", "relay.sent", "relay.acknowledged", "relay.marked",
        "errands.leased", "refund.sent", "errands.run", "errands.marked", "report.read",
    ],
}  # fmt: skip
BACK = 10_000
KILLABLE = {"fsync": "off"}
"""The machine stays up, so the disk need not be waited for; what is committed has left the server's memory."""


class Till(Installation):
    """Billing and the card provider as they really run, and who kills and replaces them."""

    def __init__(self, folder: Path, keys: Path, bootstrap: str, runner: asyncio.Runner) -> None:
        super().__init__(folder, keys, bootstrap, runner)
        self.left = {name: list(points) for name, points in DEATHS.items()}
        self.died: list[tuple[str, str]] = []

    def begin(self) -> None:
        self.start("devtools", "deploy.local.devtools", "gateway")
        for name in DEATHS:
            self.revive(name)

    def revive(self, name: str) -> None:
        point = {"CONSILIUM_FAILPOINT": self.left[name][0]} if self.left[name] else {}
        web = ("services.billing", "api", "--alone", "--port", str(self.ports["pages"]))
        self.start(name, *(web if name == "web" else ("services.billing", "worker")), **point)

    def go_on(self) -> None:
        """Replace whoever died at their point."""
        for name in DEATHS:
            if (status := self.processes[name].poll()) is not None:
                end = child.tail(self.log(name), 20)
                assert status == -signal.SIGKILL, f"{name} ended by itself with {status}: {end}"
                self.died.append((name, self.left[name].pop(0)))
                self.revive(name)

    def provider_dies(self) -> None:
        self.processes["devtools"].kill()
        self.processes["devtools"].wait()
        self.start("devtools", "deploy.local.devtools", "gateway")

    def comes(self, ask: Any, what: str) -> Any:
        """Return the first true answer, while the dead are replaced; nobody answers for a moment."""

        def asked() -> Any:
            self.go_on()
            try:
                return ask()
            except httpx.TransportError:
                return None
            except TRANSIENT:
                self._connections.clear()
                return None

        return until(asked, f"{what}; died so far: {self.died}")

    def send(self, role: Role, case_id: CaseId, method: str, path: str, body: Any = None) -> Any:
        """Send one request with one key, as often as it takes; return what it says."""
        who = Principal(f"some-{role.value}", "Some Body", frozenset({role}), frozenset({case_id}), "en")
        token = mint_session(read_key(self._keys / "sessions.pem", SESSIONS), who, now=Clock().now())
        told = {
            "Origin": self.places.pages, "Idempotency-Key": uuid4().hex,
            "Cookie": f"{session_cookie(self.places.pages)}={token}",
        }  # fmt: skip

        def answered() -> Any:
            answer = httpx.request(
                method, f"{self.places.pages}{path}", json=body, headers=told, timeout=30, verify=TLS
            )
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            return None if answer.status_code == 503 else answer

        answer = self.comes(answered, path)
        assert answer.is_success, answer.text
        return answer.json()

    def at_provider(self) -> list[dict[str, Any]]:
        """Return the provider's own report."""
        now = Clock().now()
        span = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(days=1)).isoformat()}
        shown = {"Authorization": f"Bearer {SANDBOX_API_KEY}"}
        answer = httpx.get(f"{self.gateway}/v1/report", params=span, headers=shown, timeout=30, verify=TLS)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["lines"]
        return found


def arrival(fact: Fact) -> Arrival:
    """Return a case's first fact as its owner's relay sends it."""
    envelope = Envelope(EventId(new_id()), fact.type_name(), "/test", Clock().now(), fact.case_id, 1, None)
    key = str(fact.case_id).encode()
    return Arrival(fact.topic, 0, 0, key, fact.model_dump_json().encode(), envelope.headers())


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[LocalKafka, LocalPostgres]]:
    """A broker and a database that this module may kill."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="till-")))
        folder.chmod(0o711)  # PostgreSQL's user passes through when we are root
        kafka = stack.enter_context(LocalKafka(folder / "kafka"))
        yield kafka, stack.enter_context(LocalPostgres(folder / "postgres", settings=KILLABLE))


@pytest.fixture(scope="module")
def till(
    tmp_path_factory: pytest.TempPathFactory, keys_folder: Path, servers: tuple[LocalKafka, LocalPostgres]
) -> Iterator[Till]:
    kafka, postgres = servers
    folder = tmp_path_factory.mktemp("till")
    for part in ("logs", "traces", "files"):
        (folder / part).mkdir()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        lent = Till(folder, keys_folder, kafka.bootstrap, runner)
        try:
            runner.run(lent.make_databases(postgres.url(), stack))
            lent.begin()
            yield lent
        finally:
            lent.stop_all()
            runner.run(stack.aclose())


def is_billed(till: Till, case_id: CaseId) -> str:
    """Have billing hear what was agreed, and return the invoice's id."""
    fact = confirmed(case_id, quote_id=uuid4(), confirmed_at=Clock().now())
    till.run(kafka_topics.send(till.places.kafka, till.prefix, arrival(fact)))
    return str(till.comes(lambda: _ids(till, "invoices", case_id), "the invoice")[0])


def pays(till: Till, case_id: CaseId, invoice: str, *, provider_dies: bool) -> None:
    """Pay by card; the provider may die when it has taken the money, and says so when it is back."""
    path = f"/api/billing/cases/{case_id}/invoices/{invoice}/checkout"
    page = till.send(Role.PATIENT, case_id, "POST", path)["url"]
    card = {"card": "4242 4242 4242 4242", "expiry": "12/34", "code": "123"}
    assert till.comes(lambda: httpx.post(page, data=card, timeout=30, verify=TLS), "the pay page").status_code == 303
    if provider_dies:
        till.provider_dies()
    till.comes(lambda: _ids(till, "payments", case_id), "the payment")


def gets_a_part_back(till: Till, case_id: CaseId) -> None:
    [payment] = till.comes(lambda: _ids(till, "payments", case_id), "the payment, read again")
    back = {
        "payment_id": str(payment),
        "amount": {"amount_minor": BACK, "currency": "USD"},
        "reason": "agreed on the phone",
    }
    till.send(Role.FINANCE, case_id, "POST", f"/api/billing/cases/{case_id}/refunds", back)


def the_report_is_due(till: Till) -> None:
    """Let the hour strike at which the provider's report is held against the books."""
    strike = "UPDATE timers SET due = now() WHERE name = 'check_provider' RETURNING 1"
    till.comes(lambda: till.rows("billing", strike), "the clock that always runs")


def _ids(till: Till, table: str, case_id: CaseId) -> list[Any]:
    return [row["id"] for row in till.rows("billing", f"SELECT id FROM {table} WHERE case_id = $1", case_id)]


def _all_at_rest(till: Till, cases: list[CaseId]) -> bool:
    undone = """SELECT 1 FROM outbox WHERE published_at IS NULL UNION ALL SELECT 1 FROM errands WHERE done_at IS NULL
                UNION ALL SELECT 1 FROM refunds WHERE state <> 'issued'"""
    told = till.rows("billing", "SELECT 1 FROM outbox WHERE type = 'RefundIssued.v1'")
    return not any(till.left.values()) and len(told) == len(cases) and not till.rows("billing", undone)


def test_whoever_dies_at_whatever_step_each_cent_moves_once(
    till: Till, servers: tuple[LocalKafka, LocalPostgres]
) -> None:
    kafka, postgres = servers
    cases: list[CaseId] = []
    while any(till.left.values()) or len(cases) < 4:
        assert len(cases) < 20, f"not everybody had a reason to die: {till.left}"
        cases.append(a_case())
        invoice = is_billed(till, cases[-1])
        pays(till, cases[-1], invoice, provider_dies=len(cases) % 2 == 1)
        if len(cases) == 2:
            postgres.kill(group=True)
            postgres.start()
        gets_a_part_back(till, cases[-1])
        the_report_is_due(till)
        if len(cases) == 3:
            kafka.kill()
            kafka.start()
    till.comes(lambda: _all_at_rest(till, cases), "rest")
    assert len(till.rows("billing", "SELECT 1 FROM provider_checks")) == 1, "however often it was begun"
    assert not till.rows("billing", "SELECT 1 FROM provider_matters WHERE state = 'open'"), "both sides say the same"
    assert sorted(till.died) == sorted((name, point) for name, points in DEATHS.items() for point in points)
    _books_are_right(till, cases)
    _provider_says_the_same(till, cases)
    _each_fact_once(till, cases)


def _books_are_right(till: Till, cases: list[CaseId]) -> None:
    for case_id in cases:
        [payment] = till.rows("billing", "SELECT * FROM payments WHERE case_id = $1", case_id)
        assert (payment["amount_minor"], payment["returned_minor"]) == (PRICE.amount_minor, BACK)
        kept = PRICE.amount_minor - BACK
        found = till.rows(
            "billing",
            """SELECT account, sum(amount_minor)::bigint AS n FROM ledger_postings p
               JOIN ledger_transactions t ON t.id = p.transaction_id
               WHERE t.case_id = $1 AND t.kind <> 'provider_fee'
               GROUP BY account HAVING sum(amount_minor) <> 0""",
            case_id,
        )
        assert {row["account"]: row["n"] for row in found} == {"card_clearing": kept, "deferred_revenue": -kept}


def _provider_says_the_same(till: Till, cases: list[CaseId]) -> None:
    lines = till.at_provider()
    moved = {
        kind: sorted(line["amount_minor"] for line in lines if line["kind"] == kind) for kind in ("charge", "refund")
    }
    assert moved == {"charge": [PRICE.amount_minor] * len(cases), "refund": [-BACK] * len(cases)}


def _each_fact_once(till: Till, cases: list[CaseId]) -> None:
    """A record may be in the topic again, under the same id, when the relay died before it knew."""
    told = {
        (dict(record.headers)["ce_id"], dict(record.headers)["ce_type"], record.key)
        for record in till.records(topics.BILLING)
    }
    kinds = collections.Counter((kind.decode(), (key or b"").decode()) for _, kind, key in told)
    facts = ("PaymentReceived.v1", "RefundIssued.v1")
    assert kinds == {(kind, str(case_id)): 1 for kind in facts for case_id in cases}
