"""Seals: what was posted cannot be changed unseen, even by whoever owns the database (T07)."""

import random
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, transaction

from points import ledger, sealing, verifying
from points.checks import seal_key_is_that_of_the_database
from points.models import Posting, Seal, SealedPosting
from points.violation import in_words
from tests.builders import NOON, make_courier
from tests.points.books import Books, award, keep_books, op
from tests.proving import counted, times


@pytest.fixture
def books(transactional_db: None) -> Books:  # noqa: ARG001
    return keep_books()


def edit(statement: str, params: list[Any]) -> None:
    """As the owner, with the referee switched off."""
    with connection.cursor() as cursor:
        for table in ("points_account", "points_posting", "points_entry", "points_seal", "points_sealedposting"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement, params)


def test_what_was_posted_is_sealed_once(books: Books) -> None:
    postings = Posting.objects.count()
    assert seal(now=NOON) == postings
    assert seal(now=NOON) == 0
    award(books, 5)
    assert seal(now=NOON + timedelta(minutes=10)) == 1
    assert list(Seal.objects.order_by("number").values_list("number", "postings")) == [(1, postings), (2, 1)]
    numbers = list(SealedPosting.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, postings + 2))
    assert list(sealing.broken_seals()) == []


def test_a_long_backlog_is_sealed_in_several(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "MOST_POSTINGS", 3)
    for _posting in range(5):
        award(books, 1)
    assert seal(now=NOON) == 8
    assert [each.postings for each in Seal.objects.order_by("number")] == [3, 3, 2]
    assert list(sealing.broken_seals()) == []


def test_a_worker_that_does_not_seal_is_noticed(books: Books) -> None:
    seal(now=NOON)
    for _day in range(3):
        award(books, 5)
    assert list(sealing.broken_seals()) == []  # the next seal is due in ten minutes
    edit(
        "UPDATE points_posting SET recorded_at = recorded_at - interval '25 hours'"
        " WHERE id > (SELECT max(posting_id) FROM points_sealedposting) AND id < (SELECT max(id) FROM points_posting)",
        [],
    )
    (said,) = sealing.broken_seals()
    assert in_words(said) == "有2张记账凭证过了一天还没有封存"
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE points_seal ENABLE TRIGGER USER; ALTER TABLE points_sealedposting ENABLE TRIGGER USER"
        )
    seal(now=NOON + timedelta(days=30))
    assert list(sealing.broken_seals()) == []


def test_points_w001_tells_another_key_from_a_posting_that_was_rewritten(books: Books, settings: Any) -> None:
    def told() -> list[str | None]:
        return [each.id for each in seal_key_is_that_of_the_database(databases=["default"])]

    assert told() == []  # nothing is sealed yet
    for minutes in (0, 10, 20):
        award(books, 5)
        seal(now=NOON + timedelta(minutes=minutes))
    assert told() == []
    its_own, settings.LEDGER_SEAL_KEY = settings.LEDGER_SEAL_KEY, "another"
    assert told() == ["points.W001"]
    # Where the old key is lost, the new one is right from its own first seal on, and so is the ledger.
    award(books, 5)
    seal(now=NOON + timedelta(days=1))
    assert told() == []
    assert list(sealing.broken_seals(since=NOON + timedelta(days=1))) == []
    assert len(list(sealing.broken_seals())) == 3
    settings.LEDGER_SEAL_KEY = its_own
    edit("UPDATE points_posting SET reason = 'x' WHERE id = (SELECT max(id) FROM points_posting)", [])
    assert told() == []


