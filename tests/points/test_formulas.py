"""T10 at the doors of couriers and points: no text that somebody typed becomes a formula in a sheet that somebody else opens."""

import csv
import io
from collections.abc import Iterator

import openpyxl
import pytest
from django.urls import reverse

from stations.importing.results import result_csv, result_xlsx
from stations.models import Division
from tests.builders import make_company, make_district, make_staff
from tests.couriers.lists import HEADINGS, phone, take
from tests.points.books import keep_books
from tests.points.test_admin import desk
from tests.proving import counted
from tests.stations.test_exporting import LEADS, PAYLOADS

pytestmark = pytest.mark.django_db

STORED = sorted({payload.replace("\x00", "") for payload in PAYLOADS})
# A list with a control character in it is no text, and refused as a whole.
LISTED = [text for text in STORED if "\x07" not in text]


def of_workbook(content: bytes) -> Iterator[str]:
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            assert cell.data_type in {"s", "inlineStr", "n", "d"}, cell.value
            if isinstance(cell.value, str):
                yield cell.value


def require_no_formula(texts: list[str], what: str) -> None:
    assert [text for text in texts if text.lstrip(" \u3000\u00a0").startswith(LEADS)] == []
    counted("T10", what, payloads=1, cells=len(texts), formulas=0)


def test_there_are_thirty_of_them() -> None:
    assert len(LISTED) >= 30


def test_a_districts_name_begins_none_in_the_settlement() -> None:
    books, city = keep_books(), desk(make_staff())
    address = f"{reverse('admin:points_settlement')}?format=xlsx&month=2026-06"
    for said in STORED:
        Division.objects.filter(pk=books.district.pk).update(name=said)
        texts = list(of_workbook(b"".join(city.get(address).streaming_content)))  # type: ignore[attr-defined]
        # The district is there, with its points.
        assert len(texts) >= 5
        require_no_formula(texts, "the settlement between districts")


def test_what_a_list_of_couriers_holds_begins_none_in_its_result() -> None:
    make_district()
    make_company("顺丰")
    right = ["张三", phone(7), "快递", "顺丰", "", "武昌", "是"]
    for said in LISTED:
        report = take([HEADINGS, *([*right[:place], said, *right[place + 1 :]] for place in range(len(HEADINGS)))])
        assert report.findings
        told = result_csv(report), result_xlsx(report)
        texts = [cell for row in csv.reader(io.StringIO(b"".join(told[0]).decode("utf-8-sig"))) for cell in row]
        require_no_formula([*texts, *of_workbook(b"".join(told[1]))], "findings of a list of couriers")
