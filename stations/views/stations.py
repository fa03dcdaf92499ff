"""A station's own page, what can be reported on it with one tap, and the way there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, gettext

from core import clock, limits
from core.addresses import address_key
from stations import access, confirming, day_types, finding, publishing
from stations.errors import StationNotFound
from stations.forms import ConfirmationForm, SatisfactionForm, read_form
from stations.geo import Point, distance_m, map_links
from stations.hours import DayHours, DayKind, OpenState, Schedule, State, week
from stations.models import Amenity, Confirmation, Division, Station, StationAmenity
from stations.templatetags.icons import icon
from stations.views import devices
from stations.views.cards import SHOWN_AMENITIES, brief_cards
from stations.views.errors import page
from stations.views.maps import app_links
from stations.views.panels import panels_of
from stations.views.structured import json_ld
from stations.views.wording import (
    ENTRY_ICONS,
    STATE_ICONS,
    ago_text,
    date_text,
    day_name,
    distance_text,
    entry_text,
    phone_links,
    proof_text,
    state_text,
    tier_text,
    until_text,
)

__all__ = ["confirmations", "door", "satisfaction", "station_detail", "station_photo", "uses", "way"]

# One phone, and all phones behind one address: a mobile carrier puts thousands behind one.
DEVICE_LIMIT = limits.Limit("taps-device", calls=30, window_s=3600)
ADDRESS_LIMIT = limits.Limit("taps-address", calls=300, window_s=3600)
# What was reported longer ago than this is no news.
NEWS = timedelta(days=7)
NEWS_ROWS = 30
OTHERS = 3
EXCEPTIONS_AHEAD = timedelta(days=60)
MIDNIGHT = time(0)


def public_station(code: str) -> Station:
    """The station, if the public may know of it. A draft looks like one that does not exist.   Raises: StationNotFound."""
    station = Station.objects.select_related("zone").filter(code=code.upper()).exclude(status="draft").first()
    if station is None:
        raise StationNotFound(gettext("Check the code on the door, or look for the station by name."))
    return station


def station_photo(request: HttpRequest, code: str) -> FileResponse:
    """The photo of the door, as re-encoded by core/images.py. Staff see that of a draft too."""
    station = Station.objects.exclude(photo="").filter(code=code).first()
    if station is None or (station.status == "draft" and not access.scope_of(request.user).covers(station)):
        raise Http404
    try:
        response = FileResponse(station.photo.open(), content_type="image/webp")
    except FileNotFoundError as error:  # the row was restored from a backup without its files
        raise Http404 from error
    # The URL contains the file's random name, so a new photo has a new URL.
    response["Cache-Control"] = "private, max-age=86400"
    return response


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DayView:
    """One line of the week."""

    name: str
    date: str
    is_today: bool
    spans: list[tuple[str, str]]
    note: str
    is_registered: bool


@dataclass(frozen=True, slots=True)
class TapView:
    """One of the four answers; the one that this phone gave last is marked."""

    value: str
    icon: str
    label: str
    is_mine: bool


@page()
def station_detail(request: HttpRequest, code: str) -> HttpResponse:
    station = public_station(code)
    if code != station.code:
        return HttpResponseRedirect(station.get_absolute_url())
    now = clock.now()
    in_english = get_language() == "en"
    today = clock.local_date(now)
    schedule = publishing.schedules([station.pk])[station.pk]
    kinds = day_types.kinds(today, 7)
    days = week(schedule, today, kinds)
    state = station.open_state(now)
    here = StationAmenity.objects.filter(station=station, amenity=OuterRef("pk"))
    amenities = list(Amenity.objects.annotate(is_here=Exists(here)).order_by("position", "code"))
    present = {amenity.code for amenity in amenities if amenity.is_here}
    names = _division_names(station, in_english=in_english)
    others = finding.nearest_others(station, now=now, limit=OTHERS)
    has_way = station.has_position and station.status == Station.Status.PUBLISHED
    has = [amenity for amenity in amenities if amenity.code in present]
    context: dict[str, Any] = {
        "station": station,
        "tier_text": tier_text(station.tier),
        "where": " ".join([*names, station.address, station.floor]).strip(),
        "distance": _distance(request, station),
        "is_published": station.status == Station.Status.PUBLISHED,
        "is_closed": station.status == Station.Status.CLOSED,
        "days": [_day_view(day, today) for day in days],
        "only_entry": _only_entry(days),
        "guessed": _guessed(days),
        "has_hours": any(day.is_registered for day in days),
        "unregistered": _unregistered(station, days, has),
        "why": _why(station, state, days[0], now=now),
        "entry": entry_text(state.entry_mode),
        "entry_icon": ENTRY_ICONS.get(state.entry_mode or "", "door"),
        "exceptions": _exceptions_ahead(schedule, today),
        "amenities": has,
        "first_amenities": has[:SHOWN_AMENITIES],
        "count_of_all": gettext("{count} in all").format(count=len(has)) if len(has) > SHOWN_AMENITIES else "",
        "missing": _missing(station, amenities, present),
        "links": app_links(_links(station, names)) if has_way else [],
        "map_app": devices.map_app(request),
        "organisations": list(station.organisations.all()),
        "phones": phone_links(station.phone),
        "others": brief_cards(others, at=now, now=now),
        "panels": panels_of(station) if station.status == Station.Status.PUBLISHED else [],
        "json_ld": json_ld(
            station,
            schedule,
            today=today,
            url=request.build_absolute_uri(station.get_absolute_url()),
            district=names[0] if names else "",
            subdistrict="".join(names[1:]),
            amenities=[amenity.label for amenity in has],
        ),
    }
    context |= _proof(request, station, now=now, state=state)
    # A place that is gone for good is gone for search engines too; people still find its page.
    status = 410 if station.status == Station.Status.CLOSED else 200
    response = render(request, "stations/station_detail.html", context, status=status)
    patch_vary_headers(response, ["Cookie"])
    response["Cache-Control"] = "private, no-cache"
    return response


def _division_names(station: Station, *, in_english: bool) -> list[str]:
    """The names from the district down."""
    code = str(station.division_id)
    rows = Division.objects.filter(code__in=[code[:length] for length in (6, 9, 12) if len(code) >= length])
    return [
        name_en if in_english and name_en else name
        for name, name_en in rows.order_by("code").values_list("name", "name_en")
    ]


def _links(station: Station, names: list[str]) -> Any:
    point = Point(station.latitude or 0.0, station.longitude or 0.0)
    return map_links(point, name=station.name, address="".join([*names, station.address]))


def _day_view(day: DayHours, today: date) -> DayView:
    return DayView(
        name=gettext("Today") if day.date == today else day_name(day.date),
        date=date_text(day.date),
        is_today=day.date == today,
        spans=[(_span_text(span.opens, span.closes), entry_text(span.entry_mode)) for span in day.spans],
        note=_day_note(day),
        is_registered=day.is_registered,
    )


def _only_entry(days: Iterable[DayHours]) -> str:
    """How one gets in, if it is the same all week: then it is said once and not seven times."""
    modes = {span.entry_mode for day in days for span in day.spans}
    return entry_text(modes.pop()) if len(modes) == 1 else ""


def _guessed(days: Iterable[DayHours]) -> str:
    """From which day on nobody has entered yet what is a holiday, in a sentence."""
    first = next((day.date for day in days if day.is_registered and day.certainty == "weekday-only"), None)
    if first is None:
        return ""
    return gettext("From {date} on by the weekday; holidays are not entered yet.").format(date=date_text(first))


def _distance(request: HttpRequest, station: Station) -> str:
    """How far it is from where this phone looked last; the phone may have moved, so the words say from where."""
    place = devices.last_place(request)
    if place is None or not station.has_position:
        return ""
    metres = distance_m(place, Point(station.latitude or 0.0, station.longitude or 0.0))
    return gettext("{distance} from your last place").format(distance=distance_text(metres))


def _span_text(opens: time, closes: time) -> str:
    """08:00–20:00; a night says that it ends on the next day, and midnight is the end of a day, not the beginning."""
    if opens == closes:
        return gettext("24 hours")
    if closes == MIDNIGHT:
        return f"{opens:%H:%M}–24:00"
    if closes < opens:
        return gettext("{opens}–{closes} (next day)").format(opens=f"{opens:%H:%M}", closes=f"{closes:%H:%M}")
    return f"{opens:%H:%M}–{closes:%H:%M}"


def _day_note(day: DayHours) -> str:
    """What is special about a day, if anything."""
    if day.is_exception:
        return day.reason or gettext("differs from the usual hours")
    match day.kind:
        case DayKind.HOLIDAY:
            kind = gettext("public holiday")
        case DayKind.SWAPPED_WORKDAY:
            kind = gettext("weekend that is worked")
        case _:
            kind = ""
    return " · ".join(filter(None, (kind, day.reason)))


def _why(station: Station, state: OpenState, today: DayHours, *, now: datetime) -> str:
    """Why the station is in this state, in a sentence."""
    if state.state == State.DOUBTED:
        return (
            gettext("People at the door found it shut, though it should be open.")
            if state.closes_at or state.is_round_the_clock
            else gettext("People at the door found it shut.")
        )
    if not today.is_registered or state.state == State.UNKNOWN:
        if station.hours_text:
            return gettext("The office wrote: {text}").format(text=station.hours_text)
        return gettext("Nobody has registered when it opens. Call before you go, or choose another.")
    if state.is_open and not _is_open_by(today, now):
        # Today may be closed, or have hours of its own: neither is why the door is open at this hour of the night.
        return gettext("Still open from yesterday, by yesterday's hours.")
    if today.is_exception:
        return (
            gettext("Today has hours of its own: {reason}").format(reason=today.reason)
            if today.reason
            else gettext("Today has hours of its own.")
        )
    if today.kind == DayKind.HOLIDAY:
        return gettext("By the hours for public holidays.")
    if today.kind == DayKind.SWAPPED_WORKDAY:
        return gettext("Today is a weekend that is worked, so workday hours hold.")
    if today.certainty == "weekday-only":
        return gettext("By the weekday; whether it is a holiday is not known yet.")
    if today.reason:
        return gettext("By the hours of {period}.").format(period=today.reason)
    return gettext("By today's posted hours.")


def _is_open_by(day: DayHours, now: datetime) -> bool:
    """Whether an opening that began on `day`, which is today, holds at `now`."""
    at = clock.to_local(now).time()
    return any(span.opens <= at and (at < span.closes or span.closes <= span.opens) for span in day.spans)


def _exceptions_ahead(schedule: Schedule, today: date) -> list[tuple[str, str, str]]:
    """Dates ahead on which other hours hold: (when, hours, reason)."""
    ahead = [row for row in schedule.exceptions if row.ends_on >= today and row.starts_on <= today + EXCEPTIONS_AHEAD]
    lines = []
    for row in sorted(ahead, key=lambda row: (row.starts_on, row.ends_on)):
        dates = date_text(row.starts_on)
        if row.ends_on != row.starts_on:
            dates = f"{dates}–{date_text(row.ends_on)}"
        if row.opens is None or row.closes is None:
            hours = gettext("closed all day")
        else:
            hours = _span_text(row.opens, row.closes)
        lines.append((dates, hours, row.reason))
    return lines


def _unregistered(station: Station, days: Iterable[DayHours], has: Sequence[Amenity]) -> list[str]:
    """What the office has not told us, in words, for one line in place of empty tables."""
    told = {
        gettext("opening hours"): any(day.is_registered for day in days) or station.hours_text,
        gettext("amenities"): has or station.amenities_text,
        gettext("address"): station.address,
        gettext("position"): station.has_position,
        gettext("phone"): station.phone,
    }
    return [name for name, value in told.items() if not value]


def _missing(station: Station, amenities: Iterable[Amenity], present: set[str]) -> list[str]:
    """What a courier may expect of this tier, but nobody has registered. If nothing is registered, nothing is known."""
    if station.tier is None or not present:
        return []
    return [
        amenity.label
        for amenity in amenities
        if amenity.expected_from_tier is not None
        and station.tier <= amenity.expected_from_tier
        and amenity.code not in present
    ]


def _proof(
    request: HttpRequest,
    station: Station,
    *,
    now: datetime,
    state: OpenState | None = None,
    device: str = "",
    rest: tuple[bool, bool] | None = None,
) -> dict[str, Any]:
    """What people found at the door, what this phone reported, and what it may report now.

    `device` and `rest` are what the phone gets only with this response.
    """
    news = list(
        station.confirmations.filter(confirmed_at__gt=now - NEWS).values_list(
            "outcome", "channel", "witness", "confirmed_at", "is_outside_hours"
        )[:NEWS_ROWS]
    )
    device = device or devices.device_id(request)
    news = _last_words(news)
    witness = confirming.witness_at(station, device) if device else ""
    mine = next(((outcome, at) for outcome, _, said_by, at, _ in news if witness and said_by == witness), None)
    state = state or station.open_state(now)
    has_rested, has_answered = rest or devices.rest_at(request, station)
    words = {
        Confirmation.Outcome.ENTERED: ("entered", gettext("Got in")),
        Confirmation.Outcome.LOCKED: ("locked", gettext("Locked")),
        Confirmation.Outcome.BROKEN: ("broken", gettext("Something broken")),
        Confirmation.Outcome.MOVED: ("moved", gettext("Moved away")),
    }
    return {
        "station": station,
        "state": state.state.value,
        "state_icon": icon(STATE_ICONS[state.state]),
        "state_text": state_text(state.state),
        "until": until_text(state, now),
        "proof": proof_text(station.confirmed_at, now),
        "doubted_ago": ago_text(station.doubted_at, now) if station.doubted_at else "",
        "news": _news(news, station, now),
        "mine": (words[Confirmation.Outcome(mine[0])][1], ago_text(mine[1], now)) if mine else None,
        "taps": [
            TapView(value, drawing, label, mine is not None and mine[0] == value)
            for value, (drawing, label) in words.items()
        ],
        "is_at_door": devices.is_at_door(request, station),
        "has_rested": has_rested,
        "has_answered": has_answered,
    }


# Of a confirmation: outcome, channel, witness, when, and whether that was outside the station's hours.
_Report = tuple[str, str, str, datetime, bool]


def _news(rows: list[_Report], station: Station, now: datetime) -> list[tuple[str, str]]:
    """The last report of each kind of trouble since somebody got in: (icon, sentence). One from afar is shown as such; that it
    was locked outside its hours is no trouble.
    """
    lines: list[tuple[str, str]] = []
    told: set[tuple[str, bool]] = set()
    for outcome, channel, _witness, at, is_outside_hours in rows:
        is_remote = channel == Confirmation.Channel.REMOTE
        if outcome == Confirmation.Outcome.ENTERED or is_outside_hours or (outcome, is_remote) in told:
            continue
        if outcome != Confirmation.Outcome.BROKEN and station.confirmed_at is not None and at < station.confirmed_at:
            continue
        told.add((outcome, is_remote))
        match outcome, is_remote:
            case Confirmation.Outcome.LOCKED, False:
                text = gettext("{ago}: found locked, at the door")
            case Confirmation.Outcome.LOCKED, True:
                text = gettext("{ago}: said to be locked, from afar")
            case Confirmation.Outcome.BROKEN, False:
                text = gettext("{ago}: something is broken, said at the door")
            case Confirmation.Outcome.BROKEN, True:
                text = gettext("{ago}: something is said to be broken, from afar")
            case _, False:
                text = gettext("{ago}: moved away, said at the door")
            case _:
                text = gettext("{ago}: said to have moved away, from afar")
        lines.append((str(outcome), text.format(ago=ago_text(at, now))))
    return lines


# ── One tap ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _counted(request: HttpRequest, *, now: datetime) -> str:
    """The phone's id, new where it has none. Raises: TooMany."""
    limits.enforce(ADDRESS_LIMIT, key=address_key(request), at=now)
    device = devices.device_id(request)
    if device:
        limits.enforce(DEVICE_LIMIT, key=device, at=now)
    return device or devices.new_device_id()


