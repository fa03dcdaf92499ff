"""What else occurs in offices' sheets: sections, dashes, footers, names with commas, codes of doors, answers in files."""

import csv
import io
from typing import Any

import pytest

from stations.exporting import export
from stations.hours_text import format_zh
from stations.importing import Decisions, ImportReport, result_csv
from stations.models import Division, Station
from tests.stations.importing.files import csv_file, xlsx_file
from tests.stations.importing.lists import counts, everything, only, take

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("town")]


def names() -> dict[str, str]:
    return dict(Station.objects.order_by("code").values_list("name", "division__name"))


def test_sections_subtotals_and_footers_are_no_stations() -> None:
    rows = [
        ["武昌区“江城蜂巢”统计表"],
        ["填报单位：武昌区总工会", "", "", "填报时间：2026年11月"],
        ["序号", "蜂巢名称", "街道", "面积"],
        ["一", "徐家棚街道", "", ""],
        ["1", "甲点", "", "10"],
        ["小 计", "", "", "10"],
        ["二、杨园街道（2个）", "", "", ""],
        ["1", "乙点", "", "10"],
        ["2", "丙点", "徐家棚街", "10"],
        ["", "总　计", "", "30"],
        ["", "Total 3", "", "30"],
        ["填表人：", "张三", "审核人：", "李四"],
    ]
    report = take(rows, division="420106")
    assert (counts(report), report.findings) == ((3, 0, 0, 0), [])
    assert names() == {"甲点": "徐家棚街道", "乙点": "杨园街道", "丙点": "徐家棚街道"}


def test_a_list_in_traditional_characters_is_taken() -> None:
    report = take(
        [
            ["序號", "名稱", "所屬區", "街道", "類別", "開放時間", "設施設備"],
            ["1", "武車江城蜂巢", "武漢市武昌區", "徐家棚街道", "一類", "週一至週五 9:00—17:30", "飲水機、空調"],
            ["合計", "1個", "", "", "", "", ""],
        ]
    )
    assert (counts(report), report.findings, report.notes) == ((1, 0, 0, 0), [], [])
    station = Station.objects.get()
    # A name is kept as it is written.
    assert (station.name, station.tier, station.division_id) == ("武車江城蜂巢", 1, "420106003")
    assert station.hours_periods.get().spans.get().days == [1, 2, 3, 4, 5]
    assert set(station.amenities.values_list("code", flat=True)) == {"hot-water", "air-conditioning"}


def test_a_station_that_is_called_like_its_street_is_one() -> None:
    assert counts(take([["序号", "名称", "街道"], ["1", "徐家棚街道", "徐家棚街道"]], division="420106")) == (
        1,
        0,
        0,
        0,
    )


def test_a_dash_is_a_blank_and_nothing_is_nothing() -> None:
    heads = ["名称", "区", "电话", "地址", "设施", "微波炉"]
    take([heads, ["甲点", "武昌", "027-88880000", "和平大道", "空调、热水", "√"]])
    report = take([heads, ["甲点", "武昌", "/", "——", "无", "-"]])
    assert (counts(report), report.findings) == ((0, 1, 0, 0), [])
    station = Station.objects.get()
    assert (station.phone, station.address, station.amenities_text) == ("027-88880000", "和平大道", "")
    assert station.amenities.count() == 0


def test_a_word_for_a_blank_is_a_blank() -> None:
    heads = [
        "名称",
        "区",
        "街道",
        "社区",
        "功能区",
        "曾用名",
        "楼层",
        "位置说明",
        "开放时间",
        "电话",
        "场地单位",
        "其他设施",
        "类别",
    ]
    take([heads, ["甲点", "武昌", "徐家棚", *[""] * 7, "工会", "", ""], ["乙点", "武昌", "徐家棚", *[""] * 10]])
    before = everything()
    report = take([
        heads,
        ["甲点", "武昌", "徐家棚", "无", "暂无", "无。", "没有", "不详", "待定", "无", "无", "无", "待定"],
        ["乙点", "武昌", "徐家棚", "无", "无", "无", "无", "无", "无", "无", "无", "无", "无"],
    ])  # fmt: skip
    assert (counts(report), report.findings, everything()) == ((0, 0, 2, 0), [], before)


def test_the_stations_below_a_district_lie_in_it() -> None:
    report = take([
        ["序号", "名称", "社区"],
        ["一", "武昌区（2个）", ""],
        ["", "徐家棚街道", ""],
        ["1", "甲点", ""],
        ["2", "读书社区", ""],
        ["二", "硚口区", ""],
        ["3", "乙点", ""],
        ["合计", "3个", ""],
    ])  # fmt: skip
    assert (counts(report), report.findings) == ((3, 0, 0, 0), [])
    assert names() == {"甲点": "徐家棚街道", "读书社区": "徐家棚街道", "乙点": "硚口区"}


def test_a_station_that_is_called_like_a_place_and_nothing_else_is_one() -> None:
    assert counts(take([["名称", "街道"], ["读书社区", ""]], division="420106")) == (1, 0, 0, 0)


