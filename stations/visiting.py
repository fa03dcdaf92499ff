"""核实链接: making a one-time link to a station, taking the one report it carries, and deciding on it.

A report changes nothing by itself. Staff accept it as a whole or in part, and what they take goes through the verbs that
every change of a station goes through, in their name. Locks: VisitReport, then Station, then VisitLink.
"""

import hashlib
import io
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import InvalidValue, NotFound
from core.images import CleanPhoto, clean_photo
from core.models import AuditEvent, User
from stations import access, confirming, photos, publishing, registering
from stations.errors import (
    ReasonMissing,
    StationChangedMeanwhile,
    StationClosed,
    VisitLinkClosed,
    VisitReportDecided,
)
from stations.geo import Crs, Point, distance_m
from stations.hours import Period
from stations.hours_text import format_zh, parse_hours
from stations.models import Duty, Station, StationAmenity, VisitLink, VisitReport
from stations.models.visits import LINK_AGE
from stations.registering import StationFacts

__all__ = [
    "DUTIES",
    "Answers",
    "Fact",
    "Proposals",
    "accept",
    "issue",
    "link_of",
    "proposals",
    "purge_links",
    "purge_reports",
    "refuse",
    "report",
    "revoke",
]

DUTIES = (Duty.MANAGE, Duty.REVIEW)
FOLDER = "visits"
# How long reports are kept: refused ones, which say least, 90 days; accepted ones, and those nobody ever decided on, a
# year.
REFUSED_KEPT_FOR = timedelta(days=90)
REPORT_KEPT_FOR = timedelta(days=365)
UNUSED_LINK_KEPT_FOR = timedelta(days=90)
# A phone tells one metre from the next by chance.
SAME_PLACE_M = 1.0


class Fact(StrEnum):
    """What a report may propose. Staff take each by itself."""

    OUTCOME = "outcome"
    POSITION = "position"
    PHOTO = "photo"
    HOURS = "hours"
    AMENITIES = "amenities"


# ── The link ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def issue(*, station: Station, actor: User, at: datetime, age: timedelta = LINK_AGE) -> tuple[VisitLink, str]:
    """A new link for `station`, and its token (144 bits), which cannot be obtained again.

    Raises: StationClosed, what `access.require` does.
    Locks: Station, so that closing it revokes every existing link, and none is made afterwards.
    """
    station = Station.objects.select_for_update().get(pk=station.pk)
    access.require(actor, *DUTIES, stations=[station])
    if station.status == Station.Status.CLOSED:
        raise StationClosed
    token = secrets.token_urlsafe(18)
    link = VisitLink.objects.create(
        station=station, token_digest=_digest(token), made_by=actor, made_at=at, expires_at=at + age
    )
    audit.record("visit.link-made", subject=("station", station.code), actor=actor, at=at, data={"link": str(link.pk)})
    return link, token


def link_of(token: str) -> VisitLink:
    """The link with this token, whatever has become of it.   Raises: NotFound."""
    link = VisitLink.objects.select_related("station__division").filter(token_digest=_digest(token)).first()
    if link is None:
        raise NotFound(_("The link is broken or cut off. Open it in the chat again, whole."))
    return link


@transaction.atomic
def revoke(*, link: VisitLink, actor: User, at: datetime) -> VisitLink:
    """Revoke the link, so that it takes no report; a link that was used or revoked already stays as it is.

    Raises: what `access.require` does.   Locks: VisitLink.
    """
    link = VisitLink.objects.select_for_update(of=("self",)).select_related("station").get(pk=link.pk)
    access.require(actor, *DUTIES, stations=[link.station])
    if link.used_at is None and link.revoked_at is None:
        link.revoked_at = at
        link.save(update_fields=["revoked_at"])
        audit.record(
            "visit.link-revoked",
            subject=("station", link.station.code),
            actor=actor,
            at=at,
            data={"link": str(link.pk)},
        )
    return link


