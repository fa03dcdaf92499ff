"""Long lists: written by the worker, resumed after a kill, claimed by one worker at a time; and what the database refuses."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as project
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction

from core import clock
from core.models import AuditEvent, User
from stations.importing import importing as importing_module
from stations.importing import jobs
from stations.importing.jobs import ImportMovedOn, PreviewOutdated
from stations.models import Division, ImportJob, Station
from tests.builders import NOON, make_staff
from tests.stations.importing.files import csv_file

HEADINGS = ["名称", "区", "街道", "社区", "地址"]
LATER = NOON + timedelta(hours=1)


def rows(count: int) -> list[list[str]]:
    return [HEADINGS, *([f"第{n}号点", "武昌", "徐家棚街", f"第{n % 3}社区", f"和平大道{n}号"] for n in range(count))]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "INLINE_ROWS", 10)
    monkeypatch.setattr(importing_module, "BATCH_ROWS", 10)


@pytest.fixture
def clerk(town: None) -> User:  # noqa: ARG001
    return make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"])


def bring(clerk: User, count: int = 45) -> ImportJob:
    return jobs.bring(
        file=io.BytesIO(csv_file(rows(count))), source="台账.csv", division="420106", actor=clerk, at=NOON
    )


def previewed(clerk: User, count: int = 45) -> ImportJob:
    job = bring(clerk, count)
    jobs.run_due(now=NOON)
    job.refresh_from_db()
    return job


def confirmed(clerk: User, count: int = 45) -> ImportJob:
    job = previewed(clerk, count)
    return jobs.confirm(job=job, revision=job.revision, actor=clerk, at=LATER)


def counts(job: ImportJob) -> tuple[str, int, int, int, int]:
    job.refresh_from_db()
    return str(job.state), job.created, job.updated, job.unchanged, job.refused


@pytest.mark.django_db
def test_a_long_list_is_looked_through_and_written_by_the_worker(clerk: User) -> None:
    job = bring(clerk)
    assert (job.state, job.rows_done) == ("reading", 0)
    assert jobs.run_due(now=NOON) == 1
    assert counts(job) == ("previewed", 45, 0, 0, 0)
    assert Station.objects.count() == 0
    jobs.confirm(job=job, revision=job.revision, actor=clerk, at=LATER)
    assert (counts(job), Station.objects.count()) == (("writing", 0, 0, 0, 0), 0)
    assert jobs.run_due(now=LATER) == 1
    assert counts(job) == ("done", 45, 0, 0, 0)
    assert job.report["sentence"] == "45个:新增45"
    assert Station.objects.filter(created_at=LATER).count() == 45
    event = AuditEvent.objects.get(kind="stations.imported")
    assert (event.actor, event.data["created"]) == (clerk, 45)
    assert jobs.run_due(now=LATER) == 0


class Killed(BaseException):
    pass


def killed_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Let the worker die within the batch that comes after `batches` whole ones."""
    write = importing_module._Importer._write
    taken = []

    def die(self: Any, batch: Any) -> None:
        write(self, batch)
        taken.append(batch)
        if len(taken) > batches:
            raise Killed

    monkeypatch.setattr(importing_module._Importer, "_write", die)


