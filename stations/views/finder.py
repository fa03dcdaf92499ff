"""The first screen: the nearest rest station that is open and has what one needs; with the map and the list of places."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, gettext, pgettext

from core import clock
from stations import finding
from stations.geo import Point
from stations.models import Division, Station, Zone
from stations.templatetags.icons import icon
from stations.views import devices, parameters
from stations.views.cards import brief_cards, full_cards
from stations.views.errors import page
from stations.views.maps import tiles
from stations.views.parameters import Asked
from stations.views.vocabulary import Vocabulary, options, ticks, vocabulary
from stations.views.wording import moment_text, tier_text

__all__ = ["chosen", "find_station", "map_points", "place_list"]

# A phone that says "within 2 km" (usual inside WeChat) cannot tell the nearest from the next.
FUZZY_M = 1_000
# How many nearest stations an empty answer offers instead.
OFFERED = 3
# What couriers come for, by amenity.
NEEDS = ("microwave", "phone-charging", "toilet", "clothes-drying", "hot-water", "seats")


@dataclass(frozen=True, slots=True)
class WayOut:
    """An empty answer with one of its conditions dropped."""

    label: str
    url: str
    stations: int


def needs() -> dict[str, str]:
    """What couriers come for, in their words, by amenity."""
    words = (
        pgettext("need", "Heat food"),
        pgettext("need", "Charge"),
        pgettext("need", "Toilet"),
        pgettext("need", "Dry clothes"),
        pgettext("need", "Drink"),
        pgettext("need", "Sit down"),
    )
    return dict(zip(NEEDS, words, strict=True))


def _in_english() -> bool:
    return get_language() == "en"


def _read(request: HttpRequest, *, now: datetime, extra: Collection[str] = ()) -> tuple[Asked, Vocabulary]:
    wanted = [value.strip()[:12] for name in ("division", "subdistrict") for value in request.GET.getlist(name)[:2]]
    known = vocabulary(filter(None, wanted), in_english=_in_english())
    zones = set(Zone.objects.values_list("code", flat=True)) if request.GET.get("zone") else set()
    asked = parameters.read(
        request.GET, now=now, amenities=known.amenities, divisions=known.divisions, zones=zones, extra=extra
    )
    return asked, known


@page()
def find_station(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    asked, known = _read(request, now=now)
    if asked.wants_position and asked.near is None:
        return HttpResponseRedirect(f"{reverse('stations:places')}{_joined(asked.query(), 'why=no-position')}")
    remembered = None
    # A street that was chosen says better where somebody is than his last position does.
    if asked.near is None and not asked.division:
        remembered = devices.last_place(request)
    near = asked.near or remembered
    found = finding.find(asked.lookup(near=near), now=now)
    if near is not None and found.after is None and asked.bbox is None:
        # After the nearest come those whose position is not known yet, since people look for them by name too.
        unplaced = finding.find(
            replace(asked.lookup(near=near), near=None, radius_m=None, unplaced=True, after=None), now=now
        )
        found = replace(found, seen=[*found.seen, *unplaced.seen])
    at = asked.open_at or now
    context: dict[str, Any] = {
        "asked": asked,
        "cards": full_cards(
            found.cards,
            at=at,
            now=now,
            labels=known.amenities,
            wanted=asked.amenities,
            map_app=devices.map_app(request),
        ),
        "more_url": _more_url(asked, found, near),
        "first_url": _address(asked) if asked.after else "",
        "heading": _heading(asked, known, near),
        "chosen": list(chosen(asked, known, now, path=reverse("stations:finder"), besides=NEEDS)),
        "open_only_url": "" if asked.open else _address(asked, open="now"),
        "is_remembered": remembered is not None,
        "is_fuzzy": (asked.accuracy_m or 0) > FUZZY_M,
        "accuracy_km": f"{(asked.accuracy_m or 0) / 1000:.1f}",
        "chosen_time": moment_text(at, now) if asked.open not in {"", "now"} else "",
    }
    if not found.seen:
        context |= _help(asked, near=near, now=now, labels=known.amenities)
    context |= _frame(asked, known)
    response = render(request, "stations/station_list.html", context)
    patch_vary_headers(response, ["Cookie"])
    # It depends on somebody's place and moment: no cache between us and the phone may keep it.
    response["Cache-Control"] = "private, no-cache"
    if asked.near is not None and not context["is_fuzzy"]:
        devices.remember_place(response, asked.near)
    return response


def _address(asked: Asked, **changes: Any) -> str:
    """The finder's URL for these conditions, some of them changed."""
    return f"{reverse('stations:finder')}{asked.query(**changes)}"


