"""Bringing a list of stations into the database, as offices keep it.

The list is taken in batches, each one transaction: a kill at any row loses at most the batch in hand, and running the
import again finishes it, since rows written already are recognised and change nothing. A row is matched by its
code, else by its name in its district. Stations that are only similar are asked about, never merged.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import chain, islice
from typing import Any, BinaryIO

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core import audit
from core.copying import copy_in, copy_lines
from core.errors import InvalidValue
from core.models import User
from stations import access, change_times, confirming, publishing, registering
from stations.codes import numbered, read_code
from stations.columns import heading_key
from stations.divisions import Gazetteer, neighbourhood_name
from stations.errors import StationBound
from stations.geo import Crs, Point, distance_m, to_wgs84
from stations.hours import Period, Schedule
from stations.hours_text import format_osm, format_zh
from stations.importing.decisions import Decisions
from stations.importing.errors import FileHasNoHeadings
from stations.importing.fields import AmenityReader
from stations.importing.findings import Finding, ImportReport, Outcome, Severity, row_words
from stations.importing.headings import find_layout
from stations.importing.known import KnownStation, KnownStations, NameCores, RowPlace, name_key
from stations.importing.plans import BatchPlan, RowPlan, Watch
from stations.importing.rows import RowReader, StationRow
from stations.importing.sheets import Sheet, column_letter, read_sheets
from stations.importing.stored import StoredStation, load_periods, load_stored
from stations.importing.writing import NEW_STATION_COLUMNS, new_ids, new_station_line, update, write_hours
from stations.models import (
    Amenity,
    AmenityWord,
    Division,
    DivisionAlias,
    Duty,
    HoursPeriod,
    Station,
    StationOrganisation,
)

__all__ = ["BATCH_ROWS", "import_stations"]

BATCH_ROWS = 2_000
Progress = Callable[[int, int], None]
_SAME_POSITION_M = 0.2
# A position given without datum is the stored one again if one of the three readings meets it.
_SAME_UNDATED_M = 1.0
# Columns that have other names in the trail and the forms.
_FACTS = {"division_id": "division", "zone_id": "zone"}


def import_stations(
    file: BinaryIO,
    *,
    source: str,
    actor: User | str,
    at: datetime,
    division: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
    decisions: Decisions | None = None,
    encoding: str = "",
    watch: Watch | None = None,
) -> ImportReport:
    """Import the stations of `file` (xlsx, xls, ods, CSV), named `source` in the audit trail.

    `division` is the code of the only part of the tree that may be written, and the district of rows that name none.
    `progress` is told (rows done, rows in the file) after each batch is committed; `watch` is told inside the transaction
    what is done with the batch.
    Raises: FileUnreadable and its kinds; InvalidValue for an unknown division; what `access.require` does.
    Locks: the districts of a batch in the order of their codes, then its stations by id.
    """
    access.require(actor, Duty.MANAGE, divisions=[division or access.CITY_CODE])
    report = ImportReport(is_dry_run=dry_run)
    gazetteer = Gazetteer()
    scope = Division.objects.filter(code=division).first() if division else None
    if division and scope is None:
        raise InvalidValue(
            "division", _("There is no division with this code. Write one such as 420106."), value=division
        )
    sheets = read_sheets(file, encoding=encoding)
    decisions = decisions or Decisions()
    with transaction.atomic():
        decisions.learn(gazetteer, within=division, actor=actor, at=at, dry_run=dry_run)
    report.notes += decisions.notes
    amenities = _amenity_reader(decisions)
    importer = _Importer(
        report=report,
        gazetteer=gazetteer,
        scope=scope,
        decisions=decisions,
        source=source,
        actor=actor,
        at=at,
        dry_run=dry_run,
        watch=watch,
    )
    total = sum(sheet.row_count for sheet in sheets)
    done = 0
    rows = _station_rows(sheets, report, gazetteer=gazetteer, amenities=amenities, decisions=decisions, scope=scope)
    while batch := list(islice(rows, BATCH_ROWS)):
        importer.take(batch)
        done += len(batch)
        if progress is not None:
            progress(done, max(total, done))
    importer.note_left_out()
    return report


def _amenity_reader(decisions: Decisions) -> AmenityReader:
    words: defaultdict[str, set[str]] = defaultdict(set)
    for amenity in Amenity.objects.all():
        for word in (amenity.code, amenity.name, amenity.name_en):
            words[word].add(amenity.code)
    for word, code in chain(AmenityWord.objects.values_list("word", "amenity_id"), decisions.amenities.items()):
        words[word].add(code)
    return AmenityReader(words)


# So many of the stations that a list leaves out are named.
_NAMED = 10
_SIDE_SHEETS = ("说明", "填写说明", "填表说明", "选项", "字典", "notes", "options")


def _station_rows(
    sheets: Sequence[Sheet],
    report: ImportReport,
    *,
    gazetteer: Gazetteer,
    amenities: AmenityReader,
    decisions: Decisions,
    scope: Division | None,
) -> Iterator[StationRow]:
    """Every station row of every sheet with headings.   Raises: FileHasNoHeadings if no sheet has any."""
    found = 0
    for sheet in sheets:
        rows = sheet.rows()
        head = list(islice(rows, 60))
        layout = find_layout(head, amenity_words=amenities.words)
        if layout is None:
            if any(any(cells) for _number, cells in head) and heading_key(sheet.name) not in map(
                heading_key, _SIDE_SHEETS
            ):
                report.notes.append(
                    _("Sheet “{sheet}” has no heading row with 名称 and is not read.").format(sheet=sheet.name)
                )
            continue
        found += 1
        if layout.personal:
            report.notes.append(
                _("Names of persons are not kept: {columns}.").format(columns=_column_list(layout.personal))
            )
        if layout.ignored:
            columns = _column_list(layout.ignored)
            report.notes.append(
                _("Sheet “{sheet}”: these columns are not read: {columns}.").format(sheet=sheet.name, columns=columns)
                if sheet.name
                else _("These columns are not read: {columns}.").format(columns=columns)
            )
        reader = RowReader(
            layout,
            sheet=sheet.name,
            gazetteer=gazetteer,
            amenities=amenities,
            decisions=decisions,
            default_division=scope,
        )
        for number, cells in chain(head, rows):
            if number >= layout.first_row and (row := reader.read(number, cells)) is not None:
                yield row
    if not found:
        raise FileHasNoHeadings(
            _("The list needs a row of headings with at least 名称, such as 名称、街道、地址. Take the template.")
        )


def _column_list(columns: Iterable[tuple[int, str]]) -> str:
    return _(", ").join(f"{column_letter(index)} {heading[:20]}" for index, heading in columns)


@dataclass(slots=True)
class _New:
    """A station that a batch will write."""

    known: KnownStation
    row: StationRow
    facts: dict[str, Any]  # by column


@dataclass(slots=True)
class _Batch:
    """What a batch will write."""

    created: list[_New] = field(default_factory=list)
    changes: dict[int, dict[str, Any]] = field(default_factory=dict)
    audits: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # changes, by the station's code
    amenities_removed: list[tuple[int, str]] = field(default_factory=list)
    amenities_added: list[tuple[int, str]] = field(default_factory=list)
    organisations_removed: list[int] = field(default_factory=list)
    organisations_added: list[tuple[int, str, str]] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)  # to another door
    periods_removed: list[int] = field(default_factory=list)
    periods_added: dict[int, Sequence[Period]] = field(default_factory=dict)


class _Importer:
    """Takes batches of rows. Holds what all batches share."""

    def __init__(
        self,
        *,
        report: ImportReport,
        gazetteer: Gazetteer,
        scope: Division | None,
        decisions: Decisions,
        source: str,
        actor: User | str,
        at: datetime,
        dry_run: bool,
        watch: Watch | None,
    ) -> None:
        self._report = report
        self._gazetteer = gazetteer
        self._scope = scope
        self._decisions = decisions
        self._source = source
        self._actor = actor
        self._at = at
        self._dry_run = dry_run
        self._watch = watch
        self._plans: list[RowPlan] = []
        self._brought: set[str] = set()  # codes that are given in the batch in hand
        divisions = list(Division.objects.all())
        self._letters = {division.code: division.letters for division in divisions if division.letters}
        wordings = DivisionAlias.objects.values_list("division_id", "name")
        cores = NameCores(divisions, chain(wordings, decisions.wordings))
        self._amenity_kinds = dict(Amenity.objects.values_list("code", "kind"))
        self._numbered = {division.code: division.stations_numbered for division in divisions if division.letters}
        self._known = KnownStations(cores)
        self._by_row: dict[tuple[str, int], KnownStation] = {}
        self._planned = 0  # stations that a dry run would create get ids that count down from here

    def take(self, rows: list[StationRow]) -> None:
        """Write one batch, or work out what would be written.   Locks: districts by code, then stations by id."""
        outcomes: Counter[Outcome] = Counter()
        if self._dry_run:
            self._take(rows, outcomes)
            self._tell(outcomes)
        else:
            with transaction.atomic():
                self._lock_districts(rows)
                self._take(rows, outcomes)
                self._tell(outcomes)
        self._report.outcomes.update(outcomes)
        for row in rows:
            self._report.add(row.findings)

    def note_left_out(self) -> None:
        """Name the stations that the list leaves out, if it has most of a district's: they may be renamed, moved or gone. A list of
        a few says nothing about the others.
        """
        left = self._seen(self._known.left_out())
        if not left or len(left) > self._report.outcomes[Outcome.UPDATED] + self._report.outcomes[Outcome.UNCHANGED]:
            return
        names = _(", ").join(_label(station) for station in sorted(left, key=lambda each: each.code)[:_NAMED])
        self._report.notes.append(
            _("Not in this list, and left as they are: {number} ({stations}). Close those that are gone on their pages; for one that "
              "was renamed or has moved, write its code into the list.").format(
                number=len(left), stations=names + "…" * (len(left) > _NAMED)
            )
        )  # fmt: skip

    def _tell(self, outcomes: Counter[Outcome]) -> None:
        if self._watch is not None:
            so_far = self._report.outcomes + outcomes
            self._watch(BatchPlan(rows_done=so_far.total(), outcomes=so_far, rows=self._plans))
            self._plans = []

    def _plan(self, row: StationRow, outcome: Outcome, changed: Mapping[str, tuple[Any, Any]], code: str = "") -> None:
        """Note for the watch what becomes of the row."""
        if self._watch is None:
            return
        said = {_FACTS.get(name, name): both for name, both in changed.items()}
        if "division" in said and row.division is not None:
            # A new neighbourhood gets its code only when it is written.
            said["division"] = (said["division"][0], row.division.code[:9])
            if row.neighbourhood:
                said["neighbourhood"] = (None, neighbourhood_name(row.neighbourhood))
            elif row.division.level == Division.Level.NEIGHBOURHOOD:
                said["neighbourhood"] = (None, row.division.name)
        self._plans.append(RowPlan(row.sheet, row.number, outcome, row.name, code, said))

    def _lock_districts(self, rows: list[StationRow]) -> None:
        codes = {row.division.district_code for row in rows if row.division is not None}
        codes |= {self._known.by_code[row.code].district for row in rows if row.code in self._known.by_code}
        locked = Division.objects.select_for_update(no_key=True).filter(code__in=codes).order_by("code")
        for code, count in locked.values_list("code", "stations_numbered"):
            if self._numbered.get(code) != count:
                self._known.load(code)
                self._numbered[code] = count

    def _take(self, rows: list[StationRow], outcomes: Counter[Outcome]) -> None:
        batch = _Batch()
        matched: list[tuple[StationRow, KnownStation]] = []
        foreign = self._codes_elsewhere(rows)
        self._brought = {row.code for row in rows if row.code}
        for row in rows:
            station = self._match(row, foreign)
            if row.is_held:
                outcomes[Outcome.REFUSED] += 1
                self._plan(row, Outcome.REFUSED, {})
            elif station is not None:
                self._said_by(row, station)
                matched.append((row, station))
            else:
                self._create(row, batch)
                outcomes[Outcome.CREATED] += 1
        self._update(matched, batch, outcomes)
        if not self._dry_run:
            self._write(batch)

    def _is_in_scope(self, code: str) -> bool:
        return self._scope is None or code.startswith(self._scope.code)

    def _seen(self, stations: Iterable[KnownStation]) -> list[KnownStation]:
        """Those inside the part that this import may write; nothing is said about others, not even that they exist."""
        return [station for station in stations if self._is_in_scope(station.division)]

    def _may_number(self, code: str) -> bool:
        """Whether a list with this scope may give a new station this code: only if it is one of its own district."""
        if self._scope is None or self._scope.level == Division.Level.CITY:
            return True
        own = read_code(code)
        return self._scope.level == Division.Level.DISTRICT and own is not None and own.letters == self._scope.letters

    def _codes_elsewhere(self, rows: list[StationRow]) -> set[str]:
        """Codes that somebody gave out since the stations were read."""
        asked = [row.code for row in rows if row.code and row.code not in self._known.by_code]
        return set(Station.objects.filter(code__in=asked).values_list("code", flat=True)) if asked else set()

    # Matching

    def _match(self, row: StationRow, foreign: set[str]) -> KnownStation | None:
        """The station the row is about; None for a new one. A row that cannot be matched gets a finding that holds it."""
        if row.is_held:
            return None
        station = self._known.by_code.get(row.code) if row.code else None
        if row.code and (not self._is_in_scope(station.division) if station else not self._may_number(row.code)):
            # The same answer for the code of a station elsewhere and for one that no station has.
            self._refuse_scope(row)
            return None
        if station is not None:
            return self._checked_by_code(row, station)
        if row.division is None:
            self._hold(row, "district_missing", Severity.REFUSAL, _("Nothing says in which district the station lies."),
                       _("Add a column 区, or give the district for the whole file."))  # fmt: skip
            return None
        if not self._is_in_scope(row.division.code):
            self._refuse_scope(row)
            return None
        if not row.name:
            self._hold(
                row,
                "code_unknown",
                Severity.REFUSAL,
                _("No station has this code."),
                _("Write the station's name beside it."),
            )
            return None
        if row.code in foreign:
            self._hold(
                row,
                "code_taken",
                Severity.REFUSAL,
                _("This code was given out a moment ago."),
                _("Run the import again."),
            )
            return None
        return self._by_name(row)

    def _by_name(self, row: StationRow) -> KnownStation | None:
        assert row.division is not None  # noqa: S101 - `_match` has refused rows without one
        subject = f"same:{row.subject}"
        decided = self._decided(row, subject)
        if decided is not None and self._is_in_scope(decided.division):
            if decided.row is not None:
                return self._joined(row, decided)
            row.aliases = [*row.aliases, row.name]
            return decided
        named = self._seen(self._known.named(row.name, row.division.code))
        if len(named) > 1:
            self._doubt_same(row, named, _("Several stations have this name: {stations}."))
            return None
        if named and not row.code:
            return self._once(row, named[0])
        if self._decisions.is_new(subject):
            return None
        if named:
            self._doubt_same(row, named, _("The code is unknown, but there is a station of this name: {stations}."))
            return None
        similar = self._seen(self._known.similar(row.name, row.division.code))
        if similar:
            self._doubt_same(row, similar, _("It may be a duplicate under another wording: {stations}."))
            return None
        if row.position is not None and (close := self._seen(self._known.close_to(row.position))):
            self._doubt_same(row, close, _("It may be a duplicate: within 30 m there is {stations}."))
        return None

    def _decided(self, row: StationRow, subject: str) -> KnownStation | None:
        """The station that somebody decided the row to mean, by its code or by another row of the list."""
        if code := self._decisions.same_as(subject):
            return self._known.by_code.get(code)
        place = self._decisions.same_as_row(subject, sheet=row.sheet)
        return self._by_row.get(place) if place is not None else None

    def _said_by(self, row: StationRow, station: KnownStation) -> None:
        self._by_row[row.sheet, row.number] = station
        if station.row is None:
            station.row = RowPlace(row.sheet, row.number, row.name)

    def _checked_by_code(self, row: StationRow, station: KnownStation) -> KnownStation | None:
        if row.division and not self._is_in_scope(row.division.code):
            self._refuse_scope(row)
            return None
        if row.division is not None and row.division.district_code != station.district:
            self._hold(
                row, "code_in_other_district", Severity.DOUBT,
                _("The code belongs to a station in another district: {name}.").format(name=station.name),
                _("Correct the code or the district."),
            )  # fmt: skip
            return None
        if row.name and name_key(row.name) not in station.name_keys:
            named = self._seen(self._known.named(row.name, station.division))
            others = [other for other in named if other is not station]
            decided = self._decided(row, f"same:{row.subject}")
            if decided in others:
                station = decided
            elif others and decided is not station:
                self._doubt_same(
                    row,
                    others,
                    _("The code and the name mean two stations; the name means {stations}."),
                    by_code=station,
                )
                return None
        return self._once(row, station)

    def _once(self, row: StationRow, station: KnownStation) -> KnownStation | None:
        if station.row is None:
            return station
        key = name_key(row.name)
        if key in station.name_keys and key != name_key(station.row.name):
            return self._joined(row, station)  # settled: both are kept as names of one station
        self._hold(
            row, "repeated", Severity.DOUBT,
            _("{row} of this file has the same station already: {station}.").format(
                row=row_words(station.row.sheet, station.row.number), station=_label(station)
            ),
            _("Delete one of the two rows, or give them different names."),
        )  # fmt: skip
        return None

    def _joined(self, row: StationRow, station: KnownStation) -> KnownStation:
        """The row only adds its name to the station of an earlier one; two rows with all their facts would undo each other."""
        assert station.row is not None  # noqa: S101 - the callers have asked
        row.keep_only_name()
        self._hold(
            row, "joined", Severity.NOTICE,
            _("It is the station of {row}; of this row only the name is taken, as another name.").format(
                row=row_words(station.row.sheet, station.row.number)
            ),
            _("If other cells of it count too, write them into that row."),
        )  # fmt: skip
        return station

    def _doubt_same(
        self, row: StationRow, stations: Sequence[KnownStation], reason: str, *, by_code: KnownStation | None = None
    ) -> None:
        """Ask which station is meant: one of `stations`, or the one `by_code`; if no code is given, one of them or a new one."""

        def same(station: KnownStation) -> str:
            if station.row is None or not station.is_trial:
                return station.code
            return row_words(station.row.sheet if station.row.sheet != row.sheet else "", station.row.number)

        meant = [*stations[:3], *([by_code] if by_code is not None else [])]
        choices = [(f"同 {same(station)}", _label(station)) for station in meant]
        if by_code is None:
            way_out = _("In the column 处理 write “同 {station}” if it is that one, or 新建 if it is another.")
            choices.append(("新建", _("another one: enter it as new")))
        else:
            way_out = _("In the column 处理 write “同 {station}” or “同 {other}”, whichever is meant.")
        self._hold(
            row, "duplicate", Severity.DOUBT, reason.format(stations=_(", ").join(map(_label, stations[:3]))),
            way_out.format(station=same(meant[0]), other=same(meant[-1])),
            subject=f"same:{row.subject}", choices=tuple(choices),
        )  # fmt: skip

    def _refuse_scope(self, row: StationRow) -> None:
        name = self._scope.name if self._scope is not None else ""
        row.findings = []  # what is wrong with its other cells is for its own office to see
        self._hold(
            row, "out_of_scope", Severity.REFUSAL, _("The station does not lie in {division}.").format(division=name),
            _("Leave the row to its own office. A station of yours that is new has no code: leave that cell blank."),
        )  # fmt: skip

    def _hold(
        self,
        row: StationRow,
        code: str,
        severity: Severity,
        reason: str,
        way_out: str,
        *,
        subject: str = "",
        column: str = "name",
        value: str = "",
        choices: tuple[tuple[str, str], ...] = (),
    ) -> None:
        letter, heading = row.columns.get(column, ("", ""))
        value = value or row.name or row.code
        row.findings.append(
            Finding(
                severity,
                code,
                row.sheet,
                row.number,
                letter,
                heading,
                value,
                self._decisions.doubted(subject, reason),
                way_out,
                subject,
                choices,
            )
        )

    # Creating

    def _create(self, row: StationRow, batch: _Batch) -> None:
        self._planned -= 1
        division = self._division(row)
        self._doubt_undated(row, None)
        facts = dict(row.facts)
        status = facts.get("status", Station.Status.DRAFT)
        if status == Station.Status.PUBLISHED and not (
            facts.get("address") or facts.get("directions") or row.position is not None
        ):
            self._not_published(row)
            facts["status"] = Station.Status.DRAFT
        elif status in publishing.SHUT:
            facts.setdefault("status_reason", _("as the district's list says"))
        if row.zone is not None:
            facts["zone_id"] = row.zone.code
        if row.position is not None and row.crs is not None:
            facts |= {
                "latitude": row.position.latitude,
                "longitude": row.position.longitude,
                "entered_crs": str(row.crs),
            }
        facts |= {"division_id": division, "name": row.name}
        aliases = [name for name in dict.fromkeys(row.aliases) if name != row.name]
        if aliases:
            facts["aliases"] = aliases
        for column, text in (("amenities_text", row.amenities_text), ("hours_text", row.hours_text)):
            if text:
                facts[column] = text
        code = self._new_code(row)
        station = KnownStation(
            self._planned, code, row.name, division,
            tuple(dict.fromkeys(map(name_key, (row.name, *aliases)))),
            facts.get("latitude"), facts.get("longitude"),
            is_closed=facts.get("status") == Station.Status.CLOSED,
            is_trial=self._dry_run and code != row.code,
        )  # fmt: skip
        self._said_by(row, station)
        self._known.add(station)
        batch.created.append(_New(station, row, facts))
        if self._watch is not None:
            said = self._all_said(row, facts)
            self._plan(row, Outcome.CREATED, {name: (None, value) for name, value in said.items()})

    def _all_said(self, row: StationRow, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Everything that is written about a new station, as the trail keeps it."""
        said = {
            **{_FACTS.get(name, name): value for name, value in facts.items()},
            "amenities": sorted(self._wanted_amenities(row, set())),
            **row.organisations,
            "hours": _words(row.periods or ()),
        }
        return {name: value for name, value in said.items() if value not in ("", [])}

    def _division(self, row: StationRow) -> str:
        """The code of the division the row names; a neighbourhood that is not known yet gets its local code now."""
        assert row.division is not None  # noqa: S101 - `_match` has refused rows without one
        if row.neighbourhood and not self._dry_run:
            row.division = self._gazetteer.ensure_neighbourhood(
                row.neighbourhood, row.division, actor=self._actor, at=self._at
            )
        return row.division.code

    def _new_code(self, row: StationRow) -> str:
        """The row's own code if it belongs to its district, else the district's next number."""
        assert row.division is not None  # noqa: S101 - as above
        district = row.division.district_code
        letters = self._letters.get(district, "XX")
        own = read_code(row.code)
        if own is not None and own.letters == letters:
            self._numbered[district] = max(self._numbered.get(district, 0), own.number)
            return row.code
        number = self._numbered.get(district, 0) + 1
        # A code in the list may be on a door already, so no other row gets it.
        while (code := numbered(letters, number)) in self._known.by_code or code in self._brought:
            number += 1
        self._numbered[district] = number
        return code

    def _not_published(self, row: StationRow) -> None:
        self._hold(
            row, "not_published", Severity.NOTICE,
            _("It is not shown to couriers yet: address, directions or a position are missing."),
            _("Give one of them and import again."), column="status",
        )  # fmt: skip

    def _doubt_undated(self, row: StationRow, stored: Point | None) -> None:
        if row.undated is None:
            return
        if stored is not None and _is_said_by(row.undated, stored):
            return
        column = "position" if "position" in row.columns else "latitude"
        self._hold(
            row, "datum_missing", Severity.NOTICE,
            _("The position is not taken, since nothing says its datum; a wrong one leads 600 m astray."),
            _("In the column 处理 write wgs84, gcj02 (高德、腾讯) or bd09 (百度), or add a column 坐标系."),
            subject=f"datum:{row.subject}", column=column, value=f"{row.undated.latitude}, {row.undated.longitude}",
        )  # fmt: skip

    # Updating

    def _update(
        self, matched: list[tuple[StationRow, KnownStation]], batch: _Batch, outcomes: Counter[Outcome]
    ) -> None:
        stored = load_stored([known.id for _row, known in matched if known.id > 0], lock=not self._dry_run)
        periods = load_periods(
            known.id for row, known in matched if known.id in stored and _says_other_hours(row, stored[known.id])
        )
        bound = registering.bound_elsewhere({
            known.id: row.division.district_code
            for row, known in matched
            if row.division is not None
            and known.id in stored
            and not stored[known.id].facts["division_id"].startswith(row.division.district_code)
        })  # fmt: skip
        for row, known in matched:
            station = stored.get(known.id)
            if known.id in bound:
                self._hold(
                    row,
                    "bound",
                    Severity.REFUSAL,
                    str(StationBound.title),
                    str(StationBound.way_out),
                    column="district",
                )
                outcomes[Outcome.REFUSED] += 1
                self._plan(row, Outcome.REFUSED, {})
                continue
            if station is None:
                # Planned by this run: another row of the list was joined to it.
                changed = self._add_name(row, known, batch)
                outcome = Outcome.UPDATED if changed else Outcome.UNCHANGED
                outcomes[outcome] += 1
                self._plan(row, outcome, {"aliases": (None, [row.name])} if changed else {})
                continue
            changes = self._compare(row, known, station, periods.get(station.id, {}), batch)
            outcome = Outcome.UPDATED if changes else Outcome.UNCHANGED
            outcomes[outcome] += 1
            if any(finding.code == "joined" for finding in row.findings):
                # The report is the same whether or not the other row's station is written already.
                self._plan(row, outcome, {"aliases": (None, [row.name])} if changes else {})
            else:
                self._plan(row, outcome, changes, code=station.code)

    def _add_name(self, row: StationRow, known: KnownStation, batch: _Batch) -> bool:
        """Give a station that is not written yet one more name; return whether it is new."""
        if name_key(row.name) in known.name_keys:
            return False
        for new in batch.created:
            if new.known is known:
                new.facts["aliases"] = [*new.facts.get("aliases", ()), row.name]
        self._known.change(known, name_keys=(*known.name_keys, name_key(row.name)))
        return True

    def _compare(
        self,
        row: StationRow,
        known: KnownStation,
        station: StoredStation,
        periods: Mapping[int, Period],
        batch: _Batch,
    ) -> dict[str, tuple[Any, Any]]:
        """Note what the row changes about the station, and return it: (before, after) by fact."""
        changes = self._changed_facts(row, station.facts)
        parts = self._changed_parts(row, station, periods, batch, changes)
        said = {_FACTS.get(name, name): (station.facts[name], value) for name, value in changes.items()} | parts
        if not said:
            return {}
        batch.changes.setdefault(station.id, {}).update(changes)
        changed = {name: {"before": before, "after": after} for name, (before, after) in said.items()}
        data = {"changed": changed, "source": self._source, "row": row.number}
        batch.audits.append((station.code, data))
        # A later row may add its name to the same station.
        stood_at, facts = _point(station.facts), station.facts | changes
        station.facts = facts
        if confirming.is_elsewhere(stood_at, _point(facts)):
            batch.moved.append(station.id)
        self._known.change(
            known,
            name=facts["name"],
            division=facts["division_id"],
            name_keys=tuple(dict.fromkeys(map(name_key, (facts["name"], *facts["aliases"])))),
            latitude=facts["latitude"],
            longitude=facts["longitude"],
            is_closed=facts["status"] == Station.Status.CLOSED,
        )
        return said

    def _changed_facts(self, row: StationRow, stored: dict[str, Any]) -> dict[str, Any]:
        changes = {name: value for name, value in row.facts.items() if stored[name] != value}
        aliases = list(stored["aliases"])
        keys = set(map(name_key, (stored["name"], *aliases)))
        if row.code == stored["code"] and row.name and row.name != stored["name"]:
            changes["name"] = row.name
            if name_key(row.name) != name_key(stored["name"]):
                aliases.append(stored["name"])  # couriers may still look for it by its former name
        # What the export wrote means what it was written from, even if a name contains a comma.
        is_as_stored = row.lists.get("aliases") == "、".join(aliases)
        for name in [name for name in row.aliases if name == row.name] if is_as_stored else row.aliases:
            if name_key(name) not in keys and name_key(name) != name_key(
                row.name if "name" in changes else stored["name"]
            ):
                aliases.append(name)
                keys.add(name_key(name))
        aliases = [name for name in dict.fromkeys(aliases) if name != changes.get("name", stored["name"])]
        if aliases != stored["aliases"]:
            changes["aliases"] = aliases
        if row.division is not None:
            division = self._division(row)
            is_new = self._dry_run and bool(row.neighbourhood)
            if is_new or not stored["division_id"].startswith(division):
                changes["division_id"] = division
        if row.zone is not None and stored["zone_id"] != row.zone.code:
            changes["zone_id"] = row.zone.code
        if row.amenities_text is not None and row.amenities_text != stored["amenities_text"]:
            changes["amenities_text"] = row.amenities_text
        self._changed_position(row, stored, changes)
        self._changed_status(row, stored, changes)
        return changes

    def _changed_position(self, row: StationRow, stored: dict[str, Any], changes: dict[str, Any]) -> None:
        here = _point(stored)
        self._doubt_undated(row, here)
        if row.doubted is not None and here is not None and _is_said_by(row.doubted, here):
            # Somebody has confirmed this position already.
            row.findings = [finding for finding in row.findings if finding.code != "position_outside_district"]
        if row.position is not None and (here is None or distance_m(row.position, here) > _SAME_POSITION_M):
            changes |= {
                "latitude": row.position.latitude, "longitude": row.position.longitude, "entered_crs": str(row.crs),
            }  # fmt: skip

    def _changed_status(self, row: StationRow, stored: dict[str, Any], changes: dict[str, Any]) -> None:
        status = changes.get("status")
        if status is None:
            self._say_shut(row, stored)
            return
        if status == Station.Status.PUBLISHED:
            has_way = changes.get("address") or changes.get("directions") or "latitude" in changes
            if not (has_way or stored["address"] or stored["directions"] or stored["latitude"] is not None):
                self._not_published(row)
                del changes["status"]
                return
        if status in publishing.SHUT:
            if not row.facts.get("status_reason"):
                changes["status_reason"] = _("as the district's list says")
        elif stored["status_reason"] and not row.facts.get("status_reason"):
            changes["status_reason"] = ""

    def _say_shut(self, row: StationRow, stored: dict[str, Any]) -> None:
        """A list that names a station means that it is there; whether couriers are sent there, only its status says."""
        if stored["status"] not in publishing.SHUT or "status" in row.facts or not row.facts:
            return
        shut = Station.Status(stored["status"]).label
        self._hold(
            row, "still_shut", Severity.NOTICE,
            _("In the register this station is “{status}” ({reason}), and so it stays.").format(
                status=shut, reason=stored["status_reason"]
            ),
            _("If it is in use again, publish it on its page, or write 启用 in a column 状态."),
        )  # fmt: skip

    def _changed_parts(
        self,
        row: StationRow,
        station: StoredStation,
        periods: Mapping[int, Period],
        batch: _Batch,
        changes: dict[str, Any],
    ) -> dict[str, tuple[Any, Any]]:
        """(before, after) of the parts that change; the changes to make are added to `batch`."""
        changed: dict[str, tuple[Any, Any]] = {}
        has = station.amenities
        wanted = self._wanted_amenities(row, has)
        if wanted != has:
            batch.amenities_removed += [(station.id, code) for code in sorted(has - wanted)]
            batch.amenities_added += [(station.id, code) for code in sorted(wanted - has)]
            changed["amenities"] = (sorted(has), sorted(wanted))
        for role, names in row.organisations.items():
            current = {pk: name for pk, of_role, name in station.organisations if of_role == role}
            if sorted(current.values()) != sorted(names) and row.lists.get(role) != "、".join(sorted(current.values())):
                batch.organisations_removed += current
                batch.organisations_added += [(station.id, role, name) for name in names]
                changed[role] = (sorted(current.values()), sorted(names))
        if (
            _says_other_hours(row, station)
            and (hours := self._changed_hours(row, station, periods, batch, changes)) is not None
        ):
            changed["hours"] = hours
        return changed

    def _wanted_amenities(self, row: StationRow, has: set[str]) -> set[str]:
        """What the station will have: a filled column lists all of its kind, a blank one leaves its kind as it is."""
        wanted = set(has)
        if row.amenities is not None or row.services is not None:
            said = (row.amenities or frozenset()) | (row.services or frozenset())
            replaced = {
                kind for kind, column in ((Amenity.Kind.EQUIPMENT, row.amenities), (Amenity.Kind.SERVICE, row.services))
                if column is not None
            }  # fmt: skip
            wanted = {code for code in has if self._amenity_kinds.get(code) not in replaced} | said
        for code, is_there in row.marks.items():
            wanted = wanted | {code} if is_there else wanted - {code}
        return wanted

    @staticmethod
    def _changed_hours(
        row: StationRow,
        station: StoredStation,
        stored: Mapping[int, Period],
        batch: _Batch,
        changes: dict[str, Any],
    ) -> tuple[str, str] | None:
        hours_text = station.facts["hours_text"]
        if row.periods is None:
            if row.hours_text and row.hours_text != hours_text:
                changes["hours_text"] = row.hours_text
            elif row.hours_text and any(period.spans for period in stored.values()):
                # Somebody has read this prose already and entered the times.
                row.findings = [finding for finding in row.findings if finding.code != "hours_unread"]
            return None
        # The usual hours alone say nothing about the summer's.
        only_usual = all(_is_usual(period) for period in row.periods)
        replaced = {pk: period for pk, period in stored.items() if not only_usual or _is_usual(period)}
        before = tuple(replaced.values())
        if _said(before) == _said(row.periods):
            return None
        batch.periods_removed += list(replaced)
        batch.periods_added[station.id] = row.periods
        if (row.hours_text or "") != hours_text:
            changes["hours_text"] = row.hours_text or ""
        return _words(before), _words(row.periods)

    # Writing

    def _write(self, batch: _Batch) -> None:
        self._write_created(batch)
        update(batch.changes)
        self._write_parts(batch)
        if batch.audits:
            audit.record_many(
                "station.changed",
                subjects=[(("station", code), data) for code, data in batch.audits],
                actor=self._actor,
                at=self._at,
            )
        shut = [pk for pk, facts in batch.changes.items() if facts.get("status") in publishing.SHUT]
        publishing.take_links_back(shut, actor=self._actor, at=self._at)
        confirming.leave_door(batch.moved, actor=self._actor, at=self._at)
        publishing.refresh(batch.changes, now=self._at)

    def _write_created(self, batch: _Batch) -> None:
        """Copy the new stations in, with what is derived from them."""
        if not batch.created:
            return
        derivation = publishing.Derivation(
            now=self._at, divisions={str(new.facts["division_id"]) for new in batch.created}
        )
        stamp = change_times.stamp()
        lines = []
        audits: list[tuple[tuple[str, str], dict[str, Any]]] = []
        for pk, new in zip(new_ids("stations_station", len(batch.created)), batch.created, strict=True):
            self._known.number(new.known, pk)
            row, facts, code = new.row, new.facts, new.known.code
            wanted = sorted(self._wanted_amenities(row, set()))
            batch.amenities_added += [(pk, amenity) for amenity in wanted]
            batch.organisations_added += [
                (pk, role, name) for role, names in row.organisations.items() for name in names
            ]
            if row.periods:
                batch.periods_added[pk] = row.periods
            derived = derivation.derive(
                code=code,
                names=[row.name, *facts.get("aliases", ())],
                tier=facts.get("tier"),
                division=facts["division_id"],
                zone=facts.get("zone_id"),
                address=facts.get("address", ""),
                amenities=wanted,
                schedule=Schedule(row.periods or ()),
            )
            lines.append(new_station_line(pk, code, facts, derived, at=self._at, stamp=stamp))
            said = {"source": self._source, "row": row.number, **self._all_said(row, facts)}
            audits.append((("station", code), {name: value for name, value in said.items() if value != ""}))
        copy_lines("stations_station", NEW_STATION_COLUMNS, lines)
        audit.record_many("station.registered", subjects=audits, actor=self._actor, at=self._at)
        districts = {new.known.district for new in batch.created}
        with connection.cursor() as cursor:
            for district in sorted(districts):
                cursor.execute(
                    "UPDATE stations_division SET stations_numbered = GREATEST(stations_numbered, %s) WHERE code = %s",
                    [self._numbered[district], district],
                )

    @staticmethod
    def _write_parts(batch: _Batch) -> None:
        with connection.cursor() as cursor:
            if batch.amenities_removed:
                cursor.execute(
                    "DELETE FROM stations_stationamenity has USING unnest(%s::bigint[], %s::varchar[]) gone (station_id, amenity_id)"
                    " WHERE has.station_id = gone.station_id AND has.amenity_id = gone.amenity_id",
                    [list(column) for column in zip(*batch.amenities_removed, strict=True)],
                )
        StationOrganisation.objects.filter(pk__in=batch.organisations_removed).delete()
        if batch.periods_removed:
            HoursPeriod.objects.filter(pk__in=batch.periods_removed).delete()
        copy_in("stations_stationamenity", ("station_id", "amenity_id"), batch.amenities_added)
        copy_in("stations_stationorganisation", ("station_id", "role", "name"), batch.organisations_added)
        write_hours(batch.periods_added)


