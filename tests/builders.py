"""Builders: plain functions with honest defaults. A test states only what matters to it."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from core import clock
from core.models import User
from couriers import consents, registration
from couriers.models import Company, Courier, Outlet
from partners import clients, keys
from partners.models import Client
from stations import publishing
from stations.models import Amenity, Division, HoursPeriod, HoursSpan, StaffRole, Station, StationAmenity

__all__ = [
    "NOON",
    "make_amenity",
    "make_client",
    "make_company",
    "make_courier",
    "make_district",
    "make_hours",
    "make_key",
    "make_outlet",
    "make_staff",
    "make_station",
    "make_subdistrict",
    "spoiled",
]

# An ordinary Wednesday: 2026-06-10, 12:00 in Wuhan.
NOON = datetime(2026, 6, 10, 4, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_district(*, code: str = "420106", name: str = "武昌区", letters: str = "WC") -> Division:
    city, _ = Division.objects.get_or_create(
        code="4201", defaults={"level": "city", "name": "武汉市", "short_name": "武汉", "name_en": "Wuhan"}
    )
    district, _ = Division.objects.get_or_create(
        code=code,
        defaults={
            "level": "district",
            "parent": city,
            "name": name,
            "short_name": name.removesuffix("区"),
            "letters": letters,
        },
    )
    return district


def make_subdistrict(
    *, code: str = "420106003", name: str = "徐家棚街道", district: Division | None = None
) -> Division:
    return Division.objects.get_or_create(
        code=code,
        defaults={
            "level": "subdistrict",
            "parent": district or make_district(),
            "name": name,
            "short_name": name.removesuffix("街道"),
        },
    )[0]


def make_amenity(code: str = "hot-water", *, name: str = "", expected_from_tier: int | None = 3) -> Amenity:
    return Amenity.objects.get_or_create(
        code=code,
        defaults={"kind": "equipment", "name": name or code, "name_en": code, "expected_from_tier": expected_from_tier},
    )[0]


def make_hours(
    station: Station,
    *,
    opens: time = time(8),
    closes: time = time(20),
    days: Iterable[int] = range(1, 8),
    entry_mode: str = "staffed",
    on_holidays: str = "as-sunday",
) -> HoursPeriod:
    """The usual hours: daily 8:00-20:00."""
    period, _ = HoursPeriod.objects.get_or_create(
        station=station, valid_from=None, valid_through=None, defaults={"on_holidays": on_holidays}
    )
    HoursSpan.objects.create(period=period, days=list(days), opens=opens, closes=closes, entry_mode=entry_mode)
    return period


def make_station(
    *,
    amenities: Iterable[str] = (),
    hours: bool | dict[str, Any] = True,
    at: datetime = NOON,
    latitude: float | None = 30.5801,
    longitude: float | None = 114.3402,
    **fields: Any,
) -> Station:
    """A published tier 3 station in 徐家棚街道 that is open daily 8:00-20:00, its derived rows made as of `at`."""
    number = next(_numbers)
    station = Station.objects.create(
        **{
            "code": f"WH-WC-{number:04d}",
            "name": f"测试蜂巢{number}号",
            "tier": 3,
            "status": "published",
            "division": fields.pop("division", None) or make_subdistrict(),
            "address": "和平大道1号",
            "latitude": latitude,
            "longitude": longitude,
            "entered_crs": "" if latitude is None else "wgs84",
        }
        | fields
    )
    StationAmenity.objects.bulk_create(
        StationAmenity(station=station, amenity=make_amenity(code)) for code in amenities
    )
    if hours:
        make_hours(station, **(hours if isinstance(hours, dict) else {}))
    publishing.refresh([station.pk], now=at, facts_changed=False)
    station.refresh_from_db()
    return station


def make_staff(
    username: str = "city",
    *,
    scope: Division | Station | None = None,
    duties: Iterable[str] = ("manage", "review"),
    is_superuser: bool | None = None,
    password: str = "just-for-tests",  # noqa: S107
) -> User:
    """An administrator; with `scope`, an account that has `duties` there."""
    if is_superuser is None:
        is_superuser = scope is None
    user = User.objects.create_user(username, password=password, is_staff=True, is_superuser=is_superuser)
    if scope is not None:
        StaffRole.objects.create(
            user=user,
            division=scope if isinstance(scope, Division) else None,
            station=scope if isinstance(scope, Station) else None,
            duties=list(duties),
            starts_at=NOON - timedelta(days=365),
        )
    return user


def make_company(name: str = "顺丰", **fields: Any) -> Company:
    return Company.objects.get_or_create(name=name, defaults=fields)[0]


def make_outlet(**fields: Any) -> Outlet:
    """An outlet of 顺丰 in 徐家棚街道."""
    defaults = {"name": f"测试网点{next(_numbers)}号"}
    return Outlet.objects.create(
        company=fields.pop("company", None) or make_company(),
        division=fields.pop("division", None) or make_subdistrict(),
        **defaults | fields,
    )


def make_courier(
    *,
    phone: str | None = None,
    name: str = "张三丰",
    kind: str = "express",
    outlet: Outlet | None = None,
    district: Division | None = None,
    actor: User | str = "self",
    at: datetime = NOON,
    **more: Any,
) -> Courier:
    """Somebody in 武昌区 who registered by himself, with a number that no carrier gives out."""
    return registration.register(
        phone=phone or f"154{next(_numbers):08}",
        name=name,
        work=registration.Work(kind=kind, outlet=outlet),
        district=district or make_district(),
        channel="staff" if isinstance(actor, User) else "self",
        agreement=registration.Agreement(consents.membership_notice(), "page"),
        actor=actor,
        at=at,
        **more,
    )


def make_client(
    *,
    code: str = "little-bees",
    kind: str = "live",
    divisions: Iterable[str] = ("420106",),
    scopes: Iterable[str] = ("confirmations:write", "uses:write"),
    calls_per_minute: int = 1_000,
) -> Client:
    """A partner's program that may write in 武昌区."""
    make_district()
    return clients.register(
        code=code,
        kind=kind,
        facts=clients.ClientFacts(
            name=f"测试伙伴 {code}",
            contact="测试 027-0000",
            divisions=list(Division.objects.filter(code__in=list(divisions))),
            scopes=list(scopes),
            calls_per_minute=calls_per_minute,
        ),
        actor="tests",
        at=NOON,
    )


def make_key(client: Client | None = None, *, at: datetime | None = None, days: int = 365) -> str:
    """The text of a key that is valid at this moment."""
    return keys.issue(client=client or make_client(), at=at or clock.now(), actor="tests", days=days).text


def spoiled(key: str) -> str:
    """The key with another last character: of the same length and prefix, but nobody's."""
    return key[:-1] + ("b" if key.endswith("a") else "a")
