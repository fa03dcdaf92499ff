"""The lists that stations are described with, and what was found at the doors."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import AuditedAdmin, ListLink, OwnRowsFormSet, ReadOnlyAdmin, SparsePaginator
from stations import access, publishing
from stations.admin.filters import DivisionFilter, SinceFilter
from stations.admin.holiday_notice import SPECIAL_DAYS, notice_page, signed_for
from stations.admin.scoped import ScopedAdmin
from stations.models import (
    Amenity,
    AmenityWord,
    Confirmation,
    DayType,
    Division,
    DivisionAlias,
    Duty,
    Station,
    StationUse,
    Zone,
)

__all__ = ["AmenityAdmin", "ConfirmationAdmin", "DayTypeAdmin", "DivisionAdmin", "StationUseAdmin", "ZoneAdmin"]

LISTS = _("Words and divisions")
FOUND = _("Found at the doors")


class _Words(admin.StackedInline[Any, Any]):
    extra = 0
    formset = OwnRowsFormSet

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return self._may(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return True

    def _may(self, request: HttpRequest) -> bool:
        opts = self.parent_model._meta
        return request.user.has_perm(f"{opts.app_label}.change_{opts.model_name}")


class AmenityWordInline(_Words):
    model = AmenityWord


class DivisionAliasInline(_Words):
    model = DivisionAlias


@admin.register(Amenity)
class AmenityAdmin(AuditedAdmin):
    menu_group = LISTS
    menu_position = 100
    list_hint = _(
        "How amenities are called, in which other words people say them, and from which tier on they are expected."
    )
    list_display = ("name", "code", "kind", "expected_from_tier", "position")
    list_filter = ("kind", "expected_from_tier")
    search_fields = ("name", "code", "words__word")
    inlines = [AmenityWordInline]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Division)
class DivisionAdmin(AuditedAdmin):
    """Names and wordings are kept here; codes and the tree come from `load_divisions` and from imports."""

    menu_group = LISTS
    menu_position = 110
    list_hint = _("Names and other wordings of districts, streets and neighbourhoods; an import knows places by them.")
    list_display = ("name", "code", "level", "name_en")
    list_filter = ("level",)
    search_fields = ("name", "code", "aliases__name")
    fields = ("code", "level", "lies_in", "name", "short_name", "name_en")
    readonly_fields = ("code", "level", "lies_in")
    list_select_related = ()
    inlines = [DivisionAliasInline]

    @admin.display(description=_("lies in"))
    def lies_in(self, node: Division) -> str:
        """Only its name: whoever keeps a street may not see the page of its district, to which Django would link."""
        return node.parent.label if node.parent else "—"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Division]:
        nodes: QuerySet[Division] = super().get_queryset(request)
        return nodes & access.scope_of(request.user).divisions()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        seen = super().has_view_permission(request, obj)
        return seen and (obj is None or access.scope_of(request.user).covers_division(obj.code))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or access.scope_of(request.user, Duty.MANAGE).covers_division(obj.code))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Stations are found by this name, so those inside are updated with it."""
        super().save_related(request, form, formsets, change)
        Station.objects.in_division(form.instance.code).derive_again(clock.now())

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Zone)
class ZoneAdmin(AuditedAdmin):
    menu_group = LISTS
    menu_position = 120
    list_hint = _("Functional zones such as 东湖高新区 have no code of their own and stand beside the districts.")
    list_display = ("name", "code", "name_en")
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(DayType)
class DayTypeAdmin(AuditedAdmin):
    """Holidays and swapped workdays. The worker applies a change here to the hours of every station."""

    menu_group = LISTS
    menu_position = 130
    list_hint = _("Holidays and swapped workdays. A change reaches the hours of all stations within a minute.")
    list_display = ("date", "kind", "name", "source")
    list_filter = ("kind",)
    date_hierarchy = "date"
    ordering = ("-date",)

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        links = [ListLink(_("Only holidays and worked weekends"), f"?{SPECIAL_DAYS}")]
        if self.has_add_permission(request):
            links.append(ListLink(_("Paste the State Council's notice"), reverse("admin:stations_daytype_notice")))
        return links

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(partial(notice_page, self))
        return [path("notice/", page, name="stations_daytype_notice"), *super().get_urls()]

    def said(self, obj: DayType) -> str:
        return f"{obj.date:%Y-%m-%d} {obj.get_kind_display()}"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("date",) if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        if db_field.name == "source":
            kwargs |= {"required": False, "help_text": _("such as the number of the notice; left empty: your account")}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if "source" not in form.changed_data or not obj.source:
            # What staff have set stays theirs: `fill_day_types` changes only what comes from the package.
            obj.source = signed_for(request)
        super().save_model(request, obj, form, change)
        publishing.expand_again(now=clock.now())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Confirmation)
class ConfirmationAdmin(ReadOnlyAdmin, ScopedAdmin):
    station_path = "station__"
    paginator = SparsePaginator
    menu_group = FOUND
    menu_position = 50
    list_hint = _(
        "What couriers and staff found at the doors. It is recorded on a station's page or at the door, and not changed here."
    )
    list_display = ("confirmed_at", "station", "said", "channel", "actor")
    days_field = "confirmed_at"
    list_filter = ("outcome", "is_outside_hours", "channel", SinceFilter, DivisionFilter)
    list_select_related = ("station", "actor")
    search_fields = ("station__code__exact",)
    search_help_text = _("a station's code, whole")
    ordering = ("-id",)
    fields = ("confirmed_at", "station", "said", "channel", "said_actor")
    readonly_fields = fields

    @admin.display(description=_("found"), ordering="outcome")
    def said(self, confirmation: Confirmation) -> str:
        return confirmation.said

    @admin.display(description=_("staff account"))
    def said_actor(self, confirmation: Confirmation) -> str:
        """By name: the field itself would lead to an account's page by its number."""
        return confirmation.actor.get_username() if confirmation.actor else ""


@admin.register(StationUse)
class StationUseAdmin(ReadOnlyAdmin, ScopedAdmin):
    station_path = "station__"
    paginator = SparsePaginator
    menu_group = FOUND
    menu_position = 60
    list_hint = _("How many came to rest: counted by day, never named.")
    list_display = ("date", "station", "uses", "satisfied", "dissatisfied")
    days_field = "date"
    list_filter = (SinceFilter, DivisionFilter)
    list_select_related = ("station",)
    search_fields = ("station__code__exact",)
    search_help_text = _("a station's code, whole")
    ordering = ("-id",)  # as the days went by; to order by station would sort the whole table