def _label(station: KnownStation) -> str:
    """The station in words. A code that only a trial assigned is not shown: it must not end up on a door."""
    if not station.is_trial or station.row is None:
        closed = f" ({Station.Status.CLOSED.label})" if station.is_closed else ""
        return f"{station.code} {station.name}{closed}"
    row = row_words(station.row.sheet, station.row.number)
    return _("{name} (new, {row})").format(name=station.name, row=row)


def _point(facts: Mapping[str, Any]) -> Point | None:
    """The position among a station's columns."""
    return None if facts["latitude"] is None else Point(facts["latitude"], facts["longitude"])


def _is_said_by(numbers: Point, stored: Point) -> bool:
    """Whether the numbers, in one of the three datums, name the stored position."""
    return any(distance_m(to_wgs84(numbers, crs), stored) <= _SAME_UNDATED_M for crs in Crs)


@lru_cache(maxsize=5_000)
def _said(periods: tuple[Period, ...]) -> str:
    """The hours in the form in which they are compared."""
    return format_osm(periods)


@lru_cache(maxsize=5_000)
def _words(periods: tuple[Period, ...]) -> str:
    """The hours as an office writes them, for the trail."""
    return format_zh(periods)


def _says_other_hours(row: StationRow, station: StoredStation) -> bool:
    """Whether the row has hours that differ from the stored ones."""
    if row.periods is None:
        return bool(row.hours_text)
    return bool(_said(row.periods) != station.facts["hours_osm"])


def _is_usual(period: Period) -> bool:
    return period.valid_from is None and period.valid_through is None
