"""Importing lists: what is written, what is asked about, and that a second run changes nothing."""

import csv
import io
import re
from typing import Any

import openpyxl
import pytest
from django.db import transaction
from django.utils import translation

from core.errors import InvalidValue
from core.models import AuditEvent
from stations import visiting
from stations.geo import Crs, Point, from_wgs84
from stations.importing import Decisions, FileHasNoHeadings, ImportReport, result_csv, result_xlsx
from stations.models import AmenityWord, Division, DivisionAlias, Station
from tests.builders import NOON, make_staff, make_station
from tests.stations.importing.files import FIXTURES, csv_file, xlsx_file
from tests.stations.importing.lists import counts, everything, only, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("town")]

HEADINGS = ["名称", "区", "街道", "地址"]


LIST: list[list[Any]] = [
    ["武昌区江城蜂巢一览表"],
    ["序号", "站点名称", "所属街道(乡镇)", "社区", "类别", "面积（㎡）", "开放时间", "设施设备", "地址", "经度", "纬度", "坐标系",
     "联系电话", "场地单位", "启用时间", "包保人"],
    [1, "完美（中国）“江城蜂巢”", "徐家棚街", "武车社区", "三类", "约10平方米", "8:00-20:00", "微波炉、饮水机、医药包、桌椅",
     "和平大道１号", 114.3402, 30.5801, "高德", "张三 027-88880000", "工会爱心驿站、完美(中国)湖北分公司", "2021年7月", "李四"],
    [],
    [2, "黄鹤楼江城蜂巢", "黄鹤楼街道", "读书", "Ⅰ类蜂巢", "20", "周一至周五 9:00—17:30", "没有微波炉，有空调；擦鞋机", "", "", "", "", "", "", "44386", ""],
    ["小计", "", "", "", "", 30],
    [3, "昙华林江城蜂巢", "粮道街", "", "２", "", "24小时", "热水 充电", "民主路", "", "", "", "", "", "", ""],
]  # fmt: skip


def test_a_list_as_offices_keep_it_is_taken() -> None:
    report = take(LIST)
    assert counts(report) == (3, 0, 0, 0)
    first = Station.objects.get(name__startswith="完美")
    assert (first.code, first.tier, str(first.area_m2), first.phone, str(first.opened_on)) == (
        "WH-WC-0001", 3, "10.0", "027-88880000", "2021-07-01",
    )  # fmt: skip
    assert (first.division.name, first.division.parent.name if first.division.parent else "") == (
        "武车社区",
        "徐家棚街道",
    )
    there = from_wgs84(Point(first.latitude or 0, first.longitude or 0), Crs.GCJ02)
    assert (round(there.latitude, 6), round(there.longitude, 6), first.entered_crs) == (30.5801, 114.3402, "gcj02")
    assert sorted(first.organisations.values_list("role", "name")) == [
        ("premises", "完美(中国)湖北分公司"),
        ("premises", "工会爱心驿站"),
    ]
    assert (first.status, first.expanded_until is not None, "徐家棚" in first.search_text) == ("draft", True, True)
    second = Station.objects.get(name="黄鹤楼江城蜂巢")
    assert list(second.amenities.values_list("code", flat=True)) == ["air-conditioning"]
    assert second.amenities_text == "没有微波炉、擦鞋机"
    span = second.hours_periods.get().spans.get()
    assert (span.days, f"{span.opens:%H:%M}-{span.closes:%H:%M}") == ([1, 2, 3, 4, 5], "09:00-17:30")
    assert [(f.code, f.row, f.value) for f in report.findings] == [("amenity_unknown", 5, "擦鞋机")]
    assert len(report.notes) == 1
    assert "P 包保人" in report.notes[0]
    events = AuditEvent.objects.filter(kind="station.registered")
    assert sorted(events.values_list("subject_code", "data__row")) == [
        ("WH-WC-0001", 3),
        ("WH-WC-0002", 5),
        ("WH-WC-0003", 7),
    ]


