"""Partners who keep a copy miss no change, however long it took to be committed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from django.db import connections, transaction

from core import clock
from stations import change_times, finding, publishing, registering
from stations.finding import Lookup
from stations.importing import importing
from stations.models import Station
from tests.builders import make_station
from tests.stations.importing.files import csv_file
from tests.stations.importing.lists import take


@contextmanager
def under_way(station: Station) -> Iterator[None]:
    """A change that another connection has written and not committed; it is committed at the end."""
    written, may_commit = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def change() -> None:
        try:
            with transaction.atomic():
                registering.amend(station=station, facts={"phone": "027-9"}, actor="tests", at=clock.now())
                written.set()
                may_commit.wait(timeout=60)
        except Exception as failure:  # noqa: BLE001 - told to the thread that waits
            failures.append(failure)
            written.set()
        finally:
            connections.close_all()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        assert written.wait(timeout=60)
        assert not failures
        yield
    finally:
        may_commit.set()
        thread.join()


def poll(since: datetime) -> tuple[set[str], datetime]:
    found = finding.changes(Lookup(limit=100), since=since, now=clock.now())
    return {card.code for card in found.cards}, found.settled_until


def polled_around_a_slow_change() -> tuple[set[str], set[str]]:
    """What a mirror hears before and after a change is committed that began before its first look."""
    slow, other = make_station(), make_station()
    registering.amend(station=other, facts={"phone": "027-1"}, actor="tests", at=clock.now())
    start = Station.objects.get(pk=other.pk).updated_at
    with under_way(slow):
        # Changes that begin later are committed and seen meanwhile, so the mirror's clock goes on.
        registering.amend(station=other, facts={"phone": "027-2"}, actor="tests", at=clock.now())
        before, at = poll(start)
    after, _at = poll(at)
    return before - {other.code}, after - {other.code}


@pytest.mark.usefixtures("transactional_db")
def test_a_change_that_is_committed_late_is_heard_at_the_next_poll() -> None:
    before, after = polled_around_a_slow_change()
    assert (before, len(after)) == (set(), 1)


@pytest.mark.usefixtures("transactional_db")
def test_without_the_lock_it_would_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_times, "settled_until", clock.now)
    before, after = polled_around_a_slow_change()
    assert (before, after) == (set(), set())


@pytest.mark.usefixtures("transactional_db")
def test_later_pages_keep_the_moment_of_the_first() -> None:
    """A change committed while a mirror turns pages can lie before the page it is at: the next poll brings it."""
    slow = make_station()
    others = [make_station() for _each in range(3)]
    publishing.refresh([each.pk for each in others], now=clock.now())
    start = min(Station.objects.filter(pk__in=[each.pk for each in others]).values_list("updated_at", flat=True))
    with under_way(slow):
        publishing.refresh([each.pk for each in others], now=clock.now())
        first = finding.changes(Lookup(limit=2), since=start, now=clock.now())
    second = finding.changes(
        Lookup(limit=2, after=first.after), since=start, settled_until=first.settled_until, now=clock.now()
    )
    assert (len(first.cards), second.after) == (2, None)
    assert second.settled_until == first.settled_until
    assert slow.code in poll(second.settled_until)[0]


@pytest.mark.usefixtures("committed_town")
def test_an_import_that_is_under_way_holds_the_moment_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[datetime, datetime]] = []
    write = importing._Importer._write

    def write_and_look(self: importing._Importer, batch: importing._Batch) -> None:
        write(self, batch)

        def look() -> None:
            try:
                seen.append((change_times.settled_until(), clock.now()))
            finally:
                connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    monkeypatch.setattr(importing._Importer, "_write", write_and_look)
    take(csv_file([["名称", "区", "地址", "状态"], ["甲站", "武昌", "和平大道1号", "启用"]]))
    stamped = Station.objects.get().updated_at
    assert [settled <= stamped for settled, _now in seen] == [True]
    assert change_times.settled_until() > stamped


@pytest.mark.django_db
def test_one_does_not_wait_for_ones_own_change() -> None:
    before = change_times.stamp()
    assert change_times.settled_until() > before
