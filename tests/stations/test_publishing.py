"""From draft to closed, and the derived columns that look-ups use."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from core import clock
from core.models import AuditEvent
from stations import intervals, publishing
from stations.errors import ReasonMissing, StationNotPublishable
from stations.hours import Interval
from stations.models import HoursException, HoursPeriod, HoursSpan, Station
from tests.builders import NOON, make_amenity, make_hours, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db


def tags_of(station: Station) -> set[str]:
    return {part.split(":", maxsplit=0)[0].strip("'") for part in str(Station.objects.get(pk=station.pk).tags).split()}


def test_publish_shows_a_station_that_can_be_found_and_refuses_one_that_cannot() -> None:
    actor = make_staff()
    hidden = make_station(status="draft", address="", latitude=None, longitude=None)
    with pytest.raises(StationNotPublishable):
        publishing.publish(station=hidden, actor=actor, at=NOON)
    hidden.directions = "凯德西城对面"
    hidden.save()
    assert publishing.publish(station=hidden, actor=actor, at=NOON).status == "published"
    event = AuditEvent.objects.get(kind="station.published")
    assert (event.subject_code, event.actor, event.data["before"]) == (hidden.code, actor, "draft")


@pytest.mark.parametrize("verb", [publishing.suspend, publishing.close])
def test_suspend_and_close_need_a_reason(verb: object) -> None:
    station = make_station()
    with pytest.raises(ReasonMissing):
        verb(station=station, reason="  ", actor="test", at=NOON)  # type: ignore[operator]
    verb(station=station, reason="装修", actor="test", at=NOON)  # type: ignore[operator]
    station.refresh_from_db()
    assert station.status in {"suspended", "closed"}
    assert station.status_reason == "装修"
    assert not Station.objects.published().exists()


def test_intervals_reach_fourteen_days_and_follow_the_hours() -> None:
    station = make_station()
    found = intervals.read(station.intervals)
    assert len(found) == publishing.HORIZON_DAYS
    assert found[0] == Interval(
        datetime(2026, 6, 10, 0, 0, tzinfo=UTC), datetime(2026, 6, 10, 12, 0, tzinfo=UTC), "staffed"
    )
    assert station.expanded_until == publishing.horizon(NOON)
    HoursSpan.objects.update(closes=time(22))
    publishing.refresh([station.pk], now=NOON)
    station.refresh_from_db()
    assert intervals.read(station.intervals)[0].closes_at == datetime(2026, 6, 10, 14, 0, tzinfo=UTC)


def test_unregistered_hours_leave_no_horizon() -> None:
    station = make_station(hours=False)
    assert (station.expanded_until, station.intervals) == (None, "")


def test_behind_a_season_without_other_hours_the_answer_is_unknown() -> None:
    station = make_station(hours=False)
    period = HoursPeriod.objects.create(
        station=station, name="夏季", valid_from=NOON.date(), valid_through=NOON.date() + timedelta(days=4)
    )
    HoursSpan.objects.create(period=period, days=list(range(1, 8)), opens=time(10), closes=time(22))
    publishing.refresh([station.pk], now=NOON)
    station.refresh_from_db()
    assert station.expanded_until == clock.local_midnight(NOON.date(), days=5)


def test_tags_hold_amenities_tier_divisions_and_the_hours_of_the_day() -> None:
    station = make_station(amenities=["hot-water"], tier=2, hours={"opens": time(22), "closes": time(2)})
    assert tags_of(station) == {
        "hot-water", "t:2", "d:4201", "d:420106", "d:420106003", "h:22", "h:23", "h:0", "h:1",
    }  # fmt: skip


def test_round_the_clock_has_every_hour() -> None:
    station = make_station(hours={"opens": time(0), "closes": time(0)})
    assert {f"h:{hour}" for hour in range(24)} <= tags_of(station)


def test_search_text_holds_names_aliases_divisions_and_initials() -> None:
    subdistrict = make_subdistrict()
    subdistrict.aliases.create(name="徐家棚街")
    station = make_station(name="完美(中国)“江城蜂巢”", aliases=["工会爱心驿站"])
    for words in ("完美", "工会驿站"[:2], "徐家棚", "gh", "xjp", station.code, "武昌"):
        assert Station.objects.matching(words).get() == station, words
    assert not Station.objects.matching("硚口").exists()


def test_two_words_must_both_match_and_false_gram_hits_are_dropped() -> None:
    make_station(name="武大蜂巢", aliases=["大武"])
    assert Station.objects.matching("武大 徐家棚").count() == 1
    assert Station.objects.matching("武大 汉正街").count() == 0
    # 武大武 has only grams that the station has, in an order that it has not.
    assert Station.objects.matching("武大武").count() == 0


def test_a_change_of_facts_moves_the_version_and_the_nightly_expansion_does_not() -> None:
    station = make_station()
    publishing.refresh([station.pk], now=NOON)
    assert Station.objects.get().version == station.version + 1
    tomorrow = NOON + timedelta(days=1)
    assert publishing.expand_due(now=NOON) == 0
    assert publishing.expand_due(now=tomorrow) == 1
    assert publishing.expand_due(now=tomorrow) == 0
    after = Station.objects.get()
    assert (after.version, after.expanded_until) == (station.version + 1, publishing.horizon(tomorrow))


def test_hours_that_a_wrong_clock_made_for_another_year_are_made_anew() -> None:
    """Otherwise every station stayed shut until that year came."""
    station = make_station(at=NOON)
    assert publishing.expand_due(now=NOON + timedelta(days=400)) == 1
    assert not Station.objects.open_at(NOON).exists()
    assert publishing.expand_due(now=NOON) == 1
    assert Station.objects.open_at(NOON).get() == station
    assert publishing.expand_due(now=NOON) == 0


def test_a_station_is_expanded_once_a_run_whatever_another_worker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose clock stands before midnight makes it due again at once."""
    stations = [make_station(at=NOON).pk for _station in range(3)]
    expanded: list[int] = []

    def expand(ids: Sequence[int], **_said: Any) -> None:
        expanded.extend(ids)
        assert len(expanded) <= len(stations)

    monkeypatch.setattr(publishing, "BATCH", 2)
    monkeypatch.setattr(publishing, "_refresh_batch", expand)
    assert publishing.expand_due(now=NOON + timedelta(days=1)) == 3
    assert expanded == stations


def test_an_exception_is_expanded_like_the_period_it_replaces() -> None:
    station = make_station()
    HoursException.objects.create(station=station, starts_on=NOON.date(), ends_on=NOON.date(), reason="停电")
    publishing.refresh([station.pk], now=NOON)
    assert not Station.objects.open_at(NOON).exists()
    assert Station.objects.open_at(NOON + timedelta(days=1)).get() == station


def test_refresh_reads_as_many_tables_for_one_station_as_for_a_thousand(django_assert_max_num_queries: object) -> None:
    make_amenity()
    stations = [make_station(amenities=["hot-water"]) for _ in range(30)]
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        publishing.refresh([station.pk for station in stations], now=NOON)
    kept = Station.objects.values_list("intervals", flat=True)
    assert [len(intervals.read(text)) for text in kept] == 30 * [publishing.HORIZON_DAYS]


def test_hours_in_two_modes_are_two_intervals() -> None:
    station = make_station()
    make_hours(station, opens=time(20), closes=time(8), entry_mode="scan")
    publishing.refresh([station.pk], now=NOON)
    station.refresh_from_db()
    assert {each.entry_mode for each in intervals.read(station.intervals)} == {"staffed", "scan"}
    assert Station.objects.open_at(NOON + timedelta(hours=12)).get() == station
