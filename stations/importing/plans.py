"""What an import does with each row, said alike before and while it is written: a preview can be held against the writing."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from stations.importing.findings import Outcome

__all__ = ["BatchPlan", "RowPlan", "Watch"]


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row: how it ends, and what it changes as (before, after) by fact. A new station has no code and no before.

    Facts are called as in the trail. A neighbourhood that is not known yet has no code either, so it goes by its name.
    """

    sheet: str
    row: int
    outcome: Outcome
    name: str
    code: str = ""
    changed: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        said = {
            "sheet": self.sheet, "row": self.row, "outcome": str(self.outcome), "name": self.name, "code": self.code,
            "changed": {fact: list(both) for fact, both in self.changed.items()},
        }  # fmt: skip
        plain: dict[str, Any] = orjson.loads(orjson.dumps(said, default=str))
        return plain


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What is done with one batch. `rows_done` and `outcomes` count from the first row of the list."""

    rows_done: int
    outcomes: Counter[Outcome]
    rows: Sequence[RowPlan]

    @property
    def digest(self) -> str:
        """The same for two batches that do the same."""
        said = sorted(
            (row.as_json() for row in self.rows), key=lambda row: (str(row["sheet"]), row["row"], row["outcome"])
        )
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


# Told of each batch inside its transaction: what it writes stands or falls with the batch, and so does what it raises.
Watch = Callable[[BatchPlan], None]
