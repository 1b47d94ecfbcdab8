"""A case's data key: made with its first file, kept wrapped by the installation's key-encryption key, erased for good.

The file of ``RECORDS_FILES_KEY_FILE`` holds one key a line (base64 of 32 bytes). The first wraps; the others only unwrap
what they wrapped before. A new one is put on top; once every case's key was wrapped anew (``services.records.rewrapping``),
the old one may go. A change of the file is seen at once, by processes that run too.
"""

import os
from base64 import b64decode
from binascii import Error
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.records.store import keys as store
from shared.db import Tx
from shared.ids import CaseId

_NONCE = 12


class Erased(Exception):
    """The case's key was erased: nothing of its files can be read, here or in any copy of the store."""


class NoSuchKey(Exception):
    """The case's key was wrapped by a key that the settings don't hold."""


async def key_of(tx: Tx, file: Path, case_id: CaseId) -> bytes:
    """Return the case's data key, made now if it has none. The case's row must be there. Raises ``Erased``, ``NoSuchKey``."""
    keys = _encryption_keys(file)
    kek = next(iter(keys))
    found = await store.case_key(tx, case_id)
    if found is None:
        await store.add_case_key(tx, case_id, _wrap(keys[kek], case_id, AESGCM.generate_key(256)), kek)
        found = await store.case_key(tx, case_id)
    assert found is not None
    if found.wrapped is None:
        raise Erased("this case's files were erased")
    if found.kek not in keys:
        raise NoSuchKey(f"{file} doesn't hold the key {found.kek}, which wraps keys of cases")
    return _unwrap(keys[found.kek], case_id, found.wrapped)


async def wrap_some_anew(tx: Tx, file: Path, after: CaseId | None, most: int) -> tuple[int, CaseId | None]:
    """Wrap by the first key what others wrapped, of the ``most`` next cases behind ``after``: how many, and the last case.

    None: there was no case left. What is wrapped by a key that the file doesn't hold stays as it is.
    """
    keys = _encryption_keys(file)
    kek = next(iter(keys))
    found = await store.wrapped_by_others(tx, kek, after, most)
    anew = [
        (case_id, _wrap(keys[kek], case_id, _unwrap(keys[old.kek], case_id, old.wrapped)))
        for case_id, old in found
        if old.wrapped is not None and old.kek in keys
    ]
    await store.wrap_anew(tx, anew, kek)
    return len(anew), found[-1][0] if found else None


async def strange_keys(tx: Tx, file: Path) -> dict[str, int]:
    """Return the keys that wrap cases' keys and aren't in the file, with the number of cases that each closes."""
    known = _encryption_keys(file)
    return {kek: number for kek, number in (await store.wrapping_keys(tx)).items() if kek not in known}


def _wrap(kek: bytes, case_id: CaseId, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(kek).encrypt(nonce, key, case_id.bytes)


def _unwrap(kek: bytes, case_id: CaseId, wrapped: bytes) -> bytes:
    return AESGCM(kek).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], case_id.bytes)


def _encryption_keys(file: Path) -> dict[str, bytes]:
    """Return the key-encryption keys by what they are called, the one that wraps first."""
    seen = file.stat()
    return _read(file, seen.st_ino, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=8)
def _read(file: Path, *_as_it_was: int) -> dict[str, bytes]:
    try:
        keys = [b64decode(line, validate=True) for line in file.read_text("ascii").split()]
    except Error as problem:
        raise ValueError(f"{file}: a line isn't base64") from problem
    if not keys or any(len(key) != 32 for key in keys):
        raise ValueError(f"{file} must hold keys of 32 bytes in base64, one a line")
    return {sha256(b"kek " + key).hexdigest()[:16]: key for key in keys}
