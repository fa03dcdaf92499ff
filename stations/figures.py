"""How a part of the town is doing: the figures of the office's first page and of the wall, each with its meaning.

usable today   published, not doubted, and by its hours open at some time of the Wuhan day
total          published or suspended: what a courier has been promised
entered share  of what was found at the doors in the last 7 days (staff and devices at the door), how often one got in;
               that it is locked outside its hours is not counted
uses           who came to rest, counted and never named
unproved       published, and nobody got in for 30 days
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Coalesce, Left

from core import clock
from stations.access import DISTRICT_DIGITS, Scope
from stations.confirming import AT_DOOR, FOUND_SHUT
from stations.models import Confirmation, Division, Station, StationUse
from stations.querysets import opens_on

__all__ = [
    "PROOF_WINDOW",
    "UNPROVED_AFTER",
    "Attention",
    "Figures",
    "Glance",
    "at_a_glance",
    "by_district",
    "names_of",
    "needing_attention",
    "together",
]

PROOF_WINDOW = timedelta(days=7)
UNPROVED_AFTER = timedelta(days=30)
DAYS_SHOWN = 14
LARGE = 5_000
KEPT_S = 60


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one district, or of all of a scope together (`code` empty)."""

    code: str
    total: int = 0
    usable_today: int = 0
    hours_unknown: int = 0
    doubted: int = 0
    unproved: int = 0
    entered: int = 0
    shut: int = 0
    uses_today: int = 0
    uses_by_day: tuple[tuple[date, int], ...] = ()  # the last `DAYS_SHOWN` days, oldest first

    @property
    def entered_share(self) -> float | None:
        """How often one got in, 0 to 1; None if nobody said."""
        tried = self.entered + self.shut
        return self.entered / tried if tried else None

    @property
    def uses_in_window(self) -> int:
        """Uses in the last 7 days, today included."""
        return sum(uses for _day, uses in self.uses_by_day[-PROOF_WINDOW.days :])


@dataclass(frozen=True, slots=True)
class Attention:
    """A station that needs somebody, and why. `kind` is one of the office's lists to work off."""

    station_id: int
    name: str
    kind: str
    since: datetime | None


def together(rows: Sequence[Figures]) -> Figures:
    """The figures of several districts as those of one place."""
    days = [day for day, _uses in rows[0].uses_by_day] if rows else []
    return Figures(
        code="",
        total=sum(row.total for row in rows),
        usable_today=sum(row.usable_today for row in rows),
        hours_unknown=sum(row.hours_unknown for row in rows),
        doubted=sum(row.doubted for row in rows),
        unproved=sum(row.unproved for row in rows),
        entered=sum(row.entered for row in rows),
        shut=sum(row.shut for row in rows),
        uses_today=sum(row.uses_today for row in rows),
        uses_by_day=tuple((day, sum(dict(row.uses_by_day)[day] for row in rows)) for day in days),
    )


