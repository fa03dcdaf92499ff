"""What the public sees of gifts: which there are for how many points, where they are in stock and open, and how to get them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext, ngettext

from core import clock, dated
from core.errors import InvalidValue
from points import catalogue
from points.catalogue import Cabinet, Offer
from points.errors import GiftNotFound
from points.models import EarningRule, Gift, GiftPrice
from points.views.attendance import attendance_text
from stations import access
from stations.access import CITY_CODE
from stations.geo import Point, district_at
from stations.models import Station
from stations.templatetags.icons import icon
from stations.views import devices, parameters
from stations.views.cards import facts_of, full_cards
from stations.views.errors import page
from stations.views.finder import FUZZY_M
from stations.views.parameters import Asked
from stations.views.vocabulary import options, vocabulary

__all__ = ["at_station", "gift_detail", "gift_list", "gift_photo"]

# A district has some ten gifts, so the whole city still fits on one page.
LISTED = 200
# How many stations the page of one gift names.
STATIONS = 30
MOST_POINTS = 1_000_000


def gift_photo(request: HttpRequest, code: str) -> FileResponse:
    """The photo of a gift, as re-encoded by core/images.py. If the gift is no longer offered, only its district sees it."""
    gift = Gift.objects.exclude(photo="").filter(code=code).first()
    if gift is None or not (
        gift.is_offered or access.scope_of(request.user).covers_division(str(gift.division_id))
    ):  # fmt: skip
        raise Http404
    try:
        response = FileResponse(gift.photo.open(), content_type="image/webp")
    except FileNotFoundError as error:  # the row was restored from a backup without its files
        raise Http404 from error
    # The URL contains the file's random name, so a new photo has a new URL.
    response["Cache-Control"] = "private, max-age=86400"
    return response


# ── The catalogue ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What one URL of the catalogue asks for. `place` says where somebody is and which district he chose."""

    place: Asked
    up_to: int | None = None
    in_stock: bool = False

    def address(self, **changes: Any) -> str:
        """The URL of the catalogue with these conditions, some of them changed."""
        asked = replace(self, **changes) if changes else self
        pairs = list(asked.place.pairs())
        if asked.up_to is not None:
            pairs.append(("points", str(asked.up_to)))
        if asked.in_stock:
            pairs.append(("stock", "yes"))
        return reverse("points:gifts") + (f"?{urlencode(pairs)}" if pairs else "")


@dataclass(frozen=True, slots=True)
class GiftView:
    """One card of the catalogue: the gift, the most suitable cabinet that has it, and how many others have it."""

    offer: Offer
    cabinet: Cabinet | None
    facts: SafeString | str
    others: int
    attendance: str = ""


@page()
def gift_list(request: HttpRequest) -> HttpResponse:
    now = clock.now()
    districts = vocabulary(in_english=get_language() == "en").districts
    asked = _read(request.GET, now=now, districts=districts)
    near = asked.place.near or devices.last_place(request)
    # If no district is chosen, the page shows the gifts of the one where the phone looked last.
    around = district_at(near) if near is not None and not asked.place.division else None
    district = asked.place.division or around or ""
    if district not in districts:  # the whole city, or a place outside it
        district = ""
    offers = catalogue.offers(
        on=clock.local_date(now), district=district, up_to=asked.up_to, in_stock=asked.in_stock,
        cheapest_first=True, most=LISTED + 1,
    )  # fmt: skip
    context: dict[str, Any] = {
        "asked": asked,
        "gifts": _views(offers[:LISTED], near=near, now=now),
        "is_cut": len(offers) > LISTED,
        "listed": LISTED,
        "district": districts.get(district, ""),
        "districts": options(districts, district or " "),
        "city_code": CITY_CODE,
        "city_url": asked.address(place=replace(asked.place, division=CITY_CODE)),
        "chosen": list(_chosen(asked)),
        "is_filtered": asked.up_to is not None or asked.in_stock,
    } | _where_one_stands(asked.place, near=near)
    response = render(request, "points/gifts/gift_list.html", context)
    return _for_one_phone(response, asked.place, is_fuzzy=context["is_fuzzy"])


def _read(data: QueryDict, *, now: datetime, districts: Collection[str]) -> Question:
    """The conditions in `data`.   Raises: InvalidValue."""
    place = parameters.read(
        data,
        now=now,
        amenities=(),
        divisions={*districts, CITY_CODE},
        known=parameters.PLACE,
        extra=("points", "stock"),
    )
    in_stock = data.get("stock", "")
    if in_stock not in ("", "yes"):
        raise InvalidValue("stock", gettext("Only stock=yes is known."), value=in_stock)
    text = data.get("points", "").strip()
    if not text:
        return Question(place=place, in_stock=bool(in_stock))
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and 1 <= int(text) <= MOST_POINTS):
        raise InvalidValue("points", gettext("Give a whole number of points, such as 1500."), value=text)
    return Question(place=place, up_to=int(text), in_stock=bool(in_stock))


def _chosen(asked: Question) -> Iterator[tuple[str, str]]:
    """Each condition in words, with the URL that drops it."""
    if asked.up_to is not None:
        yield gettext("up to {points} points").format(points=asked.up_to), asked.address(up_to=None)
    if asked.in_stock:
        yield gettext("in stock only"), asked.address(in_stock=False)


