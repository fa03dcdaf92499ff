"""One phone registered many times at once, and numbers swapped at once: the database is the referee. With a control."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, connections

from couriers import registration, sealing
from couriers.errors import PhoneTaken
from couriers.models import Courier
from tests.builders import NOON, make_courier, make_district, make_staff

PHONE = "15400001234"


def together(*runs: Callable[[], object]) -> list[str]:
    """Run all at once; what became of each, by the name of its refusal."""
    start, outcomes = threading.Barrier(len(runs)), list[str]()

    def run(what: Callable[[], object]) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            what()
            outcomes.append("done")
        except Exception as error:  # noqa: BLE001 - what it is, the test says
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(what,)) for what in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(outcomes)


def test_of_eight_who_register_one_phone_at_once_one_is_registered(transactional_db: None) -> None:  # noqa: ARG001
    make_district()
    for number in range(5):
        phone = f"1540000{number:04}"
        outcomes = together(*[lambda phone=phone: make_courier(phone=phone)] * 8)
        assert outcomes == [PhoneTaken.__name__] * 7 + ["done"]
    assert Courier.objects.count() == 5


def test_without_the_constraint_more_are(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: all look before any writes."""
    make_district()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE couriers_courier DROP CONSTRAINT couriers_courier_phone_uniq")
    met, index = threading.Barrier(8), sealing.index

    def slowly(phone: str) -> str:
        met.wait(timeout=20)
        return index(phone)

    monkeypatch.setattr(sealing, "index", slowly)
    outcomes = together(*[lambda: make_courier(phone=PHONE)] * 8)
    assert outcomes == ["done"] * 8


def test_two_who_exchange_their_numbers_do_not_block_each_other(transactional_db: None) -> None:  # noqa: ARG001
    clerk = make_staff("wuchang", scope=make_district())
    for number in range(10):
        phones = (f"1540001{number:04}", f"1540002{number:04}")
        couriers = [make_courier(phone=phone) for phone in phones]

        def take(mine: int, phones: tuple[str, str] = phones, couriers: list[Courier] = couriers) -> None:
            registration.change_phone(
                courier=couriers[mine], phone=phones[1 - mine], actor=clerk, at=NOON, takes_over_because="x"
            )

        assert together(lambda: take(0), lambda: take(1)) == ["done", "done"]
        assert Courier.objects.filter(pk__in=[each.pk for each in couriers], phone_index=None).count() == 0
