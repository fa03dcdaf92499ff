"""The existing stations, kept in memory so that each row is matched at once.

Read once for a whole import and kept up to date from batch to batch: 200,000 rows cost three dictionary look-ups each
instead of three queries. A district whose count of numbered stations has changed meanwhile (another import, the admin) is
read again.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from stations.geo import Point, distance_m
from stations.models import Division, Station
from stations.words import normalise

__all__ = ["SAME_PLACE_M", "KnownStation", "KnownStations", "NameCores", "RowPlace", "name_key"]

# Two stations nearer than this are probably one under two names.
SAME_PLACE_M = 30.0
_CELL_DEGREES = 0.0004  # 44 m from south to north, 38 m from west to east: a neighbour is in this cell or the next


@lru_cache(maxsize=50_000)
def name_key(name: str) -> str:
    """A name in the form in which it is looked up: 完美(中国)“江城蜂巢” and 完美（中国）江城蜂巢 are one."""
    return normalise(name)


class RowPlace(NamedTuple):
    """A row of the file, and the station's name in it."""

    sheet: str
    number: int
    name: str


@dataclass(slots=True, eq=False)
class KnownStation:
    """What matching needs to know about one station. `row` is the first row of this file that is about it."""

    id: int
    code: str
    name: str
    division: str
    name_keys: tuple[str, ...]
    latitude: float | None
    longitude: float | None
    row: RowPlace | None = None
    is_closed: bool = False
    is_trial: bool = False  # numbered by a dry run for itself only: the code may never be assigned

    @property
    def district(self) -> str:
        return self.division[:6]


class NameCores:
    """What distinguishes a name from others: without brand, quotes, kind of place and the divisions it is in."""

    _BRAND = re.compile(
        r"江城蜂巢|小蜜蜂的?家|快递小哥(?:之家)?|外卖小哥(?:之家)?|蜂巢|驿站|站点|党群服务中心|党群活动中心|社区居委会|居委会|社区|"
        r"街道办事处|街道|武汉市|[一二三四五六1-9]楼|的|总?工会|爱心|暖心|职工|小哥|骑手|户外劳动者|新就业群体|劳动者港湾|服务站点?|之家"
    )

    def __init__(self, divisions: Iterable[Division], wordings: Iterable[tuple[str, str]]) -> None:
        words: defaultdict[str, set[str]] = defaultdict(set)
        for division in divisions:
            words[division.code] |= {normalise(division.name), normalise(division.short_name)}
        for code, wording in wordings:
            words[code].add(normalise(wording))
        self._words = {
            code: {wording for word in found for wording in (word, f"{word.removesuffix('街道')}街")}
            for code, found in words.items()
        }
        self._patterns: dict[str, re.Pattern[str]] = {}

    def core(self, key: str, division: str) -> str:
        """The core of a name's key, for a station in `division`: 韩家墩街道公安社区江城蜂巢 → 公安."""
        pattern = self._patterns.get(division[:9])
        if pattern is None:
            places = self._words.get(division[:6], set()) | self._words.get(division[:9], set())
            longest_first = sorted((word for word in places if len(word) > 1), key=len, reverse=True)
            pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
            self._patterns[division[:9]] = pattern
        without_brand = self._BRAND.sub("", key)
        return self._BRAND.sub("", pattern.sub("", key)) or without_brand or key