def test_what_is_still_under_way_is_sealed_later_whatever_its_number(books: Books) -> None:
    """A posting that commits after one with a higher number is not passed over, and no seal holds what began after it."""
    moves = [(ledger.of_district("issued", books.district.code), -1), (books.fund, 1)]
    late = connections.create_connection("default")
    try:
        late.set_autocommit(False)
        with late.cursor() as cursor:  # has its number, and is not committed
            cursor.execute(
                "WITH p AS (INSERT INTO points_posting (op_id, kind, actor_name, approver_name, reason, source, occurred_at)"
                " VALUES (gen_random_uuid(), 'merge', 'late', '', '', '', now()) RETURNING id)"
                " INSERT INTO points_entry (posting_id, account_id, amount)"
                " SELECT p.id, m.a, m.n FROM p, (VALUES (%s, -1), (%s, 1)) m(a, n) RETURNING posting_id",
                [books.wallet, ledger.wallet(make_courier())],
            )
            number = cursor.fetchone()[0]
        assert seal(now=NOON) == Posting.objects.count() > 0
        later = ledger.post(kind="allocation", moves=moves, op_id=op(), actor="tests", at=NOON)
        assert later.posting_id > number
        assert sealing.seal_ledger(now=NOON) == 0
        late.commit()
    finally:
        late.close()
    assert seal(now=NOON) == 2
    assert list(SealedPosting.objects.filter(seal=2).order_by("number").values_list("posting_id", flat=True)) == [
        number, later.posting_id
    ]  # fmt: skip


@pytest.mark.parametrize("is_locked", [True, False], ids=["locked", "not-locked"])
def test_a_second_sealer_waits_for_the_first_and_without_that_both_give_the_same_numbers(
    books: Books, monkeypatch: pytest.MonkeyPatch, is_locked: bool
) -> None:
    award(books, 5)
    settle()
    second: list[Any] = []

    def seal_too() -> None:
        try:
            second.append(sealing.seal_ledger(now=NOON))
        except IntegrityError as error:
            second.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=seal_too)
    with transaction.atomic():
        first = sealing._seal_some(NOON)
        if not is_locked:
            monkeypatch.setattr(sealing, "_LOCK", sealing._LOCK + 1)
        thread.start()
        thread.join(timeout=1)
        assert second == []
    thread.join(timeout=30)
    assert first == Posting.objects.count()
    # His postings are those that the first had under way; they are sealed, so there is nothing to be done.
    assert list(sealing.broken_seals()) == []
    if is_locked:
        assert second == [0]
    else:
        assert isinstance(second[0], IntegrityError)
        counted("T03", "controls that fail as predicted", controls=1)


def settle() -> None:
    """Until no transaction is under way that is older than what was posted: those of other databases count as well."""
    for _try in range(1_200):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(max(xid), 0) < pg_snapshot_xmin(pg_current_snapshot())::text::int8 FROM points_posting"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.25)
    raise AssertionError("some transaction has been under way for five minutes")


def seal(*, now: Any = NOON) -> int:
    settle()
    return sealing.seal_ledger(now=now)


EDITS = (
    "UPDATE points_posting SET actor_name = actor_name || 'x' WHERE id = %s",
    "UPDATE points_posting SET reason = 'another' WHERE id = %s",
    "UPDATE points_posting SET occurred_at = occurred_at + interval '1 second' WHERE id = %s",
    "UPDATE points_posting SET source = source || '1' WHERE id = %s",
    "UPDATE points_posting SET op_id = gen_random_uuid() WHERE id = %s",
    "UPDATE points_posting SET approver_name = 'another' WHERE id = %s",
    "UPDATE points_posting SET kind = 'present' WHERE id = %s",
    "UPDATE points_posting SET recorded_at = recorded_at + interval '1 second' WHERE id = %s",
    "UPDATE points_entry SET seq = seq + 1000 WHERE posting_id = %s",
    "UPDATE points_entry SET balance_after = balance_after + 1 WHERE posting_id = %s",
    # What one got is another's, who had nothing.
    """
    UPDATE points_entry SET account_id = (SELECT id FROM points_account WHERE kind = 'wallet' AND seq = 0)
    WHERE posting_id = %s AND amount > 0
    """,
    "UPDATE points_account SET kind = 'x' WHERE id = (SELECT min(account_id) FROM points_entry WHERE posting_id = %s)",
    # Both sides, the balances after them and the balances themselves: every sum agrees.
    """
    WITH e AS (UPDATE points_entry SET amount = amount + sign(amount)::int * 5,
        balance_after = balance_after + sign(amount)::int * 5 WHERE posting_id = %s RETURNING account_id, amount)
    UPDATE points_account a SET balance = greatest(0, a.balance + sign(e.amount)::int * 5) FROM e
    WHERE a.id = e.account_id AND a.is_bounded
    """,
    "DELETE FROM points_sealedposting WHERE posting_id = %s",
)


