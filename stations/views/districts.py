"""How many stations there are, where, and of which tier; the numbers are counted, never typed."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, gettext_lazy

from core import clock
from core.errors import NotFound
from stations import finding
from stations.access import CITY_CODE, DISTRICT_DIGITS
from stations.geo import districts as outlines
from stations.models import Division, Station, Zone
from stations.views import devices, parameters
from stations.views.cards import brief_cards, full_cards
from stations.views.errors import page
from stations.views.finder import chosen
from stations.views.maps import tiles
from stations.views.vocabulary import vocabulary
from stations.views.wording import tier_text

__all__ = ["DivisionNotFound", "district_detail", "district_list"]

# How many stations the page of a district lists; the finder has the further pages.
LISTED = 60
# How many nearest stations are offered if a district has none.
OFFERED = 3


class DivisionNotFound(NotFound):
    code = "division_not_found"
    title = gettext_lazy("There is no district or subdistrict under this code.")


@dataclass(frozen=True, slots=True)
class TierCount:
    """How many stations there are of one tier, and the list of them."""

    tier: int | None
    label: str
    stations: int
    url: str


@dataclass(frozen=True, slots=True)
class DivisionView:
    """A division with its numbers."""

    code: str
    name: str
    url: str
    list_url: str
    stations: int
    open_now: int
    unregistered: int
    tiers: list[TierCount]


def _tiers(code: str, by_tier: Counter[int | None]) -> list[TierCount]:
    """The three tiers, even if a district has no station of one; and the stations that nobody has rated, if there are any."""
    finder = reverse("stations:finder")
    rows = [
        TierCount(tier, tier_text(tier), by_tier[tier], f"{finder}?division={code}&tier={tier}") for tier in (1, 2, 3)
    ]
    if by_tier[None]:
        rows.append(TierCount(None, gettext("tier not registered"), by_tier[None], f"{finder}?division={code}"))
    return rows


@dataclass(slots=True)
class _Counts:
    """Stations of one division: by tier, those open now, and those whose hours are not known."""

    by_tier: Counter[int | None] = field(default_factory=Counter)
    open_now: int = 0
    unregistered: int = 0

    def add(self, other: "_Counts") -> None:
        self.by_tier += other.by_tier
        self.open_now += other.open_now
        self.unregistered += other.unregistered


def _counts(prefix: str, *, length: int) -> dict[str, _Counts]:
    """The stations inside, by division (its code cut to `length`). Two queries."""
    now = clock.now()
    inside = Station.objects.published().in_division(prefix).annotate(part=Left("division_id", length)).order_by()
    without_hours = Count("pk", filter=Q(expanded_until=None) | Q(expanded_until__lte=now))
    found: dict[str, _Counts] = defaultdict(_Counts)
    rows = inside.values_list("part", "tier").annotate(stations=Count("pk"), unregistered=without_hours)
    for part, tier, stations, unregistered in rows:
        found[part].add(_Counts(Counter({tier: stations}), unregistered=unregistered))
    for part, stations in inside.open_at(now).values_list("part").annotate(stations=Count("pk")):
        found[part].open_now += stations
    return found


def _total(counts: Iterable[_Counts]) -> _Counts:
    total = _Counts()
    for one in counts:
        total.add(one)
    return total


def _view(node: Division, counts: _Counts) -> DivisionView:
    return DivisionView(
        code=node.code,
        name=node.label,
        url=reverse("stations:district-detail", args=[node.code]),
        list_url=f"{reverse('stations:finder')}?division={node.code}",
        stations=counts.by_tier.total(),
        open_now=counts.open_now,
        unregistered=counts.unregistered,
        tiers=_tiers(node.code, counts.by_tier),
    )


@page()
def district_list(request: HttpRequest) -> HttpResponse:
    if "bbox" in request.GET:  # 搜这一带 on the map of the whole city
        return HttpResponseRedirect(f"{reverse('stations:finder')}?{request.GET.urlencode()}")
    by_district = _counts("", length=DISTRICT_DIGITS)
    districts = [
        _view(node, by_district.get(node.code, _Counts())) for node in Division.objects.districts().order_by("code")
    ]
    total = _total(by_district.values())
    context: dict[str, Any] = {
        "districts": sorted(
            (district for district in districts if district.stations),
            key=lambda district: (-district.stations, district.code),
        ),
        "empty": [district for district in districts if not district.stations],
        "stations": total.by_tier.total(),
        "open_now": total.open_now,
        "unregistered": total.unregistered,
        "points_url": reverse("stations:map-points"),
        **tiles(),
    }
    return render(request, "stations/district_list.html", context)


def _nearest_elsewhere(code: str, *, now: datetime) -> SafeString:
    """The stations nearest to the middle of a district that has none of its own; empty if its outline is not known."""
    outline = outlines().get(code[:DISTRICT_DIGITS])
    if outline is None:
        return SafeString("")
    found = finding.find(finding.Lookup(near=outline.label, limit=OFFERED), now=now)
    return brief_cards(found.cards, at=now, now=now)


@page()
def district_detail(request: HttpRequest, code: str) -> HttpResponse:
    if code == CITY_CODE:
        return HttpResponseRedirect(reverse("stations:district-list"))
    # The node itself, the one it is in, and those directly inside: one query.
    nodes = {
        node.code: node
        for node in Division.objects.inside(code[:DISTRICT_DIGITS])
        .filter(level__in=["district", "subdistrict"])
        .order_by("code")
    }
    node = nodes.get(code) or Division.objects.filter(code=code).first()
    if node is None:
        raise DivisionNotFound(gettext("Choose a district from the list."))
    now = clock.now()
    known = vocabulary([code], in_english=get_language() == "en")
    # 搜这一带 and the filters of a shared link hold here too, inside this division.
    zones = set(Zone.objects.values_list("code", flat=True)) if request.GET.get("zone") else set()
    asked = parameters.read(request.GET, now=now, amenities=known.amenities, divisions=known.divisions, zones=zones)
    by_part = _counts(code, length=9)
    asked = replace(asked, division=code)
    found = finding.find(replace(asked.lookup(limit=LISTED), after=None), now=now)
    is_district = len(code) == DISTRICT_DIGITS
    district = _view(node, _total(by_part.values()))
    context = {
        "district": district,
        "parent": None if is_district else _view(nodes[code[:6]], _Counts()) if code[:6] in nodes else None,
        "subdistricts": [
            _view(nodes[part], counts)
            for part, counts in sorted(by_part.items())
            if is_district and part in nodes and part != code
        ],
        "nearest_elsewhere": "" if district.stations else _nearest_elsewhere(code, now=now),
        "cards": full_cards(
            found.cards,
            at=asked.open_at or now,
            now=now,
            labels=known.amenities,
            wanted=asked.amenities,
            map_app=devices.map_app(request),
        ),
        "heading": gettext("Stations, open ones first"),
        "chosen": list(chosen(replace(asked, division=""), known, now, path=request.path)),
        "more_url": f"{reverse('stations:finder')}{asked.query()}" if found.after is not None else "",
        "points_url": f"{reverse('stations:map-points')}{asked.query()}",
        **tiles(),
    }
    response = render(request, "stations/district_detail.html", context)
    patch_vary_headers(response, ["Cookie"])
    return response
