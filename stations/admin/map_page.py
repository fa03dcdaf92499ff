"""上图: the page with what must be reported to 高德 or 百度, its workbook, and the mark that it was sent."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, ngettext

from core import clock
from core.admin import XLSX, BoundedPaginator, attachment
from stations import change_times, map_listing
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.models import Duty, MapListing
from stations.querysets import BY_CODE

__all__ = ["page"]


def page(options: ScopedAdmin, request: HttpRequest) -> HttpResponseBase:
    """What must be reported to one map, limited to the scope."""
    if not options.has_view_permission(request):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    map_name = asked.get("map", MapListing.Map.AMAP)
    if map_name not in MapListing.Map.values:
        raise Http404
    if request.method == "POST":
        return _marked(options, request, map_name)
    scope = options.scope(request)
    stations = scope.stations()
    if request.GET.get("format") == "xlsx":
        name = f"{map_name}-{clock.local_date(clock.now())}.xlsx"
        return attachment(map_listing.workbook(stations, map_name), name=name, content_type=XLSX)
    # What is being changed at this moment is not in the list yet.
    as_of = change_times.settled_until()
    to_tell = (
        stations.to_tell(map_name).order_by("code" if scope.is_city else BY_CODE).defer("grams", "tags", "search_text")
    )
    shown = BoundedPaginator(to_tell, 50).get_page(request.GET.get("p"))
    words = map_listing.said_names()
    context = {
        **options.admin_site.each_context(request),
        "title": gettext("Entries in map apps"),
        "opts": options.opts,
        "maps": MapListing.Map.choices,
        "map": map_name,
        "datum": map_listing.DATUMS[MapListing.Map(map_name)].upper(),
        "page": shown,
        "entries": [
            (entry, gettext(", ").join(words[name] for name in entry.changed))
            for entry in map_listing.entries(shown.object_list, map_name)
        ],
        "as_of": as_of.isoformat(),
        "may_mark": bool(options.scope(request, Duty.MANAGE)),
        "back": reverse("admin:stations_station_changelist"),
    }
    return TemplateResponse(request, "admin/stations/map_listing.html", context)


def _marked(options: ScopedAdmin, request: HttpRequest, map_name: str) -> HttpResponseRedirect:
    managed = options.scope(request, Duty.MANAGE)
    if not managed:
        raise PermissionDenied
    number = map_listing.mark_sent(
        stations=managed.stations(),
        map_name=map_name,
        as_of=_moment(request.POST.get("as_of", "")),
        actor=signed_in(request),
        at=clock.now(),
    )
    said: Any = ngettext("{number} station marked as sent.", "{number} stations marked as sent.", number)
    options.message_user(request, said.format(number=number), messages.SUCCESS)
    return HttpResponseRedirect(f"{reverse('admin:stations_station_map_listing')}?map={map_name}")


def _moment(text: str) -> datetime:
    """When the page with the button was made.   Raises: Http404 for a text that no page of ours contains."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Http404
    return at