def test_each_edit_of_what_is_sealed_is_found(books: Books) -> None:
    ledger.wallet(make_courier())
    for _posting in range(40):
        award(books, 10)
        if _posting % 8 == 0:
            seal(now=NOON)
    seal(now=NOON)
    assert list(sealing.broken_seals()) == []
    rng, edits = random.Random(7), times(len(EDITS), 1_000)
    postings = list(SealedPosting.objects.values_list("posting_id", "seal_id"))
    for number in range(edits):
        posting, number_of_seal = rng.choice(postings)
        with transaction.atomic():
            edit(EDITS[number % len(EDITS)], [posting])
            assert [each for each in sealing.broken_seals() if number_of_seal in each]
            transaction.set_rollback(True)
    assert list(sealing.broken_seals()) == []
    counted("T07", "edits of sealed rows by the owner, referee off", edits=edits, found=edits)


def test_a_seal_that_is_gone_or_made_anew_is_found(books: Books) -> None:
    for _seal in range(4):
        award(books, 1)
        seal(now=NOON)
    with transaction.atomic():
        edit("DELETE FROM points_sealedposting WHERE seal_id = %s", [2])
        edit("DELETE FROM points_seal WHERE number = %s", [2])
        assert list(sealing.broken_seals()) == [("seal %s is missing", 2)]
        transaction.set_rollback(True)
    with transaction.atomic():  # with what it sealed, and the next is called by its number
        edit(
            "DELETE FROM points_sealedposting WHERE seal_id = 2; DELETE FROM points_seal WHERE number = 2;"
            " UPDATE points_sealedposting SET seal_id = 2 WHERE seal_id = 3; UPDATE points_seal SET number = 2 WHERE number = 3",
            [],
        )
        assert list(sealing.broken_seals()) == [
            ("seal %s does not agree with its postings", 2),
            ("seal %s is missing", 3),
        ]
        transaction.set_rollback(True)
    with transaction.atomic():
        edit("UPDATE points_seal SET postings = postings + 1 WHERE number = 2", [])
        assert list(sealing.broken_seals()) == [("seal %s does not agree with its postings", 2)]
        transaction.set_rollback(True)
    with transaction.atomic():  # without the key nobody can write a digest that fits
        edit("UPDATE points_seal SET digest = %s WHERE number = 2", ["a" * 64])
        assert ("seal %s does not agree with its postings", 2) in list(sealing.broken_seals())
        transaction.set_rollback(True)
    assert list(verifying.verify_ledger()) == []


def test_a_reversal_that_takes_something_else_back_is_found(books: Books) -> None:
    first, second = award(books, 1), award(books, 1)
    ledger.reverse(posting=first, reason="x", op_id=op(), actor="tests", at=NOON)
    seal(now=NOON)
    edit("UPDATE points_posting SET reverses_id = %s WHERE kind = 'reversal'", [second.pk])
    assert list(sealing.broken_seals()) == [("seal %s does not agree with its postings", 1)]


def test_another_key_finds_every_seal_wrong(books: Books, settings: Any) -> None:  # noqa: ARG001
    seal(now=NOON)
    settings.LEDGER_SEAL_KEY = "another"
    assert [each.invariant for each in verifying.verify_ledger()] == ["I11"]