# ── The report ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Answers:
    """What somebody at the door says; what is left out proposes nothing. `position` is WGS-84, given in `crs`."""

    outcome: str
    position: Point | None = None
    crs: Crs = Crs.WGS84
    accuracy_m: int | None = None
    hours_text: str = ""
    amenities: Collection[str] | None = None  # codes, all that are there
    note: str = ""
    photos: Sequence[CleanPhoto] = ()


@transaction.atomic
def report(*, link: VisitLink, answers: Answers, witness: str, at: datetime) -> VisitReport:
    """Take the one report of the link, from a device (`confirming.witness_at`).

    Raises: VisitLinkClosed with the state of the link.   Locks: VisitLink.
    """
    if not _claim(link, at=at):
        link.refresh_from_db()
        raise VisitLinkClosed(state=str(link.state_at(at)))
    station = Station.objects.only("code", "version").get(pk=link.station_id)
    names: list[str] = []
    try:
        for photo in answers.photos:
            # One by one, so that we know which were stored if the next one fails.
            names.append(default_storage.save(f"{FOLDER}/{photo.name}", ContentFile(photo.content)))  # noqa: PERF401
        position = answers.position
        sent = VisitReport.objects.create(
            link=link,
            station_version=station.version,
            outcome=answers.outcome,
            latitude=None if position is None else round(position.latitude, 7),
            longitude=None if position is None else round(position.longitude, 7),
            entered_crs="" if position is None else str(answers.crs),
            accuracy_m=None if position is None else answers.accuracy_m,
            hours_text=answers.hours_text,
            amenities=None if answers.amenities is None else sorted(answers.amenities),
            note=answers.note,
            photos=names,
            witness=witness,
            sent_at=at,
        )
        audit.record(
            "visit.reported",
            subject=("station", station.code),
            actor="visitor",
            at=at,
            data={"link": str(link.pk), "outcome": answers.outcome},
        )
    except BaseException:
        _remove(names)
        raise
    return sent


def _claim(link: VisitLink, *, at: datetime) -> bool:
    """Use the link up; return whether this call was the one that did. Of two at once the second waits here and finds it
    used.
    """
    return VisitLink.objects.filter(pk=link.pk).open_at(at).update(used_at=at) == 1


def _remove(names: Sequence[str]) -> None:
    for name in names:
        default_storage.delete(name)


# ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Proposals:
    """What a report would change in its station as the station is now.

    `moved_m` is the distance from the registered position, None where there is none. `periods` are all that would hold
    afterwards; hours that cannot be read as times become `hours_text`, as they were written.
    """

    position: Point | None = None
    moved_m: float | None = None
    photos: tuple[str, ...] = ()
    periods_before: tuple[Period, ...] = ()
    periods: tuple[Period, ...] | None = None
    hours_text: str | None = None
    amenities_before: frozenset[str] = field(default_factory=frozenset)
    amenities: frozenset[str] | None = None

    @property
    def facts(self) -> list[Fact]:
        """What there is to take. What was found is always there: it is the proof itself."""
        is_there = {
            Fact.OUTCOME: True,
            Fact.POSITION: self.position is not None,
            Fact.PHOTO: bool(self.photos),
            Fact.HOURS: self.periods is not None or self.hours_text is not None,
            Fact.AMENITIES: self.amenities is not None,
        }
        return [fact for fact in Fact if is_there[fact]]


def proposals(report: VisitReport) -> Proposals:
    """What `report` would change now; what is already so is not a proposal."""
    station = report.station
    before = publishing.schedules([station.pk])[station.pk].periods
    periods, hours_text = _proposed_hours(report.hours_text, before, station)
    position, moved_m = report.position, None
    if position is not None and station.latitude is not None and station.longitude is not None:
        moved_m = distance_m(Point(station.latitude, station.longitude), position)
        if moved_m < SAME_PLACE_M:
            position = None
    has = frozenset(StationAmenity.objects.filter(station=station).values_list("amenity_id", flat=True))
    seen = None if report.amenities is None else _as_of_now(frozenset(report.amenities), has, report=report)
    return Proposals(
        position=position,
        moved_m=moved_m,
        photos=tuple(report.photos),
        periods_before=before,
        periods=periods,
        hours_text=hours_text,
        amenities_before=has,
        amenities=None if seen is None or seen == has else seen,
    )


