"""Lists of couriers as offices keep them: what becomes of each row, what is doubted, and that nobody is named in full."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import translation

from core.errors import InvalidValue, NotFound
from core.models import AuditEvent
from couriers import consents, privacy, registration
from couriers.importing import CourierReport
from couriers.importing.rows import CourierRow
from couriers.models import Consent, Courier, Outlet
from couriers.registration import Work
from stations.access import DutyMissing
from stations.importing import Decisions, FileHasNoHeadings, FileWrongType
from stations.importing.headings import Layout
from stations.models import Division
from tests.builders import (
    NOON,
    make_company,
    make_courier,
    make_district,
    make_outlet,
    make_staff,
    make_subdistrict,
)
from tests.couriers.lists import HEADINGS, counts, everything, found, many, phone, take
from tests.stations.importing.files import csv_file, xlsx_file

pytestmark = pytest.mark.django_db

NAME, PHONE = "欧阳春晓", phone(1)
WUCHANG = {"division": "420106"}


@pytest.fixture(autouse=True)
def outlet() -> Outlet:
    make_subdistrict(
        code="420104009", name="韩家墩街道", district=make_district(code="420104", name="硚口区", letters="QK")
    )
    make_company("美团", name_en="Meituan")
    return make_outlet(name="徐家棚网点")


def one(**said: str) -> list[list[str]]:
    """A list of one: 欧阳春晓 of 顺丰's 徐家棚网点 in 武昌区, who has agreed; `said` goes before."""
    keys = ("name", "phone", "kind", "company", "outlet", "district", "agreed")
    row = dict(zip(keys, (NAME, PHONE, "快递", "顺丰", "徐家棚网点", "武昌区", "是"), strict=True)) | said
    return [HEADINGS, [row[key] for key in keys]]


@pytest.mark.parametrize("heading", ["类型", "工作类型", "从业类别"])
def test_how_he_works_stands_under_many_headings(heading: str) -> None:
    headings, row = one()
    assert take([[heading if each == "类型" else each for each in headings], row], **WUCHANG).findings == []
    assert Courier.objects.get().kind == "express"


# ── What a row comes to ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_row_is_registered_and_met_by_nobody_though_staff_bring_it(outlet: Outlet) -> None:
    clerk = make_staff("wuchang", scope=make_district())
    report = take(one(), actor=clerk, **WUCHANG)
    assert (counts(report), report.findings) == ((1, 0, 0, 0), [])
    courier = Courier.objects.get()
    assert (courier.kind, courier.company, courier.outlet, courier.division_id) == (
        "express", outlet.company, outlet, "420106",
    )  # fmt: skip
    assert (courier.status, courier.channel, courier.registered_by, courier.verified_at) == (
        "unverified", "import", "wuchang", None,
    )  # fmt: skip
    assert privacy.reveal(courier=courier, reason="x", actor="tests", at=NOON).name == NAME
    consent = courier.consents.get()
    assert (consent.channel, consent.act, consent.occurred_at) == ("paper", "given", NOON)
    kinds = AuditEvent.objects.filter(subject_code=courier.code).values_list("kind", flat=True).order_by("id")
    assert list(kinds)[:2] == ["courier.registered", "courier.consent-given"]


def test_at_the_counter_the_same_clerk_has_met_him_and_from_a_list_he_has_not() -> None:
    clerk = make_staff("wuchang", scope=make_district())
    common: dict[str, Any] = {
        "work": Work(kind="express"), "district": make_district(), "actor": clerk, "at": NOON,
        "agreement": registration.Agreement(consents.membership_notice(), "paper"),
    }  # fmt: skip
    met = registration.register(phone=phone(8), channel="staff", **common)
    listed = registration.register(phone=phone(9), channel="import", **common)
    assert (met.status, listed.status) == ("active", "unverified")


