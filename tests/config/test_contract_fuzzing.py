"""What nobody thought of: schemathesis invents requests from docs/openapi.yaml, right ones and wrong ones, and holds every
answer against it: never a 5xx, never a status, header, media type or body that the contract does not name.

The requests are the same in every run: nothing here depends on chance.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.definitions import OPENAPI_30_VALIDATOR

from config.openapi import Door, doors
from core import clock
from core.api.scopes import ANY_KEY
from couriers import consents, membership, sealing
from partners.models import Scope
from points import passes
from points.models import GiftPrice
from stations import finding
from tests import contract
from tests.builders import make_client, make_key, make_station
from tests.points.books import PRICE, award, keep_books, order
from tests.proving import counted, times

pytestmark = pytest.mark.django_db

DOORS = list(doors())
# A key that nobody asks for changes nothing at a public door.
CALLS = [
    (door, caller)
    for door in DOORS
    for caller in (("right key", "wrong scope", "no key") if door.is_keyed else ("right key", "no key"))
]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = times(10, 60)
# One transaction for all requests of a test, so a fixture of the function is meant; generating takes its time.
DETERMINED = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    schema = schemathesis.openapi.from_dict(contract.spoken())
    schema.app = WSGIHandler()
    # One that could not be read has no `ok`, and this is where it shows.
    found: list[Any] = [result.ok() for result in schema.get_all_operations()]  # type: ignore[union-attr]
    return {operation.definition.raw["operationId"]: operation for operation in found}


@pytest.fixture(autouse=True)
def _the_connection_stays() -> Iterator[None]:
    """As Django's own test client has it: a request ends, and the transaction of the test goes on."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_the_file_is_openapi_3_0() -> None:
    errors = OPENAPI_30_VALIDATOR.iter_errors(contract.spoken())
    assert [f"{'.'.join(map(str, error.instance_path))}: {error.message}" for error in errors] == []


def test_it_knows_every_operation(operations: dict[str, Any]) -> None:
    assert set(operations) == {door.operation.name for door in DOORS}


def right_request(door: Door) -> dict[str, Any]:
    """A request about points that is granted, and the rows for it; nothing for other doors."""
    if door.operation.noun not in {"gifts", "couriers", "accounts", "awards", "redemptions"}:
        return {}
    books, now = keep_books(), clock.now()
    GiftPrice.objects.update(valid_from=clock.local_date(now) - timedelta(days=1))
    membership.set_pin(courier=books.courier, pin="482915", actor="self", at=now)
    consents.give(
        courier=books.courier, notice=consents.notice("sharing"), channel="page", at=now, actor="self", purpose="sharing",
        partner="little-bees",
    )  # fmt: skip
    waiting = order(books, at=now)
    given = award(books, 5, actor="partner little-bees")
    code = books.courier.code
    shown = passes.issue(courier=books.courier, at=now) if door.operation.name == "hand_over_redemption" else ""
    bodies: dict[str, Any] = {
        "create_courier": {
            "phone": "15400009999", "kind": "express", "district": "420106", "shares": True,
            "notice_version": consents.membership_notice().version,
        },
        "look_up_courier": {"phone": sealing.opened(bytes(books.courier.phone_sealed or b""), column="phone")},
        "create_award": {"courier": code, "district": "420106", "points": 5, "reason": "tests"},
        "create_reversal": {"posting": str(given.op_id), "reason": "tests"},
        "create_pass": {"courier": code, "pin": "482915"},
        "create_redemption": {
            "courier": code, "gift": books.gift.code, "station": books.station.code, "points": PRICE
        },
        "hand_over_redemption": {"pass": shown},
        "cancel_redemption": {"reason": "tests"},
    }  # fmt: skip
    request: dict[str, Any] = {}
    if "{code}" in door.path:
        about = {"gifts": books.gift.code, "redemptions": waiting.code}
        request["path_parameters"] = {"code": about.get(door.operation.noun, code)}
    if door.operation.name in bodies:
        request |= {"body": bodies[door.operation.name], "media_type": "application/json"}
    return request


@pytest.mark.parametrize(
    ("door", "caller"), CALLS, ids=[f"{door.operation.name} with {caller}" for door, caller in CALLS]
)
def test_every_answer_is_one_that_the_contract_names(operations: dict[str, Any], door: Door, caller: str) -> None:
    finding.forget_names()
    station = make_station(at=clock.now(), amenities=["hot-water"])
    scopes = [] if caller == "wrong scope" else Scope.values
    key = make_key(make_client(scopes=scopes, calls_per_minute=6_000))
    # The client of schemathesis does not unpack what is packed.
    headers = {"Accept-Encoding": "identity"} | ({} if caller == "no key" else {"Authorization": f"Bearer {key}"})
    operation = operations[door.operation.name]
    statuses: set[int] = set()
    # What is made up names nobody: one request of a right one comes first, and the code of its address goes on.
    right = right_request(door) if door.is_keyed or door.operation.noun == "gifts" else {}

    def ask(case: Any) -> None:
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)
        statuses.add(response.status_code)
        counted("T17", f"made up from the contract, with {caller}", requests=1, faults=0, mismatches=0)

    if right:
        case = operation.Case(**right)
        case.headers["Idempotency-Key"] = "the-right-one"
        ask(case)
    made_up = station.code if "stations" in door.path else "unknown_parameter"
    code = right.get("path_parameters", {}).get("code", made_up)
    strategies = [operation.as_strategy(path_parameters={"code": code} if "{code}" in door.path else None)]
    if "{code}" in door.path:
        strategies.append(operation.as_strategy())
    # Without a query and a body there is nothing that could be wrong.
    if door.operation.body or door.operation.single:
        strategies.append(operation.as_strategy(GenerationMode.NEGATIVE))
    for strategy in strategies:
        DETERMINED(given(case=strategy)(ask))()
    if not door.is_keyed or caller == "right key" or (caller == "wrong scope" and door.scope == ANY_KEY):
        assert min(statuses) in {200, 201}, statuses
    else:
        # 400 and 401 besides: among the wrong requests are some whose address or key is broken.
        assert statuses <= ({401, 400} if caller == "no key" else {403, 401, 400}), statuses
