"""docs/openapi.yaml says what the code does: it is written from the views' declarations, with real answers as examples.

After an intended change, record anew: RECORD_CONTRACT=1 pytest tests/config/test_contract.py (not under xdist), and
give it a line in docs/api-changelog.md.
"""

import json
import os
import re
import secrets
import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from django.db import InterfaceError
from django.test import Client

from config import openapi
from config.developers import CONTRACT
from config.openapi import EXAMPLES, NOT_OF_AN_OPERATION, Door, doors, problem_codes
from core import clock, idempotency
from core.idempotency import PATIENCE_S, DatabaseBusy, TwinInFlight
from core.models import IdempotentRequest
from couriers import codes, consents, membership, registration
from couriers.codes import check_symbol
from couriers.models import Courier
from partners import clients, keys
from partners.models import Scope
from points import earning, funds, gifts, passes, redemption, stock
from points.models import AwardLimit, EarningRule, Gift
from stations import change_times, finding, publishing
from stations.models import AmenityWord, HoursException, Station, StationOrganisation
from tests import contract
from tests.builders import NOON, make_amenity, make_client, make_company, make_district, make_key, make_station

pytestmark = pytest.mark.django_db

VARIABLE = "RECORD_CONTRACT"
RECORDING = bool(os.environ.get(VARIABLE))
DOORS = list(doors())
CODE = "WH-WC-0004"
STATION = f"/api/v1/stations/{CODE}/"
LIST = "/api/v1/stations/"
DOOR = {"latitude": 30.58, "longitude": 114.3403, "crs": "wgs84", "accuracy_m": 25}
BEARER = "Bearer $KEY"
# Couriers and redemptions of the examples, in the order in which they are made.
CODES = [f"{body}{check_symbol(body)}" for body in (
    "7K3M9QXT2D", "2B8XW4N0RA", "H5T1ZC9K6E", "9F0PQ3V7JM", "4D2S8G6Y1R", "6W3A5E9B0X", "1C7N4T8V2Z", "0J6R3H5P9K",
)]  # fmt: skip
WITH_POINTS, WITH_AN_ORDER, ORDER = CODES[:3]
DIGITS = ("314159", "271828", "161803", "141421")
PIN = "482915"
# What an example tells of the headers.
TOLD = ("RateLimit", "RateLimit-Policy", "Retry-After", "Idempotent-Replayed", "WWW-Authenticate", "Allow")


