"""What every admin of rows that belong to stations has in common: it is limited to the scope of the reader."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from core.admin import AuditedAdmin
from core.models import User
from stations import access
from stations.access import Scope
from stations.models import Duty, Station

__all__ = ["ScopedAdmin", "filtered_list", "signed_in"]


class ScopedAdmin(AuditedAdmin):
    """An admin that knows no row outside the scope: lists, searches, actions, pages and histories all ask `get_queryset`.

    Whether a row may be changed is checked again by the verbs, under the lock (`access.require`).
    """

    station_path = ""  # from a row to its station, such as "station__"; empty where the rows are stations
    change_duties: tuple[str, ...] = (Duty.MANAGE,)

    def scope(self, request: HttpRequest, *duties: str) -> Scope:
        return access.scope_of(request.user, *duties)

    def station_of(self, obj: Any) -> Station:
        """The station that the row belongs to."""
        station: Station = obj if not self.station_path else obj.station
        return station

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).filter(self.scope(request).of_station(self.station_path))
        # What is derived for look-ups makes up most of a station's row, and no page of the office shows it.
        return rows.defer(
            *(f"{self.station_path}{column}" for column in ("grams", "tags", "search_text", "open_times"))
        )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request, obj) and (
            obj is None or self.scope(request).covers(self.station_of(obj))
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (
            obj is None or self.scope(request, *self.change_duties).covers(self.station_of(obj))
        )


def filtered_list(options: ModelAdmin[Any], request: HttpRequest) -> str:
    """The URL of the list, filtered as it was when one of its own pages was opened from it."""
    listed = reverse(f"admin:{options.opts.app_label}_{options.opts.model_name}_changelist")
    return add_preserved_filters(
        {"opts": options.opts, "preserved_filters": options.get_preserved_filters(request)}, listed
    )


def signed_in(request: HttpRequest) -> User:
    """The account that acts; the admin lets nobody else come here."""
    assert isinstance(request.user, User)  # noqa: S101 - narrows the type
    return request.user
