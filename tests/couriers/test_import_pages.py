"""Lists of couriers at the desk: brought in, checked, confirmed; masked, and kept no longer than needed."""

import io
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from core import clock, purging
from core.limits import Limit
from core.models import AuditEvent
from couriers.importing import importing as importing_module
from couriers.importing import lists
from couriers.models import Courier, CourierList
from stations.models import Division
from tests.builders import make_company, make_district, make_staff, make_subdistrict
from tests.couriers.lists import HEADINGS, many, phone
from tests.stations.importing.files import csv_file

pytestmark = pytest.mark.django_db

LIST, UPLOAD = "/admin/couriers/courier/", "/admin/couriers/courier/import/"
NAME, PHONE = "欧阳春晓", phone(1)
ROWS = [
    HEADINGS,
    [NAME, PHONE, "快递", "顺丰", "", "", "是"],
    ["李四方", phone(2), "外卖", "", "", "武昌", "2026-06-01"],
    ["王小二", phone(3), "外卖", "饱了么", "", "武昌", "是"],
    ["赵六六", "1540000", "快递", "", "", "武昌", "是"],
]


@pytest.fixture(autouse=True)
def _town() -> None:
    make_subdistrict()
    make_district(code="420104", name="硚口区", letters="QK")
    make_company("顺丰")


def desk_of(name: str, scope: str, duties: list[str]) -> Browser:
    browser = Browser(raise_request_exception=False)
    browser.force_login(make_staff(name, scope=Division.objects.get(pk=scope), duties=duties))
    return browser


@pytest.fixture
def desk() -> Browser:
    return desk_of("wuchang", "420106", ["manage"])


def bring(desk: Browser, rows: Any = ROWS, *, name: str = "名单.csv", **more: Any) -> Any:
    data = rows if isinstance(rows, bytes) else csv_file(rows)
    return desk.post(UPLOAD, {"file": SimpleUploadedFile(name, data), "division": "420106", "kind": "", **more})


def newest() -> CourierList:
    return CourierList.objects.latest("pk")


def page(brought: CourierList, *parts: str) -> str:
    return f"{UPLOAD}{brought.pk}/{''.join(f'{part}/' for part in parts)}"


def files() -> list[str]:
    folder = Path(default_storage.path(lists.FOLDER))
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


def counts(brought: CourierList) -> tuple[int, int, int, int]:
    return brought.created, brought.updated, brought.unchanged, brought.refused


def test_a_list_is_looked_through_confirmed_and_its_file_goes(desk: Browser) -> None:
    assert UPLOAD in desk.get(LIST).content.decode()
    answer = bring(desk)
    brought = newest()
    assert answer.headers["Location"] == page(brought)
    assert (brought.state, counts(brought), Courier.objects.count()) == ("previewed", (2, 0, 0, 2), 0)
    shown = desk.get(page(brought)).content.decode()
    for said in ("欧*", "154****0001", "饱了么", "第4行", "第5行", brought.report["sentence"]):
        assert said in shown, said
    assert len(files()) == 1

    shown = desk.post(page(brought), {"do": "confirm"}, follow=True).content.decode()
    brought = newest()
    assert (brought.state, counts(brought), Courier.objects.count(), files()) == ("done", (2, 0, 0, 2), 2, [])
    assert "4名:新增2,存疑1(第4行),退回1(第5行)" in shown
    assert set(Courier.objects.values_list("status", "channel", "registered_by")) == {
        ("unverified", "import", "wuchang")
    }
    kinds = AuditEvent.objects.filter(subject_type="division").order_by("id").values_list("kind", "subject_code")
    assert list(kinds) == [("couriers.list-brought", "420106"), ("couriers.imported", "420106")]
    desk.post(page(brought), {"do": "confirm"})
    assert counts(newest()) == (2, 0, 0, 2)


def test_pages_files_and_rows_name_nobody(desk: Browser, settings: Any) -> None:
    bring(desk, name=f"{PHONE}的名单.csv")
    brought = newest()
    said = desk.get(page(brought)).content.decode() + desk.get(UPLOAD).content.decode()
    said += json.dumps(brought.report, ensure_ascii=False) + brought.source
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(desk.get(page(brought, "result")))))
    said += str([[cell.value for cell in row] for sheet in workbook for row in sheet])
    said += str([event.data for event in AuditEvent.objects.all()])
    for each in Path(settings.MEDIA_ROOT).rglob("*"):
        if each.is_file():
            said += each.read_bytes().decode("utf-8", errors="replace")
    for row in ROWS[1:]:
        assert row[0] not in said
        assert row[1] not in said
    assert "154****0001" in said
    assert "饱了么" in said


