"""How late money is: the steps by which finance reads it."""

from dataclasses import dataclass

STEPS = (8, 15, 31, 61)
"""From how many whole days after its last day on an invoice falls into the next step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the ageing; ``to_days`` is None for the last, which is open."""

    from_days: int
    to_days: int | None

    @property
    def title(self) -> str:
        return (
            f"{self.from_days} to {self.to_days} days"
            if self.to_days is not None
            else f"Over {self.from_days - 1} days"
        )

    @property
    def code(self) -> str:
        """How the step is written in an address."""
        return f"{self.from_days}-{self.to_days}" if self.to_days is not None else f"{self.from_days}-"


AGES = tuple(Step(start, end - 1 if end else None) for start, end in zip((0, *STEPS), (*STEPS, None), strict=True))


def age_of(days: int) -> Step:
    """Return the step of what has been due for so many whole days."""
    return next(one for one in AGES if one.to_days is None or days <= one.to_days)
