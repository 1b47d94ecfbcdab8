"""The web, as every service meets it: who asks, pages, forms, problems, and doing things once.

Names load when they are first used, so that a worker which needs one module of this package starts without a web
framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.web.app import create_app
    from shared.web.auth import Who, allow, anyone
    from shared.web.context import Ctx, Db
    from shared.web.forms import Form, Incoming
    from shared.web.i18n import N_, gettext_for, locale_of
    from shared.web.once import Once
    from shared.web.pages import Page
    from shared.web.principals import Principal, Role
    from shared.web.problem import Problem
    from shared.web.versions import Expected, etag

_WHERE = {
    "create_app": "app",
    "Principal": "principals", "Role": "principals", "Who": "auth", "allow": "auth", "anyone": "auth",
    "Ctx": "context", "Db": "context",
    "Form": "forms", "Incoming": "forms",
    "N_": "i18n", "gettext_for": "i18n", "locale_of": "i18n",
    "Once": "once",
    "Page": "pages",
    "Problem": "problem",
    "Expected": "versions", "etag": "versions",
}  # fmt: skip

__all__ = [
    "N_",
    "Ctx",
    "Db",
    "Expected",
    "Form",
    "Incoming",
    "Once",
    "Page",
    "Principal",
    "Problem",
    "Role",
    "Who",
    "allow",
    "anyone",
    "create_app",
    "etag",
    "gettext_for",
    "locale_of",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"shared.web has no {name}")
    return getattr(import_module(f"shared.web.{_WHERE[name]}"), name)
