"""Seeding the demo: the real stations of the articles, as far as they are known, and a made-up set that says so.

武昌 comes to 49 published stations (7/18/24), 硚口 to 30, as the articles count them.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.errors import DomainError
from core.models import AuditEvent
from stations import amenities, confirming, day_types, divisions, publishing, registering
from stations.geo import Point, outline_contains
from stations.hours import DatedException, OnHolidays, Period, Span
from stations.models import Confirmation, Division, Station, StationUse, Zone
from stations.registering import Registration, StationFacts

__all__ = ["DatabaseInUse", "NoDemo", "Seeded", "require_demo", "seed"]

ACTOR = "seed_demo"
_HERE = Path(__file__).resolve().parent
# The same town in every folder, so that screenshots and tests can be compared.
_SEED = 20210918
_DAYS_OF_USES = 14


class DatabaseInUse(DomainError):
    """There are real stations here; made-up ones must not be mixed in."""

    code, status = "database_in_use", 409
    title = _("This database holds stations already. The demo set is for an empty database.")


class NoDemo(DomainError):
    """What is here is real: its accounts and brands are not the demo's to change."""

    code, status = "no_demo", 409
    title = _("This is no demo. Run `seed_demo` first, in an empty database.")


def require_demo() -> None:
    """Pass only in a demo, where `seed_demo` has run.   Raises: NoDemo."""
    if not AuditEvent.objects.filter(kind="demo.seeded").exists():
        raise NoDemo


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding made; nothing if the demo was there already."""

    real: int = 0
    made_up: int = 0


@transaction.atomic
def seed(*, at: datetime) -> Seeded:
    """Fill an empty database with the demo; if that was done before, only load what new versions add.

    Raises: DatabaseInUse.   Source: stations/demo/real_stations.json, stations/demo/made_up.json
    """
    divisions.load(actor=ACTOR, at=at)
    filled = day_types.fill(actor=ACTOR, at=at)
    amenities.load(actor=ACTOR, at=at)
    if AuditEvent.objects.filter(kind="demo.seeded").exists():
        if filled.added or filled.changed:
            publishing.refresh_all(now=at)
        return Seeded()
    if Station.objects.exists():
        raise DatabaseInUse
    real = _register_real(at=at)
    # Reproducible town, not a secret.
    made_up = _register_made_up(random.Random(_SEED), at=at)  # noqa: S311
    _prove(made_up, at=at)
    _use([*real, *made_up], random.Random(_SEED + 1), today=clock.local_date(at))  # noqa: S311
    seeded = Seeded(real=len(real), made_up=len(made_up))
    audit.record(
        "demo.seeded",
        subject=("demo", "stations"),
        actor=ACTOR,
        at=at,
        data={"real": seeded.real, "made_up": seeded.made_up},
    )
    return seeded


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((_HERE / name).read_text(encoding="utf-8"))
    return content


# ── The real stations ───────────────────────────────────────────────────────────────────────────────────────────────


def _register_real(*, at: datetime) -> list[Station]:
    file = _read("real_stations.json")
    for zone in file["zones"]:
        Zone.objects.get_or_create(code=zone["code"], defaults=zone)
    registrations = []
    for row in file["stations"]:
        if "subdistrict" in row:
            subdistrict = Division.objects.get(pk=row["subdistrict"])
            division = divisions.ensure_neighbourhood(
                name=row["neighbourhood"], subdistrict=subdistrict, actor=ACTOR, at=at
            )
        else:
            division = Division.objects.get(pk=row["district"])
        facts = StationFacts(
            name=row["name"],
            aliases=row["aliases"],
            tier=row.get("tier"),
            division=division,
            zone=Zone.objects.get(pk=row["zone"]) if "zone" in row else None,
            address=row.get("address", ""),
            floor=row.get("floor", ""),
            directions=row.get("directions", ""),
            area_m2=Decimal(row["area_m2"]) if "area_m2" in row else None,
            amenities=row["amenities"],
            amenities_text=row.get("amenities_text", ""),
            organisations=[(role, name) for role, name in row["organisations"]],
        )
        registrations.append(Registration(facts, source=f"article {row['source']}"))
    return _publish(registrations, at=at)


def _publish(registrations: list[Registration], *, at: datetime) -> list[Station]:
    stations = registering.register_all(registrations, actor=ACTOR, at=at)
    return publishing.publish_all(station_ids=[station.pk for station in stations], actor=ACTOR, at=at)


# ── The made-up stations ────────────────────────────────────────────────────────────────────────────────────────────


def _register_made_up(rng: random.Random, *, at: datetime) -> list[Station]:
    file = _read("made_up.json")
    registrations = []
    for district in file["districts"]:
        tiers = [int(tier) for tier, count in district["tiers"].items() for _each in range(count)]
        rng.shuffle(tiers)
        number_in_tier = dict.fromkeys((1, 2, 3), 0)
        for index, (tier, (division, centre, place)) in enumerate(zip(tiers, _sites(file, district), strict=False)):
            hours = file["hours_by_tier"][str(tier)]
            pattern = hours[number_in_tier[tier] % len(hours)]
            number_in_tier[tier] += 1
            point = _strewn(rng, Point(*centre), division.code)
            facts = StationFacts(
                name=f"[演示] {division.short_name}{place['name']}“江城蜂巢”",
                is_made_up=True,
                tier=tier,
                division=division,
                address=f"演示路{index + 1}号",
                floor=place["floor"],
                directions=place["directions"],
                latitude=point.latitude,
                longitude=point.longitude,
                entered_crs="gcj02" if index % 3 else "wgs84",
                area_m2=Decimal(rng.choice({1: (60, 80, 120), 2: (25, 30, 45), 3: (10, 12, 18)}[tier])),
                seats=rng.choice({1: (16, 24, 30), 2: (8, 10, 12), 3: (3, 4, 6)}[tier]),
                amenities=_amenities(rng, file, tier),
                organisations=[
                    ("management", f"{division.short_name}{place['management']}(演示)"),
                    *([("supplies", f"{division.short_name}商会(演示)")] if index % 4 == 0 else []),
                ],
            )
            registrations.append(
                Registration(
                    facts,
                    periods=[_period(row) for row in file["hours"][pattern]["periods"]],
                    exceptions=_exceptions(file, pattern, today=clock.local_date(at)),
                    source="made up",
                )
            )
    return _publish(registrations, at=at)


def _sites(file: dict[str, Any], district: dict[str, Any]) -> Iterator[tuple[Division, list[float], dict[str, str]]]:
    """The sites in rounds: in each, every subdistrict gets one more place, and no place twice."""
    of_code = Division.objects.in_bulk([row["code"] for row in district["subdistricts"]])
    for turn in range(len(file["places"])):
        for shift, row in enumerate(district["subdistricts"]):
            yield of_code[row["code"]], row["centre"], file["places"][(turn + shift) % len(file["places"])]


def _strewn(rng: random.Random, centre: Point, division_code: str) -> Point:
    """A point some hundred metres around `centre`, inside the district's outline."""
    spread = 0.0035
    while True:
        point = Point(
            round(centre.latitude + rng.gauss(0, spread), 6), round(centre.longitude + rng.gauss(0, spread), 6)
        )
        if outline_contains(division_code, point):
            return point
        spread *= 1.02  # so that even a centre beside the river finds land in the end


