"""Where the headings of a sheet are, what its columns mean, and which rows below them are stations.

Headings come in Chinese or English, in any order, on one line or two (a group over its parts), under merged titles.
An app above reads its own lists with `find_headings` and `Layout.says_nothing`. Pure.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from stations.columns import COLUMNS, Column, heading_key
from stations.importing.fields import is_tier
from stations.importing.sheets import Row
from stations.words import simplified

__all__ = ["HEADING_SEARCH_ROWS", "Layout", "find_headings", "find_layout", "keys_of_columns"]

HEADING_SEARCH_ROWS = 30
# Columns of which there may be several; of any other column the first counts.
_REPEATABLE = frozenset(
    {"amenities", "services", "amenities_text", "aliases", "premises", "supplies", "management", "remarks"}
)


def keys_of_columns(columns: Iterable[Column]) -> dict[str, str]:
    """The key of each of `columns` by every heading that means it."""
    return {
        heading_key(heading): column.key
        for column in columns
        for heading in (column.heading, column.heading_en, *column.others, column.key)
    }


_KEYS = keys_of_columns(COLUMNS)
# With 饮水, 充电 and 其他 under 设施, the last holds the rest of the amenities.
_THE_REST, _HAVE_A_REST = frozenset({"其他", "其它", "other", "others"}), frozenset({"amenities", "services"})
# Columns that number the rows or say when the list was made: they can be ignored silently.
_UNREAD = frozenset({"序号", "序", "no", "编制日期", "填报时间", "填表时间", "id", "行号", "number"})
# Columns about people: their names are not kept, since everything known about a station is public.
_PERSONAL = frozenset(
    {
        "联系人",
        "联系人姓名",
        "负责人",
        "负责人姓名",
        "责任人",
        "包保人",
        "站长",
        "管理员",
        "管理人员",
        "contact",
        "contact person",
    }
)
_TOTALS = re.compile(
    r"^[^,，。;；]{0,12}(?:小计|合计|总计|共计)(?:[:：]?\s*\d*\s*[个家处座]?)?$|^(?:sub)?total\b.{0,8}$", re.IGNORECASE
)
_NOTES = re.compile(
    r"^(?:注|备注|说明|填表|填报|制表|审核|联系人|单位负责人|统计|截至|截止|以上|数据来源|note)", re.IGNORECASE
)
_PERSONAL_KEYS = frozenset(map(heading_key, _PERSONAL))
# Headings that mean the tier, or just as well who runs the place.
_OF_ANY_KIND = frozenset(map(heading_key, ("类型", "分类", "类", "蜂巢类型", "站点类型", "type", "category")))
_EXAMPLES = ("示例", "[示例]", "【示例】", "（示例）", "(示例)", "例:", "例：")
_ORDINAL = re.compile(r"[（(]?[一二三四五六七八九十]{1,3}[)）]?[、.．]?")
# 徐家棚街道, 一、徐家棚街道 and 徐家棚街道（12个）; 武昌区（49个）
_SECTION = re.compile(
    r"(?:[（(]?[一二三四五六七八九十]{1,3}[)）、.．]+)?(?P<name>[\u4e00-\u9fff]{2,14}?(?:街道办事处|街道|街|镇|乡|区))"
    r"(?:[（(]?[共计]?\d{1,4}[个家处座]?[)）]?)?"
)


def _without_spaces(text: str) -> str:
    return "".join(text.split())


def _is_total(cell: str) -> bool:
    """Whether the cell says 小 计 or the like."""
    cell = simplified(cell)
    may_be = "计" in cell or "total" in cell.lower()
    return may_be and any(map(_TOTALS.match, (cell, _without_spaces(cell))))


@dataclass(slots=True)
class Layout:
    """How one sheet is read: its title, the row below its headings, and which columns hold what."""

    title: str
    first_row: int
    columns: dict[str, list[int]]  # key → column indexes
    headings: dict[int, str]  # column index → heading as written
    ignored: list[tuple[int, str]] = field(default_factory=list)
    personal: list[tuple[int, str]] = field(default_factory=list)
    groups: dict[int, str] = field(default_factory=dict)  # column index → the heading over it and its neighbours

    def value(self, cells: Sequence[str], key: str) -> str:
        """The text in the first filled column with this key."""
        for index in self.columns.get(key, ()):
            if index < len(cells) and cells[index]:
                return cells[index]
        return ""

    def values(self, cells: Sequence[str], key: str) -> list[str]:
        """The texts in all filled columns with this key."""
        return [cells[index] for index in self.columns.get(key, ()) if index < len(cells) and cells[index]]

    def column(self, cells: Sequence[str], key: str) -> int | None:
        """The column that `value` took its text from, or else the first with this key."""
        indexes = self.columns.get(key, [])
        for index in indexes:
            if index < len(cells) and cells[index]:
                return index
        return indexes[0] if indexes else None

    def section(self, cells: Sequence[str]) -> str:
        """The subdistrict or district, if the row is nothing but its name above its stations."""
        filled = {cell for cell in cells if cell}
        if len(filled) > 2 or self.values(cells, "subdistrict"):
            return ""
        texts = [text for text in map(_without_spaces, filled) if not _ORDINAL.fullmatch(text)]
        match = _SECTION.fullmatch(texts[0]) if len(texts) == 1 else None
        return match["name"] if match else ""

    def says_nothing(self, cells: Sequence[str]) -> bool:
        """Whether the row is blank, a total, a note, a line of units, a repeated heading or the template's example."""
        filled = [cell for cell in cells if cell]
        if not filled or any(map(_is_total, filled[:4])):
            return True
        if _NOTES.match(filled[0]) and filled[0].rstrip()[-1] in ":：":
            return True  # 填表人： 张三 审核人： 李四
        if all(cell[0] in "(（" for cell in filled):
            return True  # a line of units below the headings
        if self.value(cells, "name").startswith(_EXAMPLES):
            return True
        repeated = sum(
            index < len(cells) and cells[index] == heading for index, heading in self.headings.items() if heading
        )
        return repeated > 1

    def is_station(self, cells: Sequence[str]) -> bool:
        """Whether the row is meant as a station."""
        known = [
            index
            for key, indexes in self.columns.items()
            if key not in ("district", "subdistrict", "neighbourhood", "zone", "crs")
            for index in indexes
            if index < len(cells) and cells[index]
        ]
        if not known or self.says_nothing(cells):
            return False
        filled = [cell for cell in cells if cell]
        name = self.value(cells, "name")
        if len(set(filled)) == 1 and (_NOTES.match(filled[0]) or not name):
            return False
        if not name and _NOTES.match(filled[0]):
            return False
        return not any(name == self.headings[index] for index in self.columns.get("name", ()))


