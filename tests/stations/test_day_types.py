"""The calendar of holidays and swapped workdays: filled by a command, edited by staff, watched by a check."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO
from typing import Any

import pytest
from chinese_calendar import get_holiday_detail
from django.core import checks
from django.core.management import call_command
from django.db import connection

from core.models import AuditEvent
from stations import day_types
from stations.day_types import fill
from stations.hours import DayKind
from stations.models import DayType, Station
from tests.builders import make_station

pytestmark = pytest.mark.django_db

AT = datetime(2026, 9, 17, 4, 0, tzinfo=UTC)  # a Thursday; the Sunday after it is worked


@pytest.fixture
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.clock.now", lambda: AT)


def run(*args: str) -> str:
    out = StringIO()
    call_command("fill_day_types", *args, stdout=out)
    return out.getvalue()


def warnings() -> list[str | None]:
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [each.id for each in found if each.id == "stations.W001"]


def every_day(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def test_every_day_is_of_the_kind_that_the_package_says() -> None:
    filled = fill(actor="fill_day_types", at=AT)
    assert filled.first == date(2025, 1, 1)
    assert filled.last >= date(2026, 12, 31)
    assert filled.added == (filled.last - filled.first).days + 1 == DayType.objects.count()
    found = day_types.kinds(filled.first, filled.added)
    for day in every_day(filled.first, filled.last):
        is_off, name = get_holiday_detail(day)
        expected = (
            (DayKind.HOLIDAY if is_off else DayKind.SWAPPED_WORKDAY)
            if name
            else (DayKind.REST_DAY if is_off else DayKind.WORKDAY)
        )
        assert found[day] == expected, day


def test_rows_carry_the_feast_in_chinese_and_their_source() -> None:
    fill(actor="fill_day_types", at=AT)
    eve = DayType.objects.get(date=date(2026, 2, 16))
    assert (eve.kind, eve.name) == ("holiday", "春节")
    assert eve.source.startswith("chinesecalendar 1.")


def test_filling_again_changes_nothing_and_leaves_no_trace() -> None:
    first = fill(actor="fill_day_types", at=AT)
    second = fill(actor="fill_day_types", at=AT)
    assert (second.added, second.changed, second.unchanged, second.kept) == (0, 0, first.added, 0)
    (event,) = AuditEvent.objects.filter(kind="day_types.filled")
    assert event.data["added"] == first.added
    assert event.actor_name == "fill_day_types"


def test_rows_of_an_older_package_are_renewed_and_rows_of_staff_are_kept() -> None:
    DayType.objects.create(date=date(2026, 10, 8), kind="holiday", name="调休", source="市总工会通知")
    DayType.objects.create(date=date(2026, 10, 9), kind="holiday", name="国庆节", source="chinesecalendar 1.10.0")
    DayType.objects.create(date=date(2026, 10, 12), kind="workday", source="市总工会通知")
    filled = fill(actor="fill_day_types", at=AT)
    assert (filled.changed, filled.kept) == (1, 1)
    assert DayType.objects.get(date=date(2026, 10, 8)).kind == "holiday"
    renewed = DayType.objects.get(date=date(2026, 10, 9))
    assert (renewed.kind, renewed.name) == ("workday", "")
    assert renewed.source != "chinesecalendar 1.10.0"
    assert DayType.objects.get(date=date(2026, 10, 12)).source == "市总工会通知"


def test_kinds_are_those_of_the_days_asked_for_in_one_query(django_assert_num_queries: Any) -> None:
    fill(actor="fill_day_types", at=AT)
    with django_assert_num_queries(1):
        found = day_types.kinds(date(2026, 9, 19), 2)
    assert found == {date(2026, 9, 19): DayKind.REST_DAY, date(2026, 9, 20): DayKind.SWAPPED_WORKDAY}


@pytest.mark.usefixtures("_now")
def test_the_command_expands_the_hours_of_stations_anew() -> None:
    make_station(at=AT, hours={"days": range(1, 6), "opens": time(8), "closes": time(20)})
    worked_sunday = datetime(2026, 9, 20, 4, 0, tzinfo=UTC)
    covering = Station.objects.open_at(worked_sunday)
    assert not covering.exists()
    assert json.loads(run("--json"))["stations_expanded"] == 1
    assert covering.exists()
    assert json.loads(run("--json"))["stations_expanded"] == 0


@pytest.mark.usefixtures("_now")
def test_the_command_says_what_it_did() -> None:
    first, second = run(), run()
    days = str(DayType.objects.count())
    assert (days in first, days in second) == (True, True)
    assert first != second


@pytest.mark.usefixtures("_now")
def test_w001_warns_when_fewer_than_sixty_days_are_left() -> None:
    assert warnings() == ["stations.W001"]
    fill(actor="fill_day_types", at=AT)
    assert warnings() == []
    DayType.objects.filter(date__gt=date(2026, 9, 17) + timedelta(days=60)).delete()
    assert warnings() == []
    DayType.objects.filter(date=date(2026, 9, 17) + timedelta(days=60)).delete()
    assert warnings() == ["stations.W001"]


def test_w001_is_silent_before_the_first_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert warnings() == ["stations.W001"]
    monkeypatch.setattr(connection.introspection, "table_names", list)
    assert warnings() == []
