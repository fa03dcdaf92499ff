"""The empty list that districts download, with an example and notes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from stations.columns import COLUMNS, Column, SheetRows, Value, xlsx_chunks
from stations.models import Amenity

__all__ = ["empty_list", "template_xlsx"]

_EXAMPLE: dict[str, Value] = {
    "name": "示例：读书社区江城蜂巢（导入时跳过本行）",
    "aliases": "工会爱心驿站",
    "tier": "二类",
    "status": "启用",
    "district": "武昌区",
    "subdistrict": "黄鹤楼街道",
    "neighbourhood": "读书社区",
    "address": "张之洞路1号",
    "floor": "1楼",
    "directions": "社区党群服务中心旁，朝街玻璃门",
    "latitude": 30.5381,
    "longitude": 114.3012,
    "crs": "gcj02",
    "area_m2": 20,
    "seats": 6,
    "hours": "周一至周五 8:30-17:30，周末 9:00-16:00",
    "entry_mode": "有人",
    "amenities": "饮水机、微波炉、空调",
    "services": "手机充电、餐食加热",
    "phone": "027-88880000",
    "premises": "读书社区居委会",
    "opened_on": "2021-07-01",
}


def template_xlsx() -> Iterator[bytes]:
    """The template as a workbook."""
    return empty_list(_("Stations"), COLUMNS, _EXAMPLE, _notes())


def empty_list(
    title: str, columns: Sequence[Column], example: Mapping[str, Value], notes: Iterable[Sequence[Value]]
) -> Iterator[bytes]:
    """A workbook to fill in: the headings in the reader's language, one row as an example, and a sheet of notes."""
    is_english = get_language() == "en"
    headings = [column.heading_en if is_english else column.heading for column in columns]
    rows: list[Sequence[Value]] = [headings, [example.get(column.key) for column in columns]]
    how = [[_("column"), _("how to fill it in")], *notes]
    return xlsx_chunks(
        [
            SheetRows(title, rows, widths=[column.width for column in columns]),
            SheetRows("填写说明", how, widths=(18, 90)),
        ]
    )


def _notes() -> Iterator[Sequence[Value]]:
    for heading, text in (
        ("名称", _("The only column that must be filled. Stations are found again by 编号, else by 名称 in their 区.")),
        ("编号", _("Leave it blank for a new station; it gets its number by itself.")),
        ("类别", _("一类, 二类 or 三类")),
        ("状态", _("启用, 草稿, 停用 or 撤销; blank: a new station is not shown yet.")),
        ("街道 社区", _("As you say it: 韩家墩街 and 韩家墩街道 are the same. A 社区 that is not known yet is added.")),
        ("坐标系", _("gcj02 for 高德 and 腾讯, bd09 for 百度, wgs84 for GPS. Without it a position is not taken.")),
        ("坐标", _("instead of 纬度 and 经度: the share link of 高德 or 腾讯, or both numbers in one cell")),
        ("开放时间", "8:00-20:00 · 周一至周五 9:00-17:30 · 8:30-12:00,14:30-18:00 · 24小时 · 全天"),
        ("进门方式", _("有人, 扫码, 刷卡 or 密码")),
        (
            "设施 服务",
            _("Separated by 、 or commas. What you write replaces what was there; a blank cell changes nothing."),
        ),
        ("电话", _("An office number: it is shown to everybody.")),
    ):
        yield [heading, text]
    yield ["设施 服务", "、".join(Amenity.objects.values_list("name", flat=True))]
