"""一览: how a part of the town is doing, on one page; `?screen=1` is the same page for a wall, and refreshes itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

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
from stations.confirming import AT_DOOR, SHUT
from stations.figures import Figures
from stations.geo.outlines import drawing
from stations.models import Confirmation, Station

__all__ = ["glance", "shown", "wall"]

REFRESH_S = 60
# The chart, in its own units.
BAR_WIDTH, BAR_GAP, CHART_HEIGHT = 34, 8, 120
# Shares at and above which a district is drawn as doing well, or as middling.
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
    """The figures of the reader's scope, or of the division `code` in it, on a page of their own."""
    scope = access.scope_of(request.user)
    if not scope:
        raise PermissionDenied
    if code:
        if not scope.covers_division(code):
            raise Http404
        scope = Scope(prefixes=(code,))
    context = admin.site.each_context(request) | shown(scope, code=code) | wall(request)
    return TemplateResponse(request, "admin/stations/glance.html", context)


def wall(request: HttpRequest) -> dict[str, Any]:
    """Whether the page is shown on a wall, and how often it refreshes itself there."""
    return {"is_screen": bool(request.GET.get("screen")), "refresh_s": REFRESH_S}


def shown(scope: Scope, *, code: str = "") -> dict[str, Any]:
    """What `admin/stations/_glance.html` shows for `scope`, or for the division `code` if one is given."""
    now = clock.now()
    seen = figures.at_a_glance(scope, now=now)
    rows, total = seen.districts, figures.together(seen.districts)
    names = figures.names_of([district.code for district in drawing().districts])
    is_many = scope.is_city or len(rows) > 1
    return {
        "title": gettext("At a glance: {place}").format(place=_place(scope)),
        "at": clock.to_local(seen.at),
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
            for item in seen.attention
        ],
        "districts": [(row, names.get(row.code, row.code), _percent(row.entered_share)) for row in rows],
        "drawing": drawing() if is_many else None,
        "shapes": _shapes(rows, names) if is_many else [],
        "links": _links(code),
    }


def _links(code: str) -> dict[str, str]:
    """Each figure's list, limited to the division `code` if one is given."""
    inside = {"division": code} if code else {}
    days = {"days": figures.PROOF_WINDOW.days}
    published = {"status__exact": Station.Status.PUBLISHED.value}
    at_door = {"channel__in": ",".join(AT_DOOR), "outcome__in": ",".join((Confirmation.Outcome.ENTERED, *SHUT))}
    at_door |= {"is_outside_hours__exact": "0"}
    lists: dict[str, tuple[str, dict[str, Any]]] = {
        "usable": ("station", {"open": "today"}),
        "total": ("station", {"status__in": "published,suspended"}),
        "unproved": ("station", {"todo": "unproved"}),
        # The lists of work include drafts and suspended stations too, which no figure counts.
        "doubted": ("station", {"todo": "doubted"} | published),
        "no_hours": ("station", {"todo": "no-hours"} | published),
        "confirmations": ("confirmation", days | at_door),
        "uses": ("stationuse", days),
    }
    return {
        name: f"{reverse(f'admin:stations_{model}_changelist')}?{urlencode(asked | inside, safe=',')}"
        for name, (model, asked) in lists.items()
    }


def _place(scope: Scope) -> str:
    places = [node.label for node in scope.outermost()]
    return gettext(", ").join(places) or (gettext("the whole city") if scope.is_city else gettext("your stations"))


def _percent(share: float | None) -> str:
    return "—" if share is None else f"{share:.0%}"


def _days(since: datetime | None, now: datetime) -> int | None:
    return None if since is None else (now - since).days


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
