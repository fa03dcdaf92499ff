"""Bringing a list of couriers into the database, as offices and brands keep it.

The list is taken in batches, each one transaction: a kill at any row loses at most the batch in hand, and running the
import again finishes it, since couriers who are registered already are found by their phone and nothing changes. Nobody has
met the couriers of a list, so they are 待核实; the list, or whoever brings it, says that they agreed on paper, or they are
refused.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import BinaryIO

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from couriers import consents, duties, registration, sealing
from couriers.errors import PhoneTaken
from couriers.importing.columns import KEYS, REPEATABLE
from couriers.importing.reports import CourierReport
from couriers.importing.rows import KIND_MISSING, CourierRow, Kept, RowReader, Said, masked_text, name_key
from couriers.models import Company, Consent, Courier
from couriers.registration import Agreement, Newcomer, Work
from stations import access
from stations.importing import Decisions, FileHasNoHeadings, Outcome, Severity
from stations.importing.findings import row_words
from stations.importing.headings import HEADING_SEARCH_ROWS, Layout, find_headings
from stations.importing.sheets import Sheet, read_sheets
from stations.models import Division

__all__ = ["BATCH_ROWS", "Batch", "Progress", "Watch", "import_couriers"]

BATCH_ROWS = 500
# If somebody registers one of the numbers between the check and the writing, the batch checks again.
_TRIES = 5
# Which side is right if the list and a profile name different work.
_FOLLOWS, _STAYS = re.compile(r"名单|\blist\b", re.IGNORECASE), re.compile(r"不变|\bkeep\b", re.IGNORECASE)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Batch:
    """What is done with one batch, and what has been done since the first row."""

    outcomes: Counter[Outcome]
    rows: Sequence[tuple[CourierRow, Outcome]]


# Called for each batch inside its transaction, so that what it writes is committed or rolled back with the batch.
Watch = Callable[[Batch], None]


def import_couriers(
    file: BinaryIO,
    *,
    source: str,
    actor: User | str,
    at: datetime,
    division: str = "",
    agreed_on_paper: bool = False,
    kind: str = "",
    change_work: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    watch: Watch | None = None,
    decisions: Decisions | None = None,
    encoding: str = "",
) -> CourierReport:
    """Import the couriers of `file` (xlsx, xls, ods, CSV), named `source` in the trail.

    `division` is the code of the only district that may be written, and the default for rows that name none; without it the
    whole city. `agreed_on_paper` says that all of them have read the notice and signed it, `kind` is the default for
    couriers whose kind the list does not give, and `change_work` says that the list is right if a profile names another
    brand or kind. `decisions` are the answers to what was in doubt before. `progress` is told (rows done, rows in the file)
    after each batch is committed.
    Raises: FileUnreadable and its kinds; InvalidValue for a division that is no district; what `access.require` does.
    Locks: of a batch its districts in the order of their codes, then its couriers by key, then the numbers that are new.
    """
    within = division or access.CITY_CODE
    access.require(actor, *duties.AT_DESK, divisions=[within])
    default = Division.objects.filter(pk=division, level=Division.Level.DISTRICT).first() if division else None
    if default is None and within != access.CITY_CODE:
        raise InvalidValue("division", _("Give the code of a district, such as 420106."), value=division)
    if kind and kind not in Courier.Kind.values:
        raise InvalidValue(
            "kind", _("Give one of: {choices}.").format(choices=", ".join(Courier.Kind.values)), value=kind
        )
    source, report = masked_text(source), CourierReport(is_dry_run=dry_run)
    sheets = _read_layouts(read_sheets(file, encoding=encoding), report)
    kept, said = Kept(within=within), Said(kind=kind, all_agreed=agreed_on_paper)
    answers = decisions or Decisions()

    def rows() -> Iterator[CourierRow]:
        for sheet, layout in sheets:
            reader = RowReader(
                layout, sheet=sheet.name, kept=kept, within=within, default=default, said=said, decisions=answers, at=at
            )
            for number, cells in sheet.rows():
                if number >= layout.first_row and (row := reader.read(number, cells)) is not None:
                    yield row

    importer = _Importer(
        report, _Repeated(rows()), actor=actor, at=at, within=within, change_work=change_work, watch=watch
    )
    done, total, waiting = 0, sum(sheet.row_count for sheet, _layout in sheets), rows()
    while batch := list(islice(waiting, BATCH_ROWS)):
        importer.take(batch)
        done += len(batch)
        if progress is not None:
            progress(done, max(total, done))
    if not dry_run:
        audit.record(
            "couriers.imported",
            subject=("division", within),
            actor=actor,
            at=at,
            data={"source": source, **{str(outcome): report.outcomes[outcome] for outcome in Outcome}},
        )
    return report


def _read_layouts(sheets: Sequence[Sheet], report: CourierReport) -> list[tuple[Sheet, Layout]]:
    """The sheets that are lists of couriers, with what their columns mean.   Raises: FileHasNoHeadings if none is."""
    found = []
    for sheet in sheets:
        head = list(islice(sheet.rows(), HEADING_SEARCH_ROWS))
        layout = find_headings(head, words=KEYS, main="phone", repeatable=REPEATABLE)
        if layout is None:
            continue
        found.append((sheet, layout))
        if layout.ignored or layout.personal:
            # Named by their place only: what is at the head of a list may be anything.
            columns = _(", ").join(
                masked_text(heading)[:20] for _index, heading in chain(layout.ignored, layout.personal)
            )
            report.notes.append(_("These columns are not read: {columns}.").format(columns=columns))
    if not found:
        raise FileHasNoHeadings(
            _(
                "The list needs a row of headings with at least 手机号, such as 姓名、手机号、类型、品牌. Take the template."
            )
        )
    return found


class _Repeated:
    """Phones that are in a list more than once: where first, and where first with another name or other work."""

    def __init__(self, rows: Iterable[CourierRow]) -> None:
        self._first: dict[str, tuple[str, int]] = {}
        self._said: dict[str, object] = {}
        self._otherwise: dict[str, tuple[str, int] | None] = {}
        for row in rows:
            if not row.phone:
                continue
            if row.phone not in self._first:
                self._first[row.phone], self._said[row.phone] = (row.sheet, row.number), row.said
            elif self._otherwise.get(row.phone) is None:
                is_same = self._said[row.phone] == row.said
                self._otherwise[row.phone] = None if is_same else (row.sheet, row.number)

    def mark(self, row: CourierRow) -> None:
        """Doubt the row if its phone is in another too: all such rows if they contradict each other, else all but the first."""
        if row.phone not in self._otherwise:
            return
        first, otherwise = self._first[row.phone], self._otherwise[row.phone]
        if first == (row.sheet, row.number):
            if otherwise is not None:
                row.find(
                    "phone", Severity.DOUBT, "phone_contradicts",
                    _("This phone is in {place} too, with another name or other work.").format(
                        place=_seen_from(row, otherwise)
                    ),
                    _("One number is one courier: correct the wrong row or take it out."),
                )  # fmt: skip
            return
        row.find(
            "phone", Severity.DOUBT, "phone_repeated",
            _("This phone is already in {place}.").format(place=_seen_from(row, first)),
            _("Take the row out.")
            if otherwise is None
            else _("One number is one courier: correct the wrong row or take it out."),
        )  # fmt: skip


def _seen_from(row: CourierRow, place: tuple[str, int]) -> str:
    """Another row of the list; its sheet is named where it is not this one's."""
    sheet, number = place
    return row_words(sheet if sheet != row.sheet else "", number)