def test_a_second_run_changes_nothing() -> None:
    take(LIST)
    before = everything()
    assert counts(take(LIST)) == (0, 0, 3, 0)
    assert everything() == before


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    before = everything()
    trial = take(LIST, dry_run=True)
    assert everything() == before
    assert trial.outcomes == take(LIST).outcomes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_what_wrote_the_csv_makes_no_difference(encoding: str) -> None:
    assert counts(take(csv_file([HEADINGS, ["武车", "武昌", "徐家棚", "x"]], encoding=encoding))) == (1, 0, 0, 0)


@pytest.mark.parametrize("district", ["武昌区", "武昌", "武汉市武昌区", "武漢市武昌區", " 武 昌 区 "])
@pytest.mark.parametrize("subdistrict", ["徐家棚街道", "徐家棚街", "徐家棚", "武昌区徐家棚街道", "徐家棚街道办事处"])
def test_a_division_is_found_in_every_wording(district: str, subdistrict: str) -> None:
    assert take([HEADINGS, ["武车", district, subdistrict, "x"]]).findings == []
    assert Station.objects.get().division_id == "420106003"


def test_one_sheet_for_each_subdistrict_and_merged_cells_give_the_subdistrict() -> None:
    workbook = xlsx_file(
        {
            "Sheet1": [["街道", "名称", "区"], ["徐家棚街道", "甲点", "武昌"], [None, "乙点", "武昌"]],
            "黄鹤楼街道": [["名称", "社区"], ["丙点", "读书社区"], ["名称", "社区"], ["丁点", ""]],
            "说明": [["请按模板填写"]],
            "汇总": [["总数", 4]],
        },
        merged=["A2:A3"],
    )
    report = take(workbook)
    assert counts(report) == (4, 0, 0, 0)
    assert sorted(Station.objects.values_list("name", "division__name")) == [
        ("丁点", "黄鹤楼街道"), ("丙点", "读书社区"), ("乙点", "徐家棚街道"), ("甲点", "徐家棚街道"),
    ]  # fmt: skip
    assert len(report.notes) == 1
    assert "汇总" in report.notes[0]


def test_an_old_workbook_is_taken() -> None:
    assert counts(take((FIXTURES / "list.xls").read_bytes())) == (2, 0, 0, 0)
    assert set(Station.objects.values_list("division__name", flat=True)) == {"武车社区"}


def test_a_name_of_two_districts_is_asked_about_and_settled_for_ever() -> None:
    rows = [["名称", "街道"], ["李集江城蜂巢", "李集街道"]]
    report = take(rows)
    assert counts(report) == (0, 0, 0, 1)
    assert only(report) == ("subdistrict_ambiguous", "B", 2, "李集街道")
    assert counts(take(rows, decisions=decided(report, "新洲区李集街道"))) == (1, 0, 0, 0)
    assert Station.objects.get().district_code == "420117"


def test_an_unknown_subdistrict_is_asked_about_and_learnt() -> None:
    rows = [HEADINGS, ["武车", "武昌", "徐家朋街", "x"], ["和平", "武昌", "徐家朋街", "x"]]
    report = take(rows)
    assert counts(report) == (0, 0, 0, 2)
    assert counts(take(rows, decisions=decided(report, "武昌区徐家棚街道"))) == (2, 0, 0, 0)
    assert DivisionAlias.objects.filter(division="420106003", name="徐家朋街").exists()
    again = take([HEADINGS, ["杨园", "武昌", "徐家朋街", "x"]])
    assert (counts(again), again.findings) == ((1, 0, 0, 0), [])


def test_an_unknown_amenity_stays_text_until_somebody_says_what_it_is() -> None:
    rows = [["名称", "区", "设施"], ["武车", "武昌", "饮水机、烘手神器"]]
    report = take(rows)
    assert only(report) == ("amenity_unknown", "C", 2, "烘手神器")
    assert Station.objects.get().amenities_text == "烘手神器"
    settled = take(rows, decisions=decided(report, "=clothes-drying"))
    assert (counts(settled), settled.findings) == ((0, 1, 0, 0), [])
    assert set(Station.objects.get().amenities.values_list("code", flat=True)) == {"hot-water", "clothes-drying"}
    assert AmenityWord.objects.filter(word="烘手神器", amenity="clothes-drying").exists()
    assert take(rows).findings == []


