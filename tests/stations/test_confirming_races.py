"""Two people at one door at the same time."""

import threading

import pytest
from django.db import connections, transaction

from stations.confirming import confirm, witness_at
from stations.models import Station
from tests.builders import NOON, make_station


@pytest.mark.usefixtures("transactional_db")
def test_of_two_second_witnesses_one_makes_the_doubt() -> None:
    """Neither overlooks the other: whoever comes second waits until the first is heard."""
    station = make_station()

    def find_locked(device: str) -> None:
        confirm(station=station, outcome="locked", witness=witness_at(station, device), at_door=True, at=NOON)

    def second() -> None:
        try:
            find_locked("second")
        finally:
            connections.close_all()

    other = threading.Thread(target=second)
    with transaction.atomic():
        find_locked("first")
        other.start()
        other.join(timeout=0.5)
    other.join(timeout=30)
    assert Station.objects.get().doubted_at == NOON
