"""How the rules say no: with sentences for the person who tried."""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """A step the rules don't allow now. The text is a sentence for the person who tried, and says what to do."""


class Unacceptable(Refused):
    """What was given breaks rules; `sentences` holds one for each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = tuple(sentences)