@pytest.mark.parametrize(
    "wording",
    [
        "韩家墩街道公安社区“江城蜂巢”",
        "韩家墩街公安社区党群服务中心一楼的“江城蜂巢”",
        "公安蜂巢",
        "公安社区驿站",
        "公安工会爱心驿站",
        "公安户外劳动者服务站点",
    ],
)
def test_a_duplicate_under_another_wording_is_asked_about_and_never_merged(wording: str) -> None:
    take([HEADINGS, ["公安社区“江城蜂巢”", "硚口", "韩家墩街", "x"]])
    before = everything()
    rows = [HEADINGS, [wording, "硚口", "韩家墩街道", "y"]]
    report = take(rows)
    assert counts(report) == (0, 0, 0, 1)
    assert only(report) == ("duplicate", "A", 2, wording)
    assert "WH-QK-0001" in report.findings[0].reason
    assert everything() == before
    with transaction.atomic():
        assert counts(take(rows, decisions=decided(report, "新建"))) == (1, 0, 0, 0)
        assert counts(take(rows)) == (0, 0, 1, 0)
        transaction.set_rollback(True)
    assert counts(take(rows, decisions=decided(report, "同 WH-QK-0001"))) == (0, 1, 0, 0)
    assert (Station.objects.get().name, Station.objects.get().aliases) == ("公安社区“江城蜂巢”", [wording])
    again = take(rows)
    assert (counts(again), again.findings) == ((0, 0, 1, 0), [])


def test_a_station_within_30_metres_of_another_is_asked_about() -> None:
    heads = ["名称", "街道", "区", "纬度", "经度", "坐标系"]
    take([heads, ["甲点", "徐家棚", "武昌", 30.5801, 114.3402, "wgs84"]])
    report = take(
        [
            heads,
            ["乙点", "徐家棚", "武昌", 30.5802, 114.3403, "wgs84"],
            ["丙点", "徐家棚", "武昌", 30.5811, 114.3402, "wgs84"],
        ]
    )
    assert counts(report) == (1, 0, 0, 1)
    assert only(report)[:3] == ("duplicate", "A", 2)


def test_one_name_in_two_subdistricts_is_two_stations_and_twice_in_one_is_asked_about() -> None:
    rows = [
        HEADINGS,
        ["党群服务中心蜂巢", "武昌", "徐家棚", ""],
        ["党群服务中心蜂巢", "武昌", "黄鹤楼", ""],
        ["党群服务中心蜂巢", "武昌", "徐家棚", ""],
    ]
    report = take(rows)
    assert counts(report) == (2, 0, 0, 1)
    assert only(report) == ("repeated", "A", 4, "党群服务中心蜂巢")


def test_blank_cells_keep_what_is_known_and_filled_ones_replace_it() -> None:
    heads = ["编号", "名称", "区", "类别", "地址", "设施", "开放时间", "管理单位"]
    take([heads, ["", "武车", "武昌", "一类", "和平大道", "饮水机、空调", "8:00-20:00", "甲"]])
    code = Station.objects.get().code
    before = everything()
    assert counts(take([heads, ["", "武车", "武昌", "", "", "", "", ""]])) == (0, 0, 1, 0)
    assert everything() == before
    assert counts(take([heads, [code, "武车一号", "", "二类", "", "空调", "24小时", "乙"]])) == (0, 1, 0, 0)
    station = Station.objects.get()
    assert (station.name, station.aliases, station.tier, station.address) == ("武车一号", ["武车"], 2, "和平大道")
    assert list(station.amenities.values_list("code", flat=True)) == ["air-conditioning"]
    assert list(station.organisations.values_list("name", flat=True)) == ["乙"]
    assert station.version > 1
    event = AuditEvent.objects.get(kind="station.changed")
    assert event.data["changed"]["tier"] == {"before": 1, "after": 2}


