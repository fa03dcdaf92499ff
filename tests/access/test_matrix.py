"""T11: who asks through which door for whose row. What is foreign is never shown, never changed, and looks like what does
not exist.

The rows of the matrix are generated (tests/access/doors.py) and the URLs come from the URLconf (tests/access/table.py
says how to add one). `make proof` walks all of it; here four of the eight accounts try each door, each with one row.
"""

import pytest

from tests.access.table import ROWS, patterns, row_of
from tests.access.walking import Findings, cases, thinned, walk
from tests.access.world import OWN, World, unplanted

pytestmark = pytest.mark.django_db

FEWEST_CASES = 3_000


def test_every_address_has_a_row() -> None:
    """A new URL says here whose rows it leads to; what a row is, stands at the top of tests/access/table.py."""
    known = patterns()
    assert [pattern for pattern in known if row_of(pattern) is None] == [], (
        "Add a row to ROWS in tests/access/table.py."
    )
    assert [pattern for pattern in ROWS if pattern not in known] == [], "These rows have no address any more."


def test_every_table_holds_a_canary_in_every_column_of_words(world: World) -> None:
    assert unplanted(world) == []


def test_the_matrix_is_large_enough(world: World) -> None:
    assert (
        sum(len(thinned(asked, account)) for account in OWN for asked in cases(world, account).values()) >= FEWEST_CASES
    )


@pytest.mark.parametrize("account", OWN)
def test_nothing_foreign_is_shown_changed_or_told_from_nothing(world: World, account: str) -> None:
    found = Findings()
    for name, asked in cases(world, account).items():
        is_public = name in ROWS and ROWS[name].kind == "public"
        found += walk(
            thinned(asked, account), world=world, account=account, canaries=world.secrets if is_public else None
        )
    found.count(f"the matrix as asked by {account}")
    assert found.all == [], "\n".join(found.all[:20])
