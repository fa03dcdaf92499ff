"""Finding the headings of a sheet, and the rows below them that are stations."""

import pytest

from stations.importing.headings import Layout, find_layout


def layout(*rows: list[str], amenity_words: tuple[str, ...] = ()) -> Layout | None:
    return find_layout(list(enumerate(rows, 1)), amenity_words=amenity_words)


def found(*rows: list[str], amenity_words: tuple[str, ...] = ()) -> Layout:
    result = layout(*rows, amenity_words=amenity_words)
    assert result is not None
    return result


@pytest.mark.parametrize(
    "name", ["名称", "站点名称", "蜂巢名称", "驿站名称", "名 称*", "Name", "station name", "名称（必填）", "站點名稱"]
)
@pytest.mark.parametrize("area", ["面积", "面积(㎡)", "面积（平方米）", "AREA", "建筑面积", "面積"])
def test_headings_are_known_in_both_languages_and_in_any_order(name: str, area: str) -> None:
    assert found(["序号", area, "街道(乡镇)", name]).columns == {"area_m2": [1], "subdistrict": [2], "name": [3]}


def test_a_title_above_the_headings_is_passed_over_and_kept_as_title() -> None:
    result = found(
        ["武昌区江城蜂巢一览表", "", ""], ["", "", "2021年9月"], ["序号", "名称", "街道"], ["1", "武车", "徐家棚"]
    )
    assert (result.first_row, result.title) == (4, "武昌区江城蜂巢一览表 2021年9月")


def test_a_group_over_its_parts_is_one_heading_of_two_lines() -> None:
    result = found(
        ["序号", "名称", "所在位置", "", "", "开放时间", ""],
        ["", "", "区", "街道", "社区", "工作日", "周末"],
        ["1", "武车", "武昌", "徐家棚", "武车", "9-17点", "休息"],
    )
    assert result.first_row == 3
    assert result.columns == {
        "name": [1], "district": [2], "subdistrict": [3], "neighbourhood": [4], "hours_workdays": [5], "hours_weekend": [6],
    }  # fmt: skip


def test_amenities_with_a_column_each_are_known_by_their_words() -> None:
    result = found(
        ["名称", "设施", "", "地址"],
        ["", "微波炉", "饮水机", ""],
        ["武车", "√", "", "和平大道"],
        amenity_words=("微波炉", "饮水机"),
    )
    assert result.columns == {"name": [0], "has:微波炉": [1], "has:饮水机": [2], "address": [3]}


def test_what_stands_under_other_of_the_amenities_is_not_lost() -> None:
    rows = ["名称", "服务设施", "", "联系方式", ""], ["", "饮水机", "其他", "电话", "其他"]
    result = found(*rows, ["武车", "√", "空调、雨伞", "88936000", "微信"], amenity_words=("饮水机",))
    assert result.columns == {"name": [0], "has:饮水机": [1], "amenities": [2], "phone": [3]}
    assert result.ignored == [(4, "其他")]


def test_columns_that_nobody_knows_are_listed_and_of_two_phones_the_first_counts() -> None:
    result = found(["名称", "包保领导", "电话", "联系电话", "序号"])
    assert result.ignored == [(1, "包保领导"), (3, "联系电话")]


@pytest.mark.parametrize("rows", [[["说明"], ["请如实填写"]], [["街道", "社区"], ["徐家棚", "武车"]], []])
def test_a_sheet_without_a_name_column_has_no_layout(rows: list[list[str]]) -> None:
    assert layout(*rows) is None


@pytest.mark.parametrize(
    ("row", "is_station"),
    [
        (["1", "武车", "徐家棚", "10"], True),
        (["", "", "", ""], False),
        (["12", "", "", ""], False),
        (["合计", "", "", "22"], False),
        (["", "徐家棚街道小计", "", "22"], False),
        (["徐家棚街道", "小计：", "", "22"], False),
        (["总计", "49个", "", ""], False),
        (["合计：49个", "", "", ""], False),
        (["注：以上数据截至9月", "", "", ""], False),
        (["填表人：张三", "", "", "审核人：李四"], False),
        (["序号", "名称", "街道", "面积"], False),
        (["", "", "", "（㎡）"], False),
        (["", "示例：读书社区", "黄鹤楼", "10"], False),
        (["", "", "徐家棚", ""], False),
        (["7", "", "徐家棚", "10"], True),  # a station that lacks its name is told, not passed over
    ],
)
def test_totals_notes_and_repeated_headings_are_no_stations(row: list[str], *, is_station: bool) -> None:
    assert found(["序号", "名称", "街道", "面积"]).is_station(row) is is_station


@pytest.mark.parametrize(
    ("heads", "rows", "tier", "ignored"),
    [
        # Who runs a place is no tier: the column is told to be unread, and asks nothing row by row.
        (["名称", "类型"], [["甲", "工会"], ["乙", "银行"]], None, [(1, "类型")]),
        (["名称", "类型", "等级"], [["甲", "工会", "一类"], ["乙", "银行", ""]], 2, [(1, "类型")]),
        (["名称", "类型", "等级"], [["甲", "二类", "优"], ["乙", "一类", "良"]], 1, [(2, "等级")]),
        (["名称", "类型"], [["甲", ""], ["乙", "一类"], ["丙", "商圈"]], 1, []),
        # Where nothing else can be meant, what cannot be read is asked.
        (["名称", "类别"], [["甲", "甲类"]], 1, []),
        (["名称", "类型"], [["甲", ""]], 1, []),
    ],
)
def test_a_column_of_kinds_is_the_tier_only_where_its_values_are(
    heads: list[str], rows: list[list[str]], tier: int | None, ignored: list[tuple[int, str]]
) -> None:
    result = found(heads, *rows)
    assert result.columns.get("tier") == (None if tier is None else [tier])
    assert result.headings.get(tier or -1) == (None if tier is None else heads[tier])
    assert result.ignored == ignored