@pytest.mark.django_db
@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_killed_worker_is_followed_by_another_and_each_row_counts_once(
    clerk: User, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    job = confirmed(clerk)
    with monkeypatch.context() as patched:
        killed_after(patched, batches)
        with pytest.raises(Killed):
            jobs.run_due(now=clock.now())
    assert counts(job) == ("writing", 10 * batches, 0, 0, 0)
    assert Station.objects.count() == 10 * batches
    # The hold of the dead worker must run out first.
    assert jobs.run_due(now=clock.now()) == 0
    assert jobs.run_due(now=clock.now() + jobs.LEASE * 2) == 1
    assert counts(job) == ("done", 45, 0, 0, 0)
    assert job.report["sentence"] == "45个:新增45"
    assert Station.objects.filter(created_at=LATER).count() == 45


@pytest.mark.django_db
def test_a_worker_that_was_taken_for_dead_writes_no_more(clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = confirmed(clerk)
    watch = jobs._Claim.__call__
    others: list[int] = []

    def slow(claim: Any, batch: Any) -> None:
        if batch.rows_done == 20 and not others:
            others.append(1)
            # Meanwhile another one takes over and gets half way.
            ImportJob.objects.filter(pk=job.pk).update(claimed_until=clock.now() + jobs.LEASE * 3)
        watch(claim, batch)

    monkeypatch.setattr(jobs._Claim, "__call__", slow)
    jobs.run_due(now=clock.now())
    assert counts(job) == ("writing", 10, 0, 0, 0)
    assert Station.objects.count() == 10


@pytest.mark.django_db
def test_a_list_that_never_comes_to_its_end_is_given_up(clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = confirmed(clerk)
    now = clock.now()
    with monkeypatch.context() as patched:
        killed_after(patched, 0)
        for turn in range(jobs.MAX_ATTEMPTS):
            with pytest.raises(Killed):
                jobs.run_due(now=now + jobs.LEASE * 2 * turn)
    assert jobs.run_due(now=now + jobs.LEASE * 20) == 0
    assert counts(job)[0] == "failed"
    assert str(jobs.MAX_ATTEMPTS) in job.reason


@pytest.mark.django_db
def test_what_cannot_be_read_fails_with_the_reason(clerk: User) -> None:
    headless = csv_file([["甲", "乙"]] * 30)
    job = jobs.bring(file=io.BytesIO(headless), source="x.csv", division="420106", actor=clerk, at=NOON)
    jobs.run_due(now=NOON)
    assert counts(job)[0] == "failed"
    assert "表头" in job.reason
    gone = bring(clerk)
    default_storage.delete(gone.file)
    jobs.run_due(now=NOON)
    assert counts(gone)[0] == "failed"
    assert "重新上传" in gone.reason


@pytest.mark.django_db
def test_a_role_that_has_ended_writes_nothing(clerk: User) -> None:
    job = confirmed(clerk)
    clerk.staff_roles.update(ends_at=NOON)
    jobs.run_due(now=clock.now())
    assert (counts(job)[0], Station.objects.count()) == ("failed", 0)
    assert "wuchang" in job.reason


@pytest.mark.django_db
def test_what_was_written_before_a_role_ended_is_in_the_trail(clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = confirmed(clerk)
    with monkeypatch.context() as patched:
        killed_after(patched, 1)
        with pytest.raises(Killed):
            jobs.run_due(now=clock.now())
    clerk.staff_roles.update(ends_at=NOON)
    jobs.run_due(now=clock.now() + jobs.LEASE * 2)
    assert counts(job) == ("failed", 10, 0, 0, 0)
    event = AuditEvent.objects.get(kind="stations.imported")
    assert (event.actor_name, event.data["created"]) == ("wuchang", 10)


@pytest.mark.django_db
def test_where_something_changes_on_the_way_the_rest_is_shown_anew(clerk: User) -> None:
    job = confirmed(clerk)
    Station.objects.create(code="WH-WC-0900", name="第25号点", division_id="420106003", address="别处")
    jobs.run_due(now=clock.now())
    assert counts(job) == ("reading", 0, 0, 0, 0)
    assert Station.objects.count() == 21
    assert AuditEvent.objects.get(kind="stations.imported").data["created"] == 20
    jobs.run_due(now=clock.now())
    assert counts(job) == ("previewed", 24, 1, 20, 0)
    assert job.report["since"] == {"rows": [], "sentence": "试导入，未写入。45个:新增45", "written": 20}
    jobs.confirm(job=job, revision=job.revision, actor=clerk, at=clock.now())
    jobs.run_due(now=clock.now())
    assert counts(job) == ("done", 24, 1, 20, 0)


@pytest.mark.django_db
def test_answers_to_a_long_list_are_gathered_and_taken_together(clerk: User) -> None:
    sheet = rows(45)
    sheet[3][2] = sheet[7][2] = "徐家朋街"
    sheet[9][2] = "没有街"
    job = jobs.bring(file=io.BytesIO(csv_file(sheet)), source="x.csv", division="420106", actor=clerk, at=NOON)
    jobs.run_due(now=NOON)
    assert counts(job) == ("previewed", 42, 0, 0, 3)
    for wording in ("徐家朋街", "没有街"):
        job = jobs.answer(job=job, subject=f"division:420106:{wording}", said="420106003", actor=clerk, at=NOON)
    assert counts(job) == ("previewed", 42, 0, 0, 3)
    with pytest.raises(PreviewOutdated):
        jobs.confirm(job=job, revision=job.revision, actor=clerk, at=LATER)
    jobs.look_again(job=job, actor=clerk, at=NOON)
    jobs.run_due(now=NOON)
    assert counts(job) == ("previewed", 45, 0, 0, 0)


@pytest.mark.django_db
def test_files_go_a_week_after_the_end_and_forgotten_previews_after_a_month(clerk: User) -> None:
    done, waiting = confirmed(clerk), previewed(clerk, 8)
    jobs.run_due(now=LATER)
    names = [ImportJob.objects.get(pk=job.pk).file for job in (done, waiting)]
    assert jobs.purge(now=LATER + timedelta(days=6)) == 0
    assert all(map(default_storage.exists, names))
    assert jobs.purge(now=LATER + timedelta(days=8), dry_run=True) == 1
    assert all(map(default_storage.exists, names))
    assert jobs.purge(now=LATER + timedelta(days=8)) == 1
    assert [default_storage.exists(name) for name in names] == [False, True]
    done.refresh_from_db()
    assert (done.file, done.state, done.report) == ("", "done", {"sentence": "45个:新增45"})
    jobs.purge(now=LATER + timedelta(days=31))
    assert counts(waiting)[0] == "dropped"
    assert jobs.purge(now=LATER + timedelta(days=40)) == 1
    assert not default_storage.exists(names[1])


@pytest.mark.django_db
def test_the_database_refuses_what_cannot_be(clerk: User) -> None:
    job = previewed(clerk, 8)
    assert counts(job) == ("previewed", 8, 0, 0, 0)
    impossible: list[dict[str, Any]] = [
        {"state": "elsewhere"},
        {"created": 1},
        {"rows_total": 9},
        {"rows_done": 99},
        {"state": "done", "finished_at": NOON},
        {"state": "done", "runs": [NOON]},
        {"state": "failed", "finished_at": NOON},
        {"state": "dropped"},
        {"claimed_until": NOON},
        {"file": ""},
        {"finished_at": NOON},
    ]
    for facts in impossible:
        with pytest.raises(IntegrityError), transaction.atomic():
            ImportJob.objects.filter(pk=job.pk).update(**facts)
    assert ImportJob.objects.filter(pk=job.pk).update(state="done", finished_at=NOON, runs=[NOON]) == 1


# ── At once ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def committed_clerk(committed_town: None) -> User:  # noqa: ARG001
    return make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"])


def together(count: int, run: Callable[[], object]) -> list[object]:
    """What `count` threads that begin together get."""
    start, ended = threading.Barrier(count), []

    def one() -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            ended.append(run())
        except (ImportMovedOn, PreviewOutdated) as refusal:
            ended.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one) for _n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return ended


def test_of_two_who_confirm_one_writes(committed_clerk: User) -> None:
    job = previewed(committed_clerk, 8)
    ended = together(2, lambda: jobs.confirm(job=job, revision=job.revision, actor=committed_clerk, at=LATER))
    assert sorted(type(each).__name__ for each in ended) == ["ImportJob", "ImportMovedOn"]
    assert counts(job) == ("done", 8, 0, 0, 0)
    assert AuditEvent.objects.filter(kind="stations.imported").count() == 1


def test_without_its_guards_both_would_write(committed_clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without the lock both pass, and without the preview's digests the second one writes over the first."""
    inside = threading.Barrier(2)

    def unlocked(job: ImportJob, *, actor: User) -> ImportJob:  # noqa: ARG001
        found = ImportJob.objects.get(pk=job.pk)
        inside.wait(timeout=20)
        return found

    monkeypatch.setattr(jobs, "_locked", unlocked)
    monkeypatch.setattr(jobs._Writing, "__call__", lambda *_arguments: None)
    job = previewed(committed_clerk, 8)
    together(2, lambda: jobs.confirm(job=job, revision=job.revision, actor=committed_clerk, at=LATER))
    assert AuditEvent.objects.filter(kind="stations.imported").count() == 2
    assert counts(job) == ("done", 0, 0, 8, 0)


def test_of_two_workers_one_takes_the_list(committed_clerk: User, monkeypatch: pytest.MonkeyPatch) -> None:
    job = bring(committed_clerk)
    meet = threading.Barrier(2)
    look = jobs._look_through

    def slowly(*arguments: Any, **options: Any) -> None:
        meet.wait(timeout=20)
        look(*arguments, **options)

    monkeypatch.setattr(jobs, "_look_through", slowly)

    def run() -> int:
        taken = jobs.run_due(now=NOON)
        if not taken:
            meet.wait(timeout=20)
        return taken

    assert sorted(map(str, together(2, run))) == ["0", "1"]
    assert counts(job) == ("previewed", 45, 0, 0, 0)


def test_a_worker_killed_by_the_system_is_followed_by_another(committed_clerk: User) -> None:
    job = confirmed(committed_clerk)
    program = (
        "import os, signal, sys, django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.db import connection\n"
        "connection.settings_dict['NAME'] = sys.argv[1]\n"
        "settings.MEDIA_ROOT = sys.argv[2]\n"
        "from core import clock\n"
        "from stations.importing import importing, jobs\n"
        "importing.BATCH_ROWS = 10\n"
        "write = importing._Importer._write\n"
        "taken = []\n"
        "def die_within_the_third(self, batch):\n"
        "    taken.append(batch)\n"
        "    write(self, batch)\n"
        "    if len(taken) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "importing._Importer._write = die_within_the_third\n"
        "jobs.run_due(now=clock.now())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, connection.settings_dict["NAME"], str(project.MEDIA_ROOT)],
        cwd=project.BASE_DIR, env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"}, check=False,
    )  # fmt: skip
    assert ended.returncode == -signal.SIGKILL
    assert counts(job) == ("writing", 20, 0, 0, 0)
    jobs.run_due(now=clock.now() + jobs.LEASE * 2)
    assert counts(job) == ("done", 45, 0, 0, 0)
    assert Station.objects.count() == 45
