"""A station's own page: the state and why, the week, what it has, how to get there, and who may see it."""

import json
import re
from datetime import date, time, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from core import clock
from stations import publishing
from stations.models import DayType, HoursException, Station, StationOrganisation
from tests.builders import NOON, make_amenity, make_station
from tests.stations.views.pages import at, browser, card_codes, links, read, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Client:
    at(monkeypatch)
    return browser()


def page(phone: Client, station: Station, *, status: int = 200) -> str:
    return read(phone.get(f"/stations/{station.code}/"), status=status)


def state_of(html: str) -> str:
    found = re.search(r'class="state-line state-([\w-]+)"', html)
    assert found is not None
    return found[1]


def data_block(html: str) -> Any:
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_it_says_the_state_todays_hours_and_the_week(phone: Client) -> None:
    html = page(phone, make_station())
    assert state_of(html) == "open"
    assert html.count("08:00–20:00") == 7
    assert html.count('<tr class="is-today">') == 1


def test_how_one_gets_in_is_said_once_where_it_is_the_same_all_week(phone: Client) -> None:
    station = make_station(hours={"opens": time(8), "closes": time(20), "entry_mode": "scan"})
    hours = page(phone, station).split('id="hours-title"', 1)[1].split("</section>", 1)[0]
    assert hours.count("扫码进门") == 1
    period = station.hours_periods.get()
    period.spans.create(days=[1, 2, 3, 4, 5, 6, 7], opens=time(20), closes=time(22), entry_mode="card")
    publishing.refresh([station.pk], now=NOON)
    hours = page(phone, station).split('id="hours-title"', 1)[1].split("</section>", 1)[0]
    assert hours.count("扫码进门") == hours.count("刷卡进门") == 7


def test_its_head_answers_whether_it_has_what_one_needs_and_how_far_it_is(phone: Client) -> None:
    amenities = [make_amenity(f"thing-{number}", name=f"设施{number}").code for number in range(8)]
    station = make_station(latitude=30.58, longitude=114.34, amenities=amenities)

    def head() -> str:
        return text(page(phone, station).split('id="confirm"', 1)[0])

    assert "设施5 共8项" in head()
    assert "设施6" not in head()
    assert "上次的位置" not in head()
    phone.cookies["place"] = "30.570,114.340"
    assert "离您上次的位置 1.1公里" in head()


def test_an_exception_today_and_one_ahead_are_told_with_their_reasons(phone: Client) -> None:
    station = make_station()
    for day, reason in ((date(2026, 6, 10), "停电检修"), (date(2026, 6, 19), "端午节")):
        HoursException.objects.create(station=station, starts_on=day, ends_on=day, reason=reason)
    HoursException.objects.create(
        station=station, starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 2), reason="早已过去"
    )
    publishing.refresh([station.pk], now=NOON)
    html = page(phone, station)
    assert state_of(html) == "closed"
    assert "停电检修" in text(html)
    assert "6月19日" in text(html)
    assert "早已过去" not in text(html)


def test_a_holiday_and_a_worked_weekend_are_named_in_the_week(phone: Client) -> None:
    DayType.objects.create(date=date(2026, 6, 12), kind="holiday", source="test")
    DayType.objects.create(date=date(2026, 6, 13), kind="swapped-workday", source="test")
    html = page(phone, make_station())
    assert html.count('<small class="note">') == 2


def test_days_after_the_calendar_of_holidays_are_said_to_go_by_weekday(phone: Client) -> None:
    DayType.objects.bulk_create(
        DayType(date=date(2026, 6, day), kind="workday", source="x") for day in range(10, 13)
    )  # NOON is on 10 June
    html = page(phone, make_station())
    assert "6月13日起按星期推算，放假安排还没录入。" in html
    assert "6月13日起" not in page(phone, make_station(hours=False))


def test_late_at_night_it_says_that_the_door_is_open_from_yesterday_whatever_today_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, NOON + timedelta(hours=13))  # 01:00 on 11 June
    station = make_station(hours={"opens": time(20), "closes": time(2)})
    HoursException.objects.create(
        station=station, starts_on=date(2026, 6, 11), ends_on=date(2026, 6, 24), reason="装修"
    )
    publishing.refresh([station.pk], now=NOON + timedelta(hours=13))
    html = page(browser(), station)
    assert state_of(html) == "open"
    assert "昨天开到现在，按昨天的时间。" in html
    assert "今天另有安排" not in html


