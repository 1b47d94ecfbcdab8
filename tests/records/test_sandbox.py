"""The place in which files are looked at: nothing breaks out of it, one that breaks a limit is replaced, waiting costs nothing."""

import asyncio
import os
import platform
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
import structlog

from deploy.local.places import ROOT
from services.records import vault
from services.records.sandbox import jail
from tests.records.conftest import Case, unnamed
from tests.records.made_up import archive, pdf, stream
from tests.records.tus import sends
from tests.support.processes import eventually


def test_a_sandbox_can_reach_nothing(scratch: Path) -> None:
    with jail.borrowed("tests.records.captive", scratch) as lent:
        fd = unnamed(scratch, b"x")
        [(tried, _)] = lent.ask("break_out", fd, {"secret": str(Path(__file__)), "parent": os.getpid()}, 20)
        os.close(fd)

    assert tried == {
        "reads": "PermissionError", "writes": "PermissionError", "connects": "PermissionError", "runs": "PermissionError",
        "kills": "PermissionError", "environment": [], "own file": "x", "forks": 0,
    }  # fmt: skip


def test_no_other_process_can_be_signalled_and_no_call_made_by_another_number() -> None:
    tries = """
import ctypes, os, sys
from services.records.sandbox import confinement
confinement.forbid()
libc = ctypes.CDLL(None, use_errno=True)
def tried(*call):
    ctypes.set_errno(0)
    libc.syscall(*call)
    return ctypes.get_errno()
parent, own = os.getppid(), os.getpid()
print(tried(200, parent, 0), tried(234, parent, parent, 0), tried(0x40000000 + 41, 2, 1, 0), tried(234, own, own, 0))
"""
    if platform.machine() == "x86_64":
        assert subprocess.check_output([sys.executable, "-c", tries], text=True, cwd=ROOT) == "1 1 1 0\n"


def test_what_a_kernel_does_not_take_away_is_said_once() -> None:
    with structlog.testing.capture_logs() as said:
        for _ in range(2):
            jail.note_missing(frozenset({"files", "calls"}))

    assert [(one["event"], one["missing"]) for one in said] == [("sandbox_lacks", ["calls", "files"])]


async def test_those_who_wait_for_a_jail_hold_nothing_else_up(scratch: Path) -> None:
    fd, lent = unnamed(scratch, b"x"), jail.Lent("tests.records.captive", scratch)
    told = {"how": "hang"}
    calls = [asyncio.create_task(lent.call("tests.records.captive:misbehave", fd, told, 1)) for _ in range(40)]
    await asyncio.sleep(0.1)
    async with asyncio.timeout(0.5):
        await asyncio.to_thread(lambda: None)
    for call in calls[2:]:
        call.cancel()
    ended = await asyncio.gather(*calls, return_exceptions=True)
    os.close(fd)
    assert Counter(type(one) for one in ended) == {jail.Killed: 2, asyncio.CancelledError: 38}


async def test_a_copy_for_which_there_is_no_room_is_not_taken_for_the_file(case: Case) -> None:
    await sends(case, "clinical_summary", pdf(stream(os.urandom(3 << 20))), filename="large.pdf")
    [row] = await case.records.fetch("SELECT id FROM documents")
    file = await vault.open_document(case.records.ctx, row["id"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.size - 9, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            file.spool(jail.scratch_of(case.records.ctx.settings))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("how", ["hang", "eat", "crash", "fill"])
def test_one_that_breaks_a_limit_is_replaced_and_the_next_call_works(scratch: Path, how: str) -> None:
    fd = unnamed(scratch, b"x")
    with jail.borrowed("tests.records.captive", scratch) as lent:
        with pytest.raises((jail.Killed, jail.Failed)):
            list(lent.ask("misbehave", fd, {"how": how}, 1))
        [(fine, payload)] = lent.ask("misbehave", fd, {"how": "not"}, 5)
    os.close(fd)
    assert (fine, payload) == ({"fine": True}, b"bytes")


async def test_a_sandbox_that_somebody_ends_costs_no_file(case: Case, tmp_path: Path) -> None:
    case.records.ctx.settings.scratch = tmp_path
    files = {f"{number}.txt": b"page %d\n" % number for number in range(600)}
    await sends(case, "clinical_summary", archive(files), filename="cd.zip")
    await case.records.run_timers()
    looking = asyncio.create_task(case.records.run_errands())

    async def begun() -> bool:
        return bool((await case.records.fetch("SELECT told FROM documents WHERE parent_id IS NULL"))[0]["told"])

    await eventually(begun, every=0.002)
    for process in psutil.Process().children():
        if str(tmp_path) in " ".join(process.cmdline()):
            process.kill()
    assert await case.records.count("documents") < len(files), "it was in the middle"
    await looking
    rows = await case.records.fetch("SELECT path, verdict FROM documents WHERE parent_id IS NOT NULL")
    assert Counter((row["path"], row["verdict"]) for row in rows) == Counter((name, "clean") for name in files)
