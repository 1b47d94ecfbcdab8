"""Every case's key can be wrapped by a new key, so that an old one may go: done whatever dies, and undoing no erasure."""

import asyncio
import os
import signal
from argparse import Namespace
from base64 import b64encode
from pathlib import Path

import pytest

from services.records.erasing import erase
from services.records.rewrapping import AT_A_TIME, COMMAND, rewrap
from services.records.store import keys as store
from services.records.vault import keys
from shared.ids import CaseId
from tests.records.conftest import PDF, Case
from tests.support.facts import a_case
from tests.support.processes import running
from tests.support.service import ServiceUnderTest


class KeyFile:
    """The installation's key file, which begins with one key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keys: list[bytes] = []
        self.put_on_top()

    def put_on_top(self) -> None:
        """Put a new key on top of the others."""
        self.write([b64encode(os.urandom(32)), *self.keys])

    def write(self, lines: list[bytes]) -> None:
        self.keys = lines
        self.path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.fixture
def key_file(tmp_path: Path, platform_environment: pytest.MonkeyPatch) -> KeyFile:
    made = KeyFile(tmp_path / "rotated.key")
    platform_environment.setenv("RECORDS_FILES_KEY_FILE", str(made.path))
    return made


async def cases_with_keys(records: ServiceUnderTest, key_file: KeyFile, number: int) -> dict[CaseId, bytes]:
    """Return cases with the keys of their files."""
    ids = [a_case() for _ in range(number)]
    async with records.ctx.db.transaction() as tx:
        await tx.execute("INSERT INTO collections (case_id) SELECT unnest($1::uuid[])", ids)
        return {case_id: await keys.key_of(tx, key_file.path, case_id) for case_id in ids}


async def opened(records: ServiceUnderTest, key_file: KeyFile, case_id: CaseId) -> bytes | None:
    async with records.ctx.db.transaction() as tx:
        try:
            return await keys.key_of(tx, key_file.path, case_id)
        except keys.Erased:
            return None


async def test_keys_are_wrapped_anew_whatever_dies_and_the_old_key_may_go(
    key_file: KeyFile, records: ServiceUnderTest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await cases_with_keys(records, key_file, AT_A_TIME + 20)
    erased = min(made)
    await erase(records.ctx, erased)
    key_file.put_on_top()

    for death in ("rewrap.wrapped", "rewrap.committed"):
        environment = {"CONSILIUM_FAILPOINT": death, "RECORDS_DATABASE_URL": records.database_url}
        async with running("services.records", "rewrap", log=tmp_path / "log", environment=environment) as command:
            assert await command.ended(within=60) == -signal.SIGKILL
    assert await COMMAND.run(records.ctx, Namespace()) == 0
    assert "\n19 keys of cases wrapped by the newest key\n" in capsys.readouterr().out

    key_file.write(key_file.keys[:1])
    found = {case_id: await opened(records, key_file, case_id) for case_id in made}
    assert found == made | {erased: None}
    assert await rewrap(records.ctx) == 0


async def test_a_case_that_is_erased_meanwhile_stays_erased(key_file: KeyFile, records: ServiceUnderTest) -> None:
    [case_id] = await cases_with_keys(records, key_file, 1)
    key_file.put_on_top()

    async with records.ctx.db.transaction() as tx:
        await store.erase_case_key(tx, case_id)
        wrapping = asyncio.create_task(rewrap(records.ctx))
        await asyncio.sleep(0.1)
        assert not wrapping.done(), "it waits for who erases"
    assert await wrapping == 0
    assert await opened(records, key_file, case_id) is None


async def test_a_key_that_is_missing_is_named_and_the_others_are_wrapped(
    key_file: KeyFile, records: ServiceUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    await cases_with_keys(records, key_file, 2)
    lost = key_file.keys
    key_file.write([])
    key_file.put_on_top()
    await cases_with_keys(records, key_file, 3)
    key_file.put_on_top()

    assert await COMMAND.run(records.ctx, Namespace()) == 1
    said = capsys.readouterr()
    assert said.out.endswith("\n3 keys of cases wrapped by the newest key\n")
    assert said.err.startswith("2 cases are closed: their key ")
    key_file.write([*key_file.keys, *lost])
    assert await rewrap(records.ctx) == 2


async def test_files_are_read_before_between_and_after_without_a_restart(key_file: KeyFile, case: Case) -> None:
    document = await case.uploads("clinical_summary")
    path = f"{case.api}/documents/{document}/content"

    key_file.put_on_top()
    assert (await case.manager.get(path)).content == PDF
    assert await rewrap(case.records.ctx) == 1
    key_file.write(key_file.keys[:1])
    assert (await case.manager.get(path)).content == PDF
