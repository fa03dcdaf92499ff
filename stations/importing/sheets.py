"""A file as an office keeps it, read as sheets of text cells: xlsx, xls, ods and CSV, under limits.

The kind is recognised by the content, never by the name. Everything is bounded before a parser allocates (limits.py).
Pure: no table is read or written.
"""

import codecs
import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import BinaryIO

import python_calamine as calamine
from django.utils.translation import gettext as _

from stations.importing import ods, ole, zipped
from stations.importing.errors import FileTooLarge, FileUnreadable, FileWrongType, broken, too_many_cells
from stations.importing.limits import (
    MAX_CELL_CHARS,
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_CSV_BYTES,
    MAX_FILE_BYTES,
    MAX_ROWS,
    MAX_SHEETS,
)

__all__ = ["Row", "Sheet", "column_letter", "read_sheets"]

Row = tuple[int, list[str]]  # the row's number as a spreadsheet program shows it, and its cells

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What people send instead, by its first bytes, with the name for it.
_OTHER_KINDS = (
    (b"%PDF", "PDF"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"{\\rtf", "RTF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"PK\x05\x06", "ZIP"),
)
_DELIMITERS = (",", "\t", ";", "，")
_LINES_SNIFFED = 20


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its name ("" for a CSV), about how many rows, and the rows themselves, read again at each call."""

    name: str
    row_count: int
    rows: Callable[[], Iterator[Row]]


def column_letter(index: int) -> str:
    """The letter over a column: 0 → A, 25 → Z, 26 → AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def read_sheets(file: BinaryIO, *, encoding: str = "") -> list[Sheet]:
    """Open `file` and return its sheets without the hidden ones.

    `encoding`, such as "gb18030", overrides the one that a CSV seems to have.
    Raises: FileUnreadable and its kinds, which say what to do.
    """
    data = file.read(MAX_CSV_BYTES + 1)
    if not data.strip(b"\x00 \t\r\n"):
        raise FileUnreadable(_("It is empty. Choose the file again."))
    is_zip, is_ole = data.startswith(_ZIP), data.startswith(_OLE)
    limit_bytes = MAX_FILE_BYTES if is_zip or is_ole else MAX_CSV_BYTES
    if len(data) > limit_bytes:
        raise FileTooLarge(
            _("It has more than {limit} MB. Split it, or save it as CSV without pictures.").format(
                limit=limit_bytes // 2**20
            )
        )
    if is_zip:
        kind = zipped.check(data)
        return _ods_sheets(data) if kind == "ods" else _calamine_sheets(data)
    if is_ole:
        ole.check(data)
        return _calamine_sheets(data)
    for magic, name in _OTHER_KINDS:
        if data.startswith(magic):
            raise FileWrongType(
                _("It is a {kind} file, whatever its name says. Send the list as xlsx, xls, ods or CSV.").format(
                    kind=name
                )
            )
    return [_csv_sheet(data, encoding)]


# ── Workbooks ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _calamine_sheets(data: bytes) -> list[Sheet]:
    try:
        workbook = calamine.load_workbook(io.BytesIO(data))
        metadata = [
            (index, sheet.name)
            for index, sheet in enumerate(workbook.sheets_metadata)
            if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
        ]
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise broken() from error
    _check_sheet_count(len(metadata))
    return [_calamine_sheet(workbook, index, name) for index, name in metadata]


def _calamine_sheet(workbook: "calamine.CalamineWorkbook", index: int, name: str) -> Sheet:
    try:
        sheet = workbook.get_sheet_by_index(index)
        last_row, last_column = sheet.end or (-1, -1)
        merged = _vertical_merges(sheet.merged_cell_ranges or [], height=last_row + 1)
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise broken() from error
    if last_row >= MAX_ROWS or last_column >= MAX_COLUMNS:
        raise too_many_cells()

    def rows() -> Iterator[Row]:
        if sheet.start is None:
            return
        pad = [""] * sheet.start[1]
        texts = ((number, pad + [_text(value) for value in row]) for number, row in enumerate(sheet.iter_rows(), 1))
        yield from _fill_down(texts, merged)

    return Sheet(name=name, row_count=last_row + 1, rows=rows)


def _ods_sheets(data: bytes) -> list[Sheet]:
    tables = ods.read(data)
    _check_sheet_count(len(tables))
    return [_ods_sheet(table) for table in tables]


def _ods_sheet(table: ods.Table) -> Sheet:
    def rows() -> Iterator[Row]:
        texts = ((number, list(cells)) for number, cells in table.rows)
        yield from _fill_down(texts, _vertical_merges(table.merged, height=table.rows[-1][0] if table.rows else 0))

    return Sheet(name=table.name, row_count=len(table.rows), rows=rows)


def _check_sheet_count(count: int) -> None:
    if count > MAX_SHEETS:
        raise FileTooLarge(_("It has more than {limit} sheets. Split it.").format(limit=MAX_SHEETS))
    if not count:
        raise FileUnreadable(_("It has no visible sheet. Show the sheet with the list and save it again."))


def _vertical_merges(
    ranges: Iterable[tuple[tuple[int, int], tuple[int, int]]], *, height: int
) -> list[tuple[int, int, int]]:
    """(first row, last row, column) of the merged cells that span several rows, rows counted from 1."""
    merged = sorted(
        (top + 1, min(bottom + 1, height), left) for (top, left), (bottom, _right) in ranges if bottom > top
    )
    if sum(bottom - top for top, bottom, _column in merged if bottom > top) > MAX_CELLS:
        raise too_many_cells()
    return merged


def _fill_down(rows: Iterable[Row], merged: list[tuple[int, int, int]]) -> Iterator[Row]:
    """The rows, with each vertically merged cell's text in every row it covers: a 街道 cell beside its ten stations."""
    if not merged:
        yield from rows
        return
    waiting = iter(merged)
    upcoming = next(waiting, None)
    active: list[tuple[int, int, str]] = []  # last row, column, text
    for number, cells in rows:
        while upcoming is not None and upcoming[0] <= number:
            top, bottom, column = upcoming
            if top == number and column < len(cells) and cells[column]:
                active.append((bottom, column, cells[column]))
            upcoming = next(waiting, None)
        if active:
            active = [entry for entry in active if entry[0] >= number]
            for _bottom, column, text in active:
                if column >= len(cells):
                    cells.extend([""] * (column + 1 - len(cells)))
                cells[column] = cells[column] or text
        yield number, cells


# A workbook writes them as _x0000_; no database accepts the first of them, and nobody sees the others.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _text(value: object) -> str:
    """A cell's value as the text that a person sees."""
    if isinstance(value, str):
        return _CONTROL.sub("", value[: MAX_CELL_CHARS + 1]).strip()
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, timedelta):
        minutes = int(value.total_seconds()) // 60
        return f"{minutes // 60:02}:{minutes % 60:02}"
    return str(value)