def _joined(query: str, pair: str) -> str:
    return f"{query}&{pair}" if query else f"?{pair}"


def _more_url(asked: Asked, found: finding.Found, near: Point | None) -> str:
    if found.after is None or asked.page >= parameters.MAX_PAGES:
        return ""
    return reverse("stations:finder") + _joined(
        asked.query(near=near), f"cursor={asked.cursor_after(found.after, near=near)}"
    )


def _heading(asked: Asked, known: Vocabulary, near: Point | None) -> str:
    if asked.division:
        district = asked.division[:6]
        name = known.division_name(asked.division)
        return name if asked.division == district else f"{known.division_name(district)} {name}"
    if near is not None:
        return gettext("Nearest first")
    if asked.words:
        return gettext("Found for “{words}”").format(words=asked.words)
    return gettext("All stations, open ones first")


def chosen(
    asked: Asked, known: Vocabulary, now: datetime, *, path: str, besides: Collection[str] = ()
) -> Iterator[tuple[str, str]]:
    """Each condition in words, with the URL below `path` that drops it.

    `besides` are the amenities that have buttons of their own to drop them.
    """

    def without(**changes: Any) -> str:
        return path + asked.query(**changes)

    if asked.words:
        yield f"“{asked.words}”", without(words="")
    if asked.division:
        yield known.division_name(asked.division), without(division="")
    if asked.zone:
        yield Zone.objects.get(code=asked.zone).label, without(zone="")
    if asked.bbox is not None:
        yield gettext("This area of the map"), without(bbox=None)
    if asked.open_at is not None:
        at = gettext("Open now") if asked.open == "now" else moment_text(asked.open_at, now)
        yield at, without(open="", open_at=None)
    for tier in asked.tiers:
        yield tier_text(tier), without(tiers=tuple(other for other in asked.tiers if other != tier))
    for code in asked.amenities:
        if code not in besides:
            yield known.amenities[code], without(amenities=asked.toggled(code))


def _frame(asked: Asked, known: Vocabulary) -> dict[str, Any]:
    """What surrounds the list: needs, filters, and where the map finds its points."""
    wanted = needs()
    finder = reverse("stations:finder")
    filters = sum(map(bool, (asked.division, asked.zone, asked.tiers, asked.open)))
    filters += len([code for code in asked.amenities if code not in NEEDS])
    return {
        "chips": [
            {
                "code": code,
                "icon": icon(code),
                "label": label,
                "url": finder + asked.query(amenities=asked.toggled(code)),
                "is_on": code in asked.amenities,
            }
            for code, label in wanted.items()
            if code in known.amenities
        ],
        "districts": options(known.districts, asked.division),
        "subdistricts": options(known.subdistricts, asked.division),
        "tiers": ticks("tier", {str(tier): tier_text(tier) for tier in (1, 2, 3)}, map(str, asked.tiers)),
        "amenities": ticks("amenity", known.amenities, asked.amenities),
        "is_open_now": asked.open == "now",
        "open_time": asked.open if asked.open != "now" else "",
        "filter_count": filters,
        "is_filtered": asked.is_filtered,
        "points_url": f"{reverse('stations:map-points')}{asked.query()}",
        "clear_url": _address(Asked(near=asked.near, accuracy_m=asked.accuracy_m)),
        **tiles(),
    }


