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

from core import clock
from core.errors import NotFound
from core.models import AuditEvent, User
from stations import divisions
from stations.access import DutyMissing
from stations.importing import import_stations, jobs
from stations.models import AmenityWord, Division, DivisionAlias, ImportJob, Station
from tests.builders import NOON, make_staff
from tests.stations.importing.files import archive, csv_file, sheet_xml, xlsx_parts

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


@pytest.fixture
def clerk() -> Client:
    return signed_in(make_staff("wuchang", scope=Division.objects.get(pk="420106"), duties=["manage"]))


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def bring(
    client: Client, rows: Sequence[Sequence[Any]] | bytes, *, division: str = "420106", name: str = "台账.csv"
) -> Any:
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


def test_the_preview_says_where_a_new_station_is(clerk: Client) -> None:
    bring(
        clerk,
        [
            ["名称", "区", "地址", "楼层", "纬度", "经度", "坐标系"],
            ["武车蜂巢", "武昌", "和平大道1号", "一楼", "30.5801", "114.3402", "wgs84"],
            ["杨园蜂巢", "武昌", "友谊大道2号", "", "", "", ""],
        ],
    )
    shown = page(clerk, newest())
    placed, unplaced = re.findall(r"<tr><td>第[23]行</td>.*?</tr>", shown)
    assert "和平大道1号 一楼</td><td>✓</td>" in placed
    assert "友谊大道2号</td><td>没有位置</td>" in unplaced


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


def test_a_column_that_is_not_read_is_said_before_what_is_asked_and_written(clerk: Client) -> None:
    bring(clerk, [[*row, "" if number else "星标"] for number, row in enumerate(LIST)])
    shown = page(clerk, newest())
    assert shown.index("星标") < shown.index("徐家朋街") < shown.index("武车蜂巢")


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"%PDF-1.7 not a list", "PDF"),
        (b"\x00" * 40, "空"),
        (csv_file([["武车", "徐家棚街道"], ["和平", "徐家棚街道"]]), "表头"),
    ],
)
def test_what_is_no_list_is_refused_beside_the_field_and_not_kept(clerk: Client, data: bytes, said: str) -> None:
    answer = bring(clerk, data)
    assert answer.status_code == 200
    (error,) = answer.context["form"].errors["file"]
    assert said in error
    assert (ImportJob.objects.count(), kept_files()) == (0, [])


def kept_files() -> list[str]:
    return default_storage.listdir(jobs.FOLDER)[1] if default_storage.exists(jobs.FOLDER) else []


