"""Synthetic towns: N stations inside Wuhan's real outlines, with hours, amenities and names, filled by COPY.

Rows are derived as stations/publishing.py derives them (the same `expand`, `grams` and tags), in one pass without the
ORM, so that a million stations take minutes. The same N gives the same town: the generator is seeded.
"""

import csv
import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from django.db import connection

from core import clock
from stations.geo import Point, districts
from stations.hours import Period, Schedule, Span, expand
from stations.hours_text import format_osm, format_zh
from stations.intervals import written, written_open_times
from stations.publishing import HORIZON_DAYS, horizon
from stations.querysets import amenity_tag, division_tag, hour_tag, tier_tag
from stations.words import grams, initials, normalise, spelling, spelling_grams

__all__ = ["AMENITIES", "DISTRICTS", "RARE_AMENITY", "fill", "is_filled"]

DIVISIONS_CSV = Path(__file__).resolve().parent.parent / "stations" / "data" / "wuhan_divisions.csv"
# Code, and share of the stations that have it. Every thousandth station also has the last one, and is open at any hour: a
# filter that the same share passes in a town of any size, whenever it is measured.
AMENITIES = {
    "hot-water": 0.97, "microwave": 0.8, "phone-charging": 0.9, "air-conditioning": 0.85, "toilet": 0.5, "fridge": 0.4,
    "first-aid": 0.6, "reading": 0.5, "clothes-drying": 0.2, "battery-swap": 0.1, "gift-counter": 0.05, "shower": 0.0,
}  # fmt: skip
RARE_AMENITY, RARE_ONE_IN = "shower", 1_000
DISTRICTS = [code for code in districts() if len(code) == 6]
ROADS = [
    "和平",
    "友谊",
    "中山",
    "解放",
    "建设",
    "雄楚",
    "珞喻",
    "民主",
    "中北",
    "中南",
    "徐东",
    "黄浦",
    "江汉",
    "汉阳",
    "鹦鹉",
    "四新",
    "关山",
    "光谷",
    "东湖",
    "沙湖",
]
HOSTS = [
    "邮政",
    "顺丰",
    "工会",
    "社区",
    "党群",
    "银行",
    "图书馆",
    "加油站",
    "菜场",
    "写字楼",
    "园区",
    "学校",
    "医院",
    "地铁站",
    "公园",
    "物流",
]
DAILY = frozenset(range(1, 8))
WEEKDAYS = frozenset(range(1, 6))
CHUNK = 20_000
NULL = "\\N"


def _span(opens: int, closes: int, days: frozenset[int] = DAILY, entry_mode: str = "staffed") -> Span:
    return Span(days=days, opens=time(opens % 24), closes=time(closes % 24), entry_mode=entry_mode)


def _schedules() -> list[tuple[Schedule, float]]:
    """The hours that occur, with their weights: mostly by day, some on weekdays only, some at night, some alternating."""
    found = [
        (Schedule(periods=(Period(spans=(_span(opens, closes),)),)), 1.0)
        for opens in (6, 7, 8, 9)
        for closes in (17, 18, 20, 21, 22, 23)
    ]
    found += [
        (Schedule(periods=(Period(spans=(_span(opens, closes, WEEKDAYS),)),)), 1.0)
        for opens in (8, 9)
        for closes in (17, 18)
    ]
    found += [
        (Schedule(periods=(Period(spans=(_span(8, 12), _span(14, 18))),)), 2.0),
        (Schedule(periods=(Period(spans=(_span(0, 0, DAILY, "scan"),)),)), 3.0),
        (Schedule(periods=(Period(spans=(_span(20, 6),)),)), 0.7),
        (Schedule(periods=(Period(spans=(_span(8, 20), _span(20, 8, DAILY, "card"))),)), 0.7),
        (Schedule(), 1.0),
    ]
    return found


@dataclass(frozen=True, slots=True)
class _Hours:
    """What one schedule expands to, calculated once for all its stations."""

    schedule: Schedule
    intervals: str
    open_times: str
    tags: tuple[str, ...]
    osm: str
    zh: str


