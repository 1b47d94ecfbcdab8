"""Neoplasms (C00-D49) and blood disorders (D50-D89) of ICD-10-CM, read from the package ``simple-icd-10-cm``.

The package reads the whole classification, 10 MB of XML, into about 190 MB of memory. So another process reads it, once,
and hands over the 2,600 codes that are wanted here: ``python -m services.intake.diagnoses.icd10``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

FIRST, LAST = "C00", "D90"


@dataclass(frozen=True, slots=True)
class Entry:
    """A code, its title, and the other names that the classification includes under it."""

    code: str
    title: str
    also: tuple[str, ...]


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Return all of them in the classification's order. The first call takes about two seconds: call it in a thread."""
    read = subprocess.run([sys.executable, "-m", __name__], capture_output=True, check=True, timeout=60)
    return tuple(Entry(code, title, tuple(also)) for code, title, also in json.loads(read.stdout))


@lru_cache(maxsize=1)
def by_code() -> dict[str, Entry]:
    """Return them by code."""
    return {entry.code: entry for entry in entries()}


def _read() -> list[tuple[str, str, list[str]]]:
    import simple_icd_10_cm as icd

    known = dict.fromkeys(icd.get_all_codes())  # a block of one category has the category's code
    wanted = [code for code in known if FIRST <= code < LAST and icd.is_category_or_subcategory(code)]
    return [(code, icd.get_description(code), icd.get_inclusion_term(code)) for code in wanted]


if __name__ == "__main__":
    json.dump(_read(), sys.stdout)