def _last_words(news: list[_Report]) -> list[_Report]:
    """Only the last report of each phone, newest first; staff have no witness, so each of their reports counts."""
    heard: set[str] = set()
    kept = []
    for row in news:
        witness = row[2]
        if not witness or witness not in heard:
            kept.append(row)
            heard.add(witness)
    return kept


def _answer(request: HttpRequest, station: Station, *, now: datetime, **known: Any) -> HttpResponse:
    """Lead back to the page; a script gets the parts of it that a tap may change."""
    if request.headers.get("X-Requested-With") != "fetch":
        return HttpResponseRedirect(f"{station.get_absolute_url()}#confirm")
    state, today = station.open_state(now), clock.local_date(now)
    day = week(publishing.schedules([station.pk])[station.pk], today, day_types.kinds(today, 1), 1)[0]
    context = _proof(request, station, now=now, state=state, **known) | {
        "why": _why(station, state, day, now=now),
        "is_published": station.status == Station.Status.PUBLISHED,
    }
    return render(request, "stations/_tap_answer.html", context)


@page(methods=["POST"])
def confirmations(request: HttpRequest, code: str) -> HttpResponse:
    now = clock.now()
    station = public_station(code)
    form = read_form(ConfirmationForm, request)
    device = _counted(request, now=now)
    outcome = form.cleaned_data["outcome"]
    at_door = devices.is_at_door(request, station) or (
        devices.is_at_door(request, station, position=form.position, accuracy_m=form.cleaned_data["accuracy_m"])
        and not (outcome in confirming.SHUT and _says_so_too_often(request, now=now))
    )
    confirmation = confirming.confirm(
        station=station,
        outcome=outcome,
        witness=confirming.witness_at(station, device),
        at_door=at_door,
        at=now,
    )
    station.refresh_from_db(fields=["confirmed_at", "doubted_at"])
    messages.success(
        request,
        _thanks(
            outcome,
            at_door=at_door,
            is_doubted=station.doubted_at is not None,
            is_shut_as_said=confirmation.is_outside_hours,
        ),
    )
    response = _answer(request, station, now=now, device=device)
    devices.remember_device(response, device)
    return response


