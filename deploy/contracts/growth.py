"""May this schema follow that one? Only when every record ever written still reads, and every reader still copes.

A topic is kept for ever and is replayed, so new code reads old records; during a deployment old code reads new ones.
One thing alone suits both: a new property that nobody must send. All else needs a new version of the type.
"""

from typing import Any

from deploy.contracts.schemas import Schema

_SAYS_NOTHING_OF_VALUES = frozenset({"title", "description", "examples", "deprecated", "$comment"})


def breaking_changes(old: Schema, new: Schema, where: str = "") -> list[str]:
    """Return what in ``new`` breaks a reader or a record of ``old``, one sentence each; empty when it only grew."""
    return [
        sentence
        for keyword in sorted((old.keys() | new.keys()) - _SAYS_NOTHING_OF_VALUES)
        for sentence in _keyword_changes(keyword, old.get(keyword), new.get(keyword), where)
    ]


def broken_contracts(old: dict[str, Schema], new: dict[str, Schema]) -> list[str]:
    """Return what broke between two sets of contracts by path. A contract that is gone broke, a new one didn't."""
    found = [f"{path}: the contract is gone; its records stay on the topic for ever" for path in old if path not in new]
    for path in old.keys() & new.keys():
        found += [f"{path}: {sentence}" for sentence in breaking_changes(old[path], new[path])]
    return sorted(found)


def _keyword_changes(keyword: str, old: Any, new: Any, where: str) -> list[str]:
    if old == new:
        return []
    match keyword:
        case "properties":
            return _property_changes(old or {}, new or {}, where)
        case "required":
            return _required_changes(frozenset(old or ()), frozenset(new or ()), where)
        case "enum":
            return _enum_changes(old, new, where)
        case "items" if isinstance(old, dict) and isinstance(new, dict):
            return breaking_changes(old, new, f"{where}[]")
        case _:
            return [f"{where or 'the fact'}: {keyword} was {_shown(old)} and is {_shown(new)}"]


def _property_changes(old: dict[str, Schema], new: dict[str, Schema], where: str) -> list[str]:
    found = [f"{_join(where, name)} is gone; old readers rely on it" for name in old if name not in new]
    for name in old.keys() & new.keys():
        found += breaking_changes(old[name], new[name], _join(where, name))
    return found


def _required_changes(old: frozenset[str], new: frozenset[str], where: str) -> list[str]:
    return [
        *(f"{_join(where, name)} became required; old records lack it" for name in sorted(new - old)),
        *(f"{_join(where, name)} became optional; old readers rely on it" for name in sorted(old - new)),
    ]


def _enum_changes(old: Any, new: Any, where: str) -> list[str]:
    if old is None or new is None:
        return [f"{where}: a list of values {'came' if old is None else 'went'}"]
    return [
        *(f"{where}: the value {value!r} is gone; old records hold it" for value in old if value not in new),
        *(f"{where}: the value {value!r} is new; old readers would park it" for value in new if value not in old),
    ]


def _shown(value: Any) -> str:
    return "absent" if value is None else repr(value)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
