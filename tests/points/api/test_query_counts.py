"""The number of queries of each door of the API to couriers, points and gifts: of those that read, with few rows and with many."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from config import api_v1
from couriers import membership
from points import gifts
from tests.builders import NOON
from tests.couriers.api.test_couriers import wish
from tests.points.api.test_doors import PIN
from tests.points.api.test_one_call import make_counter
from tests.points.books import award
from tests.query_counts import check_query_count, recorded

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("rows", [2, 9])
def test_the_number_of_queries_is_as_recorded_whatever_the_number_of_rows(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    counter = make_counter(monkeypatch)
    books, code = counter.books, counter.courier.code
    for number in range(rows):
        gift = gifts.register(code=f"wc-gift-{number}", district=books.district, name="礼品", actor="tests", at=NOON)
        gifts.set_price(gift=gift, points=5, valid_from=NOON.date(), actor="tests", at=NOON)
        counter.bees.post("reversals/", {"posting": counter.award(7).json()["posting"], "reason": "x"})
        award(books, 300)
        redeemed = counter.redeem().json()["code"]
    doors = {
        "api:gift-list": "gifts/", "api:gift-detail": "gifts/wc-umbrella/", "api:courier-detail": f"couriers/{code}/",
        "api:account-detail": f"couriers/{code}/account/", "api:entry-list": f"couriers/{code}/entries/",
        "api:redemption-detail": f"redemptions/{redeemed}/",
    }  # fmt: skip
    for name, door in doors.items():
        for _asked_before in range(2):
            assert counter.bees.get(door).status_code == 200, door
        check_query_count(name, lambda door=door: counter.bees.get(door))  # type: ignore[misc]


def test_the_number_of_queries_of_a_write_is_as_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = make_counter(monkeypatch, points=1_000, pieces=20)
    membership.set_pin(courier=counter.books.courier, pin=PIN, actor="self", at=NOON)
    post = counter.bees.post
    phones = (f"1540000{number}" for number in range(5001, 5009))
    # What each call needs is made before it is counted.
    writes: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
        "api:courier-list": (lambda: wish(phone=next(phones)), lambda body: post("couriers/", body)),
        "api:courier-look-up": (lambda: {"phone": "15400005001"}, lambda body: post("couriers/look-up/", body)),
        "api:award-list": (lambda: 7, counter.award),
        "api:reversal-list": (
            lambda: {"posting": counter.award(7).json()["posting"], "reason": "x"},
            lambda body: post("reversals/", body),
        ),
        "api:pass-list": (lambda: PIN, counter.show_pass),
        "api:redemption-list": (counter.digits, lambda digits: counter.redeem(**{"pass": digits})),
        "api:redemption-handover": (
            lambda: (counter.redeem().json()["code"], {"pass": counter.digits()}),
            lambda given: post(f"redemptions/{given[0]}/handover/", given[1]),
        ),
        "api:redemption-cancellation": (
            lambda: counter.redeem().json()["code"],
            lambda code: post(f"redemptions/{code}/cancellation/", {"reason": "不想要了"}),
        ),
    }
    for name, (prepare, write) in writes.items():
        answer = write(prepare())
        assert answer.status_code in {200, 201}, (name, answer.content)
        given = prepare()
        check_query_count(name, lambda write=write, given=given: write(given))  # type: ignore[misc]


def test_the_number_of_queries_of_the_notices_is_as_recorded(client: Client) -> None:
    check_query_count("api:notice-list", lambda: client.get("/api/v1/notices/"))


def test_every_endpoint_is_counted() -> None:
    doors = [door for each in api_v1.urlpatterns for door in getattr(each, "url_patterns", [each])]
    endpoints = {f"api:{door.name}" for door in doors}
    assert endpoints - recorded().keys() == {"api:api-index", "api:api-contract"}  # neither asks the database
