"""The admin of stations: one list, one page for each, and the verbs of stations/publishing.py as actions."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import COUNT_LIMIT, XLSX, ListLink, OwnRowsFormSet, attachment, name_in_trail
from core.errors import DomainError
from core.models import User
from core.typed import posted
from stations import confirming, day_types, divisions, exporting, photos, publishing, registering, visiting
from stations.access import DutyMissing
from stations.admin import holiday_hours, import_pages, map_page, undoing
from stations.admin.filters import AmenityFilter, DistrictFilter, DivisionFilter, OpenFilter, ZoneFilter
from stations.admin.forms import (
    ExceptionForm,
    ExceptionFormSet,
    HoursFormSet,
    OrganisationForm,
    PeriodForm,
    StationForm,
    filled,
    in_words,
)
from stations.admin.scoped import ScopedAdmin, signed_in
from stations.admin.todos import TodoFilter, asked_todo
from stations.hours import Opening, week
from stations.hours_text import format_zh
from stations.models import (
    Confirmation,
    Division,
    Duty,
    HoursException,
    HoursPeriod,
    MapListing,
    Station,
    StationOrganisation,
)
from stations.models.hours import EntryMode
from stations.publishing import StatusChange, schedules
from stations.querysets import BY_CODE

__all__ = ["StationAdmin", "lead_on"]

STATIONS = _("Rest stations")
# What was found at the door, on a station's page.
LAST_FOUND = 3
# How many stations are named before the reason why an action skipped them.
MOST_NAMED = 5
# More than the doors of a district, and no more codes than fit into a URL.
MOST_POSTERS = 200
_AFTERWARDS = {
    Confirmation.Outcome.ENTERED: _("Couriers see that somebody got in just now."),
    Confirmation.Outcome.LOCKED: _("Couriers are sent elsewhere until somebody gets in."),
    Confirmation.Outcome.MOVED: _("Couriers are sent elsewhere. Correct the address, or close the station."),
    Confirmation.Outcome.BROKEN: _("Couriers see it among what was found. Untick what does not work."),
}


# An app above this one says which pages of its own belong to a station, and for whom: those who have which duties there.
_leads: list[tuple[str | Promise, tuple[str, ...], Callable[[Station], str]]] = []


def lead_on(label: str | Promise, duties: tuple[str, ...], address: Callable[[Station], str]) -> None:
    """Put a link on the page of every station, for those with one of these duties there."""
    _leads.append((label, duties, address))


class ReasonForm(ActionForm):
    """The bar above the list, with a field for the reason."""

    reason = forms.CharField(
        label=_("reason"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"placeholder": _("needed to suspend or close")}),
    )


class _StationInline(admin.StackedInline[Any, Station]):
    """Rows of a station: who may change the station may change them."""

    extra = 0
    classes = ["rows"]
    formset = OwnRowsFormSet

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("stations.change_station")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("stations.change_station")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("stations.change_station")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return request.user.has_perm("stations.view_station")


class PeriodInline(_StationInline):
    model = HoursPeriod
    form = PeriodForm
    formset = HoursFormSet
    verbose_name = _("opening hours")
    verbose_name_plural = _("opening hours: the usual ones without dates; a season, such as 夏季纳凉, with its dates")
    fieldsets = [(None, {"fields": ["hours", ("name", "repeats_yearly"), ("valid_from", "valid_through")]})]
    min_num = 0

    def get_extra(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> int:  # noqa: ARG002
        return 0 if obj and obj.hours_periods.exists() else 1

    def get_queryset(self, request: HttpRequest) -> QuerySet[HoursPeriod]:
        return super().get_queryset(request).prefetch_related("spans")

    @admin.display(description=_("opening hours"))
    def hours(self, period: HoursPeriod) -> str:
        """The value of the form's field of this name, for those who may only look."""
        return in_words(period.as_period)


class ExceptionInline(_StationInline):
    model = HoursException
    form = ExceptionForm
    formset = ExceptionFormSet
    verbose_name = _("exception")
    verbose_name_plural = _("exceptions on certain days, such as 春节放假")
    fieldsets = [(None, {"fields": [("starts_on", "ends_on"), ("opens", "closes"), ("entry_mode", "reason")]})]


