"""`verify_ledger` names what is planted, and finds nothing where nothing is."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from points import ledger, verifying
from tests.builders import NOON
from tests.points.books import award, keep_books, op, order
from tests.proving import counted

# What somebody who owns the database might do, with the referee switched off → the invariants that name it.
PLANTED: dict[str, tuple[str, set[str]]] = {
    "a wallet gets 500 out of nothing": (
        "UPDATE points_account SET balance = balance + 500 WHERE id = {wallet}",
        {"I2"},
    ),
    "its number moves on without an entry": ("UPDATE points_account SET seq = seq + 1 WHERE id = {wallet}", {"I3"}),
    "an entry is enlarged": (
        "UPDATE points_entry SET amount = amount + 5 WHERE account_id = {wallet} AND seq = 1",
        {"I1", "I2", "I3", "I5", "I8"},
    ),
    "an entry is enlarged on both sides": (
        "UPDATE points_entry SET amount = amount + sign(amount) * 5 WHERE posting_id = {posting}",
        {"I2", "I3", "I8"},
    ),
    "an entry is gone": (
        "DELETE FROM points_entry WHERE account_id = {wallet} AND seq = 1",
        {"I1", "I2", "I3", "I5", "I8"},
    ),
    "all entries of a posting are gone": (
        "DELETE FROM points_entry WHERE posting_id = {posting}",
        {"I1", "I2", "I3", "I8"},
    ),
    "a balance in between is below zero": (
        "ALTER TABLE points_entry DROP CONSTRAINT points_entry_balance_after_gte_0; UPDATE points_entry SET balance_after = -5 WHERE account_id = {wallet} AND seq = 1",
        {"I3", "I4"},
    ),
    "a number is skipped": (
        "UPDATE points_entry SET seq = seq + 10 WHERE account_id = {wallet} AND seq = 2",
        {"I2", "I3"},
    ),
    "a reversal of half": (
        "UPDATE points_entry SET amount = amount / 2 WHERE posting_id = {reversal}",
        {"I2", "I3", "I6"},
    ),
    "a reversal of something else": (
        "UPDATE points_posting SET reverses_id = {posting} WHERE id = {reversal}",
        {"I6"},
    ),
    "two districts in one posting": (
        "UPDATE points_account SET division_id = '420104' WHERE kind = 'issued'",
        {"I1", "I10"},
    ),
    "an order is said to be handed over": ("UPDATE points_redemption SET points = points + 1", {"I7"}),
    "a piece is set aside for nobody": (
        "UPDATE points_account SET balance = 5 WHERE kind = 'reserve'",
        {"I2", "I7"},
    ),
    "an award says other points": ("UPDATE points_award SET points = points + 1 WHERE posting_id = {posting}", {"I8"}),
    "an award is gone": ("DELETE FROM points_award WHERE posting_id = {posting}", {"I8"}),
    "a fund is filled without the city": (
        "UPDATE points_entry SET amount = amount / 2 WHERE account_id = {issued}",
        {"I1", "I5", "I10"},
    ),
}


@pytest.fixture
def ids() -> dict[str, Any]:
    books = keep_books()
    given = award(books, 40)
    order(books)
    reversal = ledger.reverse(posting=given, reason="tests", op_id=op(), actor="tests", at=NOON)
    return {
        "wallet": books.wallet,
        "posting": award(books, 60).pk,
        "reversal": reversal.posting_id,
        "issued": ledger.of_district("issued", books.district.code),
    }


def plant(statement: str) -> None:
    with connection.cursor() as cursor:
        for table in ("points_account", "points_posting", "points_entry"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_named(transactional_db: None, ids: dict[str, Any], what: str) -> None:  # noqa: ARG001
    assert list(verifying.verify_ledger()) == []
    statement, invariants = PLANTED[what]
    plant(statement.format(**ids))
    assert {each.invariant for each in verifying.verify_ledger()} == invariants
    counted("T05", "faults planted with the referee off, each named by verify_ledger", planted=1, named=1)


def test_every_invariant_is_broken_by_something_planted() -> None:
    broken = set().union(*(invariants for _statement, invariants in PLANTED.values()))
    assert {each.code for each in verifying.INVARIANTS} == broken


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_ledger", *arguments, stdout=out)
    except SystemExit as left:
        return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_clean_or_names_it(transactional_db: None, ids: dict[str, Any]) -> None:  # noqa: ARG001
    code, said = run()
    assert code == 0
    assert str(len(verifying.INVARIANTS) + 1) in said
    plant(PLANTED["a wallet gets 500 out of nothing"][0].format(**ids))
    code, said = run()
    assert code == 1
    assert f"account {ids['wallet']} holds 1360, its entries come to 860" in said
    code, said = run("--json")
    assert (code, [each["invariant"] for each in json.loads(said)]) == (1, ["I2"])