class World:
    """One station, one program and a clock that stands still, so that answers are the same at every recording."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.stop_the_clock(NOON)
        patch.setattr(keys, "_chosen", lambda _symbols, length: ("example" * 6)[:length])
        finding.forget_names()
        for code, name in (("hot-water", "热水"), ("toilet", "厕所"), ("phone-charging", "手机充电")):
            AmenityWord.objects.get_or_create(amenity=make_amenity(code, name=name), word=f"{name}（示例）")
        for number, (code, metres) in enumerate(((CODE, 0.0), ("WH-WC-0005", 0.004), ("WH-WC-0006", 0.008))):
            station = make_station(
                id=900_001 + number, code=code, name=f"[演示] 示例蜂巢{number + 1}号", tier=number + 1, is_made_up=True,
                latitude=30.5801 + metres, amenities=["hot-water", "phone-charging"], phone="027-0000", floor="1楼",
                directions="从东门进", area_m2="18.5", seats=6, opened_on="2025-06-01",
                created_at=NOON, updated_at=NOON, confirmed_at=NOON - timedelta(minutes=12),
            )  # fmt: skip
            StationOrganisation.objects.create(station=station, role="premises", name="徐家棚街道工会")
            closed = clock.local_date(NOON) + timedelta(days=9)
            HoursException.objects.create(station=station, starts_on=closed, ends_on=closed, reason="盘点")
        self.program = make_client(
            code="example", kind="sandbox", divisions=["4201"], calls_per_minute=120, scopes=Scope.values
        )
        self.key = make_key(self.program, at=NOON)

    def stop_the_clock(self, at: datetime) -> None:
        self.patch.setattr(clock, "now", lambda: at)
        self.patch.setattr(change_times, "settled_until", lambda: at)

    def keep_books(self) -> None:
        """A gift in a cabinet, and two couriers of the program: one with points, one with an order that waits and a pass."""
        made, shown = iter(CODES), iter(DIGITS)
        self.patch.setattr(codes, "new_code", lambda: next(made))
        self.patch.setattr(secrets, "randbelow", lambda _most: int(next(shown)))
        district, other = make_district(), make_district(code="420104", name="硚口区", letters="QK")
        make_company("顺丰")
        EarningRule.objects.create(action="volunteer", points=300, most_a_day=2, valid_from=NOON.date())
        AwardLimit.objects.create(most_alone=3_000, most_a_day=20_000, valid_from=NOON.date())
        common: dict[str, Any] = {"actor": "tests", "at": NOON}
        funds.allocate(district=district, points=9_000, source="武财〔2026〕1号", op_id=uuid.UUID(int=1), **common)
        umbrella = gifts.register(code="wc-umbrella", district=district, name="雨伞", name_en="Umbrella", **common)
        gifts.set_price(gift=umbrella, points=1_500, valid_from=NOON.date(), **common)
        gifts.register(code="qk-towel", district=other, name="毛巾", **common)
        station = Station.objects.get(code=CODE)
        stock.receive(
            gift=umbrella, station=station, pieces=10, op_id=uuid.UUID(int=2), **common,
            delivery=stock.Delivery(document_no="R-1", unit_price_cny=Decimal(12), funding="union"),
        )  # fmt: skip
        for number in range(2):
            courier = registration.register(
                phone=f"1540000000{number}", name="张三丰", pin=PIN, work=registration.Work(kind="express"), district=district,
                channel="api", agreement=registration.Agreement(consents.membership_notice(), "api"),
                actor="partner example", at=NOON,
            )  # fmt: skip
            courier = registration.verify(courier=courier, **common)
            consents.give(
                courier=courier, notice=consents.notice("sharing"), channel="api", purpose="sharing", partner="example",
                **common,
            )  # fmt: skip
            earning.award_by_hand(
                courier=courier, points=(3_000, 1_500)[number], district=district, reason="春节慰问",
                op_id=uuid.UUID(int=3 + number), **common,
            )  # fmt: skip
        redemption.order(
            courier=courier, gift=umbrella, station=station, points=1_500, op_id=uuid.UUID(int=9), actor="self", at=NOON
        )
        passes.issue(courier=courier, at=NOON)

    def other_program(self, code: str, **facts: Any) -> str:
        """A key of another program, or, living no more, of this one's twin."""
        self.patch.setattr(keys, "_chosen", lambda _symbols, length: (code * 40)[:length])
        return make_key(make_client(code=code, kind="sandbox", divisions=["4201"], **facts), at=NOON)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, settings: Any) -> World:
    settings.PUBLIC_BASE_URL = "https://fengchao.example.cn"
    return World(monkeypatch)


Sent = dict[str, Any]


def get(path: str, **headers: str) -> Sent:
    return {"method": "GET", "path": path, "headers": headers}


def post(path: str, body: Any, **headers: str) -> Sent:
    """A write; `_` in a header's name is a hyphen, and a header that is None is left out."""
    given = {"Idempotency-Key": "6a1f6b0e-6f9a-4f0e-9d6d-0f6f0c8a2c11", "Content-Type": "application/json"}
    for name, value in headers.items():
        given[name.replace("_", "-")] = value
    return {"method": "POST", "path": path, "headers": {n: v for n, v in given.items() if v is not None}, "body": body}


def asked(sent: Sent, key: str) -> dict[str, Any]:
    """Send it, and tell request and answer as the page for programmers shows them. `$KEY` stands for `key`."""
    headers = {"Accept-Language": "en"} | sent["headers"]
    body = sent.get("body", b"")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = Client(raise_request_exception=False).generic(
        sent["method"],
        quote(sent["path"], safe="/?&=%,+:"),
        raw,
        content_type=headers.get("Content-Type", ""),
        headers={name: value.replace("$KEY", key) for name, value in headers.items() if name != "Content-Type"},
    )
    is_json = response.headers.get("Content-Type", "").endswith("json")
    answer = response.json() if is_json else None
    if isinstance(answer, dict) and isinstance(answer.get("results"), list):
        answer["results"] = answer["results"][:2]  # an example need not be long
    told = {"method": sent["method"], "path": sent["path"][:120], "headers": headers}
    if sent["method"] == "POST":
        told["body"] = body.decode("utf-8", "replace")[:80] if isinstance(body, bytes) else body
    return {
        "request": told,
        "response": {
            "status": response.status_code,
            "media_type": response.headers.get("Content-Type", ""),
            "headers": {
                name: response.headers[name]
                for name in TOLD
                if name in response.headers and (name != "Allow" or response.status_code == 405)
            },
            "body": answer,
        },
    }


