"""The import of a list, compared with the least that must be done for it: parse the file and COPY the resulting rows.

The baseline reads the same file with the same library into cells, then COPYs, in one statement per table, exactly the rows that
the import wrote (stations with their tags and grams, amenities, hours, open intervals, audit rows) into a fresh
database: the same tables, with their indexes, constraints, foreign keys and triggers. It knows the answer beforehand; the
import has to work it out: headings, divisions, tiers, hours, amenities, positions, duplicates, codes, words, intervals, and
what to report about each row. CPU time is that of Python and of its PostgreSQL backend together.
"""

import csv
import io
import random
import time
from collections.abc import Callable, Mapping

import psutil  # type: ignore[import-untyped]
from django.db import connection, transaction

from bench.databases import make_anew
from bench.filling import ROADS
from core import clock
from stations import amenities, day_types, divisions
from stations.geo import Point, outline_contains
from stations.importing import import_stations
from stations.importing.sheets import read_sheets

__all__ = ["measure_import"]

NAME = "fengchao_bench_import"
DISTRICTS = {"420104": "硚口区", "420105": "汉阳区", "420106": "武昌区", "420111": "洪山区", "420112": "东西湖区"}
HOURS = ("8:00-20:00", "周一至周五 9:00-17:30", "8:30-12:00,14:30-18:00", "24小时", "22:00-6:00")
HAVE = ("热水、微波炉、手机充电", "热水,空调,桌椅", "饮水机 微波炉 厕所", "热水;衣物烘干;积分兑换")


def sheet(rows: int) -> bytes:
    """A clean list of new stations as CSV, more than 50 m apart and inside their districts."""
    rng = random.Random(7)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["名称", "类别", "状态", "区", "地址", "开放时间", "设施", "纬度", "经度", "坐标系"])
    spacing = 0.0006  # degrees, 57 to 67 m here
    cells = [(x, y) for x in range(1000) for y in range(700)]
    rng.shuffle(cells)
    written = 0
    for x, y in cells:
        point = Point(30.40 + y * spacing, 113.90 + x * spacing)
        code = next((code for code in DISTRICTS if outline_contains(code, point)), None)
        if code is None:
            continue
        written += 1
        writer.writerow(
            [
                f"{rng.choice(ROADS)}{written}号驿站", rng.choice("一二三") + "类", "启用", DISTRICTS[code],
                f"{rng.choice(ROADS)}路{written}号", rng.choice(HOURS), rng.choice(HAVE),
                f"{point.latitude:.6f}", f"{point.longitude:.6f}", "wgs84",
            ]
        )  # fmt: skip
        if written == rows:
            return text.getvalue().encode()
    raise ValueError(f"only {written} places of {rows}")


def _anew() -> None:
    make_anew(NAME)
    now = clock.now()
    divisions.load(actor="bench", at=now)
    amenities.load(actor="bench", at=now)
    day_types.fill(actor="bench", at=now)


def _cpu_s(work: Callable[[], object]) -> tuple[float, float]:
    """CPU of this process and of its PostgreSQL backend, and wall time, in seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = psutil.Process(cursor.fetchone()[0])
    before, begun, mine = backend.cpu_times(), time.perf_counter(), time.process_time()
    work()
    after = backend.cpu_times()
    server = after.user + after.system - before.user - before.system
    return time.process_time() - mine + server, time.perf_counter() - begun


# What an import of new stations writes. The ids of audit rows are left out: a fresh database has some already.
TABLES = (
    "stations_station",
    "stations_stationamenity",
    "stations_hoursperiod",
    "stations_hoursspan",
    "core_auditevent",
)


def _written() -> dict[str, str]:
    """The rows that an import wrote, in COPY's text form, by their table and columns."""
    written = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns"
                " WHERE table_name = %s AND is_generated = 'NEVER' AND NOT (table_name = 'core_auditevent' AND column_name = 'id')",
                [table],
            )
            columns = cursor.fetchone()[0]
            condition = "WHERE kind = 'station.registered'" if table == "core_auditevent" else ""
            text = io.StringIO()
            cursor.cursor.copy_expert(f"COPY (SELECT {columns} FROM {table} {condition} ORDER BY id) TO STDOUT", text)  # noqa: S608
            written[f"{table} ({columns})"] = text.getvalue()
    return written


def _parse_and_copy(file: bytes, written: Mapping[str, str]) -> None:
    for sheet_ in read_sheets(io.BytesIO(file)):
        for _number, _cells in sheet_.rows():
            pass
    with transaction.atomic(), connection.cursor() as cursor:
        for target, rows in written.items():
            cursor.cursor.copy_expert(f"COPY {target} FROM STDIN", io.StringIO(rows))


def measure_import(rows: int) -> str:
    """A table: parse + COPY, the import of new stations, and the import of the same list again."""
    _anew()
    file = sheet(rows)
    said = []

    def take() -> None:
        report = import_stations(io.BytesIO(file), source="bench.csv", actor="bench", at=clock.now())
        said.append(report.sentence)

    new_cpu_s, new_s = _cpu_s(take)
    written = _written()
    same_cpu_s, same_s = _cpu_s(take)
    _anew()
    bare_cpu_s, bare_s = _cpu_s(lambda: _parse_and_copy(file, written))
    lines = [
        f"| import of {rows:,} rows of CSV | CPU s | CPU ms a row | wall s | CPU beside it (≤ 8) | |",
        "|---|---|---|---|---|---|",
    ]
    for name, cpu_s, wall_s, sentence in (
        ("parse + COPY of the same rows", bare_cpu_s, bare_s, ""),
        ("import, all new", new_cpu_s, new_s, said[0]),
        ("import, the same again", same_cpu_s, same_s, said[1]),
    ):
        lines.append(
            f"| {name} | {cpu_s:.2f} | {cpu_s / rows * 1_000:.3f} | {wall_s:.2f} | {cpu_s / bare_cpu_s:.1f} | {sentence} |"
        )
    return "\n".join(lines)
