"""What one row of a sheet says about a station, with every doubt. Writes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core.errors import DomainError, sentences
from stations.codes import read_code
from stations.columns import restored
from stations.divisions import Gazetteer
from stations.geo import Crs, Point, doubt_of_position, to_wgs84
from stations.hours import Period
from stations.hours_text import parse_hours
from stations.importing import fields
from stations.importing.decisions import Decisions, subject_of
from stations.importing.fields import AmenityReader, ReadAmenities, Unread
from stations.importing.findings import Finding, Severity
from stations.importing.headings import Layout
from stations.importing.known import name_key
from stations.importing.limits import MAX_CELL_CHARS
from stations.importing.sheets import column_letter
from stations.models import Division, Zone
from stations.registering import check_hours

__all__ = ["RowReader", "StationRow"]

_ROLES = ("premises", "supplies", "management")
# The days of the columns that some lists have instead of one for the hours.
_DAYS_OF_COLUMN = {"hours_workdays": "周一至周五", "hours_weekend": "周六至周日", "hours_holidays": "节假日"}
_SHOWN_CHARS = 100
_DASHES = "-－–—―_/／\\、.。~～ \u3000"
T = TypeVar("T")


@dataclass(slots=True)
class StationRow:
    """What one row says. What it does not say is absent: blank cells change nothing."""

    sheet: str
    number: int
    findings: list[Finding] = field(default_factory=list)
    code: str = ""
    name: str = ""
    division: Division | None = None
    neighbourhood: str = ""  # a name that the gazetteer does not know yet
    zone: Zone | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    lists: dict[str, str] = field(default_factory=dict)  # other names and organisations as one text each
    position: Point | None = None
    crs: Crs | None = None
    undated: Point | None = None  # numbers whose datum is not given
    doubted: Point | None = None  # numbers that are outside the district in the datum that is given
    periods: tuple[Period, ...] | None = None
    hours_text: str | None = None
    amenities: frozenset[str] | None = None  # what the column of equipment lists
    services: frozenset[str] | None = None  # what the column of services lists
    marks: dict[str, bool] = field(default_factory=dict)  # amenities with a column of their own
    amenities_text: str | None = None
    organisations: dict[str, list[str]] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # key → letter and heading, for findings

    @property
    def is_held(self) -> bool:
        return any(finding.holds_row for finding in self.findings)

    def keep_only_name(self) -> None:
        """Reduce the row to one more name of a station whose other facts come from another row."""
        own = StationRow(self.sheet, self.number, name=self.name, aliases=[self.name], columns=self.columns)
        for name in self.__slots__:
            setattr(self, name, getattr(own, name))

    @property
    def subject(self) -> str:
        """How decisions about this station are found again: by its district and name, whatever row it is in."""
        return f"{self.division.district_code if self.division else ''}:{name_key(self.name) or self.code}"


class RowReader:
    """Reads the rows of one sheet. Holds what all rows share."""

    def __init__(
        self,
        layout: Layout,
        *,
        sheet: str,
        gazetteer: Gazetteer,
        amenities: AmenityReader,
        decisions: Decisions,
        default_division: Division | None,
    ) -> None:
        self._layout = layout
        self._sheet = sheet
        self._gazetteer = gazetteer
        self._amenities = amenities
        self._decisions = decisions
        self._section, self._district_section = "", ""
        self._scope = default_division
        self._default = default_division
        said = self._division_said_by_sheet(sheet) or self._division_said_by_sheet(layout.title)
        if said is not None and (default_division is None or said.code.startswith(default_division.code)):
            self._default = said
        crs_headings = [
            f"{layout.groups.get(i, '')} {layout.headings[i]}"
            for key in ("position", "latitude", "longitude")
            for i in layout.columns.get(key, ())
        ]
        self._crs_of_heading = fields.read_crs(" ".join(crs_headings))
        self._columns = {
            key: (column_letter(indexes[0]), layout.headings[indexes[0]]) for key, indexes in layout.columns.items()
        }
        self._marks = {index for key, indexes in layout.columns.items() if key.startswith("has:") for index in indexes}
        self._listing = self._marks.union(*(layout.columns.get(key, ()) for key in ("amenities", "services")))
        self._division_cache: dict[tuple[str, ...], tuple[Division | None, str, Zone | None, list[Finding]]] = {}

    def _division_said_by_sheet(self, text: str) -> Division | None:
        """The district or subdistrict that a sheet's name or title names, if any."""
        gazetteer = self._gazetteer
        found = gazetteer.subdistrict(text, self._default_district) or gazetteer.district(text)
        if found is None and text:
            resolved = gazetteer.resolve(text)
            found = resolved.subdistrict or resolved.district
        return found

    @property
    def _default_district(self) -> Division | None:
        return self._district_of(self._default) if self._default is not None else None

    def _meets_scope(self, code: str) -> bool:
        """Whether the division is inside the part that the list may write, or contains it."""
        return self._scope is None or code.startswith(self._scope.code) or self._scope.code.startswith(code)

    def _district_of(self, division: Division) -> Division | None:
        return self._gazetteer.district(division.district_code)

    # Findings

    def _finding(
        self, row: StationRow, key: str, cells: Sequence[str], severity: Severity, code: str,
        reason: str | Promise, way_out: str | Promise, *, subject: str = "", value: str | None = None,
    ) -> None:  # fmt: skip
        index = self._layout.column(cells, key)
        row.findings.append(
            Finding(
                severity=severity,
                code=code,
                sheet=row.sheet,
                row=row.number,
                column=column_letter(index) if index is not None else "",
                heading=self._layout.headings.get(index, "") if index is not None else "",
                value=(self._layout.value(cells, key) if value is None else value)[:_SHOWN_CHARS],
                reason=self._decisions.doubted(subject, str(reason)),
                way_out=str(way_out),
                subject=subject,
            )
        )

    def _read(
        self,
        row: StationRow,
        cells: Sequence[str],
        key: str,
        read: Callable[[str], T],
        *,
        severity: Severity = Severity.NOTICE,
    ) -> T | None:
        """The value of a cell, or None with a finding; a decision, if there is one, replaces the cell's text."""
        text = self._layout.value(cells, key)
        if not text:
            return None
        subject = subject_of("cell", key, text)
        try:
            return read(self._decisions.text(subject) or text)
        except Unread as unread:
            self._finding(row, key, cells, severity, f"{key}_unread", unread.reason, unread.way_out, subject=subject)
            return None

    # Reading

    def read(self, number: int, cells: list[str]) -> StationRow | None:
        """What the row says; None if it is not a station."""
        layout = self._layout
        cells = [restored(cell) for cell in cells]
        for index, cell in enumerate(cells):
            # A cell with only a dash or a slash is blank; in a column of marks it means no. So is 无, except in lists.
            is_dash = bool(cell) and cell[0] in _DASHES and not cell.strip(_DASHES)
            if (is_dash and index not in self._marks) or (index not in self._listing and fields.is_unsaid(cell)):
                cells[index] = ""
        if (section := layout.section(cells)) and self._begins(section):
            return None
        if not layout.is_station(cells):
            return None
        row = StationRow(sheet=self._sheet, number=number, columns=self._columns)
        self._read_code(row, cells)
        row.name = self._read(row, cells, "name", _text(80), severity=Severity.REFUSAL) or ""
        if not name_key(row.name) and not row.code and not row.findings:
            self._finding(
                row, "name", cells, Severity.REFUSAL, "name_missing",
                _("The station has no name."), _("Write its name."),
            )  # fmt: skip
        self._read_division(row, cells)
        self._read_plain(row, cells)
        self._read_position(row, cells)
        self._read_hours(row, cells)
        self._read_amenities(row, cells)
        for role in _ROLES:
            row.lists[role] = "、".join(layout.values(cells, role))
            names = [name for text in layout.values(cells, role) for name in fields.split_names(text)]
            if names and max(map(len, names)) <= 80:
                row.organisations[role] = names
            elif names:
                self._finding(
                    row, role, cells, Severity.NOTICE, f"{role}_unread",
                    _("It is longer than {longest} characters.").format(longest=80), _("Shorten it."),
                )  # fmt: skip
        return row

    def _begins(self, section: str) -> bool:
        """Whether the stations of this subdistrict or district follow; 读书社区 is neither, and may be a station."""
        if not section.endswith("区"):
            self._section = section
        elif self._gazetteer.district(section) or self._gazetteer.zone(section):
            self._district_section, self._section = section, ""
        else:
            return False
        return True

    def _read_code(self, row: StationRow, cells: Sequence[str]) -> None:
        code = read_code(self._layout.value(cells, "code"))
        row.code = str(code) if code is not None else ""

    def _read_plain(self, row: StationRow, cells: Sequence[str]) -> None:
        readers: tuple[tuple[str, Callable[[str], object]], ...] = (
            ("tier", fields.read_tier),
            ("status", fields.read_status),
            ("status_reason", _text(120)),
            ("address", _text(200)),
            ("floor", _text(20)),
            ("directions", _text(300)),
            ("area_m2", fields.read_area),
            ("seats", fields.read_seats),
            ("phone", fields.read_phone),
            ("opened_on", fields.read_date),
        )
        for key, read in readers:
            if key in self._layout.columns and (value := self._read(row, cells, key, read)) is not None:
                row.facts[key] = value
        row.lists["aliases"] = "、".join(self._layout.values(cells, "aliases"))
        row.aliases = [
            name
            for text in self._layout.values(cells, "aliases")
            for name in fields.split_names(text)
            if len(name) <= 80
        ]

    # Where it lies

    def _read_division(self, row: StationRow, cells: Sequence[str]) -> None:
        layout = self._layout
        district, *below = (layout.value(cells, key) for key in ("district", "subdistrict", "neighbourhood", "zone"))
        texts = (district or self._district_section, *below)
        address = layout.value(cells, "address")
        is_settled = bool(texts[0] and texts[1])
        cache_key = (*texts, self._section, "" if is_settled else f"{address}\n{row.name}")
        cached = self._division_cache.get(cache_key)
        if cached is None:
            probe = StationRow(sheet=row.sheet, number=row.number, code=row.code, name=row.name)
            self._resolve_division(probe, cells, *texts, address=address)
            cached = (probe.division, probe.neighbourhood, probe.zone, probe.findings)
            if is_settled and len(self._division_cache) < 20_000:
                self._division_cache[cache_key] = cached
        row.division, row.neighbourhood, row.zone, findings = cached
        row.findings += [replace(finding, row=row.number) for finding in findings]

    def _resolve_division(
        self, row: StationRow, cells: Sequence[str], district_text: str, subdistrict_text: str,
        neighbourhood_text: str, zone_text: str, *, address: str,
    ) -> None:  # fmt: skip
        gazetteer = self._gazetteer
        if zone_text:
            row.zone = gazetteer.zone(zone_text)
            if row.zone is None:
                self._finding(
                    row, "zone", cells, Severity.NOTICE, "zone_unknown",
                    _("This functional zone is not known."), _("Write 东湖高新区, 经开区 or 东湖风景区."),
                )  # fmt: skip
        district = self._district(row, cells, district_text)
        if any(finding.holds_row for finding in row.findings):
            return
        if district is not None and not self._meets_scope(district.code):
            row.division = district  # it is refused for that, and nothing more is asked
            return
        subdistrict = self._subdistrict(row, cells, subdistrict_text or self._section, district)
        if any(finding.holds_row for finding in row.findings):
            return
        if subdistrict is None:
            for text in (address, row.name):
                resolved = gazetteer.resolve(text) if text else None
                if (
                    resolved is not None
                    and resolved.district
                    and (district is None or resolved.district.code == district.code)
                ):
                    district, subdistrict = resolved.district, resolved.subdistrict
                    if subdistrict is not None:
                        break
        if district is None and subdistrict is None:
            if not row.code:
                self._finding(
                    row, "district", cells, Severity.REFUSAL, "district_missing",
                    _("Nothing says in which district the station lies."),
                    _("Add a column 区, or give the district for the whole file."),
                )  # fmt: skip
            return
        row.division = subdistrict or district
        if not neighbourhood_text and self._default is not None and subdistrict is not None:
            # The office of a neighbourhood need not write its own name into each row.
            row.division = self._default if self._default.code.startswith(subdistrict.code) else subdistrict
        if neighbourhood_text and subdistrict is not None:
            self._neighbourhood(row, cells, neighbourhood_text, subdistrict)
        elif neighbourhood_text:
            self._finding(
                row, "neighbourhood", cells, Severity.NOTICE, "neighbourhood_without_subdistrict",
                _("A neighbourhood is not taken while its subdistrict is missing."), _("Write the 街道 beside it."),
            )  # fmt: skip

    def _district(self, row: StationRow, cells: Sequence[str], text: str) -> Division | None:
        default = self._default_district
        if not text:
            return default
        subject = subject_of("division", "", text)
        decided = self._decisions.division(subject)
        found = decided or self._gazetteer.district(text)
        if found is None and (zone := self._gazetteer.zone(text)) is not None:
            row.zone = row.zone or zone
            return default
        if found is None:
            resolved = self._gazetteer.resolve(text)
            found = resolved.district if not resolved.rest else None
        if found is None:
            self._finding(
                row, "district", cells, Severity.DOUBT, "district_unknown",
                _("This district is not known."), _("Write one of the 13 districts, such as 武昌区."),
                subject=subject,
            )  # fmt: skip
        return self._district_of(found) if found is not None else None

    def _subdistrict(
        self, row: StationRow, cells: Sequence[str], text: str, district: Division | None
    ) -> Division | None:
        if not text:
            default = self._default
            if default is None or district is None or not default.code.startswith(district.code):
                return None
            return self._gazetteer.subdistrict(default.code[:9])
        subject = subject_of("division", district.code if district else "", text)
        decided = self._decisions.division(subject)
        found = (decided,) if decided is not None else self._gazetteer.subdistricts(text, district)
        if not found and district is None and not (named := self._gazetteer.resolve(text)).rest and named.subdistrict:
            return named.subdistrict  # 武昌区徐家棚街道
        if not found and (zone := self._gazetteer.zone(text)) is not None:
            row.zone = row.zone or zone
            return None
        if len(found) == 1:
            return found[0]
        if found:
            names = _(", ").join(f"{(self._district_of(each) or each).name}{each.name}" for each in found)
            reason, code = (
                _("The name fits several subdistricts: {names}.").format(names=names),
                "subdistrict_ambiguous",
            )
        elif district is not None:
            reason, code = (
                _("{district} has no such subdistrict.").format(district=district.name),
                "subdistrict_unknown",
            )
        else:
            reason, code = _("This subdistrict is not known."), "subdistrict_unknown"
        self._finding(
            row, "subdistrict", cells, Severity.DOUBT, code, reason,
            _("In the column 处理 write the subdistrict that is meant, such as 武昌区徐家棚街道."),
            subject=subject, value=text,
        )  # fmt: skip
        return None

    def _neighbourhood(self, row: StationRow, cells: Sequence[str], text: str, subdistrict: Division) -> None:
        found = self._gazetteer.neighbourhood(text, subdistrict)
        if found is not None:
            row.division = found
        elif name_key(text) and len(text) <= 48:
            row.neighbourhood = text
        else:
            self._finding(
                row, "neighbourhood", cells, Severity.NOTICE, "neighbourhood_unread",
                _("This is no name of a neighbourhood."), _("Write one name, such as 武车社区."),
            )  # fmt: skip

    # Position, hours, amenities

    def _read_position(self, row: StationRow, cells: Sequence[str]) -> None:
        layout = self._layout
        point: Point | None = None
        crs: Crs | None = None
        key = "position"
        try:
            if layout.value(cells, "latitude") or layout.value(cells, "longitude"):
                key = "latitude"
                point = fields.read_numbers(layout.value(cells, "latitude"), layout.value(cells, "longitude"))
            elif text := layout.value(cells, "position"):
                parsed = fields.read_position(text)
                if parsed is not None:
                    point, crs = parsed.point, parsed.crs or fields.read_crs(text)
                elif "directions" not in row.facts and len(text) <= 300:
                    # 位置 is a heading for coordinates as well as for words.
                    row.facts["directions" if "address" in row.facts else "address"] = fields.read_text(
                        text, longest=200
                    )
        except Unread as unread:
            self._finding(row, key, cells, Severity.NOTICE, "position_unread", unread.reason, unread.way_out)
        if point is None:
            return
        if crs is None and (datum := layout.value(cells, "crs")):
            crs = fields.read_crs(datum)
            if crs is None:
                self._finding(
                    row, "crs", cells, Severity.NOTICE, "crs_unread",
                    _("This datum is not known."), _("Write wgs84, gcj02 (高德、腾讯) or bd09 (百度)."),
                )  # fmt: skip
        crs = crs or self._crs_of_heading or fields.read_crs(self._decisions.text(f"datum:{row.subject}"))
        if crs is None:
            row.undated = point
            return
        self._believe_position(row, cells, key, point, crs)

    def _believe_position(self, row: StationRow, cells: Sequence[str], key: str, point: Point, crs: Crs) -> None:
        subject = f"position:{row.subject}"
        decided = fields.read_crs(self._decisions.text(subject))
        if decided is not None:
            crs = decided
        elif row.division is not None:
            doubt = doubt_of_position(point, crs, row.division.code)
            if doubt is not None:
                hint = _("In {crs} it would lie inside.").format(crs=doubt.crs) if doubt.crs is not None else ""
                self._finding(
                    row, key, cells, Severity.NOTICE, "position_outside_district",
                    sentences(_("The position lies outside its district and is not taken."), hint),
                    _("In the column 处理 write the datum that is meant (wgs84, gcj02, bd09), which also confirms the position."),
                    subject=subject,
                )  # fmt: skip
                row.doubted = point
                return
        row.position, row.crs = to_wgs84(point, crs), crs

    def _read_hours(self, row: StationRow, cells: Sequence[str]) -> None:
        layout = self._layout
        text = layout.value(cells, "hours")
        key = "hours"
        if not text:
            said = {key: layout.value(cells, key) for key in _DAYS_OF_COLUMN}
            key = next((key for key, hours in said.items() if hours), key)
            text = "；".join(f"{_DAYS_OF_COLUMN[key]}{hours}" for key, hours in said.items() if hours)
        if not text:
            return
        subject = subject_of("cell", "hours", text)
        decided = self._decisions.text(subject)
        periods, doubts = _periods(decided or text)
        if periods is None:
            row.hours_text = " ".join(text.split())[:200]
            self._finding(
                row, key, cells, Severity.NOTICE, "hours_unread",
                sentences(_("The hours are kept as text, since they cannot be read as times."), *doubts),
                _("In the column 处理 write them such as 周一至周五 9:00-17:30."),
                subject=subject, value=text,
            )  # fmt: skip
            return
        row.periods = periods
        row.hours_text = " ".join(text.split())[:200] if decided else ""
        mode = self._read(row, cells, "entry_mode", fields.read_entry_mode)
        if mode is not None:
            row.periods = tuple(
                replace(
                    period,
                    spans=tuple(
                        replace(span, entry_mode=mode) if span.entry_mode == "staffed" else span
                        for span in period.spans
                    ),
                )
                for period in row.periods
            )

    def _read_amenities(self, row: StationRow, cells: Sequence[str]) -> None:
        layout = self._layout
        texts: list[str] = []
        for key in ("amenities", "services"):
            said = layout.values(cells, key)
            if not said:
                continue
            read = [self._amenities.read(text) for text in said]
            setattr(row, key, frozenset().union(*(each.codes for each in read)))
            texts += [text for each in read for text in each.texts]
            self._list_unknown(row, cells, key, read)
        for key in layout.columns:
            if key.startswith("has:") and layout.value(cells, key):
                has = self._read(row, cells, key, fields.read_mark)
                if has is not None:
                    row.marks |= dict.fromkeys(self._amenities.codes(key.removeprefix("has:")), has)
        own = layout.values(cells, "amenities_text")
        if own or row.amenities is not None or row.services is not None:
            text = "、".join(dict.fromkeys((*own, *texts)))
            row.amenities_text = text[:300]

    def _list_unknown(self, row: StationRow, cells: Sequence[str], key: str, read: Sequence[ReadAmenities]) -> None:
        for word in dict.fromkeys(word for each in read for word in each.unknown):
            self._finding(
                row, key, cells, Severity.NOTICE, "amenity_unknown",
                _("This wording is kept as text; no amenity of the list is known by it."),
                _("In the column 处理 write the amenity that is meant, such as 热水 or hot-water."),
                subject=subject_of("amenity", word[:50]), value=word,
            )  # fmt: skip


def _text(longest: int) -> Callable[[str], str]:
    return lambda text: fields.read_text(text, longest=min(longest, MAX_CELL_CHARS))


@lru_cache(maxsize=5_000)
def _periods(text: str) -> tuple[tuple[Period, ...] | None, tuple[str, ...]]:
    """The hours in `text`, or None and why not. Cached, since a district's list repeats the same hours again and again."""
    parsed = parse_hours(text)
    if not parsed.is_read:
        return None, parsed.doubts
    try:
        check_hours(parsed.periods, ())
    except DomainError as error:
        return None, (str(error.detail),)
    return parsed.periods, ()
