"""Reading files as sheets of text, and refusing those made to do harm."""

import io
import os
import subprocess
import sys
import time
import zipfile
from datetime import date, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.conf import settings

from stations.importing.errors import (
    FileEncrypted,
    FileHostile,
    FileTooLarge,
    FileUnreadable,
    FileWrongType,
)
from stations.importing.sheets import Sheet, column_letter, read_sheets
from tests.proving import counted
from tests.stations.importing.files import FIXTURES, archive, csv_file, ods_file, sheet_xml, xlsx_file, xlsx_parts

ROWS = [["名称", "街道"], ["武车江城蜂巢", "徐家棚街道"]]


def read(data: bytes, **options: str) -> list[Sheet]:
    return read_sheets(io.BytesIO(data), **options)


def read_whole(data: bytes) -> int:
    return sum(1 for sheet in read(data) for _row in sheet.rows())


def cells(data: bytes) -> list[list[str]]:
    return [row for _number, row in read(data)[0].rows()]


def test_a_workbook_gives_every_value_as_the_text_one_reads_there() -> None:
    row = [
        "武车",
        10.0,
        10.5,
        True,
        date(2021, 7, 1),
        datetime.fromisoformat("2021-07-01 08:30"),
        clock_time(8, 0),
        13812345678,
        None,
    ]
    assert cells(xlsx_file({"a": [row]}))[0][:8] == [
        "武车", "10", "10.5", "是", "2021-07-01", "2021-07-01 08:30", "08:00", "13812345678",
    ]  # fmt: skip


def test_rows_and_columns_keep_their_numbers_behind_blank_ones() -> None:
    workbook = xlsx_file({"a": [[], [], [None, None, "名称"], [], [None, None, "武车"]]})
    rows = [(number, row) for number, row in read(workbook)[0].rows() if any(row)]
    assert rows == [(3, ["", "", "名称"]), (5, ["", "", "武车"])]


def test_a_cell_merged_over_rows_stands_in_each_of_them() -> None:
    rows: list[list[Any]] = [
        ["街道", "名称"],
        ["徐家棚街道", "a"],
        [None, "b"],
        [None, "c"],
        ["黄鹤楼街道", "d"],
        [None, "e"],
    ]
    filled = cells(xlsx_file({"a": rows}, merged=["A2:A4", "A5:A6"]))
    assert [row[0] for row in filled[1:]] == ["徐家棚街道"] * 3 + ["黄鹤楼街道"] * 2


def test_a_hidden_sheet_is_left_out() -> None:
    workbook = openpyxl.load_workbook(io.BytesIO(xlsx_file({"a": ROWS, "旧": ROWS})))
    workbook["旧"].sheet_state = "hidden"
    file = io.BytesIO()
    workbook.save(file)
    assert [sheet.name for sheet in read(file.getvalue())] == ["a"]


def test_an_old_workbook_is_read_with_its_merged_cells() -> None:
    sheet = read((FIXTURES / "list.xls").read_bytes())[0]
    assert sheet.name == "徐家棚街道"
    assert [row[1:4] for _number, row in sheet.rows()][2:4] == [
        ["武车江城蜂巢", "武车社区", "10"],
        ["和平江城蜂巢", "武车社区", "12.5"],
    ]


