"""T18: if several editors saw the same version of a station, one change is taken; the others are told, and nothing is lost."""

import threading

import pytest
from django.db import connections

from stations import registering
from stations.errors import StationChangedMeanwhile
from stations.models import Station
from tests.builders import NOON, make_station
from tests.proving import counted, times

pytestmark = pytest.mark.usefixtures("transactional_db")

EDITORS = 5


def racing(station: Station, *, seen: int | None, at_round: int = 0) -> tuple[list[str], int]:
    """Let five editors save at once, each another floor: whose was taken, and how many were told to look again."""
    start, taken, told = threading.Barrier(EDITORS), list[str](), list[str]()

    def edit(name: str) -> None:
        try:
            start.wait(timeout=20)
            registering.amend(station=station, facts={"floor": name}, version=seen, actor=name, at=NOON)
            taken.append(name)
        except StationChangedMeanwhile:
            told.append(name)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=edit, args=(f"{at_round}/{number}",)) for number in range(EDITORS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return taken, len(told)


def test_of_racing_editors_one_is_taken_and_none_is_overwritten() -> None:
    station, rounds = make_station(), times(4, 100)
    for number in range(rounds):
        station.refresh_from_db()
        before = station.version
        taken, told = racing(station, seen=before, at_round=number)
        station.refresh_from_db()
        assert (len(taken), told) == (1, EDITORS - 1)
        assert (station.floor, station.version) == (taken[0], before + 1)
    counted("T18", "editors saving the same version at once", editors=rounds * EDITORS, taken=rounds, lost=0)


def test_without_the_version_editors_overwrite_each_other() -> None:
    """The control: nobody says what he saw, so all are taken and four of five are lost."""
    station = make_station()
    taken, told = racing(station, seen=None)
    assert (len(taken), told) == (EDITORS, 0)
    counted("T18", "the same without the version (control)", editors=EDITORS, taken=EDITORS, lost=EDITORS - 1)