def test_a_second_run_changes_nothing() -> None:
    rows = many(12)
    assert counts(take(rows, dry_run=True)) == (12, 0, 0, 0)
    assert not Courier.objects.exists()
    assert not AuditEvent.objects.filter(kind__startswith="courier").exists()
    assert counts(take(rows)) == (12, 0, 0, 0)
    before = everything()
    trail = AuditEvent.objects.exclude(kind="couriers.imported").count()
    for dry_run in (True, False):
        assert counts(take(rows, dry_run=dry_run)) == (0, 0, 12, 0)
    assert everything() == before
    assert AuditEvent.objects.exclude(kind="couriers.imported").count() == trail


def test_another_outlet_of_his_brand_is_written_and_a_blank_cell_changes_nothing() -> None:
    other = make_outlet(name="杨园网点")
    take(one())
    assert counts(take(one(company="", outlet="", kind="", agreed=""))) == (0, 0, 1, 0)
    assert counts(take(one(outlet="杨园网点", agreed=""))) == (0, 1, 0, 0)
    assert Courier.objects.get().outlet == other
    assert AuditEvent.objects.filter(kind="courier.changed").count() == 1


def test_another_brand_or_kind_is_doubted_until_the_list_is_said_to_be_right() -> None:
    take(one())
    rows = one(company="美团", outlet="", kind="外卖")
    report = take(rows)
    assert (counts(report), found(report)) == ((0, 0, 0, 1), [(2, "D", "company_differs"), (2, "C", "kind_differs")])
    assert Courier.objects.get().company == make_company("顺丰")
    assert counts(take(rows, change_work=True)) == (0, 1, 0, 0)
    courier = Courier.objects.get()
    assert (courier.company, courier.outlet, courier.kind) == (make_company("美团"), None, "food-delivery")


def test_a_brand_is_filled_in_where_none_was_known() -> None:
    make_courier(phone=PHONE, name=NAME)
    assert counts(take(one(outlet=""))) == (0, 1, 0, 0)


def test_who_is_registered_under_another_name_is_doubted() -> None:
    make_courier(phone=PHONE, name="王小二")
    report = take(one(company="", outlet=""))
    assert found(report) == [(2, "A", "name_differs")]
    assert counts(take(one(name="王 小二", company="", outlet=""))) == (0, 0, 1, 0)


def test_of_another_district_s_courier_no_more_is_said_than_that_the_phone_is_taken() -> None:
    make_courier(phone=PHONE, name=NAME, district=Division.objects.get(pk="420104"))
    assert found(take(one(), **WUCHANG)) == [(2, "B", "phone_registered")]
    report = take(one())
    assert found(report) == [(2, "F", "district_differs")]
    assert "硚口区" in report.findings[0].reason


# ── Columns and cells ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_office_s_sheet_is_read_with_its_title_two_lines_of_headings_and_totals() -> None:
    rows: list[list[Any]] = [
        ["武昌区快递外卖骑手信息登记表", "", "", "", "", ""],
        ["序号", "基本信息", "", "工作", "", "其他"],
        ["", "姓名", "联系电话", "类别", "所属公司", "身份证号"],
        [1, NAME, "１５４０００００００１", "快递员", "顺丰速运", "420106199001011234"],
        ["", "", "", "", "", ""],
        [2, "李四", 15400000002.0, "外卖骑手", "meituan", ""],
        ["合计", "", "2人", "", "", ""],
        ["备注：以上名单已核对", "", "", "", "", ""],
    ]
    for data in (
        csv_file(rows, encoding="gb18030"),
        csv_file(rows, encoding="utf-8"),
        xlsx_file({"名单": rows}, merged=["A1:F1", "B2:C2", "D2:E2"]),
    ):
        report = take(data, agreed_on_paper=True, dry_run=True, **WUCHANG)
        assert (counts(report), report.findings) == ((2, 0, 0, 0), []), report.findings
        assert any("身份证号" in note for note in report.notes)
        assert "420106199001011234" not in json.dumps(report.as_json())
    assert counts(take(data, agreed_on_paper=True, **WUCHANG)) == (2, 0, 0, 0)
    assert sorted(Courier.objects.values_list("kind", "company__name")) == [
        ("express", "顺丰"),
        ("food-delivery", "美团"),
    ]