@pytest.mark.parametrize("heading", ["周末及节假日", "双休日及节假日"])
def test_the_hours_of_weekends_have_many_headings(heading: str) -> None:
    take([["名称", "区", "开放时间", ""], ["", "", "工作日", heading], ["甲点", "武昌", "8:30-20:00", "9:00-17:00"]])
    (period,) = Station.objects.get().hours_periods.all()
    assert format_zh([period.as_period]) == "周一至周五8:30-20:00，周末9:00-17:00"


@pytest.mark.parametrize(
    ("said", "hours"),
    [
        ("10:00-16:00", "周一至周五8:30-20:00，周末9:00-17:00，节假日10:00-16:00"),
        ("休息", "周一至周五8:30-20:00，周末9:00-17:00，节假日休息"),
        ("照常", "周一至周五8:30-20:00，周末9:00-17:00，节假日照常"),
        ("", "周一至周五8:30-20:00，周末9:00-17:00"),
    ],
)
def test_holidays_may_have_a_column_of_their_own(said: str, hours: str) -> None:
    report = take([
        ["名称", "区", "开放时间", "", ""],
        ["", "", "工作日", "周末", "节假日"],
        ["甲点", "武昌", "8:30-20:00", "9:00-17:00", said],
    ])  # fmt: skip
    (period,) = Station.objects.get().hours_periods.all()
    assert (report.findings, format_zh([period.as_period])) == ([], hours)


@pytest.mark.parametrize(
    ("district", "subdistrict"),
    [
        ("", "武昌区徐家棚街道"),
        ("武昌", "徐家棚街办事处"),
        ("武漢市武昌區", "徐家棚街辦"),
        ("Wuchang", "Xujiapeng Subdistrict"),
    ],
)
def test_more_wordings_of_a_subdistrict(district: str, subdistrict: str) -> None:
    report = take([["名称", "区", "街道"], ["甲点", district, subdistrict]])
    assert (report.findings, names()) == ([], {"甲点": "徐家棚街道"})


def test_codes_that_a_list_brings_are_given_to_nobody_else() -> None:
    take(
        [
            ["编号", "名称", "区"],
            ["", "甲", "武昌"],
            ["WH-WC-0001", "乙", "武昌"],
            ["ｗｈ－ｗｃ－０００３", "丙", "武昌"],
            ["", "丁", "武昌"],
        ]
    )
    assert dict(Station.objects.values_list("name", "code")) == {
        "甲": "WH-WC-0002",
        "乙": "WH-WC-0001",
        "丙": "WH-WC-0003",
        "丁": "WH-WC-0004",
    }
    assert Division.objects.get(pk="420106").stations_numbered == 4


def test_a_code_and_a_name_of_two_stations_are_asked_about_and_settled_either_way() -> None:
    heads = ["编号", "名称", "区", "地址"]
    take([heads, ["", "甲点", "武昌", "a"], ["", "乙点", "武昌", "b"]])
    rows = [heads, ["WH-WC-0001", "乙点", "武昌", "c"]]
    report = take(rows)
    assert only(report)[0] == "duplicate"
    assert [answer for answer, _label in report.findings[0].choices] == ["同 WH-WC-0002", "同 WH-WC-0001"]
    subject = report.findings[0].subject
    by_name = take(rows, decisions=Decisions({subject: "同 WH-WC-0002"}), dry_run=True)
    assert (counts(by_name), by_name.findings) == ((0, 1, 0, 0), [])
    assert counts(take(rows, decisions=Decisions({subject: "同 WH-WC-0001"}))) == (0, 1, 0, 0)
    station = Station.objects.get(code="WH-WC-0001")
    assert (station.name, station.aliases, station.address) == ("乙点", ["甲点"], "c")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("工会爱心驿站\n小蜜蜂的家", ["工会爱心驿站", "小蜜蜂的家"]),
        ("工会爱心驿站、小蜜蜂的家；加油站,歇脚点", ["工会爱心驿站", "小蜜蜂的家", "加油站", "歇脚点"]),
        ("武昌（东、西）驿站、“快递、外卖”之家", ["武昌（东、西）驿站", "“快递、外卖”之家"]),
        ("读书(一、甲点", ["读书(一", "甲点"]),
    ],
)
def test_other_names_are_parted_but_not_within_brackets(cell: str, expected: list[str]) -> None:
    take(xlsx_file({"a": [["名称", "区", "别名"], ["武车", "武昌", cell]]}))
    assert Station.objects.get().aliases == expected


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_what_was_exported_changes_nothing_even_where_a_name_holds_a_comma(form: str) -> None:
    take([["名称", "区", "街道", "地址"], ["武车", "武昌", "徐家棚", "和平大道"]])
    station = Station.objects.get()
    Station.objects.update(aliases=["读书、写字驿站", "24h/7天"])
    station.organisations.create(role="premises", name="甲、乙公司")
    station.organisations.create(role="premises", name="丙公司")
    before = everything()
    report = take(b"".join(export(Station.objects.all(), form)))
    assert (counts(report), report.findings) == ((0, 0, 1, 0), [])
    assert everything() == before