def test_an_opendocument_sheet_is_read_with_repeats_merges_and_without_comments() -> None:
    table = (
        '<table:table-row><table:table-cell table:number-columns-repeated="2"/>'
        "<table:table-cell><text:p>名称</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="2"><table:table-cell/></table:table-row>'
        '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>徐家棚街道</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2021-07-01"><text:p>7月1日</text:p></table:table-cell>'
        "<table:table-cell><office:annotation><text:p>批注</text:p></office:annotation><text:p>武<text:s/>车</text:p>"
        "</table:table-cell></table:table-row>"
        '<table:table-row><table:covered-table-cell/><table:table-cell office:value-type="float" office:value="10.0">'
        "<text:p>10</text:p></table:table-cell><table:table-cell><text:p>和平</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/>'
        "</table:table-row>"
    )
    assert list(read(ods_file(table))[0].rows()) == [
        (1, ["", "", "名称"]),
        (4, ["徐家棚街道", "2021-07-01", "武 车"]),
        (5, ["徐家棚街道", "10", "和平"]),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_is_read_whatever_wrote_it(encoding: str, delimiter: str) -> None:
    assert cells(csv_file(ROWS, encoding=encoding, delimiter=delimiter)) == ROWS


def test_a_csv_keeps_row_numbers_over_blank_lines_and_lines_within_a_cell() -> None:
    rows = list(read('名称,地址\r\n\r\n武车,"一\n二"\r\n和平,三\r\n'.encode())[0].rows())
    assert rows == [(1, ["名称", "地址"]), (2, []), (3, ["武车", "一\n二"]), (4, ["和平", "三"])]


def test_an_encoding_that_is_asked_for_is_used_and_a_wrong_one_refused() -> None:
    data = "名稱,街道\n武車,x".encode("big5")
    assert next(row for _n, row in read(data, encoding="big5")[0].rows()) == ["名稱", "街道"]
    with pytest.raises(FileUnreadable):
        read(data, encoding="klingon")
    with pytest.raises(FileWrongType):
        read("名称".encode("gbk"), encoding="utf-8")


def test_columns_have_the_letters_that_the_office_program_shows() -> None:
    assert [column_letter(index) for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


# Hostile and broken files


def _bomb() -> bytes:
    return archive(xlsx_parts(b"<a>" + b" " * (160 * 2**20)))


def _lying_bomb() -> bytes:
    """The directory of the archive says that a part of 160 MB has a hundred bytes."""
    data = bytearray(_bomb())
    real = (160 * 2**20 + 3).to_bytes(4, "little")
    return bytes(data.replace(real, (100).to_bytes(4, "little")))


def _encrypted_zip() -> bytes:
    data = bytearray(xlsx_file({"a": ROWS}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(magic, at + 4)
    return bytes(data)


def _ole_with(name: str) -> bytes:
    """A compound file whose one stream bears this name: what a password makes of a workbook."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = (9).to_bytes(2, "little")
    header[48:52] = (1).to_bytes(4, "little")
    header[56:60] = (4096).to_bytes(4, "little")
    header[68:72] = (0xFFFFFFFE).to_bytes(4, "little")
    header[76:512] = b"\xff" * 436
    header[76:80] = (0).to_bytes(4, "little")
    fat = (0xFFFFFFFD).to_bytes(4, "little") + (0xFFFFFFFE).to_bytes(4, "little") + b"\xff" * 504
    entry = bytearray(128)
    encoded = name.encode("utf-16-le")
    entry[: len(encoded)] = encoded
    entry[64:66] = (len(encoded) + 2).to_bytes(2, "little")
    entry[66] = 2
    return bytes(header) + fat + bytes(entry) + bytes(384)


def _old_with_password() -> bytes:
    """An old workbook whose second record says that the rest is encrypted (FILEPASS)."""
    data = bytearray((FIXTURES / "list.xls").read_bytes())
    first = data.find(b"\x09\x08")
    second = first + 4 + int.from_bytes(data[first + 2 : first + 4], "little")
    data[second : second + 2] = (0x002F).to_bytes(2, "little")
    return bytes(data)


def _circular_ole() -> bytes:
    data = bytearray(_ole_with("Workbook"))
    data[512 + 4 : 512 + 8] = (1).to_bytes(4, "little")
    return bytes(data)


def _far_behind(zeros: int) -> bytes:
    """Row 200,000 in a sheet that is read in pieces of a megabyte, of which the first ends in these zeros."""
    before = f"<row><c r='A1'><v>1</v></c></row><!--{'x' * (2**20 - 2_000)}-->"
    return archive(xlsx_parts(sheet_xml(f"{before}<row><c r='T{'0' * zeros}200000'><v>1</v></c></row>")))


ENTITY = '<!DOCTYPE a [<!ENTITY a "1234567890"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "zip bomb": (_bomb, FileHostile),
    "zip bomb that lies about its size": (_lying_bomb, FileUnreadable),
    "entities": (lambda: archive(xlsx_parts(sheet_xml("<row><c><v>&b;</v></c></row>", before=ENTITY))), FileHostile),
    "entities in ods": (lambda: ods_file("<table:table-row/>", before=ENTITY), FileHostile),
    "a cell at the far corner": (
        lambda: archive(
            xlsx_parts(
                sheet_xml(
                    '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
                )
            )
        ),
        FileTooLarge,
    ),
    "the far corner in other quotes": (
        lambda: archive(
            xlsx_parts(sheet_xml("<row><c r = 'XFD1048576'><v>1</v></c></row><row><c r='A1'><v>1</v></c></row>"))
        ),
        FileTooLarge,
    ),
    "a far corner behind zeros": (
        lambda: archive(
            xlsx_parts(sheet_xml('<row><c r="A1"><v>1</v></c></row><row><c r="T000000000200000"><v>1</v></c></row>'))
        ),
        FileTooLarge,
    ),
    "a far corner behind zeros that are read in two pieces": (lambda: _far_behind(3_000), FileTooLarge),
    "a far corner behind more zeros than are read at once": (lambda: _far_behind(2_000_000), FileTooLarge),
    "a million columns without addresses": (
        lambda: archive(xlsx_parts(sheet_xml("<row>" + "<c><v>1</v></c>" * 1_000_000 + "</row>"))),
        FileTooLarge,
    ),
    "a million columns with a prefix": (
        lambda: archive(xlsx_parts(sheet_xml("<x:row>" + "<x:c/>" * 1_000_000 + "</x:row>"))),
        FileTooLarge,
    ),
    "300,001 rows": (
        lambda: archive(xlsx_parts(sheet_xml("".join(f'<row r="{n}"/>' for n in range(1, 300_002))))),
        FileTooLarge,
    ),
    "a sheet in UTF-16": (lambda: archive(xlsx_parts(sheet_xml("<row/>").encode("utf-16"))), FileHostile),
    "5,000 parts": (lambda: archive({f"xl/{n}.xml": "" for n in range(5_000)}), FileHostile),
    "a repeated cell in ods": (
        lambda: ods_file(
            '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="100">'
            "<text:p>x</text:p></table:table-cell></table:table-row>"
        ),
        FileTooLarge,
    ),
    "a wide old workbook": (lambda: (FIXTURES / "wide.xls").read_bytes(), FileTooLarge),
    "a circle in an old workbook": (_circular_ole, FileUnreadable),
    "a truncated old workbook": (lambda: (FIXTURES / "list.xls").read_bytes()[:1_500], FileUnreadable),
    "an encrypted archive": (_encrypted_zip, FileEncrypted),
    "an encrypted workbook": (lambda: _ole_with("EncryptedPackage"), FileEncrypted),
    "an old workbook with a password": (_old_with_password, FileEncrypted),
    "an encrypted ods": (lambda: ods_file("", manifest="<manifest:encryption-data/>"), FileEncrypted),
    "a text document": (lambda: _ole_with("WordDocument"), FileWrongType),
    "any archive": (lambda: archive({"a.txt": "x"}), FileWrongType),
    "a binary workbook": (lambda: archive({"[Content_Types].xml": "", "xl/workbook.bin": b""}), FileWrongType),
    "a truncated workbook": (lambda: xlsx_file({"a": ROWS})[:-300], FileUnreadable),
    "half a workbook": (lambda: xlsx_file({"a": ROWS})[:2_000], FileUnreadable),
    "a workbook without its sheet": (
        lambda: archive({k: v for k, v in xlsx_parts("").items() if "sheet1" not in k}),
        FileUnreadable,
    ),
    "an empty file": (lambda: b"", FileUnreadable),
    "blanks": (lambda: b" \r\n\x00\x00", FileUnreadable),
    "a PDF": (lambda: b"%PDF-1.7\n...", FileWrongType),
    "a photo": (lambda: b"\xff\xd8\xff\xe0" + bytes(100), FileWrongType),
    "a web page named xls": (lambda: b"<html><body><table><tr><td>\xe5\x90\x8d", FileWrongType),
    "an XML workbook": (lambda: b'<?xml version="1.0"?><Workbook/>', FileWrongType),
    "a program": (lambda: b"\x7fELF" + bytes(range(256)) * 20, FileWrongType),
    "NUL bytes": (lambda: "名称,街道\n武车\x00,徐家棚".encode(), FileWrongType),
    "a cell of 3 MB": (lambda: ("名称\n" + "x" * 3_000_000).encode(), FileUnreadable),
    "an open quotation mark": (lambda: ('名称\n"' + "武车\n" * 100_000).encode(), FileUnreadable),
    "300,001 lines": (lambda: b"a,b\n" * 300_001, FileTooLarge),
    "a thousand columns": (lambda: b"a," * 1_000 + b"a\n", FileTooLarge),
    "25 MB of archive": (lambda: b"PK\x03\x04" + bytes(25 * 2**20), FileTooLarge),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_broken_file_is_refused_with_a_way_out(name: str) -> None:
    make, refusal = HOSTILE[name]
    data = make()
    started = time.process_time()
    with pytest.raises(refusal) as refused:
        read_whole(data)
    assert str(refused.value.detail)
    # CPU, not wall clock: the machine is shared. A second here is a quarter of one on an ordinary machine.
    assert time.process_time() - started < 8
    counted("T09", "sheets that are hostile, broken or none", files=1, refused=1)


def test_hostile_files_stay_within_256_megabytes(tmp_path: Path) -> None:
    files = []
    for number, (make, _refusal) in enumerate(HOSTILE.values()):
        files.append(tmp_path / str(number))
        files[-1].write_bytes(make())
    program = (
        "import sys, django; django.setup()\n"
        "from stations.importing.sheets import read_sheets\nfrom core.errors import DomainError\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        [sum(1 for _ in sheet.rows()) for sheet in read_sheets(open(name, 'rb'))]\n"
        "    except DomainError:\n        pass\n"
        # Not ru_maxrss: it begins with what the parent held when it forked.
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
        cwd=settings.BASE_DIR,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
    )
    assert int(done.stdout) < 256 * 1024
    counted("T09", "all those sheets in one process, in megabytes at most", peak=int(done.stdout) // 1024)


def test_a_good_workbook_passes_beside_the_hostile_ones() -> None:
    assert cells(
        archive(xlsx_parts(sheet_xml('<row r="1"><c r="A1" t="inlineStr"><is><t>名称</t></is></c></row>')))
    ) == [["名称"]]
    assert zipfile.is_zipfile(io.BytesIO(xlsx_file({"a": ROWS})))