def compare(kind: str, name: str, found: Any) -> None:
    """Compare `found` with what is recorded, or record it, with the variable set."""
    recorded = json.loads(EXAMPLES.read_text(encoding="utf-8")) if EXAMPLES.exists() else {}
    part = recorded.setdefault(kind, {})
    if RECORDING:
        if os.environ.get("PYTEST_XDIST_WORKER"):
            raise RuntimeError("Record in one process: two would overwrite each other's.")
        part[name] = found
        recorded[kind] = dict(sorted(part.items()))
        EXAMPLES.write_text(json.dumps(recorded, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return
    assert found == part.get(name), f"{name} is answered otherwise than recorded. If that is meant: {VARIABLE}=1"


# ── Declarations and readers ────────────────────────────────────────────────────────────────────────────────────────

KNOWN = re.compile(r"Known: ([\w, ]+)\.$")


def test_the_doors_are_found() -> None:
    assert {door.operation.name for door in DOORS} >= {"list_stations", "create_use", "whoami", "get_problem"}
    names = [door.operation.name for door in DOORS]
    assert len(set(names)) == len(names)


def known_at(sent: Sent, key: str, code: str) -> set[str]:
    """The names that a refusal of an unheard-of one lists as known."""
    refused = asked(sent, key)["response"]["body"]
    assert refused["code"] == code, refused
    listed = KNOWN.search(refused["detail"])
    assert listed, refused
    return set(listed[1].split(", ")) - {"none"}


def sent_to(door: Door, query: str = "", body: Any = None) -> Sent:
    path = door.path.replace("{code}", "unknown_parameter" if "problems" in door.path else CODE) + query
    headers = {"Authorization": BEARER} if door.is_keyed else {}
    return get(path, **headers) if door.method == "GET" else post(path, body, **headers)


@pytest.mark.parametrize("door", DOORS, ids=[door.operation.name for door in DOORS])
def test_an_operation_reads_the_parameters_that_it_declares_and_no_other(world: World, door: Door) -> None:
    declared = {each.name for each in door.operation.parameters if each.place == "query"}
    assert known_at(sent_to(door, "?unheard-of=1", {}), world.key, "unknown_parameter") == declared
    for name in declared:
        # Nothing reads a parameter without refusing an empty one.
        refused = asked(sent_to(door, f"?{name}=%20"), world.key)["response"]["body"]
        assert (refused.get("code"), refused.get("parameter")) == ("invalid_value", name)


def sample(schema: Any) -> Any:
    """A value of the right kind, whatever it means."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "uuid":
        return str(uuid.UUID(int=7))
    return {"string": "x" * max(1, schema.get("minLength", 1)), "boolean": True, "integer": 1}[schema["type"]]


WRITES = [door for door in DOORS if door.operation.body is not None]


@pytest.mark.parametrize("door", WRITES, ids=[door.operation.name for door in WRITES])
def test_a_write_reads_the_members_that_it_declares_and_no_other(world: World, door: Door) -> None:
    def compared(schema: Any, around: Any) -> int:
        found = known_at(sent_to(door, body=around({"unheard-of": 1})), world.key, "unknown_member")
        assert found == set(schema["properties"])
        inner = {name: each for name, each in schema["properties"].items() if each["type"] == "object"}
        return 1 + sum(
            compared(each, lambda value, name=name: around(given | {name: value})) for name, each in inner.items()
        )

    body = door.operation.body
    assert body is not None
    # What has to be there before an inner object is looked at.
    given = {name: sample(each) for name, each in body["properties"].items() if name in body.get("required", ())}
    assert compared(body, lambda value: value) == 1 + sum(
        each["type"] == "object" for each in body["properties"].values()
    )
    # A member that is there but of another kind is refused by its name, so each is read.
    for name in body["properties"]:
        refused = asked(sent_to(door, body=given | {name: ["no", "such"]}), world.key)["response"]["body"]
        assert (refused.get("code"), refused.get("parameter")) == ("invalid_value", name)


# ── Examples of operations ──────────────────────────────────────────────────────────────────────────────────────────

CONFIRMED = {"outcome": "entered", "position": DOOR, "device": "courier 7"}
COURIER = f"/api/v1/couriers/{WITH_POINTS}/"
NEW_COURIER = {
    "phone": "154 0000 0009", "kind": "express", "district": "420106", "company": "顺丰", "name": "李四", "pin": "739164",
    "notice_version": consents.membership_notice().version, "shares": True,
}  # fmt: skip
DEED = {"courier": WITH_POINTS, "district": "420106", "action": "volunteer", "matter": "2026-0077"}
BY_HAND = {"courier": WITH_POINTS, "district": "420106", "points": 200, "reason": "帮老人搬煤气罐"}
WISH = {"courier": WITH_POINTS, "gift": "wc-umbrella", "station": CODE, "points": 1_500}


def key_of(number: int) -> str:
    return f"5d0c3f6e-1b7a-4c58-9a52-{number:012}"


# The name of the award by hand, which its key decides.
GIVEN = str(idempotency.op_id("example", key_of(4)))


def wish(path: str, body: Any, number: int) -> Sent:
    """A write with a key of its own."""
    return post(path, body, Authorization=BEARER, Idempotency_Key=key_of(number))


OPERATIONS: dict[str, dict[str, Sent]] = {
    "get_index": {"index": get("/api/v1/")},
    "get_contract": {"file": get("/api/v1/openapi.yaml")},
    "list_stations": {
        "nearest": get(f"{LIST}?near=30.5801,114.3402&amenity=hot-water&open=now&limit=1"),
        "district": get(f"{LIST}?district=420106&fields=code,name,tier,open&limit=2"),
        "gcj02": get(f"{LIST}?q=示例&crs=gcj02&fields=code,position&limit=1"),
        "changes": get(f"{LIST}?updated_since=2026-06-01T00:00:00Z&fields=code,updated_at"),
        "geojson": get(f"{LIST}?format=geojson&fields=code,name&limit=1"),
    },
    "get_station": {"station": get(STATION), "geojson": get(f"{STATION}?format=geojson")},
    "list_districts": {"districts": get("/api/v1/districts/")},
    "list_divisions": {"subdistricts": get("/api/v1/divisions/?inside=420106&level=subdistrict&limit=1")},
    "list_zones": {"zones": get("/api/v1/zones/")},
    "list_amenities": {"amenities": get("/api/v1/amenities/")},
    "list_gifts": {
        "station": get(f"/api/v1/gifts/?station={CODE}"),
        "district": get("/api/v1/gifts/?district=420106&limit=1"),
    },
    "get_gift": {"umbrella": get("/api/v1/gifts/wc-umbrella/")},
    "list_notices": {"notices": get("/api/v1/notices/")},
    "create_courier": {"express": wish("/api/v1/couriers/", NEW_COURIER, 1)},
    "look_up_courier": {"phone": wish("/api/v1/couriers/look-up/", {"phone": "154 0000 0000"}, 2)},
    "get_courier": {"courier": get(f"{COURIER}", Authorization=BEARER)},
    "create_award": {
        "by a rule": wish("/api/v1/awards/", DEED, 3),
        "by hand": wish("/api/v1/awards/", BY_HAND, 4),
    },
    "create_reversal": {"reversal": wish("/api/v1/reversals/", {"posting": GIVEN, "reason": "发错人了"}, 5)},
    "create_pass": {"pass": wish("/api/v1/passes/", {"courier": WITH_POINTS, "pin": PIN}, 6)},
    "create_redemption": {
        "handed over at once": wish("/api/v1/redemptions/", WISH | {"pass": DIGITS[1]}, 7),
        "ordered": wish("/api/v1/redemptions/", WISH, 8),
    },
    "get_redemption": {"waiting": get(f"/api/v1/redemptions/{ORDER}/", Authorization=BEARER)},
    "hand_over_redemption": {"with a pass": wish(f"/api/v1/redemptions/{ORDER}/handover/", {"pass": DIGITS[0]}, 9)},
    "cancel_redemption": {
        "cancelled": wish(f"/api/v1/redemptions/{CODES[5]}/cancellation/", {"reason": "不想要了"}, 10)
    },
    "get_account": {"points": get(f"{COURIER}account/", Authorization=BEARER)},
    "list_entries": {"statement": get(f"{COURIER}entries/?limit=2", Authorization=BEARER)},
    "whoami": {"sandbox": get("/api/v1/whoami/", Authorization=BEARER)},
    "create_confirmation": {
        "entered": post(f"{STATION}confirmations/", CONFIRMED, Authorization=BEARER),
        "repeated": post(f"{STATION}confirmations/", CONFIRMED, Authorization=BEARER),
    },
    "create_use": {
        "use": post(
            f"{STATION}uses/",
            {"satisfied": True},
            Authorization=BEARER,
            Idempotency_Key="0b9a3a52-7c6b-4f55-8d53-3f0a5f6b8d10",
        )
    },
    "list_problems": {"problems": get("/api/problems/")},
    "get_problem": {"unknown parameter": get("/api/problems/unknown_parameter/")},
}


def test_every_operation_has_an_example_that_is_a_real_answer(world: World) -> None:
    assert set(OPERATIONS) == {door.operation.name for door in DOORS}
    world.keep_books()
    for name, examples in OPERATIONS.items():
        found = {title: asked(sent, world.key) for title, sent in examples.items()}
        assert {each["response"]["status"] for each in found.values()} <= {200, 201}, found
        compare("operations", name, found)
    repeated = json.loads(EXAMPLES.read_text(encoding="utf-8"))["operations"]["create_confirmation"]
    assert repeated["repeated"]["response"]["headers"]["Idempotent-Replayed"] == "true"
    assert repeated["repeated"]["response"]["body"] == repeated["entered"]["response"]["body"]


# ── Examples of problems ────────────────────────────────────────────────────────────────────────────────────────────

CONFIRM, USE = f"{STATION}confirmations/", f"{STATION}uses/"


def garbage(body: bytes, **headers: str) -> Sent:
    return post(USE, body, Authorization=BEARER, **headers)


PROBLEMS: dict[str, Sent] = {
    "bad_request": get(LIST, Host="not-a-host-of-ours.example"),
    "invalid_text": get(f"{LIST}?q=%00"),
    "query_too_long": get(f"{LIST}?q=" + "x" * 8_001),
    "unknown_parameter": get(f"{LIST}?teir=1"),
    "repeated_parameter": get(f"{LIST}?limit=1&limit=2"),
    "missing_parameter": get(f"{LIST}?radius_m=500"),
    "invalid_value": get(f"{LIST}?near=114.3402,30.5801"),
    "unknown_code": get(f"{LIST}?amenity=hot-watr"),
    "invalid_cursor": get(f"{LIST}?cursor=bWFkZSB1cA"),
    "contradictory_parameters": get(f"{LIST}?updated_since=2026-06-01T00:00:00Z&near=30.5801,114.3402"),
    "not_acceptable": get(LIST, Accept="text/csv"),
    "precondition_failed": get(STATION, **{"If-Match": '"1"'}),
    "if_match_any": get(STATION, **{"If-Match": "*"}),
    "station_not_found": get("/api/v1/stations/WH-WC-9999/"),
    "not_found": get("/api/v1/station/"),
    "method_not_allowed": {"method": "DELETE", "path": STATION, "headers": {}},
    "server_error": get(LIST),
    "unavailable": get(LIST),
    "key_missing": get("/api/v1/whoami/"),
    "key_malformed": get("/api/v1/whoami/", Authorization="Basic Zm9yOmdvb2Q="),
    "authorization_repeated": get("/api/v1/whoami/", Authorization="Bearer one, Bearer two"),
    "key_unknown": get("/api/v1/whoami/", Authorization=f"Bearer fc_live_nobodyhere_{'x' * 40}"),
    "key_expired": get("/api/v1/whoami/", Authorization=BEARER),
    "key_revoked": get("/api/v1/whoami/", Authorization=BEARER),
    "client_inactive": get("/api/v1/whoami/", Authorization=BEARER),
    "scope_missing": post(USE, {}, Authorization=BEARER),
    "too_many_requests": get("/api/v1/whoami/", Authorization=BEARER),
    "idempotency_key_missing": post(USE, {}, Authorization=BEARER, Idempotency_Key=None),  # type: ignore[arg-type]
    "idempotency_key_invalid": post(USE, {}, Authorization=BEARER, Idempotency_Key="one, two"),
    "idempotency_key_reused": post(USE, {"satisfied": False}, Authorization=BEARER),
    "twin_in_flight": post(USE, {}, Authorization=BEARER),
    "busy": post(USE, {}, Authorization=BEARER),
    "unsupported_media_type": garbage(b"satisfied=true", Content_Type="application/x-www-form-urlencoded"),
    "body_too_large": garbage(b'{"satisfied":' + b" " * 131_072 + b"true}"),
    "body_missing": garbage(b" "),
    "body_not_utf8": garbage('{"外卖": 1}'.encode("gbk")),
    "body_too_deep": garbage(b"[" * 100),
    "body_not_json": garbage(b'{"satisfied": true'),
    "body_not_an_object": garbage(b"[]"),
    "number_not_finite": garbage(b'{"satisfied": NaN}'),
    "nul_in_text": garbage(b'{"satisfied": "\\u0000"}'),
    "lone_surrogate": garbage(b'{"satisfied": "\\ud83d"}'),
    "repeated_member": garbage(b'{"satisfied": true, "satisfied": false}'),
    "unknown_member": post(USE, {"satisfyed": True}, Authorization=BEARER),
    "missing_member": post(CONFIRM, {"position": DOOR}, Authorization=BEARER),
}
REDEEM, PASS = "/api/v1/redemptions/", {"courier": WITH_POINTS, "pin": PIN}
# Those for which there have to be books.
OF_THE_BOOKS: dict[str, Sent] = {
    "courier_not_found": get("/api/v1/couriers/00000000000/", Authorization=BEARER),
    "card_replaced": get(COURIER, Authorization=BEARER),
    "notice_outdated": wish("/api/v1/couriers/", NEW_COURIER | {"notice_version": "2020-01"}, 1),
    "phone_taken": wish("/api/v1/couriers/", NEW_COURIER | {"phone": "154 0000 0000"}, 1),
    "gift_not_found": get("/api/v1/gifts/wc-nothing/"),
    "redemption_not_found": get("/api/v1/redemptions/00000000000/", Authorization=BEARER),
    "posting_not_found": wish("/api/v1/reversals/", {"posting": key_of(7), "reason": "发错人了"}, 1),
    "courier_blocked": wish(REDEEM, WISH, 1),
    "no_rule": wish("/api/v1/awards/", DEED | {"action": "report-approved"}, 1),
    "earned_already": wish("/api/v1/awards/", DEED, 2),
    "cap_reached": wish("/api/v1/awards/", DEED | {"matter": "2026-0078"}, 2),
    "second_person_missing": wish("/api/v1/awards/", BY_HAND | {"points": 3_001}, 1),
    "fund_empty": wish("/api/v1/awards/", BY_HAND | {"points": 9_000}, 1),
    "operation_reused": wish("/api/v1/awards/", BY_HAND | {"points": 201}, 1),
    "reversed_already": wish("/api/v1/reversals/", {"posting": GIVEN, "reason": "发错人了"}, 6),
    "not_enough_points": wish(REDEEM, WISH | {"courier": WITH_AN_ORDER}, 1),
    "out_of_stock": wish(REDEEM, WISH | {"station": "WH-WC-0005"}, 1),
    "price_changed": wish(REDEEM, WISH | {"points": 1_000}, 1),
    "limit_reached": wish(REDEEM, WISH, 2),
    "gift_of_another_district": wish(REDEEM, WISH | {"gift": "qk-towel"}, 1),
    "gift_not_offered": wish(REDEEM, WISH, 1),
    "station_not_open": wish(REDEEM, WISH, 1),
    "courier_not_met": wish(f"{REDEEM}{ORDER}/handover/", {"pass": DIGITS[0]}, 1),
    "pass_wrong": wish(REDEEM, WISH | {"pass": "000000"}, 1),
    "redemption_not_waiting": wish(f"{REDEEM}{ORDER}/handover/", {"pass": DIGITS[0]}, 2),
    "pin_wrong": wish("/api/v1/passes/", PASS | {"pin": "111222"}, 1),
    "pin_locked": wish("/api/v1/passes/", PASS, 2),
    "pin_missing": wish("/api/v1/passes/", PASS, 1),
}
PROBLEMS |= OF_THE_BOOKS


def courier() -> Courier:
    return Courier.objects.get(code=WITH_POINTS)


def failing(error: Exception) -> Any:
    def fail(*_args: Any, **_named: Any) -> Any:
        raise error

    return fail


def prepare(code: str, world: World) -> None:
    """What has to be so before the request meets this refusal."""
    if code in OF_THE_BOOKS:
        world.keep_books()
    match code:
        case "server_error":
            world.patch.setattr(finding, "find", failing(RuntimeError("a fault of ours")))
        case "unavailable":
            world.patch.setattr(finding, "find", failing(InterfaceError("connection already closed")))
        case "key_expired":
            world.stop_the_clock(NOON + timedelta(days=365))
        case "key_revoked":
            keys.revoke(key=world.program.keys.get(), reason="example", at=NOON, actor="tests")
        case "client_inactive":
            facts = clients.ClientFacts(
                name=world.program.name,
                contact="-",
                divisions=world.program.divisions.all(),
                scopes=[],
                is_active=False,
            )
            clients.change(client=world.program, facts=facts, at=NOON, actor="tests")
        case "scope_missing":
            world.key = world.other_program("noscopes", scopes=["confirmations:write"])
        case "too_many_requests":
            world.key = world.other_program("oneaminute", calls_per_minute=1)
            asked(PROBLEMS[code], world.key)
        case "idempotency_key_reused":
            asked(post(USE, {}, Authorization=BEARER), world.key)
        case "twin_in_flight":
            world.patch.setattr(idempotency, "_claimed", failing(TwinInFlight(retry_after_s=PATIENCE_S)))
        case "card_replaced":
            membership.replace_card(courier=courier(), reason="丢了", actor="tests", at=NOON)
        case "courier_blocked":
            registration.block(courier=courier(), reason="冒领", actor="tests", at=NOON)
        case "earned_already":
            asked(wish("/api/v1/awards/", DEED, 1), world.key)
        case "cap_reached":
            EarningRule.objects.update(most_a_day=1)
            asked(wish("/api/v1/awards/", DEED, 1), world.key)
        case "fund_empty":
            AwardLimit.objects.update(most_alone=20_000)
        case "operation_reused":
            asked(wish("/api/v1/awards/", BY_HAND, 1), world.key)
            IdempotentRequest.objects.all().delete()
        case "reversed_already":
            asked(wish("/api/v1/awards/", BY_HAND, 4), world.key)
            asked(wish("/api/v1/reversals/", {"posting": GIVEN, "reason": "发错人了"}, 5), world.key)
        case "limit_reached":
            Gift.objects.update(most_a_month=1)
            asked(wish(REDEEM, WISH, 1), world.key)
        case "gift_not_offered":
            Gift.objects.update(is_offered=False)
        case "station_not_open":
            publishing.suspend(station=Station.objects.get(code=CODE), reason="修缮", actor="tests", at=NOON)
        case "courier_not_met":
            Courier.objects.update(status="unverified", verified_at=None, verified_by="")
        case "redemption_not_waiting":
            asked(wish(f"{REDEEM}{ORDER}/cancellation/", {"reason": "不想要了"}, 1), world.key)
        case "pin_missing":
            Courier.objects.update(pin_hash="")
        case "pin_locked":
            for number in range(5):
                asked(wish("/api/v1/passes/", PASS | {"pin": "111222"}, 10 + number), world.key)
        case "busy":
            world.patch.setattr(idempotency, "_claimed", failing(DatabaseBusy(retry_after_s=PATIENCE_S)))


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_has_an_example_that_is_a_real_answer(world: World, code: str) -> None:
    prepare(code, world)
    found = asked(PROBLEMS[code], world.key)
    assert found["response"]["body"]["code"] == code, found
    # One sentence says what to do; of these two it is the title, or nothing that a program could.
    assert found["response"]["body"].get("detail") or code in {"too_many_requests", "server_error"}, found
    compare("problems", code, found)


def test_every_problem_of_the_contract_has_an_example() -> None:
    declared = {*NOT_OF_AN_OPERATION, *(code for door in DOORS for code in problem_codes(door))}
    assert set(PROBLEMS) == declared


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_what_the_code_declares() -> None:
    """Last, so that a recording holds the examples recorded above."""
    openapi.examples.cache_clear()
    openapi.document.cache_clear()
    contract.spoken.cache_clear()
    found = contract.written()
    if RECORDING:
        CONTRACT.write_text(found, encoding="utf-8")
    assert CONTRACT.read_text(encoding="utf-8") == found, f"docs/openapi.yaml is not what the code does: {VARIABLE}=1"
