"""A case's data key: made with its first file, kept wrapped by the installation's key-encryption key, erased for good.

The file of ``RECORDS_FILES_KEY_FILE`` holds one key a line (base64 of 32 bytes). The first wraps; the others only unwrap
what they wrapped before, so a new one is put on top and the old ones stay for as long as a case that they wrapped is kept.
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
    nonce, wrapped = found.wrapped[:_NONCE], found.wrapped[_NONCE:]
    return AESGCM(keys[found.kek]).decrypt(nonce, wrapped, case_id.bytes)


def _wrap(kek: bytes, case_id: CaseId, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(kek).encrypt(nonce, key, case_id.bytes)


@lru_cache(maxsize=8)
def _encryption_keys(file: Path) -> dict[str, bytes]:
    """Return the key-encryption keys by what they are called, the one that wraps first."""
    try:
        keys = [b64decode(line, validate=True) for line in file.read_text("ascii").split()]
    except Error as problem:
        raise ValueError(f"{file}: a line isn't base64") from problem
    if not keys or any(len(key) != 32 for key in keys):
        raise ValueError(f"{file} must hold keys of 32 bytes in base64, one a line")
    return {sha256(b"kek " + key).hexdigest()[:16]: key for key in keys}