# A position is only claimed, not proved: one address may report no more doors shut by it than a courier can pass in an hour.
SHUT_BY_POSITION = limits.Limit("shut-by-position", calls=6, window_s=3600)


def _says_so_too_often(request: HttpRequest, *, now: datetime) -> bool:
    return limits.count(SHUT_BY_POSITION, key=address_key(request), at=now) > SHUT_BY_POSITION.calls


def _thanks(outcome: str, *, at_door: bool, is_doubted: bool, is_shut_as_said: bool) -> str:
    if not at_door:
        return gettext("Thank you, noted. It counts fully when you say it at the door: scan the code there.")
    if is_shut_as_said:
        return gettext("Thank you, noted. By its hours it is shut now, so nobody is warned of it.")
    if is_doubted and outcome in confirming.SHUT:
        return gettext("Thank you! Everybody is warned now that it may be shut.")
    match outcome:
        case Confirmation.Outcome.ENTERED:
            return gettext("Thank you! Others now see that one gets in.")
        case Confirmation.Outcome.LOCKED:
            return gettext("Thank you! When a second phone finds it locked, everybody is warned.")
        case Confirmation.Outcome.BROKEN:
            return gettext("Thank you! Others now see that something is broken.")
        case _:
            return gettext("Thank you! When a second phone says so, everybody is warned.")


