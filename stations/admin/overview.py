"""The first page of the office: how its part of the town is doing, and what is to be done."""

from collections.abc import Sequence
from datetime import date, datetime

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin_site import FengchaoAdminSite, Overview, WorkList
from stations import access, day_types
from stations.access import Scope
from stations.admin import glance
from stations.admin.todos import TODOS, Todo
from stations.models import Station, VisitReport
from stations.querysets import BY_CODE, StationQuerySet

__all__ = ["COUNT_LIMIT", "SHOWN", "overview", "said_number"]

COUNT_LIMIT = 1_000
SHOWN = 5


def overview(request: HttpRequest, more: Sequence[WorkList] = ()) -> Overview:
    """What there is and what there is to do, for those who may see stations; including the work of the apps above."""
    scope = access.scope_of(request.user)
    if not scope or not request.user.has_perm("stations.view_station"):
        return Overview()
    now = clock.now()
    listed = reverse("admin:stations_station_changelist")
    lists = [_work_list(request, scope.stations(), listed, todo, now) for todo in TODOS.values()]
    # Work that a person is waiting for comes after the doors that are shut to everybody, and before what concerns one station.
    lists[1:1] = [_reports(scope), *more]
    if request.user.has_perm("stations.add_daytype"):
        lists.append(_calendar(clock.local_date(now)))
    context = glance.shown(scope) | glance.wall(request)
    return Overview(work_lists=lists, template="admin/stations/_glance.html", context=context)


def _work_list(request: HttpRequest, mine: StationQuerySet, listed: str, todo: Todo, now: datetime) -> WorkList:
    """The first by urgency, or else by code; among more than a thousand without urgency, of those that are found first."""
    found = list(todo.among(mine, now=now).order_by(*todo.first).values_list("pk", flat=True)[: COUNT_LIMIT + 1])
    first = Station.objects.filter(pk__in=found).order_by(*todo.first, BY_CODE).values_list("pk", "name")[:SHOWN]
    return WorkList(
        capfirst(str(todo.label)),
        todo.hint_for(request),
        said_number(len(found)),
        [(name, reverse("admin:stations_station_change", args=[pk])) for pk, name in first],
        f"{listed}?todo={todo.kind}",
    )


def _reports(scope: Scope) -> WorkList:
    waiting = VisitReport.objects.waiting().filter(scope.of_station("link__station__"))
    first = waiting.order_by("sent_at").values_list("pk", "link__station__name")[:SHOWN]
    return WorkList(
        _("Reports from the door"),
        _("Somebody stood at the door and wrote what is there. Nothing changes before you accept it."),
        said_number(waiting.order_by()[: COUNT_LIMIT + 1].count()),
        [(name, reverse("admin:stations_visitreport_change", args=[pk])) for pk, name in first],
        f"{reverse('admin:stations_visitreport_changelist')}?state__exact=sent",
    )


def _calendar(today: date) -> WorkList:
    """A warning for those who keep the table of holidays that it is about to end."""
    days = day_types.days_left(today)
    said = ngettext("{number} day left: paste the notice", "{number} days left: paste the notice", days)
    if not days:
        said = gettext("It has run out: paste the notice")
    ends = days < day_types.ENOUGH_DAYS
    return WorkList(
        _("The calendar of holidays"),
        _("After its end hours go by weekday. Next year's notice comes in November."),
        "1" if ends else "0",
        [(said.format(number=days), reverse("admin:stations_daytype_notice"))] if ends else [],
        reverse("admin:stations_daytype_changelist"),
    )


def said_number(number: int) -> str:
    """How many there are, counted no further than a thousand."""
    return f"{COUNT_LIMIT}+" if number > COUNT_LIMIT else str(number)


if isinstance(admin.site, FengchaoAdminSite):
    admin.site.show_overview(overview)