def test_a_file_that_is_too_large_says_how_large_it_may_be(clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MAX_UPLOAD_BYTES", 2**20)
    assert "1 MB" in bring(clerk, b"a" * (2**20 + 1)).context["form"].errors["file"][0]
    assert clerk.post(reverse(UPLOAD), {"division": "420106"}).context["form"].errors["file"]


def test_the_file_lies_under_a_name_that_tells_nothing_and_has_no_address(clerk: Client) -> None:
    bring(clerk, LIST, name="绝密台账.csv")
    (name,) = kept_files()
    assert re.fullmatch(r"[0-9a-f]{32}", name)
    assert name not in page(clerk, newest())
    for guess in (f"/media/imports/{name}", f"/imports/{name}", f"/static/imports/{name}"):
        assert clerk.get(guess).status_code == 404


def test_the_template_can_be_taken_from_the_page(clerk: Client) -> None:
    answer: Any = clerk.get(reverse("admin:stations_station_import_template"))
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert workbook.worksheets[0]["B1"].value == "名称"


# ── Settling doubts ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_rows_in_doubt_are_left_out_and_settled_after_the_import(clerk: Client) -> None:
    bring(clerk, LIST)
    do(clerk, newest(), "confirm")
    job = newest()
    assert (job.state, counts(job)) == ("done", (2, 0, 0, 2))
    do(clerk, job, "again")
    job = newest()
    assert (job.state, counts(job)) == ("previewed", (0, 0, 2, 2))
    for _code, subject in asked(job):
        do(clerk, newest(), "answer", subject=subject, said={"d": "420106003", "s": "新建"}[subject[0]])
    do(clerk, newest(), "confirm")
    job = newest()
    assert (job.state, counts(job), len(job.runs)) == ("done", (2, 0, 2, 0), 2)
    listed = clerk.get(f"{reverse('admin:stations_station_changelist')}?import={job.pk}").context["cl"]
    assert listed.result_count == 4


def test_what_else_is_found_in_a_row_that_is_not_written_stands_beside_it(clerk: Client) -> None:
    """A cell of a row in doubt, of a refused row and of a written one: only the last is said to be written without it."""
    odd = "不知道"
    rows = [
        [*HEADINGS, "类别"],
        ["没街蜂巢", "武昌", "徐家朋街", "和平大道3号", odd],
        ["", "武昌", "徐家棚街", "和平大道5号", odd],
        ["武车蜂巢", "武昌", "徐家棚街", "和平大道1号", "甲等"],
    ]
    bring(clerk, rows)
    job = newest()
    shown = clerk.get(address(job)).context
    assert counts(job) == (1, 0, 0, 2)
    assert [(each.finding.value, each.is_doubt) for each in shown["checks"]] == [("甲等", False)]
    [doubt] = shown["doubts"]
    [(_place, _refusal, beside)] = shown["refusals"]
    assert odd in doubt.also[0]
    assert odd in beside[0]
    assert "不答也会导入" in page(clerk, job)

    bring(clerk, rows[:-1], name="全都没写.csv")
    assert "不答也会导入" not in page(clerk, newest())
    assert page(clerk, newest()).count(odd) >= 2

    bring(clerk, [rows[0], rows[-1]], name="写了.csv")
    do(clerk, newest(), "confirm")
    bring(clerk, [rows[0], rows[-1]], name="照旧.csv")
    assert counts(newest()) == (0, 0, 1, 0)
    assert [each.finding.value for each in clerk.get(address(newest())).context["checks"]] == ["甲等"]
    assert "不答也会导入" not in page(clerk, newest())


def test_a_row_can_be_the_station_that_is_there_already(clerk: Client) -> None:
    bring(clerk, LIST[:2])
    do(clerk, newest(), "confirm")
    bring(clerk, [HEADINGS, ["武车驿站", "武昌", "徐家棚街", "新地址"]])
    job = newest()
    [(code, subject)] = asked(job)
    choices = dict(jobs.findings_of(job)[0].choices)
    assert (code, list(choices)) == ("duplicate", ["同 WH-WC-0001", "新建"])
    shown = do(clerk, job, "answer", subject=subject, said="同 WH-WC-0001").content.decode()
    assert "<del>和平大道1号</del> → <ins>新地址</ins>" in shown
    do(clerk, newest(), "confirm")
    assert Station.objects.get().aliases == ["武车驿站"]


def test_what_is_left_out_for_now_comes_last_and_answers_can_be_taken_back(clerk: Client) -> None:
    bring(clerk, LIST)
    (_code, wording), (_other, same) = asked(newest())
    shown = do(clerk, newest(), "leave", subject=wording)
    assert [each.finding.subject for each in shown.context["doubts"]] == [same]
    assert [each.finding.subject for each in shown.context["left_out"]] == [wording]
    do(clerk, newest(), "answer", subject=same, said="新建")
    assert counts(newest()) == (3, 0, 0, 1)
    do(clerk, newest(), "take-back", subject=same)
    assert counts(newest()) == (2, 0, 0, 2)


def test_an_answer_that_fits_nothing_is_said_at_its_doubt(clerk: Client) -> None:
    bring(clerk, LIST)
    (_code, wording), _same = asked(newest())
    assert "不晓得" in do(clerk, newest(), "answer", subject=wording, other="不晓得").content.decode()
    assert counts(newest()) == (2, 0, 0, 2)
    before = newest().revision
    for values in ({"subject": wording}, {"subject": "same:420106:没有这条", "said": "新建"}):
        assert do(clerk, newest(), "answer", **values).context["messages"]
    assert newest().revision == before


def test_a_long_list_gathers_its_answers_and_shows_how_far_it_is(
    clerk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "INLINE_ROWS", 2)
    bring(clerk, LIST)
    shown = page(clerk, newest())
    assert 'id="import-progress"' in shown
    assert '<noscript><meta http-equiv="refresh"' in shown
    jobs.run_due(now=clock.now())
    for answered, (_code, subject) in enumerate(asked(newest()), 1):
        answer = do(clerk, newest(), "answer", subject=subject, said={"d": "420106003", "s": "新建"}[subject[0]])
        assert (len(answer.context["doubts"]), len(answer.context["given"])) == (2 - answered, answered)
    assert 'value="again"' in answer.content.decode()
    assert 'value="confirm"' not in answer.content.decode()
    do(clerk, newest(), "again")
    jobs.run_due(now=clock.now())
    do(clerk, newest(), "confirm")
    assert (newest().state, Station.objects.count()) == ("writing", 0)
    jobs.run_due(now=clock.now())
    assert (counts(newest()), Station.objects.count()) == ((4, 0, 0, 0), 4)


def test_a_colleague_goes_on_with_a_list_whose_clerk_has_left(clerk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "INLINE_ROWS", 2)
    bring(clerk, LIST)
    jobs.run_due(now=clock.now())
    do(clerk, newest(), "confirm")
    User.objects.filter(username="wuchang").update(is_active=False)
    jobs.run_due(now=clock.now())
    assert newest().state == "failed"
    colleague = signed_in(make_staff("colleague", scope=Division.objects.get(pk="420106"), duties=["manage"]))
    assert 'value="again"' in page(colleague, newest())
    do(colleague, newest(), "again")
    jobs.run_due(now=clock.now())
    do(colleague, newest(), "confirm")
    jobs.run_due(now=clock.now())
    assert (newest().state, newest().reason, Station.objects.count()) == ("done", "", 2)


def test_one_datum_settles_all_positions_alike(clerk: Client) -> None:
    rows = [["名称", "区", "坐标"], *([f"第{n}点", "武昌", f"114.34{n}0,30.58{n}0"] for n in range(1, 5))]
    bring(clerk, rows)
    job = newest()
    shown = clerk.get(address(job)).context["checks"]
    assert [(each.alike, len(each.places)) for each in shown] == [(3, 4)]
    do(clerk, job, "answer", subject=asked(job)[0][1], said="gcj02")
    assert [each.alike for each in clerk.get(address(job)).context["checks"]] == [2]
    do(clerk, newest(), "answer", subject=asked(newest())[0][1], said="wgs84", alike="on")
    assert asked(newest()) == []
    do(clerk, newest(), "confirm")
    assert sorted(Station.objects.values_list("entered_crs", flat=True)) == ["gcj02", "wgs84", "wgs84", "wgs84"]


def test_a_word_for_an_amenity_is_remembered_by_its_office_and_learnt_from_the_city(clerk: Client) -> None:
    rows = [["名称", "区", "设施"], ["武车", "武昌", "烘手神器"]]
    bring(clerk, rows)
    do(clerk, newest(), "answer", subject="amenity:烘手神器", said="clothes-drying")
    do(clerk, newest(), "confirm")
    assert list(Station.objects.get().amenities.values_list("code", flat=True)) == ["clothes-drying"]
    assert not AmenityWord.objects.filter(word="烘手神器").exists()
    bring(clerk, [rows[0], ["和平", "武昌", "烘手神器"]])
    assert asked(newest()) == []

    city = signed_in(make_staff("city", scope=Division.objects.get(pk="4201"), duties=["manage"]))
    bring(city, [rows[0], ["杨园", "武昌", "烘手神器"]], division="4201")
    do(city, newest(), "answer", subject="amenity:烘手神器", said="clothes-drying")
    do(city, newest(), "confirm")
    assert AmenityWord.objects.filter(word="烘手神器", amenity="clothes-drying").exists()


def test_the_result_file_can_be_filled_in_and_handed_back(clerk: Client) -> None:
    bring(clerk, LIST)
    job = newest()
    answer: Any = clerk.get(reverse("admin:stations_station_import_result", args=[job.pk]))
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    sheet = workbook.worksheets[0]
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row=row, column=9).value = {"没街蜂巢": "徐家棚街道", "徐家朋街": "徐家棚街道"}.get(
            str(sheet.cell(row=row, column=5).value), "新建"
        )
    filled = io.BytesIO()
    workbook.save(filled)
    do(clerk, job, "hand-back", file=SimpleUploadedFile("台账.结果.xlsx", filled.getvalue()))
    assert (counts(newest()), asked(newest())) == ((4, 0, 0, 0), [])
    wrong = do(clerk, newest(), "hand-back", file=SimpleUploadedFile("x.csv", csv_file(LIST)))
    assert "处理" in str(next(iter(wrong.context["messages"])))


