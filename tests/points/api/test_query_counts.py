"""The number of queries of each door of the API that reads points and gifts, with few rows and with many."""

import pytest

from points import gifts
from tests.builders import NOON
from tests.points.api.test_one_call import make_counter
from tests.points.books import award
from tests.query_counts import check_query_count

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
        "api:gifts": "gifts/", "api:gift": "gifts/wc-umbrella/", "api:courier": f"couriers/{code}/",
        "api:account": f"couriers/{code}/account/", "api:entries": f"couriers/{code}/entries/",
        "api:redemption": f"redemptions/{redeemed}/",
    }  # fmt: skip
    for name, door in doors.items():
        for _asked_before in range(2):
            assert counter.bees.get(door).status_code == 200, door
        check_query_count(name, lambda door=door: counter.bees.get(door))  # type: ignore[misc]
