"""Numbers by district and tier: counted from the stations, each leading to its list."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from stations.models import Zone
from tests.builders import make_district, make_station, make_subdistrict
from tests.stations.views.pages import at, browser, card_codes, links, read, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Client:
    at(monkeypatch)
    return browser()


def sums(html: str) -> list[list[int]]:
    """Each "49 = 7 + 18 + 24" of the page as its numbers."""
    return [
        [int(number) for number in re.findall(r">(\d+)<", line)] for line in re.findall(r'<p class="sum.*?</p>', html)
    ]


def test_a_district_is_the_sum_of_its_tiers_and_each_number_leads_to_its_list(phone: Client) -> None:
    for tier, count in ((1, 1), (2, 3), (3, 2)):
        for _ in range(count):
            make_station(tier=tier)
    make_station(status="draft", tier=1)
    html = read(phone.get("/districts/420106/"))
    assert sums(html) == [[6, 1, 3, 2]]
    assert len(card_codes(html)) == 6
    second = next(link for link in links(html) if "tier=2" in link)
    assert len(card_codes(read(phone.get(second)))) == 3


def test_stations_without_a_tier_are_counted_beside_the_three(phone: Client) -> None:
    make_station(tier=None)
    make_station(tier=2)
    assert sums(read(phone.get("/districts/420106/"))) == [[2, 0, 1, 0, 1]]


def test_all_districts_stand_in_the_list_with_those_open_now(phone: Client) -> None:
    make_district(code="420104", name="硚口区", letters="QK")
    make_station()
    make_station(hours=False)
    html = read(phone.get("/districts/"))
    assert sums(html) == [[2, 0, 0, 2]]
    assert re.search(r'state-open"><svg.*?</svg>[^<]*1[^<]*</span>', html)
    listed, empty = html.split('id="empty-title"')
    assert "硚口区" not in text(listed)
    assert "硚口区" in text(empty)
    assert "/districts/420104/" in links(empty)


def test_a_subdistrict_has_a_page_of_its_own(phone: Client) -> None:
    make_station()
    elsewhere = make_station(division=make_subdistrict(code="420106001", name="积玉桥街道"))
    assert "/districts/420106003/" in links(read(phone.get("/districts/420106/")))
    html = read(phone.get("/districts/420106003/"))
    assert sums(html) == [[1, 0, 0, 1]]
    assert elsewhere.code not in card_codes(html)
    assert "/districts/420106/" in links(html)


def test_the_city_is_the_list_and_an_unknown_code_a_page_that_helps(phone: Client) -> None:
    make_district()
    assert phone.get("/districts/4201/").headers["Location"] == "/districts/"
    for code in ("420199", "nowhere", "42010", "420106999"):
        assert "/districts/" in links(read(phone.get(f"/districts/{code}/"), status=404))


def test_a_district_costs_the_same_queries_at_any_size(
    phone: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        make_station(division=make_subdistrict(code=f"4201060{number:02}", name=f"第{number}街道"))
    read(phone.get("/districts/420106/"))  # names are kept for a minute
    with django_assert_max_num_queries(6):
        read(phone.get("/districts/420106/"))
    with django_assert_max_num_queries(3):
        read(phone.get("/districts/"))


def test_the_part_of_the_map_that_was_chosen_holds_for_the_list_too(phone: Client) -> None:
    inside, outside = make_station(), make_station(latitude=30.7)
    html = read(phone.get("/districts/420106/"))
    assert set(card_codes(html)) == {inside.code, outside.code}
    box = "bbox=114.30000,30.50000,114.40000,30.60000"
    html = read(phone.get(f"/districts/420106/?{box}"))
    assert card_codes(html) == [inside.code]
    assert sums(html) == [[2, 0, 0, 2]]
    response = phone.get(f"/districts/?{box}")
    assert card_codes(read(phone.get(response.headers["Location"]))) == [inside.code]


def test_what_narrows_the_list_of_a_district_is_named_and_taken_back_there(phone: Client) -> None:
    station = make_station(amenities=["toilet"])
    query = "bbox=114.30000,30.70000,114.40000,30.80000&amenity=toilet"
    html = read(phone.get(f"/districts/420106/?{query}"))
    assert card_codes(html) == []
    (without_box,) = [
        link
        for link in links(html)
        if link.startswith("/districts/420106/?") and "bbox" not in link and "next=" not in link
    ]
    html = read(phone.get(without_box))
    assert card_codes(html) == [station.code]
    assert "toilet" in text(html[html.index('class="chosen"') : html.index('class="cards"')])
    assert "/districts/420106/" in links(html[html.index('class="chosen"') :])


def test_the_zone_of_a_shared_link_holds_inside_a_district_too(phone: Client) -> None:
    zone = Zone.objects.create(code="donghu", name="东湖高新区", short_name="东湖高新")
    inside, _outside = make_station(zone=zone), make_station()
    assert card_codes(read(phone.get("/districts/420106/?zone=donghu"))) == [inside.code]
    assert read(phone.get("/districts/420106/?zone=nowhere"), status=400)


def test_those_whose_hours_nobody_knows_are_named_beside_those_open_now(phone: Client) -> None:
    make_station()
    make_station(hours=False)
    assert "另有 1 个时间未登记" in text(read(phone.get("/districts/420106/")))