def test_no_text_breaks_the_page(clerk: Client) -> None:
    """NUL in a workbook and in an answer, markup in cells, and what is no answer at all."""
    cells = "".join(
        f'<row r="{row}">'
        + "".join(f'<c r="{column}{row}" t="inlineStr"><is><t>{text}</t></is></c>' for column, text in line)
        + "</row>"
        for row, line in enumerate(
            [
                [("A", "名称"), ("B", "街道"), ("C", "开放时间"), ("D", "设施")],
                [
                    ("A", "甲_x0000_点"),
                    ("B", "徐家_x0000_朋街"),
                    ("C", "看_x0000_社区"),
                    ("D", "&lt;script&gt;烘手_x0000_神器"),
                ],
            ],
            1,
        )
    )
    assert bring(clerk, archive(xlsx_parts(sheet_xml(cells)))).status_code == 302
    job = newest()
    assert {code for code, _subject in asked(job)} == {"subdistrict_unknown", "hours_unread", "amenity_unknown"}
    shown = page(clerk, job)
    assert "&lt;script&gt;烘手神器" in shown
    assert "<script>烘手" not in shown
    for values in (
        {"do": "answer", "subject": asked(job)[0][1], "said": "徐家\0棚"},
        {"do": "answer", "subject": "\0", "said": "x"},
        {"do": "confirm", "revision": "9" * 30},
        {"do": "confirm", "revision": "\0"},
        {"do": "hand-back"},
        {"do": "hand-back", "file": SimpleUploadedFile("x.xlsx", b"PK\x03\x04broken")},
    ):
        assert clerk.post(address(job), values).status_code == 302
    assert clerk.post(address(job), {"do": "something"}).status_code == 404
    for query in ("x", "0", "9" * 30, "%00"):
        assert clerk.get(f"{reverse('admin:stations_station_changelist')}?import={query}").status_code in (
            200,
            302,
            400,
        )
    do(clerk, newest(), "confirm")
    assert Station.objects.get().hours_text == "看社区"