def test_english_headings_in_another_order_are_read() -> None:
    rows = [
        ["Brand", "Phone", "Name", "Kind", "Agreed on"],
        ["Meituan", "+86 154-0000-0001", NAME, "food", "2026-06-01"],
    ]
    assert counts(take(rows, **WUCHANG)) == (1, 0, 0, 0)
    assert Consent.objects.get().occurred_at == datetime(2026, 5, 31, 16, tzinfo=UTC)


def test_an_outlet_s_cell_merged_over_its_couriers_is_that_of_all() -> None:
    rows = [
        HEADINGS,
        *([f"张三{n}", phone(n), "快递", "顺丰", "徐家棚网点" if n == 1 else "", "", "是"] for n in (1, 2, 3)),
    ]
    assert counts(take(xlsx_file({"a": rows}, merged=["E2:E4"]), **WUCHANG)) == (3, 0, 0, 0)
    assert Courier.objects.filter(outlet__name="徐家棚网点").count() == 3


@pytest.mark.parametrize(
    ("said", "column", "code"),
    [
        ({"phone": ""}, "B", "phone_missing"),
        ({"phone": "1540000001"}, "B", "phone_unread"),
        ({"phone": "1.54E+10"}, "B", "phone_unread"),
        ({"phone": "027-88880000"}, "B", "phone_unread"),
        ({"name": "长" * 41}, "A", "name_unread"),
        ({"name": "吴昊（离职）"}, "A", "name_with_remark"),
        ({"kind": "骑手"}, "C", "kind_unknown"),
        ({"kind": "快递/外卖"}, "C", "kind_unknown"),
        ({"kind": ""}, "C", "kind_missing"),
        ({"company": "顺风"}, "D", "company_unknown"),
        ({"outlet": "徐家朋网点"}, "E", "outlet_unknown"),
        ({"company": "美团"}, "E", "outlet_of_another_brand"),
        ({"district": "武当区"}, "F", "district_unknown"),
        ({"agreed": "否"}, "G", "consent_missing"),
        ({"agreed": ""}, "G", "consent_missing"),
        ({"agreed": "也许"}, "G", "consent_missing"),
        ({"agreed": "2026-06-11"}, "G", "consent_missing"),
    ],
    ids=lambda value: "".join(value.values())[:12] if isinstance(value, dict) else None,
)
def test_a_row_that_cannot_be_taken_says_where_why_and_the_way_out(
    said: dict[str, str], column: str, code: str
) -> None:
    report = take(one(**said))
    assert (counts(report), found(report)) == ((0, 0, 0, 1), [(2, column, code)])
    finding = report.findings[0]
    assert finding.reason
    assert finding.way_out
    assert not Courier.objects.exists()
    assert counts(take(one())) == (1, 0, 0, 0)


@pytest.mark.parametrize("behind", [".0", "（微信同号）", "(本人)"])
def test_a_word_behind_a_phone_is_left_out(behind: str) -> None:
    assert counts(take(one(phone=PHONE + behind))) == (1, 0, 0, 0)
    assert found(take(one(phone=f"{PHONE}（转809）")))[0][2] == "phone_unread"


@pytest.mark.parametrize(("key", "heading"), [("区", "区域"), ("区", "所属区域"), ("是否同意", "是否签告知书")])
def test_what_decides_stands_under_many_headings(key: str, heading: str) -> None:
    headings, row = one(district="硚口区", outlet="")
    assert counts(take([[heading if each == key else each for each in headings], row])) == (1, 0, 0, 0)
    assert Courier.objects.get().division_id == "420104"


