"""What was drawn is quick again: kept sealed and within bounds, for those who may see it; and drawn by processes that are ready."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from services.records.imaging.opening import MODULE
from services.records.previews.kept import Kept, Picture
from services.records.sandbox import casting, jail
from services.records.store.uploads import Laid
from services.records.vault import OpenFile, Vault, copies
from shared.files import Files
from shared.ids import CaseId
from shared.web import Role
from tests.records import cd
from tests.records.conftest import Case
from tests.support.eventually import eventually
from tests.support.facts import a_case

CT = cd.dicom_files()["test_files/CT_small.dcm"]
SECRET = b"what a stranger must not see " * 100


def opened(key: bytes, *, sealed: bool = True, id_: UUID | None = None) -> OpenFile:
    """Return a file as the vault opens it."""
    vault = Vault(Files("memory:///"), key)
    return OpenFile(id_ or uuid4(), "IM1", "application/dicom", 1, None, vault, Laid((("a", 1),), sealed=sealed))


class Counting(OpenFile):
    """A large file that counts how often it is copied."""

    copied = 0

    def spool(self, folder: Path, seen: Callable[[bytes], object] = len) -> int:
        type(self).copied += 1
        return super().spool(folder, seen)


def large(words: bytes) -> Counting:
    """Return a file in memory that is as large as those whose copies are kept."""
    vault, size = Vault(Files("memory:///"), os.urandom(32)), copies.LARGE
    vault.put("x/1", words.ljust(size, b"."))
    return Counting(uuid4(), "IM1", "application/dicom", size, None, vault, Laid((("x/1", size),), sealed=True))


async def test_the_next_picture_of_a_large_file_needs_no_new_copy_of_it(scratch: Path) -> None:
    kept, file = copies.Copies(), large(b"first")
    Counting.copied = 0

    async def look() -> tuple[int, bytes]:
        async with kept.lent(file, scratch) as fd:
            return fd, os.pread(fd, 5, 0)

    seen = [*await asyncio.gather(look(), look()), await look()]
    assert (seen, Counting.copied) == ([(seen[0][0], b"first")] * 3, 1)
    for one in (large(b"second"), large(b"third")):
        async with kept.lent(one, scratch):
            pass
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(seen[0][0])


async def test_a_copy_of_a_large_file_goes_after_a_while(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "SECONDS", 0.01)
    async with copies.Copies().lent(large(b"first"), scratch) as fd:
        await asyncio.sleep(0.02)
        assert os.pread(fd, 5, 0) == b"first", "it is in use"

    def gone() -> bool:
        try:
            os.fstat(fd)
        except OSError:
            return True
        return False

    await eventually(gone)


def test_what_is_kept_opens_with_its_cases_key_alone() -> None:
    kept, file = Kept(), opened(os.urandom(32))
    kept.put(a_case(), file, "own", Picture({"width": 3}, SECRET))

    assert kept.get(file, "own") == Picture({"width": 3}, SECRET)
    assert kept.get(file, "lung") is None
    assert SECRET[:30] not in b"".join(one.content for one in kept._pictures.values())
    assert kept.get(opened(os.urandom(32), id_=file.id), "own") is None
    assert len(kept) == 0


def test_nothing_is_kept_of_files_from_before_there_were_keys() -> None:
    kept, file = Kept(), opened(b"", sealed=False)
    kept.put(a_case(), file, "own", Picture({}, SECRET))
    assert kept.get(file, "own") is None


def test_what_is_kept_is_bounded_in_all_and_for_a_case() -> None:
    kept, size = Kept(limit=10 * 3000, of_a_case=4 * 3000), len(SECRET)
    assert 2500 < size < 2950
    files = {case: [opened(os.urandom(32)) for _ in range(6)] for case in (a_case(), a_case(), a_case())}
    cases: list[CaseId] = list(files)

    def there(case: CaseId) -> list[int]:
        return [n for n, file in enumerate(files[case]) if kept.get(file, "own")]

    for case in cases[:2]:
        for file in files[case]:
            kept.put(case, file, "own", Picture({}, SECRET))
    assert there(cases[0]) == there(cases[1]) == [2, 3, 4, 5]
    kept.get(files[cases[0]][2], "own")  # looked at last but for those to come
    for file in files[cases[2]]:
        kept.put(cases[2], file, "own", Picture({}, SECRET))
    assert len(kept) == 10
    assert 2 in there(cases[0])
    for file in files[cases[2]]:
        kept.put(cases[2], file, "own", Picture({}, SECRET))
    assert len(kept) == 10


async def test_a_picture_is_drawn_once_and_asked_for_by_right_each_time(case: Case, tmp_path: Path) -> None:
    document = await case.uploads("imaging", CT.read_bytes(), name="IM1")
    path = f"{case.api}/imaging/images/{document}/frames/1"
    first = await case.manager.get(path)
    for stored in (tmp_path / "files").rglob("*"):
        if stored.is_file():
            stored.write_bytes(b"gone")

    again = await case.manager.get(path)
    stranger = case.records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    assert (first.status_code, again.content == first.content) == (200, True)
    assert again.headers["cache-control"] == "private, no-store"
    assert (await stranger.get(path)).status_code == 404
    assert (await case.manager.get(path, params={"window": "lung"})).status_code >= 400
    async with case.records.ctx.db.transaction() as tx:
        await tx.execute(
            "UPDATE documents SET name_matches = false, birth_date_matches = true, identity_by = 'm', identity_by_name = 'M',"
            " identity_at = now()"
        )
    assert (await case.manager.get(path)).status_code == 404


@pytest.fixture
def mould(tmp_path: Path) -> casting.Mould:
    return casting.mould_of(MODULE, tmp_path)


def picture(scratch: Path) -> dict[str, object]:
    with CT.open("rb") as file, jail.borrowed(MODULE, scratch) as lent:
        [(about, content)] = lent.ask("render", file.fileno(), {}, 20)
    assert content.startswith(b"\xff\xd8")
    return about


def test_a_mould_that_died_is_replaced_when_a_jail_is_needed(mould: casting.Mould, tmp_path: Path) -> None:
    first = jail.Jail(MODULE, tmp_path)
    assert mould.pid is not None
    os.kill(mould.pid, signal.SIGKILL)
    second = jail.Jail(MODULE, tmp_path)
    for one in (first, second):
        with CT.open("rb") as file:
            [(about, _)] = one.ask("render", file.fileno(), {}, 20)
        assert about["width"] == 128
        one.close()
    mould.end()


async def test_a_mould_that_is_kept_is_back_at_once(mould: casting.Mould, tmp_path: Path) -> None:
    keeping = asyncio.create_task(mould.keep())
    await eventually(lambda: mould.pid)
    await asyncio.to_thread(picture, tmp_path)
    first = mould.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: mould.pid not in (None, first), within=5)
    assert (await asyncio.to_thread(picture, tmp_path))["width"] == 128
    keeping.cancel()
    mould.end()


@pytest.mark.parametrize(("number", "told"), [(signal.SIGKILL, -9), (signal.SIGSEGV, -11)])
def test_how_a_jail_ended_is_known(tmp_path: Path, number: signal.Signals, told: int) -> None:
    one = jail.Jail("tests.records.captive", tmp_path)
    assert one.ended(0) is None
    os.kill(one.pid, number)
    assert one.ended(5) == told
    one.close()
    one.close()