LONG = "周一到周五看社区上班的时间，周末看天气，" * 5

DOUBTFUL = [
    ["名称", "区", "街道", "地址", "开放时间", "设施", "类别"],
    ["甲点", "武昌", "徐家 朋街", "a,b", "看社区\n上班时间", "烘手神器", "甲级"],
    ["=乙点", "武昌", "徐家棚", "x", LONG, "", ""],
]
ANSWERS = {
    "徐家 朋街": "武昌区徐家棚街道",
    "看社区\n上班时间": "9:00-17:00",
    "烘手神器": "热水",
    "甲级": "一类",
    LONG[:100]: "8:00-18:00",
}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_result_file_comes_back_as_csv(encoding: str) -> None:
    report = take(DOUBTFUL, dry_run=True)
    assert len(report.findings) == len(ANSWERS)
    table = list(csv.reader(io.StringIO(b"".join(result_csv(report)).decode("utf-8-sig"))))
    for line in table[1:]:
        line[8] = ANSWERS[line[4]]
    settled = take(DOUBTFUL, decisions=Decisions.read(io.BytesIO(csv_file(table, encoding=encoding))))
    assert (counts(settled), settled.findings) == ((2, 0, 0, 0), [])
    first, second = Station.objects.order_by("code")
    assert (first.hours_zh, first.tier, first.division.name) == ("每天9:00-17:00", 1, "徐家棚街道")
    assert (second.name, second.hours_zh) == ("=乙点", "每天8:00-18:00")


def test_json_lists_every_question_with_its_subject_and_answers() -> None:
    take([["名称", "区", "街道"], ["公安社区江城蜂巢", "硚口", "韩家墩街"]])
    report: ImportReport = take([["名称", "区", "街道"], ["公安社区驿站", "硚口", "韩家墩街"]], dry_run=True)
    said: dict[str, Any] = report.as_json()
    (doubt,) = said["doubts"]
    assert [choice["answer"] for choice in doubt["choices"]] == ["同 WH-QK-0001", "新建"]
    assert counts(take([["名称", "区", "街道"], ["公安社区驿站", "硚口", "韩家墩街"]], decisions=Decisions({doubt["subject"]: "新建"}))) == (
        1, 0, 0, 0,
    )  # fmt: skip
    assert said["not_listed"] == 0


def test_a_position_whose_shifted_twin_lies_inside_is_asked_about() -> None:
    """On the border of 武昌 and 洪山 a wrong datum moves a door into the other district."""
    rows = [["名称", "区", "坐标", "坐标系"], ["甲点", "武昌", "114.28,30.5", "wgs84"]]
    report = take(rows, dry_run=True)
    assert only(report) == ("position_outside_district", "C", 2, "114.28,30.5")
    assert "gcj02" in report.findings[0].reason
    settled = take(rows, decisions=Decisions({report.findings[0].subject: "gcj02"}))
    assert (counts(settled), settled.findings) == ((1, 0, 0, 0), [])
    station = Station.objects.get()
    assert (round(station.latitude or 0, 4), round(station.longitude or 0, 4), station.entered_crs) == (
        30.5025, 114.2746, "gcj02",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("同 WH-QK-0001", (0, 1, 0, 0)),
        ("wh-qk-0001", (0, 1, 0, 0)),
        ("同WH-QK-0001（新建的那个）", (0, 1, 0, 0)),
        ("新建", (1, 0, 0, 0)),
        ("不同", (1, 0, 0, 0)),
        ("不是WH-QK-0001", (1, 0, 0, 0)),
        ("与WH-QK-0001不同，新建", (1, 0, 0, 0)),
        ("不晓得", (0, 0, 0, 1)),
        ("同 WH-QK-0777", (0, 0, 0, 1)),
    ],
)
def test_an_answer_is_taken_as_people_write_it(answer: str, expected: tuple[int, int, int, int]) -> None:
    heads = ["名称", "区", "街道"]
    take([heads, ["公安社区江城蜂巢", "硚口", "韩家墩街"]])
    rows = [heads, ["公安社区驿站", "硚口", "韩家墩街"]]
    subject = take(rows, dry_run=True).findings[0].subject
    assert counts(take(rows, decisions=Decisions({subject: answer}))) == expected


def test_a_code_of_another_district_is_asked_about_and_changes_nothing() -> None:
    heads = ["编号", "名称", "区", "地址"]
    take([heads, ["", "公安点", "硚口", "a"]])
    before = everything()
    report = take([heads, ["WH-QK-0001", "公安点", "武昌", "b"]])
    assert (counts(report), only(report)) == ((0, 0, 0, 1), ("code_in_other_district", "B", 2, "公安点"))
    assert everything() == before
