"""What single cells say."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from stations.columns import defused, restored
from stations.geo import Crs, Point
from stations.importing import fields
from stations.importing.fields import AmenityReader, Unread
from stations.models import Station


@pytest.mark.parametrize("tier", [1, 2, 3])
@pytest.mark.parametrize(
    "form", ["{0}类", "{1}", "{2}类", "{3}类", "{0}类蜂巢", "{0}類蜂巢", "第{0}类", "{0}级", "{4}", "{1}类 ", "{3}"]
)
def test_a_tier_is_read_in_every_writing(tier: int, form: str) -> None:
    text = form.format("一二三"[tier - 1], tier, "ⅠⅡⅢ"[tier - 1], "I" * tier, "１２３"[tier - 1])
    assert fields.read_tier(text) == tier


@pytest.mark.parametrize("text", ["四类", "0", "A类", "一类二类", "11", "是"])
def test_what_is_no_tier_is_not_guessed(text: str) -> None:
    with pytest.raises(Unread):
        fields.read_tier(text)


@pytest.mark.parametrize(
    "text", ["10", "10㎡", "约10平方米", "10.0", "１０ ㎡", "10平", "10m2", "10m²", "大约10平米左右", "約10平方米"]
)
def test_an_area_is_read_with_and_without_its_unit(text: str) -> None:
    assert fields.read_area(text) == Decimal(10)


@pytest.mark.parametrize("text", ["10-15㎡", "0", "-3", "很大", "10+5", "10亩", "1e9", "9999999"])
def test_what_is_no_single_area_is_not_guessed(text: str) -> None:
    with pytest.raises(Unread):
        fields.read_area(text)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-07-01", date(2021, 7, 1)), ("2021年7月", date(2021, 7, 1)), ("2021.7.1", date(2021, 7, 1)),
        ("2021/7/9", date(2021, 7, 9)), ("2021年7月9日", date(2021, 7, 9)), ("20210709", date(2021, 7, 9)),
        ("44386", date(2021, 7, 9)), ("44386.5", date(2021, 7, 9)), ("２０２１年７月", date(2021, 7, 1)),
        ("2021-07-09 00:00", date(2021, 7, 9)), ("2021.7", date(2021, 7, 1)),
    ],
)  # fmt: skip
def test_a_date_is_read_in_every_writing(text: str, day: date) -> None:
    assert fields.read_date(text) == day


@pytest.mark.parametrize("text", ["7月", "2021年13月", "2021", "去年", "2021-02-30", "123"])
def test_what_is_no_date_is_not_guessed(text: str) -> None:
    with pytest.raises(Unread):
        fields.read_date(text)


def test_a_phone_is_shown_without_the_name_beside_it() -> None:
    assert fields.read_phone("张三 027-88880000") == "027-88880000"
    assert fields.read_phone("０２７－８８８８００００") == "027-88880000"
    assert fields.read_phone("88880000.0") == "88880000"
    assert fields.read_phone("027 8888 0000/027-88881111转2") == "027-8888-0000、027-88881111转2"
    with pytest.raises(Unread):
        fields.read_phone("找社区")


@pytest.mark.parametrize(
    "text", ["13812345678", "13812345678.0", "张三 138 1234 5678", "+86-138-1234-5678", "１３８１２３４５６７８"]
)
def test_a_mobile_number_is_a_persons_and_never_shown_by_a_list(text: str) -> None:
    with pytest.raises(Unread, match="手机号"):
        fields.read_phone(text)
    assert fields.read_phone(f"{text}、027-88880000") == "027-88880000"


@pytest.mark.parametrize(
    ("text", "crs"),
    [("gcj02", Crs.GCJ02), ("高德", Crs.GCJ02), ("GCJ-02（火星）", Crs.GCJ02), ("百度BD09", Crs.BD09), ("WGS84", Crs.WGS84),
     ("GPS", Crs.WGS84), ("高德或百度", None), ("地图", None), ("", None)],
)  # fmt: skip
def test_a_datum_is_known_by_its_names(text: str, crs: Crs | None) -> None:
    assert fields.read_crs(text) == crs


def test_two_numbers_are_a_point_and_exchanged_columns_are_noticed() -> None:
    assert fields.read_numbers("30.58", "114.34") == Point(30.58, 114.34)
    assert fields.read_numbers("114.34", "30.58") == Point(30.58, 114.34)
    for latitude, longitude in (("91", "114"), ("nan", "114"), ("", "114.3"), ("abc", "def"), ("89", "114")):
        with pytest.raises(Unread):
            fields.read_numbers(latitude, longitude)


def test_the_way_in_and_the_status_are_read_from_words() -> None:
    assert [fields.read_entry_mode(text) for text in ("有人值守", "扫码进门", "刷工会卡刷卡", "输密码")] == [
        "staffed", "scan", "card", "code",
    ]  # fmt: skip
    assert [fields.read_status(text) for text in ("启用", "在建", "暂停使用", "撤销")] == [
        "published", "draft", "suspended", "closed",
    ]  # fmt: skip
    for read, text in ((fields.read_entry_mode, "扫码或刷卡"), (fields.read_status, "也许")):
        with pytest.raises(Unread):
            read(text)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_words_for_a_status_in_the_admin_and_in_exports_are_read_back(language: str) -> None:
    with translation.override(language):
        assert [fields.read_status(str(label)) for label in Station.Status.labels] == Station.Status.values
    assert [fields.read_status(word) for word in ("启用", "未启用", "暂停", "关闭")] == [
        "published", "draft", "suspended", "closed",
    ]  # fmt: skip


WORDS = {
    "微波炉": ["microwave"], "饮水机": ["hot-water"], "热水": ["hot-water"], "空调": ["air-conditioning"],
    "充电": ["phone-charging"], "手机充电": ["phone-charging"], "电瓶车充换电池": ["battery-swap"], "医药包": ["first-aid"],
    "维修工具": ["tools"], "Hot water": ["hot-water"], "first-aid": ["first-aid"], "Microwave oven": ["microwave"],
    "hot-water": ["hot-water"], "沙发桌椅": ["seating"], "餐食加热": ["microwave"], "无线充电": ["phone-charging"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "codes", "left"),
    [
        (
            "微波炉、饮水机，空调；医药包/维修工具",
            {"microwave", "hot-water", "air-conditioning", "first-aid", "tools"},
            [],
        ),
        ("微波炉 饮水机\n空调", {"microwave", "hot-water", "air-conditioning"}, []),
        ("熱水、微波爐，沒有空調", {"hot-water", "microwave"}, ["沒有空調"]),
        ("Hot water, microwave oven; sauna", {"hot-water", "microwave"}, ["sauna"]),
        ("hot  water first aid", {"hot-water", "first-aid"}, []),
        ("提供hot water", {"hot-water"}, []),
        ("Fİrst aid", set(), ["Fİrst", "aid"]),
        ("shot water", set(), ["shot", "water"]),
        ("提供热水和手机充电服务", {"hot-water", "phone-charging"}, []),
        ("电瓶车充换电池", {"battery-swap"}, []),
        ("微波炉2台、饮水机（1台）", {"microwave", "hot-water"}, []),
        ("微波炉擦鞋机", {"microwave"}, ["擦鞋机"]),
        ("血压计、热水", {"hot-water"}, ["血压计"]),
        ("无空调", set(), ["无空调"]),
        ("没有微波炉", set(), ["没有微波炉"]),
        ("没有微波炉和空调，有热水", {"hot-water"}, ["没有微波炉和空调"]),
        ("没有微波炉、空调", set(), ["没有微波炉", "空调"]),
        ("有微波炉但没有空调", {"microwave"}, ["有微波炉但没有空调"]),
        ("没有空调但有热水", {"hot-water"}, ["没有空调但有热水"]),
        ("空调（已损坏）", set(), ["空调(已损坏)"]),
        ("空调待修、热水", {"hot-water"}, ["空调待修"]),
        ("无线充电", {"phone-charging"}, []),
        ("维修工具", {"tools"}, []),
        ("", set(), []),
    ],
)
def test_amenities_are_read_from_lists_and_prose_and_nothing_denied_is_taken(
    text: str, codes: set[str], left: list[str]
) -> None:
    read = AmenityReader(WORDS).read(text)
    assert (read.codes, read.texts) == (codes, left)


def test_a_mark_says_yes_or_no_or_is_asked_about() -> None:
    assert [fields.read_mark(text) for text in ("√", "有", "2台", "1", "×", "无", "-")] == [True] * 4 + [False] * 3
    with pytest.raises(Unread):
        fields.read_mark("计划中")


@given(st.text())
def test_any_text_comes_back_from_a_defused_cell(text: str) -> None:
    clean = restored(defused(text))
    assert clean == defused(clean).removeprefix("'") if defused(clean).startswith("'") else clean == defused(clean)
    assert restored(defused(clean)) == clean
    assert defused(text)[:1] not in tuple("=+-@\t\r\n＝＋－＠")


@given(st.text(max_size=60))
def test_no_reader_fails_on_any_text(text: str) -> None:
    for read in (fields.read_tier, fields.read_status, fields.read_entry_mode, fields.read_area, fields.read_seats,
                 fields.read_date, fields.read_phone, fields.read_position, fields.read_mark):  # fmt: skip
        assert all(_unread(read, text))
    AmenityReader(WORDS).read(text)


def _unread(read: Callable[[str], object], text: str) -> tuple[str, ...]:
    """The reason and the way out that a reader gives, if it cannot read `text`."""
    try:
        read(text)
    except Unread as unread:
        return str(unread.reason), str(unread.way_out)
    return ()
