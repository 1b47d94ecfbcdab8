"""Typed identifiers, and the case number that people read out over the telephone."""

import re
import secrets
import unicodedata
from typing import NewType
from uuid import UUID

import uuid_utils.compat as uuid_utils

CaseId = NewType("CaseId", UUID)
EventId = NewType("EventId", UUID)

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK = _ALPHABET + "*~$=U"
_SYMBOLS = "*~$="
_BETWEEN = re.compile(rf"[^\w{_SYMBOLS}]|_")
_HEARD_AS = str.maketrans({"O": "0", "I": "1", "L": "1"})
_DIGITS = 8


def new_id() -> UUID:
    """Return a UUIDv7: unique anywhere, and later ids sort after earlier ones (1 ms)."""
    return uuid_utils.uuid7()


def new_case_number() -> str:
    """Return a random case number such as ``7K3M-9QXW-S``: about 40 bits in Crockford's base 32 and a check character.

    The alphabet and the check, which is the number modulo 37, are those of https://www.crockford.com/base32.html. Four of
    its check characters are no letters (``*~$=``): hard to say over the telephone, and altered in addresses and e-mails.
    No new number ends in one; numbers that do, from before, are read like any other.
    """
    while True:
        value = secrets.randbits(5 * _DIGITS)
        check = _CHECK[value % 37]
        if check not in _SYMBOLS:
            body = "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (_DIGITS - 1), -1, -5))
            return f"{body[:4]}-{body[4:]}-{check}"


def parse_case_number(text: str) -> str:
    """Return the case number that was meant, in its written form.

    Small and wide letters, O for 0, I or L for 1, and whatever stands between the characters or is missing there (dashes
    of any length, spaces, dots) are forgiven. Raises ``ValueError`` saying what to do when the length, a character or the
    check character is wrong.
    """
    plain = _plain(text)
    if len(plain) != _DIGITS + 1:
        raise ValueError("A case number has nine characters, such as 7K3M-9QXW-S. Check that all of it is there.")
    body, check = plain[:-1].translate(_HEARD_AS), plain[-1]
    if check in "OIL":
        check = check.translate(_HEARD_AS)
    value = 0
    for character in body:
        if character not in _ALPHABET:
            raise ValueError(f"{character!r} is never part of a case number. Read it again from your e-mail.")
        value = value << 5 | _ALPHABET.index(character)
    if _CHECK[value % 37] != check:
        raise ValueError("One character of this case number is wrong. Read it again from your e-mail.")
    return f"{body[:4]}-{body[4:]}-{check}"


def case_numbers_near(text: str) -> set[str]:
    """Return the valid case numbers one slip of the pen away from `text`: a character wrong, missing, too many, or two changed round."""
    plain = _plain(text).translate(_HEARD_AS)
    if not _DIGITS <= len(plain) <= _DIGITS + 2 or not set(plain) <= set(_CHECK):
        return set()
    typed: set[str] = set()
    for at in range(len(plain) + 1):
        head, tail = plain[:at], plain[at:]
        if len(plain) == _DIGITS:
            typed |= {head + character + tail for character in _CHECK}
        elif len(plain) == _DIGITS + 1:
            typed |= {head + character + tail[1:] for character in _CHECK if tail}
            typed |= {head + tail[1] + tail[0] + tail[2:]} if len(tail) > 1 else set()
        else:
            typed |= {head + tail[1:]} if tail else set()
    return {number for one in typed if (number := _valid(one))}


def _plain(text: str) -> str:
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text)).upper()


def _valid(plain: str) -> str | None:
    try:
        return parse_case_number(plain)
    except ValueError:
        return None
