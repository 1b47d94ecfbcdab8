"""All services under one address in one process, as a gateway joins them when each runs alone."""

from collections.abc import Mapping
from typing import Any

HOME = "intake"
"""The service that owns every path which names no service: ``/``, ``/request``, ``/sign-in``, ``/static``…"""


def service_of(path: str, services: Mapping[str, Any]) -> str:
    """Return which service answers ``path``: ``/api/<svc>``, ``/my/<svc>``, ``/desk/<svc>``, ``/partner`` (records), else intake.

    Served alone, a service answers everything itself.
    """
    if len(services) == 1:
        return next(iter(services))
    parts = path.split("/", 3)
    if len(parts) > 2 and parts[1] in ("api", "my", "desk") and parts[2] in services:
        return parts[2]
    if len(parts) > 1 and parts[1] == "partner" and "records" in services:
        return "records"
    return HOME
