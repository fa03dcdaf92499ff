"""T08: the same list twice, two of it at once, and killed at any row: one final state."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from django.conf import settings
from django.db import connection, connections

from couriers import registration
from couriers.errors import PhoneTaken
from couriers.importing import CourierReport, lists
from couriers.importing import importing as importing_module
from couriers.models import Consent, Courier, CourierList
from stations.models import Division
from tests.builders import NOON, make_company, make_courier, make_district, make_staff
from tests.couriers.lists import HEADINGS, counts, everything, many, phone, take
from tests.proving import counted, times
from tests.stations.importing.files import csv_file

T = TypeVar("T")
ROWS = times(600, 5_000)


@pytest.fixture(autouse=True)
def _committed_town(transactional_db: None) -> None:  # noqa: ARG001
    make_district()
    make_district(code="420104", name="硚口区", letters="QK")
    make_company("顺丰")


def together(*runs: Callable[[], T]) -> list[T]:
    """What came of each of the runs that began at one moment."""
    start, reports = threading.Barrier(len(runs)), list[T]()

    def run(what: Callable[[], T]) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=60)
            reports.append(what())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(what,)) for what in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=300)
    return reports


def one_state(rows: int) -> list[tuple[object, ...]]:
    """Everything, after asking that each number is one courier with one consent."""
    assert Courier.objects.count() == Courier.objects.values("phone_index").distinct().count() == rows
    assert Consent.objects.count() == rows
    return everything()


def test_the_same_list_twice_is_one_state() -> None:
    data = csv_file(many(ROWS))
    assert counts(take(data)) == (ROWS, 0, 0, 0)
    state = one_state(ROWS)
    assert counts(take(data)) == (0, 0, ROWS, 0)
    assert one_state(ROWS) == state
    counted("T08", "lists of couriers taken a second time: rows that changed nothing", rows=ROWS)


@pytest.mark.parametrize("lists", [2, 4])
def test_several_at_once_are_one_state(lists: int) -> None:
    """Half of them are read from the last row, so that they meet in the middle."""
    rows = many(ROWS)
    forth, back = csv_file(rows), csv_file([rows[0], *reversed(rows[1:])])
    reports = together(*[lambda data=data: take(data) for data in [forth, back] * (lists // 2)])
    assert [sum(counts(report)) for report in reports] == [ROWS] * lists
    assert sum(counts(report)[0] for report in reports) == ROWS
    assert sum(counts(report)[2] for report in reports) == ROWS * (lists - 1)
    state = one_state(ROWS)
    assert counts(take(forth)) == (0, 0, ROWS, 0)
    assert one_state(ROWS) == state
    counted("T08", f"{lists} imports of one list of couriers at once: rows", rows=ROWS * lists, couriers=ROWS)


def test_whoever_registers_meanwhile_is_met_by_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the writing somebody registers one of its numbers by himself: the batch looks again."""
    tried: list[int] = []
    write = registration.register_listed

    def meanwhile(newcomers: list[registration.Newcomer], **more: object) -> object:
        tried.append(len(newcomers))
        if len(tried) == 1:
            together(lambda: make_courier(phone=phone(7), name="张三7", kind="food-delivery"))
        return write(newcomers, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(registration, "register_listed", meanwhile)
    rows = [row if number != 7 else [*row[:5], "武昌", row[6]] for number, row in enumerate(many(20))]
    assert counts(take(rows)) == (19, 0, 1, 0)
    assert tried == [20, 19]
    assert Courier.objects.filter(channel="self").count() == 1
    one_state(20)


def test_without_looking_again_the_list_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the index refuses the whole batch, and nothing of it is written."""
    monkeypatch.setattr(importing_module, "_TRIES", 1)
    write = registration.register_listed

    def meanwhile(newcomers: list[registration.Newcomer], **more: object) -> object:
        together(lambda: make_courier(phone=phone(7)))
        return write(newcomers, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(registration, "register_listed", meanwhile)
    with pytest.raises(PhoneTaken):
        take(many(20))
    assert Courier.objects.count() == 1


def two_answer_at_once(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The answers that a list has after two clerks settled one doubt each: the second begins while the first is at it."""
    rows = [[*row[:2], ("骑手", "跑腿")[n], "", "", "武昌", "是"] for n, row in enumerate(many(2)[1:])]
    clerk = make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"])
    brought = lists.bring(
        file=io.BytesIO(csv_file([HEADINGS, *rows])), source="名单.csv", division="420106", agreed_on_paper=False, kind="",
        change_work=False, actor=clerk, at=NOON,
    )  # fmt: skip
    look, is_at_it, second_is_done = lists._look_through, threading.Event(), threading.Event()

    def slowly(*args: Any, **more: Any) -> CourierReport:
        if not is_at_it.is_set():
            is_at_it.set()
            second_is_done.wait(timeout=2)
        return look(*args, **more)

    monkeypatch.setattr(lists, "_look_through", slowly)

    def first() -> CourierList:
        return lists.answer(brought=brought, subject="kind:骑手", said="外卖", actor=clerk, at=NOON)

    def second() -> CourierList:
        is_at_it.wait(timeout=60)
        answered = lists.answer(brought=brought, subject="kind:跑腿", said="快递", actor=clerk, at=NOON)
        second_is_done.set()
        return answered

    assert len(together(first, second)) == 2
    brought.refresh_from_db()
    return brought.decisions


def test_of_two_clerks_who_settle_at_once_both_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert two_answer_at_once(monkeypatch) == {"kind:骑手": "外卖", "kind:跑腿": "快递"}


def test_without_the_lock_one_answer_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the first writes over what the second has said meanwhile."""
    monkeypatch.setattr(
        lists,
        "_locked",
        lambda brought, *, actor: CourierList.objects.get(pk=brought.pk),  # noqa: ARG005
    )
    assert two_answer_at_once(monkeypatch) == {"kind:骑手": "外卖"}


# Killed by the system within a batch, after its rows are written and before they are committed.
KILLED = (
    "import os, signal, sys, django; django.setup()\n"
    "from django.db import connection\n"
    "connection.settings_dict['NAME'] = sys.argv[2]\n"
    "from core import clock\n"
    "from couriers.importing import import_couriers, importing\n"
    "importing.BATCH_ROWS = int(sys.argv[4])\n"
    "def watch(batch):\n"
    "    if batch.outcomes.total() >= int(sys.argv[3]):\n"
    "        os.kill(os.getpid(), signal.SIGKILL)\n"
    "import_couriers(open(sys.argv[1], 'rb'), source='list.csv', actor='tests', at=clock.now(), watch=watch)\n"
)


def test_killed_at_any_row_and_begun_again_it_is_one_state(tmp_path: Path) -> None:
    """Each process goes on where the one before it was killed; the state is that of a list which nobody killed."""
    file, batch = tmp_path / "list.csv", ROWS // 12
    data = csv_file(many(ROWS))
    file.write_bytes(data)
    kills = [1, ROWS // 3, ROWS // 2 + 1, ROWS]
    for at_row in kills:
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(file), connection.settings_dict["NAME"], str(at_row), str(batch)],
            cwd=settings.BASE_DIR, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}, check=False,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL
        whole = (at_row - 1) // batch * batch
        assert Courier.objects.count() == Consent.objects.count() == whole
    left = ROWS - whole
    assert counts(take(data)) == (left, 0, whole, 0)
    state = one_state(ROWS)
    assert counts(take(data)) == (0, 0, ROWS, 0)
    assert one_state(ROWS) == state
    counted("T08", "processes killed (SIGKILL) within a list of couriers, and its rows", kills=len(kills), rows=ROWS)
