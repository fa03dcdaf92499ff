"""What a partner's program reports about a station: who may, where, and what it changes."""

from datetime import time, timedelta
from typing import Any

import pytest

from core import clock
from core.models import AuditEvent, IdempotentRequest
from stations.models import Confirmation, Station, StationUse
from tests.builders import make_client, make_district, make_key, make_station, make_subdistrict
from tests.stations.api.partner import DOOR, Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Station:
    return make_station(at=clock.now(), hours={"opens": time(0), "closes": time(0)})  # whenever the tests run


@pytest.fixture
def partner() -> Partner:
    return Partner(make_key(make_client()))


def doors(station: Station) -> tuple[tuple[str, dict[str, Any]], ...]:
    return (
        (f"stations/{station.code}/confirmations/", {"outcome": "entered"}),
        (f"stations/{station.code}/uses/", {}),
    )


def test_a_tap_at_the_door_proves_that_the_station_is_open(station: Station, partner: Partner) -> None:
    response = partner.post(f"stations/{station.code}/confirmations/", {"outcome": "entered", "position": DOOR})
    assert response.status_code == 201, response.content
    said = response.json()
    assert (said["station"], said["outcome"], said["at_door"]) == (station.code, "entered", True)
    station.refresh_from_db()
    assert station.confirmed_at is not None
    assert response.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "position",
    [
        None,
        DOOR | {"latitude": 30.59},
        DOOR | {"accuracy_m": 5_000},
        DOOR | {"crs": "gcj02"},  # the same numbers in another datum are another street
    ],
)
def test_a_tap_from_afar_is_kept_and_proves_nothing(station: Station, partner: Partner, position: Any) -> None:
    response = partner.post(f"stations/{station.code}/confirmations/", {"outcome": "entered", "position": position})
    assert (response.status_code, response.json()["at_door"]) == (201, False)
    station.refresh_from_db()
    assert station.confirmed_at is None
    assert Confirmation.objects.get().channel == "remote"


def test_a_partner_without_devices_is_one_witness_and_its_devices_are_told_apart(
    station: Station, partner: Partner
) -> None:
    def locked(**members: Any) -> Any:
        body = {"outcome": "locked", "position": DOOR, **members}
        return partner.post(f"stations/{station.code}/confirmations/", body).json()["station_doubted_at"]

    assert locked() is None
    assert locked() is None
    assert locked(device="phone of courier 7") is not None
    assert AuditEvent.objects.get(kind="station.doubted").actor_name == "partner little-bees"
    assert "courier 7" not in "".join(Confirmation.objects.values_list("witness", flat=True))


def test_two_programs_that_name_the_same_device_are_two(station: Station, partner: Partner) -> None:
    other = Partner(make_key(make_client(code="others")))
    for program in (partner, other):
        program.post(
            f"stations/{station.code}/confirmations/", {"outcome": "locked", "position": DOOR, "device": "same"}
        )
    assert Confirmation.objects.values("witness").distinct().count() == 2


def test_what_was_seen_without_signal_arrives_later_and_moves_nothing_back(station: Station, partner: Partner) -> None:
    now, address = clock.now(), f"stations/{station.code}/confirmations/"
    partner.post(address, {"outcome": "entered", "position": DOOR, "device": "a"})
    station.refresh_from_db()
    proved = station.confirmed_at
    late = partner.post(
        address,
        {
            "outcome": "entered",
            "position": DOOR,
            "device": "b",
            "made_at": (now - timedelta(hours=3)).isoformat(),
        },
    )
    assert late.status_code == 201
    station.refresh_from_db()
    assert station.confirmed_at == proved
    # Locks seen before somebody got in say nothing any more.
    for device in ("c", "d"):
        early = {"made_at": (now - timedelta(hours=1)).isoformat(), "device": device}
        partner.post(address, {"outcome": "locked", "position": DOOR, **early})
    station.refresh_from_db()
    assert station.doubted_at is None


def test_getting_in_before_the_doubt_arose_does_not_clear_it(station: Station, partner: Partner) -> None:
    now, address = clock.now(), f"stations/{station.code}/confirmations/"
    for device in ("a", "b"):
        partner.post(address, {"outcome": "locked", "position": DOOR, "device": device})
    before = {"outcome": "entered", "position": DOOR, "device": "c"}
    partner.post(address, before | {"made_at": (now - timedelta(hours=2)).isoformat()})
    station.refresh_from_db()
    assert station.doubted_at is not None
    partner.post(address, before | {"device": "d"})
    station.refresh_from_db()
    assert station.doubted_at is None


def test_uses_are_counted_on_the_day_they_were_made(station: Station, partner: Partner) -> None:
    address = f"stations/{station.code}/uses/"
    assert partner.post(address, {}).json()["uses"] == 1
    second = partner.post(address, {"satisfied": True, "made_at": clock.now().isoformat()}).json()
    assert (second["uses"], second["date"]) == (2, clock.local_date(clock.now()).isoformat())
    counted = StationUse.objects.get()
    assert (counted.uses, counted.satisfied, counted.dissatisfied) == (2, 1, 0)


