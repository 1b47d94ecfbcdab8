"""Who acts, and how a rule says no."""

from dataclasses import dataclass


def N_(sentence: str) -> str:  # noqa: N802 - gettext's own name for "extract this, translate it later"
    """Return a sentence that patients read, in English; the pages translate it."""
    return sentence


class Refused(Exception):
    """A rule says no; the text says which one, and what to do, to the person who asked."""


class Unknown(Refused):
    """What was asked for isn't of this case."""


class Stale(Refused):
    """Somebody changed it in the meantime: read it again, then decide."""


@dataclass(frozen=True)
class Person:
    """Who did it: the subject that signed in, and the name that stands in the record."""

    subject: str
    name: str

    def __post_init__(self) -> None:
        if not self.subject.strip() or not self.name.strip():
            raise Refused("A decision needs the name of the person who takes it. Sign in again.")