def test_a_suggestion_is_made_where_a_brand_or_an_outlet_is_nearly_known() -> None:
    assert "顺丰" in take(one(company="顺风")).findings[0].way_out
    assert "徐家棚网点" in take(one(outlet="徐家朋网点")).findings[0].way_out


def test_an_outlet_that_two_brands_have_is_told_by_the_brand() -> None:
    make_outlet(name="徐家棚网点", company=make_company("美团"))
    assert found(take(one(company=""))) == [(2, "E", "outlet_ambiguous")]
    with translation.override("en"):
        assert "have this name: 顺丰, 美团." in take(one(company="")).findings[0].reason
    assert counts(take(one())) == (1, 0, 0, 0)


def test_a_district_that_is_named_nowhere_or_is_not_the_list_s_is_refused() -> None:
    assert found(take(one(district="", outlet=""))) == [(2, "F", "district_missing")]
    assert counts(take(one(district=""), dry_run=True, **WUCHANG)) == (1, 0, 0, 0)
    assert found(take(one(), division="420104")) == [(2, "F", "district_elsewhere")]


def test_a_kind_that_no_row_names_is_said_for_the_whole_list() -> None:
    assert counts(take(one(kind=""), kind="express")) == (1, 0, 0, 0)
    assert Courier.objects.get().kind == "express"


# ── Consent ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("yes", ["是", "√", "已签字", "Yes", NAME, "2026年6月1日"])
def test_a_cell_that_says_yes_is_enough(yes: str) -> None:
    assert counts(take(one(agreed=yes))) == (1, 0, 0, 0)


def test_of_whom_has_not_agreed_nothing_else_is_asked() -> None:
    report = take(one(agreed="", company="顺风", kind="骑手"))
    assert (counts(report), found(report)) == ((0, 0, 0, 1), [(2, "G", "consent_missing")])
    # What no answer mends is said as well, and of whom is registered already no consent is asked.
    assert {code for _row, _column, code in found(take(one(agreed="", name="长" * 41)))} == {
        "consent_missing", "name_unread",
    }  # fmt: skip
    assert counts(take(one())) == (1, 0, 0, 0)
    assert found(take(one(agreed="", company="顺风"))) == [(2, "D", "company_unknown")]


def test_without_a_word_about_consent_all_are_refused_and_one_word_for_all_lets_them_in_but_who_said_no() -> None:
    rows = [row[:6] for row in many(3)]
    report = take(rows)
    assert (counts(report), {code for _row, _column, code in found(report)}) == ((0, 0, 0, 3), {"consent_missing"})
    assert counts(take(rows, agreed_on_paper=True)) == (3, 0, 0, 0)
    assert counts(take(one(phone=phone(9), agreed="不同意"), agreed_on_paper=True)) == (0, 0, 0, 1)


# ── Phones that stand there twice ───────────────────────────────────────────────────────────────────────────────────


def test_a_phone_that_is_repeated_is_flagged_and_its_first_row_taken() -> None:
    rows = [*many(2), many(1)[1]]
    report = take(rows)
    assert (counts(report), found(report)) == ((2, 0, 0, 1), [(4, "B", "phone_repeated")])
    assert "第2行" in report.findings[0].reason
    assert counts(take(rows)) == (0, 0, 2, 1)


def test_rows_that_contradict_each_other_about_one_phone_are_all_in_doubt() -> None:
    report = take([*many(2), ["李四", *many(1)[1][1:]]])
    assert (counts(report), found(report)) == (
        (1, 0, 0, 2),
        [(2, "B", "phone_contradicts"), (4, "B", "phone_repeated")],
    )
    # Each names the other.
    for finding, other in zip(report.findings, ("第4行", "第2行"), strict=True):
        assert other in finding.reason


# ── What is personal ────────────────────────────────────────────────────────────────────────────────────────────────


