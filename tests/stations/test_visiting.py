"""核实链接: one link takes one report, and a report changes only what staff accept of it."""

import contextlib
import io
import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, connections, transaction
from PIL import Image

from core.errors import DomainError, InvalidValue, NotFound
from core.images import CleanPhoto, clean_photo
from core.models import AuditEvent, User
from stations import access, confirming, publishing, registering, visiting
from stations.access import DutyMissing
from stations.errors import ReasonMissing, StationChangedMeanwhile, StationClosed, VisitLinkClosed, VisitReportDecided
from stations.geo import Crs, Point
from stations.models import Confirmation, Division, HoursPeriod, Station, VisitLink, VisitReport
from stations.visiting import Answers, Fact
from tests.builders import NOON, make_amenity, make_district, make_staff, make_station, make_subdistrict

LATER = NOON + timedelta(minutes=10)
ALL = list(Fact)


def photo(colour: str = "orange") -> CleanPhoto:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "PNG")
    return clean_photo(io.BytesIO(out.getvalue()))


def answers(**changes: Any) -> Answers:
    """Whoever stands at the door 35 m to the north says that all is different."""
    said: dict[str, Any] = {
        "outcome": "entered",
        "position": Point(30.580415, 114.3402),
        "accuracy_m": 20,
        "hours_text": "每天9:00-21:00",
        "amenities": ["microwave"],
        "photos": [photo()],
    }
    return Answers(**said | changes)


def send(station: Station, by: User, *, at: datetime = NOON, **changes: Any) -> VisitReport:
    link, _token = visiting.issue(station=station, actor=by, at=at)
    return visiting.report(link=link, answers=answers(**changes), witness="w", at=at)