@dataclass(frozen=True, slots=True)
class _Reading:
    """The meaning of headings in one kind of list."""

    words: Mapping[str, str]  # a heading's key → the column's
    main: str  # the column without which a sheet is no such list
    other: str  # one that can replace it, if there are more beside it
    repeatable: Collection[str]

    def is_heading(self, keys: Mapping[int, str]) -> bool:
        return self.main in keys.values() or (bool(self.other) and self.other in keys.values() and len(keys) > 2)


def find_layout(rows: Iterable[Row], *, amenity_words: Iterable[str] = ()) -> Layout | None:
    """The layout of a list of stations, from the first rows of a sheet; None if there is no heading row among them.

    A heading that is itself an amenity (微波炉, with √ below it) becomes the column "has:微波炉".
    """
    words = {heading_key(word): f"has:{word}" for word in amenity_words} | _KEYS
    head = list(islice(rows, HEADING_SEARCH_ROWS))
    layout = find_headings(head, words=words, main="name", other="code", repeatable=_REPEATABLE)
    if layout is not None:
        _choose_tier(layout, [cells for number, cells in head if number >= layout.first_row])
    return layout


def _choose_tier(layout: Layout, rows: Sequence[Sequence[str]]) -> None:
    """A column 类型 may say who runs a place (工会, 银行), so of the columns that could hold the tier, the first that contains a
    tier counts. If none does, a heading that may mean something else is not read."""
    headings = {index: layout.headings[index] for index in layout.columns.get("tier", ())}
    headings |= {index: written for index, written in layout.ignored if _KEYS.get(heading_key(written)) == "tier"}
    if not headings:
        return

    def says_it(index: int) -> bool:
        return any(is_tier(cells[index]) for cells in rows if index < len(cells))

    def may_say_it(index: int) -> bool:
        return heading_key(headings[index]) not in _OF_ANY_KIND or not any(
            index < len(row) and row[index] for row in rows
        )

    candidates = sorted(headings)
    chosen = next(filter(says_it, candidates), next(filter(may_say_it, candidates), None))
    for index in candidates:
        layout.headings.pop(index, None)
    if chosen is None:
        layout.columns.pop("tier", None)
    else:
        layout.columns["tier"], layout.headings[chosen] = [chosen], headings.pop(chosen)
    layout.ignored = sorted({*(each for each in layout.ignored if each[0] != chosen), *headings.items()})


