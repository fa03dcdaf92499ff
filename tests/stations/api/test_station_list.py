"""GET /api/v1/stations/"""

from datetime import UTC, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from core import clock
from stations import publishing
from stations.api import answers, questions
from stations.models import Zone
from tests.builders import make_amenity, make_district, make_station, make_subdistrict

pytestmark = pytest.mark.django_db
LIST = "/api/v1/stations/"
NEAR = "30.58,114.34"


def get(client: Client, /, language: str = "en", **query: Any) -> Any:
    response = client.get(f"{LIST}?{urlencode(query, doseq=True)}", headers={"accept-language": language})
    assert response.status_code == 200, response.content
    return response.json()


def found(client: Client, **query: Any) -> list[str]:
    return [row["code"] for row in get(client, **query)["results"]]


def test_a_row_says_all_that_a_courier_needs(client: Client) -> None:
    now = clock.now()
    zone = Zone.objects.create(code="east-lake", name="武汉东湖新技术开发区", short_name="东湖高新区")
    station = make_station(
        at=now, tier=1, zone=zone, amenities=["hot-water"], aliases=["爱心驿站"], floor="1楼", directions="东门旁",
        phone="027-8888", confirmed_at=now, hours={"opens": "00:00", "closes": "00:00", "entry_mode": "scan"},
    )  # fmt: skip
    answer = get(client, near="30.58,114.3402", language="zh-hans")
    assert answer["next"] is None
    assert answer["is_cut_off"] is False
    assert answer["results"] == [
        {
            "code": station.code,
            "name": station.name,
            "aliases": ["爱心驿站"],
            "tier": 1,
            "status": "published",
            "division": {"code": "420106003", "name": "徐家棚街道"},
            "district": {"code": "420106", "name": "武昌区"},
            "zone": {"code": "east-lake", "name": "武汉东湖新技术开发区"},
            "address": "和平大道1号",
            "floor": "1楼",
            "directions": "东门旁",
            "position": {"latitude": 30.5801, "longitude": 114.3402, "crs": "wgs84"},
            "distance_m": 11,
            "amenities": ["hot-water"],
            "open": {
                "state": "open",
                "closes_at": None,
                "opens_at": None,
                "entry_mode": "scan",
                "is_round_the_clock": True,
            },
            "hours": answer["results"][0]["hours"] | {"as_given": ""},
            "phone": "027-8888",
            "confirmed_at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "doubted_at": None,
            "is_made_up": False,
            "updated_at": answer["results"][0]["updated_at"],
            "url": f"http://testserver/stations/{station.code}/",
        }
    ]
    assert "24" in answer["results"][0]["hours"]["text"]
    assert answer["results"][0]["hours"]["osm"]


