"""``python -m deploy.contracts write|check [--against REVISION]``: make the generated contracts, or say what is wrong.

``write`` never overwrites a contract with one that breaks it; ``check`` compares with the files as they stand and with
those of every git revision that changed one, so that a broken contract can't be made true by writing or committing it.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path

from deploy.contracts import asyncapi, growth, openapi, schemas
from deploy.contracts.schemas import FOLDER, ROOT, Schema
from shared.events import FACTS
from shared.service import Service

SERVICES = ("intake", "billing", "records", "matching", "notify")
ASYNCAPI = ROOT / "docs" / "asyncapi.yaml"
OPENAPI = ROOT / "docs" / "openapi"


def declared_services() -> list[Service]:
    """Return the five services as their composition roots declare them."""
    return [import_module(f"services.{name}.__main__").SERVICE for name in SERVICES]


def generated_files() -> dict[Path, str]:
    """Return what each generated file must hold."""
    found = {FOLDER / path: schemas.as_text(schema) for path, schema in schemas.generated_schemas().items()}
    services = declared_services()
    found |= {OPENAPI / f"{service.name}.json": openapi.as_text(openapi.openapi(service)) for service in services}
    return found | {ASYNCAPI: asyncapi.as_text(asyncapi.asyncapi(services))}


def problems(against: Sequence[str]) -> Iterator[str]:
    """Yield a sentence for all that is broken, stale, left over or without an example; ``against``: git revisions."""
    generated = schemas.generated_schemas()
    yield from growth.broken_contracts(schemas.stored_schemas(), generated)
    for revision in against:
        yield from growth.broken_contracts(schemas_at(revision), generated)
    for file, text in generated_files().items():
        if not _holds(file, text):
            yield f"{file.relative_to(ROOT)} isn't up to date: run python -m deploy.contracts write"
    for fact in FACTS:
        if not schemas.examples(fact):
            yield f"{schemas.relative_path(fact)} has no stored example: write one beside it"


def schemas_at(revision: str) -> dict[str, Schema]:
    """Return the contracts as a git revision holds them; nothing where there is no git, or no such revision."""
    folder = FOLDER.relative_to(ROOT).as_posix()
    listed = (line.split(maxsplit=3) for line in _git("ls-tree", "-r", revision, "--", folder).splitlines())
    return {
        path.removeprefix(f"{folder}/"): json.loads(_content(blob))
        for _, _, blob, path in listed
        if path.endswith(".schema.json")
    }


def revisions() -> list[str]:
    """Return the git revisions that changed a contract, the newest first; none where there is no git."""
    return _git("log", "--format=%H", "--", FOLDER.relative_to(ROOT).as_posix()).split()


@cache
def _content(blob: str) -> str:
    return _git("cat-file", "blob", blob)


def write() -> list[str]:
    """Write the generated files; returns what would break a contract, and then writes none."""
    broken = growth.broken_contracts(schemas.stored_schemas(), schemas.generated_schemas())
    if not broken:
        for file, text in generated_files().items():
            if not _holds(file, text):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
    return broken


def main(arguments: list[str] | None = None) -> int:
    """Return 0 when contracts are as they should be, else 1 after saying why."""
    parser = argparse.ArgumentParser(prog="python -m deploy.contracts", description=__doc__)
    parser.add_argument("command", choices=("write", "check"))
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="the git revision that must not break; by default each that changed a contract",
    )
    asked = parser.parse_args(arguments)
    against = [asked.against] if asked.against else revisions()
    if asked.command == "check" and not against:
        print("There is no git history here: nothing older than the files is compared with.", file=sys.stderr)
    found = write() if asked.command == "write" else sorted(set(problems(against)))
    for sentence in found:
        print(sentence, file=sys.stderr)
    if any(".schema.json: " in sentence for sentence in found):
        print("A contract only grows: add an optional field, or a new version of the type.", file=sys.stderr)
    return 1 if found else 0


def _holds(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout if done.returncode == 0 else ""


if __name__ == "__main__":
    sys.exit(main())
