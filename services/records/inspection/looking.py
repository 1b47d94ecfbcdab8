"""Has the files of a case that wait looked at, and keeps what was found: the errand behind every upload.

A worker leases some, shows each to the sandbox, and commits what it found, some hundred files in a transaction. What is
in an archive becomes files of the case on the way. A worker that dies leaves leases that end and objects that were
announced; whoever comes next goes on behind the last file that was committed.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.records import sweeping, vault
from services.records.inspection import kinds
from services.records.inspection.results import Child, Looked, Told, Waiting
from services.records.inspection.scanning import UNSET, Clamd, NotScanned, Scan, Scanned
from services.records.sandbox import jail
from services.records.store import looking as store
from shared import log
from shared.backbone import failpoints, timers
from shared.backbone.errands import Errand
from shared.ids import CaseId, new_id
from shared.service import Context

MODULE = "services.records.inspection.looker"
LEASE = timedelta(seconds=150)
"""Longer than an errand may take: what a dead worker held is taken up by the same errand before."""
AT_A_TIME = 100
"""Files that are leased, and that are told in one transaction."""
CHILDREN_AT_A_TIME = 200
STEP_SECONDS = 30.0
BUDGET_SECONDS = 60.0
"""After so long an errand makes way, and asks to be run again for the rest."""
MOST_DEATHS = 12
_log = log.get(__name__)

Steps = Generator[tuple[dict[str, Any], bytes], None, None]


async def look_at_files(errand: Errand, ctx: Context) -> None:
    """Look at what waits in this case, for about a minute at most; what is left is looked at next.

    A file that can't be looked at now, such as when no scanner answers, waits and holds no other one up. Raises why.
    """
    ends, missed = time.monotonic() + BUDGET_SECONDS, dict[UUID, Exception]()
    while time.monotonic() < ends:
        async with ctx.db.transaction() as tx:
            waiting = await store.lease(tx, errand.case_id, errand.id, LEASE, AT_A_TIME, list(missed))
        if not waiting:
            break
        failpoints.reach("looking.leased")
        missed |= await _look_at_some(ctx, errand.case_id, waiting, ends)
    if missed and time.monotonic() < ends:
        raise next(iter(missed.values()))
    async with ctx.db.transaction() as tx:
        if (due := await store.next_due(tx, errand.case_id)) is not None:
            await timers.set(tx, errand.case_id, sweeping.LOOK, max(due, tx.now))


async def _look_at_some(ctx: Context, case_id: CaseId, waiting: list[Waiting], ends: float) -> dict[UUID, Exception]:
    """Look at leased files; the small ones share a commit, an archive has its own. Return which couldn't be, and why."""
    looked: list[Looked] = []
    seen: set[tuple[UUID, str, str | None]] = set()
    missed: dict[UUID, Exception] = {}
    clamd = Clamd(ctx.settings.clamd, ctx.settings.clamd_largest) if ctx.settings.clamd else None
    for one in waiting:
        if time.monotonic() >= ends:
            break
        try:
            found = await _look_at_one(ctx, one, clamd, ends)
        except (NotScanned, OSError) as problem:
            missed[one.id] = problem
            continue
        if found is None:
            continue
        same = (one.item_id, one.sent_by, found.sha256)
        if found.reason is None and same in seen:
            found.reason = "known"
        elif found.reason is None:
            seen.add(same)
        looked.append(found)
    if looked:
        await _keep(ctx, case_id, Told(looked))
    async with ctx.db.transaction() as tx:
        await store.release(tx, [one.id for one in waiting])
    return missed


async def _look_at_one(ctx: Context, one: Waiting, clamd: Clamd | None, ends: float) -> Looked | None:
    """Return what a file is; None: it is an archive, of which as much was kept as there was time for.

    Raises ``NotScanned``, and ``OSError`` where there is no room for a copy.
    """
    async with ctx.db.reading() as tx:
        try:
            file = await vault.opened(ctx, tx, one.id)
        except vault.Erased:
            return None
        known = await store.known_hashes(tx, one)
    scratch, digest = jail.scratch_of(ctx.settings), hashlib.sha256()
    try:
        fd = await asyncio.to_thread(file.spool, scratch, digest.update)
    except (vault.Broken, FileNotFoundError):
        _log.error("stored_file_broken", document_id=str(one.id))
        return Looked(one.id, None, "damaged")
    sha256 = digest.hexdigest()
    try:
        if one.claimed_sha256 not in (None, sha256):
            return Looked(one.id, sha256, "damaged")
        if sha256 in known:
            return Looked(one.id, sha256, "known")
        return await _Walk(ctx, one, fd, scratch, sha256, clamd, known).to_the_end(ends)
    finally:
        os.close(fd)


