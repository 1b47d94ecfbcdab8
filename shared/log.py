"""Structured logs that say what happened and never to whom."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SAFE_WORDS = frozenset({"event", "level", "timestamp", "logger", "service"})
PRIVATE = re.compile(
    r"(^|_)(name|email|mail|phone|address|birth|token|secret|password|cookie|authorization|question|text|body|reason|note)s?($|_)",
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
VALUES = re.compile(r"\)=\(.*?\)(?= |$)", re.DOTALL)
ARGUMENTS = re.compile(r"(?<=query argument )(\$\d+): .*(?= \()")
INPUTS = re.compile(r"\binput_value=.*?(?=, input_type=)", re.DOTALL)
REDACTED = "[redacted]"

Event = MutableMapping[str, Any]


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Blank every value whose key may hold something personal, and every e-mail address or row value in a message."""
    for key, value in event.items():
        if key not in SAFE_WORDS and PRIVATE.search(key):
            event[key] = REDACTED
        elif isinstance(value, str):
            event[key] = scrub(value)
    return event


def scrub(text: str) -> str:
    """Return an error's words without e-mail addresses and the values that drivers and pydantic quote in them."""
    text = ARGUMENTS.sub(rf"\1: {REDACTED}", VALUES.sub(f")=({REDACTED})", EMAIL.sub(REDACTED, text)))
    return INPUTS.sub(f"input_value={REDACTED}", text)


def configure(service: str, *, level: str = "info", style: str = "json") -> None:
    """Send this process's logs to standard error, one JSON object a line (or for people, with ``style="console"``)."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _logger, _method, event: {"service": service, **event},
        structlog.processors.format_exc_info,
        redact,
    ]
    render = structlog.dev.ConsoleRenderer() if style == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        ),
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("aiokafka", "httpx", "httpcore", "faust", "mode"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