@page(methods=["POST"])
def uses(request: HttpRequest, code: str) -> HttpResponse:
    """我来歇脚: one more visitor, whoever it is. A phone counts once in some hours."""
    now = clock.now()
    station = public_station(code)
    _counted(request, now=now)
    has_rested, has_answered = devices.rest_at(request, station)
    if not has_rested:
        confirming.record_use(station=station, at=now)
    messages.success(request, gettext("Have a good rest."))
    response = _answer(request, station, now=now, rest=(True, has_answered))
    devices.remember_rest(request, response, station, is_answered=has_answered)
    return response


@page(methods=["POST"])
def satisfaction(request: HttpRequest, code: str) -> HttpResponse:
    """满意 or 不满意, once for each rest."""
    now = clock.now()
    station = public_station(code)
    form = read_form(SatisfactionForm, request)
    _counted(request, now=now)
    has_rested, has_answered = devices.rest_at(request, station)
    if has_rested and not has_answered:
        confirming.record_satisfaction(station=station, satisfied=form.cleaned_data["satisfied"] == "yes", at=now)
    if not has_rested:
        messages.info(request, gettext("Tap “I came to rest” first, then say how it was."))
        return _answer(request, station, now=now, rest=(False, False))
    messages.success(request, gettext("Thank you for your answer."))
    response = _answer(request, station, now=now, rest=(True, True))
    devices.remember_rest(request, response, station, is_answered=True)
    return response


# ── To the door ─────────────────────────────────────────────────────────────────────────────────────────────────────


@page()
def door(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001 - every view takes it
    """The QR at a door: for a quarter of an hour, whoever scanned it counts as being there."""
    station = Station.objects.filter(door_token=token).exclude(status="draft").first()
    if station is None:
        raise StationNotFound(gettext("This code is no longer valid. Look for the station by name."))
    response = HttpResponseRedirect(f"{station.get_absolute_url()}#confirm")
    devices.remember_door(response, station)
    response["Cache-Control"] = "no-store"
    return response


class _MapRedirect(HttpResponseRedirect):
    allowed_schemes = ["https", "geo"]


@page()
def way(request: HttpRequest, code: str) -> HttpResponse:
    """Opens the map app that was chosen last, or the choice of one if none was."""
    station = public_station(code)
    app = request.GET.get("app", "") or devices.map_app(request)
    if not station.has_position or station.status != Station.Status.PUBLISHED or app not in devices.MAP_APPS:
        return HttpResponseRedirect(f"{station.get_absolute_url()}#go")
    names = _division_names(station, in_english=False)
    response = _MapRedirect(getattr(_links(station, names), app))
    devices.remember_map_app(response, app)
    response["Cache-Control"] = "no-store"
    return response
