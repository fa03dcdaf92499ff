"""The separate database that races and browser tests get."""

import threading

import pytest
from django.db import connection, connections

from core.models import User
from tests.builders import make_staff
from tests.databases import own_database


def current_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        return str(cursor.fetchone()[0])


@pytest.mark.usefixtures("transactional_db")
def test_all_threads_meet_in_the_copy_and_nothing_is_left_in_the_original() -> None:
    first = current_database()
    with own_database() as copy:
        seen: list[tuple[str, int]] = []

        def look() -> None:
            try:
                seen.append((current_database(), User.objects.count()))
            finally:
                connections.close_all()

        make_staff()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert seen == [(copy, 1)]
    assert current_database() == first != copy
    assert not User.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_database WHERE datname = %s", [copy])
        assert cursor.fetchone() == (0,)


@pytest.mark.usefixtures("transactional_db")
@pytest.mark.parametrize("_turn", [1, 2])
def test_what_one_test_commits_the_next_does_not_see(_turn: int) -> None:
    assert not User.objects.exists()
    make_staff()


def test_a_database_that_is_not_the_suites_is_never_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "NAME", "fengchao")
    with pytest.raises(RuntimeError, match="fengchao is no test database"), own_database():
        pass