def _as_of_now(seen: frozenset[str], has: frozenset[str], *, report: VisitReport) -> frozenset[str]:
    """What `seen` at the door makes of what the station `has` now. Whoever was there spoke of what was registered then:
    what was added or removed since is not among what he found new or missing.
    """
    # The trail has every change, so the first one since then says what was registered before it.
    changes = AuditEvent.objects.filter(
        subject_type="station", subject_code=report.station.code, occurred_at__gt=report.sent_at,
        data__changed__has_key="amenities",
    )  # fmt: skip
    first = changes.order_by("pk").first() if report.station_version != report.station.version else None
    then = has if first is None else frozenset(first.data["changed"]["amenities"]["before"])
    return (has | (seen - then)) - (then - seen)


def _proposed_hours(
    text: str, before: tuple[Period, ...], station: Station
) -> tuple[tuple[Period, ...] | None, str | None]:
    """The periods that would apply, or the words if no times can be read; neither if nothing would change."""
    if not text:
        return None, None
    read = parse_hours(text)
    if not read.is_read:
        return None, text if text != station.hours_text else None
    # The hours on the door are the usual ones. Seasons stay, unless the text gives seasons of its own.
    seasons = () if any(map(_is_dated, read.periods)) else tuple(filter(_is_dated, before))
    periods = (*read.periods, *seasons)
    return (None if format_zh(periods) == format_zh(before) else periods), None


def _is_dated(period: Period) -> bool:
    return bool(period.valid_from or period.valid_through)


@transaction.atomic
def accept(
    *,
    report: VisitReport,
    facts: Collection[str],
    photo: str = "",
    version: int | None = None,
    actor: User,
    at: datetime,
) -> VisitReport:
    """Put those of the proposals that `facts` name into the station. `photo` is the chosen one, the first by default.

    With `version` (of the station, as the clerk saw it) a change made meanwhile is shown before anything is taken. What was
    found counts from the moment it was sent, unless somebody has found otherwise since.
    Raises: VisitReportDecided, StationChangedMeanwhile, InvalidValue, what `registering.amend` does.
    Locks: VisitReport, then Station.
    """
    report, station = _to_decide(report, actor=actor)
    if version is not None and version != station.version:
        raise StationChangedMeanwhile(version=station.version)
    proposed = proposals(report)
    taken = [fact for fact in proposed.facts if fact in facts]
    if not taken:
        raise InvalidValue("take", _("Choose at least one thing to accept, or refuse the report."))
    if Fact.PHOTO in taken and photo and photo not in report.photos:
        raise InvalidValue("photo", _("Choose one of the photos."), value=photo)
    changes = StationFacts()
    if Fact.POSITION in taken:
        changes |= {"latitude": report.latitude, "longitude": report.longitude, "entered_crs": report.entered_crs}
    if Fact.AMENITIES in taken and proposed.amenities is not None:
        changes["amenities"] = proposed.amenities
    periods = proposed.periods if Fact.HOURS in taken else None
    if Fact.HOURS in taken:
        changes["hours_text"] = proposed.hours_text or ""
    if changes:
        station = registering.amend(station=station, facts=changes, periods=periods, duties=DUTIES, actor=actor, at=at)
    if Fact.OUTCOME in taken and _is_news(station, report):
        confirming.confirm(station=station, outcome=report.outcome, actor=actor, at=report.sent_at)
    if Fact.PHOTO in taken:
        chosen = _read(photo or report.photos[0])
        station = photos.store(station=station, photo=chosen, duties=DUTIES, actor=actor, at=at)
    state = VisitReport.State.ACCEPTED if taken == proposed.facts else VisitReport.State.PARTLY
    data = {str(fact): "taken" if fact in taken else "left" for fact in proposed.facts}
    return _decided(report, state, kind="visit.accepted", data=data, actor=actor, at=at)


