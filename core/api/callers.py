"""Who calls the API with a key: what a view may know of a partner, without knowing the app that keeps partners."""

from dataclasses import dataclass, field
from datetime import datetime

from core.limits import Counted

__all__ = ["Caller"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A partner's program, as one of its living keys has shown it to be.

    `divisions` are codes of the division tree, each the prefix of the codes inside it, so 4201 is the whole city; a caller
    without any reaches nothing. A sandbox caller can write only where things are made up for the demo.
    """

    code: str
    name: str
    scopes: frozenset[str]
    divisions: tuple[str, ...]
    is_sandbox: bool
    calls_per_minute: int
    key_prefix: str
    key_expires_at: datetime
    # This call, beside the others of its minute. It says nothing of who calls.
    counted: Counted = field(compare=False)

    def __hash__(self) -> int:
        # Two callers of one program seldom differ, and the hash is needed for each redemption.
        return hash(self.code)

    @property
    def actor(self) -> str:
        """What the trail and the ledger call it."""
        return f"partner {self.code}"

    def covers(self, division: str) -> bool:
        """Whether the node with this code lies in its divisions."""
        return division.startswith(self.divisions)
