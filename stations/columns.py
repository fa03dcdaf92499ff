"""The columns of a station list as offices exchange it, and how its cells are made safe.

Import reads them, export and the template write them: one table, so that what goes out comes back in. Pure.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from tempfile import TemporaryFile

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from core import clock
from stations.words import simplified

__all__ = ["COLUMNS", "Column", "SheetRows", "Value", "csv_chunks", "defused", "heading_key", "restored", "xlsx_chunks"]

Value = str | int | float | Decimal | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in the program, its headings in both languages, and other headings that mean it."""

    key: str
    heading: str
    heading_en: str
    others: tuple[str, ...] = ()
    width: int = 14


COLUMNS: tuple[Column, ...] = (
    Column("code", "编号", "code", ("编码", "站点编号", "站点编码", "蜂巢编号", "蜂巢编码", "驿站编号", "station code"), 13),
    Column(
        "name", "名称", "name",
        ("站点名称", "蜂巢名称", "驿站名称", "江城蜂巢名称", "站名", "点位名称", "阵地名称", "场所名称", "单位名称",
         "站点", "蜂巢", "驿站", "蜂巢站点", "蜂巢站点名称", "站点全称", "station", "station name"), 30,
    ),
    Column("aliases", "别名", "other names", ("曾用名", "又名", "其他名称", "原名", "原名称", "简称", "aliases", "alias"), 20),
    Column(
        "tier", "类别", "tier",
        ("等级", "类型", "级别", "蜂巢类别", "蜂巢等级", "蜂巢类型", "站点类别", "站点等级", "站点类型", "分类", "类", "class",
         "category", "level", "type"), 8,
    ),
    Column("status", "状态", "status", ("运行状态", "使用状态", "当前状态", "启用状态", "是否启用", "开放状态", "运营状态"), 8),
    Column("status_reason", "状态说明", "reason", ("停用原因", "关闭原因", "暂停原因", "status reason"), 16),
    Column("district", "区", "district", ("城区", "所在区", "所属区", "行政区", "区县", "辖区", "所属城区", "所在城区", "区域"), 10),
    Column(
        "subdistrict", "街道", "subdistrict",
        ("街道乡镇", "街镇", "所属街道", "所在街道", "街乡镇", "乡镇街道", "街道名称", "街道办", "街道办事处", "所属街镇", "街",
         "乡镇", "street", "subdistrict (street)"), 14,
    ),
    Column(
        "neighbourhood", "社区", "neighbourhood",
        ("所属社区", "所在社区", "社区村", "村社区", "社区名称", "村居", "所属村社区", "community", "neighborhood"), 14,
    ),
    Column("zone", "功能区", "zone", ("开发区", "所属功能区", "functional zone"), 12),
    Column(
        "address", "地址", "address",
        ("详细地址", "站点地址", "蜂巢地址", "所在地址", "具体地址", "地点", "所在地", "具体位置地址", "门牌地址", "具体地点"), 34,
    ),
    Column("floor", "楼层", "floor", ("所在楼层", "层", "层数", "storey"), 8),
    Column(
        "directions", "位置说明", "directions",
        ("怎么找", "如何到达", "找法", "指引", "具体位置", "周边标志", "参照物", "路线", "how to find it"), 26,
    ),
    Column("latitude", "纬度", "latitude", ("北纬", "纬度坐标", "lat"), 12),
    Column("longitude", "经度", "longitude", ("东经", "经度坐标", "lng", "lon"), 12),
    Column(
        "position", "坐标", "position",
        ("经纬度", "位置", "坐标位置", "定位", "地图位置", "位置坐标", "高德链接", "腾讯链接", "百度链接", "地图链接", "位置链接",
         "定位链接", "分享链接", "高德地图链接", "腾讯地图链接", "高德坐标", "腾讯坐标", "百度坐标", "高德位置", "腾讯位置", "百度位置", "高德定位", "腾讯定位", "百度定位", "gps坐标", "coordinates", "link",
         "map link", "location"), 24,
    ),
    Column("crs", "坐标系", "datum", ("坐标系统", "坐标类型", "坐标来源", "crs"), 8),
    Column("area_m2", "面积", "area", ("建筑面积", "使用面积", "场地面积", "占地面积", "面积平方米", "area m2"), 8),
    Column("seats", "座位", "seats", ("座位数", "座位数量", "座椅数", "坐席", "座席", "可容纳人数", "容纳人数"), 8),
    Column(
        "hours", "开放时间", "hours",
        ("服务时间", "营业时间", "开门时间", "开放时段", "服务时段", "运营时间", "工作时间", "时间", "opening hours",
         "open hours", "opening_hours"), 24,
    ),
    Column("hours_workdays", "工作日开放时间", "weekday hours", ("工作日", "工作日时间", "周一至周五"), 14),
    Column(
        "hours_weekend", "周末开放时间", "weekend hours",
        ("周末", "周末时间", "双休日", "周六周日", "周六至周日", "周末及节假日", "周末节假日", "双休日及节假日", "节假日及周末"), 14,
    ),
    Column("hours_holidays", "节假日开放时间", "holiday hours", ("节假日", "法定节假日", "节假日时间", "节日", "假日", "holidays"), 14),
    Column("entry_mode", "进门方式", "entry", ("进入方式", "开门方式", "门禁", "门禁方式", "入门方式", "entry mode"), 10),
    Column(
        "amenities", "设施", "amenities",
        ("设备", "配置", "设施设备", "设备设施", "基本设施", "配套设施", "硬件设施", "主要设施", "硬件", "设施配置", "现有设施",
         "配备设施", "服务设施", "物品配置", "equipment", "facilities"), 34,
    ),
    Column("services", "服务", "services", ("服务项目", "服务内容", "提供服务", "服务功能", "功能", "可提供服务", "特色服务"), 34),
    Column("amenities_text", "其他设施和服务", "other amenities", ("其他设施", "其它设施", "其他服务"), 20),
    Column(
        "phone", "电话", "phone",
        ("联系电话", "电话号码", "服务电话", "座机", "办公电话", "联系方式", "咨询电话", "值班电话", "联系人电话", "联系人及电话",
         "联系人及联系电话", "联系人和电话", "负责人电话", "telephone", "tel"), 16,
    ),
    Column("premises", "场地单位", "premises by", ("场地提供单位", "场地来源", "依托单位", "场地", "提供场地单位", "共建单位"), 22),
    Column("supplies", "物资单位", "supplies by", ("物资提供单位", "物资", "物资来源", "捐赠单位", "物资保障单位"), 22),
    Column(
        "management", "管理单位", "run by",
        ("管理", "责任单位", "主管单位", "运营单位", "建设单位", "管理主体", "所属单位", "管理方", "managed by"), 22,
    ),
    Column(
        "opened_on", "启用日期", "opened on",
        ("建成时间", "启用时间", "建成日期", "建设时间", "开放日期", "投用时间", "投入使用时间", "成立时间", "揭牌时间",
         "opening date"), 12,
    ),
    Column("remarks", "备注", "remarks", ("说明", "注", "备注说明", "note", "notes", "remark"), 16),
)  # fmt: skip


