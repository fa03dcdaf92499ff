"""The first page of the office: three numbers, and what is to be worked off."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin_site import FengchaoAdminSite, Figure, Overview, WorkList
from stations import access
from stations.access import Scope
from stations.admin.todos import TODOS, Todo
from stations.models import Station
from stations.querysets import BY_CODE, StationQuerySet

__all__ = ["overview"]

COUNT_LIMIT = 5_000  # some figures ask an index once for each that they count
SHOWN = 5


def overview(request: HttpRequest) -> Overview:
    """What there is and what there is to do, for those who may see stations."""
    if not request.user.has_perm("stations.view_station"):
        return Overview()
    now = clock.now()
    listed = reverse("admin:stations_station_changelist")
    scope = access.scope_of(request.user)
    mine = scope.stations()
    published = mine.published()
    recent = published.filter(confirmed_at__gte=now - timedelta(days=1))
    return Overview(
        figures=[
            Figure(_("published stations"), _counted(published), f"{listed}?status__exact=published"),
            Figure(_("open now"), _counted(published.open_at(now)), f"{listed}?status__exact=published"),
            Figure(_("proved open in the last 24 hours"), _counted(recent), f"{listed}?status__exact=published"),
        ],
        work_lists=[_work_list(mine, scope, listed, todo, now) for todo in TODOS.values()],
    )


def _work_list(mine: StationQuerySet, scope: Scope, listed: str, todo: Todo, now: datetime) -> WorkList:
    stations = todo.among(mine, now=now)
    ordering = (*todo.first, "code" if scope.is_city else BY_CODE)
    first: Iterable[tuple[int, str]] = stations.order_by(*ordering).values_list("pk", "name")[:SHOWN]
    return WorkList(
        capfirst(str(todo.label)),
        todo.hint,
        _counted(stations),
        [(name, reverse("admin:stations_station_change", args=[pk])) for pk, name in first],
        f"{listed}?todo={todo.kind}",
    )


def _counted(stations: QuerySet[Station]) -> str:
    number = stations.order_by()[: COUNT_LIMIT + 1].count()
    return f"{COUNT_LIMIT}+" if number > COUNT_LIMIT else str(number)


if isinstance(admin.site, FengchaoAdminSite):
    admin.site.show_overview(overview)
