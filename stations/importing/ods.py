"""An OpenDocument spreadsheet as tables of text, with its merged cells, which the parser of the other formats does not report.

A cell or row may say that it repeats a million times; blank ones are skipped, others count against the limits.
"""

import io
import zipfile
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from django.utils.translation import gettext as _

from stations.importing.errors import FileHostile, broken, too_many_cells
from stations.importing.limits import MAX_CELL_CHARS, MAX_CELLS, MAX_COLUMNS, MAX_ROWS

__all__ = ["Table", "read"]

_TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
_OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
_TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "


@dataclass(slots=True)
class Table:
    """One sheet: its rows that are not blank, and the corners of its merged cells (counted from 0)."""

    name: str
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    merged: list[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=list)


def read(data: bytes) -> list[Table]:
    """The tables of the workbook.   Raises: FileUnreadable, FileHostile, FileTooLarge."""
    reader = _Reader()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("content.xml") as part:
            reader.parser.ParseFile(part)
    except (expat.ExpatError, KeyError, zipfile.BadZipFile) as error:
        raise broken() from error
    return reader.tables


class _Reader:
    def __init__(self) -> None:
        self.tables: list[Table] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        self.parser.StartDoctypeDeclHandler = self.refuse
        self.parser.EntityDeclHandler = self.refuse
        self.table: Table | None = None
        self.row_number = 0
        self.row_repeats = 1
        self.cells: list[str] = []
        self.column = 0
        self.repeats = 1
        self.value: str | None = None
        self.paragraphs: list[str] = []
        self.in_paragraph = 0
        self.in_note = 0
        self.cell_count = 0

    def refuse(self, *_declaration: Any) -> None:
        raise FileHostile(_("It declares entities. Save the list as a new workbook."))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _TABLE + "table":
            self.table = Table(name=attributes.get(_TABLE + "name", ""))
            self.tables.append(self.table)
            self.row_number = 0
        elif self.table is None:
            return
        elif name == _TABLE + "table-row":
            self.row_repeats = _count(attributes.get(_TABLE + "number-rows-repeated"))
            self.cells, self.column = [], 0
        elif name in (_TABLE + "table-cell", _TABLE + "covered-table-cell"):
            self.start_cell(attributes)
        elif name == _OFFICE + "annotation":
            self.in_note += 1
        elif name == _TEXT + "p" and not self.in_note:
            self.in_paragraph += 1
            self.paragraphs.append("")
        elif self.in_paragraph and name == _TEXT + "s":
            self.characters(" " * min(_count(attributes.get(_TEXT + "c")), 20))
        elif self.in_paragraph and name in (_TEXT + "line-break", _TEXT + "tab"):
            self.characters("\n")

    def start_cell(self, attributes: dict[str, str]) -> None:
        self.repeats = _count(attributes.get(_TABLE + "number-columns-repeated"))
        self.paragraphs = []
        kind = attributes.get(_OFFICE + "value-type", "")
        if kind == "date":
            day, _separator, clock = attributes.get(_OFFICE + "date-value", "").partition("T")
            self.value = day if clock[:5] in ("", "00:00") else f"{day} {clock[:5]}"
        elif kind in ("float", "currency"):
            number = attributes.get(_OFFICE + "value", "")
            self.value = number.removesuffix(".0")
        else:
            self.value = None
        rows = _count(attributes.get(_TABLE + "number-rows-spanned"))
        if rows > 1 and self.table is not None:
            columns = _count(attributes.get(_TABLE + "number-columns-spanned"))
            self.table.merged.append(
                ((self.row_number, self.column), (self.row_number + rows - 1, self.column + columns - 1))
            )

    def characters(self, text: str) -> None:
        if self.in_paragraph and self.paragraphs and len(self.paragraphs[-1]) <= MAX_CELL_CHARS:
            self.paragraphs[-1] += text

    def end(self, name: str) -> None:
        if self.table is None:
            return
        if name in (_TABLE + "table-cell", _TABLE + "covered-table-cell"):
            text = self.value if self.value is not None else "\n".join(self.paragraphs).strip()
            if text:
                if self.column + self.repeats > MAX_COLUMNS:
                    raise too_many_cells()
                self.cells += [""] * (self.column - len(self.cells)) + [text[: MAX_CELL_CHARS + 1]] * self.repeats
            self.column += self.repeats
        elif name == _TABLE + "table-row":
            self.end_row(self.table)
        elif name == _TABLE + "table":
            self.table = None
        elif name == _OFFICE + "annotation":
            self.in_note -= 1
        elif name == _TEXT + "p" and not self.in_note:
            self.in_paragraph -= 1

    def end_row(self, table: Table) -> None:
        if self.cells:
            self.cell_count += len(self.cells) * self.row_repeats
            if self.cell_count > MAX_CELLS or self.row_number + self.row_repeats > MAX_ROWS:
                raise too_many_cells()
            table.rows += [(self.row_number + step + 1, self.cells) for step in range(self.row_repeats)]
        self.row_number += self.row_repeats


def _count(text: str | None) -> int:
    """How often something repeats: 1 if nothing or nonsense is given."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 9 and text != "0" else 1