def files(settings: Any) -> list[str]:
    root = Path(settings.MEDIA_ROOT)
    return sorted(str(path.relative_to(root).parent) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def station(db: None) -> Station:  # noqa: ARG001
    make_amenity("microwave")
    return make_station(code="WH-WC-0001", amenities=["hot-water"])


@pytest.fixture
def clerk(station: Station) -> User:
    return make_staff("wuchang", scope=Division.objects.get(pk=station.district_code))


# ── The link ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_is_given_once_and_kept_as_a_digest(station: Station, clerk: User) -> None:
    link, token = visiting.issue(station=station, actor=clerk, at=NOON)
    assert visiting.link_of(token) == link
    assert link.expires_at == NOON + timedelta(days=7)
    row = VisitLink.objects.values().get()
    assert token not in str(row) + str(AuditEvent.objects.values().get())
    with pytest.raises(NotFound):
        visiting.link_of(token[:-1])


def test_a_link_takes_one_report(station: Station, clerk: User) -> None:
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    visiting.report(link=link, answers=answers(), witness="w", at=LATER)
    with pytest.raises(VisitLinkClosed) as refusal:
        visiting.report(link=link, answers=answers(), witness="v", at=LATER)
    assert refusal.value.data == {"state": "used"}
    assert VisitReport.objects.get().witness == "w"


@pytest.mark.parametrize("state", ["expired", "revoked"])
def test_an_old_link_or_one_taken_back_takes_none_and_leaves_no_file(
    station: Station, clerk: User, settings: Any, state: str
) -> None:
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    just_in_time = link.expires_at - timedelta(seconds=1)
    at = link.expires_at if state == "expired" else just_in_time
    if state == "revoked":
        for _tap in range(2):
            visiting.revoke(link=link, actor=clerk, at=LATER)
        assert AuditEvent.objects.filter(kind="visit.link-revoked").count() == 1
    with pytest.raises(VisitLinkClosed) as refusal:
        visiting.report(link=link, answers=answers(), witness="w", at=at)
    assert refusal.value.data == {"state": state}
    assert (files(settings), VisitReport.objects.exists()) == ([], False)
    other, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    assert visiting.report(link=other, answers=answers(), witness="w", at=just_in_time).is_waiting


def test_a_used_link_is_not_taken_back(station: Station, clerk: User) -> None:
    sent = send(station, clerk)
    assert visiting.revoke(link=sent.link, actor=clerk, at=LATER).revoked_at is None
    assert not AuditEvent.objects.filter(kind="visit.link-revoked").exists()


def test_files_of_a_report_that_could_not_be_written_go(station: Station, clerk: User, settings: Any) -> None:
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        visiting.report(link=link, answers=answers(outcome="burnt"), witness="w", at=LATER)
    assert files(settings) == []
    assert visiting.report(link=link, answers=answers(), witness="w", at=LATER).photos
    assert files(settings) == ["visits"]


@pytest.mark.parametrize(
    "row",
    [
        {"token_digest": "secret"},
        {"expires_at": NOON},
        {"used_at": LATER, "revoked_at": LATER},
    ],
)
def test_the_database_refuses_links_that_make_no_sense(station: Station, clerk: User, row: dict[str, Any]) -> None:
    sound = {"token_digest": "0" * 64, "made_at": NOON, "expires_at": LATER}
    with pytest.raises(IntegrityError), transaction.atomic():
        VisitLink.objects.create(station=station, made_by=clerk, **sound | row)
    assert VisitLink.objects.create(station=station, made_by=clerk, **sound).pk


@pytest.mark.parametrize(
    "row",
    [
        {"outcome": "burnt"},
        {"entered_crs": ""},
        {"longitude": None},
        {"photos": ["a", "b", "c", "d"]},
        {"state": "lost"},
        {"state": "accepted"},
        {"decided_at": NOON},
        {"state": "refused", "decided_at": NOON, "decided_by": "clerk", "reason": ""},
    ],
)
def test_the_database_refuses_reports_that_make_no_sense(station: Station, clerk: User, row: dict[str, Any]) -> None:
    sent = send(station, clerk)
    if "decided_by" in row:
        row = row | {"decided_by": clerk}
    with pytest.raises(IntegrityError), transaction.atomic():
        VisitReport.objects.filter(pk=sent.pk).update(**row)


# ── Two at once ─────────────────────────────────────────────────────────────────────────────────────────────────────

Claim = Callable[..., bool]


def race(monkeypatch: pytest.MonkeyPatch, *, claim: Claim | None = None, is_unique: bool = True) -> list[str]:
    """How two phones fare that send through one link at the same time."""
    station = make_station()
    link, _token = visiting.issue(station=station, actor=make_staff("root"), at=NOON)
    if claim is not None:
        monkeypatch.setattr(visiting, "_claim", claim)
    if not is_unique:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE stations_visitreport DROP CONSTRAINT stations_visitreport_link_id_key")
    start, fared = threading.Barrier(2), []

    def run(witness: str) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            visiting.report(link=link, answers=answers(), witness=witness, at=LATER)
            fared.append("sent")
        except (DomainError, IntegrityError) as refusal:
            fared.append(type(refusal).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[witness]) for witness in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(fared)


def naive_claim() -> Claim:
    """What `_claim` would be without its condition in the statement: both have looked before either writes."""
    looked = threading.Barrier(2)

    def claim(link: VisitLink, *, at: datetime) -> bool:
        is_open = VisitLink.objects.filter(pk=link.pk, used_at=None).exists()
        looked.wait(timeout=20)
        VisitLink.objects.filter(pk=link.pk).update(used_at=at)
        return is_open

    return claim


@pytest.mark.usefixtures("transactional_db")
def test_of_two_phones_at_once_one_is_heard(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    assert race(monkeypatch) == ["VisitLinkClosed", "sent"]
    assert (VisitReport.objects.count(), len(files(settings))) == (1, 1)


@pytest.mark.usefixtures("transactional_db")
def test_without_the_claim_the_database_still_refuses_the_second(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    assert race(monkeypatch, claim=naive_claim()) == ["IntegrityError", "sent"]
    assert (VisitReport.objects.count(), len(files(settings))) == (1, 1)


@pytest.mark.usefixtures("transactional_db")
def test_without_both_guards_both_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race(monkeypatch, claim=naive_claim(), is_unique=False) == ["sent", "sent"]


# ── What is proposed ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_says_what_it_would_change_and_changes_nothing(station: Station, clerk: User) -> None:
    before = Station.objects.filter(pk=station.pk).values().get()
    proposed = visiting.proposals(send(station, clerk))
    assert proposed.facts == ALL
    assert proposed.moved_m == pytest.approx(35, abs=1)
    assert proposed.amenities_before == frozenset({"hot-water"})
    assert proposed.amenities == frozenset({"microwave"})
    assert Station.objects.filter(pk=station.pk).values().get() == before
    assert not Confirmation.objects.exists()


def test_a_report_is_kept_as_it_was_said(station: Station, clerk: User) -> None:
    registering.amend(station=station, facts={"phone": "027-1"}, actor=clerk, at=NOON)
    sent = send(station, clerk, crs=Crs.GCJ02)
    assert (sent.station_version, sent.entered_crs, sent.accuracy_m) == (2, "gcj02", 20)
    told = AuditEvent.objects.get(kind="visit.reported")
    assert (told.subject_code, told.actor_name) == (station.code, "visitor")
    assert told.data == {"link": str(sent.link_id), "outcome": "entered"}
    # Without a position it is nothing that is known so and so well.
    nowhere = send(station, clerk, position=None, crs=Crs.GCJ02)
    assert (nowhere.latitude, nowhere.entered_crs, nowhere.accuracy_m) == (None, "", None)


def test_what_is_so_already_is_no_proposal(station: Station, clerk: User) -> None:
    same = send(
        station,
        clerk,
        position=Point(30.5801, 114.3402),
        hours_text="每天8:00-20:00",
        amenities=["hot-water"],
        photos=[],
    )
    assert visiting.proposals(same).facts == [Fact.OUTCOME]
    silent = send(station, clerk, position=None, accuracy_m=None, hours_text="", amenities=None, photos=[])
    assert visiting.proposals(silent).facts == [Fact.OUTCOME]


def test_hours_that_are_no_times_are_proposed_as_words(station: Station, clerk: User) -> None:
    sent = send(station, clerk, hours_text="老张在就开")
    proposed = visiting.proposals(sent)
    assert (proposed.periods, proposed.hours_text) == (None, "老张在就开")
    visiting.accept(report=sent, facts=[Fact.HOURS], actor=clerk, at=LATER)
    assert Fact.HOURS not in visiting.proposals(send(station, clerk, hours_text="老张在就开")).facts
    # Times take the place of the words.
    visiting.accept(report=send(station, clerk), facts=[Fact.HOURS], actor=clerk, at=LATER)
    station.refresh_from_db()
    assert (station.hours_text, station.hours_zh) == ("", "每天9:00-21:00")


def test_the_hours_of_a_season_stay_beside_new_usual_hours(station: Station, clerk: User) -> None:
    HoursPeriod.objects.create(
        station=station, name="夏季纳凉", valid_from="2026-07-01", valid_through="2026-09-30", repeats_yearly=True
    ).spans.create(days=[1, 2, 3, 4, 5, 6, 7], opens=time(8), closes=time(22))
    HoursPeriod.objects.create(station=station, name="改造后", valid_from="2027-01-01").spans.create(
        days=[1], opens=time(8), closes=time(23)
    )

    def closing() -> dict[str, time]:
        return {period.name: period.spans.get().closes for period in station.hours_periods.all()}

    visiting.accept(report=send(station, clerk), facts=[Fact.HOURS], actor=clerk, at=LATER)
    assert closing() == {"": time(21), "夏季纳凉": time(22), "改造后": time(23)}
    # A door that says when it is summer says it instead.
    said = send(station, clerk, hours_text="每天9:00-18:00;7月1日-8月31日 9:00-20:00")
    visiting.accept(report=said, facts=[Fact.HOURS], actor=clerk, at=LATER)
    assert sorted(period.spans.get().closes for period in station.hours_periods.all()) == [time(18), time(20)]


# ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_accepting_all_changes_the_station_in_the_clerks_name(
    station: Station, clerk: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sent = send(station, clerk)
    assert list(VisitReport.objects.waiting()) == [sent]
    with django_capture_on_commit_callbacks(execute=True):
        decided = visiting.accept(report=sent, facts=ALL, version=station.version, actor=clerk, at=LATER)
    assert (decided.state, decided.decided_by, decided.photos) == ("accepted", clerk, [])
    assert not VisitReport.objects.waiting().exists()
    station.refresh_from_db()
    assert (station.latitude, station.entered_crs) == (30.580415, "wgs84")
    assert station.hours_zh == "每天9:00-21:00"
    assert list(station.amenities.values_list("code", flat=True)) == ["microwave"]
    assert station.confirmed_at == NOON
    assert Confirmation.objects.get().actor == clerk
    # The photo is the station's own now, and the report keeps none.
    assert files(settings) == ["stations"]
    assert default_storage.exists(station.photo.name or "")
    kinds = AuditEvent.objects.filter(actor=clerk).values_list("kind", flat=True)
    assert set(kinds) == {"visit.link-made", "station.changed", "visit.accepted"}


def test_accepting_in_part_leaves_the_rest_as_it_was(station: Station, clerk: User) -> None:
    sent = send(station, clerk, crs=Crs.GCJ02, photos=[photo(), photo("green")])
    facts = [Fact.POSITION, Fact.PHOTO]
    visiting.accept(report=sent, facts=facts, photo=sent.photos[1], actor=clerk, at=LATER)
    station.refresh_from_db()
    assert (station.latitude, station.entered_crs) == (30.580415, "gcj02")
    assert (station.confirmed_at, station.hours_zh) == (None, "每天8:00-20:00")
    assert list(station.amenities.values_list("code", flat=True)) == ["hot-water"]
    with station.photo.open() as file:
        red, green, _blue = Image.open(file).convert("RGB").getpixel((9, 9))  # type: ignore[misc]
    assert green > red
    event = AuditEvent.objects.get(kind="visit.accepted")
    assert event.data == {
        "outcome": "left",
        "position": "taken",
        "photo": "taken",
        "hours": "left",
        "amenities": "left",
    }
    sent.refresh_from_db()
    assert sent.state == "partly"


def test_a_door_found_locked_makes_the_station_doubted_when_staff_take_it(station: Station, clerk: User) -> None:
    visiting.accept(report=send(station, clerk, outcome="locked"), facts=ALL, actor=clerk, at=LATER)
    station.refresh_from_db()
    assert station.doubted_at == NOON


def test_what_was_found_does_not_undo_what_was_found_since(station: Station, clerk: User) -> None:
    sent = send(station, clerk, outcome="locked")
    confirming.confirm(station=station, outcome="entered", actor=clerk, at=LATER)
    visiting.accept(report=sent, facts=ALL, actor=clerk, at=LATER + timedelta(minutes=1))
    station.refresh_from_db()
    assert (station.doubted_at, station.confirmed_at) == (None, LATER)


def test_a_change_made_meanwhile_is_shown_first(station: Station, clerk: User) -> None:
    sent, seen = send(station, clerk), station.version
    registering.amend(station=station, facts={"phone": "027-1"}, actor=clerk, at=LATER)
    with pytest.raises(StationChangedMeanwhile) as refusal:
        visiting.accept(report=sent, facts=ALL, version=seen, actor=clerk, at=LATER)
    station.refresh_from_db()
    assert station.latitude == 30.5801
    visiting.accept(report=sent, facts=ALL, version=refusal.value.data["version"], actor=clerk, at=LATER)


def test_what_was_brought_or_taken_away_since_was_not_seen_at_the_door(station: Station, clerk: User) -> None:
    """Whoever was at the door left the ticks as they were, but for what he found: a microwave, and no hot water."""
    for code in ("heating", "seats"):
        make_amenity(code)
    registering.amend(station=station, facts={"amenities": ["hot-water", "seats"]}, actor=clerk, at=NOON)
    station.refresh_from_db()
    sent = send(station, clerk, amenities=["microwave", "seats"])
    for now_there in (["heating", "hot-water", "seats"], ["heating", "hot-water"]):
        registering.amend(station=station, facts={"amenities": now_there}, actor=clerk, at=LATER)
    sent = VisitReport.objects.get(pk=sent.pk)
    proposed = visiting.proposals(sent)
    assert proposed.amenities_before == frozenset({"heating", "hot-water"})
    assert proposed.amenities == frozenset({"heating", "microwave"})
    visiting.accept(report=sent, facts=ALL, actor=clerk, at=LATER)
    assert set(station.amenities.values_list("code", flat=True)) == {"heating", "microwave"}
    # What the office has done by itself meanwhile is no proposal.
    agreed = send(station, clerk, at=LATER + timedelta(minutes=1), amenities=["heating", "hot-water", "microwave"])
    registering.amend(
        station=station, facts={"amenities": ["heating", "hot-water", "microwave", "seats"]}, actor=clerk,
        at=LATER + timedelta(minutes=2),
    )  # fmt: skip
    assert Fact.AMENITIES not in visiting.proposals(VisitReport.objects.get(pk=agreed.pk)).facts


def test_nothing_is_decided_twice(station: Station, clerk: User) -> None:
    sent = send(station, clerk)
    visiting.refuse(report=sent, reason="不是这个门", actor=clerk, at=LATER)
    with pytest.raises(VisitReportDecided):
        visiting.accept(report=sent, facts=ALL, actor=clerk, at=LATER)
    with pytest.raises(VisitReportDecided):
        visiting.refuse(report=sent, reason="又一次", actor=clerk, at=LATER)
    station.refresh_from_db()
    assert (station.version, station.confirmed_at) == (1, None)


def test_refusing_needs_a_reason_and_drops_the_photos(
    station: Station, clerk: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    sent = send(station, clerk)
    with pytest.raises(ReasonMissing):
        visiting.refuse(report=sent, reason="  ", actor=clerk, at=LATER)
    assert files(settings) == ["visits"]
    with django_capture_on_commit_callbacks(execute=True):
        assert visiting.refuse(report=sent, reason=" 不是这个门\n", actor=clerk, at=LATER).state == "refused"
        assert files(settings) == ["visits"], "until the decision stands"
    assert files(settings) == []
    assert AuditEvent.objects.get(kind="visit.refused").data == {"reason": "不是这个门"}


def test_taking_nothing_or_a_foreign_photo_is_refused(station: Station, clerk: User) -> None:
    sent = send(station, clerk)
    with pytest.raises(InvalidValue):
        visiting.accept(report=sent, facts=["everything"], actor=clerk, at=LATER)
    with pytest.raises(InvalidValue):
        visiting.accept(report=sent, facts=ALL, photo="stations/other.webp", actor=clerk, at=LATER)
    assert visiting.accept(report=sent, facts=ALL, photo=sent.photos[0], actor=clerk, at=LATER).state == "accepted"


def test_a_photo_whose_file_is_lost_is_left_out_and_nothing_is_half_done(station: Station, clerk: User) -> None:
    sent = send(station, clerk)
    default_storage.delete(sent.photos[0])
    with pytest.raises(InvalidValue):
        visiting.accept(report=sent, facts=ALL, actor=clerk, at=LATER)
    station.refresh_from_db()
    assert (station.version, station.confirmed_at) == (1, None)
    rest = [fact for fact in ALL if fact is not Fact.PHOTO]
    assert visiting.accept(report=sent, facts=rest, actor=clerk, at=LATER).state == "partly"


# ── Stations that are shut ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("verb", [publishing.suspend, publishing.close])
def test_a_station_that_is_shut_takes_its_open_links_back(station: Station, clerk: User, verb: Any) -> None:
    used = send(station, clerk).link
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    elsewhere, _token = visiting.issue(station=make_station(), actor=clerk, at=NOON)
    verb(station=station, reason="装修", actor=clerk, at=LATER)
    for each in (link, used, elsewhere):
        each.refresh_from_db()
    assert (link.revoked_at, used.revoked_at, elsewhere.revoked_at) == (LATER, None, None)
    with pytest.raises(VisitLinkClosed):
        visiting.report(link=link, answers=answers(), witness="w", at=LATER)
    event = AuditEvent.objects.get(kind="visit.link-revoked")
    assert (event.subject_code, event.actor, event.data) == (station.code, clerk, {"link": str(link.pk)})


def test_links_that_are_too_old_leave_no_trace_when_a_station_is_shut(station: Station, clerk: User) -> None:
    link, _token = visiting.issue(station=station, actor=clerk, at=NOON)
    publishing.suspend(station=station, reason="装修", actor=clerk, at=link.expires_at)
    link.refresh_from_db()
    assert link.revoked_at is None
    assert not AuditEvent.objects.filter(kind="visit.link-revoked").exists()


def test_nobody_is_sent_to_a_closed_station_and_whoever_reopens_one_may_have_it_checked(
    station: Station, clerk: User
) -> None:
    publishing.close(station=station, reason="拆迁", actor=clerk, at=NOON)
    with pytest.raises(StationClosed):
        visiting.issue(station=station, actor=clerk, at=NOON)
    publishing.suspend(station=station, reason="重新开放前核实", actor=clerk, at=NOON)
    assert visiting.issue(station=station, actor=clerk, at=NOON)[0].pk


def race_of_close_and_issue(monkeypatch: pytest.MonkeyPatch, *, is_locked: bool) -> int:
    """One closes the station, one makes a link to it at the same time; answer how many links stay open."""
    station, clerk = make_station(), make_staff("root")
    has_looked, has_closed = threading.Event(), threading.Event()
    require = access.require

    def require_slowly(*args: Any, **kwargs: Any) -> None:
        """As soon as the maker of the link has read the station the other one closes it; with the lock it has to wait."""
        require(*args, **kwargs)
        has_looked.set()
        has_closed.wait(timeout=0.5 if is_locked else 20)

    def close() -> None:
        try:
            has_looked.wait(timeout=20)
            publishing.close(station=station, reason="拆迁", actor="test", at=LATER)
            has_closed.set()
        finally:
            connections.close_all()

    monkeypatch.setattr(visiting, "access", SimpleNamespace(require=require_slowly))
    if not is_locked:
        monkeypatch.setattr(visiting, "Station", SimpleNamespace(objects=Unlocked(), Status=Station.Status))
    closer = threading.Thread(target=close)
    closer.start()
    with contextlib.suppress(StationClosed):
        visiting.issue(station=station, actor=clerk, at=LATER)
    closer.join(timeout=30)
    assert Station.objects.get().status == "closed"
    return VisitLink.objects.open_at(LATER).count()


class Unlocked:
    """`Station.objects` without its lock."""

    def select_for_update(self) -> Any:
        return Station.objects.all()


@pytest.mark.usefixtures("transactional_db")
def test_no_link_outlives_the_closing_of_its_station(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_of_close_and_issue(monkeypatch, is_locked=True) == 0


@pytest.mark.usefixtures("transactional_db")
def test_without_the_lock_one_would(monkeypatch: pytest.MonkeyPatch) -> None:
    assert race_of_close_and_issue(monkeypatch, is_locked=False) == 1


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


VERBS: dict[str, Callable[[VisitReport, User], Any]] = {
    "issue": lambda sent, by: visiting.issue(station=sent.station, actor=by, at=LATER),
    "revoke": lambda sent, by: visiting.revoke(link=sent.link, actor=by, at=LATER),
    "accept": lambda sent, by: visiting.accept(report=sent, facts=ALL, actor=by, at=LATER),
    "refuse": lambda sent, by: visiting.refuse(report=sent, reason="不对", actor=by, at=LATER),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_foreign_station_is_as_good_as_none_and_who_may_only_look_is_told_so(
    verb: str, station: Station, clerk: User
) -> None:
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    foreign = make_station(
        division=make_subdistrict(code="420104002", name="韩家墩街道", district=hankou), amenities=["hot-water"]
    )
    there = send(foreign, make_staff("root"))
    with pytest.raises(NotFound):
        VERBS[verb](there, clerk)
    ours = send(station, clerk)
    with pytest.raises(DutyMissing):
        VERBS[verb](ours, make_staff("viewer", scope=make_district(), duties=["view", "counter"]))
    reviewer = make_staff("reviewer", scope=make_district(), duties=["review"])
    VERBS[verb](ours, reviewer)
    there.refresh_from_db()
    assert there.is_waiting