def by_district(scope: Scope, *, now: datetime) -> list[Figures]:
    """The figures of each district that has a station in `scope`, in the order of their codes.   Queries: 3."""
    today = clock.local_date(now)
    first_day = today - timedelta(days=DAYS_SHOWN - 1)
    published = Q(status=Station.Status.PUBLISHED)
    is_known = Q(expanded_until__gt=now)
    counts = (
        scope.stations()
        .filter(status__in=[Station.Status.PUBLISHED, Station.Status.SUSPENDED])
        .order_by()
        .annotate(district=Left("division_id", DISTRICT_DIGITS))
        .values("district")
        .annotate(
            total=Count("pk"),
            usable_today=Count("pk", filter=published & Q(doubted_at__isnull=True) & opens_on(today)),
            hours_unknown=Count("pk", filter=published & ~is_known),
            doubted=Count("pk", filter=published & Q(doubted_at__isnull=False)),
            unproved=Count(
                "pk", filter=published & (Q(confirmed_at__isnull=True) | Q(confirmed_at__lt=now - UNPROVED_AFTER))
            ),
        )
        .order_by("district")
    )
    proofs: dict[str, Any] = {
        row["district"]: row
        for row in Confirmation.objects.filter(
            scope.of_station("station__"), channel__in=AT_DOOR, confirmed_at__gt=now - PROOF_WINDOW
        )
        .order_by()
        .annotate(district=Left("station__division_id", DISTRICT_DIGITS))
        .values("district")
        .annotate(
            entered=Count("pk", filter=Q(outcome=Confirmation.Outcome.ENTERED)),
            shut=Count("pk", filter=FOUND_SHUT),
        )
    }
    uses: dict[str, dict[date, int]] = {}
    for district, day, number in (
        StationUse.objects.filter(scope.of_station("station__"), date__gte=first_day, date__lte=today)
        .order_by()
        .annotate(district=Left("station__division_id", DISTRICT_DIGITS))
        .values("district", "date")
        .annotate(number=Sum("uses"))
        .values_list("district", "date", "number")
    ):
        uses.setdefault(district, {})[day] = number
    return [
        Figures(
            code=row["district"],
            total=row["total"],
            usable_today=row["usable_today"],
            hours_unknown=row["hours_unknown"],
            doubted=row["doubted"],
            unproved=row["unproved"],
            entered=proofs.get(row["district"], {}).get("entered", 0),
            shut=proofs.get(row["district"], {}).get("shut", 0),
            uses_today=uses.get(row["district"], {}).get(today, 0),
            uses_by_day=tuple(
                (day, uses.get(row["district"], {}).get(day, 0))
                for day in (first_day + timedelta(days=number) for number in range(DAYS_SHOWN))
            ),
        )
        for row in counts
    ]


def needing_attention(scope: Scope, *, now: datetime, limit: int = 3) -> Sequence[Attention]:
    """The stations that need somebody most: doubted doors, oldest first; hours unknown; then the longest unproved.

    Among equals the one with more guests in the last 7 days comes first.   Queries: at most 3.
    """
    since = clock.local_date(now) - PROOF_WINDOW
    published = scope.stations().published().annotate(
        recent_uses=Coalesce(Sum("uses__uses", filter=Q(uses__date__gt=since)), 0)
    )  # fmt: skip
    kinds = (
        ("doubted", published.filter(doubted_at__isnull=False).order_by("doubted_at", "code"), "doubted_at"),
        ("no-hours", published.hours_unknown(now).order_by("-recent_uses", "code"), None),
        (
            "unproved",
            published.filter(Q(confirmed_at__isnull=True) | Q(confirmed_at__lt=now - UNPROVED_AFTER)).order_by(
                F("confirmed_at").asc(nulls_first=True), "-recent_uses", "code"
            ),
            "confirmed_at",
        ),
    )
    found: list[Attention] = []
    seen: set[int] = set()
    for kind, stations, since_column in kinds:
        if len(found) == limit:
            break
        for station in stations.exclude(pk__in=seen).only("pk", "name", "doubted_at", "confirmed_at")[
            : limit - len(found)
        ]:
            seen.add(station.pk)
            found.append(
                Attention(station.pk, station.name, kind, getattr(station, since_column) if since_column else None)
            )
    return found


@dataclass(frozen=True, slots=True)
class Glance:
    """The figures of each district of a scope and what needs somebody most, as they were at one moment."""

    at: datetime
    districts: Sequence[Figures]
    attention: Sequence[Attention]


def at_a_glance(scope: Scope, *, now: datetime) -> Glance:
    """Everything at once.

    For more than 5,000 stations it is worked out once a minute for everybody: each process keeps its own copy, and the page
    says how old it is.
    """
    if scope.stations().order_by()[: LARGE + 1].count() <= LARGE:
        return Glance(now, by_district(scope, now=now), needing_attention(scope, now=now))
    parts = ",".join((*scope.prefixes, *map(str, sorted(scope.station_ids))))
    key = f"glance-{hashlib.sha256(parts.encode()).hexdigest()}"
    kept: Glance | None = cache.get(key)
    if kept is None:
        kept = Glance(now, by_district(scope, now=now), needing_attention(scope, now=now))
        cache.set(key, kept, KEPT_S)
    return kept


def names_of(codes: Sequence[str]) -> dict[str, str]:
    """The districts' names in the language of the page."""
    return {division.code: division.label for division in Division.objects.filter(pk__in=codes)}
