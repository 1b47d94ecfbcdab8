"""docker-compose.yml: what it promises, read from the file; and the whole demo against the containers, where Docker is."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OURS = "consilium/"
OFFICIAL = ("postgres:17", "apache/kafka:4.4.0", "caddy:2", "python:3.13-slim")
PORTS = ("CONSILIUM_PORT", "KAFKA_PORT", "GATEWAY_PORT", "MAIL_PORT", "ISSUER_PORT")
PROJECT = f"consilium-test-{os.getpid()}"


def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml, anchors and merges resolved."""
    found: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return found


OWN = sorted(name for name, service in services().items() if service["image"].startswith(OURS) and name != "keys")


@pytest.mark.parametrize("name", OWN)
def test_a_container_of_ours_is_unprivileged_and_read_only(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the image's own unprivileged user is meant"
    assert "privileged" not in service


def test_what_meets_strangers_is_unprivileged_too_and_says_whether_it_runs() -> None:
    front = services()["front"]
    assert front["read_only"] is True
    assert front["user"].split(":")[0] not in ("0", "root")
    assert (front["cap_drop"], front["cap_add"]) == (["ALL"], ["NET_BIND_SERVICE"])
    assert front["security_opt"] == ["no-new-privileges:true"]
    check = front["healthcheck"]["test"]
    assert check[0] == "CMD-SHELL"
    assert "127.0.0.1:8081" in check[1]
    assert ":8081 {" in (ROOT / "deploy" / "caddy" / "Caddyfile").read_text()


def test_an_image_with_our_code_has_it_compiled() -> None:
    stages = (ROOT / "deploy" / "Dockerfile").read_text().split("\nFROM ")
    assert [stage for stage in stages if "COPY shared" in stage and "compileall" not in stage] == []


@pytest.mark.parametrize("name", ["intake", "billing", "records", "matching", "notify"])
def test_each_service_runs_as_api_and_worker_with_a_health_check_and_its_own_rights(name: str) -> None:
    found = services()
    for part in ("api", "worker"):
        service = found[f"{name}-{part}"]
        assert service["healthcheck"]["test"][:4] == ["CMD", "python", "-m", "deploy.healthy"]
        secrets = [value for key, value in service["environment"].items() if key.endswith("DATABASE_URL")]
        assert all(f"@postgres/consilium_{name}" in url for url in secrets)
        assert service["environment"]["KAFKA_USERNAME"] == name
        assert service["environment"][f"{name.upper()}_OPS_HOST"] == "0.0.0.0", "within its own network alone"
        assert f"keys-{name}:/keys/own:ro" in service["volumes"]


def test_nothing_listens_beyond_this_machine() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_only_official_images_and_ours_are_named() -> None:
    assert {service["image"] for service in services().values() if not service["image"].startswith(OURS)} == {
        "postgres:17", "apache/kafka:4.4.0", "caddy:2",
    }  # fmt: skip


def _engine_has_the_images() -> bool:
    if shutil.which("docker") is None:
        return False
    ask = subprocess.run(["docker", "image", "inspect", *OFFICIAL], capture_output=True, check=False)
    compose = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ask.returncode == 0 and compose.returncode == 0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@pytest.fixture
def containers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a demo against containers that are up and healthy; they and their data are gone afterwards."""
    ports = dict(zip(PORTS, map(str, _free_ports(len(PORTS))), strict=True))
    environment = {**os.environ, **ports, "COMPOSE_PROJECT_NAME": PROJECT}

    def compose(*words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        argv = ["docker", "compose", *words]
        return subprocess.run(
            argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip

    try:
        up = compose("up", "--build", "--detach", "--wait", "--wait-timeout", "300", seconds=900)
        said = compose("logs", "--tail", "20", seconds=60).stdout if up.returncode else ""
        assert up.returncode == 0, f"{up.stderr[-2000:]}\n{said[-4000:]}"
        yield environment | {
            "CONSILIUM_STATE": str(tmp_path),
            "PUBLIC_URL": f"http://127.0.0.1:{ports['CONSILIUM_PORT']}",
            "MAIL_URL": f"http://127.0.0.1:{ports['MAIL_PORT']}",
            "KAFKA_BOOTSTRAP": f"127.0.0.1:{ports['KAFKA_PORT']}",
            "KAFKA_USERNAME": "observer",
            "KAFKA_PASSWORD": "observer-here",
            "PYTHONPATH": str(ROOT),
        }
    finally:
        compose("down", "--volumes", "--timeout", "2", seconds=120)


@pytest.mark.docker
@pytest.mark.alone
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not _engine_has_the_images(), reason="no Docker engine with the images answers")
def test_the_demo_passes_against_the_containers(containers: dict[str, str]) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        cwd=ROOT, env=containers, capture_output=True, text=True, check=False, timeout=240,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stdout + demo.stderr
    for fact in ("RequestSubmitted", "ServicesConfirmed", "PaymentReceived", "RecordsComplete", "SpecialistAssigned"):
        assert f"● {fact}.v1" in demo.stdout
    assert "● OpinionDelivered.v1" in demo.stdout
    stranger = subprocess.run(
        ["docker", "compose", "exec", "-T", "billing-worker", "python", "-c", _WRITES_WHERE_IT_MAY_NOT],
        cwd=ROOT, env=containers, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "TopicAuthorizationFailedError" in stranger.stdout + stranger.stderr


_WRITES_WHERE_IT_MAY_NOT = """
import asyncio
from shared.backbone import kafka
from shared.settings import PlatformSettings

async def write():
    client = kafka.producer(PlatformSettings(), "billing")
    await client.start()
    try:
        await client.send_and_wait("intake.events", b"not mine to tell")
    finally:
        await client.stop()

asyncio.run(write())
"""