# ── Confirming ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_changed_since_the_preview_is_shown_before_anything_is_written(clerk: Client) -> None:
    bring(clerk, LIST[:3])
    job = newest()
    Station.objects.create(code="WH-WC-0009", name="杨园蜂巢", division_id="420106002", address="旧地址")
    shown = do(clerk, job, "confirm")
    job = newest()
    assert (job.state, counts(job), Station.objects.count()) == ("previewed", (1, 1, 0, 0), 1)
    assert shown.context["since"]["places"] == ["第3行"]
    assert "WH-WC-0009" in shown.content.decode()
    assert Division.objects.get(pk="420106").stations_numbered == 0
    do(clerk, job, "confirm")
    assert (newest().state, Station.objects.get(code="WH-WC-0009").address) == ("done", "友谊大道2号")


def test_only_the_preview_that_was_seen_is_confirmed_and_only_once(clerk: Client) -> None:
    bring(clerk, LIST)
    stale = newest()
    do(clerk, stale, "answer", subject=asked(stale)[1][1], said="新建")
    do(clerk, stale, "confirm")
    assert (newest().state, Station.objects.count()) == ("previewed", 0)
    do(clerk, newest(), "confirm")
    done = newest()
    again = do(clerk, done, "confirm")
    assert list(again.context["messages"])
    assert (newest().changed_at, Station.objects.count()) == (done.changed_at, 3)
    assert AuditEvent.objects.filter(kind="stations.imported").count() == 1


def test_a_list_can_be_put_aside_but_not_after_it_was_written(clerk: Client) -> None:
    bring(clerk, LIST)
    do(clerk, newest(), "drop")
    assert newest().state == "dropped"
    do(clerk, newest(), "confirm")
    assert (newest().state, Station.objects.count()) == ("dropped", 0)
    bring(clerk, LIST)
    do(clerk, newest(), "confirm")
    do(clerk, newest(), "drop")
    assert newest().state == "done"
    do(clerk, newest(), "again")
    shown = do(clerk, newest(), "drop").content.decode()
    assert newest().state == "dropped"
    assert "没有写入任何内容" not in shown
    assert f"import={newest().pk}" in shown


def test_a_file_that_is_gone_is_said_and_nothing_breaks(clerk: Client) -> None:
    bring(clerk, LIST)
    default_storage.delete(newest().file)
    answer = do(clerk, newest(), "confirm")
    assert (answer.status_code, newest().state) == (200, "previewed")
    assert "重新上传" in str(next(iter(answer.context["messages"])))


# ── Scope ───────────────────────────────────────────────────────────────────────────────────────────────────────────


