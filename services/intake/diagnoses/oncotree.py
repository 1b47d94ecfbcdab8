"""OncoTree as an operator supplies it: the tree, or the flat list, of its published JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class NotOncoTree(ValueError):
    """The file isn't what OncoTree publishes; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class TumourType:
    """One type: its code, its name, and the tissue under which the tree has it."""

    code: str
    title: str
    tissue: str


def read(content: Any) -> list[TumourType]:
    """Return every type in the file, tissues themselves included. Raises ``NotOncoTree``."""
    found = list(_flat(content) if isinstance(content, list) else _tree(content, None))
    if not found:
        raise NotOncoTree("there is no entry with a code and a name in this file")
    return list({one.code: one for one in found}.values())


def _flat(entries: list[Any]) -> Iterator[TumourType]:
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("code"), str) or not entry.get("name"):
            raise NotOncoTree("each entry needs a code and a name")
        if entry["code"] != "TISSUE":
            yield TumourType(entry["code"], str(entry["name"]), str(entry.get("tissue") or entry["name"]))


def _tree(nodes: Any, tissue: str | None) -> Iterator[TumourType]:
    if not isinstance(nodes, dict):
        raise NotOncoTree("a tree is an object of types by code, and so are the children of each")
    for code, node in nodes.items():
        if not isinstance(node, dict) or not node.get("name"):
            raise NotOncoTree(f"{code} has no name")
        if code == "TISSUE":
            yield from _tree(node.get("children") or {}, None)
            continue
        here = tissue or str(node.get("tissue") or node["name"])
        yield TumourType(str(code), str(node["name"]), here)
        yield from _tree(node.get("children") or {}, here)