def _hours(schedule: Schedule, first: date) -> _Hours:
    intervals = expand(schedule, first=first, days=HORIZON_DAYS, day_types={}) if schedule.is_registered else []
    hours: set[int] = set()
    for interval in intervals:
        opens, closes = clock.to_local(interval.opens_at), clock.to_local(interval.closes_at)
        steps = min(24, int((closes - opens - timedelta(microseconds=1)).total_seconds() // 3600) + 1)
        hours.update((opens.hour + step) % 24 for step in range(steps))
    return _Hours(
        schedule=schedule,
        intervals=written(intervals),
        open_times=written_open_times(intervals),
        tags=tuple(map(hour_tag, sorted(hours))),
        osm=format_osm(schedule.periods),
        zh=format_zh(schedule.periods),
    )


def is_filled(stations: int, *, now: datetime) -> bool:
    """Whether the database holds this town, with hours that reach far enough ahead."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE tags @@ %s::tsquery), max(expanded_until) FROM stations_station",
            [f"'{amenity_tag(RARE_AMENITY)}'"],
        )
        count, rare, until = cursor.fetchone()
    is_whole = (count, rare) == (stations, stations // RARE_ONE_IN)
    return bool(is_whole and until and until > now + timedelta(days=HORIZON_DAYS // 2))


def fill(stations: int, *, now: datetime) -> None:
    """Fill a new database with a town of so many stations."""
    rng = random.Random(stations)
    subdistricts = _fill_divisions()
    _copy(
        "stations_amenity (code, kind, name, name_en, expected_from_tier, position)",
        (f"{code}\tequipment\t{code}\t{code}\t3\t{place}\n" for place, code in enumerate(AMENITIES)),
    )
    first = clock.local_date(now)
    choices, weights = zip(*_schedules(), strict=True)
    hours = [_hours(schedule, first) for schedule in choices]
    makers = rng.choices(hours, weights=weights, k=stations)
    round_the_clock = next(each for each in hours if len(each.tags) == 24)
    makers[RARE_ONE_IN - 1 :: RARE_ONE_IN] = [round_the_clock] * (stations // RARE_ONE_IN)
    with _without_indexes("stations_station", "stations_stationamenity"):
        for start in range(0, stations, CHUNK):
            _fill_chunk(rng, start + 1, makers[start : start + CHUNK], subdistricts, now=now)
    with connection.cursor() as cursor:
        for table in ("stations_station", "stations_hoursperiod"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")  # noqa: S608
        cursor.execute("VACUUM ANALYZE")


@contextmanager
def _without_indexes(*tables: str) -> Iterator[None]:
    """Fill first, index afterwards, as a restore does; keys stay, and no trigger checks rows known to be consistent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(%s) AND NOT EXISTS"
            " (SELECT FROM pg_constraint WHERE conname = indexname)",
            [list(tables)],
        )
        indexes = cursor.fetchall()
        for name, _definition in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("RESET session_replication_role")
        for _name, definition in indexes:
            cursor.execute(definition)


def _fill_divisions() -> dict[str, list[tuple[str, str, str]]]:
    """The tree down to the subdistricts; returns (code, name, short name) of those of each district."""
    lines = [line for line in DIVISIONS_CSV.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    found: dict[str, list[tuple[str, str, str]]] = {}
    text = ["4201\tcity\t\\N\t武汉市\t武汉\tWuhan\t\tf\t0\n"]
    letters: dict[str, str] = {}
    for row in rows:
        if row["level"] == "district":
            code = initials(row["short_name"]).upper()[:2]
            while code in letters.values():
                code = code[0] + chr(ord(code[1]) + 1)
            letters[row["code"]] = code
            text.append(f"{row['code']}\tdistrict\t4201\t{row['name']}\t{row['short_name']}\t\t{code}\tf\t0\n")
    for row in rows:
        if row["level"] == "street":
            district = row["code"][:6]
            found.setdefault(district, []).append((row["code"], row["name"], row["short_name"]))
            text.append(f"{row['code']}\tsubdistrict\t{district}\t{row['name']}\t{row['short_name']}\t\t\tf\t0\n")
    _copy(
        "stations_division"
        " (code, level, parent_id, name, short_name, name_en, letters, is_area_like, stations_numbered)",
        text,
    )
    return found


def _place(rng: random.Random, code: str) -> Point:
    outline = districts()[code]
    box = outline.bbox
    while True:
        point = Point(rng.uniform(box.south, box.north), rng.uniform(box.west, box.east))
        if outline.contains(point):
            return Point(round(point.latitude, 6), round(point.longitude, 6))


def _fill_chunk(
    rng: random.Random,
    first_id: int,
    makers: list[_Hours],
    subdistricts: dict[str, list[tuple[str, str, str]]],
    *,
    now: datetime,
) -> None:
    stations, amenities = [], []
    stamp, until, today = now.isoformat(), horizon(now).isoformat(), clock.local_date(now).isoformat()
    for station_id, hours in enumerate(makers, first_id):
        district = rng.choice(DISTRICTS)
        division, division_name, short_name = rng.choice(subdistricts[district])
        tier = rng.choices((1, 2, 3), (15, 35, 50))[0]
        position = _place(rng, district)
        code = f"WH-{district[4:]}-{station_id:07d}"
        name = f"江城蜂巢·{short_name}{rng.choice(HOSTS)}站{station_id % 100}"
        address = f"{rng.choice(ROADS)}{rng.choice(('大道', '路', '街', '一路', '二路'))}{rng.randrange(1, 900)}号"
        is_rare = station_id % RARE_ONE_IN == 0
        has = [code for code, share in AMENITIES.items() if rng.random() < share or (is_rare and code == RARE_AMENITY)]
        tags = [*map(amenity_tag, has), tier_tag(tier), *hours.tags]
        tags += [division_tag(division[:length]) for length in (4, 6, 9)]
        texts = list(
            dict.fromkeys(
                (*map(normalise, (code, name, division_name, address)), *map(initials, (name, division_name)))
            )
        )
        names = (name, division_name)
        spelled = [text for text in map(spelling, names) if text not in texts]
        pairs = sorted(set(grams(texts)).union(*map(spelling_grams, names)))
        confirmed_at = (now - timedelta(minutes=rng.randrange(1, 5_000))).isoformat() if rng.random() < 0.5 else NULL
        doubted_at = stamp if rng.random() < 0.01 and not is_rare else NULL
        lexemes = " ".join(f"'{tag}'" for tag in tags)
        stations.append(
            f"{station_id}\t{code}\t{name}\t{{}}\t{tier}\tpublished\t\tf\t{division}\t{address}\t1楼\t进门右手边"
            f"\t{position.latitude}\t{position.longitude}\twgs84\t027-{rng.randrange(10**7, 10**8)}\t\t\t\t{confirmed_at}"
            f"\t{doubted_at}\td{station_id:011d}\t1\t{stamp}\t{stamp}"
            f"\t{until if hours.intervals else NULL}\t{today}\t{hours.intervals}\t{hours.open_times}\t{hours.osm}\t{hours.zh}\t{lexemes}\t{' '.join(sorted(has))}\t{' '.join((*texts, *spelled))}"
            f"\t{{{','.join(pairs)}}}\n"
        )
        amenities += [f"{station_id}\t{amenity}\n" for amenity in has]
    _copy(
        "stations_station (id, code, name, aliases, tier, status, status_reason, is_made_up, division_id, address, floor,"
        " directions, latitude, longitude, entered_crs, phone, photo, amenities_text, hours_text, confirmed_at, doubted_at,"
        " door_token, version, created_at, updated_at, expanded_until, expanded_on, intervals, open_times, hours_osm, hours_zh, tags, listed_amenities, search_text, grams)",
        stations,
    )
    _copy("stations_stationamenity (station_id, amenity_id)", amenities)
    _fill_hours(first_id, makers)


def _fill_hours(first_id: int, makers: list[_Hours]) -> None:
    """The registered hours behind the intervals, which the page of a station shows."""
    periods, spans = [], []
    number = first_id
    for station_id, hours in enumerate(makers, first_id):
        for period in hours.schedule.periods:
            periods.append(f"{number}\t{station_id}\t\tf\tas-sunday\n")
            spans += [
                f"{number}\t{{{','.join(map(str, sorted(span.days)))}}}\t{span.opens}\t{span.closes}\t{span.entry_mode}\n"
                for span in period.spans
            ]
        number += 1
    _copy("stations_hoursperiod (id, station_id, name, repeats_yearly, on_holidays)", periods)
    _copy("stations_hoursspan (period_id, days, opens, closes, entry_mode)", spans)


def _copy(target: str, lines: Iterable[str]) -> None:
    with connection.cursor() as wrapper:
        cursor: Any = wrapper.cursor
        cursor.copy_expert(f"COPY {target} FROM STDIN", StringIO("".join(lines)))
