"""Read programme files, and refuse a broken one with its name, its line and the reason."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path as File
from typing import Any

from pydantic import ValidationError

from shared.events import ProgrammeRef
from shared.programme.checks import problems_of
from shared.programme.positions import Path, line_numbers, nearest
from shared.programme.rules import Programme

FOLDER = File(__file__).parent.parent / "programmes"
_KEYED_BY_CODE = ("catalogue", "owed", "reasons", "cancer_types", "history", "return_reasons")
_TOML_LINE = re.compile(r"\(at line (\d+), column \d+\)$")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a programme file, and where."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class ProgrammeRefused(Exception):
    """A programme file breaks a rule; the message has a line for each problem: file, line and reason."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class UnknownProgramme(LookupError):
    """No file holds this programme, or this version of it."""


def read_programme(file: File) -> Programme:
    """Return the programme in this file. Raises ``ProgrammeRefused`` with every problem found."""
    content = file.read_bytes()
    try:
        toml = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ProgrammeRefused([Problem(file.name, line, "this is no UTF-8: save the file as UTF-8")]) from error
    try:
        data = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ProgrammeRefused([_syntax_problem(file.name, toml, str(error))]) from error
    lines = line_numbers(toml)
    try:
        programme = Programme.model_validate(_prepared(data))
    except ValidationError as error:
        found = [_shape_problem(file.name, lines, detail) for detail in error.errors(include_url=False)]
        raise ProgrammeRefused(found) from error
    if broken := [Problem(file.name, nearest(lines, path), reason) for path, reason in problems_of(programme)]:
        raise ProgrammeRefused(sorted(broken, key=lambda problem: problem.line))
    if file.stem not in (programme.id, f"{programme.id}.v{programme.version}"):
        reason = f"this file is named {programme.id}.toml or {programme.id}.v{programme.version}.toml"
        raise ProgrammeRefused([Problem(file.name, nearest(lines, ("id",)), reason)])
    return programme


def read_folder(folder: File) -> dict[tuple[str, int], Programme]:
    """Return every programme in the folder by id and version. Two files with one version: ``ProgrammeRefused``."""
    found: dict[tuple[str, int], Programme] = {}
    for file in sorted(folder.glob("*.toml")):
        programme = read_programme(file)
        key = (programme.id, programme.version)
        if key in found:
            lines = line_numbers(file.read_text(encoding="utf-8"))
            reason = f"another file holds {programme.id} version {programme.version} too; count the version up"
            raise ProgrammeRefused([Problem(file.name, nearest(lines, ("version",)), reason)])
        found[key] = programme
    return found


@cache
def all_programmes() -> Mapping[tuple[str, int], Programme]:
    """Return every programme of the product, read once; at start, so that a broken file stops it."""
    return read_folder(FOLDER)


def load(ref: ProgrammeRef) -> Programme:
    """Return exactly this version (R18). Raises ``UnknownProgramme``."""
    try:
        return all_programmes()[ref.id, ref.version]
    except KeyError:
        raise UnknownProgramme(f"There is no programme {ref.id} version {ref.version}.") from None


def current(programme_id: str) -> Programme:
    """Return the newest version, with which a new case begins. Raises ``UnknownProgramme``."""
    versions = [programme for programme in all_programmes().values() if programme.id == programme_id]
    if not versions:
        raise UnknownProgramme(f"There is no programme {programme_id}.")
    return max(versions, key=lambda programme: programme.version)


def _prepared(data: dict[str, Any]) -> dict[str, Any]:
    """Give each entry its code, each service its currency and its rules, and make arrays tuples."""
    for section in _KEYED_BY_CODE:
        for code, entry in _tables(data.get(section)):
            entry["code"] = code
    for code, service in _tables(data.get("catalogue")):
        service["currency"] = data.get("currency")
        service["requires"] = [rule["requires_any"] for rule in _rules_of(data, "requirements", code, "requires_any")]
        service["includes"] = [
            other for rule in _rules_of(data, "inclusions", code, "includes") for other in rule["includes"]
        ]
    return {key: _frozen(value) for key, value in data.items()}


def _tables(section: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(section, dict):
        yield from ((code, entry) for code, entry in section.items() if isinstance(entry, dict))


def _rules_of(data: dict[str, Any], section: str, code: str, key: str) -> Iterator[dict[str, Any]]:
    rules = data.get(section)
    for rule in rules if isinstance(rules, list) else []:
        if isinstance(rule, dict) and rule.get("service") == code and isinstance(rule.get(key), list):
            yield rule


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


def _syntax_problem(file: str, toml: str, message: str) -> Problem:
    at = _TOML_LINE.search(message)
    line = int(at[1]) if at else toml.count("\n") + 1
    return Problem(file, line, f"this is no TOML: {message}")


def _shape_problem(file: str, lines: dict[Path, int], detail: Any) -> Problem:
    path: Path = detail["loc"]
    where = ".".join(map(str, path))
    match detail["type"]:
        case "missing":
            reason = f"{where} is missing"
        case "extra_forbidden":
            reason = f"{where} is no key that a programme has; is it misspelt?"
        case "int_type" | "int_from_float":
            reason = f"{where} must be a whole number (money: minor units), not {detail['input']!r}"
        case _:
            reason = f"{where}: {detail['msg'].removeprefix('Value error, ')}"
    return Problem(file, nearest(lines, path), reason)
