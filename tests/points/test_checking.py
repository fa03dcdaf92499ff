"""Checks of the books: requested once, done once; they name what is wrong, and are resumed if a worker was killed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, connection

from core.errors import NotFound
from core.models import AuditEvent, Notice
from points import checking, verifying
from points.models import LedgerCheck, Seal
from stations.access import DutyMissing
from stations.models import Division
from tests.builders import NOON, make_staff
from tests.points.books import Books, award, keep_books
from tests.points.test_sealing import seal
from tests.points.test_verifying import plant


@pytest.fixture
def books(transactional_db: None) -> Books:  # noqa: ARG001
    return keep_books()


def ask(books: Books | None = None) -> LedgerCheck:
    return checking.ask(district=books.district if books else None, actor="tests", at=NOON)


def done(check: LedgerCheck) -> LedgerCheck:
    assert checking.run_due(now=NOON) == 1
    check.refresh_from_db()
    return check


@pytest.mark.usefixtures("books")
def test_a_clean_ledger_is_said_to_be_clean_with_its_size_and_newest_seal() -> None:
    seal()
    check = done(ask())
    newest = Seal.objects.latest("number")
    assert check.is_clean
    assert (check.postings, check.entries) == verifying.size()
    assert (check.seal_number, check.seal_digest) == (newest.number, newest.digest)
    assert check.started_at is not None
    assert check.finished_at is not None
    assert check.started_at <= check.finished_at
    assert not Notice.objects.exists()
    assert checking.run_due(now=NOON) == 0  # done once


def test_what_is_wrong_is_named_and_the_citys_auditors_are_told(books: Books) -> None:
    city = Division.objects.get_or_create(code="4201", defaults={"name": "武汉市", "level": "city"})[0]
    make_staff("city-auditor", scope=city, duties=["audit"])
    make_staff("own-auditor", scope=books.district, duties=["audit"])
    plant("UPDATE points_account SET balance = balance + 500 WHERE kind = 'wallet'")
    check = done(ask())
    assert not check.is_clean
    assert set(check.found) == {"I2"}
    number, sentences = check.found["I2"]
    assert (number, len(sentences)) == (1, 1)
    notice = Notice.objects.get()
    assert notice.recipients == ["city-auditor"]
    assert "I2" in notice.text
    assert notice.path.endswith(f"/ledgercheck/{check.pk}/change/")


def test_of_many_that_are_broken_the_first_are_named_and_all_are_counted(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    award(books, 5)
    monkeypatch.setattr(checking, "MOST_SAID", 1)
    plant("UPDATE points_account SET balance = balance + 500 WHERE is_bounded")
    number, sentences = done(ask()).found["I2"]
    assert number > 1
    assert len(sentences) == 1


def test_a_districts_check_says_only_what_touches_it(books: Books) -> None:
    plant("UPDATE points_account SET balance = balance + 500 WHERE kind = 'wallet'")
    away = checking.ask(district=books.other, actor="tests", at=NOON)
    assert done(away).is_clean
    assert done(ask(books)).found.keys() == {"I2"}


def test_while_one_waits_whoever_asks_gets_that_one(books: Books) -> None:
    first = ask()
    assert ask() == first
    assert ask(books) != first
    assert AuditEvent.objects.filter(kind="ledger.check-asked").count() == 2
    done(first)
    assert ask() != first


def test_it_is_asked_for_by_those_who_audit_or_manage_there(books: Books) -> None:
    said: dict[str, Any] = {"at": NOON, "district": books.district}
    for duties in (["audit"], ["manage"]):
        actor = make_staff(f"own-{duties[0]}", scope=books.district, duties=duties)
        assert checking.ask(actor=actor, **said).division == books.district
    counter = make_staff("counter", scope=books.district, duties=["counter"])
    away = make_staff("away", scope=books.other, duties=["audit"])
    with pytest.raises(DutyMissing):
        checking.ask(actor=counter, **said)
    with pytest.raises(NotFound):
        checking.ask(actor=away, **said)


@contextmanager
def another_worker() -> Iterator[Any]:
    """A second connection to the same database."""
    other = psycopg2.connect(**connection.get_connection_params())
    try:
        yield other
    finally:
        other.close()


def test_two_workers_do_not_do_one_and_what_a_killed_one_began_is_begun_again(books: Books) -> None:
    check = ask(books)
    with another_worker() as other:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [checking._LOCK])
        # The other has begun it.
        LedgerCheck.objects.update(started_at=NOON, attempts=1)
        assert checking.run_due(now=NOON) == 0
        check.refresh_from_db()
        assert check.finished_at is None
    # It was killed, and its connection went with it; the server notices within a moment.
    with connection.cursor() as cursor:
        for _try in range(200):
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [checking._LOCK])
            if cursor.fetchone() == (0,):
                break
            time.sleep(0.02)
    assert done(check).is_clean
    assert check.attempts == 2


def test_what_never_came_to_its_end_is_given_up_and_told(books: Books) -> None:
    check = ask(books)
    LedgerCheck.objects.update(attempts=checking.MOST_ATTEMPTS)
    assert not done(check).is_clean
    assert check.problem
    assert check.found == {}
    assert Notice.objects.get().matter == f"ledger.broken {books.district.code}"


def test_where_the_database_gives_up_it_is_said_and_the_worker_goes_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_within: Any) -> Iterator[Any]:
        raise DatabaseError("canceling statement due to statement timeout")

    check = ask(books)
    with monkeypatch.context() as patched:
        patched.setattr(verifying, "violations", fail)
        assert "statement timeout" in done(check).problem
    assert not check.is_clean
    assert done(ask(books)).is_clean  # the lock was let go


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "asked"),
    [(datetime(2026, 6, 9, 17, 59, tzinfo=UTC), 0), (datetime(2026, 6, 9, 18, 0, tzinfo=UTC), 1)],
    ids=["before-two", "at-two"],
)
def test_each_night_the_citys_is_asked_for_once(at: datetime, asked: int) -> None:
    assert checking.ask_at_night(now=at) == asked
    assert checking.ask_at_night(now=at) == 0
    LedgerCheck.objects.update(finished_at=at)
    assert checking.ask_at_night(now=NOON + timedelta(days=1)) == 1
    assert LedgerCheck.objects.latest("pk").asked_by == "worker"
