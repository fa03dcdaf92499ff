"""一览: how a part of the town is doing, on one page; `?screen=1` is the same for a wall, and refreshes itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin_site import FengchaoAdminSite
from stations import access, figures
from stations.access import Scope
from stations.figures import Figures
from stations.geo.outlines import drawing

__all__ = ["glance"]

REFRESH_S = 60
# Of the chart, in its own units.
BAR_WIDTH, BAR_GAP, CHART_HEIGHT = 34, 8, 120
# Shares from which a district is drawn as doing well, or as middling.
WELL, MIDDLING = 0.8, 0.5
KINDS: dict[str, str | Promise] = {
    "doubted": _("doubted at the door"),
    "no-hours": _("hours not registered"),
    "unproved": _("nobody got in for 30 days"),
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart of uses."""

    x: int
    y: int
    height: int
    uses: int
    day: date
    is_today: bool

    @property
    def middle(self) -> int:
        return self.x + BAR_WIDTH // 2


def glance(request: HttpRequest, code: str = "") -> TemplateResponse:
    """The figures of the reader's scope, or of the division `code` in it."""
    scope = access.scope_of(request.user)
    if not scope:
        raise PermissionDenied
    if code:
        if not scope.covers_division(code):
            raise Http404
        scope = Scope(prefixes=(code,))
    now = clock.now()
    rows = figures.by_district(scope, now=now)
    names = figures.names_of([district.code for district in drawing().districts])
    total = figures.together(rows)
    listed = reverse("admin:stations_station_changelist")
    inside = f"&division={code}" if code else ""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("At a glance: {place}").format(place=_place(scope)),
        "is_screen": bool(request.GET.get("screen")),
        "refresh_s": REFRESH_S,
        "at": clock.to_local(now),
        "total": total,
        "share": _percent(total.entered_share),
        "bars": _bars(total.uses_by_day, today=clock.local_date(now)),
        "chart": {"width": (BAR_WIDTH + BAR_GAP) * figures.DAYS_SHOWN, "height": CHART_HEIGHT},
        "attention": [
            (
                item,
                KINDS[item.kind],
                reverse("admin:stations_station_change", args=[item.station_id]),
                _days(item.since, now),
            )
            for item in figures.needing_attention(scope, now=now)
        ],
        "districts": [(row, names.get(row.code, row.code), _percent(row.entered_share)) for row in rows],
        "drawing": drawing() if len(rows) > 1 else None,
        "shapes": _shapes(rows, names) if len(rows) > 1 else [],
        "links": {
            "usable": f"{listed}?status__exact=published{inside}",
            "unproved": f"{listed}?todo=unproved{inside}",
            "doubted": f"{listed}?todo=doubted{inside}",
            "no_hours": f"{listed}?todo=no-hours{inside}",
            "confirmations": reverse("admin:stations_confirmation_changelist"),
            "uses": reverse("admin:stations_stationuse_changelist"),
        },
    }
    return TemplateResponse(request, "admin/stations/glance.html", context)


def _place(scope: Scope) -> str:
    places = [node.label for node in scope.outermost()]
    return "、".join(places) or (gettext("the whole city") if scope.is_city else gettext("your stations"))


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"


def _days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else (clock.local_date(now) - clock.local_date(since)).days


def _bars(days: Sequence[tuple[date, int]], *, today: date) -> list[Bar]:
    most = max((uses for _day, uses in days), default=0) or 1
    bars = []
    for number, (day, uses) in enumerate(days):
        height = round(uses / most * CHART_HEIGHT)
        bars.append(Bar(number * (BAR_WIDTH + BAR_GAP), CHART_HEIGHT - height, height, uses, day, day == today))
    return bars


def _shapes(rows: Sequence[Figures], names: dict[str, str]) -> list[tuple[Any, str, str, Figures | None]]:
    """Each district with its name, how well it does, and its figures; one without stations is drawn as well."""
    by_code = {row.code: row for row in rows}
    shapes = []
    for district in drawing().districts:
        row = by_code.get(district.code)
        share = row.usable_today / row.total if row and row.total else None
        kind = "none" if share is None else "well" if share >= WELL else "middling" if share >= MIDDLING else "badly"
        shapes.append((district, names.get(district.code, ""), kind, row))
    return shapes


if isinstance(admin.site, FengchaoAdminSite):
    admin.site.show_page("glance/", glance, name="glance")
    admin.site.show_page("glance/<str:code>/", glance, name="glance-division")
