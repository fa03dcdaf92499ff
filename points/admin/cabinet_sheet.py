"""The sheet that hangs beside a gift cabinet, one A4 page: the cabinet's code, three steps, and what the gifts cost.

The code proves that a phone is at the cabinet, as the door's proves that somebody is at the door, so only those who serve
there print it.
"""

from django.contrib import admin
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from core import clock, dated
from core.addresses import absolute
from core.admin_site import FengchaoAdminSite
from points import cabinet
from points.admin.late import kept_station
from points.models import Account, GiftPrice
from points.redemption import AT_COUNTER
from stations import publishing
from stations.admin.stations import lead_on
from stations.models import Station
from stations.views.poster import hours_lines, qr_svg

__all__ = ["cabinet_sheet"]

# How many fit on the page in letters that can be read from two steps away.
MOST_GIFTS = 10


def gifts_of(station: Station) -> list[GiftPrice]:
    """What the district offers and this cabinet has ever held, at today's price, the cheapest first; if none, all it offers."""
    today = clock.local_date(clock.now())
    prices = GiftPrice.objects.filter(
        dated.holds_on(today), gift__division=station.district_code, gift__is_offered=True
    ).select_related("gift")
    held = Account.objects.filter(kind=Account.Kind.STOCK, gift=OuterRef("gift"), station=station)
    rows = prices.annotate(is_held=Exists(held)).order_by("-is_held", "points", "gift__code")
    found = [(price, price.is_held) for price in rows[:MOST_GIFTS]]
    return [price for price, is_held in found if is_held] or [price for price, _is_held in found]


def cabinet_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    station = kept_station(request, pk)
    context = {
        "station": station,
        "hours": hours_lines(publishing.schedules([station.pk])[station.pk]),
        "qr": qr_svg(absolute(request, reverse("points:cabinet", args=[cabinet.token_of(station)]))),
        "prices": gifts_of(station),
        "day": clock.local_date(clock.now()),
        "back": reverse("admin:points_late"),
        "poster": reverse("stations:station-poster", args=[station.code]),
    }
    response = TemplateResponse(request, "admin/points/cabinet_sheet.html", context)
    response.headers["Cache-Control"] = "private, no-store"
    return response


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/cabinet/<int:pk>/", cabinet_sheet, name="points_cabinet_sheet")
lead_on(
    _("Sheet beside the gift cabinet"),
    AT_COUNTER,
    lambda station: reverse("admin:points_cabinet_sheet", args=[station.pk]),
)