def find_headings(
    rows: Iterable[Row], *, words: Mapping[str, str], main: str, other: str = "", repeatable: Collection[str] = ()
) -> Layout | None:
    """The layout, from the first rows of a sheet, if one of them has the column `main`.

    `words` maps keys of headings to those of columns (`keys_of_columns`); `other` may replace `main` beside two more
    columns; of `repeatable` ones there may be several.
    """
    reading = _Reading(words, main, other, repeatable)
    head = list(islice(rows, HEADING_SEARCH_ROWS))
    best: tuple[int, Layout] | None = None
    for position, (number, cells) in enumerate(head):
        single = _keys_of(cells, words)
        if position + 1 < len(head):
            next_number, below = head[position + 1]
            double = _two_lines(cells, below, words)
            # A title above the only line of headings adds nothing to it.
            one_line = max(len(single), len(_keys_of(below, words)))
            if reading.is_heading(double) and len(double) > one_line and _is_heading_line(below, words):
                best = _better(best, double, reading, number=next_number, lines=(cells, below), head=head[:position])
                continue
        if reading.is_heading(single) and (len(single) > 1 or len([cell for cell in cells if cell]) == 1):
            best = _better(best, single, reading, number=number, lines=(cells,), head=head[:position])
    return best[1] if best is not None else None


def _better(
    best: tuple[int, Layout] | None,
    keys: dict[int, str],
    reading: _Reading,
    *,
    number: int,
    lines: Sequence[Sequence[str]],
    head: Sequence[Row],
) -> tuple[int, Layout]:
    if best is not None and best[0] >= len(keys):
        return best
    return len(keys), _layout(keys, reading, number=number, lines=lines, head=head)


def _keys_of(cells: Sequence[str], words: Mapping[str, str]) -> dict[int, str]:
    return {index: key for index, cell in enumerate(cells) if cell and (key := words.get(heading_key(cell)))}


def _is_heading_line(cells: Sequence[str], words: Mapping[str, str]) -> bool:
    """Whether a second line consists of headings: data below a one-line heading is not."""
    filled = [cell for cell in cells if cell]
    known = len(_keys_of(cells, words))
    return known >= 1 and known * 2 >= len(filled)


def _two_lines(upper: Sequence[str], lower: Sequence[str], words: Mapping[str, str]) -> dict[int, str]:
    """The columns of a group heading over its parts; the part says what its column is, or else the line above does."""
    keys: dict[int, str] = {}
    group = ""
    for index in range(max(len(upper), len(lower))):
        above = upper[index] if index < len(upper) else ""
        below = lower[index] if index < len(lower) else ""
        group = above or group
        if below and group:
            key = words.get(heading_key(below + group)) or words.get(heading_key(group + below))
        else:
            key = None
        key = key or words.get(heading_key(below or above))
        if key is None and heading_key(below) in _THE_REST and words.get(heading_key(group)) in _HAVE_A_REST:
            key = words[heading_key(group)]
        if key:
            keys[index] = key
    return keys


def _line_above(lines: Sequence[Sequence[str]], head: Sequence[Row]) -> Sequence[str]:
    """The line of groups over that of the headings, if there is one: not a title, and not who filled in the list."""
    if len(lines) > 1:
        return lines[0]
    above = head[-1][1] if head else ()
    # A heading that is merged over both lines stands in each of them.
    return above if any(cell and cell == heading for cell, heading in zip(above, lines[0], strict=False)) else ()


def _layout(
    keys: dict[int, str], reading: _Reading, *, number: int, lines: Sequence[Sequence[str]], head: Sequence[Row]
) -> Layout:
    columns: dict[str, list[int]] = {}
    headings: dict[int, str] = {}
    ignored: list[tuple[int, str]] = []
    personal: list[tuple[int, str]] = []
    groups: dict[int, str] = {}
    group = ""
    above = _line_above(lines, head)
    for index in range(max(map(len, lines))):
        group = groups[index] = (above[index] if index < len(above) else "") or group
        written = next((line[index] for line in reversed(lines) if index < len(line) and line[index]), "")
        if not written:
            continue
        key = keys.get(index)
        if key is None or (key in columns and key not in reading.repeatable):
            if heading_key(written) in _PERSONAL_KEYS:
                personal.append((index, written))
            elif heading_key(written) not in _UNREAD:
                ignored.append((index, written))
            continue
        columns.setdefault(key, []).append(index)
        headings[index] = written
    title = " ".join(dict.fromkeys(cell for _number, cells in head for cell in cells if cell))
    return Layout(
        title=title[:500], first_row=number + 1, columns=columns, headings=headings, ignored=ignored, personal=personal,
        groups=groups,
    )  # fmt: skip