def heading_key(text: str) -> str:
    """A heading in one form: "面积（㎡）", "面 積*" and "面积(平方米)" are one; without "(必填)" and units."""
    folded = re.sub(r"[(（\[【][^)）\]】]*[)）\]】]", "", text)
    return "".join(char for char in _folded(folded or text) if char.isalnum())


def _folded(text: str) -> str:
    return simplified(unicodedata.normalize("NFKC", text).casefold())


# ── Formula injection ───────────────────────────────────────────────────────────────────────────────────────────────

# What a spreadsheet program takes for the start of a formula, or skips before one.
_LEADS = "=+-@＝＋－＠\t\r\n"
_GUARD = "'"


def defused(text: str) -> str:
    """`text` as a cell that no spreadsheet program calculates: a guard before what could begin a formula.

    The guard goes before an apostrophe too, so that `restored` gives every text back as it was.
    Source: OWASP, CSV injection
    """
    text = _CONTROL.sub("", text)
    begins = text.lstrip(" \u00a0\u3000")[:1]
    return _GUARD + text if begins and (begins in _LEADS or begins == _GUARD) else text


def restored(text: str) -> str:
    """`text` without the guard that `defused` put before it."""
    if text.startswith(_GUARD):
        begins = text[1:].lstrip(" \u00a0\u3000")[:1]
        if begins and (begins in _LEADS or begins == _GUARD):
            return text[1:]
    return text


# XML, and so a workbook, can hold none of these.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_CSV_ROWS_AT_ONCE = 500
_CHUNK_BYTES = 64 * 1024


def csv_chunks(rows: Iterable[Sequence[Value]]) -> Iterator[bytes]:
    """`rows` as CSV in UTF-8 with the mark by which Excel knows it, in pieces, every text defused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield b"\xef\xbb\xbf"
    for number, row in enumerate(rows, 1):
        writer.writerow([defused(value) if isinstance(value, str) else value for value in row])
        if number % _CSV_ROWS_AT_ONCE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    if rest := buffer.getvalue():
        yield rest.encode()


@dataclass(frozen=True, slots=True)
class SheetRows:
    """A sheet to write: its name, its rows (the first are headings), and how wide its columns are."""

    name: str
    rows: Iterable[Sequence[Value]]
    widths: Sequence[int] = ()
    heading_rows: int = 1


def xlsx_chunks(sheets: Iterable[SheetRows]) -> Iterator[bytes]:
    """A workbook in pieces, every text defused and typed as text. It grows in a file, not in memory."""
    workbook = Workbook(write_only=True)
    for sheet in sheets:
        worksheet = workbook.create_sheet(sheet.name)
        for index, width in enumerate(sheet.widths, 1):
            worksheet.column_dimensions[get_column_letter(index)].width = width
        if sheet.heading_rows:
            worksheet.freeze_panes = f"A{sheet.heading_rows + 1}"
        for number, row in enumerate(sheet.rows, 1):
            worksheet.append([_xlsx_cell(worksheet, value, is_heading=number <= sheet.heading_rows) for value in row])
    with TemporaryFile() as file:
        workbook.save(file)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def _xlsx_cell(worksheet: object, value: Value, *, is_heading: bool) -> object:
    if isinstance(value, date):
        # A workbook holds no zone: a moment is written as it was on a clock in Wuhan. It would round parts of a second up, and
        # so into the next day.
        if is_moment := isinstance(value, datetime):
            value = clock.to_local(value).replace(tzinfo=None, microsecond=0)
        cell = WriteOnlyCell(worksheet, value=value)
        cell.number_format = "yyyy-mm-dd hh:mm" if is_moment else "yyyy-mm-dd"
        return cell
    if not isinstance(value, str):
        return value
    if not is_heading and defused(value)[:1] != _GUARD and "\n" not in value and not value.startswith("="):
        return _CONTROL.sub("", value)[:_XLSX_LONGEST]
    cell = WriteOnlyCell(worksheet, value=defused(value)[:_XLSX_LONGEST])
    cell.data_type = "s"
    if is_heading:
        cell.font, cell.fill = Font(bold=True), _HEADING_FILL
        cell.alignment = Alignment(wrap_text=True, vertical="center")
    return cell


_XLSX_LONGEST = 32_767  # characters in one cell
_HEADING_FILL = PatternFill("solid", fgColor="FFF3C4")
