"""The worker runs what is due, and one broken job does not stop the others."""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core import limits
from core.models import Counter
from stations.models import Station
from tests.builders import NOON, make_station

RAN: list[datetime] = []


def note(*, now: datetime) -> None:
    RAN.append(now)


def note_too(*, now: datetime) -> None:
    RAN.append(now)


def fail(*, now: datetime) -> None:
    raise ValueError(now)


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


def test_once_runs_every_job_with_the_present_moment(settings: Any) -> None:
    settings.PERIODIC_JOBS = [("tests.core.test_worker.note", 60), ("tests.core.test_worker.note_too", 3600)]
    call_command("worker", once=True)
    assert len(RAN) == 2
    assert RAN[0].tzinfo is not None


def test_a_failing_job_is_logged_and_told_when_it_runs_once(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PERIODIC_JOBS = [("tests.core.test_worker.fail", 60)]
    with pytest.raises(ValueError, match="20"):
        call_command("worker", once=True)
    assert "job tests.core.test_worker.fail failed" in caplog.text


@pytest.mark.django_db
def test_the_jobs_of_the_project_expand_hours_and_forget_old_counters() -> None:
    station = make_station(at=NOON)
    Station.objects.update(expanded_on=NOON.date() - timedelta(days=1))
    limits.count(limits.Limit("test", calls=1, window_s=60), key="k", at=NOON)
    call_command("worker", once=True)
    station.refresh_from_db()
    assert station.expanded_on is not None
    assert station.expanded_on > NOON.date()
    assert not Counter.objects.exists()


def test_it_ends_when_it_is_told_to() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1"}
    root = Path(__file__).resolve().parents[2]
    code = (
        "from django.conf import settings; import django; django.setup(); settings.PERIODIC_JOBS = [];"
        "from django.core.management import call_command; print('up'); call_command('worker')"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, env=environment, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"up\n"
        time.sleep(0.5)  # let it install its handlers
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=10) == 0
