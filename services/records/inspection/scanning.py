"""Viruses: asked of a clamd where the settings name one. What it wouldn't look at is said, and never passes for looked at.

Each file is shown by itself, those of an archive as they are unpacked. Everything here blocks: use it in a thread.
"""

import os
import select
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

SECONDS = 90.0
"""How long it may take over one file, after the last byte of it came."""
PIECE = 256 << 10
TOO_LARGE = "too_large"
_LONGEST_ANSWER = 4096
_LIMIT, _LIMITS_EXCEEDED = "size limit exceeded", "Heuristics.Limits.Exceeded"


class NotScanned(Exception):
    """The clamd of the settings doesn't answer as one: the file waits, and is tried again."""


@dataclass(frozen=True)
class Scanned:
    """What scanned a file (``by``, None: nothing), the virus it found; ``unscanned``: why it didn't look, as a code."""

    by: str | None = None
    virus: str | None = None
    unscanned: str | None = None


UNSET = Scanned()
"""No clamd is set."""


@dataclass(frozen=True)
class Clamd:
    """A clamd at ``host:port``; files above ``largest`` bytes aren't shown to it."""

    address: str
    largest: int

    @cached_property
    def version(self) -> str:
        """What it says it is, with the day of its signatures; asked once. Raises ``NotScanned``."""
        return self.ask(b"VERSION")

    def ask(self, command: bytes) -> str:
        """Return the answer to a command without a file. Raises ``NotScanned``."""
        try:
            with self.connected() as line:
                line.sendall(b"z%b\x00" % command)
                return _answer(line)
        except OSError as problem:
            raise NotScanned(repr(problem)) from problem

    def connected(self) -> socket.socket:
        """Return a new line to it. Raises ``OSError``."""
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host, int(port)), SECONDS)

    def scan(self, fd: int) -> Scanned:
        """Return what it says of an open file. Raises ``NotScanned``."""
        scan, at = Scan(self), 0
        while (piece := os.pread(fd, PIECE, at)) and scan.add(piece):
            at += len(piece)
        return scan.verdict()


class Scan:
    """One file that is shown to a clamd as its bytes come."""

    def __init__(self, clamd: Clamd) -> None:
        self._clamd, self._sent, self._said = clamd, 0, ""
        self._line: socket.socket | None = None

    def add(self, piece: bytes) -> bool:
        """Show it more; False: it wants no more. Raises ``NotScanned``."""
        self._sent += len(piece)
        if self._sent > self._clamd.largest:
            self._said = _LIMIT
        if self._said:
            self.drop()
            return False
        try:
            if self._line is None:
                self._line = self._clamd.connected()
                self._line.sendall(b"zINSTREAM\x00")
            if select.select([self._line], [], [], 0)[0]:
                self._said = _answer(self._line)
                return False
            self._line.sendall(struct.pack("!I", len(piece)) + piece)
        except OSError as problem:
            self._said = self._last_words(problem)
            return False
        return True

    def verdict(self) -> Scanned:
        """Return what it found, once all was shown. Raises ``NotScanned``."""
        try:
            if not self._said and self._line is not None:
                self._line.sendall(bytes(4))
                self._said = _answer(self._line)
        except OSError as problem:
            self._said = self._last_words(problem)
        finally:
            self.drop()
        virus, _, verdict = self._said.removeprefix("stream: ").rpartition(" ")
        if _LIMIT in self._said or virus.startswith(_LIMITS_EXCEEDED):
            return Scanned(unscanned=TOO_LARGE)
        if verdict not in ("OK", "FOUND"):
            raise NotScanned(self._said)
        return Scanned(self._clamd.version[:200], virus or None)

    def drop(self) -> None:
        """Hang up. Again, it does nothing."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _last_words(self, problem: OSError) -> str:
        """Return what it said before it hung up on us: of a file that is larger than it takes, it tells while that still comes."""
        if self._line is not None:
            with suppress(OSError):
                return _answer(self._line)
        raise NotScanned(repr(problem)) from problem


def _answer(line: socket.socket) -> str:
    said = b""
    while not said.endswith(b"\x00") and len(said) < _LONGEST_ANSWER:
        if not (more := line.recv(_LONGEST_ANSWER)):
            raise ConnectionResetError("it hung up")
        said += more
    return said.rstrip(b"\x00").decode("utf-8", "replace").strip()