def test_hours_in_prose_are_kept_as_text_flagged_and_never_guessed() -> None:
    rows = [["名称", "区", "开放时间"], ["武车", "武昌", "看社区上班时间"]]
    report = take(rows)
    assert counts(report) == (1, 0, 0, 0)
    assert only(report) == ("hours_unread", "C", 2, "看社区上班时间")
    station = Station.objects.get()
    assert (station.hours_text, station.hours_periods.count(), station.expanded_until) == ("看社区上班时间", 0, None)
    assert counts(take(rows, decisions=decided(report, "8:00-18:00"))) == (0, 1, 0, 0)
    again = take(rows)
    assert (counts(again), again.findings) == ((0, 0, 1, 0), [])


def test_a_position_without_datum_is_not_taken_until_somebody_says_it() -> None:
    rows = [["名称", "区", "坐标"], ["武车", "武昌", "114.3402,30.5801"]]
    report = take(rows)
    assert counts(report) == (1, 0, 0, 0)
    assert only(report)[:3] == ("datum_missing", "C", 2)
    assert Station.objects.get().latitude is None
    assert counts(take(rows, decisions=decided(report, "gcj02"))) == (0, 1, 0, 0)
    assert Station.objects.get().entered_crs == "gcj02"
    again = take(rows)
    assert (counts(again), again.findings) == ((0, 0, 1, 0), [])


@pytest.mark.parametrize("merged", [["C1:D1", "A1:A2", "B1:B2"], []])
@pytest.mark.parametrize(("over", "crs"), [("位置（GCJ-02）", "gcj02"), ("百度坐标", "bd09")])
def test_a_datum_over_both_columns_of_the_position_counts_for_both(over: str, crs: str, merged: list[str]) -> None:
    rows: list[list[Any]] = [
        ["名称", "区", over, "", "高德联系人"],
        ["", "", "经度", "纬度", ""],
        ["武车", "武昌", 114.3402, 30.5801, "x"],
    ]
    assert take(xlsx_file({"a": rows}, merged=merged)).findings == []
    assert Station.objects.get().entered_crs == crs


def test_a_datum_that_a_title_or_whoever_filled_in_the_list_mentions_is_not_that_of_its_positions() -> None:
    rows: list[list[Any]] = [
        ["高德地图上的江城蜂巢"],
        ["填报单位：总工会", "", "联系QQ：12345", ""],
        ["名称", "区", "经度", "纬度"],
        ["武车", "武昌", 114.3402, 30.5801],
    ]
    assert only(take(rows))[0] == "datum_missing"


@pytest.mark.parametrize("heading", ["高德链接", "高德位置"])
def test_a_share_link_says_its_datum_and_a_position_outside_the_district_is_asked_about(heading: str) -> None:
    link = "https://uri.amap.com/marker?position=114.3402,30.5801&name=x"
    take([["名称", "区", heading], ["武车", "武昌", link]])
    assert Station.objects.get().entered_crs == "gcj02"
    report = take([["名称", "区", "坐标", "坐标系"], ["远点", "武昌", "114.88,30.84", "wgs84"]])
    assert only(report)[:3] == ("position_outside_district", "C", 2)
    assert Station.objects.get(name="远点").latitude is None


def test_a_division_limits_what_may_be_written_and_is_the_default() -> None:
    rows = [["名称", "区"], ["武车", ""], ["公安", "硚口区"]]
    report = take(rows, division="420106")
    assert counts(report) == (1, 0, 0, 1)
    assert only(report) == ("out_of_scope", "A", 3, "公安")
    take([["名称", "区"], ["公安", "硚口区"]])
    foreign = take([["编号", "名称", "区"], ["WH-QK-0001", "改名", ""]], division="420106")
    assert counts(foreign) == (0, 0, 0, 1)
    assert Station.objects.get(code="WH-QK-0001").name == "公安"
    with pytest.raises(InvalidValue):
        take(rows, division="999999")