def test_unregistered_hours_are_unknown_and_never_closed(phone: Client) -> None:
    html = page(phone, make_station(hours=False, hours_text="以门口通知为准"))
    assert state_of(html) == "unknown"
    assert "以门口通知为准" in text(html)


def test_a_night_over_midnight_is_written_as_one(phone: Client) -> None:
    html = page(phone, make_station(hours={"opens": time(18), "closes": time(2)}))
    assert re.search(r"18:00–\S*02:00", text(html))


def test_what_it_has_is_shown_and_what_its_tier_promises_is_not_taken_for_present(phone: Client) -> None:
    make_amenity("clothes-drying", name="衣物烘干", expected_from_tier=2)
    make_amenity("microwave", name="微波炉", expected_from_tier=3)
    make_amenity("toilet", name="厕所", expected_from_tier=None)
    html = page(phone, make_station(tier=2, amenities=["microwave"]))
    listed = html[html.index('class="has has--big"') :]
    present, rest = listed.split("</ul>", 1)
    assert "微波炉" in present
    assert "衣物烘干" not in present
    assert "这里没登记：衣物烘干" in text(rest)
    assert "这里没有" not in text(rest)
    assert "厕所" not in text(html)


def test_five_map_apps_and_a_tap_that_remembers_one(phone: Client) -> None:
    station = make_station()
    found = [link for link in links(page(phone, station)) if "://" in link or link.startswith("geo:")]
    assert [link.split("?")[0].split(",")[0] for link in found] == [
        "https://uri.amap.com/marker",
        "https://apis.map.qq.com/uri/v1/marker",
        "https://api.map.baidu.com/marker",
        "https://maps.apple.com/",
        "geo:30.580100",
    ]
    assert phone.get(f"/stations/{station.code}/way/").headers["Location"] == f"/stations/{station.code}/#go"
    assert phone.get(f"/stations/{station.code}/way/?app=baidu").headers["Location"] == found[2]
    assert phone.get(f"/stations/{station.code}/way/").headers["Location"] == found[2]
    assert phone.get(f"/stations/{station.code}/way/?app=geo").headers["Location"] == found[4]


def test_without_a_position_there_are_directions_and_no_map_links(phone: Client) -> None:
    station = make_station(latitude=None, longitude=None, directions="进大厅右手边")
    html = page(phone, station)
    assert "进大厅右手边" in text(html)
    assert not [link for link in links(html) if "://" in link]
    assert phone.get(f"/stations/{station.code}/way/?app=amap").headers["Location"].endswith("#go")


def test_phone_organisations_floor_and_other_names_are_there(phone: Client) -> None:
    station = make_station(phone="027 8888 0000", floor="一楼", aliases=["工会爱心驿站"])
    StationOrganisation.objects.create(station=station, role="premises", name="完美(中国)湖北分公司")
    html = page(phone, station)
    assert 'href="tel:02788880000"' in html
    for shown in ("完美(中国)湖北分公司", "一楼", "工会爱心驿站"):
        assert shown in text(html)


def test_the_three_nearest_others_are_named(phone: Client) -> None:
    station = make_station()
    others = [make_station(latitude=30.5801 + step / 1_000) for step in (5, 1, 3, 2)]
    html = page(phone, station)
    assert card_codes(html) == [others[1].code, others[3].code, others[2].code]


def test_each_number_of_its_phone_calls_by_itself(phone: Client) -> None:
    station = make_station()
    Station.objects.filter(pk=station.pk).update(phone="027-88880000转2、 13800000000")
    html = page(phone, station)
    assert {link for link in links(html) if link.startswith("tel:")} == {"tel:027-88880000,2", "tel:13800000000"}
    Station.objects.filter(pk=station.pk).update(phone="")
    assert "tel:" not in page(phone, station)


def test_machines_read_it_as_schema_org(phone: Client) -> None:
    station = make_station(name="</script><b>蜂巢&", amenities=["hot-water"])
    place = data_block(page(phone, station))
    assert place["name"] == "</script><b>蜂巢&"
    assert place["geo"] == {"@type": "GeoCoordinates", "latitude": 30.5801, "longitude": 114.3402}
    (hours,) = place["openingHoursSpecification"]
    # The seven days, and public holidays as Sundays.
    assert (hours["opens"], hours["closes"], len(hours["dayOfWeek"])) == ("08:00", "20:00", 8)
    assert [feature["name"] for feature in place["amenityFeature"]] == ["hot-water"]
    assert place["url"] == f"http://testserver/stations/{station.code}/"


