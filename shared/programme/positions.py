"""At which line of a TOML file a value stands: the parser of the standard library reads values and forgets places."""

import re

Path = tuple[str | int, ...]

_STRING_OR_COMMENT = re.compile(
    r'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)
_HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\- ]+?)\s*\]\]?\s*$")
_KEY = re.compile(r"\s*([\w\-]+(?:\s*\.\s*[\w\-]+)*)\s*=")


def line_numbers(toml: str) -> dict[Path, int]:
    """Return the line, from 1, of each table and key; elements of a table array are numbered from 0.

    Keys in quotes are left out: ``nearest`` then names the table that holds them.
    """
    lines: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth = 0
    for number, line in enumerate(_STRING_OR_COMMENT.sub(_only_newlines, toml).split("\n"), start=1):
        if depth == 0 and (header := _HEADER.match(line)):
            table = _open_table(header[2], header[1] == "[[", counts)
            _note(lines, table, number)
            continue
        if depth == 0 and (key := _KEY.match(line)):
            _note(lines, table + _parts(key[1]), number)
        depth += sum(line.count(bracket) for bracket in "[{") - sum(line.count(bracket) for bracket in "]}")
    return lines


def nearest(lines: dict[Path, int], path: Path) -> int:
    """Return the line of the value at ``path``, or of the closest table around it that is written down."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


def _only_newlines(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


def _parts(dotted: str) -> Path:
    return tuple(part.strip() for part in dotted.split("."))


def _open_table(dotted: str, is_element: bool, counts: dict[Path, int]) -> Path:
    path: Path = ()
    parts = _parts(dotted)
    for place, part in enumerate(parts):
        path += (part,)
        if is_element and place == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path


def _note(lines: dict[Path, int], path: Path, number: int) -> None:
    for length in range(1, len(path) + 1):
        lines.setdefault(path[:length], number)