@transaction.atomic
def refuse(*, report: VisitReport, reason: str, actor: User, at: datetime) -> VisitReport:
    """Take nothing of the report. The reason is shown to the phone that sent it.

    Raises: VisitReportDecided, ReasonMissing, what `access.require` does.   Locks: VisitReport, then Station.
    """
    report, _station = _to_decide(report, actor=actor)
    if not reason.strip():
        raise ReasonMissing
    report.reason = reason.strip()
    return _decided(
        report, VisitReport.State.REFUSED, kind="visit.refused", data={"reason": report.reason}, actor=actor, at=at
    )


def _to_decide(report: VisitReport, *, actor: User) -> tuple[VisitReport, Station]:
    """The report and its station as they are now, locked."""
    report = VisitReport.objects.select_for_update().get(pk=report.pk)
    station = Station.objects.select_for_update().get(pk=report.link.station_id)
    report.link.station = station
    access.require(actor, *DUTIES, stations=[station])
    if not report.is_waiting:
        raise VisitReportDecided(state=report.state)
    return report, station


def _is_news(station: Station, report: VisitReport) -> bool:
    """Whether nothing was proved at the station since the report was sent."""
    return all(at is None or at <= report.sent_at for at in (station.confirmed_at, station.doubted_at))


def _read(name: str) -> CleanPhoto:
    """The photo, redrawn under a name of its own.   Raises: InvalidValue if its file is lost."""
    try:
        with default_storage.open(name) as file:
            return clean_photo(io.BytesIO(file.read()))
    except FileNotFoundError as error:  # the row was restored from a backup without its files
        raise InvalidValue("photo", _("The file of this photo is lost. Accept the rest without it.")) from error


def _decided(
    report: VisitReport,
    state: VisitReport.State,
    *,
    kind: str,
    data: dict[str, Any],
    actor: User,
    at: datetime,
) -> VisitReport:
    names, report.photos = list(report.photos), []
    report.state, report.decided_by, report.decided_at = state, actor, at
    report.save(update_fields=["photos", "state", "decided_by", "decided_at", "reason"])
    audit.record(kind, subject=("station", report.station.code), actor=actor, at=at, data=data)
    # Only once the decision is committed. An accepted photo lives on as the station's own.
    transaction.on_commit(lambda: _remove(names))
    return report


# ── What is kept no longer ──────────────────────────────────────────────────────────────────────────────────────────


def purge_links(*, now: datetime, dry_run: bool = False) -> int:
    """Forget links that were never used, 90 days after their time; answer how many. The worker's job."""
    unused = VisitLink.objects.filter(used_at=None, expires_at__lte=now - UNUSED_LINK_KEPT_FOR)
    return unused.count() if dry_run else unused.delete()[0]


@transaction.atomic
def purge_reports(*, now: datetime, dry_run: bool = False) -> int:
    """Forget old reports with their links and their photos; answer how many reports. The worker's job.

    Locks: VisitReport, skipping those that somebody decides on at this moment.
    """
    state = VisitReport.State
    old = VisitReport.objects.filter(
        Q(state=state.REFUSED, decided_at__lte=now - REFUSED_KEPT_FOR)
        | Q(state__in=[state.ACCEPTED, state.PARTLY], decided_at__lte=now - REPORT_KEPT_FOR)
        | Q(state=state.SENT, sent_at__lte=now - REPORT_KEPT_FOR)
    )
    if dry_run:
        return old.count()
    going = list(old.select_for_update(skip_locked=True).order_by("pk").only("pk", "link_id", "photos"))
    names = [name for report in going for name in report.photos]
    # A report is deleted with its link: without the report the link would say "used", and nobody could tell by what.
    VisitLink.objects.filter(pk__in=[report.link_id for report in going]).delete()
    transaction.on_commit(lambda: _remove(names))
    return len(going)