# ── CSV ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _csv_sheet(data: bytes, encoding: str) -> Sheet:
    encoding = _csv_encoding(data, encoding)
    head = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="").read(8_192)
    if re.match(r"\s*<(?:!doctype|html|\?xml|table|head|body)\b", head, re.IGNORECASE):
        raise FileWrongType(_("It is a web page, whatever its name says. Open it in WPS or Excel and save it as xlsx."))
    delimiter = _delimiter(head)
    row_count = data.count(b"\n") or data.count(b"\r")
    if row_count > 2 * MAX_ROWS:
        raise _too_many_rows()

    def rows() -> Iterator[Row]:
        text = io.TextIOWrapper(io.BytesIO(data), encoding=encoding, newline="")
        reader = csv.reader(text, delimiter=delimiter)
        number = 0
        try:
            for number, cells in enumerate(reader, 1):
                if number > MAX_ROWS:
                    raise _too_many_rows()
                if len(cells) > MAX_COLUMNS:
                    raise too_many_cells()
                yield number, [cell[: MAX_CELL_CHARS + 1].strip() for cell in cells]
        except csv.Error as error:
            raise FileUnreadable(
                _("Row {row} cannot be read: a cell is too long, or a quotation mark is not closed.").format(
                    row=number + 1
                )
            ) from error

    return Sheet(name="", row_count=row_count + 1, rows=rows)


def _too_many_rows() -> FileTooLarge:
    return FileTooLarge(_("It has more than {limit} rows. Split it.").format(limit=f"{MAX_ROWS:,}"))


def _csv_encoding(data: bytes, wanted: str) -> str:
    """The encoding in which every byte of `data` is text; UTF-8 is tried before GBK, since nothing is valid UTF-8 by chance."""
    if wanted:
        try:
            codecs.lookup(wanted)
        except LookupError as error:
            raise FileUnreadable(
                _("The encoding {encoding} is unknown. Try utf-8 or gb18030.").format(encoding=wanted[:40])
            ) from error
        candidates = [wanted]
    elif data.startswith(codecs.BOM_UTF8):
        candidates = ["utf-8-sig"]
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\x00" in data[:4_096]:
        # In UTF-16 without a mark, every second byte is zero for commas and digits; which of the two tells the byte order.
        even, odd = data[:4_096:2].count(0), data[1:4_096:2].count(0)
        candidates = ["utf-16-be" if even > odd else "utf-16-le"]
    else:
        candidates = ["utf-8", "gb18030"]
    for candidate in candidates:
        if _is_text(data, candidate):
            return candidate
    raise FileWrongType(_("It is no text in UTF-8, GBK or UTF-16. Open it in WPS or Excel and save it as xlsx."))


def _is_text(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), 2**20):
            chunk = decoder.decode(data[start : start + 2**20], start + 2**20 >= len(data))
            if _NO_TEXT.search(chunk):
                return False
    except (UnicodeError, ValueError):
        return False
    return True


# Control characters and non-characters: a picture read as text is full of them, a list has none.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ud800-\udfff\ufffe\uffff]")


def _delimiter(head: str) -> str:
    """The delimiter: the one that occurs most often, outside quotation marks, in the first lines."""
    lines = itertools.islice(re.sub(r'"[^"]*"', "", head).splitlines(), _LINES_SNIFFED)
    text = "\n".join(lines)
    return max(_DELIMITERS, key=text.count)