def _views(offers: Sequence[Offer], *, near: Point | None, now: datetime) -> list[GiftView]:
    cabinets = catalogue.cabinets([offer.gift for offer in offers], near=near, now=now)
    facts = facts_of([having[0].station for having in cabinets.values()], at=now, now=now)
    views = []
    for offer in offers:
        having = cabinets.get(offer.gift.pk)
        if having:
            best = having[0]
            attendance = attendance_text(best.station.open_state, best.attended, now=now)
            views.append(GiftView(offer, best, facts[best.station.code], len(having) - 1, attendance))
        else:
            views.append(GiftView(offer, None, "", 0))
    return views


def _where_one_stands(place: Asked, *, near: Point | None) -> dict[str, Any]:
    """What the page says about the position that it sorts by."""
    return {
        "near": near,
        "is_remembered": near is not None and place.near is None,
        "is_fuzzy": (place.accuracy_m or 0) > FUZZY_M,
        "accuracy_km": f"{(place.accuracy_m or 0) / 1000:.1f}",
        "is_refused": place.wants_position and place.near is None,
    }


def _for_one_phone(response: HttpResponse, place: Asked, *, is_fuzzy: bool) -> HttpResponse:
    patch_vary_headers(response, ["Cookie"])
    # It depends on somebody's place and moment: no cache between us and the phone may keep it.
    response["Cache-Control"] = "private, no-cache"
    if place.near is not None and not is_fuzzy:
        devices.remember_place(response, place.near)
    return response


# ── One gift ────────────────────────────────────────────────────────────────────────────────────────────────────────


@page()
def gift_detail(request: HttpRequest, code: str) -> HttpResponse:
    now = clock.now()
    today = clock.local_date(now)
    place = parameters.read(request.GET, now=now, amenities=(), divisions=(), known=parameters.PLACE - {"division"})
    gift = Gift.objects.select_related("division").filter(code=code, is_offered=True).first()
    prices = list(gift.prices.exclude(valid_through__lt=today).order_by("valid_from")[:2]) if gift else []
    if gift is None or not prices:
        raise GiftNotFound(gettext("It may have been taken off the list. Look at the gifts there are."))
    price, ahead = _prices(prices, today)
    near = place.near or devices.last_place(request)
    kept = catalogue.cabinets([gift], near=near, now=now, also_empty=True).get(gift.pk, [])
    shown = [each for each in kept if each.pieces] or kept
    context: dict[str, Any] = {
        "gift": gift,
        "price": price,
        "ahead": ahead,
        "pieces": sum(each.pieces for each in shown),
        "stations": len(shown),
        "is_cut": len(shown) > STATIONS,
        "listed": STATIONS,
        "cards": full_cards(
            [each.station for each in shown[:STATIONS]], at=now, now=now, labels={}, map_app=devices.map_app(request),
            notes={each.station.code: _note(each, now=now) for each in shown[:STATIONS]},
        ),
        "rules": list(_rules(today)),
    } | _where_one_stands(place, near=near)  # fmt: skip
    response = render(request, "points/gifts/gift_detail.html", context)
    return _for_one_phone(response, place, is_fuzzy=context["is_fuzzy"])


def _prices(prices: Iterable[GiftPrice], today: date) -> tuple[int | None, GiftPrice | None]:
    """What it costs today, and the price that will apply later."""
    price, ahead = None, None
    for row in prices:
        if row.valid_from <= today:
            price = row.points
        elif ahead is None:
            ahead = row
    return price, ahead


def _note(cabinet: Cabinet, *, now: datetime) -> str:
    if not cabinet.pieces:
        return f"{icon('unknown')}{escape(gettext('none here at the moment'))}"
    text = ngettext("{pieces} piece here", "{pieces} pieces here", cabinet.pieces).format(pieces=cabinet.pieces)
    attendance = attendance_text(cabinet.station.open_state, cabinet.attended, now=now)
    return f"{icon('gift-counter')}<b>{escape(text)}</b>" + (
        f" <span data-passing>{escape(attendance)}</span>" if attendance else ""
    )


def _rules(today: date) -> Iterator[tuple[str, str]]:
    """How points are earned: (for what, how many and how often)."""
    for rule in EarningRule.objects.filter(dated.holds_on(today)).order_by("-points", "action"):
        often = ngettext("at most once a day", "at most {times} times a day", rule.most_a_day).format(
            times=rule.most_a_day
        )
        points = ngettext("{points} point", "{points} points", rule.points).format(points=rule.points)
        yield str(rule.get_action_display()), f"{points} · {often}"


# ── On the page of a station ────────────────────────────────────────────────────────────────────────────────────────


def at_station(station: Station) -> str:
    """The section of a station's page with what is in its cabinet; nothing if it is empty or there is none."""
    now = clock.now()
    offers = catalogue.offers(
        on=clock.local_date(now), station=station, in_stock=True, cheapest_first=True, most=LISTED
    )
    if not offers:
        return ""
    attendance = attendance_text(station.open_state(now), station.attended(now), now=now)
    return render_to_string("points/gifts/_at_station.html", {"offers": offers, "attendance": attendance})
