"""Proof on the ground: what somebody found at the door, and how many came in.

A proof made at the door (its QR, or a position within 150 m) or by staff counts; one from afar is kept and shown as such,
and never opens or shuts a station. Two independent proofs at the door that find it locked in its hours, or gone, make a station doubted;
the next one that gets in, or staff, clears the doubt, and after a week without news it expires. Independent means two
device cookies, since a carrier's NAT is one address; a partner's program is one witness, unless it tells its couriers'
devices apart.
"""

import hashlib
import hmac
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, Max, OuterRef, Q
from django.utils.translation import gettext as _

from core import audit, clock
from core.errors import InvalidValue
from core.models import User
from stations import access, day_types, publishing, reminding
from stations.geo import Point, distance_m
from stations.hours import State, covered_days, expand, state_at
from stations.models import Confirmation, Duty, Station, StationUse

__all__ = [
    "COARSE_M",
    "DOOR_DISTANCE_M",
    "DUTIES",
    "FOUND_SHUT",
    "LATEST_ARRIVAL",
    "SHUT",
    "confirm",
    "fade_doubts",
    "is_elsewhere",
    "is_near_door",
    "leave_door",
    "partner_device",
    "record_satisfaction",
    "record_use",
    "seen_at",
    "take_back_use",
    "witness_at",
]

# Which duties allow staff to say what they found.
DUTIES = (Duty.MANAGE, Duty.REVIEW, Duty.COUNTER)
DOOR_DISTANCE_M = 150
# A position known no better than this cannot tell this door from the next.
COARSE_M = 300
# What a phone saw without signal may arrive this much later; a clock may be this much ahead.
LATEST_ARRIVAL = timedelta(days=1)
CLOCK_AHEAD = timedelta(minutes=2)
# A lock seen longer ago than this says nothing about now.
DOUBT_WINDOW = timedelta(days=1)
# A doubt that nobody has renewed for this long says nothing either; proof of every kind is old after a week.
DOUBT_FADES = timedelta(days=7)
# The same device saying the same again within this time is one tap, however often it is sent.
REPEAT_WINDOW = timedelta(minutes=10)
WITNESSES_TO_DOUBT = 2
# The ways of saying something that count.
AT_DOOR = (Confirmation.Channel.STAFF, Confirmation.Channel.DOOR)
SHUT = (Confirmation.Outcome.LOCKED, Confirmation.Outcome.MOVED)
FOUND_SHUT = Q(outcome__in=SHUT, is_outside_hours=False)


def witness_at(station: Station, device: str) -> str:
    """A digest that tells one device from another at this station and nowhere else. `device` is the cookie's random id."""
    message = f"{device} {station.code}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), b"witness " + message, hashlib.sha256).hexdigest()[:32]


def partner_device(client: str, device: str) -> str:
    """The device behind a partner's tap, for `witness_at`: one of the program's own, or the program as a whole.

    No cookie's id holds a colon, so a program can speak only for its own devices.
    """
    return f"{client}:{device}"


def is_near_door(station: Station, position: Point | None, *, accuracy_m: float | None = None) -> bool:
    """Whether `position` (WGS-84) is at the station."""
    if position is None or station.latitude is None or station.longitude is None:
        return False
    if accuracy_m is not None and accuracy_m > COARSE_M:
        return False
    return distance_m(position, Point(station.latitude, station.longitude)) <= DOOR_DISTANCE_M


def is_elsewhere(before: Point | None, after: Point | None) -> bool:
    """Whether a station that moves from `before` to `after` has another door: who stood at the old one is not at the new."""
    return before is not None and after is not None and distance_m(before, after) > DOOR_DISTANCE_M


def leave_door(station_ids: Collection[int], *, actor: User | str, at: datetime) -> None:
    """Let nothing that was found at a former door count for the door that these stations have now. Called in the transaction
    that moves them, with their rows locked.
    """
    if not station_ids:
        return
    stations = Station.objects.filter(pk__in=station_ids)
    doubted = list(stations.filter(doubted_at__isnull=False).order_by("pk").values_list("code", flat=True))
    stations.update(confirmed_at=None, doubted_at=None, door_since=at)
    audit.record_many(
        "station.doubt-cleared", subjects=[(("station", code), {}) for code in doubted], actor=actor, at=at
    )