def test_foreign_missing_and_draft_are_answered_alike_and_nothing_is_written(
    station: Station, partner: Partner
) -> None:
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    foreign = make_station(
        at=clock.now(), division=make_subdistrict(code="420104002", name="韩家墩街道", district=hankou)
    )
    draft = make_station(at=clock.now(), status="draft")
    for door in ("confirmations", "uses"):
        body = {"outcome": "locked", "position": DOOR} if door == "confirmations" else {}
        answers = [partner.post(f"stations/{code}/{door}/", body) for code in (foreign.code, "WH-NO-0001", draft.code)]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert partner.post(f"stations/{station.code}/{door}/", body).status_code == 201
    assert set(Confirmation.objects.values_list("station_id", flat=True)) == {station.pk}
    assert set(StationUse.objects.values_list("station_id", flat=True)) == {station.pk}


def test_a_division_reaches_what_lies_inside_it(station: Station) -> None:
    city = Partner(make_key(make_client(code="city-wide", divisions=["4201"])))
    neighbour = Partner(make_key(make_client(code="next-door", divisions=["420106003"])))
    for partner in (city, neighbour):
        for door, body in doors(station):
            assert partner.post(door, body).status_code == 201


def test_a_sandbox_writes_only_at_made_up_stations(station: Station) -> None:
    made_up = make_station(at=clock.now(), name="[演示] 蜂巢", is_made_up=True)
    sandbox = Partner(make_key(make_client(code="trial", kind="sandbox")))
    for door, body in doors(station):
        assert sandbox.post(door, body).status_code == 404
    for door, body in doors(made_up):
        assert sandbox.post(door, body).status_code == 201
    assert not station.confirmations.exists()


@pytest.mark.parametrize(
    ("scopes", "confirmation", "use"),
    [
        (["confirmations:write", "uses:write"], 201, 201),
        (["confirmations:write"], 201, 403),
        (["uses:write"], 403, 201),
        ([], 403, 403),
    ],
)
def test_each_door_needs_its_own_scope(station: Station, scopes: list[str], confirmation: int, use: int) -> None:
    partner = Partner(make_key(make_client(scopes=scopes)))
    answers = [partner.post(door, body) for door, body in doors(station)]
    assert [answer.status_code for answer in answers] == [confirmation, use]
    for answer in answers:
        if answer.status_code == 403:
            assert answer.json()["code"] == "scope_missing"
            assert answer.json()["scope"] not in scopes
    kept = IdempotentRequest.objects.count()
    assert kept == [confirmation, use].count(201)


@pytest.mark.parametrize(
    ("body", "code", "parameter"),
    [
        ({}, "missing_member", "outcome"),
        ({"outcome": None}, "missing_member", "outcome"),
        ({"outcome": "open"}, "invalid_value", "outcome"),
        ({"outcome": ["entered"]}, "invalid_value", "outcome"),
        ({"outcome": {"a": 1}}, "invalid_value", "outcome"),
        ({"outcom": "entered"}, "unknown_member", "outcom"),
        ({"outcome": "entered", "position": [30, 114]}, "invalid_value", "position"),
        (
            {"outcome": "entered", "position": {"latitude": 30.58, "longitude": 114.34}},
            "missing_member",
            "position.crs",
        ),
        ({"outcome": "entered", "position": DOOR | {"latitude": "30"}}, "invalid_value", "position.latitude"),
        ({"outcome": "entered", "position": DOOR | {"latitude": 91}}, "invalid_value", "position.latitude"),
        ({"outcome": "entered", "position": DOOR | {"longitude": True}}, "invalid_value", "position.longitude"),
        ({"outcome": "entered", "position": DOOR | {"crs": "wgs72"}}, "invalid_value", "position.crs"),
        ({"outcome": "entered", "position": DOOR | {"accuracy_m": -1}}, "invalid_value", "position.accuracy_m"),
        ({"outcome": "entered", "position": DOOR | {"lat": 1}}, "unknown_member", "position.lat"),
        ({"outcome": "entered", "device": "x" * 65}, "invalid_value", "device"),
        ({"outcome": "entered", "device": " "}, "invalid_value", "device"),
        ({"outcome": "entered", "device": 7}, "invalid_value", "device"),
        ({"outcome": "entered", "made_at": "yesterday"}, "invalid_value", "made_at"),
        ({"outcome": "entered", "made_at": "2026-06-10T12:00:00"}, "invalid_value", "made_at"),
        ({"outcome": "entered", "made_at": "2020-01-01T00:00:00Z"}, "invalid_value", "made_at"),
        ({"outcome": "entered", "made_at": "2999-01-01T00:00:00Z"}, "invalid_value", "made_at"),
        ({"outcome": "entered", "made_at": "0001-01-01T00:00:00+14:00"}, "invalid_value", "made_at"),
        ({"outcome": "entered", "made_at": 1760000000}, "invalid_value", "made_at"),
    ],
)
def test_a_wrong_member_is_named_and_nothing_is_kept(
    station: Station, partner: Partner, body: Any, code: str, parameter: str
) -> None:
    address = f"stations/{station.code}/confirmations/"
    response = partner.post(address, body, once="the-same")
    problem = response.json()
    assert (response.status_code, problem["code"], problem["parameter"]) == (400, code, parameter), problem
    assert len(problem["detail"]) > 5
    assert not Confirmation.objects.exists()
    # Mended, it goes through under the same key.
    assert partner.post(address, {"outcome": "entered"}, once="the-same").status_code == 201


def test_the_member_that_was_meant_is_suggested(station: Station, partner: Partner) -> None:
    problem = partner.post(f"stations/{station.code}/uses/", {"satisfyed": True}).json()
    assert (problem["code"], problem["did_you_mean"]) == ("unknown_member", "satisfied")