def _amenities(rng: random.Random, file: dict[str, Any], tier: int) -> list[str]:
    codes = list(file["amenities_by_tier"][str(tier)])
    codes += [code for code in file["often_more"].get(str(tier), []) if rng.random() < 0.4]
    missing = {code for code in file["sometimes_missing"][str(tier)] if rng.random() < 0.2}
    return [code for code in codes if code not in missing]


def _period(row: dict[str, Any]) -> Period:
    return Period(
        spans=tuple(map(_span, row["spans"])),
        valid_from=date.fromisoformat(row["from"]) if "from" in row else None,
        valid_through=date.fromisoformat(row["through"]) if "through" in row else None,
        repeats_yearly="from" in row,
        on_holidays=OnHolidays(row.get("on_holidays", "as-sunday")),
        name=row.get("name", ""),
    )


def _span(text: str) -> Span:
    """A span as the file writes it: "12345 08:30-17:30 staffed"."""
    days, times, entry_mode = text.split()
    opens, closes = times.split("-")
    return Span(
        days=frozenset(map(int, days)),
        opens=time.fromisoformat(opens),
        closes=time.fromisoformat(closes),
        entry_mode=entry_mode,
    )


def _exceptions(file: dict[str, Any], pattern: str, *, today: date) -> list[DatedException]:
    """Closed for a week from the eve of the next Spring Festival, at offices that observe it."""
    if pattern not in file["closed_over_spring_festival"]:
        return []
    new_years = [date.fromisoformat(day) for day in file["new_years_of_the_moon"]]
    coming = next((day for day in new_years if day + timedelta(days=6) >= today), None)
    if coming is None:
        return []
    return [DatedException(starts_on=coming - timedelta(days=1), ends_on=coming + timedelta(days=6), reason="春节放假")]


# ── What was found at the doors ─────────────────────────────────────────────────────────────────────────────────────


def _prove(stations: list[Station], *, at: datetime) -> None:
    """Confirmations of several ages: minutes, hours, a day, ten days; and one station that two devices found locked."""
    entered, locked, broken = (
        Confirmation.Outcome.ENTERED,
        Confirmation.Outcome.LOCKED,
        Confirmation.Outcome.BROKEN,
    )
    ages = (timedelta(days=10), timedelta(days=1, hours=3), timedelta(hours=5), timedelta(minutes=12))
    proved = [station for station in stations if station.expanded_until is not None]
    events: list[tuple[datetime, Station, str, str]] = [
        (at - ages[index % len(ages)] - timedelta(minutes=index), station, entered, f"demo-{index}")
        for index, station in enumerate(proved[::2])
    ]
    # Open at every hour, so that a locked door is news whenever the demo is made.
    doubted = next(station for station in proved[1::2] if station.open_state(at).is_round_the_clock)
    events += [
        (at - timedelta(days=2), doubted, entered, "demo-a"),
        (at - timedelta(minutes=50), doubted, locked, "demo-b"),
        (at - timedelta(minutes=20), doubted, locked, "demo-c"),
        (at - timedelta(hours=3), proved[0], broken, "demo-d"),
    ]
    for confirmed_at, station, outcome, device in sorted(events, key=lambda event: event[0]):
        confirming.confirm(
            station=station,
            outcome=outcome,
            at=confirmed_at,
            witness=confirming.witness_at(station, device),
            at_door=True,
        )


def _use(stations: list[Station], rng: random.Random, *, today: date) -> None:
    """Counts of the past days; the real stations have none, since nobody counted."""
    rows = []
    for station in stations:
        if not station.is_made_up or station.expanded_until is None:
            continue
        usual = {1: 60, 2: 28, 3: 11}[station.tier or 3]
        for age in range(1, _DAYS_OF_USES + 1):
            uses = max(0, round(rng.gauss(usual, usual / 4)))
            satisfied = rng.randint(0, uses // 3)
            rows.append(
                StationUse(
                    station=station,
                    date=today - timedelta(days=age),
                    uses=uses,
                    satisfied=satisfied,
                    dissatisfied=rng.randint(0, satisfied // 8),
                )
            )
    StationUse.objects.bulk_create(sorted(rows, key=lambda row: row.date))