class _Importer:
    """Takes batches of rows. Holds what all batches share."""

    def __init__(
        self,
        report: CourierReport,
        repeated: _Repeated,
        *,
        actor: User | str,
        at: datetime,
        within: str,
        change_work: bool,
        watch: Watch | None,
    ) -> None:
        self._report = report
        self._repeated = repeated
        self._actor = actor
        self._at = at
        self._within = within
        self._change_work = change_work
        self._watch = watch

    def take(self, rows: list[CourierRow]) -> None:
        """Write one batch, or find out what would be written.   Locks: districts by code, couriers by key, new numbers."""
        for row in rows:
            self._repeated.mark(row)
        before = [list(row.findings) for row in rows]
        for tries_left in reversed(range(_TRIES)):
            try:
                with transaction.atomic():
                    outcomes = self._take(rows)
                    if self._watch is not None:
                        so_far = self._report.outcomes + Counter(outcomes)
                        self._watch(Batch(so_far, list(zip(rows, outcomes, strict=True))))
                break
            except PhoneTaken:
                if not tries_left:
                    raise
                for row, findings in zip(rows, before, strict=True):
                    row.findings = list(findings)
        self._report.outcomes.update(outcomes)
        for row in rows:
            self._report.add(row.findings)

    def _take(self, rows: list[CourierRow]) -> list[Outcome]:
        """What becomes of each row.   Raises: PhoneTaken where somebody was registered meanwhile."""
        if not self._report.is_dry_run:
            codes = {str(row.district.pk) for row in rows if row.district is not None}
            list(Division.objects.select_for_update(no_key=True).filter(pk__in=codes).order_by("pk"))
        registered = self._registered(rows)
        outcomes, newcomers, moved = [], [], []
        for row in rows:
            courier = registered.get(row.phone)
            if courier is None and row.phone and row.consent_refused is not None:
                _refuse_without_consent(row, *row.consent_refused)
            if row.is_held:
                outcomes.append(Outcome.REFUSED)
            elif courier is None:
                newcomer = _newcomer(row)
                outcomes.append(Outcome.REFUSED if newcomer is None else Outcome.CREATED)
                if newcomer is not None:
                    newcomers.append(newcomer)
            else:
                work = self._work_of(row, courier)
                outcomes.append(
                    Outcome.REFUSED if row.is_held else Outcome.UNCHANGED if work is None else Outcome.UPDATED
                )
                if work is not None and not row.is_held:
                    moved.append((courier, work))
        if not self._report.is_dry_run:
            for courier, work in moved:
                registration.change_work(courier=courier, work=work, actor=self._actor, at=self._at)
            if newcomers:
                agreement = Agreement(consents.membership_notice(), Consent.Channel.PAPER)
                registration.register_listed(newcomers, agreement=agreement, actor=self._actor, at=self._at)
        return outcomes

    def _registered(self, rows: list[CourierRow]) -> dict[str, Courier]:
        """Who of the rows has a profile already, by phone."""
        by_index = {index: row.phone for row in rows if row.phone for index in sealing.indexes(row.phone)}
        found = Courier.objects.filter(phone_index__in=by_index).select_related("company", "outlet", "division")
        if not self._report.is_dry_run:
            found = found.select_for_update(no_key=True, of=("self",)).order_by("pk")
        return {by_index[str(courier.phone_index)]: courier for courier in found}

    def _work_of(self, row: CourierRow, courier: Courier) -> Work | None:
        """The work that the row gives to somebody who is registered; None if it changes nothing, or is in doubt."""
        if row.district is None or courier.division_id != row.district.pk:
            self._doubt_district(row, courier)
            return None
        if row.name and courier.name_sealed:
            known = sealing.opened(courier.name_sealed, column="name")
            if name_key(known) != name_key(row.name):
                row.find(
                    "name", Severity.DOUBT, "name_differs",
                    _("This phone is registered under another name."),
                    _("Correct the row. If the carrier gave the number out anew, register him at the district's office and say so there."),
                )  # fmt: skip
                return None
        brand: Company | None = row.brand or courier.company
        kind = row.kind if row.layout.value(row.cells, "kind") else courier.kind
        answer = row.answer(row.work_subject)
        if _STAYS.search(answer):
            return None
        if not self._change_work and not _FOLLOWS.search(answer):
            way_out = _(
                "Correct the row, or answer 以名单为准 or 保持不变. If the whole list is right, say so for all of it."
            )
            if courier.company is not None and brand != courier.company:
                row.find(
                    "company" if row.company else "outlet", Severity.DOUBT, "company_differs",
                    _("He is registered for another brand: {name}.").format(name=courier.company.name), way_out,
                    subject=row.work_subject,
                )  # fmt: skip
            if kind != courier.kind:
                row.find(
                    "kind", Severity.DOUBT, "kind_differs",
                    _("He is registered as another kind: {kind}.").format(kind=courier.get_kind_display()), way_out,
                    subject=row.work_subject,
                )  # fmt: skip
        outlet = row.outlet or (courier.outlet if brand == courier.company else None)
        is_same = (kind, brand, outlet) == (courier.kind, courier.company, courier.outlet)
        return None if is_same else Work(kind=kind, company=brand, outlet=outlet)

    def _doubt_district(self, row: CourierRow, courier: Courier) -> None:
        """Where a courier from another part of the town is registered is told to nobody outside that part."""
        if str(courier.division_id).startswith(self._within):
            row.find(
                "district", Severity.DOUBT, "district_differs",
                _("He is registered in another district: {name}.").format(name=courier.division.name),
                _("Take the row out: his points count in the whole city."),
            )  # fmt: skip
        else:
            row.find(
                "phone", Severity.DOUBT, "phone_registered",
                _("This phone is registered already."),
                _("Take the row out: a courier is registered once, and his points count in the whole city."),
            )  # fmt: skip


def _refuse_without_consent(row: CourierRow, column: str, reason: str | Promise) -> None:
    """No other question is asked about the row: whatever the answer, he would not be registered."""
    row.findings = [finding for finding in row.findings if not finding.subject]
    row.find(
        column, Severity.REFUSAL, "consent_missing", reason,
        _("Have him read the notice and sign it. Then write 是 or the date, or say that all of the list have signed."),
    )  # fmt: skip


def _newcomer(row: CourierRow) -> Newcomer | None:
    """The courier to be registered; None, with a finding, if something needed for that is missing."""
    if not row.kind:
        row.find(
            "kind", Severity.DOUBT, "kind_missing",
            _("Whether he rides for express or for food is not said."),
            _("Write 快递 or 外卖 in a column 类型, or say it for the whole list."),
            subject=KIND_MISSING,
        )  # fmt: skip
    if row.is_held or row.district is None or row.agreed_at is None:
        return None
    return Newcomer(
        phone=row.phone,
        name=row.name,
        work=Work(kind=row.kind, company=row.brand, outlet=row.outlet),
        district=row.district,
        agreed_at=row.agreed_at,
    )
