"""An office's kinds of work: which stations, what it is called, and the one thing to do next. The list and the first page
share them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import clock
from stations.figures import UNPROVED_AFTER
from stations.models import Station
from stations.querysets import StationQuerySet

__all__ = ["TODOS", "Todo", "TodoFilter", "asked_todo"]


@dataclass(frozen=True, slots=True)
class Todo:
    """One kind of work. `first` orders it by urgency, if it has any; without it the list goes by code."""

    kind: str
    label: str | Promise
    hint: str | Promise
    keep: Callable[[StationQuerySet, datetime], StationQuerySet]
    first: tuple[Any, ...] = ()

    def hint_for(self, request: HttpRequest) -> str | Promise:
        """What to do, for those who may: an auditor or a steward only sees what there is."""
        return self.hint if request.user.has_perm("stations.change_station") else ""

    def among(self, stations: StationQuerySet, *, now: datetime) -> StationQuerySet:
        """Those of `stations` that need this work; closed ones need none."""
        return self.keep(stations.exclude(status=Station.Status.CLOSED), now)


TODOS = {
    todo.kind: todo
    for todo in (
        Todo(
            "doubted",
            _("doubted at the door"),
            _("Two couriers found the door locked. Call the steward, then correct the hours or suspend the station."),
            # Whoever suspends the station has done it: no courier is sent there.
            lambda stations, _now: stations.published().filter(doubted_at__isnull=False),
            first=("doubted_at",),
        ),
        Todo(
            "draft",
            _("still a draft"),
            _("Couriers do not see them yet. Check them and publish."),
            lambda stations, _now: stations.filter(status=Station.Status.DRAFT),
        ),
        Todo(
            "lacking",
            _("lacking what its tier promises"),
            _("Bring it there, or tick it if it is there."),
            lambda stations, _now: stations.lacking_expected_amenities(),
        ),
        Todo(
            "no-hours",
            _("hours not registered"),
            _("Couriers are told “unknown”. Ask the steward and enter the hours."),
            lambda stations, now: stations.hours_unknown(now),
        ),
        Todo(
            "no-position",
            _("no position"),
            _("They cannot be found on the map or as the nearest. Paste a share link of a map app."),
            lambda stations, _now: stations.filter(latitude__isnull=True),
        ),
        Todo(
            "unproved",
            _("nobody got in for 30 days"),
            _("Let the steward confirm that the door opens."),
            lambda stations, now: stations.published().not_proved_since(now - UNPROVED_AFTER),
        ),
        Todo(
            "no-tier",
            _("no tier"),
            _("Nobody knows what to expect there. Choose the tier."),
            lambda stations, _now: stations.filter(tier__isnull=True),
        ),
    )
}


def asked_todo(request: HttpRequest) -> Todo | None:
    """The kind of work that the list is limited to."""
    return TODOS.get(request.GET.get(TodoFilter.parameter_name, ""))


class TodoFilter(admin.SimpleListFilter):
    title = _("to do")
    parameter_name = "todo"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(todo.kind, todo.label) for todo in TODOS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:  # noqa: ARG002
        todo = TODOS.get(self.value() or "")
        return todo.among(queryset, now=clock.now()) if todo else queryset  # type: ignore[arg-type]
