"""`manage.py import_couriers`: what it says, writes and returns."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from couriers.models import Courier
from tests.builders import make_company, make_district
from tests.couriers.lists import HEADINGS, many, phone
from tests.stations.importing.files import csv_file

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _town() -> None:
    make_district()
    make_district(code="420104", name="硚口区", letters="QK")
    make_company("顺丰")


def command(*arguments: Any, **options: Any) -> tuple[int, str]:
    """Its exit code and what it printed."""
    out = io.StringIO()
    try:
        call_command("import_couriers", *map(str, arguments), stdout=out, stderr=out, **options)
    except SystemExit as stopped:
        return int(str(stopped.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "名单.csv"
    path.write_bytes(csv_file(many(6)))
    return path


def test_all_rows_in_is_0_and_the_last_line_is_to_paste(file: Path) -> None:
    code, said = command(file, "--dry-run")
    assert (code, said.splitlines()[-1]) == (0, "试导入，未写入。6名:新增6")
    assert not Courier.objects.exists()
    code, said = command(file)
    assert (code, said.splitlines()[-1], Courier.objects.count()) == (0, "6名:新增6", 6)
    assert command(file)[1].splitlines()[-1] == "6名:未变6"
    assert list(file.parent.iterdir()) == [file]


def test_doubts_are_1_and_come_as_a_file_that_names_nobody(file: Path) -> None:
    file.write_bytes(csv_file([*many(2), ["欧阳春晓", phone(7), "骑手", "", "", "武昌", "是"]]))
    code, said = command(file, "--division", "420106", "--json")
    answer = json.loads(said)
    assert (code, answer["created"], answer["refused"]) == (1, 1, 2)
    result = Path(answer["result"])
    assert result == file.with_name("名单.结果.xlsx")
    workbook = openpyxl.load_workbook(result)
    cells = [cell.value for row in workbook.worksheets[0] for cell in row]
    assert "骑手" in cells
    for secret in ("欧阳春晓", phone(7)):
        assert secret not in said
        assert secret not in str(cells)
    [(answer_at, asked)] = [
        (row[8], row[9].value) for row in workbook.worksheets[0] if row[9].value and row[9].value.startswith("kind:")
    ]
    assert asked == "kind:骑手"
    answer_at.value = "外卖"
    workbook.save(result)
    code, said = command(file, "--division", "420106", "--json", "--decisions", str(result))
    answer = json.loads(said)
    # The list has one of another district.
    assert (code, answer["created"], answer["unchanged"], answer["refused"]) == (1, 1, 1, 1)
    assert answer["result"] != str(result)


def test_agreed_on_paper_is_said_for_the_whole_list(file: Path) -> None:
    file.write_bytes(csv_file([row[:6] for row in many(2)]))
    assert command(file)[0] == 1
    assert not Courier.objects.exists()
    assert command(file, "--agreed-on-paper")[0] == 0
    assert Courier.objects.count() == 2


def test_what_cannot_be_read_is_2(file: Path, tmp_path: Path) -> None:
    assert command(file, "--division", "420199")[0] == 2
    assert command(tmp_path / "nothing.csv")[0] == 2
    assert command()[0] == 2
    file.write_bytes(b"a,b\n1,2\n")
    code, said = command(file, "--json")
    assert (code, json.loads(said.splitlines()[0])["error"]) == (2, "file_has_no_headings")


def test_the_template_is_read_by_the_import_and_its_example_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    assert command("--template", path)[0] == 0
    assert command(path)[1].splitlines()[-1] == "0名:没有内容"
    workbook = openpyxl.load_workbook(path)
    assert [cell.value for cell in workbook.worksheets[0][1]][: len(HEADINGS)] == HEADINGS
    workbook.worksheets[0].append(["张三", phone(1), "快递", "顺丰", None, "武昌区", "是"])
    workbook.save(path)
    assert command(path)[0] == 0
    assert Courier.objects.count() == 1


def test_a_template_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "名单.xlsx"
    assert command("--template", path) == (2, f"{path}: No such file or directory")
