"""How bytes are sealed: AES-256-GCM in frames of 64 KiB, so that any part can be read, and only whole and in its place.

A sealed object is 32 bytes of head (a mark, a random salt) and then frames. Its key is derived (HKDF-SHA256) from the
case's key, the salt and the object's name, so no key meets a nonce twice and no object can stand in for another. A
frame's nonce is its number and whether it is the last: frames can't be dropped, doubled or reordered unseen.
"""

import os
from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FRAME = 64 * 1024
"""Plain bytes per frame; the last one of an object may be shorter."""
TAG = 16
HEAD = 32
_MARK = b"CONSILIUM-SEAL-1"
_SALT = HEAD - len(_MARK)


Bytes = bytes | bytearray | memoryview


class Broken(Exception):
    """What lies in the store isn't what was sealed: damaged, cut short, swapped, or sealed under another key."""


class Sealer:
    """Seals one object as its bytes come, under the name by which it will lie."""

    def __init__(self, case_key: bytes, name: str) -> None:
        salt = os.urandom(_SALT)
        self._cipher, self._number, self._head = _cipher(case_key, name, salt), 0, _MARK + salt
        self._into = memoryview(bytearray())

    def seal(self, plain: Bytes, *, last: bool) -> memoryview:
        """Return the next bytes sealed: whole frames, but for those that are ``last``. They stand until the next are sealed."""
        view = memoryview(plain)
        if not last and len(view) % FRAME:
            raise ValueError("a frame in the middle is whole")
        frames = [view[at : at + FRAME] for at in range(0, len(view), FRAME)] or [view]
        size = len(self._head) + len(view) + TAG * len(frames)
        if len(self._into) < size:
            self._into = memoryview(bytearray(size))
        self._into[: len(self._head)] = self._head
        at, self._head = len(self._head), b""
        for place, frame in enumerate(frames, 1):
            nonce = _nonce(self._number, last=last and place == len(frames))
            at += self._cipher.encrypt_into(nonce, frame, None, self._into[at : at + len(frame) + TAG])
            self._number += 1
        return self._into[:size]


def seal(case_key: bytes, name: str, plain: Bytes) -> bytes:
    """Return a whole object sealed."""
    return bytes(Sealer(case_key, name).seal(plain, last=True))


def sealed_size(plain: int) -> int:
    """Return how many bytes a sealed object of ``plain`` bytes has."""
    return HEAD + plain + TAG * max(1, -(-plain // FRAME))


def span(plain: int, start: int, stop: int) -> tuple[int, int]:
    """Return where in a sealed object of ``plain`` bytes the frames lie that hold ``start`` to ``stop`` (behind the head)."""
    first, last = start // FRAME, max(start, stop - 1) // FRAME
    return HEAD + first * (FRAME + TAG), min(HEAD + (last + 1) * (FRAME + TAG), sealed_size(plain))


class Opener:
    """Opens frames of one sealed object, whose plain size is known."""

    def __init__(self, case_key: bytes, name: str, head: bytes, plain: int) -> None:
        if len(head) != HEAD or not head.startswith(_MARK):
            raise Broken("no sealed object")
        self._cipher = _cipher(case_key, name, head[len(_MARK) :])
        self._frames = max(1, -(-plain // FRAME))

    def open(self, first: int, sealed: bytes | memoryview) -> bytes:
        """Return the plain bytes of consecutive frames, beginning with number ``first``. Raises ``Broken``."""
        return b"".join(self._opened(first, memoryview(sealed)))

    def _opened(self, first: int, sealed: memoryview) -> Iterator[bytes]:
        for place, at in enumerate(range(0, len(sealed), FRAME + TAG)):
            number = first + place
            try:
                yield self._cipher.decrypt(
                    _nonce(number, last=number == self._frames - 1), sealed[at : at + FRAME + TAG], None
                )
            except InvalidTag:
                raise Broken("damaged, or sealed under another key") from None


def _cipher(case_key: bytes, name: str, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), length=32, salt=salt, info=b"consilium file " + name.encode()).derive(case_key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