class KnownStations:
    """All stations by code, by name in their district, by the core of their names, and by position."""

    def __init__(self, cores: NameCores) -> None:
        self._cores = cores
        self.by_code: dict[str, KnownStation] = {}
        self._by_id: dict[int, KnownStation] = {}
        self._by_name: defaultdict[tuple[str, str], list[KnownStation]] = defaultdict(list)
        self._by_core: defaultdict[tuple[str, str], list[KnownStation]] = defaultdict(list)
        self._by_cell: defaultdict[tuple[int, int], list[KnownStation]] = defaultdict(list)
        self.load("")

    def load(self, district: str) -> None:
        """Read the stations of a district anew; "" for all."""
        rows = {station.id: station.row for station in self._by_id.values() if station.row}
        for station in [station for station in self._by_id.values() if station.division.startswith(district)]:
            self._remove(station)
        fields = ("pk", "code", "name", "aliases", "division_id", "latitude", "longitude", "status")
        for pk, code, name, aliases, division, latitude, longitude, status in (
            Station.objects.filter(division__code__startswith=district).order_by("pk").values_list(*fields)
        ):
            keys = tuple(dict.fromkeys(map(name_key, (name, *aliases))))
            # A station planned in this run may have got its id from the sequence meanwhile; it keeps what its row said.
            is_closed = status == Station.Status.CLOSED
            self.add(KnownStation(pk, code, name, division, keys, latitude, longitude, rows.get(pk), is_closed))

    def add(self, station: KnownStation) -> None:
        self.by_code[station.code] = station
        self._by_id[station.id] = station
        for table, key in self._places(station):
            table[key].append(station)

    def number(self, station: KnownStation, station_id: int) -> None:
        """Give a planned station the id under which it was written."""
        del self._by_id[station.id]
        station.id = station_id
        self._by_id[station_id] = station

    def change(self, station: KnownStation, **facts: object) -> None:
        """Update it with what was written."""
        self._remove(station)
        for name, value in facts.items():
            setattr(station, name, value)
        self.add(station)

    def _remove(self, station: KnownStation) -> None:
        self._by_id.pop(station.id, None)
        if self.by_code.get(station.code) is station:
            del self.by_code[station.code]
        for table, key in self._places(station):
            if station in table[key]:
                table[key].remove(station)

    def _places(
        self, station: KnownStation
    ) -> Iterator[tuple[defaultdict[tuple[object, object], list[KnownStation]], tuple[object, object]]]:
        for key in station.name_keys:
            yield self._by_name, (station.district, key)  # type: ignore[misc]
        for core in {self._cores.core(key, station.division) for key in station.name_keys}:
            yield self._by_core, (station.district, core)  # type: ignore[misc]
        if station.latitude is not None and station.longitude is not None:
            yield self._by_cell, _cell(station.latitude, station.longitude)  # type: ignore[misc]

    def named(self, name: str, division: str) -> list[KnownStation]:
        """The stations with exactly this name (or alias) that may be in `division`; closed ones only if no other has it, since
        whoever closes a duplicate gives its name to the one that goes on.
        """
        found = self._by_name.get((division[:6], name_key(name)), ())
        found = [station for station in found if _may_be_one(station.division, division)]
        return [station for station in found if not station.is_closed] or found

    def left_out(self) -> list[KnownStation]:
        """Of the districts in which the file is about stations, those that are not closed and that no row is about."""
        here = {station.district for station in self._by_id.values() if station.row}
        return [
            station for station in self._by_id.values()
            if station.row is None and not station.is_closed and station.district in here
        ]  # fmt: skip

    def similar(self, name: str, division: str) -> list[KnownStation]:
        """The stations whose names mean the same to a clerk, and which are in the same place as far as known."""
        found = self._by_core.get((division[:6], self._cores.core(name_key(name), division)), ())
        return [station for station in found if _may_be_one(station.division, division)]

    def close_to(self, point: Point) -> list[KnownStation]:
        """The stations within `SAME_PLACE_M` of `point`, the nearest first."""
        row, column = _cell(point.latitude, point.longitude)
        found = []
        for key in ((row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)):
            for station in self._by_cell.get(key, ()):
                away_m = distance_m(point, Point(station.latitude or 0.0, station.longitude or 0.0))
                if away_m <= SAME_PLACE_M:
                    found.append((away_m, station.code, station))
        return [station for _away_m, _code, station in sorted(found, key=lambda entry: entry[:2])]


def _cell(latitude: float, longitude: float) -> tuple[int, int]:
    return int(latitude / _CELL_DEGREES), int(longitude / _CELL_DEGREES)


def _may_be_one(a: str, b: str) -> bool:
    """Whether one station can be in both divisions: one contains the other, or is unknown below the district."""
    return a.startswith(b) or b.startswith(a)