def test_a_row_without_name_or_district_is_refused_and_says_where() -> None:
    report = take(
        [["名称", "区", "地址"], ["", "武昌", "和平大道"], ["武车", "", "和平大道"], ["长" * 81, "武昌", "x"]]
    )
    assert counts(report) == (0, 0, 0, 3)
    assert [(f.code, f.row) for f in report.findings] == [
        ("name_missing", 2),
        ("district_missing", 3),
        ("name_unread", 4),
    ]


def test_a_station_is_published_only_if_couriers_can_find_it() -> None:
    report = take(
        [
            ["名称", "区", "状态", "地址"],
            ["甲", "武昌", "启用", "和平大道"],
            ["乙", "武昌", "启用", ""],
            ["丙", "武昌", "停用", "x"],
        ]
    )
    assert dict(Station.objects.values_list("name", "status")) == {"甲": "published", "乙": "draft", "丙": "suspended"}
    assert only(report)[:3] == ("not_published", "C", 3)
    assert Station.objects.get(name="丙").status_reason


@pytest.mark.parametrize(("word", "state"), [("撤销", "revoked"), ("停用", "revoked"), ("启用", "open")])
def test_a_list_that_shuts_a_station_takes_back_the_links_to_its_door(word: str, state: str) -> None:
    station = make_station()
    link, _token = visiting.issue(station=station, actor=make_staff(), at=NOON)
    assert link.state_at(NOON) == "open"
    row = [["编码", "名称", "区", "状态", "楼层"], [station.code, station.name, "武昌区", word, "2楼"]]
    assert counts(take(row, dry_run=True)) == counts(take(row)) == (0, 1, 0, 0)
    link.refresh_from_db()
    assert link.state_at(NOON) == state
    assert AuditEvent.objects.filter(kind="visit.link-revoked").exists() is (state == "revoked")


def test_codes_of_a_list_are_kept_and_numbering_goes_on_behind_them() -> None:
    take([["编号", "名称", "区"], ["WH-WC-0007", "甲", "武昌"], ["", "乙", "武昌"], ["23", "丙", "武昌"]])
    assert dict(Station.objects.values_list("name", "code")) == {
        "甲": "WH-WC-0007",
        "乙": "WH-WC-0008",
        "丙": "WH-WC-0009",
    }
    assert Division.objects.get(code="420106").stations_numbered == 9


def test_the_sentence_for_the_group_counts_and_names_the_rows() -> None:
    rows = [[f"{n}号点", "武昌", "徐家棚" if n not in (11, 30) else "没有街", "x"] for n in range(1, 50)]
    report = take([HEADINGS, *rows])
    assert report.sentence == "49个:新增47,存疑2(第12、31行)"


TWINS = [
    HEADINGS,
    ["公安社区江城蜂巢", "硚口", "韩家墩街", "x"],
    ["韩家墩街公安社区驿站", "硚口", "韩家墩街", "y"],
]


@pytest.mark.parametrize("answer", ["同第2行", "同 2 行", "同 WH-QK-0001"])
def test_a_twin_within_one_list_is_joined_by_its_row_or_its_code(answer: str) -> None:
    trial = take(TWINS, dry_run=True)
    assert (counts(trial), only(trial)[0]) == ((1, 0, 0, 1), "duplicate")
    decisions = decided(trial, answer)
    assert counts(take(TWINS, decisions=decisions, dry_run=True)) == (1, 1, 0, 0)
    report = take(TWINS, decisions=decisions)
    assert (counts(report), only(report)[0]) == ((1, 1, 0, 0), "joined")
    station = Station.objects.get()
    assert (station.name, station.aliases, station.address) == ("公安社区江城蜂巢", ["韩家墩街公安社区驿站"], "x")
    before = everything()
    assert counts(take(TWINS)) == (0, 0, 2, 0)
    assert everything() == before


def test_a_twin_of_a_station_that_the_same_list_changes_keeps_that_change() -> None:
    take(TWINS[:2])
    rows = [HEADINGS, [*TWINS[1][:3], "新地址"], TWINS[2]]
    assert counts(take(rows, decisions=decided(take(rows, dry_run=True), "同第2行"))) == (0, 2, 0, 0)
    station = Station.objects.get()
    assert (station.address, station.aliases) == ("新地址", ["韩家墩街公安社区驿站"])


