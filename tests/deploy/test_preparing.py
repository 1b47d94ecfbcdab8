"""A start that was cut short is taken up again, and this machine's package settings are honoured."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from deploy.local import bootstrap, checks, indexes, java, node
from deploy.local.places import ROOT
from deploy.local.plan import SERVICES, Plan
from deploy.local.postgres import LocalPostgres
from tests.support.eventually import eventually


def test_a_half_made_environment_is_made_anew(tmp_path: Path) -> None:
    lock = tmp_path / "tiny.txt"
    lock.write_text("# nothing to install\n")
    home = tmp_path / "venv"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").write_text("half a file")
    python = home / "bin" / "python"

    assert not bootstrap.filled(python, lock)
    bootstrap.fill(python, lock)

    assert bootstrap.runs(python)
    assert bootstrap.filled(python, lock)


def test_a_changed_lock_is_installed_again(tmp_path: Path) -> None:
    lock, home = tmp_path / "tiny.txt", tmp_path / "venv"
    lock.write_text("# nothing to install\n")
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").touch()
    (home / "tiny.lock").write_text(bootstrap.stamp(lock))
    assert bootstrap.filled(home / "bin" / "python", lock)

    lock.write_text("# something else\n")
    assert not bootstrap.filled(home / "bin" / "python", lock)


def test_a_half_made_database_folder_is_made_anew(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    data.mkdir()
    (data / "PG_VERSION").write_text("18\n")
    with LocalPostgres(data) as server:
        assert server.url().startswith("postgresql://postgres:")


async def test_postgres_listens_on_this_machine_alone_and_asks_for_a_password(tmp_path: Path) -> None:
    async with LocalPostgres(tmp_path / "pg") as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.url(), password="guessed")
        connection = await asyncpg.connect(server.url())
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
        await connection.close()


def test_pips_settings_reach_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://more.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("PIP_CERT", "/ca.pem")

    told = indexes.uv_settings()

    assert told["UV_DEFAULT_INDEX"] == "https://packages.example/simple"
    assert told["UV_INDEX"] == "https://more.example/simple"
    assert told["UV_FIND_LINKS"] == "/a,/b"
    assert told["SSL_CERT_FILE"] == "/ca.pem"
    assert indexes.certificates()["REQUESTS_CA_BUNDLE"] == "/ca.pem"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.example/simple")
    assert "UV_DEFAULT_INDEX" not in indexes.uv_settings()


def test_npm_comes_from_the_wheel_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = subprocess.run([*node.find_npm(), "--version"], capture_output=True, text=True, check=True)
    assert int(said.stdout.split(".")[0]) >= 10


def test_each_process_is_told_its_own_services_secrets_only(tmp_path: Path) -> None:
    (tmp_path / "postgres.password").write_text("pw")
    plan = Plan(tmp_path, Plan.read({}).ports, {"PATH": "/bin", "DATABASE_URL": ""})
    told = plan.told("billing")
    assert {name for name in told if name.endswith("DATABASE_URL")} == {"BILLING_DATABASE_URL"}
    assert told["BILLING_DATABASE_URL"].startswith("postgresql://consilium_billing:")
    assert not any(service.upper() in name for service in set(SERVICES) - {"billing"} for name in told)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_what_the_environment_names_is_not_started_here(tmp_path: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://admin:secret@db.example:5432/postgres?sslmode=require",
        "KAFKA_BOOTSTRAP": "broker.example:9092",
        "SMTP_URL": "smtps://mail.example",
        "OIDC_ISSUER": "https://id.example/realms/x",
    }
    plan = Plan(tmp_path, Plan.read({}).ports, given)
    assert not any(plan.here(what) for what in ("postgres", "kafka", "mail", "issuer"))
    assert not {"postgres", "kafka", "kafka_controller", "smtp", "mail", "issuer"} & plan.used_ports.keys()
    told = plan.told("notify")
    assert told["KAFKA_BOOTSTRAP"] == "broker.example:9092"
    assert told["SMTP_URL"] == "smtps://mail.example"
    assert told["NOTIFY_DATABASE_URL"].endswith("@db.example:5432/consilium_notify?sslmode=require")
    assert "DATABASE_URL" not in told


def test_pytests_last_lines_add_up() -> None:
    lines = ["3 failed, 10 passed, 2 skipped, 1 warning in 4.50s", "5 passed, 1 deselected in 0.25s"]
    assert checks.summed(lines) == "3 failed, 15 passed, 2 skipped, 1 deselected, 1 warning in 4.75s"


async def test_children_end_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    story = (
        "import sys, time; from pathlib import Path; from deploy.local import child\n"
        f"print(child.spawn(['sleep', '300'], log=Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(300)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", story], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    await eventually(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_uv_is_not_needed_beforehand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only = tmp_path / "bin"
    only.mkdir()
    monkeypatch.setenv("PATH", str(only))
    if shutil.which("uv"):
        pytest.skip("uv is everywhere here")
    bootstrap.make(tmp_path / "venv", dict(os.environ))
    assert (tmp_path / "venv" / "bin" / "uv").exists()


def test_a_fetch_that_fails_for_a_moment_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.time, "sleep", lambda _seconds: None)
    answers = iter([OSError("no name"), OSError("no answer"), "jar"])

    def fetch() -> str:
        match next(answers):
            case OSError() as problem:
                raise problem
            case str(jar):
                return jar
        raise AssertionError

    assert java.again(fetch) == "jar"
    answers = iter([OSError("gone")] * 9)
    with pytest.raises(OSError, match="gone"):
        java.again(fetch, times=2)
