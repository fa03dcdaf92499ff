"""The filters of the office's lists: the words of the public finder, limited to the scope, ignoring what they do not offer."""

import re
from datetime import date, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from core import clock, notices
from core.admin import BoundedPaginator
from core.models import Notice
from stations import confirming, publishing
from stations.admin import overview
from stations.models import Station, StationUse, Zone
from tests.builders import make_amenity, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db


@pytest.fixture
def foreign() -> Station:
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    return make_station(
        name="汉口",
        division=make_subdistrict(code="420104002", name="韩家墩街道", district=hankou),
        hours={"opens": "00:00", "closes": "00:00"},
        at=clock.now(),
    )


@pytest.fixture
def desk(foreign: Station) -> Client:  # noqa: ARG001
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(make_staff("wuchang", scope=make_district()))
    return client


def listed(client: Client, model: str, query: str) -> list[str]:
    page = client.get(f"{reverse(f'admin:stations_{model}_changelist')}?{query}")
    assert page.status_code == 200, query
    return [row.name if model == "station" else row.station.name for row in page.context["cl"].result_list]


def test_work_on_doubts_and_hours_ends_and_begins_when_it_should(desk: Client) -> None:
    now = clock.now()
    make_station(name="存疑", at=now, doubted_at=now)
    # The hint says to suspend a doubted station; so that is the end of the work.
    make_station(name="存疑后停用", at=now, doubted_at=now, status="suspended")
    assert listed(desk, "station", "todo=doubted") == ["存疑"]
    over = make_station(name="夏季过了")
    over.hours_periods.update(valid_from=date(2020, 6, 1), valid_through=date(2020, 9, 30))
    make_station(name="从未登记", hours=False)
    publishing.refresh([over.pk], now=now)
    assert listed(desk, "station", "todo=no-hours") == ["夏季过了", "从未登记"]


def test_open_now_and_usable_today(desk: Client) -> None:
    now = clock.now()
    hour_later, hours_later = ((now + timedelta(hours=each)) for each in (1, 2))
    all_day = {"opens": "00:00", "closes": "00:00"}
    later = {"opens": clock.to_local(hour_later).time(), "closes": clock.to_local(hours_later).time()}
    make_station(name="开着", hours=all_day, at=now)
    make_station(name="待会开", hours=later, at=now)
    make_station(name="存疑", hours=all_day, at=now, doubted_at=now)
    make_station(name="停用", hours=all_day, at=now, status="suspended")
    make_station(name="未登记", hours=False)
    # As couriers ask it: a door found shut is not open, whatever its hours say.
    assert listed(desk, "station", "open=now") == ["开着"]
    assert listed(desk, "station", "open=today") == ["开着", "待会开"]
    assert len(listed(desk, "station", "open=someday")) == 5


def test_the_list_says_of_each_station_how_it_is_now(desk: Client) -> None:
    now = clock.now()
    hour_ago, soon, hour_later = (clock.to_local(now + timedelta(minutes=each)).time() for each in (-60, 10, 60))
    make_station(name="开着", hours={"opens": "00:00", "closes": "00:00"}, at=now)
    make_station(name="快关", hours={"opens": hour_ago, "closes": soon}, at=now)
    make_station(name="待会开", hours={"opens": soon, "closes": hour_later}, at=now)
    make_station(name="存疑", at=now, doubted_at=now)
    make_station(name="未登记", hours=False)
    page = desk.get(reverse("admin:stations_station_changelist")).content.decode()
    said = re.findall(r'field-name"><a[^>]*>(\S+)</a>.*?badge now-(\w+)', page, re.DOTALL)
    assert dict(said) == {"开着": "open", "快关": "open", "待会开": "closed", "存疑": "doubted", "未登记": "unknown"}


def test_the_list_names_the_year_of_a_proof_only_if_it_is_another(desk: Client) -> None:
    now = clock.now()
    this, last = make_station(name="今年"), make_station(name="去年")
    Station.objects.filter(pk=this.pk).update(confirmed_at=now)
    Station.objects.filter(pk=last.pk).update(confirmed_at=now - timedelta(days=366))
    page = desk.get(reverse("admin:stations_station_changelist")).content.decode()
    proved = re.findall(r'<td class="field-proved">([^<]*)</td>', page)
    seen = clock.to_local(now)
    assert sorted(each for each in proved if each != "—") == sorted(
        [f"{seen:%m-%d %H:%M}", f"{clock.to_local(now - timedelta(days=366)):%Y-%m-%d}"]
    )


@pytest.mark.parametrize(
    "asked",
    [
        "points/award/?day__year={}", "points/award/?day__year__gte={}", "points/posting/?occurred_at__year={}",
        "stations/daytype/?date__year={}",
    ],
)  # fmt: skip
def test_a_list_asks_for_no_year_that_no_calendar_has(asked: str) -> None:
    boss = Client(raise_request_exception=False)
    boss.force_login(make_staff())
    address = f"/admin/{asked}"
    years = [boss.get(address.format(year)).status_code for year in ("0", "9999", "99999", "9" * 5_000)]
    assert years == [400] * 4
    assert boss.get("/admin/stations/daytype/?date__year=2026&date__month=6").status_code == 200
    assert boss.get("/admin/points/award/?day__gte=2026-06-01&day__lt=2026-07-01").status_code == 200