def test_a_trial_shows_no_code_that_may_never_be_given() -> None:
    (doubt,) = take(TWINS, dry_run=True).findings
    assert "WH-" not in doubt.reason + doubt.way_out
    (doubt,) = take(TWINS).findings
    assert "WH-QK-0001" in doubt.reason
    assert "WH-QK-0001" in doubt.way_out


def test_a_row_of_another_sheet_is_named_as_people_say_it() -> None:
    rows = [["名称", "区", "街道"], ["武车", "武昌", "徐家棚"]]
    report = take(xlsx_file({"武昌区台账": rows, "补充": rows}))
    assert only(report)[0] == "repeated"
    reason = report.findings[0].reason
    assert "武昌区台账" in reason
    assert "!" not in reason


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([HEADINGS, ["武车", "武昌", "徐家朋街", "x"]], "subdistrict_unknown"),
        ([["名称", "区", "类别"], ["武车", "武昌", "甲级"]], "tier_unread"),
        ([["名称", "区", "设施"], ["武车", "武昌", "烘手神器"]], "amenity_unknown"),
        ([["名称", "区", "坐标"], ["武车", "武昌", "114.3402,30.5801"]], "datum_missing"),
        ([["名称", "区", "坐标", "坐标系"], ["武车", "武昌", "114.88,30.84", "wgs84"]], "position_outside_district"),
        (TWINS, "duplicate"),
    ],
)
def test_an_answer_that_says_nothing_is_named_at_its_row(rows: list[list[Any]], code: str) -> None:
    trial = take(rows, dry_run=True)
    first = only(trial)
    assert "不晓得" not in trial.findings[0].reason
    report = take(rows, decisions=decided(trial, "不晓得"), dry_run=True)
    assert only(report) == first
    assert first[0] == code
    assert "不晓得" in report.findings[0].reason


def test_names_of_persons_are_left_out_calmly_and_a_phone_beside_them_is_taken() -> None:
    report = take(
        [["名称", "区", "联系人", "联系人及电话", "设施"], ["武车", "武昌", "张三", "张三 027-88880000", "插座"]]
    )
    assert (counts(report), report.findings) == ((1, 0, 0, 0), [])
    (note,) = report.notes
    assert "C 联系人" in note
    station = Station.objects.get()
    assert station.phone == "027-88880000"
    assert list(station.amenities.values_list("code", flat=True)) == ["phone-charging"]
    assert "张三" not in repr(everything())


def test_the_counts_of_the_sentence_add_up_when_rows_are_written_and_to_be_checked() -> None:
    rows = [
        ["名称", "区", "街道", "类别"],
        ["甲", "武昌", "徐家棚", "甲级"],
        ["乙", "武昌", "没有街", "甲级"],
        ["丙", "", "", ""],
    ]
    report = take(rows)
    assert counts(report) == (1, 0, 0, 2)
    counted, _separator, to_check = report.sentence.partition(";")
    assert re.split("[,、，]", counted) == ["3个:新增1", "存疑1(第3行)", "退回1(第4行)"]
    assert "2" in to_check


def test_an_english_report_parts_what_it_lists_by_commas() -> None:
    codes = [make_station(name="武车江城蜂巢").code for _each in range(2)]
    with translation.override("en"):
        report = take([["名称", "区", "甲", "乙"], ["武车江城蜂巢", "武昌"], ["和平江城蜂巢", "武昌", "1", "2"]])
    assert report.notes == ["These columns are not read: C 甲, D 乙."]
    assert ", ".join(f"{code} 武车江城蜂巢" for code in codes) in report.findings[0].reason


def test_a_file_without_headings_is_refused_whole() -> None:
    with pytest.raises(FileHasNoHeadings):
        take([["武车", "徐家棚街道"], ["和平", "徐家棚街道"]])


