"""The filters of the office's lists. Their words are those of the public finder: division, zone, amenity, open."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core import clock
from stations import access
from stations.models import Amenity, Station, Zone

__all__ = ["AmenityFilter", "DistrictFilter", "DivisionFilter", "OpenFilter", "SinceFilter", "ZoneFilter"]


class DistrictFilter(admin.SimpleListFilter):
    title = _("district")
    parameter_name = "district"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """The districts in the scope; whoever sees only one, or a part of one, has nothing to choose."""
        districts = access.scope_of(request.user).divisions().districts()
        return [(district.code, district.label) for district in districts] if districts[1:] else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:  # noqa: ARG002
        code = self.value()
        return queryset.filter(division__code__startswith=code) if code else queryset


class DivisionFilter(admin.SimpleListFilter):
    """Not shown: it serves the links from the figures of a part of the town, which list that part only."""

    title = _("division")
    parameter_name = "division"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.station_path: str = model_admin.station_path
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        code = request.GET.get(self.parameter_name, "")
        if not code:
            return []
        names = access.scope_of(request.user).divisions().filter(pk=code)
        return [(division.code, division.label) for division in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        code = self.value()
        return queryset.filter(**{f"{self.station_path}division__code__startswith": code}) if code else queryset


class OpenFilter(admin.SimpleListFilter):
    title = _("is open")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [("now", _("open now")), ("today", _("usable today"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:  # noqa: ARG002
        now = clock.now()
        match self.value():
            case "now":
                return queryset.published().open_at(now)  # type: ignore[attr-defined, no-any-return]
            case "today":
                return queryset.usable_on(clock.local_date(now))  # type: ignore[attr-defined, no-any-return]
        return queryset


class ZoneFilter(admin.SimpleListFilter):
    title = _("functional zone")
    parameter_name = "zone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(zone.code, zone.label) for zone in Zone.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:  # noqa: ARG002
        code = self.value()
        return queryset.in_zone(code) if code else queryset  # type: ignore[attr-defined]


class AmenityFilter(admin.SimpleListFilter):
    title = _("has")
    parameter_name = "amenity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        return [(amenity.code, amenity.label) for amenity in Amenity.objects.all()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Station]) -> QuerySet[Station]:
        # For the whole city through the table, whose statistics tell a rare amenity from a common one; those of the tags do
        # not. For a part of it all rows are read anyway, and with them their tags.
        code = next((code for code, _label in self.lookup_choices if code == self.value()), None)
        if code is None:
            return queryset
        parts = {DistrictFilter.parameter_name, DivisionFilter.parameter_name}
        if access.scope_of(request.user).is_city and not parts & set(request.GET):
            return queryset.filter(station_amenities__amenity=code)
        return queryset.with_amenities(code)  # type: ignore[attr-defined, no-any-return]


class SinceFilter(admin.SimpleListFilter):
    """The last days, as the figures count them. The admin names in `days_field` the moment or day of a row that counts."""

    title = _("time")
    parameter_name = "days"
    choices_days = (1, 7, 30)

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.days_field: str = model_admin.days_field
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:  # noqa: ARG002
        words = {1: _("the last day"), 7: _("the last 7 days"), 30: _("the last 30 days")}
        return [(str(days), words[days]) for days in self.choices_days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        days = next((days for days in self.choices_days if str(days) == self.value()), None)
        if days is None:
            return queryset
        now = clock.now()
        is_day = queryset.model._meta.get_field(self.days_field).get_internal_type() == "DateField"
        since = (clock.local_date(now) if is_day else now) - timedelta(days=days)
        return queryset.filter(**{f"{self.days_field}__gt": since})
