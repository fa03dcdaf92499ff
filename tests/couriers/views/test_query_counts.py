"""The number of queries of a courier's own lists, with few rows and with many."""

import pytest

from core import clock
from couriers import consents, devices
from tests.couriers.views.phone import signed_in
from tests.query_counts import check_query_count

LISTS = {"page:devices": "/me/devices/", "page:data": "/me/data/", "page:consents": "/me/data/consents/"}


@pytest.mark.django_db
@pytest.mark.parametrize("name", LISTS)
def test_the_number_of_queries_is_as_recorded_for_two_and_for_fifteen(name: str) -> None:
    courier, phone = signed_in()
    notice = consents.notice("sharing")
    for rows in (range(2), range(2, 15)):
        for number in rows:
            if number % 5 == 0:  # of more than a few phones the oldest is signed out
                devices.sign_in(courier=courier, kind="ios safari", at=clock.now())
            consents.give(
                courier=courier,
                notice=notice,
                channel="api",
                purpose="sharing",
                partner=f"bees-{number}",
                actor="bees",
                at=clock.now(),
            )
        assert phone.get(LISTS[name]).status_code == 200
        check_query_count(name, lambda: phone.get(LISTS[name]))