class OrganisationInline(_StationInline):
    model = StationOrganisation
    form = OrganisationForm
    verbose_name = _("organisation")
    verbose_name_plural = _("organisations behind the station")
    fieldsets = [(None, {"fields": [("role", "name")]})]


@admin.register(Station)
class StationAdmin(ScopedAdmin):
    audit_type = "station"
    audits_itself = True
    list_title = _("register of rest stations")
    menu_group = STATIONS
    menu_position = 10
    form = StationForm
    inlines = [PeriodInline, ExceptionInline, OrganisationInline]
    list_display = ("code", "name", "tier_badge", "place_line", "status_badge", "now_badge", "proved")
    list_display_links = ("code", "name")
    list_filter = (
        TodoFilter, "status", OpenFilter, "tier", DistrictFilter, DivisionFilter, import_pages.ImportFilter, ZoneFilter,
        AmenityFilter,
    )  # fmt: skip
    search_fields = ("code",)  # shows the box; `get_search_results` asks in our own way
    search_help_text = _("name, former name, address, subdistrict, code or pinyin initials")
    actions = ["publish", "suspend", "close", "holiday_hours", "posters", "export"]
    action_form = ReasonForm
    list_select_related = ("division",)
    ordering = ("code",)
    save_on_top = True
    readonly_fields = ("code", "status_line", "coming_week", "present_photo", "proved", "place_line")
    fieldsets = [
        (None, {"fields": ["code", "name", "tier", "status_line", ("wanted_status", "reason"), "seen_version"]}),
        (
            _("Where it is"),
            {
                "fields": [
                    ("place", "neighbourhood"), "zone", "address", "floor", "directions",
                    ("position", "position_crs"), "position_is_right",
                ],
            },
        ),
        (_("What it has"), {"fields": ["amenity_codes", "amenities_text", ("area_m2", "seats")]}),
        (_("More"), {"fields": ["other_names", ("phone", "opened_on"), "present_photo", "new_photo", "remove_photo"]}),
        (_("When it is open"), {"fields": ["coming_week", "hours_text"], "description": _("Hours are written below, in “opening hours”.")}),
    ]  # fmt: skip
    view_fieldsets = [
        (None, {"fields": ["code", "name", "aliases_line", "tier", "status_line", "proved"]}),
        (_("Where it is"), {"fields": ["place_line", "zone", "address", "floor", "directions", "position_line"]}),
        (_("What it has"), {"fields": ["amenities_line", "amenities_text", ("area_m2", "seats")]}),
        (_("More"), {"fields": [("phone", "opened_on"), "present_photo"]}),
        (_("When it is open"), {"fields": ["coming_week", "hours_text"]}),
    ]

    def audit_code(self, obj: Any) -> str:
        return str(obj.code)

    def view_on_site(self, obj: Station) -> str | None:
        """The public page; a draft has none."""
        return obj.get_absolute_url() if obj.status != Station.Status.DRAFT else None

    def get_urls(self) -> list[Any]:
        return [
            path("export/", self.admin_site.admin_view(self.export_view), name="stations_station_export"),
            path(
                "holiday-hours/",
                self.admin_site.admin_view(self.holiday_hours_view),
                name="stations_station_holiday_hours",
            ),
            path("map-listing/", self.admin_site.admin_view(self.map_view), name="stations_station_map_listing"),
            path("undo/", self.admin_site.admin_view(self.undo_view), name="stations_station_undo"),
            path(
                "<int:station_id>/confirm/",
                self.admin_site.admin_view(self.confirm_view),
                name="stations_station_confirm",
            ),
            path(
                "<int:station_id>/door-code/",
                self.admin_site.admin_view(self.door_code_view),
                name="stations_station_door_code",
            ),
            *import_pages.urls(self),
            *super().get_urls(),
        ]

    def list_links(self, request: HttpRequest) -> list[ListLink]:
        asked = request.GET.urlencode()
        exported = reverse("admin:stations_station_export") + (f"?{asked}" if asked else "")
        brought = [ListLink(_("Import a list"), reverse("admin:stations_station_import"))]
        return [
            *(brought if self.has_add_permission(request) else []),
            ListLink(_("Export this list"), exported),
            ListLink(_("Entries in map apps"), reverse("admin:stations_station_map_listing")),
        ]

    # ── Who may do what ─────────────────────────────────────────────────────────────────────────────────────────────

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never: a station is closed, and its page stays and says so."""
        return False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not self.has_change_permission(request, obj):
            return self.view_fieldsets
        return self.fieldsets

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever keeps single stations only cannot add another."""
        return bool(self.scope(request, Duty.MANAGE).prefixes)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"scope": self.scope(request, Duty.MANAGE)})

    # ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────

    def get_queryset(self, request: HttpRequest) -> QuerySet[Station]:
        stations: QuerySet[Station] = super().get_queryset(request)
        todo = asked_todo(request)
        if todo is not None and todo.kind == "lacking":
            stations = stations.naming_lacking_amenities()  # type: ignore[attr-defined]
        return stations

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the rows of the page fetched by their keys.

        In one query with the list, all columns of every row that the page leaves out would be read and sorted as well.
        """
        shown = super().get_changelist_instance(request)
        keys = list(shown.result_list.values_list("pk", flat=True))
        rows = self.get_queryset(request).select_related("division").in_bulk(keys)
        shown.result_list = [rows[key] for key in keys if key in rows]
        return shown

    def get_list_display(self, request: HttpRequest) -> Any:
        todo = asked_todo(request)
        if todo is None or todo.kind != "lacking":
            return self.list_display
        return ("code", "name", "lacking_names", "tier_badge", "place_line", "status_badge")

    def get_ordering(self, request: HttpRequest) -> Any:
        todo = asked_todo(request)
        is_part = not self.scope(request).is_city or bool(
            {DistrictFilter.parameter_name, DivisionFilter.parameter_name} & set(request.GET)
        )
        return (*(todo.first if todo is not None else ()), BY_CODE if is_part else "code")

    def get_sortable_by(self, request: HttpRequest) -> Any:
        """Every column of a list short enough to be counted; none of a longer one, which is searched and filtered."""
        many = self.scope(request).stations().order_by()[: COUNT_LIMIT + 1].count()
        return super().get_sortable_by(request) if many <= COUNT_LIMIT else ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        todo = asked_todo(request)
        hint = {"list_hint": todo.hint_for(request)} if todo is not None else {}
        return super().changelist_view(request, hint | (extra_context or {}))

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Station],
        search_term: str,
    ) -> tuple[QuerySet[Station], bool]:
        return queryset.matching(search_term), False  # type: ignore[attr-defined]

    @admin.display(description=_("tier"), ordering="tier")
    def tier_badge(self, station: Station) -> SafeString | str:
        if station.tier is None:
            return gettext("not known")
        return format_html('<span class="badge tier-{}">{}</span>', station.tier, station.get_tier_display())

    @admin.display(description=_("status"), ordering="status")
    def status_badge(self, station: Station) -> SafeString:
        return format_html('<span class="badge status-{}">{}</span>', station.status, station.get_status_display())

    @admin.display(description=_("now"))
    def now_badge(self, station: Station) -> SafeString | str:
        if station.status != Station.Status.PUBLISHED:
            return "—"  # whatever its hours, no courier is sent there
        kind, words = self._now(station)
        return format_html('<span class="badge now-{}">{}</span>', kind, words)

    @staticmethod
    def _now(station: Station) -> tuple[str, str]:
        if station.doubted_at is not None:
            return "doubted", gettext("doubted")
        if station.expanded_until is None or station.expanded_until <= clock.now():
            return "unknown", gettext("not registered")
        is_open = station.open_state(clock.now()).is_open
        return ("open", gettext("open")) if is_open else ("closed", gettext("closed now"))

    @admin.display(description=_("lacking"))
    def lacking_names(self, station: Station) -> str:
        return gettext(", ").join(getattr(station, "lacking", []))

    @admin.display(description=_("last proved open"), ordering="confirmed_at")
    def proved(self, station: Station) -> str:
        if station.confirmed_at is None:
            return "—"
        seen = clock.to_local(station.confirmed_at)
        # Of another year the day is enough; with both, the column is cut off on a small screen.
        return f"{seen:%m-%d %H:%M}" if seen.year == clock.local_date(clock.now()).year else f"{seen:%Y-%m-%d}"

    # ── Export ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered and searched, as a workbook that the import accepts."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            asked = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:stations_station_changelist"))
        return _workbook(asked)

    @admin.action(description=_("export as a workbook"), permissions=["view"])
    def export(self, request: HttpRequest, queryset: QuerySet[Station]) -> HttpResponseBase:  # noqa: ARG002
        return _workbook(queryset)

    @admin.action(description=_("print the posters for their doors"), permissions=["change"])
    def posters(self, request: HttpRequest, queryset: QuerySet[Station]) -> HttpResponse | None:
        codes = list(queryset.order_by("code").values_list("code", flat=True)[: MOST_POSTERS + 1])
        if len(codes) > MOST_POSTERS:
            said = gettext("At most {number} posters at once: choose fewer stations.").format(number=MOST_POSTERS)
            self.message_user(request, said, messages.ERROR)
            return None
        # A code is letters, digits and dashes.
        return HttpResponseRedirect(f"{reverse('stations:door-posters')}?codes={','.join(codes)}")

    # ── Actions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @admin.action(description=_("publish: couriers see it"), permissions=["change"])
    def publish(self, request: HttpRequest, queryset: QuerySet[Station]) -> None:
        self._each(request, queryset, lambda station, by, at: publishing.publish(station=station, actor=by, at=at))

    @admin.action(description=_("suspend for a while (give the reason)"), permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[Station]) -> None:
        reason = posted(request, "reason")[:120]
        self._each(
            request,
            queryset,
            lambda station, by, at: publishing.suspend(station=station, reason=reason, actor=by, at=at),
        )

    @admin.action(description=_("close for good (give the reason)"), permissions=["change"])
    def close(self, request: HttpRequest, queryset: QuerySet[Station]) -> None:
        reason = posted(request, "reason")[:120]
        self._each(
            request, queryset, lambda station, by, at: publishing.close(station=station, reason=reason, actor=by, at=at)
        )

    def _each(self, request: HttpRequest, queryset: QuerySet[Station], verb: Any) -> None:
        """Apply `verb` to each chosen station; those that refuse are named by reason; the others are done all the same."""
        changes, at = [], clock.now()
        refused: dict[str, list[str]] = {}
        for station in queryset.select_related(None):
            try:
                done = verb(station, signed_in(request), at)
            except DomainError as refusal:
                refused.setdefault(str(refusal), []).append(station.name)
            else:
                before, after = (station.status, station.status_reason), (done.status, done.status_reason)
                changes.append(StatusChange(station.pk, before, after))
        if changes:
            said = ngettext("{number} station done.", "{number} stations done.", len(changes))
            undoing.offer_status(self, request, said.format(number=len(changes)), changes)
        for reason, names in refused.items():
            more = "…" if len(names) > MOST_NAMED else ""
            self.message_user(request, f"{'、'.join(names[:MOST_NAMED])}{more}: {reason}", messages.ERROR)

    @admin.action(description=_("holiday hours for the chosen stations"), permissions=["change"])
    def holiday_hours(self, request: HttpRequest, queryset: QuerySet[Station]) -> HttpResponse:
        return holiday_hours.asked(self, request, queryset)

    def holiday_hours_view(self, request: HttpRequest) -> HttpResponse:
        return holiday_hours.answered(self, request)

    def map_view(self, request: HttpRequest) -> HttpResponseBase:
        return map_page.page(self, request)

    def undo_view(self, request: HttpRequest) -> HttpResponse:
        return undoing.page(self, request)

    # ── The page of one station ─────────────────────────────────────────────────────────────────────────────────────

    @admin.display(description=_("division"), ordering="division")
    def place_line(self, station: Station) -> str:
        return station.division.label

    @admin.display(description=_("other names"))
    def aliases_line(self, station: Station) -> str:
        return gettext(", ").join(station.aliases) or "—"

    @admin.display(description=_("position"))
    def position_line(self, station: Station) -> str:
        return "—" if station.latitude is None else f"{station.latitude:.6f}, {station.longitude:.6f} (WGS-84)"

    @admin.display(description=_("amenities"))
    def amenities_line(self, station: Station) -> str:
        return gettext(", ").join(amenity.label for amenity in station.amenities.all()) or "—"

    @admin.display(description=_("status"))
    def status_line(self, station: Station) -> SafeString:
        if station.pk is None:
            return SafeString(gettext("draft"))
        _kind, words = self._now(station) if station.status == Station.Status.PUBLISHED else ("", "")
        return format_html(
            '<span class="badge status-{}">{}</span> {}',
            station.status,
            station.get_status_display(),
            " · ".join(filter(None, (station.status_reason, words))),
        )

    @admin.display(description=_("the next seven days"))
    def coming_week(self, station: Station) -> SafeString | str:
        if station.pk is None:
            return "—"
        schedule = schedules([station.pk])[station.pk]
        if not schedule.is_registered:
            return gettext("Hours are not registered: couriers are told “unknown”.")
        today = clock.local_date(clock.now())
        days = week(schedule, today, day_types.kinds(today - timedelta(days=1), 9))
        return format_html(
            '<ul class="coming-week">{}</ul>',
            format_html_join(
                "",
                "<li><b>{}</b> {} {}</li>",
                (
                    (
                        f"{day.date:%m-%d} {date_format(day.date, 'D')}",
                        gettext(", ").join(map(_span_words, day.spans))
                        or (gettext("closed") if day.is_registered else gettext("not registered")),
                        day.reason,
                    )
                    for day in days
                ),
            ),
        )

    @admin.display(description=_("photo"))
    def present_photo(self, station: Station) -> SafeString | str:
        if not station.photo:
            return gettext("None yet.")
        return format_html(
            '<img class="present-photo" src="{}" alt="{}">', station.photo_url, gettext("The photo shown now")
        )

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        station: Station | None = kwargs.get("obj")
        if station is not None:
            is_in_use = station.status != Station.Status.CLOSED
            context["leads"] = [
                (label, address(station))
                for label, duties, address in _leads
                if self.scope(request, *duties).covers(station)
            ]
            context["may_send_link"] = is_in_use and self.scope(request, *visiting.DUTIES).covers(station)
            context["may_confirm"] = is_in_use and self.scope(request, *confirming.DUTIES).covers(station)
            context["may_renew_door_code"] = is_in_use and self.scope(request, Duty.MANAGE).covers(station)
            context["outcomes"] = Confirmation.Outcome.choices
            context["last_found"] = station.confirmations.select_related("actor")[:LAST_FOUND]
        return super().render_change_form(request, context, *args, **kwargs)

    def confirm_view(self, request: HttpRequest, station_id: int) -> HttpResponse:
        """Record what the reader found at the door. Only a button leads here: opening the URL records nothing."""
        station = self.scope(request).stations().filter(pk=station_id).first()
        if station is None:
            raise Http404
        outcome = request.POST.get("outcome", "")
        if request.method == "POST" and outcome in Confirmation.Outcome.values:
            try:
                confirming.confirm(station=station, outcome=outcome, actor=signed_in(request), at=clock.now())
            except DutyMissing as refusal:
                raise PermissionDenied from refusal
            said = gettext("Recorded: {outcome}.").format(outcome=Confirmation.Outcome(outcome).label)
            self.message_user(request, f"{said} {_AFTERWARDS[Confirmation.Outcome(outcome)]}", messages.SUCCESS)
        elif request.method == "POST":
            self.message_user(request, gettext("Choose what you found at the door."), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:stations_station_change", args=[station.pk]))

    def door_code_view(self, request: HttpRequest, station_id: int) -> HttpResponse:
        """Give the door another code. Only a button leads here: opening the URL changes nothing."""
        station = self.scope(request).stations().filter(pk=station_id).first()
        if station is None:
            raise Http404
        if request.method == "POST":
            try:
                registering.renew_door_code(station=station, actor=signed_in(request), at=clock.now())
            except DutyMissing as refusal:
                raise PermissionDenied from refusal
            said = gettext(
                "The door has a new code. Print the poster, and the page for the gift cabinet if there is one."
            )
            self.message_user(request, said, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:stations_station_change", args=[station.pk]))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Nothing yet: the station and its rows are one change, made in `save_related`."""

    def save_related(self, request: HttpRequest, form: Any, formsets: Iterable[Any], change: bool) -> None:
        station = self._saved(request, form, list(formsets), change=change, at=clock.now())
        # The admin continues with its own object, which must equal the one that was saved.
        form.instance.__dict__.update(station.__dict__)

    def _saved(
        self, request: HttpRequest, form: StationForm, formsets: list[Any], *, change: bool, at: datetime
    ) -> Station:
        by, cleaned = signed_in(request), form.cleaned_data
        rows = {formset.model: formset for formset in formsets}
        facts = form.facts
        facts["division"] = self._division(cleaned, actor=by, at=at)
        facts["organisations"] = [
            (row.cleaned_data["role"], row.cleaned_data["name"]) for row in filled(rows[StationOrganisation].forms)
        ]
        periods = rows[HoursPeriod].periods
        exceptions = [row.exception for row in filled(rows[HoursException].forms)]
        if change:
            station = registering.amend(
                station=form.instance,
                facts=facts,
                periods=periods,
                exceptions=exceptions,
                version=cleaned["seen_version"],
                actor=by,
                at=at,
            )
        else:
            station = registering.register(facts=facts, periods=periods, exceptions=exceptions, actor=by, at=at)
        if change and confirming.is_elsewhere(form.instance.position, station.position):
            said = gettext(
                "The door is another one: what was found at the old one counts no more. Give the door a new code, print its poster, "
                "and say what you find at the door."
            )
            self.message_user(request, said, messages.WARNING)
        if kept := [name for name in station.aliases if name not in facts.get("aliases", ())]:
            said = gettext(
                "Couriers still find it as {name}. If that was a slip of the pen, delete it in “other names”."
            )
            self.message_user(request, said.format(name=gettext(", ").join(kept)), messages.INFO)
        wanted, reason = cleaned.get("wanted_status"), cleaned.get("reason", "")
        if wanted == Station.Status.PUBLISHED:
            station = publishing.publish(station=station, actor=by, at=at)
        elif wanted == Station.Status.SUSPENDED:
            station = publishing.suspend(station=station, reason=reason, actor=by, at=at)
        elif wanted == Station.Status.CLOSED:
            station = publishing.close(station=station, reason=reason, actor=by, at=at)
        # Last, since a file does not roll back with the rows.
        if cleaned.get("new_photo"):
            station = photos.store(station=station, photo=cleaned["new_photo"], actor=by, at=at)
        elif cleaned.get("remove_photo"):
            station = photos.remove(station=station, actor=by, at=at)
        if periods:
            self.message_user(
                request,
                gettext("Hours as they are understood: {hours}").format(hours=format_zh(periods)),
                messages.INFO,
            )
        return station

    @staticmethod
    def _division(cleaned: dict[str, Any], *, actor: User, at: datetime) -> Division:
        division = Division.objects.get(pk=cleaned["place"])
        if name := cleaned.get("neighbourhood", "").strip():
            division = divisions.ensure_neighbourhood(name=name, subdistrict=division, actor=actor, at=at)
        return division

    def construct_change_message(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        """Empty: the verbs have written what changed, with before and after."""
        return []

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            # Happens only if something changed between the check of the form and the lock; nothing was saved.
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


_PLAIN_WORDS = {
    field.name: field.verbose_name for field in Station._meta.get_fields() if hasattr(field, "verbose_name")
}
name_in_trail(
    {
        **_PLAIN_WORDS,
        "amenities": _("amenities"),
        "organisations": _("organisations behind the station"),
        "hours": _("opening hours"),
        "exceptions": _("exceptions to the hours"),
        "before": _("before"),
        "after": _("after"),
        "reason": _("reason"),
        "source": _("source"),
        "outcome": _("found"),
        "witnesses": _("devices"),
        "scope": _("where"),
        "duties": _("duties"),
        "fields": _("fields"),
        "role.granted": _("role given"),
        "role.ended": _("role ended"),
        **{f"{kind}.added": _("added") for kind in ("account", "amenity", "daytype", "zone", "role")},
        **{f"{kind}.changed": _("changed") for kind in ("account", "amenity", "daytype", "division", "zone")},
        "station.registered": _("registered"),
        "station.changed": _("changed"),
        "station.published": _("published"),
        "station.suspended": _("suspended"),
        "station.sent-to-map": _("sent to a map"),
        "actor:courier": _("a courier"),
        "actor:visitor": _("whoever used the link"),
        "actor:worker": _("the program by itself"),
        "actor:seed_demo": _("demo data"),
        "actor:demo_accounts": _("demo data"),
        "actor:import_stations": _("import by command"),
        **{f"actor:{name}": _("a command") for name in ("load_amenities", "load_divisions", "fill_day_types")},
        "map": _("map"),
        "action": _("action"),
        "add": _("add"),
        "change": _("change"),
        "remove": _("take off"),
        "station.put-back": _("change of status undone"),
        "station.closed": _("closed for good"),
        "station.door-code-renewed": _("new code for the door"),
        "station.doubted": _("doubted"),
        "station.doubt-cleared": _("doubt cleared"),
        "station.doubt-faded": _("doubt faded after a week without news"),
        "amenities.loaded": _("amenities loaded"),
        "amenities_created": _("amenities"),
        "words_created": _("wordings"),
        "divisions.loaded": _("divisions loaded"),
        "divisions_created": _("new divisions"),
        "divisions_updated": _("divisions updated"),
        "aliases_created": _("wordings"),
        "zones_created": _("new zones"),
        "zones_updated": _("zones updated"),
        "day_types.filled": _("day types filled"),
        "first": _("first day"),
        "last": _("last day"),
        "added": _("new"),
        "division.created": _("neighbourhood added"),
        "division.alias_learnt": _("wording learnt"),
        "stations.imported": _("list imported"),
        "created": _("new"),
        "updated": _("updated"),
        "unchanged": _("as before"),
        "refused": _("not written"),
        "row": _("row"),
        "premises": _("premises by"),
        "supplies": _("supplies by"),
        "management": _("run by"),
        "neighbourhood": _("neighbourhood"),
        "amenity.word_learnt": _("wording learnt"),
        "word": _("wording"),
        "demo.seeded": _("demo stations made"),
        "real": _("from a newspaper"),
        "made_up": _("made up for the demo"),
        "account.made-for-demo": _("demo account made"),
        **{str(status.value): status.label for status in Station.Status},
        **{str(outcome.value): outcome.label for outcome in Confirmation.Outcome},
        **{str(each.value): each.label for each in MapListing.Map},
    }
)


def _workbook(stations: QuerySet[Station]) -> HttpResponseBase:
    chosen = Station.objects.filter(pk__in=stations.order_by().values("pk"))
    name = f"stations-{clock.local_date(clock.now())}.xlsx"
    return attachment(exporting.export(chosen, "xlsx"), name=name, content_type=XLSX)


def _span_words(span: Opening) -> str:
    words = gettext("24 hours") if span.opens == span.closes else f"{span.opens:%H:%M}-{span.closes:%H:%M}"
    return words if span.entry_mode == EntryMode.STAFFED else f"{words} ({EntryMode(span.entry_mode).label})"
