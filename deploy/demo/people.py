"""The people of the demo: staff who sign in by OpenID Connect, a patient's side that signs in by links in its mail."""

import html
import re
import secrets
import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from deploy.demo.places import Places

PATIENCE = 45.0
TLS = httpx.create_ssl_context()
"""Made once: each takes longer to make than a request to this machine."""
_FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r"<(?:input|button)\b[^>]*>")


class WentWrong(Exception):
    """A step of the demo that did not come out as it should; says which and what was seen."""


class Person:
    """Somebody with a session of their own."""

    def __init__(self, places: Places, name: str) -> None:
        self.name = name
        self.places = places
        self.landed = "/"
        """Where the link that let them in led."""
        self.client = httpx.Client(base_url=places.pages, headers={"Origin": places.pages}, timeout=30, verify=TLS)

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return self._checked(self.client.get(path)).json()

    def send(self, method: str, path: str, body: Any = None, *, version: int | None = None, **options: Any) -> Any:
        """Send JSON with a fresh idempotency key (and If-Match, when a version is given) and return the answer."""
        headers = {"Idempotency-Key": secrets.token_urlsafe(16)}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        if body is not None:
            options["json"] = body
        return self._checked(self.client.request(method, path, headers=headers, **options)).json()

    def cookies(self) -> list[dict[str, Any]]:
        """Return the session as a browser takes it."""
        return [{"name": c.name, "value": c.value, "url": self.places.pages} for c in self.client.cookies.jar]

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise WentWrong(f"{self.name}: {answer.request.method} {answer.request.url.path} → {answer.text[:500]}")
        return answer


def staff(places: Places, name: str) -> Person:
    """Return a made-up member of staff, signed in by the development issuer's page."""
    person = Person(places, name)
    page = person.client.get("/sign-in", follow_redirects=True)
    for action, inner in _FORM.findall(page.text):
        if name in inner:
            answer = person.client.post(
                str(page.url.join(html.unescape(action))), data=_fields(inner), follow_redirects=True,
                headers={"Origin": f"{page.url.scheme}://{page.url.netloc.decode()}"},
            )  # fmt: skip
            if answer.is_success:
                return person
            raise WentWrong(f"{name} could not sign in: {answer.status_code}")
    raise WentWrong(f"the sign-in page does not offer {name}")


def _fields(form: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for tag in _FIELD.findall(form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if "name" in attributes:
            found[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return found


class Mailbox:
    """What the catcher keeps for one address."""

    def __init__(self, places: Places, address: str) -> None:
        self.address = address
        self._places = places
        self._seen: set[int] = {message["id"] for message in self._all()}

    def next(self, *, about: str) -> dict[str, Any]:
        """Return the next message that has not been returned yet and whose subject holds ``about``; wait for it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for message in self._all():
                if message["id"] not in self._seen and re.search(about, message["subject"], re.IGNORECASE):
                    self._seen.add(message["id"])
                    return message
            time.sleep(0.05)
        subjects = [message["subject"] for message in self._all()]
        raise WentWrong(f"no mail about {about!r} for {self.address} within {PATIENCE:.0f} s; there is: {subjects}")

    def _all(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self._places.mail}/api/messages", params={"to": self.address}, timeout=10, verify=TLS)
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found


def link_in(message: dict[str, Any]) -> str:
    """Return a message's single-use link."""
    return next(str(link) for link in message["links"] if "/link/" in link)


def follow(places: Places, message: dict[str, Any], name: str) -> Person:
    """Return the person whom a message's link lets in: open it, press its button."""
    person = Person(places, name)
    path = urlsplit(link_in(message)).path
    page = person.client.get(path)
    form = _FORM.search(page.text[page.text.find("<main") :])
    fields = _fields(form.group(2)) if form else {}
    answer = person.client.post(path, data=fields)
    if answer.status_code != 303:
        raise WentWrong(f"the link in {message['subject']!r} did not open: {answer.status_code}")
    person.landed = answer.headers["location"]
    return person
