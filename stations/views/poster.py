"""The poster at a station's door, one A4 page: what the place is, when it is open, and a code to scan when it is not. The
posters of many doors can be printed at once.

The code on the door leads to the door's own URL, whose token proves that somebody is there. That token is a key,
so only staff who may change the station print it. Anybody else gets the same poster with the URL of the station's
public page: good enough for a notice board or an outlet, and no proof of presence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import segno
from django.contrib.auth.views import redirect_to_login
from django.db.models import prefetch_related_objects
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from core import clock
from core.addresses import absolute
from stations import access, intervals, publishing
from stations.geo import Point
from stations.hours import Schedule
from stations.hours_text import format_en, format_zh
from stations.models import Amenity, Duty, Station
from stations.models.hours import EntryMode
from stations.querysets import hour_tag

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

__all__ = ["door_posters", "station_poster"]

# A station open at every moment of these days ahead is open 24 hours to a courier; the intervals reach 14 days ahead.
ALWAYS = timedelta(days=7)
# The index tells which stations are open at some time in every hour of the day; for so many of them we check whether they
# are open throughout.
CANDIDATES = 20
# Nobody rides farther than this to rest.
NEAR_ENOUGH_M = 10_000


@require_safe
def station_poster(request: HttpRequest, code: str) -> HttpResponse:
    """`?door=1` asks for the door's own code, and leads to signing in if nobody is signed in."""
    station = Station.objects.select_related("division", "zone").filter(code=code.upper()).first()
    is_staff = station is not None and _keeps(request).covers(station)
    if station is None or (station.status == Station.Status.DRAFT and not is_staff):
        raise Http404
    if request.GET.get("door") and not request.user.is_authenticated:
        return _signing_in(request)
    posters = _posters(request, [station], is_for_the_door=is_staff)
    return _printed(request, posters, is_for_the_door=is_staff)


@require_safe
def door_posters(request: HttpRequest) -> HttpResponse:
    """The posters for the doors of many stations, a page each: `?codes=` names stations of the account, separated by commas."""
    if not request.user.is_authenticated:
        return _signing_in(request)
    codes = set(request.GET.get("codes", "").upper().split(","))
    found = Station.objects.select_related("division", "zone").filter(code__in=codes).order_by("code")
    scope = _keeps(request)
    stations = [station for station in found if scope.covers(station)]
    # Stations outside the scope count as missing, and no door is left out silently.
    if len(stations) < len(codes):
        raise Http404
    return _printed(request, _posters(request, stations, is_for_the_door=True), is_for_the_door=True)


def _keeps(request: HttpRequest) -> access.Scope:
    """The scope whose doors the account is responsible for. The door's own code is printed only for these, since what is
    reported with it counts as said at the door.
    """
    return access.scope_of(request.user, Duty.MANAGE, Duty.COUNTER)


def _signing_in(request: HttpRequest) -> HttpResponse:
    return redirect_to_login(request.get_full_path(), login_url=reverse("admin:login"))


@dataclass(frozen=True, slots=True)
class Poster:
    """What one page says."""

    station: Station
    hours: list[str]
    entry_modes: list[str]
    amenities: list[Amenity]
    address: str
    qr: SafeString
    always_open: "AlwaysOpen | None"


def _posters(request: HttpRequest, stations: Sequence[Station], *, is_for_the_door: bool) -> list[Poster]:
    now, schedules = clock.now(), publishing.schedules([station.pk for station in stations])
    prefetch_related_objects(stations, "amenities")
    posters = []
    for station in stations:
        schedule = schedules[station.pk]
        path = reverse("stations:door", args=[station.door_token]) if is_for_the_door else station.get_absolute_url()
        address = absolute(request, path)
        posters.append(
            Poster(
                station=station, hours=hours_lines(schedule), entry_modes=unsaid_entry_modes(schedule),
                amenities=list(station.amenities.all()), address=address, qr=qr_svg(address),
                # One query for each door: the index cannot find the nearest to many places at once.
                always_open=nearest_always_open(station, now=now),
            )
        )  # fmt: skip
    return posters


def _printed(request: HttpRequest, posters: list[Poster], *, is_for_the_door: bool) -> HttpResponse:
    context = {"posters": posters, "is_for_the_door": is_for_the_door}
    response = render(request, "stations/station_poster.html", context)
    if is_for_the_door:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def qr_svg(text: str) -> SafeString:
    """A QR code that can be read through a scratched pane, as an inline SVG without styles (the page's policy allows none)."""
    code = segno.make_qr(text, error="q")
    return mark_safe(code.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass="qr-dark"))  # noqa: S308 - no markup


def hours_lines(schedule: Schedule) -> list[str]:
    """The usual hours and each season, a line each; none if no hours are registered."""
    written = format_en if get_language() == "en" else format_zh
    return [line for period in schedule.periods if (line := written([period]))]


def unsaid_entry_modes(schedule: Schedule) -> list[str]:
    """The entry modes that apply at some hour and are not named in its line, in the order of the list of modes."""
    used = {span.entry_mode for period in schedule.periods for span in period.spans}
    said = " ".join(hours_lines(schedule)).casefold()
    return [str(mode.label) for mode in EntryMode if mode.value in used and str(mode.label).casefold() not in said]


@dataclass(frozen=True, slots=True)
class AlwaysOpen:
    """The place to go to when this door is shut."""

    station: Station
    distance_m: int


def nearest_always_open(station: Station, *, now: datetime) -> AlwaysOpen | None:
    """The nearest other station that does not close in the week ahead and is not doubted; none for a station that is itself
    always open.
    """
    if station.latitude is None or station.longitude is None:
        return None
    if _is_open_throughout(station, begins=now, ends=now + ALWAYS):
        return None
    candidates: list[WithAnnotations[Station]] = list(
        Station.objects.published()
        .filter(tags__has=[hour_tag(hour) for hour in range(24)], doubted_at=None)
        .exclude(pk=station.pk)
        .near(Point(station.latitude, station.longitude))[:CANDIDATES]
    )
    for candidate in candidates:
        away = round(getattr(candidate, "distance_m"))  # noqa: B009 - an annotation of near()
        if away > NEAR_ENOUGH_M:
            break
        if _is_open_throughout(candidate, begins=now, ends=now + ALWAYS):
            return AlwaysOpen(candidate, away)
    return None


def _is_open_throughout(station: Station, *, begins: datetime, ends: datetime) -> bool:
    """Whether the station does not close in between; the entry mode may differ by day and by night."""
    reached = begins
    for interval in intervals.read(station.intervals):
        if interval.opens_at > reached:
            break
        reached = max(reached, interval.closes_at)
    return reached >= ends