def test_a_new_row_takes_from_the_address_what_its_fields_can_hold() -> None:
    boss = Client(raise_request_exception=False)
    boss.force_login(make_staff())
    station, address = make_station(), reverse("admin:stations_staffrole_add")
    empty = boss.get(f"{address}?station=x&user=x&division={'9' * 5_000}&nothing=x")
    assert empty.context["adminform"].form.initial == {"division": "9" * 5_000, "nothing": "x"}
    page = boss.get(f"{address}?station={station.pk}")
    assert page.context["adminform"].form.initial == {"station": str(station.pk)}


def test_amenities_and_zones(desk: Client) -> None:
    zone = Zone.objects.create(code="ELHT", name="东湖高新区")
    make_amenity("microwave", name="微波炉")
    make_station(name="有微波炉", amenities=["microwave"])
    make_station(name="在高新区", zone=zone)
    assert listed(desk, "station", "amenity=microwave") == ["有微波炉"]
    assert listed(desk, "station", "zone=ELHT") == ["在高新区"]
    for odd in ("no-such", "microwave' | 'x", "t:1", "'"):
        assert len(listed(desk, "station", f"amenity={odd}")) == 2


def test_the_last_days_and_a_division_of_what_was_found(desk: Client, foreign: Station) -> None:
    now, root = clock.now(), make_staff("root")
    mine = make_station(name="徐家棚")
    other = make_station(
        name="中南路", division=make_subdistrict(code="420106005", name="中南路街道", district=make_district())
    )
    for station, days in ((mine, 0), (mine, 8), (other, 2), (foreign, 0)):
        confirming.confirm(station=station, outcome="entered", actor=root, at=now - timedelta(days=days))
        StationUse.objects.create(station=station, date=clock.local_date(now) - timedelta(days=days), uses=1)
    for model in ("confirmation", "stationuse"):
        assert sorted(listed(desk, model, "")) == ["中南路", "徐家棚", "徐家棚"]
        assert sorted(listed(desk, model, "days=7")) == ["中南路", "徐家棚"]
        assert listed(desk, model, "days=1") == ["徐家棚"]
        assert listed(desk, model, "days=7&division=420106005") == ["中南路"]
        assert listed(desk, model, "division=420104") == listed(desk, model, "division=no-such")
        assert len(listed(desk, model, "days=nonsense")) == 3


def test_the_state_of_a_notice_is_asked_and_said_in_words() -> None:
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(make_staff("root"))
    for matter in ("station.doubted WH-WC-0001", "visit.overdue WH-WC-0002", "station.doubt-overdue WH-WC-0003"):
        notices.add(matter=matter, text="x", recipients=["li", "wang"], at=clock.now())
    Notice.objects.filter(matter__startswith="visit").update(next_attempt_at=None, sent_at=clock.now())
    Notice.objects.filter(matter__contains="overdue WH-WC-0003").update(next_attempt_at=None)
    url = reverse("admin:core_notice_changelist")
    for state, words in (("sent", "现场核实未处理"), ("waiting", "存疑"), ("given-up", "存疑超过一天")):
        page = client.get(f"{url}?state={state}")
        assert page.context["cl"].result_count == 1
        assert f'<td class="field-said_matter">{words} WH-WC' in page.content.decode()
    assert client.get(f"{url}?state=lost").context["cl"].result_count == 3
    assert "li、wang" in client.get(url).content.decode()
    assert "li, wang" in client.get(url, headers={"accept-language": "en"}).content.decode()


def test_an_object_has_its_own_name_as_heading_and_its_last_events_below(desk: Client) -> None:
    station = make_station(name="徐家棚")
    publishing.suspend(station=station, reason="装修", actor="import_stations", at=clock.now())
    page = desk.get(reverse("admin:stations_station_change", args=[station.pk]))
    assert page.context["title"] == "徐家棚"
    assert [event.actor for event in page.context["last_events"]] == ["命令行导入"]
    assert "装修" in page.content.decode()
    add = desk.get(reverse("admin:stations_station_add"))
    assert (add.context["title"], "last_events" in add.context) == ("新增蜂巢", False)


def test_a_list_that_is_counted_no_further_says_so(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for _each in range(3):
        make_station()
    url = reverse("admin:stations_station_changelist")
    assert "共 3 条" in desk.get(url).content.decode()
    monkeypatch.setattr(BoundedPaginator, "count_limit", 2)
    page = desk.get(url)
    assert page.context["cl"].result_count == 2
    assert "至少 2 条" in page.content.decode()


def test_a_long_list_of_work_shows_the_first_of_it_and_counts_no_further(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "COUNT_LIMIT", 2)
    now = clock.now()
    for days in (1, 3, 2, 4):
        make_station(name=f"{days} 天", doubted_at=now - timedelta(days=days))
    [doubted] = [work for work in desk.get(reverse("admin:index")).context["overview"].waiting if "doubted" in work.url]
    assert (doubted.number, [name for name, _url in doubted.first]) == ("2+", ["4 天", "3 天", "2 天"])


def test_the_city_finds_the_same_by_its_own_way(foreign: Station) -> None:
    client = Client()
    client.force_login(make_staff("root"))
    make_station(name="有微波炉", amenities=["microwave"], hours=False)
    make_station(name="停用", status="suspended", hours={"opens": "00:00", "closes": "00:00"}, at=clock.now())
    for part in ("", "&district=420104"):
        assert listed(client, "station", f"open=now{part}") == [foreign.name]
    for part in ("", "&district=420106"):
        assert listed(client, "station", f"amenity=microwave{part}") == ["有微波炉"]
