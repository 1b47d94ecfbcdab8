"""``python -m deploy.kafka topics|acls|apply --bootstrap HOST:PORT``: the topics, and who may do what with them.

For a cluster that people run: read what is printed, then run it with Kafka's own tools. ``apply`` does the same at once,
signed in as KAFKA_USERNAME with KAFKA_PASSWORD. Doing it again changes nothing.
"""

import argparse
import asyncio
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_HERE = Path(__file__).parent


def topics(bootstrap: str, replication: int) -> Iterator[str]:
    """Yield a kafka-topics command for each topic of ``topics.yaml``."""
    for topic in _read("topics.yaml")["topics"]:
        settings = [f"--config={key}={value}" for key, value in topic["config"].items()]
        yield shlex.join([
            "kafka-topics.sh", "--bootstrap-server", bootstrap, "--create", "--if-not-exists", "--topic", topic["name"],
            "--partitions", str(topic["partitions"]), "--replication-factor", str(replication), *settings,
        ])  # fmt: skip


def acls(bootstrap: str) -> Iterator[str]:
    """Yield the kafka-acls commands for each principal of ``acls.yaml``."""
    for principal in _read("acls.yaml")["principals"]:
        start = [
            "kafka-acls.sh",
            "--bootstrap-server",
            bootstrap,
            "--add",
            "--allow-principal",
            f"User:{principal['user']}",
        ]
        for operation in ("write", "read"):
            named = [word for topic in principal[f"{operation}s"] for word in ("--topic", topic)]
            if named:
                yield shlex.join([*start, "--operation", operation.title(), "--operation", "Describe", *named])
        for group in principal["groups"]:
            yield shlex.join([*start, "--operation", "Read", *_named("--group", group)])


def main(arguments: list[str] | None = None) -> None:
    """Print the commands that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka", description=__doc__)
    parser.add_argument("what", choices=("topics", "acls", "apply"))
    parser.add_argument("--bootstrap", default="localhost:9092", metavar="HOST:PORT")
    parser.add_argument("--replication", type=int, default=3)
    asked = parser.parse_args(arguments)
    if asked.what == "apply":
        from deploy.kafka.apply import apply

        asyncio.run(apply(asked.bootstrap, asked.replication))
        return
    commands = topics(asked.bootstrap, asked.replication) if asked.what == "topics" else acls(asked.bootstrap)
    print("\n".join(commands))


def _named(option: str, name: str) -> list[str]:
    if name.endswith("*"):
        return [option, name.removesuffix("*"), "--resource-pattern-type", "prefixed"]
    return [option, name]


def _read(name: str) -> Any:
    return yaml.safe_load((_HERE / name).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
