"""Doubted doors and overdue work are reported to those who keep the station, at most once per matter and day."""

from datetime import timedelta

import pytest

from core.clock import local_date, now
from core.models import Notice, User
from stations import divisions, publishing, staffing, visiting
from stations.access import responsible_for
from stations.confirming import confirm, witness_at
from stations.models import Division, Station, VisitReport
from stations.reminding import remind, tell_of_doubt
from stations.visiting import Answers
from tests.builders import NOON, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Station:
    return make_station(name="徐家棚蜂巢")


def shut(station: Station, *, at_door: bool = True) -> None:
    for number in range(2):
        confirm(
            station=station, outcome="locked", at=NOON, at_door=at_door, witness=witness_at(station, f"device {number}")
        )


def test_a_doubted_door_is_told_to_its_steward_and_its_manager(station: Station) -> None:
    make_staff("steward", scope=station, duties=["counter"])
    make_staff("wuchang", scope=make_district())
    make_staff("city", scope=Division.objects.get(pk="4201"))
    make_staff("qiaokou", scope=make_district(code="420104", name="硚口区", letters="QK"))
    shut(station)
    notice = Notice.objects.get()
    assert notice.recipients == ["steward", "wuchang"]
    assert notice.matter == f"station.doubted {station.code}"
    assert "徐家棚蜂巢" in notice.text
    assert notice.path.endswith(f"/{station.pk}/change/")


def test_taps_from_afar_tell_nobody(station: Station) -> None:
    shut(station, at_door=False)
    assert not Notice.objects.exists()


def test_who_is_nearest_is_told_and_nobody_whose_role_has_ended(station: Station) -> None:
    city = make_staff("city", scope=Division.objects.get(pk="4201"))
    assert responsible_for(station) == [city]
    district = make_staff("wuchang", scope=make_district())
    make_staff("auditor", scope=make_subdistrict(), duties=["audit"])
    assert responsible_for(station) == [district]
    staffing.end(role=district.staff_roles.get(), actor="test", at=NOON)
    assert responsible_for(station) == [city]
    User.objects.filter(pk=city.pk).update(is_active=False)
    assert responsible_for(station) == []


def test_of_managers_of_every_size_the_nearest_is_told_and_at_the_station_who_keeps_it() -> None:
    neighbourhood = divisions.ensure_neighbourhood(name="武车", subdistrict=make_subdistrict(), actor="test", at=NOON)
    station = make_station(division=neighbourhood)
    managers = []
    for place in (Division.objects.get(pk="4201"), make_district(), make_subdistrict(), neighbourhood):
        managers.append(make_staff(place.code, scope=place))
        assert responsible_for(station) == managers[-1:]
    # Who begins tomorrow is not told today, and who may only look is never told.
    managers[-1].staff_roles.update(starts_at=now() + timedelta(days=1))
    make_staff("onlooker", scope=station, duties=["audit"])
    assert responsible_for(station) == managers[-2:-1]
    keeper = make_staff("keeper", scope=station, duties=["manage"])
    assert set(responsible_for(station)) == {managers[-2], keeper}


def test_a_doubt_that_nobody_sees_to_is_told_again_once_a_day(station: Station) -> None:
    shut(station)
    day = timedelta(days=1)
    assert remind(now=NOON + day - timedelta(seconds=1)) == 0
    assert [remind(now=NOON + day), remind(now=NOON + day + timedelta(hours=1)), remind(now=NOON + 2 * day)] == [
        1,
        0,
        1,
    ]
    texts = (
        Notice.objects.filter(matter__startswith="station.doubt-overdue").order_by("day").values_list("text", flat=True)
    )
    assert ["1" in texts[0], "2" in texts[1]] == [True, True]


def test_a_station_that_was_seen_to_or_is_shown_to_nobody_is_told_no_more(station: Station) -> None:
    shown_no_more = make_station()
    for each in (station, shown_no_more):
        shut(each)
    confirm(station=station, outcome="entered", at=NOON, at_door=True, witness="x")
    publishing.suspend(station=shown_no_more, reason="装修", actor="tests", at=NOON)
    assert remind(now=NOON + timedelta(days=2)) == 0


def test_an_overdue_doubt_goes_to_the_steward_and_the_nearest_manager_once_whoever_tells(station: Station) -> None:
    make_staff("steward", scope=station, duties=["counter"])
    make_staff("wuchang", scope=make_district())
    shut(station)
    at = NOON + timedelta(days=1)
    assert [remind(now=at), remind(now=at), tell_of_doubt(station, at=at), tell_of_doubt(station, at=at)] == [
        1,
        0,
        1,
        0,
    ]
    notices = Notice.objects.filter(day=local_date(at))
    assert {notice.matter: notice.recipients for notice in notices} == {
        f"station.doubt-overdue {station.code}": ["steward", "wuchang"],
        f"station.doubted {station.code}": ["steward", "wuchang"],
    }


def test_a_report_that_nobody_decides_on_is_told_once_a_day(station: Station) -> None:
    clerk = make_staff("wuchang", scope=make_district())
    sent = []
    for minutes in (0, -1):
        link, _token = visiting.issue(station=station, actor=clerk, at=NOON - timedelta(days=1))
        at = NOON + timedelta(minutes=minutes)
        sent.append(visiting.report(link=link, answers=Answers("entered"), witness="w", at=at))
    day = timedelta(days=1)
    assert [
        remind(now=sent[1].sent_at + day - timedelta(seconds=1)),
        remind(now=NOON + day),
        remind(now=NOON + day),
    ] == [0, 1, 0]
    notice = Notice.objects.get()
    assert (notice.recipients, notice.matter) == (["wuchang"], f"visit.overdue {station.code}")
    assert notice.path == f"/admin/stations/visitreport/{sent[1].pk}/change/", "the oldest"
    assert remind(now=NOON + 2 * day) == 1
    for report in VisitReport.objects.all():
        visiting.refuse(report=report, reason="过期", actor=clerk, at=NOON + 2 * day)
    assert remind(now=NOON + 3 * day) == 0


def test_a_report_is_told_to_those_who_may_decide_on_it(station: Station) -> None:
    make_staff("steward", scope=station, duties=["counter"])
    clerk = make_staff("wuchang", scope=make_district())
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    visiting.report(link=link, answers=Answers("entered"), witness="w", at=NOON)
    remind(now=NOON + timedelta(days=1))
    # Whoever reviews for the street is nearer, and may decide without managing anything.
    make_staff("reviewer", scope=make_subdistrict(), duties=["review"])
    remind(now=NOON + timedelta(days=2))
    assert [notice.recipients for notice in Notice.objects.order_by("day")] == [["wuchang"], ["reviewer"]]
