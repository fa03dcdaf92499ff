"""Deleting what is no longer needed: the worker and the command delete the same, and a dry run deletes nothing."""

import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from PIL import Image

from core import clock, limits, notices, purging
from core.images import clean_photo
from core.models import Counter, IdempotentRequest, Notice, User
from couriers import devices, membership
from couriers.models import CourierList, Device, PinReset
from stations import visiting
from stations.models import ImportJob, Station, VisitLink, VisitReport
from stations.visiting import Answers, Fact
from tests.builders import NOON, make_courier, make_district, make_staff, make_station

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def clerk() -> User:
    return make_staff("root")


@pytest.fixture
def station() -> Station:
    return make_station()


def sent(station: Station, clerk: User) -> VisitReport:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), "orange").save(out, "PNG")
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    photos = [clean_photo(io.BytesIO(out.getvalue()))]
    return visiting.report(link=link, answers=Answers("entered", photos=photos), witness="w", at=NOON)


def refuse(report: VisitReport, clerk: User) -> None:
    visiting.refuse(report=report, reason="不是这个门", actor=clerk, at=NOON)


def accept(report: VisitReport, clerk: User) -> None:
    visiting.accept(report=report, facts=[Fact.OUTCOME], actor=clerk, at=NOON)


def accept_all(report: VisitReport, clerk: User) -> None:
    visiting.accept(report=report, facts=list(Fact), actor=clerk, at=NOON)


def leave(report: VisitReport, clerk: User) -> None:
    """Nobody ever decides."""


@pytest.mark.parametrize(("decide", "days"), [(refuse, 90), (accept, 365), (accept_all, 365), (leave, 365)])
def test_a_report_goes_after_its_time_with_its_link_and_its_photos(
    station: Station,
    clerk: User,
    settings: Any,
    django_capture_on_commit_callbacks: Any,
    decide: Callable[[VisitReport, User], None],
    days: int,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        decide(sent(station, clerk), clerk)
    at = NOON + days * DAY
    assert visiting.purge_reports(now=at - timedelta(seconds=1)) == 0
    assert visiting.purge_reports(now=at, dry_run=True) == 1
    assert (VisitReport.objects.count(), VisitLink.objects.count()) == (1, 1)
    with django_capture_on_commit_callbacks(execute=True):
        assert visiting.purge_reports(now=at) == 1
    assert (VisitReport.objects.count(), VisitLink.objects.count()) == (0, 0)
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("visits/*") if path.is_file()]
    station.refresh_from_db()


def test_a_link_that_was_never_used_goes_90_days_after_its_time(station: Station, clerk: User) -> None:
    visiting.issue(station=station, actor=clerk, at=NOON)
    waiting = sent(station, clerk)
    at = NOON + 97 * DAY
    assert visiting.purge_links(now=at - timedelta(seconds=1)) == 0
    assert [visiting.purge_links(now=at, dry_run=True), visiting.purge_links(now=at)] == [1, 1]
    assert VisitLink.objects.get() == waiting.link


def test_notices_go_90_days_after_they_were_sent_or_given_up_and_not_before() -> None:
    for matter in ("sent", "given up", "waits"):
        notices.add(matter=matter, text="x", recipients=[], at=NOON)
    Notice.objects.exclude(matter="waits").update(next_attempt_at=None)
    at = NOON + 90 * DAY
    assert [notices.purge(now=at), notices.purge(now=at + timedelta(seconds=1), dry_run=True)] == [0, 2]
    assert notices.purge(now=at + timedelta(seconds=1)) == 2
    assert Notice.objects.get().matter == "waits"


def old_of_every_kind(station: Station, clerk: User, now: datetime) -> None:
    long_ago = now - 400 * DAY
    limits.count(limits.Limit("test", calls=1, window_s=60), key="k", at=long_ago)
    IdempotentRequest.objects.create(key="k", request_digest="0" * 64, status=200, body=b"", made_at=long_ago)
    notices.add(matter="old", text="x", recipients=[], at=long_ago)
    Notice.objects.update(next_attempt_at=None)
    Session.objects.create(session_key="k" * 32, session_data="", expire_date=long_ago)
    visiting.issue(station=station, actor=clerk, at=long_ago)
    link, _token = visiting.issue(station=station, actor=clerk, at=long_ago)
    visiting.report(link=link, answers=Answers("entered"), witness="w", at=long_ago)
    membership.reset_pin_link(courier=make_courier(at=long_ago), actor=clerk, at=long_ago)
    devices.sign_in(courier=make_courier(at=long_ago), kind="iphone", at=long_ago)
    CourierList.objects.create(
        made_by=clerk, made_at=long_ago, changed_at=long_ago, division=make_district(), source="x.csv", state="previewed",
        file=default_storage.save("courier-lists/x", ContentFile(b"sealed")),
    )  # fmt: skip
    ImportJob.objects.create(
        made_by=clerk, acting=clerk, made_at=long_ago, changed_at=long_ago, finished_at=long_ago, division=make_district(),
        source="x.csv", state="dropped", file=default_storage.save("imports/x", ContentFile(b"rows")),
    )  # fmt: skip


def left() -> list[int]:
    models: list[Any] = [Counter, IdempotentRequest, Notice, Session, VisitReport, VisitLink, PinReset, Device]
    lists: list[Any] = [CourierList, ImportJob]
    return [*(model.objects.count() for model in models), *(model.objects.exclude(file="").count() for model in lists)]


def test_the_command_says_what_it_would_remove_and_then_removes_it(
    station: Station, clerk: User, capsys: pytest.CaptureFixture[str]
) -> None:
    old_of_every_kind(station, clerk, clock.now())
    assert left() == [1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    call_command("purge", dry_run=True)
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[:-1]] == ["1"] * 10
    assert left() == [1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    call_command("purge")
    assert capsys.readouterr().out.splitlines() == said[:-1]
    assert left() == [0] * 10
    call_command("purge")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0"] * 10


def test_the_worker_does_the_same(station: Station, clerk: User, settings: Any) -> None:
    old_of_every_kind(station, clerk, clock.now())
    assert ("core.purging.purge", 3600) in settings.PERIODIC_JOBS
    assert set(purging.purge(now=clock.now(), dry_run=True).values()) == {1}
    settings.PERIODIC_JOBS = [("core.purging.purge", 3600)]
    call_command("worker", once=True)
    assert left() == [0] * 10
