"""The figures of a district: what each counts, for whom, and in how many queries."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from core import clock
from stations import figures, publishing
from stations.access import Scope, scope_of
from stations.confirming import confirm, witness_at
from stations.models import Confirmation, Division, Station, StationUse
from tests.builders import NOON, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

CITY = Scope(prefixes=("4201",))


@pytest.fixture
def foreign() -> Station:
    district = make_district(code="420104", name="硚口区", letters="QK")
    return make_station(
        code="WH-QK-0001",
        name="硚口的蜂巢",
        division=make_subdistrict(code="420104002", name="韩家墩街道", district=district),
    )


def of_wuchang() -> figures.Figures:
    [row] = [row for row in figures.by_district(CITY, now=NOON) if row.code == "420106"]
    return row


def shut(station: Station, *, devices: int = 2, at_door: bool = True) -> None:
    for number in range(devices):
        confirm(
            station=station, outcome="locked", at=NOON, at_door=at_door, witness=witness_at(station, f"device {number}")
        )


CHANGES: dict[str, tuple[Callable[[Station], Any], dict[str, int]]] = {
    "nothing": (str, {}),
    "suspended": (
        lambda station: publishing.suspend(station=station, reason="装修", actor="test", at=NOON),
        {"usable_today": 0, "unproved": 0},
    ),
    "closed": (
        lambda station: publishing.close(station=station, reason="拆迁", actor="test", at=NOON),
        {"total": 0, "usable_today": 0, "unproved": 0},
    ),
    "draft": (
        lambda station: Station.objects.filter(pk=station.pk).update(status="draft"),
        {"total": 0, "usable_today": 0, "unproved": 0},
    ),
    "doubted": (shut, {"usable_today": 0, "doubted": 1, "shut": 2}),
    "locked as seen from afar": (lambda station: shut(station, at_door=False), {}),
    "entered": (
        lambda station: confirm(station=station, outcome="entered", at=NOON, at_door=True, witness="x"),
        {"entered": 1, "unproved": 0},
    ),
    "entered a month ago": (
        lambda station: confirm(
            station=station, outcome="entered", at=NOON - timedelta(days=31), at_door=True, witness="x"
        ),
        {},
    ),
    "used": (
        lambda station: StationUse.objects.create(station=station, date=clock.local_date(NOON), uses=7),
        {"uses_today": 7},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_figure_counts_what_it_says(change: str) -> None:
    make_station(name="另一个")
    station = make_station()
    verb, changed = CHANGES[change]
    verb(station)
    expected = {
        "total": 1, "usable_today": 1, "unproved": 1, "doubted": 0, "entered": 0, "shut": 0, "uses_today": 0,
        "hours_unknown": 0,
    } | changed  # fmt: skip
    other = {"total": 1, "usable_today": 1, "unproved": 1}
    row = of_wuchang()
    assert {name: getattr(row, name) - other.get(name, 0) for name in expected} == expected


def test_hours_that_are_not_registered_are_neither_usable_nor_closed() -> None:
    make_station(hours=False)
    row = of_wuchang()
    assert (row.total, row.usable_today, row.hours_unknown) == (1, 0, 1)


def test_a_door_that_is_locked_outside_its_hours_is_no_failure() -> None:
    station = make_station()
    night = NOON - timedelta(hours=8)  # 04:00; it opens at 08:00
    for at, outcome in ((night, "locked"), (NOON, "entered")):
        confirm(station=station, outcome=outcome, at=at, at_door=True, witness=witness_at(station, outcome))
    assert (of_wuchang().entered, of_wuchang().shut) == (1, 0)
    confirm(station=station, outcome="locked", at=NOON, at_door=True, witness=witness_at(station, "another"))
    assert (of_wuchang().entered, of_wuchang().shut) == (1, 1)


def test_a_share_of_nothing_is_none_and_not_nought() -> None:
    station = make_station()
    assert of_wuchang().entered_share is None
    shut(station)
    assert of_wuchang().entered_share == 0


def test_two_weeks_of_uses_and_the_last_seven_days() -> None:
    station, today = make_station(), clock.local_date(NOON)
    for ago in range(20):
        StationUse.objects.create(station=station, date=today - timedelta(days=ago), uses=ago + 1)
    row = of_wuchang()
    assert [uses for _day, uses in row.uses_by_day] == list(range(14, 0, -1))
    assert row.uses_in_window == sum(range(1, 8))


def test_the_whole_is_the_sum_of_its_districts(foreign: Station) -> None:
    make_station()
    StationUse.objects.create(station=foreign, date=clock.local_date(NOON), uses=3)
    rows = figures.by_district(CITY, now=NOON)
    total = figures.together(rows)
    assert [row.code for row in rows] == ["420104", "420106"]
    assert (total.total, total.usable_today, total.uses_today, total.uses_in_window) == (2, 2, 3, 3)


def test_a_district_sees_its_own(foreign: Station) -> None:
    mine = make_station()
    clerk = make_staff("wuchang", scope=Division.objects.get(pk="420106"))
    rows = figures.by_district(scope_of(clerk), now=NOON)
    assert [(row.code, row.total) for row in rows] == [("420106", 1)]
    shut(foreign)
    assert [item.station_id for item in figures.needing_attention(scope_of(clerk), now=NOON)] == [mine.pk]


def test_doubted_doors_come_first_then_unknown_hours_then_the_busiest_unproved() -> None:
    unproved, busy, unknown = make_station(), make_station(), make_station(hours=False)
    StationUse.objects.create(station=busy, date=clock.local_date(NOON), uses=50)
    assert [(item.station_id, item.kind) for item in figures.needing_attention(CITY, now=NOON)] == [
        (unknown.pk, "no-hours"),
        (busy.pk, "unproved"),
        (unproved.pk, "unproved"),
    ]
    shut(unproved)
    assert [item.kind for item in figures.needing_attention(CITY, now=NOON)] == ["doubted", "no-hours", "unproved"]
    Station.objects.filter(pk=unknown.pk).update(expanded_until=NOON)  # had hours, whose season is over
    assert [item.kind for item in figures.needing_attention(CITY, now=NOON)] == ["doubted", "no-hours", "unproved"]


def test_it_takes_three_questions_however_many_districts(foreign: Station, django_assert_num_queries: Any) -> None:  # noqa: ARG001
    make_station()
    with django_assert_num_queries(3):
        figures.by_district(CITY, now=NOON)


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def desk(scope: Division | None) -> Client:
    client = Client()
    client.force_login(make_staff("li", scope=scope))
    return client


def test_the_city_sees_every_district_and_a_wall_refreshes_itself(foreign: Station) -> None:  # noqa: ARG001
    make_station()
    client = desk(Division.objects.get(pk="4201"))
    page = client.get(reverse("admin:glance"))
    assert page.status_code == 200
    assert [name for _row, name, _share in page.context["districts"]] == ["硚口区", "武昌区"]
    assert len(page.context["shapes"]) == 13
    assert "http-equiv" not in page.content.decode()
    wall = client.get(reverse("admin:glance") + "?screen=1")
    assert '<meta http-equiv="refresh" content="60">' in wall.content.decode()
    one = client.get(reverse("admin:glance-division", args=["420106"]))
    assert one.context["total"].total == 1


def test_a_foreign_district_is_as_absent_as_one_that_does_not_exist(foreign: Station) -> None:
    make_station()
    client = desk(Division.objects.get(pk="420106"))
    page = client.get(reverse("admin:glance"))
    assert page.context["total"].total == 1
    assert foreign.name not in page.content.decode()
    answers = [client.get(reverse("admin:glance-division", args=[code])) for code in ("420104", "420999")]
    assert [answer.status_code for answer in answers] == [404, 404]
    # The page names the address that was asked for, so that one may choose the language there.
    assert answers[0].content.replace(b"420104", b"420999") == answers[1].content


def test_whoever_has_no_role_sees_no_figures() -> None:
    client = Client()
    client.force_login(make_staff("nobody", is_superuser=False))
    assert client.get(reverse("admin:glance")).status_code == 403
    assert Client().get(reverse("admin:glance")).status_code == 302


def test_an_empty_scope_says_so_calmly() -> None:
    page = desk(make_district()).get(reverse("admin:glance"))
    assert page.status_code == 200
    assert page.context["total"].total == 0


def test_a_figure_links_to_the_list_it_counts(foreign: Station) -> None:
    now, root = clock.now(), make_staff("root")
    mine, doubted = make_station(at=now), make_station(at=now)
    make_station(at=now, status="suspended", status_reason="装修")
    for status in ("published", "suspended", "draft"):
        make_station(at=now, status=status, status_reason="装修", hours=False, confirmed_at=now, doubted_at=now)
    for station in (mine, foreign):
        for outcome in ("entered", "broken"):
            confirm(station=station, outcome=outcome, actor=root, at=now)
        confirm(station=station, outcome="entered", witness="afar", at=now)
        confirm(station=station, outcome="entered", actor=root, at=now - timedelta(days=8))
        StationUse.objects.create(station=station, date=clock.local_date(now), uses=2)
        StationUse.objects.create(station=station, date=clock.local_date(now) - timedelta(days=7), uses=5)
    confirm(station=doubted, outcome="locked", actor=root, at=now)
    Confirmation.objects.create(
        station=mine, outcome="locked", channel="door", witness="w", confirmed_at=now, is_outside_hours=True
    )
    client = desk(Division.objects.get(pk="4201"))
    page = client.get(reverse("admin:glance-division", args=["420106"]))
    total = page.context["total"]
    assert (total.usable_today, total.total, total.unproved, total.entered, total.shut) == (1, 5, 1, 1, 1)
    assert (total.doubted, total.hours_unknown) == (2, 1)
    expected = {
        "usable": 1, "total": 5, "unproved": 1, "doubted": 2, "no_hours": 1, "confirmations": 2, "uses": 1,
    }  # fmt: skip
    counted = {}
    for name, url in page.context["links"].items():
        listed = client.get(url)
        assert listed.status_code == 200, name
        counted[name] = listed.context["cl"].result_count
    assert counted == expected


@pytest.mark.parametrize(("hours", "said"), [(1, False), (23, False), (24, True)])
def test_a_doubt_of_last_evening_is_not_a_day_old(hours: int, said: bool) -> None:
    now = clock.now()
    make_station(at=now, doubted_at=now - timedelta(hours=hours))
    page = desk(make_district()).get(reverse("admin:index")).content.decode()
    assert ("已 1 天" in page) == said


def test_the_first_page_shows_the_figures_and_hangs_on_a_wall() -> None:
    make_station(at=clock.now())
    client = desk(make_district())
    page = client.get(reverse("admin:index"))
    assert (page.context["total"].total, len(page.context["shapes"])) == (1, 0)
    html = page.content.decode()
    assert page.context["app_list"][0]["name"] in html
    assert "http-equiv" not in html
    wall = client.get(f"{reverse('admin:index')}?screen=1").content.decode()
    assert '<meta http-equiv="refresh" content="60">' in wall
    assert "work-list" not in wall


def test_a_large_town_is_counted_once_a_minute(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any) -> None:
    make_station()
    assert figures.at_a_glance(CITY, now=NOON).at == NOON
    monkeypatch.setattr(figures, "LARGE", 0)
    cache.clear()
    later = NOON + timedelta(seconds=30)
    first = figures.at_a_glance(CITY, now=NOON)
    with django_assert_num_queries(1):
        assert figures.at_a_glance(CITY, now=later) == first
    assert figures.at_a_glance(Scope(prefixes=("420106",)), now=later).at == later
    cache.clear()
    assert figures.at_a_glance(CITY, now=later).at == later
    cache.clear()
