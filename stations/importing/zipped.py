"""How much a zipped workbook (xlsx, ods) contains, measured in a stream before any parser sees it.

A parser allocates a sheet from its first to its last cell: two cells, at A1 and XFD1048576, cost half a terabyte.
"""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Literal

from django.utils.translation import gettext as _

from stations.importing.errors import FileHostile, FileWrongType, broken, encrypted, too_many_cells
from stations.importing.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_ENTRIES,
    MAX_RATIO,
    MAX_ROWS,
    MAX_UNZIPPED_BYTES,
    RATIO_APPLIES_FROM_BYTES,
)

__all__ = ["check"]

_CHUNK = 2**20
# In a sheet nothing is longer without a ">": a cell holds 32,767 characters.
_LONGEST = 2**18
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_ROW = re.compile(rb"<(?:\w{1,20}:)?row[\s/>]")
_CELL = re.compile(rb"<(?:\w{1,20}:)?c[\s/>]")
_COLUMN = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]+)\d""")
# Zeros before a number are no part of it, neither here nor for the parser.
_NUMBER = re.compile(rb"""\sr\s*=\s*["']\s*[A-Za-z]*0*(\d+)""")
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".svg", ".bmp", ".tif", ".tiff", ".webp")


def check(data: bytes) -> Literal["xlsx", "ods"]:
    """Return which kind of workbook the archive is.

    Raises: FileUnreadable, FileWrongType, FileEncrypted, FileHostile, FileTooLarge.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return _check(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as error:
        raise broken() from error


def _check(archive: zipfile.ZipFile) -> Literal["xlsx", "ods"]:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise FileHostile(
            _("It holds more than {limit} parts. Save the list as a new workbook.").format(limit=MAX_ENTRIES)
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise encrypted()
    kind = _kind(archive)
    if sum(entry.file_size for entry in entries) > MAX_UNZIPPED_BYTES:
        raise _bomb()
    unzipped_bytes = area = 0
    for entry in entries:
        # The sizes in the directory are only the sender's claim; what counts is what comes out.
        unzipped_bytes, extent = _scan(archive, entry, unzipped_bytes)
        area += max(extent.area, extent.cells)
        if area > MAX_CELLS:
            raise too_many_cells()
    return kind


def _kind(archive: zipfile.ZipFile) -> Literal["xlsx", "ods"]:
    names = {name.lower() for name in archive.namelist()}
    if "mimetype" in names:
        with archive.open("mimetype") as part:
            mimetype = part.read(100)
        if not mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
            raise FileWrongType(_("It is no spreadsheet. Send the list as xlsx, xls, ods or CSV."))
        manifest = next((entry for entry in archive.infolist() if entry.filename == "META-INF/manifest.xml"), None)
        if manifest is not None:
            with archive.open(manifest) as part:
                if b"encryption-data" in part.read(_CHUNK):
                    raise encrypted()
        return "ods"
    if "xl/workbook.bin" in names:
        raise FileWrongType(_("It is a binary workbook (xlsb). Save it as xlsx."))
    if "[content_types].xml" in names and any(name.startswith("xl/") for name in names):
        return "xlsx"
    raise FileWrongType(_("It is an archive, no spreadsheet. Unpack it and send the list as xlsx, xls, ods or CSV."))


@dataclass(slots=True)
class _Extent:
    """How far the cells of one part reach, by their own references or, if they have none, by their number."""

    is_sheet: bool = False
    row: int = 0
    column: int = 0
    cells: int = 0
    cells_in_row: int = 0
    rows_counted: int = 0
    columns_seen: set[bytes] = field(default_factory=set)

    @property
    def area(self) -> int:
        return max(self.row, self.rows_counted) * self.column

    def read(self, text: bytes) -> None:
        self.is_sheet = self.is_sheet or b"sheetData" in text
        if not self.is_sheet:
            return
        numbers = _NUMBER.findall(text)
        cells, rows = text.count(b"<c ") + text.count(b"<c>"), text.count(b"<row ") + text.count(b"<row>")
        if b":row" in text or b":c" in text or b"<c/" in text or b"<c\n" in text:
            cells, rows = len(_CELL.findall(text)), len(_ROW.findall(text))
        self.cells += cells
        self.rows_counted += rows
        if cells + rows > len(numbers):
            # Cells that do not say where they are follow one another.
            for position, part in enumerate(_ROW.split(text)):
                self.cells_in_row = len(_CELL.findall(part)) + (self.cells_in_row if position == 0 else 0)
                self.column = max(self.column, self.cells_in_row)
        new_columns = set(_COLUMN.findall(text)) - self.columns_seen
        self.columns_seen |= new_columns
        self.column = max(self.column, max(map(_column_number, new_columns), default=0))
        self.row = max(self.row, max(map(int, {number[:9] for number in set(numbers)}), default=0))
        if max(self.row, self.rows_counted) > MAX_ROWS or self.column > MAX_COLUMNS:
            raise too_many_cells()


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters[:5].upper():
        number = number * 26 + letter - 64
    return number


def _scan(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, unzipped_bytes: int) -> tuple[int, _Extent]:
    """Read one part to its end within the limits; return the bytes unzipped so far and how far its cells reach."""
    is_picture = entry.filename.lower().endswith(_PICTURES)
    extent = _Extent()
    carry = b""
    entry_bytes = 0
    with archive.open(entry) as part:
        while chunk := part.read(_CHUNK):
            entry_bytes += len(chunk)
            if unzipped_bytes + entry_bytes > MAX_UNZIPPED_BYTES or entry_bytes > max(
                RATIO_APPLIES_FROM_BYTES, MAX_RATIO * entry.compress_size
            ):
                raise _bomb()
            if is_picture:
                continue
            text = carry + chunk
            if text[:2] in (b"\xff\xfe", b"\xfe\xff") or (text[:1] == b"<" and b"\x00" in text[:100]):
                raise FileHostile(_("A part of it is written in UTF-16. Save it again as xlsx."))
            if _DECLARATION.search(text):
                raise FileHostile(_("It declares entities. Save the list as a new workbook."))
            end = text.rfind(b">") + 1
            extent.read(text[:end])
            if max(extent.area, extent.cells) > MAX_CELLS:
                raise too_many_cells()
            # A tag cut by the end of a chunk is read whole with the next chunk.
            carry = text[end:]
            if len(carry) > _LONGEST:
                if extent.is_sheet:
                    raise too_many_cells()
                carry = carry[-1_024:]
    return unzipped_bytes + entry_bytes, extent


def _bomb() -> FileHostile:
    return FileHostile(
        _("It unpacks to more than {limit} MB. Delete pictures and blank rows, or save the sheet as CSV.").format(
            limit=MAX_UNZIPPED_BYTES // 2**20
        )
    )
