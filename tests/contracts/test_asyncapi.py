"""docs/asyncapi.yaml is what the code says, and a parser that isn't ours accepts it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.contracts import asyncapi
from deploy.contracts.__main__ import ASYNCAPI, declared_services
from deploy.local.node import find_npm
from shared.events import FACTS
from shared.settings import PlatformSettings

DOCUMENT: dict[str, Any] = asyncapi.asyncapi(declared_services())
PARSE = """
const { Parser } = require('@asyncapi/parser');
let text = '';
process.stdin.on('data', chunk => text += chunk).on('end', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const wrong = diagnostics.filter(found => found.severity <= 1 && found.code !== 'asyncapi-latest-version');
  console.log(JSON.stringify({
    wrong: wrong.map(found => found.code + ' ' + found.path.join('.') + ': ' + found.message),
    channels: document ? document.channels().all().map(each => each.address()) : [],
    messages: document ? document.messages().all().length : 0,
    operations: document ? document.operations().all().length : 0,
    headers: document ? document.messages().all().filter(each => each.hasHeaders()).length : 0,
  }));
});
"""


def parsed(text: str) -> dict[str, Any]:
    """What @asyncapi/parser makes of a document; the test is skipped where node or the package is missing."""
    modules = Path(os.environ.get("NODE_MODULES", PlatformSettings().node_modules)).absolute()
    if not (modules / "@asyncapi" / "parser").is_dir():
        pytest.skip("needs the npm package @asyncapi/parser: python -m deploy.local.node dev")
    node = shutil.which("node") or find_npm()[0]
    environment = os.environ | {"NODE_PATH": str(modules)}
    done = subprocess.run([node, "-e", PARSE], input=text, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_the_stored_document_is_the_one_the_code_makes() -> None:
    assert ASYNCAPI.read_text(encoding="utf-8") == asyncapi.as_text(DOCUMENT), "run python -m deploy.contracts write"


def test_the_parser_accepts_it_and_sees_all_of_it() -> None:
    seen = parsed(asyncapi.as_text(DOCUMENT))
    assert seen["wrong"] == []
    assert sorted(seen["channels"]) == sorted({fact.topic for fact in FACTS})
    assert seen["messages"] == len(FACTS)
    assert seen["headers"] == len(FACTS)
    assert seen["operations"] == len(DOCUMENT["operations"])


def test_the_parser_would_refuse_a_broken_document() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    next(iter(broken["operations"].values()))["action"] = "shout"
    assert parsed(yaml.safe_dump(broken))["wrong"] != []


def test_every_operation_names_messages_of_its_own_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"]
        assert operation["messages"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_the_operations_say_what_the_services_declare() -> None:
    for service in declared_services():
        for verb, facts in (("tells", service.emits), ("hears", service.reactions)):
            names = {
                message["$ref"].rsplit("/", 1)[1]
                for key, operation in DOCUMENT["operations"].items()
                if key.startswith(f"{service.name}.{verb}.")
                for message in operation["messages"]
            }
            assert names == {fact.type_name() for fact in facts}
