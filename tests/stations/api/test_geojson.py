"""application/geo+json for stations, as RFC 7946 requires it."""

from typing import Any

import pytest
from django.test import Client

from core import clock
from stations import publishing
from stations.api.answers import FIELDS
from tests.builders import make_station

pytestmark = pytest.mark.django_db
LIST = "/api/v1/stations/"
GEO = {"accept": "application/geo+json"}


def get(client: Client, address: str, **headers: str) -> Any:
    response = client.get(address, headers=headers)
    assert response.status_code == 200, response.content
    return response


def test_a_list_is_a_collection_of_features_with_longitude_first(client: Client) -> None:
    placed = make_station(at=clock.now(), latitude=30.5801234, longitude=114.3402)
    bare = make_station(at=clock.now(), latitude=None, longitude=None)
    response = get(client, f"{LIST}?limit=1", **GEO)
    assert response.headers["Content-Type"] == "application/geo+json"
    answer = response.json()
    assert (answer["type"], answer["is_cut_off"]) == ("FeatureCollection", False)
    (first,) = answer["features"]
    row = get(client, f"{LIST}?limit=1").json()["results"][0]
    del row["position"]
    assert first == {
        "type": "Feature",
        "id": placed.code,
        "geometry": {"type": "Point", "coordinates": [114.3402, 30.580123]},
        "properties": row,
    }
    (second,) = client.get(answer["next"], headers=GEO).json()["features"]
    assert (second["id"], second["geometry"]) == (bare.code, None)
    # The cursor leads on in either format.
    assert client.get(answer["next"]).json()["results"][0]["code"] == bare.code


def test_the_address_can_ask_for_it_and_goes_before_the_header(client: Client) -> None:
    station = make_station(at=clock.now())
    for address in (LIST, f"{LIST}{station.code}/"):
        assert get(client, f"{address}?format=geojson").headers["Content-Type"] == "application/geo+json"
        assert get(client, f"{address}?format=json", **GEO).headers["Content-Type"] == "application/json"
        assert "properties" in str(get(client, f"{address}?format=geojson", accept="text/html").json())
        for wrong in ("xml", "", "geojson&format=json"):
            refused = client.get(f"{address}?format={wrong}")
            assert (refused.status_code, refused.json()["parameter"]) == (400, "format")


def test_one_station_is_a_feature_with_all_that_the_detail_says(client: Client) -> None:
    station = make_station(at=clock.now())
    feature = get(client, f"{LIST}{station.code}/", **GEO).json()
    plain = get(client, f"{LIST}{station.code}/").json()
    at, position = plain.pop("at"), plain.pop("position")
    assert feature == {
        "type": "Feature",
        "id": station.code,
        "geometry": {"type": "Point", "coordinates": [position["longitude"], position["latitude"]]},
        "properties": plain,
        "at": feature["at"],
    }
    assert at


def test_fields_cut_the_properties_and_leave_the_geometry(client: Client) -> None:
    make_station(at=clock.now())
    (feature,) = get(client, f"{LIST}?fields=name,position&format=geojson").json()["features"]
    assert list(feature["properties"]) == ["name"]
    assert feature["geometry"]["coordinates"]
    (whole,) = get(client, f"{LIST}?format=geojson").json()["features"]
    assert set(whole["properties"]) == set(FIELDS) - {"position"}


@pytest.mark.parametrize("crs", ["gcj02", "bd09"])
def test_another_datum_is_refused_with_the_way_out(client: Client, crs: str) -> None:
    station = make_station(at=clock.now())
    for address in (LIST, f"{LIST}{station.code}/"):
        refused = client.get(f"{address}?crs={crs}", headers=GEO | {"accept-language": "en"})
        assert (refused.status_code, refused.json()["parameter"], refused.json()["value"]) == (400, "crs", crs)
        assert "WGS-84" in refused.json()["detail"]
        assert client.get(f"{address}?crs=wgs84", headers=GEO).status_code == 200
        assert client.get(f"{address}?crs={crs}").status_code == 200


def test_near_may_be_given_in_another_datum(client: Client) -> None:
    make_station(at=clock.now(), latitude=30.58, longitude=114.34)
    (feature,) = get(client, f"{LIST}?near=30.58,114.34&near_crs=gcj02&format=geojson").json()["features"]
    assert feature["geometry"]["coordinates"] == [114.34, 30.58]
    assert feature["properties"]["distance_m"] > 400


def test_what_is_gone_is_a_feature_without_place(client: Client) -> None:
    station = make_station()
    publishing.suspend(station=station, reason="装修", actor="tests", at=clock.now())
    (feature,) = get(client, f"{LIST}?updated_since=2000-01-01T00:00:00Z&format=geojson").json()["features"]
    assert (feature["id"], feature["geometry"]) == (station.code, None)
    assert feature["properties"]["is_gone"] is True
    assert set(feature["properties"]) == {"code", "status", "is_gone", "updated_at"}
