"""The web, as every service meets it: who asks, pages, forms, problems, and doing things once."""

from shared.web.app import Ctx, Db, create_app
from shared.web.auth import Principal, Role, Who, allow, anyone
from shared.web.forms import Form, Incoming
from shared.web.i18n import N_, gettext_for, locale_of
from shared.web.once import Once
from shared.web.pages import Page
from shared.web.problem import Problem
from shared.web.versions import Expected, etag

__all__ = [
    "Ctx", "Db", "Expected", "Form", "Incoming", "N_", "Once", "Page", "Principal", "Problem", "Role", "Who",
    "allow", "anyone", "create_app", "etag", "gettext_for", "locale_of",
]  # fmt: skip
