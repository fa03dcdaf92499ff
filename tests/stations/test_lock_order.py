"""Naming a neighbourhood and numbering a station take their locks in the same order."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from stations import divisions, registering
from stations.models import Division
from tests.builders import NOON, make_subdistrict


def name(subdistrict: Division) -> object:
    called = f"{threading.get_ident()}社区"
    return divisions.ensure_neighbourhood(name=called, subdistrict=subdistrict, actor="x", at=NOON)


def number(subdistrict: Division) -> object:
    return registering.allot_codes(district_code=subdistrict.code, count=1)


def run_both(subdistrict: Division) -> list[BaseException]:
    """One names first and numbers then, as the desk does; the other the other way round, as the import does."""
    together = threading.Barrier(2)
    errors: list[BaseException] = []

    def in_order(*steps: Callable[[Division], object]) -> None:
        try:
            with transaction.atomic():
                steps[0](subdistrict)
                # With one lock for both, the second never comes this far while the first holds it.
                with contextlib.suppress(threading.BrokenBarrierError):
                    together.wait(timeout=0.5)
                steps[1](subdistrict)
        except OperationalError as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=in_order, args=steps) for steps in ((name, number), (number, name))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.mark.usefixtures("transactional_db")
def test_neither_is_killed_for_a_deadlock() -> None:
    assert run_both(make_subdistrict()) == []


@pytest.mark.usefixtures("transactional_db")
def test_with_a_lock_of_its_own_for_each_subdistrict_one_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def lock(code: str) -> Any:
        return Division.objects.select_for_update().get(pk=code)

    monkeypatch.setattr(divisions, "_lock_district_of", lock)
    [error] = run_both(make_subdistrict())
    assert "deadlock" in str(error)