@pytest.mark.parametrize("crs", ["wgs84", "gcj02", "bd09"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_what_is_written_once_of_a_station_says_what_is_written_anew(client: Client, language: str, crs: str) -> None:
    now = clock.now()
    make_station(name='引号"和\\反斜杠', at=now, amenities=["hot-water"], hours={"opens": "00:00", "closes": "00:00"})
    make_station(at=now, latitude=None, longitude=None, hours=False)
    make_station(at=now, doubted_at=now, latitude=30.59)
    every = ",".join(answers.FIELDS)
    for query in ({}, {"near": NEAR}, {"near": "30.6,114.3"}, {"open": "now"}, {"near": NEAR, "near_crs": "bd09"}):
        for host in ("testserver", "localhost"):
            client.defaults["HTTP_HOST"] = host
            quick, slow = (
                get(client, language=language, crs=crs, **query, **more)["results"] for more in ({}, {"fields": every})
            )
            assert quick == slow
            assert quick
            assert all(row["url"].startswith(f"http://{host}/stations/") for row in quick)


def test_every_field_can_be_asked_for_alone(client: Client) -> None:
    make_station(at=clock.now())
    whole = get(client)["results"][0]
    assert tuple(whole) == answers.FIELDS
    for name in answers.FIELDS:
        assert get(client, fields=name)["results"] == [{name: whole[name]}]
    assert list(get(client, fields="name,code")["results"][0]) == ["name", "code"]


def test_the_filters_are_those_of_the_finder(client: Client) -> None:
    now = clock.now()
    make_amenity("toilet")
    all_day = {"opens": "00:00", "closes": "00:00"}
    district = make_district(code="420104", name="硚口区", letters="QK")
    first = make_station(at=now, tier=1, amenities=["hot-water", "toilet"], hours=all_day, name="邮政蜂巢")
    second = make_station(at=now, tier=2, amenities=["hot-water"], hours=False, latitude=30.60)
    third = make_station(
        at=now, tier=3, latitude=None, longitude=None, hours=all_day,
        division=make_subdistrict(code="420104002", name="韩家墩街道", district=district),
    )  # fmt: skip
    assert found(client) == [first.code, second.code, third.code]
    assert found(client, near=NEAR) == [first.code, second.code]
    assert found(client, near=NEAR, radius_m=500) == [first.code]
    assert found(client, bbox="114.33,30.59,114.35,30.61") == [second.code]
    assert found(client, district="420104") == [third.code]
    assert found(client, division="420106003") == [first.code, second.code]
    assert found(client, district="420106", division="420106003", tier=2) == [second.code]
    assert found(client, tier=[1, 3]) == found(client, tier="3,1") == [first.code, third.code]
    assert found(client, amenity=["hot-water", "toilet"]) == found(client, amenity="toilet,hot-water") == [first.code]
    assert found(client, open="now") == [first.code, third.code]
    tomorrow = clock.to_local(now + timedelta(days=1)).isoformat()
    assert found(client, open=tomorrow) == [first.code, third.code]
    assert found(client, q="邮政") == found(client, q="yz") == [first.code]


def test_a_plus_sign_that_became_a_blank_is_understood(client: Client) -> None:
    make_station(at=clock.now())
    tomorrow = clock.to_local(clock.now() + timedelta(days=1)).replace(microsecond=0)
    with_blank = client.get(f"{LIST}?open={tomorrow.isoformat()}")
    assert with_blank.status_code == 200
    assert with_blank.json()["at"] == tomorrow.astimezone(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_crs_shifts_what_is_answered_and_near_crs_what_is_asked(client: Client) -> None:
    make_station(at=clock.now(), latitude=30.58, longitude=114.34)
    plain = get(client, near=NEAR)["results"][0]
    shifted = get(client, near=NEAR, crs="gcj02")["results"][0]
    assert plain["distance_m"] == shifted["distance_m"] == 0
    assert shifted["position"]["crs"] == "gcj02"
    assert shifted["position"]["longitude"] - 114.34 == pytest.approx(0.0054, abs=0.0003)
    pair = f"{shifted['position']['latitude']},{shifted['position']['longitude']}"
    assert get(client, near=pair)["results"][0]["distance_m"] > 400
    assert get(client, near=pair, near_crs="gcj02")["results"][0]["distance_m"] == 0


@pytest.mark.parametrize("query", [{"near": NEAR}, {}, {"district": "420106"}])
def test_next_leads_through_all_pages_once(client: Client, query: dict[str, str]) -> None:
    made = {make_station(at=clock.now(), latitude=30.58 + step / 1_000).code for step in range(7)}
    address, seen = f"{LIST}?{urlencode(query | {'limit': '3', 'crs': 'gcj02'})}", []
    for _page in range(3):
        answer = client.get(address).json()
        seen += [row["code"] for row in answer["results"]]
        address = answer["next"]
    assert address is None
    assert len(seen) == 7
    assert set(seen) == made


def test_near_pages_end_at_a_depth_and_say_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "DEPTH", 4)
    for step in range(7):
        make_station(at=clock.now(), latitude=30.58 + step / 1_000)
    first = get(client, near=NEAR, limit=2)
    second = client.get(first["next"]).json()
    assert (second["next"], second["is_cut_off"]) == (None, True)
    assert get(client, limit=2)["next"]


def test_a_cursor_keeps_to_its_question(client: Client) -> None:
    for step in range(4):
        make_station(at=clock.now(), latitude=30.58 + step / 1_000)
    cursor = get(client, near=NEAR, tier=3, limit=2)["next"].rpartition("cursor=")[2]
    assert get(client, tier=3, near=NEAR, limit=1, fields="code", cursor=cursor)["results"]
    for changed in ({"near": NEAR}, {"near": "30.58,114.35", "tier": 3}, {"tier": 3}):
        response = client.get(f"{LIST}?{urlencode(changed | {'cursor': cursor})}")
        assert response.status_code == 400
        assert response.json()["code"] == "invalid_cursor"


def test_answers_may_be_kept_a_moment_and_read_from_any_site(client: Client) -> None:
    response = client.get(LIST)
    assert response.headers["Cache-Control"] == "public, max-age=15"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Content-Type"] == "application/json"
    assert "Cookie" not in response.headers.get("Vary", "")
    refused = client.get(f"{LIST}?limit=0")
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_head_and_options_are_answered_and_writing_is_refused(client: Client) -> None:
    head = client.head(LIST)
    assert (head.status_code, head.content) == (200, b"")
    options = client.options(LIST)
    assert options.status_code == 204
    assert options.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    for method in ("post", "put", "patch", "delete"):
        response = getattr(client, method)(LIST)
        assert response.status_code == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["code"] == "method_not_allowed"


def test_a_browser_that_would_rather_have_html_gets_json(client: Client) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    assert client.get(LIST, headers={"accept": accept}).headers["Content-Type"] == "application/json"


def test_addresses_follow_the_public_one_where_it_is_set(client: Client, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://fengchao.example.cn/"
    station = make_station(at=clock.now())
    make_station(at=clock.now())
    answer = get(client, limit=1)
    assert answer["results"][0]["url"] == f"https://fengchao.example.cn/stations/{station.code}/"
    assert answer["next"].startswith("https://fengchao.example.cn/api/v1/stations/?")


def test_open_reaches_to_the_horizon_and_not_past_it(client: Client) -> None:
    horizon = publishing.horizon(clock.now())
    assert found(client, open=(horizon - timedelta(minutes=1)).isoformat()) == []
    response = client.get(f"{LIST}?{urlencode({'open': horizon.isoformat()})}", headers={"accept-language": "en"})
    assert response.status_code == 400
    assert clock.to_local(horizon).isoformat() in response.json()["detail"]


def test_a_refused_moment_is_shown_as_it_was_sent(client: Client) -> None:
    sent = "2020-01-01T08:00:00+08:00"
    assert client.get(f"{LIST}?{urlencode({'open': sent})}").json()["value"] == sent


def test_a_swapped_position_is_recognised(client: Client) -> None:
    refused = client.get(f"{LIST}?near=114.3,30.5")
    assert refused.status_code == 400
    assert "30.5,114.3" in refused.json()["detail"]
    assert client.get(f"{LIST}?near=30.5,114.3").status_code == 200