def test_put_aside_nothing_is_written_and_the_file_goes(desk: Browser) -> None:
    bring(desk)
    shown = desk.post(page(newest()), {"do": "drop"}, follow=True)
    assert (newest().state, files(), Courier.objects.count(), shown.status_code) == ("dropped", [], 0, 200)
    assert desk.get(page(newest(), "result")).status_code == 404
    desk.post(page(newest()), {"do": "confirm"})
    assert not Courier.objects.exists()


@pytest.mark.parametrize("state", ["previewed", "writing", "done"])
def test_after_a_day_the_file_and_what_was_found_are_gone(desk: Browser, settings: Any, state: str) -> None:
    bring(desk)
    brought = newest()
    CourierList.objects.filter(pk=brought.pk).update(state=state)
    stray = default_storage.save(f"{lists.FOLDER}/stray", ContentFile(b"x"))
    in_time, late = clock.now() + timedelta(hours=23), clock.now() + timedelta(hours=25)
    assert lists.purge(now=in_time) == 0
    assert len(files()) == 2
    assert lists.purge(now=late, dry_run=True) == 2
    assert len(files()) == 2
    label = next(label for label, verb in settings.PURGES if verb == "couriers.importing.lists.purge")
    assert purging.purge(now=late)[str(label)] == 2
    assert (files(), default_storage.exists(stray)) == ([], False)
    brought = newest()
    assert (brought.state, brought.file, list(brought.report)) == (
        "done" if state == "done" else "dropped", "", ["sentence"],
    )  # fmt: skip


def test_all_agreed_the_kind_and_the_list_s_being_right_are_said_in_the_form(desk: Browser) -> None:
    make_company("美团")
    rows = [["姓名", "手机号", "品牌"], [NAME, PHONE, "顺丰"]]
    bring(desk, rows)
    assert counts(newest()) == (0, 0, 0, 1)
    bring(desk, rows, agreed_on_paper="on", kind="express")
    desk.post(page(newest()), {"do": "confirm"})
    assert counts(newest()) == (1, 0, 0, 0)
    rows[1][2] = "美团"
    bring(desk, rows)
    assert counts(newest()) == (0, 0, 0, 1)
    bring(desk, rows, change_work="on")
    desk.post(page(newest()), {"do": "confirm"})
    assert counts(newest()) == (0, 1, 0, 0)
    assert str(Courier.objects.get().company) == "美团"


def test_a_writing_that_was_killed_is_gone_on_with_and_counts_each_row_once(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "BATCH_ROWS", 5)
    rows = [[*row[:5], "武昌", row[6]] if number else row for number, row in enumerate(many(20))]
    bring(desk, rows)
    brought = newest()
    watch = lists._Writing.__call__

    def killed(self: Any, batch: Any) -> None:
        if batch.outcomes.total() > 10:
            raise KeyboardInterrupt
        watch(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(lists._Writing, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            lists.confirm(brought=brought, actor=brought.made_by, at=clock.now())
    assert (newest().state, newest().created, Courier.objects.count(), len(files())) == ("writing", 10, 10, 1)
    # While another may be at it, nobody else is.
    desk.post(page(brought), {"do": "confirm"})
    assert (newest().state, Courier.objects.count()) == ("writing", 10)
    CourierList.objects.update(changed_at=clock.now() - 2 * lists.LEASE)
    assert "do" in desk.get(page(brought)).content.decode()
    desk.post(page(brought), {"do": "confirm"})
    assert (newest().state, counts(newest()), Courier.objects.count(), files()) == ("done", (20, 0, 0, 0), 20, [])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "文件"),
        (b"%PDF-1.4 x", "PDF"),
        (csv_file([["姓名"], [NAME]]), "手机号"),
        (csv_file([HEADINGS, *[["x"] * 7] * 5_200]), "5,000"),
    ],
    ids=["empty", "pdf", "no phones", "too long"],
)
def test_what_is_no_list_is_refused_and_not_kept(desk: Browser, data: bytes, said: str) -> None:
    answer = bring(desk, data)
    errors = re.search(r"errorlist.*?</ul>", answer.content.decode(), re.DOTALL)
    assert answer.status_code == 200
    assert errors is not None
    assert said in errors[0]
    assert (files(), CourierList.objects.count()) == ([], 0)
    assert bring(desk).status_code == 302


