"""One JSON Schema a fact, generated from its model, in ``shared/contracts/<topic>/<Type>.v<n>.schema.json``."""

import json
from pathlib import Path
from typing import Any

from shared.events import FACTS, Fact

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "shared" / "contracts"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def relative_path(fact: type[Fact]) -> str:
    """Return where this fact's schema stands inside the folder of contracts."""
    return f"{fact.topic}/{fact.type_name()}.schema.json"


def schema_of(fact: type[Fact]) -> Schema:
    """Return the fact's schema without references: what every reader must be able to rely on."""
    generated = fact.model_json_schema()
    definitions = generated.pop("$defs", {})
    identity = {"$schema": DIALECT, "$id": f"urn:consilium:{fact.topic}:{fact.type_name()}"}
    plain: Schema = _without_titles(_resolved(generated, definitions))
    return identity | {"title": fact.type_name()} | plain


def generated_schemas() -> dict[str, Schema]:
    """Return every fact's schema by its path inside the folder of contracts."""
    return {relative_path(fact): schema_of(fact) for fact in FACTS}


def stored_schemas(folder: Path = FOLDER) -> dict[str, Schema]:
    """Return the schemas that are stored in the folder, by path."""
    return {
        file.relative_to(folder).as_posix(): json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(folder.glob("*/*.schema.json"))
    }


def examples(fact: type[Fact], folder: Path = FOLDER) -> list[Path]:
    """Return the stored examples of a fact: ``<Type>.v1.example.json``, ``<Type>.v1.<what is special>.example.json``.

    An example is never edited: it stands for a record that some topic holds.
    """
    return sorted((folder / fact.topic).glob(f"{fact.type_name()}.*example.json"))


def as_text(schema: Schema) -> str:
    """Return the text of a generated file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _resolved(node: Any, definitions: dict[str, Schema]) -> Any:
    if isinstance(node, list):
        return [_resolved(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _resolved(definitions[node["$ref"].removeprefix("#/$defs/")] | beside, definitions)
    return {key: _resolved(value, definitions) for key, value in node.items()}


def _without_titles(node: Any) -> Any:
    """Drop the titles that pydantic makes of names; a property that is called title stays."""
    if isinstance(node, list):
        return [_without_titles(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key != "title" or not isinstance(value, str)}
    return {key: _without_titles(value) for key, value in kept.items()}