def test_no_report_and_no_trail_says_a_name_or_a_phone(caplog: pytest.LogCaptureFixture) -> None:
    take(one())
    mixed_up = [NAME, "", "", PHONE, "", "", ""]
    rows = [
        HEADINGS,
        [NAME, PHONE, NAME, PHONE, NAME, PHONE, NAME + "。"],
        ["王小二", PHONE, "快递", "王小二", "王小二", "武昌", "王小二"],
        [PHONE, NAME, "快递", "顺丰", "", "武昌", "是"],
        [NAME, PHONE[:-1], "快递", "顺丰", "", "武昌", "是"],
        [NAME, PHONE + "1", "快递", "李晓明", "", "武昌", "是"],
        [NAME, f"{NAME}{PHONE}", "快递", "顺丰", "", "武昌", "是"],
        [NAME, phone(3), "快递", "李晓明", PHONE, "武昌", "是"],
        mixed_up,
    ]
    report = take(rows, source=f"{PHONE}的名单.csv")
    said = json.dumps(report.as_json(), ensure_ascii=False)
    said += "".join(json.dumps(event.data, ensure_ascii=False) for event in AuditEvent.objects.all()) + caplog.text
    assert counts(report)[3] == 8
    for secret in (NAME, PHONE, PHONE[:-1], "王小二", "李晓明", phone(3)):
        assert secret not in said, secret
    assert "154****0001" in said


def test_whoever_has_no_duty_for_the_district_brings_nothing() -> None:
    for name, scope, duties, refusal in (
        ("viewer", "420106", ["view"], DutyMissing),
        ("counter", "420106", ["counter"], DutyMissing),
        ("qiaokou", "420104", ["manage"], NotFound),
        ("street", "420106003", ["manage"], NotFound),
    ):
        clerk = make_staff(name, scope=Division.objects.get(pk=scope), duties=duties)
        with pytest.raises(refusal):
            take(one(), actor=clerk, **WUCHANG)
    clerk = make_staff("wuchang", scope=make_district(), duties=["review"])
    with pytest.raises((NotFound, DutyMissing)):
        take(one(), actor=clerk)
    assert not Courier.objects.exists()
    assert counts(take(one(), actor=clerk, **WUCHANG)) == (1, 0, 0, 0)


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("division", ["420106003", "420199", "x"])
def test_a_division_that_is_no_district_is_refused(division: str) -> None:
    with pytest.raises(InvalidValue):
        take(one(), division=division)


def test_a_sheet_without_a_column_of_phones_and_what_is_no_sheet_are_refused() -> None:
    with pytest.raises(FileHasNoHeadings):
        take([["姓名", "类型"], [NAME, "快递"]])
    with pytest.raises(FileWrongType):
        take(b"%PDF-1.4 no list")


def test_the_sentence_names_rows_and_counts_people() -> None:
    report = take([*many(58), *one(phone=phone(90), company="顺风")[1:], *one(phone="1")[1:]])
    assert report.sentence == "60名:新增58,存疑1(第60行),退回1(第61行)"


# ── What is answered to a doubt ─────────────────────────────────────────────────────────────────────────────────────


def subject(report: CourierReport, code: str) -> str:
    [asked] = {finding.subject for finding in report.findings if finding.code == code}
    return asked


