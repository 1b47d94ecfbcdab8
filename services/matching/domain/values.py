"""What all rules of matching share."""

from pydantic import BaseModel, ConfigDict


class Refused(Exception):
    """A rule says no; the text tells the person why and what to do."""


class Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Unknown(Exception):
    """It isn't there, or it isn't this person's: to them that is the same."""