@dataclass
class _Walk:
    """One file before the sandbox, and of an archive how far the walk through it has come."""

    ctx: Context
    one: Waiting
    fd: int
    scratch: Path
    sha256: str
    clamd: Clamd | None
    known: set[str]
    room: vault.Vault | None = None
    places: list[UUID] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    told: int = 0
    at: int = 0
    avoid: list[int] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    own: dict[str, Any] | None = None
    scan: Scan | None = None

    async def to_the_end(self, ends: float) -> Looked | None:
        """Walk; return what a single file is, None when it is an archive whose files were kept."""
        self.told = self.one.told
        async with jail.room():
            while self.own is None:
                steps = self._steps()
                try:
                    while await asyncio.to_thread(self._some, steps):
                        await self._keep_children(done=False)
                        if time.monotonic() >= ends:
                            await asyncio.to_thread(steps.close)
                            return None
                except jail.Killed as killed:
                    self._killed(killed)
                except jail.Failed as failed:
                    self.own = {"reason": failed.code or "unreadable"}
        return await self._told()

    def _steps(self) -> Steps:
        skip = self.children[-1].number if self.children else self.told
        arguments = {"item": self.one.kind, "skip": skip, "avoid": self.avoid}
        with jail.borrowed(MODULE, self.scratch) as lent:
            yield from lent.ask("look", self.fd, arguments, STEP_SECONDS)

    def _killed(self, killed: jail.Killed) -> None:
        """The file in hand killed the sandbox: go on behind it, unless that happens too often.

        What was killed from outside is tried again, once.
        """
        if killed.outside and self.at not in self.tried:
            self.tried.add(self.at)
        elif not self.at or len(self.avoid) >= MOST_DEATHS or self.at in self.avoid:
            self.own = {"reason": "over_limits"}
        else:
            self.avoid.append(self.at)

    def _some(self, steps: Steps) -> bool:
        """Take steps until there are enough children to keep, or there is need for places; False: that was the last step."""
        child: Child | None = None
        for meta, payload in steps:
            if "self" in meta:
                self.own = dict(meta["self"])
            elif "at" in meta:
                self.at = int(meta["at"])
                self._finish(child)
                child = None
                if len(self.children) >= CHILDREN_AT_A_TIME or not self.places:
                    return True
            elif "child" in meta:
                child = self._read(meta)
                self.scan = Scan(self.clamd) if self.clamd is not None and child.reason is None else None
            elif child is not None:
                child.take(payload, self._write)
                if self.scan is not None:
                    self.scan.add(payload)
        self._finish(child)
        return False

    def _read(self, meta: dict[str, Any]) -> Child:
        """Read what is said of a file. Raises ``Killed``: a sandbox that says nonsense isn't ours any more."""
        try:
            return Child.read(meta, self.places.pop())
        except (KeyError, ValueError, TypeError, AttributeError) as problem:
            raise jail.Killed(repr(problem)) from problem

    def _write(self, name: str, plain: bytes) -> None:
        assert self.room is not None
        self.room.put(name, plain, durable=False)

    def _finish(self, child: Child | None) -> None:
        if child is None:
            return
        child.finish(self._write, self.known)
        if self.scan is not None and child.reason is None:
            child.scanned = self.scan.verdict()
            child.reason = "virus" if child.scanned.virus else None
        if child.reason is None and child.sha256 is not None:
            self.known.add(child.sha256)
        self.children.append(child)

    async def _keep_children(self, *, done: bool) -> None:
        """Commit the children that are whole, and announce places for the next ones."""
        if self.children:
            if self.room is not None:
                await asyncio.to_thread(self.room.store.settle)
            failpoints.reach("looking.stored")
            children, self.children = self.children, []
            await _keep(self.ctx, self.one.case_id, Told([], self.one, children, self.told))
            self.told = children[-1].number
        if not done:
            missing = CHILDREN_AT_A_TIME - len(self.places)
            fresh = [new_id() for _ in range(missing)]
            async with self.ctx.db.transaction() as tx:
                self.room = self.room or await vault.vault_of(self.ctx, tx, self.one.case_id)
                await store.announce(tx, self.one.case_id, [vault.place(each) for each in fresh])
            self.places = [*self.places, *fresh]

    async def _told(self) -> Looked | None:
        assert self.own is not None
        await self._keep_children(done=True)
        if self.places:
            async with self.ctx.db.transaction() as tx:
                await store.settle_announced(tx, [vault.place(each) for each in self.places])
        reason, media_type = self.own.get("reason"), self.own.get("media_type")
        scanned = await self._scanned(media_type) if self.clamd is not None and not reason else UNSET
        return Looked(
            self.one.id, self.sha256, "virus" if scanned.virus else str(reason) if reason else None, media_type,
            self.own.get("pages"), self.own.get("header"), scanned,
        )  # fmt: skip

    async def _scanned(self, media_type: Any) -> Scanned:
        """Have the file scanned; of an archive, each file in it was."""
        assert self.clamd is not None
        if media_type == kinds.ZIP:
            return Scanned(await asyncio.to_thread(lambda clamd: clamd.version, self.clamd))
        return await asyncio.to_thread(self.clamd.scan, self.fd)


async def _keep(ctx: Context, case_id: CaseId, told: Told) -> None:
    """Commit what was found; then take out of the store what is there twice."""
    from services.records.inspection.keeping import keep

    async with ctx.db.transaction() as tx:
        surplus = await keep(tx, case_id, told)
        failpoints.reach("looking.told")
    failpoints.reach("looking.committed")
    for place in surplus:
        await sweeping.clear(ctx, place)