def seen_at(made_at: datetime | None, *, at: datetime) -> datetime:
    """When something reported at `at` was seen; without `made_at` it was just now.   Raises: InvalidValue."""
    if made_at is None:
        return at
    if not at - LATEST_ARRIVAL <= made_at <= at + CLOCK_AHEAD:
        raise InvalidValue(
            "made_at", _("Give a moment of the last 24 hours, or leave it out for now."), value=made_at.isoformat()
        )
    return min(made_at, at)


@transaction.atomic
def confirm(
    *,
    station: Station,
    outcome: str,
    at: datetime,
    made_at: datetime | None = None,
    witness: str = "",
    at_door: bool = False,
    actor: User | None = None,
    reporter: str = "courier",
) -> Confirmation:
    """Record what was found at the station, by a courier's device (`witness`) or by staff (`actor`).

    `made_at` is when it was seen, if that was before `at`; `reporter` is who the trail names for a device. Only a device's
    latest word counts, so a mistaken tap is undone by the right one.
    Raises: InvalidValue, and what `access.require` does, for staff whose scope the station lies outside of.
    Locks: Station, so that of two simultaneous second witnesses only one makes the doubt.
    """
    seen = seen_at(made_at, at=at)
    station = Station.objects.select_for_update().get(pk=station.pk)
    if actor is not None:
        access.require(actor, *DUTIES, stations=[station])
    channel = (
        Confirmation.Channel.STAFF if actor else Confirmation.Channel.DOOR if at_door else Confirmation.Channel.REMOTE
    )
    # Staff know the hours, and say it because it matters.
    is_news = actor is not None or outcome != Confirmation.Outcome.LOCKED or not _is_closed(station, seen)
    if witness:
        repeated = station.confirmations.filter(
            witness=witness,
            outcome=outcome,
            channel=channel,
            is_outside_hours=not is_news,
            confirmed_at__gt=seen - REPEAT_WINDOW,
            confirmed_at__lt=seen + REPEAT_WINDOW,
        ).first()
        if repeated is not None and not station.confirmations.filter(witness=witness, pk__gt=repeated.pk).exists():
            return repeated
    confirmation = Confirmation.objects.create(
        station=station, outcome=outcome, channel=channel, witness=witness, actor=actor, confirmed_at=seen,
        is_outside_hours=not is_news,
    )  # fmt: skip
    is_this_door = station.door_since is None or seen > station.door_since
    if channel != Confirmation.Channel.REMOTE and is_this_door:
        _weigh(station, confirmation, by=actor or reporter, at=at)
    return confirmation


def _weigh(station: Station, confirmation: Confirmation, *, by: User | str, at: datetime) -> None:
    """Let a proof that counts change what couriers are told. One that arrives late moves nothing back in time."""
    seen = confirmation.confirmed_at
    if confirmation.outcome == Confirmation.Outcome.ENTERED:
        clears = station.doubted_at is not None and seen >= station.doubted_at
        if station.confirmed_at is None or seen > station.confirmed_at:
            station.confirmed_at = seen
        if clears:
            station.doubted_at = None
        station.save(update_fields=["confirmed_at", "doubted_at"])
        if clears:
            audit.record("station.doubt-cleared", subject=("station", station.code), actor=by, at=at)
        return
    if confirmation.outcome not in SHUT:
        return  # what is broken makes no doubt
    _take_back(station, confirmation)
    if confirmation.is_outside_hours:
        return
    if station.doubted_at is None:
        witnesses = _shut_witnesses(station, at=at)
        if confirmation.actor or witnesses >= WITNESSES_TO_DOUBT:
            station.doubted_at = seen
            station.save(update_fields=["doubted_at"])
            audit.record(
                "station.doubted",
                subject=("station", station.code),
                actor=by,
                at=at,
                data={"outcome": confirmation.outcome, "witnesses": witnesses},
            )
            reminding.tell_of_doubt(station, at=at)


