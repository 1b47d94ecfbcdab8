"""Notify beside a real mail server that catches everything, and an intake that answers for the made-up case."""

from collections.abc import AsyncIterator

import pytest

from deploy.mail_catcher.app import MailCatcher
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def mails(notify: ServiceUnderTest) -> AsyncIterator[MailCatcher]:
    """The mail server that this test's notify sends to."""
    async with MailCatcher() as catcher:
        notify.ctx.platform.smtp_url = catcher.smtp_url
        notify.peers.answers["intake", f"/cases/{s.CASE}/contacts"] = s.contacts()
        notify.peers.answers["intake", f"/cases/{s.CASE}/links"] = {"url": "http://consilium.test/link/once-only"}
        yield catcher