# Which conditions of the page belong to which field of a look-up.
_DROPPABLE: dict[str, dict[str, Any]] = {
    "words": {"words": ""},
    "open_at": {"open": "", "open_at": None},
    "amenities": {"amenities": ()},
    "tiers": {"tiers": ()},
    "zone": {"zone": ""},
    "division": {"division": ""},
}


def _help(asked: Asked, *, near: Point | None, now: datetime, labels: dict[str, str]) -> dict[str, Any]:
    """What an empty answer offers: each condition dropped, and the nearest that match except for being closed."""
    lookup = replace(asked.lookup(near=near), after=None)
    names = {
        "words": gettext("without “{words}”").format(words=asked.words),
        "open_at": gettext("those that are closed too"),
        "amenities": gettext("without {amenities}").format(
            amenities=gettext(", ").join(labels[code] for code in asked.amenities)
        ),
        "tiers": gettext("of any tier"),
        "zone": gettext("outside this zone too"),
        "division": gettext("in the whole city"),
    }
    ways_out = [
        WayOut(names[field], _address(asked, **_DROPPABLE[field]), stations)
        for field, stations in finding.count_without(lookup).items()
        if stations and field in _DROPPABLE
    ]
    offered: Sequence[finding.Card] = ()
    if asked.open_at is not None:
        offered = finding.find(replace(lookup, open_at=None, limit=OFFERED), now=asked.open_at).cards
    return {"ways_out": ways_out, "offered": brief_cards(offered, at=asked.open_at or now, now=now)}


@page()
def map_points(request: HttpRequest) -> HttpResponse:
    """The stations of the list as GeoJSON, for the map; many of them as clusters."""
    now = clock.now()
    asked, _known = _read(request, now=now)
    lookup = replace(asked.lookup(), near=None, after=None)
    points = finding.points(lookup, now=now)
    pattern = reverse("stations:station-detail", args=["CODE"])
    features: list[dict[str, Any]] = [
        _feature(
            station,
            code=station.code,
            name=station.name,
            tier=station.tier,
            is_open=station.is_open,
            url=pattern.replace("CODE", station.code),
        )
        for station in points.stations
    ]
    features += [_feature(cluster, stations=cluster.stations) for cluster in points.clusters]
    response = JsonResponse(
        {"type": "FeatureCollection", "features": features},
        content_type="application/geo+json",
        json_dumps_params={"ensure_ascii": False},
    )
    response["Cache-Control"] = "public, max-age=60"
    return response


def _feature(place: finding.MapPoint | finding.Cluster, **properties: Any) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(place.longitude, 6), round(place.latitude, 6)]},
        "properties": properties,
    }


@page()
def place_list(request: HttpRequest) -> HttpResponse:
    """Where are you? The streets that have stations, for phones that cannot or will not say."""
    now = clock.now()
    why = request.GET.get("why", "")
    asked, _known = _read(request, now=now, extra=("why",))
    stations: Counter[str] = Counter()
    by_place = Station.objects.published().annotate(place=Left("division_id", 9)).values_list("place")
    for code, count in by_place.annotate(count=Count("pk")).order_by():
        stations[code] = count
    districts = {code[:6] for code in stations}
    in_english = _in_english()
    nodes = Division.objects.filter(Q(code__in=districts) | Q(code__in=stations)).order_by("code")
    names = {node.code: node.name_en if in_english and node.name_en else node.name for node in nodes}
    inside: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for code in sorted(stations):
        if code != code[:6]:
            inside[code[:6]].append(
                {
                    "name": names.get(code, code),
                    "stations": stations[code],
                    "query": asked.query(near=None, division=code),
                }
            )
    context = {
        "is_refused": why == "no-position",
        "last_place": devices.last_place(request) is not None,
        "last_query": asked.query() or "",
        "districts": [
            {
                "code": code,
                "name": names.get(code, code),
                "stations": sum(count for place, count in stations.items() if place.startswith(code)),
                "query": asked.query(near=None, division=code),
                "subdistricts": inside[code],
            }
            for code in sorted(districts)
        ],
    }
    response = render(request, "stations/place_list.html", context)
    patch_vary_headers(response, ["Cookie"])
    return response