def _is_closed(station: Station, seen: datetime) -> bool:
    """Whether by its hours the station was closed at that moment."""
    day = clock.local_date(seen)
    if station.expanded_on is None or day >= station.expanded_on:
        return station.open_state(seen).state == State.CLOSED
    # Seen before the last midnight, from which on the station's intervals are kept.
    schedule = publishing.schedules([station.pk])[station.pk]
    kinds = day_types.kinds(day - timedelta(days=1), 2)
    known_until = clock.local_midnight(day, days=covered_days(schedule, first=day, days=1))
    opened = expand(schedule, first=day, days=1, day_types=kinds)
    return state_at(opened, seen, expanded_until=known_until).state == State.CLOSED


def fade_doubts(*, now: datetime) -> int:
    """Take back doubts that nobody at the door has renewed for a week; answer how many. The worker's job.

    Locks: Station, skipping those that somebody confirms at this moment.
    """
    renewed = Confirmation.objects.filter(
        FOUND_SHUT, station=OuterRef("pk"), channel__in=AT_DOOR, confirmed_at__gt=now - DOUBT_FADES
    )
    with transaction.atomic():
        faded = list(
            Station.objects.select_for_update(skip_locked=True)
            .filter(~Exists(renewed), doubted_at__lte=now - DOUBT_FADES)
            .order_by("pk")
            .only("pk", "code")
        )
        Station.objects.filter(pk__in=[station.pk for station in faded]).update(doubted_at=None)
        audit.record_many(
            "station.doubt-faded", subjects=[(("station", station.code), {}) for station in faded],
            actor="worker", at=now,
        )  # fmt: skip
    return len(faded)


def _take_back(station: Station, confirmation: Confirmation) -> None:
    """A device that got in a moment ago and now finds it shut had tapped wrongly: the proof before it counts again."""
    if station.confirmed_at is None or not confirmation.witness:
        return
    entered = station.confirmations.filter(outcome=Confirmation.Outcome.ENTERED, channel__in=AT_DOOR)
    if station.door_since is not None:
        entered = entered.filter(confirmed_at__gt=station.door_since)
    seen = confirmation.confirmed_at
    mistaken = Q(witness=confirmation.witness, confirmed_at__gt=seen - REPEAT_WINDOW, confirmed_at__lte=seen)
    if entered.filter(mistaken).exists():
        station.confirmed_at = entered.exclude(mistaken).aggregate(last=Max("confirmed_at"))["last"]
        station.save(update_fields=["confirmed_at"])


def _shut_witnesses(station: Station, *, at: datetime) -> int:
    """How many devices' latest word from the door, since the last one that got in, is that it is shut."""
    since = max(filter(None, (station.confirmed_at, station.door_since, at - DOUBT_WINDOW)))
    latest = (
        station.confirmations.filter(channel=Confirmation.Channel.DOOR, confirmed_at__gt=since)
        .order_by("witness", "-confirmed_at", "-pk")
        .distinct("witness")
        .values_list("outcome", "is_outside_hours")
    )
    return sum(outcome in SHUT and not is_outside_hours for outcome, is_outside_hours in latest)


def record_use(*, station: Station, at: datetime) -> int:
    """Count somebody who came to rest; return today's count. One statement, so no tap is lost among many."""
    return _count(station, "uses", at)


def take_back_use(*, station: Station, at: datetime) -> int:
    """Uncount somebody who was counted by mistake on this day; return the day's count, which never falls below zero."""
    day = StationUse.objects.filter(station=station, date=clock.local_date(at))
    day.filter(uses__gt=0).update(uses=F("uses") - 1)
    return day.values_list("uses", flat=True).first() or 0


def record_satisfaction(*, station: Station, satisfied: bool, at: datetime) -> int:
    """Count an answer to "were you satisfied?"; answer today's count of that answer."""
    return _count(station, "satisfied" if satisfied else "dissatisfied", at)


def _count(station: Station, column: str, at: datetime) -> int:
    counts = dict.fromkeys(("uses", "satisfied", "dissatisfied"), 0) | {column: 1}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO stations_stationuse (station_id, date, uses, satisfied, dissatisfied)"  # noqa: S608 - own names
            f" VALUES (%s, %s, %s, %s, %s)"
            f" ON CONFLICT (station_id, date) DO UPDATE SET {column} = stations_stationuse.{column} + 1"
            f" RETURNING {column}",
            [station.pk, clock.local_date(at), counts["uses"], counts["satisfied"], counts["dissatisfied"]],
        )
        return int(cursor.fetchone()[0])
