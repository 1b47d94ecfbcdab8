"""Making the declared topics and rights on a broker, over the wire."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

_HERE = Path(__file__).parent
TOPIC, GROUP, LITERAL, PREFIXED, READ, WRITE, DESCRIBE, ALLOW = 2, 3, 3, 4, 3, 4, 8, 3
"""Numbers of Kafka's protocol: resource types, pattern types, operations, permission."""


async def apply(bootstrap: str, replication: int) -> None:
    """Make what is missing. Raises ``KafkaError`` when the broker refuses."""
    user = os.environ.get("KAFKA_USERNAME")
    signed_in: dict[str, Any] = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": os.environ.get("KAFKA_PASSWORD", ""),
    }
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **(signed_in if user else {}))
    await admin.start()
    try:
        there = set(await admin.list_topics())
        missing = [topic for topic in _read("topics.yaml")["topics"] if topic["name"] not in there]
        made = await admin.create_topics([_topic(topic, replication) for topic in missing])
        for name, code, *_ in made.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(name)
        for right in rights():
            answer = await admin._send_request(right)
            for code, message in answer.creation_responses:
                if code:
                    raise for_code(code)(message)
    finally:
        await admin.close()
    print(f"{len(missing)} topics made; rights as in acls.yaml")


def rights() -> Iterator[CreateAclsRequest]:
    """Yield one request per right of ``acls.yaml``."""
    for principal in _read("acls.yaml")["principals"]:
        user = f"User:{principal['user']}"
        for topic in principal["writes"]:
            yield _right(user, TOPIC, topic, WRITE)
        for topic in principal["reads"]:
            yield _right(user, TOPIC, topic, READ)
        for topic in {*principal["writes"], *principal["reads"]}:
            yield _right(user, TOPIC, topic, DESCRIBE)
        for group in principal["groups"]:
            yield _right(user, GROUP, group, READ)


def _right(user: str, kind: int, name: str, operation: int) -> CreateAclsRequest:
    pattern = PREFIXED if name.endswith("*") else LITERAL
    return CreateAclsRequest(kind, name.removesuffix("*"), pattern, user, "*", operation, ALLOW)


def _topic(declared: dict[str, Any], replication: int) -> NewTopic:
    config = {key: str(value) for key, value in declared.get("config", {}).items()}
    return NewTopic(declared["name"], declared["partitions"], replication, topic_configs=config)


def _read(name: str) -> Any:
    return yaml.safe_load((_HERE / name).read_text(encoding="utf-8"))
