"""`manage.py import_stations`: what it prints, which files it leaves, and its exit codes."""

import io
import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command

from stations.importing import import_stations
from stations.models import Station
from tests.builders import NOON
from tests.stations.importing.files import csv_file

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("town")]
ROWS = [["名称", "区", "街道"], ["武车", "武昌", "徐家棚街"], ["和平", "武昌", "没有街"]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "台账.csv"
    path.write_bytes(csv_file(ROWS))
    return path


def run(*arguments: Any, **options: Any) -> tuple[str, int]:
    output = io.StringIO()
    try:
        call_command("import_stations", *map(str, arguments), stdout=output, stderr=output, **options)
    except SystemExit as end:
        return output.getvalue(), int(end.code or 0)
    except CommandError as error:
        return f"{output.getvalue()}{error}", error.returncode
    return output.getvalue(), 0


def test_doubts_end_with_code_1_and_a_result_file_beside_the_list(file: Path) -> None:
    output, code = run(file)
    assert code == 1
    assert output.strip().splitlines()[-1] == "2个:新增1,存疑1(第3行)"
    sheet = openpyxl.load_workbook(file.with_name("台账.结果.xlsx")).worksheets[0]
    assert [cell.value for cell in sheet[2]][1:3] == [3, "C"]


def test_a_list_without_doubts_ends_with_code_0_and_leaves_no_file(file: Path) -> None:
    file.write_bytes(csv_file(ROWS[:2]))
    output, code = run(file)
    assert (output.strip(), code) == ("1个:新增1", 0)
    assert not file.with_name("台账.结果.xlsx").exists()


def test_the_decided_result_file_settles_the_doubts(file: Path, tmp_path: Path) -> None:
    result = tmp_path / "r.xlsx"
    run(file, result=result)
    workbook = openpyxl.load_workbook(result)
    workbook.worksheets[0]["I2"] = "徐家棚街道"
    workbook.save(result)
    output, code = run(file, decisions=result)
    assert (output.strip().splitlines()[-1], code) == ("2个:新增1,未变1", 0)
    assert run(file)[1] == 0


def test_json_gives_counts_and_doubts(file: Path) -> None:
    output, code = run(file, json=True)
    answer = json.loads(output)
    assert code == 1
    assert {key: answer[key] for key in ("created", "updated", "unchanged", "refused", "total")} == {
        "created": 1, "updated": 0, "unchanged": 0, "refused": 1, "total": 2,
    }  # fmt: skip
    (doubt,) = answer["doubts"]
    assert {key: doubt[key] for key in ("row", "column", "value", "heading")} == {
        "row": 3, "column": "C", "value": "没有街", "heading": "街道",
    }  # fmt: skip
    assert doubt["reason"]
    assert doubt["way_out"]


def test_a_dry_run_writes_no_station(file: Path) -> None:
    output, code = run(file, dry_run=True)
    assert code == 1
    assert output.strip().splitlines()[-1].endswith("2个:新增1,存疑1(第3行)")
    assert not Station.objects.exists()


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7", b"a,b\n1,2\n"])
def test_an_unreadable_file_ends_with_code_2(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    output, code = run(file)
    assert code == 2
    assert "台账.csv" in output
    assert json.loads(run(file, json=True)[0].splitlines()[0])["error"].startswith("file_")


def test_a_missing_file_and_an_unknown_division_end_with_code_2(file: Path, tmp_path: Path) -> None:
    assert run(tmp_path / "none.csv")[1] == 2
    assert run(file, division="9")[1] == 2
    assert run()[1] == 2


def test_a_csv_result_is_written_where_it_is_asked_for(file: Path, tmp_path: Path) -> None:
    result = tmp_path / "r.csv"
    run(file, result=result)
    assert "没有街" in result.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("option", ["result", "template"])
def test_a_file_is_what_its_name_says_or_nothing_is_taken(file: Path, tmp_path: Path, option: str) -> None:
    output, code = run(file, **{option: tmp_path / "r.txt"})
    assert code == 2
    assert f"--{option} r.txt" in output
    assert ".xlsx" in output
    assert not (tmp_path / "r.txt").exists()
    assert not Station.objects.exists()


def test_the_template_is_read_by_the_import_and_its_example_is_passed_over(tmp_path: Path) -> None:
    template = tmp_path / "t.xlsx"
    assert run(template=template)[1] == 0
    workbook = openpyxl.load_workbook(template)
    sheet = workbook.worksheets[0]
    headings = {cell.value: cell.column for cell in sheet[1]}
    sheet.cell(row=3, column=headings["名称"], value="武车")
    sheet.cell(row=3, column=headings["区"], value="武昌区")
    workbook.save(template)
    with template.open("rb") as content:
        report = import_stations(content, source="t", actor="tests", at=NOON)
    assert (report.as_json()["created"], report.findings, report.notes) == (1, [], [])
    assert Station.objects.get().name == "武车"


def test_the_file_with_the_answers_is_never_written_over(file: Path) -> None:
    run(file)
    answers = file.with_name(f"{file.stem}.结果.xlsx")
    workbook = openpyxl.load_workbook(answers)
    workbook.worksheets[0]["I2"] = "胡说八道"
    workbook.save(answers)
    before = answers.read_bytes()
    assert run(file, decisions=answers)[1] == 1
    assert answers.read_bytes() == before
    assert answers.with_stem(f"{answers.stem}2").exists()


def test_a_file_that_cannot_be_read_or_written_is_named(file: Path) -> None:
    nowhere = file.parent / "nowhere" / "x.xlsx"
    said = f"{nowhere}: No such file or directory"
    assert run("--template", nowhere) == (said, 2)
    assert run(file, "--decisions", nowhere) == (said, 2)