def test_the_result_file_is_safe_to_open_and_can_be_handed_back() -> None:
    report = take([HEADINGS, ['=HYPERLINK("http://x")点', "武昌", "没有街", "x"]])
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(result_xlsx(report))))
    assert {cell.data_type for sheet in workbook for row in sheet.iter_rows() for cell in row} <= {
        "s",
        "inlineStr",
        "n",
    }
    table = list(csv.reader(io.StringIO(b"".join(result_csv(report)).decode("utf-8-sig"))))
    assert [table[0][8], table[0][9]] == ["处理", "代号"]
    assert table[1][1:3] == ["2", "C"]


def decided(report: ImportReport, decision: str) -> Decisions:
    """Fill in the column 处理 of every row of the result file, as staff do, and read it back."""
    workbook = openpyxl.load_workbook(io.BytesIO(b"".join(result_xlsx(report))))
    sheet = workbook.worksheets[0]
    for row in range(2, sheet.max_row + 1):
        sheet.cell(row=row, column=9).value = decision
        sheet.cell(row=row, column=9).data_type = "s"
    file = io.BytesIO()
    workbook.save(file)
    return Decisions.read(io.BytesIO(file.getvalue()))


def test_a_station_that_is_out_of_use_is_said_to_stay_so_unless_the_list_says_otherwise() -> None:
    make_station(name="武车", division=Division.objects.get(code="420106"), status="suspended", status_reason="装修")
    report = take([["名称", "区", "地址"], ["武车", "武昌", "和平大道2号"]])
    assert counts(report) == (0, 1, 0, 0)
    assert only(report) == ("still_shut", "A", 2, "武车")
    assert "装修" in report.findings[0].reason
    report = take([["名称", "区", "状态"], ["武车", "武昌", "启用"]])
    assert (report.findings, Station.objects.get().status) == ([], "published")


def test_the_name_of_a_closed_duplicate_means_the_station_that_goes_on() -> None:
    wuchang = Division.objects.get(code="420106")
    closed = make_station(name="武车", division=wuchang, status="closed", status_reason="重复")
    kept = make_station(name="武车社区蜂巢", aliases=["武车"], division=wuchang)
    report = take([["名称", "区", "地址"], ["武车", "武昌", "和平大道2号"]])
    assert (counts(report), report.findings) == ((0, 1, 0, 0), [])
    closed.refresh_from_db()
    kept.refresh_from_db()
    assert (closed.address, kept.address) == ("和平大道1号", "和平大道2号")


def test_a_list_of_most_of_a_district_says_which_stations_it_leaves_out() -> None:
    wuchang = Division.objects.get(code="420106")
    for name in ("甲蜂巢", "乙蜂巢", "丙蜂巢"):
        make_station(name=name, division=wuchang, latitude=None, longitude=None)
    make_station(name="早关了", division=wuchang, status="closed", latitude=None, longitude=None)
    (note,) = take([["名称", "区"], ["甲蜂巢", "武昌"], ["乙蜂巢", "武昌"]]).notes
    assert ("丙蜂巢" in note, "早关了" in note) == (True, False)
    assert take([["名称", "区"], ["甲蜂巢", "武昌"]]).notes == []
    (note,) = take([["名称", "区"], ["甲蜂巢", "武昌"], ["乙蜂巢", "武昌"], ["丙新名", "武昌"]]).notes
    assert "丙蜂巢" in note


def test_a_list_that_moves_a_station_leaves_behind_what_was_found_at_its_door() -> None:
    station = make_station(
        name="武车", division=Division.objects.get(code="420106"), confirmed_at=NOON, doubted_at=NOON
    )
    near = take([["名称", "区", "坐标", "坐标系"], ["武车", "武昌", "114.3402,30.5802", "wgs84"]])
    station.refresh_from_db()
    assert (counts(near), station.confirmed_at) == ((0, 1, 0, 0), NOON)
    take([["名称", "区", "坐标", "坐标系"], ["武车", "武昌", "114.3402,30.6000", "wgs84"]])
    station.refresh_from_db()
    assert (station.confirmed_at, station.doubted_at) == (None, None)
    assert AuditEvent.objects.filter(kind="station.doubt-cleared", subject_code=station.code).count() == 1
