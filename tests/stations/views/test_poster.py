"""The poster: what it says, and whose copy carries the door's token."""

from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from core import clock
from core.models import User
from stations import publishing
from stations.models import HoursPeriod, Station
from stations.models.hours import EntryMode
from stations.views import poster
from tests.builders import make_amenity, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

ALL_DAY = {"opens": time(0), "closes": time(0)}


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the QR codes of the test were made of."""
    texts: list[str] = []
    draw = poster.qr_svg

    def drawn(text: str) -> str:
        texts.append(text)
        return draw(text)

    monkeypatch.setattr(poster, "qr_svg", drawn)
    return texts


@pytest.fixture
def station() -> Station:
    make_amenity("hot-water", name="热水")
    return make_station(
        name="徐家棚蜂巢",
        code="WH-WC-0901",
        tier=2,
        amenities=["hot-water"],
        hours={"entry_mode": "scan"},
        at=clock.now(),
    )


def test_it_says_what_the_place_is_and_when_it_is_open(client: Client, station: Station) -> None:
    response = client.get("/stations/WH-WC-0901/poster/")
    for text in ("徐家棚蜂巢", "WH-WC-0901", "8:00-20:00", "热水", "和平大道1号", str(station.get_tier_display())):
        assertContains(response, text)
    assertContains(response, str(EntryMode.SCAN.label), count=1)  # the line of hours says it
    assertContains(response, "<svg")
    assertNotContains(response, "style=")


def test_how_to_get_in_is_said_where_no_line_of_hours_says_it(client: Client) -> None:
    station = make_station(code="WH-WC-0902", hours={"entry_mode": "staffed"}, at=clock.now())
    assertContains(client.get(f"/stations/{station.code}/poster/"), f"怎么进：{EntryMode.STAFFED.label}")


def test_only_staff_who_may_change_the_station_get_the_doors_token(
    client: Client, station: Station, coded: list[str]
) -> None:
    public = client.get("/stations/WH-WC-0901/poster/")
    assertNotContains(public, station.door_token)
    assertContains(public, 'href="?door=1"')

    client.force_login(User.objects.create_user("onlooker", password="just-for-tests", is_staff=True))
    onlooker = client.get("/stations/WH-WC-0901/poster/?door=1")
    assertNotContains(onlooker, station.door_token)
    # He is signed in already, and led around in no circle.
    assertNotContains(onlooker, 'href="?door=1"')

    client.force_login(make_staff())
    staff = client.get("/stations/WH-WC-0901/poster/")
    assert "no-store" in staff.headers["Cache-Control"]
    page, door = "http://testserver/stations/WH-WC-0901/", f"http://testserver/d/{station.door_token}/"
    assert coded == [page, page, door]


@pytest.mark.usefixtures("station")
def test_asking_for_the_doors_copy_leads_the_public_to_signing_in(client: Client) -> None:
    response = client.get("/stations/WH-WC-0901/poster/?door=1")
    assertRedirects(
        response, "/admin/login/?next=/stations/WH-WC-0901/poster/%3Fdoor%3D1", fetch_redirect_response=False
    )


@pytest.mark.usefixtures("station")
def test_the_public_address_is_the_setting_if_there_is_one(client: Client, coded: list[str], settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://fengchao.example.cn/"
    client.get("/stations/WH-WC-0901/poster/")
    assert coded == ["https://fengchao.example.cn/stations/WH-WC-0901/"]


def test_the_code_may_be_typed_in_small_letters(client: Client, station: Station) -> None:
    assert station.name in client.get(f"/stations/{station.code.lower()}/poster/").content.decode()


@pytest.mark.usefixtures("station")
def test_drafts_have_a_poster_for_staff_alone(client: Client) -> None:
    Station.objects.update(status="draft")
    assert client.get("/stations/WH-WC-0901/poster/").status_code == 404
    client.force_login(make_staff())
    assert client.get("/stations/WH-WC-0901/poster/").status_code == 200


def test_an_unknown_code_is_not_found(client: Client) -> None:
    assert client.get("/stations/WH-WC-9999/poster/").status_code == 404


def test_unregistered_hours_are_said_and_never_guessed(client: Client) -> None:
    make_station(code="WH-WC-0902", hours=False)
    assertContains(client.get("/stations/WH-WC-0902/poster/"), 'class="line line-long"')
    Station.objects.update(hours_text="看门师傅在就开")
    assertContains(client.get("/stations/WH-WC-0902/poster/"), "看门师傅在就开")


def always_open(station: Station) -> Station | None:
    found = poster.nearest_always_open(station, now=clock.now())
    return found.station if found else None


def test_the_nearest_station_that_never_closes_is_named(station: Station) -> None:
    assert always_open(station) is None
    make_station(latitude=30.5802, at=clock.now())
    far = make_station(latitude=30.5999, hours=ALL_DAY, at=clock.now())
    assert always_open(station) == far
    near = make_station(latitude=30.5901, hours=ALL_DAY, at=clock.now())
    assert always_open(station) == near
    found = poster.nearest_always_open(station, now=clock.now())
    assert found is not None
    assert 1_100 < found.distance_m < 1_125
    assert always_open(near) is None  # whoever stands there needs no other


def test_a_door_that_opens_by_day_and_another_way_by_night_never_closes(station: Station) -> None:
    by_turns = make_station(latitude=30.5901, hours=False)
    period = HoursPeriod.objects.create(station=by_turns)
    week = [1, 2, 3, 4, 5, 6, 7]
    period.spans.create(days=week, opens=time(8), closes=time(20), entry_mode="staffed")
    period.spans.create(days=week, opens=time(20), closes=time(8), entry_mode="scan")
    publishing.refresh([by_turns.pk], now=clock.now())
    assert always_open(station) == by_turns

    period.spans.filter(entry_mode="scan").update(closes=time(7))
    publishing.refresh([by_turns.pk], now=clock.now())
    assert always_open(station) is None


def test_a_doubted_one_or_one_too_far_is_not_named(station: Station) -> None:
    other = make_station(latitude=30.5901, hours=ALL_DAY, at=clock.now())
    Station.objects.filter(pk=other.pk).update(doubted_at=clock.now() - timedelta(hours=1))
    make_station(latitude=30.5801 + 0.1, hours=ALL_DAY, at=clock.now())
    assert always_open(station) is None


# ── Many at once ────────────────────────────────────────────────────────────────────────────────────────────────────

POSTERS = "/posters/?codes="


def test_whoever_keeps_the_doors_prints_their_posters_at_once(
    client: Client, station: Station, coded: list[str]
) -> None:
    other = make_station(code="WH-WC-0902", name="积玉桥蜂巢", at=clock.now())
    assert client.get(f"{POSTERS}{station.code},{other.code}").status_code == 302
    client.force_login(make_staff("wuchang", scope=station.division, duties=["manage"]))
    response = client.get(f"{POSTERS}{other.code},{station.code.lower()}")
    assert [text.rpartition("/d/")[2].strip("/") for text in coded] == [station.door_token, other.door_token]
    assert response.content.decode().count('class="poster"') == 2
    assertContains(response, "积玉桥蜂巢")
    assert response.headers["Cache-Control"] == "private, no-store"
    # One by one or all together, a poster is the same.
    alone = client.get("/stations/WH-WC-0902/poster/").content.decode()
    whole = alone[alone.index("<article") : alone.index("</article>")]
    assert whole in response.content.decode()


def test_no_door_that_one_does_not_keep_is_printed_or_left_out_without_a_word(client: Client, station: Station) -> None:
    qiaokou = make_district(code="420104", name="硚口区", letters="QK")
    elsewhere = make_station(
        division=make_subdistrict(code="420104009", name="韩家墩街道", district=qiaokou), code="WH-QK-0001"
    )
    client.force_login(make_staff("wuchang", scope=station.division, duties=["manage"]))
    for codes in ("", "WH-WC-9999", elsewhere.code, f"{station.code},{elsewhere.code}", f"{station.code},", "%00"):
        assert client.get(f"{POSTERS}{codes}").status_code in (400, 404), codes
    client.force_login(make_staff("onlooker", scope=station.division, duties=["view"]))
    assert client.get(f"{POSTERS}{station.code}").status_code == 404


def test_the_list_of_stations_leads_to_the_posters_of_those_ticked(
    client: Client, station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_station(code="WH-WC-0902", at=clock.now())
    client.force_login(make_staff("wuchang", scope=station.division, duties=["manage"]))
    ticked = {"action": "posters", "_selected_action": [other.pk, station.pk]}
    shown = client.post("/admin/stations/station/", ticked, follow=True)
    assert shown.redirect_chain == [(f"{POSTERS}{station.code},{other.code}", 302)]
    assert shown.content.decode().count('class="poster"') == 2
    monkeypatch.setattr("stations.admin.stations.MOST_POSTERS", 1)
    said = client.post("/admin/stations/station/", ticked, follow=True)
    assert said.redirect_chain == [("/admin/stations/station/", 302)]
    assertContains(said, "一次最多打印 1 张海报")
