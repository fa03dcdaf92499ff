"""GET /api/v1/divisions/ and /zones/: where the codes of a form come from."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from core import clock
from stations.api import contract
from stations.models import Division, Zone
from tests.builders import make_district, make_station, make_subdistrict

pytestmark = pytest.mark.django_db
DIVISIONS = "/api/v1/divisions/"


@pytest.fixture(autouse=True)
def _tree() -> None:
    street = make_subdistrict()
    Division.objects.create(
        code="420106003005", level="neighbourhood", parent=street, name="水岸社区", name_en="Shui'an"
    )
    make_subdistrict(code="420106010", name="中南路街道")
    make_district(code="420104", name="硚口区", letters="QK")


def get(client: Client, address: str = DIVISIONS, **query: Any) -> Any:
    response = client.get(f"{address}?{urlencode(query)}", headers={"accept-language": "zh-CN"})
    assert response.status_code == 200, response.content
    return response.json()


def codes(client: Client, **query: Any) -> list[str]:
    return [row["code"] for row in get(client, **query)["results"]]


def test_the_tree_comes_parents_first(client: Client) -> None:
    rows = get(client)["results"]
    assert [row["code"] for row in rows] == ["4201", "420104", "420106", "420106003", "420106003005", "420106010"]
    assert rows[0] == {"code": "4201", "level": "city", "name": "武汉市", "parent": None}
    assert rows[4] == {"code": "420106003005", "level": "neighbourhood", "name": "水岸社区", "parent": "420106003"}
    seen: set[str | None] = {None}
    for row in rows:
        assert row["parent"] in seen
        seen.add(row["code"])
    english = client.get(DIVISIONS, headers={"accept-language": "en"}).json()["results"]
    assert (english[0]["name"], english[4]["name"]) == ("Wuhan", "Shui'an")


def test_a_form_asks_for_one_level_inside_one_node(client: Client) -> None:
    assert codes(client, level="district") == ["420104", "420106"]
    assert codes(client, inside="420106", level="subdistrict") == ["420106003", "420106010"]
    assert codes(client, inside="420106003") == ["420106003005"]
    assert codes(client, inside="420104") == []  # known, with nothing in it


def test_pages_lead_through_the_tree_once(client: Client) -> None:
    address: Any = f"{DIVISIONS}?limit=2&inside=4201"
    seen: list[str] = []
    for _page in range(3):
        answer = client.get(address).json()
        seen += [row["code"] for row in answer["results"]]
        address = answer["next"]
    assert (address, seen) == (None, codes(client)[1:])


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("inside=420199", "unknown_code", "inside"),
        ("inside=42010", "unknown_code", "inside"),
        ("inside=%25", "unknown_code", "inside"),
        ("inside=4201060030051", "invalid_value", "inside"),
        ("level=street", "invalid_value", "level"),
        ("level=", "invalid_value", "level"),
        ("limit=0", "invalid_value", "limit"),
        ("limit=501", "invalid_value", "limit"),
        ("cursor=abc", "invalid_cursor", "cursor"),
        ("insde=4201", "unknown_parameter", "insde"),
        ("level=city&level=district", "repeated_parameter", "level"),
    ],
)
def test_a_wrong_question_is_named(client: Client, query: str, code: str, parameter: str) -> None:
    problem = client.get(f"{DIVISIONS}?{query}").json()
    assert (problem["status"], problem["code"], problem["parameter"]) == (400, code, parameter)
    assert codes(client)


def test_a_cursor_of_the_tree_fits_no_other_question(client: Client) -> None:
    for number in range(3):
        make_station(at=clock.now(), code=f"WH-WC-000{number}")
    of_tree = get(client, limit=1)["next"].rpartition("cursor=")[2]
    of_stations = client.get("/api/v1/stations/?limit=1").json()["next"].rpartition("cursor=")[2]
    for address in (
        f"{DIVISIONS}?level=district&cursor={of_tree}",
        f"{DIVISIONS}?cursor={of_stations}",
        f"/api/v1/stations/?cursor={of_tree}",
    ):
        response = client.get(address)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor"), address
    assert client.get(f"{DIVISIONS}?limit=4&cursor={of_tree}").status_code == 200


def test_an_unknown_node_is_met_with_the_one_that_was_meant(client: Client) -> None:
    problem = client.get(f"{DIVISIONS}?inside=42016").json()
    assert problem["did_you_mean"] in {"420106", "420104", "4201"}
    assert DIVISIONS in problem["detail"]


def test_zones_are_listed_and_their_codes_find(client: Client) -> None:
    Zone.objects.create(code="east-lake", name="武汉东湖新技术开发区", short_name="东湖高新区", name_en="East Lake")
    station = make_station(at=clock.now(), zone_id="east-lake")
    assert get(client, "/api/v1/zones/") == {
        "results": [{"code": "east-lake", "name": "武汉东湖新技术开发区"}],
        "next": None,
    }
    assert [row["code"] for row in get(client, "/api/v1/stations/", zone="east-lake")["results"]] == [station.code]
    problem = client.get("/api/v1/stations/?zone=east-lak").json()
    assert (problem["did_you_mean"], "/api/v1/zones/" in problem["detail"]) == ("east-lake", True)


def test_a_district_with_all_its_neighbourhoods_fits_on_a_page() -> None:
    assert contract.MAX_DIVISIONS >= 400
