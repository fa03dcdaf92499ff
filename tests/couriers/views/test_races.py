"""Many requests at once at the doors of couriers, and the same without the guard."""

import threading

import pytest
from django.db import connections
from django.test import Client

from couriers.models import Courier
from tests.builders import make_courier
from tests.couriers.views.conftest import hashed
from tests.couriers.views.phone import PHONE, PIN, typed
from tests.proving import counted, times

WRONG = "141421"


def racing(tries: int) -> int:
    """How many of `tries` wrong PINs at the same moment reach the hasher."""
    hashed.clear()
    together = threading.Barrier(tries)

    def one(number: int) -> None:
        try:
            together.wait()
            Client(REMOTE_ADDR=f"10.0.0.{number}").post("/me/sign-in/", {"phone": PHONE, "pin": WRONG})
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(tries)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return hashed["all"]


@pytest.mark.usefixtures("transactional_db")
def test_of_many_wrong_pins_at_once_five_reach_the_hasher() -> None:
    make_courier(phone=PHONE, pin=PIN)
    tries = times(40, 200)
    reached = racing(tries)
    assert reached == 5
    counted("T12", "wrong PINs at the same moment at the page", tries=tries, reached_the_hasher=reached)


@pytest.mark.usefixtures("transactional_db")
def test_without_the_counter_all_of_them_would(monkeypatch: pytest.MonkeyPatch) -> None:
    make_courier(phone=PHONE, pin=PIN)
    monkeypatch.setattr("core.limits.Counted.enforce", lambda _counted: None)
    assert racing(20) == 20
    counted("T12", "the same at the page without the counter (control)", tries=20, reached_the_hasher=20)


@pytest.mark.usefixtures("transactional_db")
def test_two_taps_at_once_are_one_member() -> None:
    data = typed()
    statuses: list[int] = []
    together = threading.Barrier(2)

    def one() -> None:
        try:
            together.wait()
            statuses.append(Client().post("/me/register/", data).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _each in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [302, 302]
    assert Courier.objects.count() == 1
