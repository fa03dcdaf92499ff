"""What a phone keeps for us: small signed cookies that name nobody.

`device` is a random id, set when somebody first reports something about a station; only its digest per station is kept.
`door` says that the phone scanned the QR at a station's door, `cabinet` the one at its gift cabinet; both expire after 15
minutes. `rested` remembers that this phone was counted. `place` is the last position, rounded to some 100 m, and stays on
the phone.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from stations import confirming
from stations.geo import Point
from stations.models import Station

__all__ = [
    "MAP_APPS",
    "cabinet_at",
    "device_id",
    "door_of",
    "is_at_door",
    "last_place",
    "map_app",
    "new_device_id",
    "remember_cabinet",
    "remember_device",
    "remember_door",
    "remember_map_app",
    "remember_place",
    "remember_rest",
    "rest_at",
]

DEVICE_AGE = timedelta(days=400)  # the longest that browsers keep a cookie
DOOR_AGE = timedelta(minutes=15)
REST_AGE = timedelta(hours=3)
RESTS = 8  # nobody rests at more stations than this in three hours
PLACE_AGE = timedelta(days=30)
MERCATOR_ENDS_AT = 85  # degrees
MAP_APPS = ("amap", "tencent", "baidu", "apple", "geo")


def _set(response: HttpResponse, name: str, value: str, *, age: timedelta, is_signed: bool = True) -> None:
    keep = response.set_signed_cookie if is_signed else response.set_cookie
    keep(
        name,
        value,
        max_age=int(age.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _get(request: HttpRequest, name: str, *, age: timedelta) -> str:
    """The value of a signed cookie; one that is forged, broken or expired counts as none."""
    try:
        return request.get_signed_cookie(name, default="", max_age=age) or ""
    except signing.BadSignature:
        return ""


def device_id(request: HttpRequest) -> str:
    """The random id of this phone, or nothing if it has not reported anything yet."""
    return _get(request, "device", age=DEVICE_AGE)


def new_device_id() -> str:
    return secrets.token_urlsafe(12)


def remember_device(response: HttpResponse, device: str) -> None:
    _set(response, "device", device, age=DEVICE_AGE)


def remember_door(response: HttpResponse, station: Station) -> None:
    _set(response, "door", station.code, age=DOOR_AGE)


def door_of(request: HttpRequest) -> str:
    """The code of the station at whose door the phone scanned the QR just now, or nothing."""
    return _get(request, "door", age=DOOR_AGE)


def is_at_door(
    request: HttpRequest, station: Station, *, position: Point | None = None, accuracy_m: float | None = None
) -> bool:
    """Whether the phone stands at the station: it scanned the door's QR just now, or its position says so."""
    if door_of(request) == station.code:
        return True
    return confirming.is_near_door(station, position, accuracy_m=accuracy_m)


def remember_cabinet(response: HttpResponse, station: Station) -> None:
    _set(response, "cabinet", station.code, age=DOOR_AGE)


def cabinet_at(request: HttpRequest) -> Station | None:
    """The published station whose cabinet's QR this phone scanned just now."""
    code = _get(request, "cabinet", age=DOOR_AGE)
    return Station.objects.select_related("division").published().filter(code=code).first() if code else None


def _rests(request: HttpRequest) -> dict[str, str]:
    """Where this phone was counted in the last hours: each station's code and whether the question was answered, oldest first."""
    return dict(pair.split(":", 1) for pair in _get(request, "rested", age=REST_AGE).split(" ") if ":" in pair)


def remember_rest(request: HttpRequest, response: HttpResponse, station: Station, *, is_answered: bool) -> None:
    rests = _rests(request)
    rests.pop(station.code, None)
    kept = [*rests.items(), (station.code, str(int(is_answered)))][-RESTS:]
    _set(response, "rested", " ".join(f"{code}:{answered}" for code, answered in kept), age=REST_AGE)


def rest_at(request: HttpRequest, station: Station) -> tuple[bool, bool]:
    """Whether this phone was counted here in the last hours, and whether it was said how it was."""
    answered = _rests(request).get(station.code)
    return answered is not None, answered == "1"


def remember_place(response: HttpResponse, place: Point) -> None:
    _set(response, "place", f"{place.latitude:.3f},{place.longitude:.3f}", age=PLACE_AGE, is_signed=False)


def last_place(request: HttpRequest) -> Point | None:
    """Where this phone last looked for a station. The phone may claim anything, since this only decides what comes first."""
    latitude, _, longitude = request.COOKIES.get("place", "").partition(",")
    try:
        place = Point.checked(float(latitude), float(longitude))
    except ValueError:
        return None
    return place if abs(place.latitude) < MERCATOR_ENDS_AT else None


def map_app(request: HttpRequest) -> str:
    """The map app that was chosen last."""
    chosen = request.COOKIES.get("map_app", "")
    return chosen if chosen in MAP_APPS else ""


def remember_map_app(response: HttpResponse, app: str) -> None:
    # Scripts may read and set this one: they remember the app when a link to it is tapped.
    response.set_cookie(
        "map_app",
        app,
        max_age=int(DEVICE_AGE.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=False,
        samesite="Lax",
    )