CANARY = "金丝雀"


@pytest.fixture
def neighbour() -> Client:
    """A clerk of 硚口 with an import of his own."""
    client = signed_in(make_staff("qiaokou", scope=Division.objects.get(pk="420104"), duties=["manage"]))
    bring(
        client,
        [HEADINGS, [f"{CANARY}蜂巢", "硚口", "韩家墩街", f"{CANARY}路"]],
        division="420104",
        name=f"{CANARY}.csv",
    )
    return client


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("door", ["stations_station_import_job", "stations_station_import_result"])
def test_a_foreign_import_is_as_if_it_were_not_there(clerk: Client, neighbour: Client, door: str, method: str) -> None:
    foreign = newest()
    addresses = [reverse(f"admin:{door}", args=[key]) for key in (foreign.pk, 10**9)]
    values = {"do": "confirm", "revision": foreign.revision}
    bodies = []
    for url in addresses:
        answer = getattr(clerk, method)(url, values)
        assert answer.status_code == 404
        bodies.append(answer.content.decode().replace(url, "").replace(url.replace("/", "%2F"), ""))
    assert bodies[0] == bodies[1]
    assert CANARY not in bodies[0]
    assert newest().state == "previewed"
    assert CANARY not in clerk.get(reverse(UPLOAD)).content.decode()
    assert (
        CANARY not in clerk.get(f"{reverse('admin:stations_station_changelist')}?import={foreign.pk}").content.decode()
    )
    assert neighbour.get(addresses[0]).status_code == 200


@pytest.mark.parametrize("duties", [["view"], ["review"], ["audit"]])
def test_whoever_does_not_manage_brings_nothing(duties: list[str]) -> None:
    client = signed_in(make_staff("looker", scope=Division.objects.get(pk="420106"), duties=duties))
    assert client.get(reverse(UPLOAD)).status_code == 403
    assert bring(client, LIST).status_code == 403
    assert ImportJob.objects.count() == 0


def test_a_role_for_one_station_brings_nothing(clerk: Client) -> None:
    bring(clerk, LIST[:2])
    do(clerk, newest(), "confirm")
    keeper = signed_in(make_staff("keeper", scope=Station.objects.get(), duties=["manage"]))
    assert keeper.get(reverse(UPLOAD)).status_code == 403
    assert keeper.get(address(newest())).status_code == 403


def test_a_division_that_is_not_ones_own_cannot_be_chosen(clerk: Client) -> None:
    answer = bring(clerk, LIST, division="420104")
    assert answer.context["form"].errors["division"]
    assert [code for code, _label in answer.context["divisions"]] == ["420106"]
    assert ImportJob.objects.count() == 0


def test_rows_of_another_district_are_refused_without_a_word_about_its_stations(
    clerk: Client, neighbour: Client
) -> None:
    do(neighbour, newest(), "confirm")
    foreign = Station.objects.get(code="WH-QK-0001")
    heads = ["编号", "名称", "区", "街道", "地址"]
    rows = [
        ["WH-QK-0001", "甲点", "", "", "改掉"],
        ["WH-QK-0777", "甲点", "", "", "改掉"],
        ["WH-QK-0001", "", "", "", "改掉"],
        ["WH-QK-0777", "", "", "", "改掉"],
        ["", f"{CANARY}蜂巢", "硚口", "韩家墩街", "改掉"],
        ["", "没有这家", "硚口", "没有这条街", "改掉"],
    ]
    bring(clerk, [heads, *rows])
    job = newest()
    found = jobs.findings_of(job)
    assert [(finding.row, finding.code) for finding in found] == [(row, "out_of_scope") for row in range(2, 8)]
    assert len({(finding.reason, finding.way_out) for finding in found}) == 1
    assert "武昌区" in found[0].reason
    assert CANARY not in page(clerk, job).replace(f'<th scope="row">{CANARY}蜂巢</th>', "")
    do(clerk, job, "confirm")
    foreign.refresh_from_db()
    assert (Station.objects.count(), foreign.address, foreign.version) == (1, f"{CANARY}路", 1)


