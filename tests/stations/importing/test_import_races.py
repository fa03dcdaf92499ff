"""An import that is killed, and two at once."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction

from stations import registering
from stations.importing import ImportReport
from stations.importing import importing as importing_module
from stations.models import Division, Station
from tests.builders import NOON
from tests.proving import counted
from tests.stations.importing.files import csv_file
from tests.stations.importing.lists import counts, everything, take


def many(count: int) -> list[list[Any]]:
    heads = ["名称", "区", "街道", "社区", "设施", "开放时间", "管理单位"]
    return [heads] + [
        [f"第{n}号点", ("武昌", "硚口")[n % 2], "", "", "饮水机、空调", "8:00-20:00", f"单位{n % 3}"]
        for n in range(count)
    ]


class Killed(Exception):
    pass


@pytest.mark.django_db
@pytest.mark.usefixtures("town")
@pytest.mark.parametrize("at_row", [10, 25, 40])
def test_a_kill_at_any_row_loses_nothing_and_is_resumed_by_running_again(
    monkeypatch: pytest.MonkeyPatch, at_row: int
) -> None:
    monkeypatch.setattr(importing_module, "BATCH_ROWS", 5)
    rows = many(40)
    with transaction.atomic():
        take(rows)
        whole = everything()
        transaction.set_rollback(True)

    def kill(done: int, _total: int) -> None:
        if done >= at_row:
            raise Killed

    with pytest.raises(Killed):
        take(rows, progress=kill)
    assert Station.objects.count() == at_row
    assert counts(take(rows)) == (40 - at_row, 0, at_row, 0)
    assert everything() == whole


@pytest.mark.usefixtures("committed_town")
def test_a_killed_process_is_resumed_by_running_again(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(csv_file(many(3_000)))
    program = (
        "import os, signal, sys, django; django.setup()\n"
        "from django.db import connection\n"
        "connection.settings_dict['NAME'] = sys.argv[2]\n"
        "from core import clock\nfrom stations.importing import import_stations, importing\n"
        "importing.BATCH_ROWS = 500\n"
        "write = importing._Importer._write\n"
        "batches = []\n"
        "def die_within_the_third(self, batch):\n"
        "    batches.append(batch)\n"
        "    write(self, batch)\n"
        "    if len(batches) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "importing._Importer._write = die_within_the_third\n"
        "import_stations(open(sys.argv[1], 'rb'), source='list.csv', actor='tests', at=clock.now())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), connection.settings_dict["NAME"]],
        cwd=settings.BASE_DIR, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert Station.objects.count() == 1_000
    assert counts(take(file.read_bytes())) == (2_000, 0, 1_000, 0)
    assert counts(take(file.read_bytes())) == (0, 0, 3_000, 0)
    assert Station.objects.values("name").distinct().count() == 3_000
    counted("T08", "processes killed (SIGKILL) within a list of stations, and its rows", kills=1, rows=3_000)


@pytest.mark.usefixtures("committed_town")
def test_two_imports_at_once_end_in_one_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_module, "BATCH_ROWS", 50)
    data = csv_file(many(300))
    barrier = threading.Barrier(2)
    reports: list[ImportReport] = []

    def meet(done: int, _total: int) -> None:
        if done == 50:
            barrier.wait(timeout=60)

    def run() -> None:
        try:
            reports.append(take(data, progress=meet))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts(report)[0] for report in reports) == 300
    assert sum(counts(report)[2] for report in reports) == 300
    assert Station.objects.count() == 300
    assert Division.objects.get(code="420106").stations_numbered == 150
    before = everything()
    assert counts(take(data)) == (0, 0, 300, 0)
    assert everything() == before
    counted("T08", "2 imports of one list of stations at once: rows", rows=600, stations=300)


@pytest.mark.django_db
@pytest.mark.usefixtures("town")
def test_a_code_that_the_desk_gives_meanwhile_is_not_given_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import has read all stations when somebody registers one more; it looks again under the district's lock."""
    lock = importing_module._Importer._lock_districts
    facts = registering.StationFacts(name="柜台登记的", division=Division.objects.get(code="420106003"))

    def meanwhile(self: Any, rows: list[Any]) -> None:
        registering.register(facts=facts, actor="desk", at=NOON)
        lock(self, rows)

    monkeypatch.setattr(importing_module._Importer, "_lock_districts", meanwhile)
    rows = [["名称", "区", "街道"], ["名单里的", "武昌", "徐家棚"], ["柜台登记的", "武昌", "徐家棚"]]
    assert counts(take(rows)) == (1, 0, 1, 0)
    assert dict(Station.objects.values_list("name", "code")) == {"柜台登记的": "WH-WC-0001", "名单里的": "WH-WC-0002"}
