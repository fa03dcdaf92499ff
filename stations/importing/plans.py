"""What an import does with each row, in the same form before and during the writing, so that the two can be compared."""

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

    Facts have the names that they have in the trail. A new neighbourhood has no code yet either, so it goes by its name.
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
        """A value that is the same for two batches that do the same."""
        said = sorted(
            (row.as_json() for row in self.rows), key=lambda row: (str(row["sheet"]), row["row"], row["outcome"])
        )
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


# Called for each batch inside its transaction, so that what it writes is committed or rolled back with the batch; if it
# raises, the batch is rolled back.
Watch = Callable[[BatchPlan], None]