def test_no_answer_leads_to_a_foreign_station_or_division(clerk: Client, neighbour: Client) -> None:
    do(neighbour, newest(), "confirm")
    bring(clerk, LIST)
    (_code, wording), (_other, same) = asked(newest())
    for subject, answers in ((same, ("同 WH-QK-0001", "同 WH-QK-0777")), (wording, ("420104002", "420104777"))):
        said = []
        for answer in answers:
            do(clerk, newest(), "answer", subject=subject, said=answer)
            finding = next(each for each in jobs.findings_of(newest()) if each.subject == subject)
            said.append(finding.reason.replace(answer, ""))
        assert said[0] == said[1]
    offered = clerk.get(address(newest())).context["doubts"]
    codes = [code for question in offered for _group, choices in question.groups for code, _label in choices]
    assert codes
    assert all(code.startswith("420106") for code in codes)
    do(clerk, newest(), "confirm")
    assert not DivisionAlias.objects.filter(name="徐家朋街").exists()
    assert Station.objects.get(code="WH-QK-0001").aliases == []


def test_a_station_next_door_in_another_district_is_not_given_away(clerk: Client, neighbour: Client) -> None:
    heads = ["名称", "区", "坐标", "坐标系"]
    bring(neighbour, [heads, [f"{CANARY}二号", "硚口", "114.2501,30.5801", "wgs84"]], division="420104")
    do(neighbour, newest(), "confirm")
    bring(clerk, [heads, ["甲点", "武昌", "114.2501,30.5801", "wgs84"]])
    do(clerk, newest(), "answer", subject=asked(newest())[0][1], said="wgs84")
    assert (counts(newest()), asked(newest())) == ((1, 0, 0, 0), [])


def test_a_street_brings_no_codes_of_its_district(clerk: Client) -> None:
    """Which codes the district has given is not for a street to find out."""
    bring(clerk, [HEADINGS, ["杨园蜂巢", "武昌", "杨园街", "x"]])
    do(clerk, newest(), "confirm")
    street = signed_in(make_staff("jiedao", scope=Division.objects.get(pk="420106003"), duties=["manage"]))
    rows = [["编号", "名称"], ["WH-WC-0001", "甲点"], ["WH-WC-0777", "乙点"], ["", "丙点"]]
    bring(street, rows, division="420106003")
    assert [(finding.row, finding.code) for finding in jobs.findings_of(newest())] == [
        (2, "out_of_scope"),
        (3, "out_of_scope"),
    ]
    do(street, newest(), "confirm")
    assert Station.objects.get(name="丙点").division_id == "420106003"


def test_a_neighbourhood_brings_its_own_list_without_naming_itself(clerk: Client) -> None:  # noqa: ARG001
    subdistrict = Division.objects.get(pk="420106003")
    own = divisions.ensure_neighbourhood(name="武车", subdistrict=subdistrict, actor="tests", at=NOON)
    community = signed_in(make_staff("shequ", scope=own, duties=["manage"]))
    bring(community, [["名称", "社区"], ["甲点", ""], ["乙点", "武车社区"], ["丙点", "隔壁社区"]], division=own.code)
    do(community, newest(), "confirm")
    assert counts(newest()) == (2, 0, 0, 1)
    assert set(Station.objects.values_list("division_id", flat=True)) == {own.code}
    assert not Division.objects.filter(name="隔壁社区").exists()


def test_what_a_learnt_wording_changes_is_in_the_preview_already(clerk: Client) -> None:
    """The answer about one row moves another, whose address begins with the same wording."""
    rows = [HEADINGS, ["甲点", "武昌", "徐家朋街道", "x"], ["乙点", "武昌", "", "武昌区徐家朋街道5号"]]
    bring(clerk, rows)
    do(clerk, newest(), "answer", subject=asked(newest())[0][1], said="420106003")
    assert page(clerk, newest()).count("徐家棚街道") >= 2
    do(clerk, newest(), "confirm")
    assert newest().state == "done"
    assert set(Station.objects.values_list("division_id", flat=True)) == {"420106003"}


def test_the_verb_itself_lets_nobody_write_elsewhere(clerk: Client) -> None:  # noqa: ARG001
    wuchang = User.objects.get(username="wuchang")
    for division in ("420104", "4201", "", "429999"):
        with pytest.raises(NotFound):
            import_stations(
                io.BytesIO(csv_file(LIST)), source="x", actor=wuchang, at=NOON, division=division, dry_run=True
            )
    looker = make_staff("looker", scope=Division.objects.get(pk="420106"), duties=["view"])
    with pytest.raises(DutyMissing):
        import_stations(io.BytesIO(csv_file(LIST)), source="x", actor=looker, at=NOON, division="420106")
