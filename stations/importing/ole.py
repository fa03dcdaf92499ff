"""How much an old workbook (xls) contains, read from its records before the parser sees it.

An xls file is a stream of records inside a compound file (OLE): FAT sectors chained like a disk. Only the chain of the
workbook's stream is followed.
Source: [MS-CFB] 2.2-2.6 (header, FAT, directory), [MS-XLS] 2.3 (records).
"""

import struct
from collections.abc import Iterator

from django.utils.translation import gettext as _

from stations.importing.errors import FileWrongType, broken, encrypted, too_many_cells
from stations.importing.limits import MAX_CELLS, MAX_COLUMNS, MAX_ROWS

__all__ = ["check"]

_END = 0xFFFFFFFA  # and above: end of chain, free, FAT
_BOF, _FILEPASS, _MULRK, _MULBLANK = 0x0809, 0x002F, 0x00BD, 0x00BE
# Records that fill a cell: BLANK, NUMBER, LABEL, BOOLERR, RSTRING, LABELSST, RK, FORMULA and their old forms.
_CELLS = {0x0201, 0x0203, 0x0204, 0x0205, 0x00D6, 0x00FD, 0x027E, 0x007E, 0x0006, 0x0206, 0x0406, _MULRK, _MULBLANK}


def check(data: bytes) -> None:
    """Accept an xls workbook of acceptable size.   Raises: FileEncrypted, FileUnreadable, FileWrongType, FileTooLarge."""
    try:
        streams = dict(_streams(data))
        names = {name.lower(): name for name in streams}
        if "encryptedpackage" in names or "encryptioninfo" in names:
            raise encrypted()
        name = names.get("workbook") or names.get("book")
        if name is None:
            raise FileWrongType(_("It is an old office file, but no workbook. Send the list as xlsx, xls, ods or CSV."))
        _check_records(_stream(data, *streams[name]))
    except (struct.error, IndexError) as error:
        raise broken() from error


def _sector_bytes(data: bytes) -> int:
    shift = int(struct.unpack_from("<H", data, 30)[0])
    if shift not in (9, 12):
        raise IndexError
    return 1 << shift


def _fat(data: bytes) -> list[int]:
    size = _sector_bytes(data)
    sectors = [sector for sector in struct.unpack_from("<109I", data, 76) if sector < _END]
    difat, count = struct.unpack_from("<2I", data, 68)
    seen = 0
    while difat < _END and seen <= min(count, len(data) // size):
        block = struct.unpack_from(f"<{size // 4}I", data, (difat + 1) * size)
        sectors += [sector for sector in block[:-1] if sector < _END]
        difat, seen = block[-1], seen + 1
    fat: list[int] = []
    for sector in sectors[: len(data) // size + 1]:
        fat += struct.unpack_from(f"<{size // 4}I", data, (sector + 1) * size)
    return fat


def _chain(data: bytes, fat: list[int], sector: int) -> bytes:
    size = _sector_bytes(data)
    parts: list[bytes] = []
    while sector < _END:
        # A chain that is longer than the file goes round in circles.
        if len(parts) > len(data) // size:
            raise IndexError
        parts.append(data[(sector + 1) * size : (sector + 2) * size])
        sector = fat[sector]
    return b"".join(parts)


def _streams(data: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """(name, (first sector, bytes)) of every entry of the directory."""
    directory = _chain(data, _fat(data), struct.unpack_from("<I", data, 48)[0])
    for start in range(0, len(directory) - 127, 128):
        length = struct.unpack_from("<H", directory, start + 64)[0]
        kind = directory[start + 66]
        if kind in (2, 5) and 2 <= length <= 64:
            name = directory[start : start + length - 2].decode("utf-16-le", "replace")
            yield ("" if kind == 5 else name), struct.unpack_from("<2I", directory, start + 116)


def _stream(data: bytes, first: int, length: int) -> bytes:
    fat = _fat(data)
    if length >= struct.unpack_from("<I", data, 56)[0]:
        return _chain(data, fat, first)[:length]
    # A short stream is kept in 64-byte pieces inside the root entry's stream.
    root_first, _root_length = dict(_streams(data))[""]
    container = _chain(data, fat, root_first)
    table = _chain(data, fat, struct.unpack_from("<I", data, 60)[0])
    minifat = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    parts: list[bytes] = []
    while first < _END and len(parts) * 64 < length:
        parts.append(container[first * 64 : first * 64 + 64])
        first = minifat[first]
    return b"".join(parts)[:length]


def _check_records(stream: bytes) -> None:
    position, cells, last_row, last_column = 0, 0, 0, 0
    end = len(stream) - 4
    while position <= end:
        kind, length = struct.unpack_from("<2H", stream, position)
        position += 4
        if kind == _FILEPASS:
            raise encrypted()
        if kind == _BOF:
            last_row = last_column = 0
        elif kind in _CELLS and length >= 4:
            row, column = struct.unpack_from("<2H", stream, position)
            if kind in (_MULRK, _MULBLANK):
                column = struct.unpack_from("<H", stream, position + length - 2)[0]
            cells += 1
            last_row, last_column = max(last_row, row), max(last_column, column)
            if (
                cells > MAX_CELLS
                or last_row >= MAX_ROWS
                or last_column >= MAX_COLUMNS
                or (last_row + 1) * (last_column + 1) > MAX_CELLS
            ):
                raise too_many_cells()
        position += length