def test_lists_are_counted_since_each_tells_which_numbers_are_registered(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "LISTS_A_DAY", Limit("courier-list", calls=2, window_s=86_400))
    assert [bring(desk).status_code for _each in range(3)] == [302, 302, 200]
    assert CourierList.objects.count() == 2


@pytest.mark.parametrize(
    ("scope", "duties", "status"),
    [
        ("420106", ["review"], 200),
        ("4201", ["manage"], 200),
        ("420106", ["counter"], 403),
        ("420106", ["view"], 403),
        ("420106003", ["manage"], 403),
        ("420104", ["manage"], 404),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_who_answers_for_the_whole_district_brings_its_lists(
    desk: Browser, scope: str, duties: list[str], status: int
) -> None:
    bring(desk)
    brought = newest()
    other = desk_of("other", scope, duties)
    for address in (page(brought), page(brought, "result")):
        assert other.get(address).status_code == status
    if status != 200:
        other.post(page(brought), {"do": "confirm"})
        assert bring(other).status_code in (200, 403)
        assert (newest().pk, newest().state, Courier.objects.count()) == (brought.pk, "previewed", 0)
    assert (UPLOAD in other.get(LIST).content.decode()) is (status != 403)
    assert other.get(f"{UPLOAD}template/").status_code == (403 if status == 403 else 200)


def test_a_file_that_is_gone_is_said_and_nothing_written(desk: Browser) -> None:
    bring(desk)
    default_storage.delete(newest().file)
    shown = desk.post(page(newest()), {"do": "confirm"}, follow=True).content.decode()
    assert "重新" in shown
    assert (newest().state, Courier.objects.count()) == ("dropped", 0)


# ── Doubts are settled one by one ───────────────────────────────────────────────────────────────────────────────────

DOUBTFUL = [
    HEADINGS,
    [NAME, PHONE, "快递", "顺风快件", "", "武昌", "是"],
    ["李四方", phone(2), "快递", "顺风快件", "", "武昌", "是"],
    ["王小二", phone(3), "骑手", "", "", "武昌", "是"],
]
BRAND, KIND = "company:顺风快件", "kind:骑手"


def do(desk: Browser, what: str, **said: Any) -> str:
    return desk.post(page(newest()), {"do": what, **said}, follow=True).content.decode()


def test_a_wording_is_asked_once_for_all_its_rows_and_a_settled_one_is_written(desk: Browser) -> None:
    bring(desk, DOUBTFUL)
    assert counts(newest()) == (0, 0, 0, 3)
    shown = desk.get(page(newest())).content.decode()
    assert shown.count(f'value="{BRAND}"') == shown.count(f'value="{KIND}"') == 1
    assert '<option value="顺丰">' in shown
    do(desk, "answer", subject=BRAND, said="顺丰")
    assert (newest().state, counts(newest())) == ("previewed", (2, 0, 0, 1))
    assert not Courier.objects.exists()
    shown = do(desk, "confirm")
    assert (newest().state, counts(newest())) == ("done", (2, 0, 0, 1))
    assert "3名:新增2,存疑1(第4行)" in shown
    assert set(Courier.objects.values_list("company__name", flat=True)) == {"顺丰"}


def test_what_is_left_out_comes_last_and_an_answer_is_taken_back(desk: Browser) -> None:
    bring(desk, DOUBTFUL)
    shown = do(desk, "leave", subject=KIND)
    assert "先放着" in shown
    assert newest().decisions == {KIND: ""}
    do(desk, "answer", subject=KIND, said="外卖")
    assert counts(newest()) == (1, 0, 0, 2)
    do(desk, "take-back", subject=KIND)
    assert (counts(newest()), newest().decisions) == ((0, 0, 0, 3), {})
    for said, refusal in (
        ({"do": "answer", "subject": "company:别的", "said": "顺丰"}, "这一条已经不用答了"),
        ({"do": "take-back", "subject": KIND}, "这一条还没有答过"),
    ):
        assert refusal in desk.post(page(newest()), said, follow=True).content.decode()
        assert (newest().state, newest().decisions) == ("previewed", {})
    assert desk.post(page(newest()), {"do": "dance"}).status_code == 404


def test_an_office_is_asked_once_and_the_city_s_answers_hold_for_all(desk: Browser) -> None:
    city, other = desk_of("city", "4201", ["manage"]), desk_of("qiaokou", "420104", ["manage"])
    bring(desk, DOUBTFUL)
    do(desk, "answer", subject=BRAND, said="顺丰")
    bring(desk, DOUBTFUL)
    # Not before the list is written.
    assert newest().decisions == {}
    do(desk, "answer", subject=BRAND, said="顺丰")
    do(desk, "confirm")
    bring(desk, DOUBTFUL)
    assert (newest().decisions, counts(newest())) == ({BRAND: "顺丰"}, (0, 0, 2, 1))
    bring(other, DOUBTFUL, division="420104")
    assert newest().decisions == {}
    bring(city, DOUBTFUL, division="4201")
    assert newest().decisions == {}
    do(city, "answer", subject=KIND, said="外卖")
    do(city, "answer", subject=BRAND, said="顺丰")
    do(city, "confirm")
    bring(other, DOUBTFUL, division="420104")
    assert newest().decisions == {KIND: "外卖", BRAND: "顺丰"}


def test_only_what_wordings_mean_is_remembered(desk: Browser) -> None:
    make_company("美团")
    bring(desk, [HEADINGS, [NAME, PHONE, "快递", "顺丰", "", "武昌", "是"]])
    do(desk, "confirm")
    rows = [HEADINGS, [NAME, PHONE, "", "美团", "", "武昌", "是"], ["李四方", phone(2), "", "", "", "武昌", "是"]]
    bring(desk, rows)
    [work] = [each.subject for each in lists.findings_of(newest()) if each.code == "company_differs"]
    do(desk, "answer", subject=work, said="以名单为准")
    do(desk, "answer", subject="kind:", said="外卖")
    assert counts(newest()) == (1, 1, 0, 0)
    do(desk, "confirm")
    assert (newest().state, newest().decisions) == ("done", {})


def test_a_list_put_aside_or_run_out_keeps_no_answer(desk: Browser) -> None:
    for end in ("drop", "purge"):
        bring(desk, DOUBTFUL)
        do(desk, "leave", subject=KIND)
        if end == "drop":
            do(desk, "drop")
        else:
            lists.purge(now=clock.now() + timedelta(hours=25))
        assert (newest().state, newest().decisions) == ("dropped", {})


def test_a_long_list_gathers_its_answers_and_is_looked_through_once(
    desk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "INLINE_ROWS", 2)
    bring(desk, DOUBTFUL)
    do(desk, "answer", subject=KIND, said="外卖")
    shown = do(desk, "answer", subject=BRAND, said="顺丰")
    assert counts(newest()) == (0, 0, 0, 3)
    assert 'value="again"' in shown
    assert 'value="confirm"' not in shown
    # Nor by a page from before.
    do(desk, "confirm")
    assert (newest().state, Courier.objects.count()) == ("previewed", 0)
    shown = do(desk, "again")
    assert counts(newest()) == (3, 0, 0, 0)
    do(desk, "confirm")
    assert (newest().state, Courier.objects.count()) == ("done", 3)


def test_answers_come_in_the_result_file_too(desk: Browser) -> None:
    bring(desk, DOUBTFUL)
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(desk.get(page(newest(), "result")))))
    sheet = workbook.worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    for row in sheet.iter_rows(min_row=2):
        if row[heads.index("代号")].value == KIND:
            row[heads.index("处理")].value = "外卖"
    filled = io.BytesIO()
    workbook.save(filled)
    shown = do(desk, "hand-back", file=SimpleUploadedFile("名单.结果.xlsx", filled.getvalue()))
    assert (newest().decisions, counts(newest())) == ({KIND: "外卖"}, (1, 0, 0, 2))
    assert "从文件里收到 1 条答复" in shown
    do(desk, "hand-back", file=SimpleUploadedFile("x.xlsx", b"PK"))
    do(desk, "hand-back")
    assert (newest().state, newest().decisions) == ("previewed", {KIND: "外卖"})


@pytest.mark.parametrize("state", ["writing", "done", "dropped"])
def test_a_list_that_has_gone_on_takes_no_answer(desk: Browser, state: str) -> None:
    bring(desk, DOUBTFUL)
    CourierList.objects.update(state=state)
    for said in ({"do": "answer", "subject": KIND, "said": "外卖"}, {"do": "again"}):
        assert desk.post(page(newest()), said).status_code == 302
        assert (newest().state, newest().decisions) == (state, {})