def test_machines_take_no_day_of_24_hours_for_closed_and_no_station_out_of_use_for_open(phone: Client) -> None:
    station = make_station(hours={"opens": time(0), "closes": time(0)})
    for day, opens in ((date(2026, 6, 19), time(0)), (date(2026, 6, 20), None)):
        HoursException.objects.create(station=station, starts_on=day, ends_on=day, opens=opens, closes=opens)
    place = data_block(page(phone, station))
    assert place["openingHoursSpecification"][0]["closes"] == "23:59"
    assert [(row["opens"], row["closes"]) for row in place["specialOpeningHoursSpecification"]] == [
        ("00:00", "23:59"),
        ("00:00", "00:00"),
    ]
    Station.objects.filter(pk=station.pk).update(status="suspended")
    assert "openingHoursSpecification" not in page(phone, station)


def test_machines_get_the_season_that_runs_or_comes_and_nothing_that_is_over(phone: Client) -> None:
    """A season of every year is kept with the dates of one year, which is over soon."""
    station = make_station()
    station.hours_periods.update(valid_from=date(2020, 6, 1), valid_through=date(2020, 9, 30), repeats_yearly=True)
    HoursException.objects.create(station=station, starts_on=date(2020, 6, 19), ends_on=date(2020, 6, 19))
    place = data_block(page(phone, station))
    (hours,) = place["openingHoursSpecification"]
    assert hours["validFrom"][5:] == "06-01"
    assert hours["validThrough"] >= clock.local_date(clock.now()).isoformat()
    assert "specialOpeningHoursSpecification" not in place


def test_hours_ahead_are_written_as_in_the_week(phone: Client) -> None:
    station = make_station()
    for day, opens, closes in ((19, time(20), time(6)), (20, time(8), time(0)), (21, time(0), time(0))):
        when = date(2026, 6, day)
        HoursException.objects.create(station=station, starts_on=when, ends_on=when, opens=opens, closes=closes)
    shown = text(page(phone, station))
    for line in ("6月19日 20:00–次日06:00", "6月20日 08:00–24:00", "6月21日 24小时"):
        assert line in shown


def test_a_draft_looks_like_a_station_that_does_not_exist(phone: Client) -> None:
    draft = make_station(code="WH-WC-9001", status="draft")
    shown, absent = (
        read(phone.get(f"/stations/{code}/"), status=404).replace(code, "…") for code in (draft.code, "WH-WC-9002")
    )
    assert shown == absent
    for part in ("confirmations", "uses", "satisfaction"):
        assert (
            phone.post(f"/stations/{draft.code}/{part}/", {"outcome": "entered", "satisfied": "yes"}).status_code == 404
        )
    assert phone.get(f"/d/{draft.door_token}/").status_code == 404


@pytest.mark.parametrize(("status", "code"), [("suspended", 200), ("closed", 410)])
def test_one_out_of_use_says_so_with_the_reason_and_the_nearest_others(phone: Client, status: str, code: int) -> None:
    station = make_station(status=status, status_reason="房屋装修")
    other = make_station()
    html = page(phone, station, status=code)
    assert "房屋装修" in text(html)
    assert card_codes(html) == [other.code]
    assert "uri.amap.com" not in html
    assert 'name="outcome"' not in html


def test_the_code_may_be_typed_in_small_letters(phone: Client) -> None:
    station = make_station()
    assert phone.get(f"/stations/{station.code.lower()}/").headers["Location"] == f"/stations/{station.code}/"


def test_proof_is_told_by_its_age(phone: Client) -> None:
    for age, shown in (
        (timedelta(minutes=12), "12"),
        (timedelta(hours=5), "5"),
        (timedelta(days=3), "3"),
    ):
        html = page(phone, make_station(confirmed_at=NOON - age))
        proof = re.search(r'<p class="proof">.*?</svg>(.*?)</p>', html)
        assert proof is not None
        assert shown in proof[1]


def test_the_page_costs_a_dozen_queries_whatever_it_shows(
    phone: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    station = make_station(amenities=["microwave", "toilet", "wifi"])
    for step in range(5):
        make_station(latitude=30.58 + step / 1_000, amenities=["microwave", "hot-water"])
    page(phone, station)  # names are kept for a minute
    with django_assert_max_num_queries(12):
        page(phone, station)
