"""GET /api/v1/stations/?updated_since=…: what a mirror must write, and what it must drop."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from core import clock
from stations import publishing, registering
from stations.models import Station
from stations.publishing import StatusChange
from tests.builders import make_amenity, make_district, make_station, make_subdistrict
from tests.stations.importing.files import csv_file
from tests.stations.importing.lists import take

pytestmark = pytest.mark.django_db
LIST = "/api/v1/stations/"
LONG_AGO = "2000-01-01T00:00:00Z"


def get(client: Client, **query: Any) -> Any:
    response = client.get(f"{LIST}?{urlencode({'updated_since': LONG_AGO} | query, doseq=True)}")
    assert response.status_code == 200, response.content
    return response.json()


def heard(client: Client, **query: Any) -> list[tuple[str, bool]]:
    """(code, whether it is gone) in the order of the answer."""
    return [(row["code"], "is_gone" in row) for row in get(client, **query)["results"]]


def changed(station: Station, **facts: Any) -> None:
    registering.amend(station=station, facts=facts, actor="tests", at=clock.now())  # type: ignore[arg-type]


def suspend(station: Station) -> Station:
    return publishing.suspend(station=station, reason="装修", actor="tests", at=clock.now())


def test_changes_come_in_their_order_and_as_the_list_shows_them(client: Client) -> None:
    first, second, third = (make_station(at=clock.now()) for _each in range(3))
    for station in (third, first, second):
        changed(station, phone="027-1")
    answer = get(client)
    assert [row["code"] for row in answer["results"]] == [third.code, first.code, second.code]
    assert (answer["next"], answer["is_cut_off"]) == (None, False)
    plain = {row["code"]: row for row in client.get(LIST).json()["results"]}
    assert answer["results"] == [plain[row["code"]] for row in answer["results"]]


def test_asking_on_from_at_brings_what_changed_since_and_nothing_older(client: Client) -> None:
    old, new = make_station(updated_at=clock.now() - timedelta(days=1)), make_station()
    at = get(client)["at"]
    changed(new, phone="027-1")
    assert heard(client, updated_since=at) == [(new.code, False)]
    assert {code for code, _gone in heard(client)} == {old.code, new.code}


def test_what_is_no_longer_shown_is_told_as_gone_and_no_fact_of_it(client: Client) -> None:
    suspended, closed, taken_back, stays = (make_station(phone="027-secret") for _each in range(4))
    suspend(suspended)
    publishing.close(station=closed, reason="拆迁", actor="tests", at=clock.now())
    before, after = ("draft", ""), ("published", "")
    Station.objects.filter(pk=taken_back.pk).update(status="draft")
    publishing.publish(station=taken_back, actor="tests", at=clock.now())
    publishing.put_back(
        changes=[StatusChange(taken_back.pk, before=before, after=after)], actor="tests", at=clock.now()
    )
    changed(stays, phone="027-2")
    rows = {row["code"]: row for row in get(client)["results"]}
    assert {code: row["status"] for code, row in rows.items() if "is_gone" in row} == {
        suspended.code: "suspended",
        closed.code: "closed",
        taken_back.code: "draft",
    }
    for station in (suspended, closed, taken_back):
        assert set(rows[station.code]) == {"code", "status", "is_gone", "updated_at"}
        assert rows[station.code]["is_gone"] is True
    assert "is_gone" not in rows[stays.code]
    # With `fields` too, since without its code nothing can be dropped.
    assert {"code": suspended.code, "status": "suspended"}.items() <= get(client, fields="name")["results"][0].items()


def test_a_station_that_comes_back_is_there_again(client: Client) -> None:
    station = make_station()
    suspend(station)
    at = get(client)["at"]
    publishing.publish(station=station, actor="tests", at=clock.now())
    assert heard(client, updated_since=at) == [(station.code, False)]


@pytest.mark.usefixtures("town")
def test_a_draft_that_never_was_published_does_not_leak(client: Client) -> None:
    draft = make_station(status="draft", name="金丝雀")
    changed(draft, phone="027-1")
    assert heard(client) == heard(client, district="420106") == heard(client, tier=2) == []
    # One that an import published and another took back was known.
    head = ["编号", "名称", "区", "地址", "状态"]
    take(
        csv_file(
            [
                head,
                ["WH-WC-0801", "甲站", "武昌", "和平大道1号", "启用"],
                ["WH-WC-0802", "乙站", "武昌", "和平大道2号", "草稿"],
            ]
        )
    )
    assert heard(client) == [("WH-WC-0801", False)]
    take(
        csv_file(
            [
                head,
                ["WH-WC-0801", "甲站", "武昌", "和平大道1号", "草稿"],
                ["WH-WC-0802", "乙站二", "武昌", "和平大道2号", "草稿"],
            ]
        )
    )
    assert heard(client) == [("WH-WC-0801", True)]


def test_what_moved_out_of_the_conditions_is_gone_and_what_never_fitted_is_not_told(client: Client) -> None:
    make_amenity("toilet")
    there = make_subdistrict(
        code="420104002", name="韩家墩街道", district=make_district(code="420104", name="硚口区", letters="QK")
    )
    moved, poorer, elsewhere = (
        make_station(amenities=["toilet"], tier=2),
        make_station(amenities=["toilet"], tier=2),
        make_station(division=there, tier=2),
    )
    changed(moved, division=there)
    changed(poorer, amenities=[], tier=3)
    changed(elsewhere, phone="027-1")
    suspend(elsewhere)
    assert heard(client, district="420106") == [(moved.code, True), (poorer.code, False)]
    assert heard(client, district="420104") == [(moved.code, False), (elsewhere.code, True)]
    assert heard(client, amenity="toilet") == [(moved.code, False), (poorer.code, True)]
    assert heard(client, tier=2) == [(moved.code, False), (poorer.code, True), (elsewhere.code, True)]
    assert get(client, district="420106")["results"][0]["status"] == "published"


def test_pages_lead_through_all_changes_and_say_one_moment(client: Client) -> None:
    stations = [make_station() for _each in range(5)]
    publishing.refresh([station.pk for station in stations], now=clock.now())  # all at one moment
    suspend(stations[1])
    address, codes, moments = f"{LIST}?updated_since={LONG_AGO}&limit=2", [], set()
    for _page in range(3):
        answer = client.get(address).json()
        codes += [row["code"] for row in answer["results"]]
        moments.add(answer["at"])
        address = answer["next"]
    assert address is None
    assert codes == [stations[each].code for each in (0, 2, 3, 4, 1)]
    assert len(moments) == 1


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ({"near": "30.58,114.34"}, "contradictory_parameters", "near"),
        ({"near": "30.58,114.34", "radius_m": "500"}, "contradictory_parameters", "near"),
        ({"bbox": "114.29,30.55,114.36,30.60"}, "contradictory_parameters", "bbox"),
        ({"open": "now"}, "contradictory_parameters", "open"),
        ({"q": "热水"}, "contradictory_parameters", "q"),
        ({"amenity": "jacuzzi"}, "unknown_code", "amenity"),
        ({"district": "420199"}, "unknown_code", "district"),
        ({"updated_since": "yesterday"}, "invalid_value", "updated_since"),
        ({"updated_since": "2026-06-10"}, "invalid_value", "updated_since"),
        ({"updated_since": "2999-01-01T00:00:00Z"}, "invalid_value", "updated_since"),
        ({"updated_since": ""}, "invalid_value", "updated_since"),
        ({"cursor": "abc"}, "invalid_cursor", "cursor"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Client, query: dict[str, str], code: str, parameter: str) -> None:
    make_station(amenities=["hot-water"])
    response = client.get(f"{LIST}?{urlencode({'updated_since': LONG_AGO} | query)}", headers={"accept-language": "en"})
    problem = response.json()
    assert (response.status_code, problem["code"], problem["parameter"]) == (400, code, parameter)
    assert heard(client)


def test_a_cursor_of_changes_fits_no_other_question(client: Client) -> None:
    for _each in range(3):
        make_station()
    cursor = get(client, limit=1)["next"].rpartition("cursor=")[2]
    plain = client.get(f"{LIST}?limit=1").json()["next"].rpartition("cursor=")[2]
    assert get(client, limit=1, fields="code", cursor=cursor)["results"]
    for query in (
        {"cursor": cursor},
        {"updated_since": "2001-01-01T00:00:00Z", "cursor": cursor},
        {"updated_since": LONG_AGO, "tier": 3, "cursor": cursor},
        {"updated_since": LONG_AGO, "cursor": plain},
    ):
        response = client.get(f"{LIST}?{urlencode(query)}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), query
