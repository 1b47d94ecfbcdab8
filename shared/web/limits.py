"""Limits for strangers: per address on the internet and per mail box, with an answer that says what to do.

Staff and other services are never limited, nor the networks of ``UNLIMITED_NETWORKS``. Behind a gateway, ``TRUSTED_PROXIES``
names its network: without it everybody would share the gateway's address.
"""

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from babel.dates import format_timedelta
from fastapi import Depends, Request

from shared.limits import Rate, TooOften, take
from shared.settings import Networks
from shared.web.auth import identify
from shared.web.context import context_of
from shared.web.i18n import N_, locale_of, translator_for
from shared.web.principals import Role
from shared.web.problem import Problem

_SAFE = ("GET", "HEAD", "OPTIONS")


def by_address(setting: str) -> Any:
    """Return the dependency that takes one try per request that changes something; the service's settings hold the rate."""
    return Depends(AddressLimit(setting))


@dataclass(frozen=True)
class AddressLimit:
    """The dependency behind ``by_address``."""

    setting: str

    async def __call__(self, request: Request) -> None:
        if request.method not in _SAFE:
            await limit(request, self.setting, address_of(request))


async def limit(request: Request, setting: str, who: str) -> None:
    """Take one of this person's tries, known by address or mail box. Raises ``Problem`` 429 when none is left."""
    ctx = context_of(request)
    rate: Rate | None = getattr(ctx.settings, setting)
    principal = await identify(request)
    if principal.is_staff or principal.has(Role.SERVICE, Role.PARTNER_SYSTEM) or _spared(request):
        return
    try:
        await take(ctx.db, rate, setting, who.strip().casefold())
    except TooOften as refused:
        raise _too_often(request, refused.wait) from None


def _too_often(request: Request, wait: timedelta) -> Problem:
    seconds = math.ceil(wait.total_seconds())
    _ = translator_for(request).gettext
    told = format_timedelta(
        timedelta(seconds=max(seconds, 60)), granularity="minute", threshold=1.5, locale=locale_of(request)
    )
    sentence = _(N_("Nothing is lost. Wait {time}, then send it again. If you can't wait, call us.")).format(time=told)
    return Problem(429, N_("That was too often"), detail=sentence, headers={"Retry-After": str(seconds)})


def address_of(request: Request) -> str:
    """Return the client's address: the last one in ``X-Forwarded-For`` that no proxy of ours wrote; IPv6 by its /64."""
    proxies = context_of(request).platform.trusted_proxies
    address = _address(request.client.host if request.client else "")
    named = [part.strip() for header in request.headers.getlist("x-forwarded-for") for part in header.split(",")]
    while address is not None and _within(address, proxies) and named:
        before = _address(named.pop())
        if before is None:
            break
        address = before
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), 64), strict=False))
    return str(address) if address else "unknown"


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _within(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _spared(request: Request) -> bool:
    address = _address(address_of(request).partition("/")[0])
    return address is not None and _within(address, context_of(request).platform.spared_networks)
