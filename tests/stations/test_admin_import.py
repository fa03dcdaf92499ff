"""The import in the admin: the file, the preview, the doubts one by one, the confirmation, and what came of it."""

import io
import re
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.models import AuditEvent, User
from stations.importing import jobs
from stations.models import AmenityWord, Division, DivisionAlias, ImportJob, Station
from tests.builders import make_staff
from tests.stations.importing.files import csv_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("town")]

UPLOAD = "admin:stations_station_import"
HEADINGS = ["名称", "区", "街道", "地址"]
LIST = [
    HEADINGS,
    ["武车蜂巢", "武昌", "徐家棚街", "和平大道1号"],
    ["杨园蜂巢", "武昌", "杨园街", "友谊大道2号"],
    ["没街蜂巢", "武昌", "徐家朋街", "和平大道3号"],
    ["武车驿站", "武昌", "徐家棚街", "和平大道4号"],
]


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def clerk() -> Client:
    return signed_in(make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"]))


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def bring(client: Client, rows: Sequence[Sequence[Any]] | bytes, *, division: str = "420106", name: str = "台账.csv") -> Any:
    data = rows if isinstance(rows, bytes) else csv_file(rows)
    return client.post(reverse(UPLOAD), {"file": SimpleUploadedFile(name, data), "division": division})


def newest() -> ImportJob:
    return ImportJob.objects.latest("pk")


def page(client: Client, job: ImportJob) -> str:
    answer = client.get(address(job))
    assert answer.status_code == 200
    return str(answer.content.decode())


def address(job: ImportJob) -> str:
    return reverse("admin:stations_station_import_job", args=[job.pk])


def do(client: Client, job: ImportJob, what: str, **values: Any) -> Any:
    return client.post(address(job), {"do": what, "revision": job.revision, **values}, follow=True)


def asked(job: ImportJob) -> list[tuple[str, str]]:
    return [(finding.code, finding.subject) for finding in jobs.findings_of(job)]


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.created, job.updated, job.unchanged, job.refused


def test_a_list_is_previewed_asked_about_confirmed_and_published(clerk: Client) -> None:
    answer = bring(clerk, LIST)
    job = newest()
    assert answer.headers["Location"] == address(job)
    assert (job.state, counts(job), Station.objects.count()) == ("previewed", (2, 0, 0, 2), 0)
    shown = page(clerk, job)
    for said in ("武车蜂巢", "徐家棚街道", "第4行", "徐家朋街", job.report["sentence"]):
        assert said in shown
    (unknown, wording), (duplicate, same) = asked(job)
    assert (unknown, duplicate) == ("subdistrict_unknown", "duplicate")

    do(clerk, job, "answer", subject=wording, said="420106003")
    do(clerk, newest(), "answer", subject=same, said="新建")
    job = newest()
    assert (counts(job), asked(job), Station.objects.count()) == ((4, 0, 0, 0), [], 0)
    assert not DivisionAlias.objects.filter(name="徐家朋街").exists()

    shown = do(clerk, job, "confirm").content.decode()
    job = newest()
    assert (job.state, counts(job), Station.objects.count()) == ("done", (4, 0, 0, 0), 4)
    assert "4个:新增4" in shown
    assert DivisionAlias.objects.filter(name="徐家朋街", division="420106003").exists()
    event = AuditEvent.objects.get(kind="stations.imported")
    assert (event.actor_name, event.subject_code, event.data["created"], event.data["source"]) == (
        "wuchang", "420106", 4, "台账.csv",
    )  # fmt: skip
    drafts = re.search(r'href="([^"]+\?import=[^"]+status__exact=draft)"', shown)
    assert drafts is not None
    listed = clerk.get(drafts[1].replace("&amp;", "&")).content.decode()
    assert all(row[0] in listed for row in LIST[1:])