@pytest.mark.parametrize(
    ("said", "code", "answer", "kept"),
    [
        ({"company": "顺风快件"}, "company_unknown", "顺丰", ("express", "顺丰", "徐家棚网点", "420106")),
        ({"company": "饱了么", "outlet": ""}, "company_unknown", "无", ("express", "None", "None", "420106")),
        ({"outlet": "徐家棚那边"}, "outlet_unknown", "徐家棚网点", ("express", "顺丰", "徐家棚网点", "420106")),
        ({"outlet": "徐家棚那边"}, "outlet_unknown", "无", ("express", "顺丰", "None", "420106")),
        ({"outlet": "楚汉路网点"}, "outlet_ambiguous", "美团 楚汉路网点", ("express", "美团", "楚汉路网点", "420106")),
        (
            {"company": "美团", "outlet": "徐家棚网点"}, "outlet_of_another_brand", "顺丰 徐家棚网点",
            ("express", "顺丰", "徐家棚网点", "420106"),
        ),
        (
            {"district": "老城那一片", "outlet": ""}, "district_unknown", "硚口区", ("express", "顺丰", "None", "420104"),
        ),
        ({"kind": "骑手"}, "kind_unknown", "外卖", ("food-delivery", "顺丰", "徐家棚网点", "420106")),
        ({"kind": ""}, "kind_missing", "快递", ("express", "顺丰", "徐家棚网点", "420106")),
    ],
)  # fmt: skip
def test_an_answer_settles_a_wording_as_the_sheet_would(
    said: dict[str, str], code: str, answer: str, kept: tuple[str, ...]
) -> None:
    if code == "outlet_ambiguous":
        for brand in ("顺丰", "美团"):
            make_outlet(name="楚汉路网点", company=make_company(brand))
        said = said | {"company": ""}
    rows = one(**said)
    report = take(rows)
    assert [finding.code for finding in report.findings] == [code]
    asked = subject(report, code)
    assert asked
    unfit = take(rows, decisions=Decisions({asked: "云里雾里"}))
    assert [finding.code for finding in unfit.findings] == [code]
    assert "云里雾里" in unfit.findings[0].reason
    assert not Courier.objects.exists()
    assert counts(take(rows, decisions=Decisions({asked: answer}))) == (1, 0, 0, 0)
    courier = Courier.objects.get()
    assert (courier.kind, str(courier.company), str(courier.outlet), courier.division_id) == kept


@pytest.mark.parametrize(
    ("answer", "came", "brand"), [("以名单为准", (0, 1, 0, 0), "美团"), ("保持不变", (0, 0, 1, 0), "顺丰")]
)
def test_whose_word_counts_about_somebody_s_work_is_answered_for_his_row_alone(
    answer: str, came: tuple[int, ...], brand: str
) -> None:
    take(one(outlet=""))
    rows = one(company="美团", outlet="", kind="外卖")
    report = take(rows)
    assert {finding.code for finding in report.findings} == {"company_differs", "kind_differs"}
    asked = subject(report, "company_differs")
    assert asked == subject(report, "kind_differs")
    others = one(name="李四方", phone=phone(2), outlet="")[1:]
    assert counts(take([*rows, *others], decisions=Decisions({asked: answer})))[1:] == came[1:]
    assert str(Courier.objects.earliest("pk").company) == brand
    # In another row the answer is none.
    assert counts(take([HEADINGS, *others, *one(company="中通")[1:]], decisions=Decisions({asked: answer})))[3] == 1


@pytest.mark.parametrize(
    "said",
    [
        {"company": "李四方"},
        {"company": NAME},
        {"company": f"电话{phone(9)}"},
        {"outlet": "王小明"},
        {"company": "饱了么", "phone": "12345"},
    ],
    ids=lambda said: "-".join(said),
)
def test_what_may_be_a_person_is_no_question_since_answers_outlive_the_list(said: dict[str, str]) -> None:
    report = take(one(**said))
    doubts = [finding for finding in report.findings if finding.code in ("company_unknown", "outlet_unknown")]
    assert [finding.subject for finding in doubts] == [""]
    # What cannot be one is asked.
    assert subject(take(one(company="饱了么")), "company_unknown") == "company:饱了么"


def test_rows_of_a_sheet_with_a_long_name_are_asked_apart() -> None:
    layout = Layout(title="", first_row=2, columns={}, headings={})
    rows = [CourierRow("很长的表名" * 30, number, layout, [], Decisions()) for number in (2, 3)]
    assert rows[0].work_subject != rows[1].work_subject
