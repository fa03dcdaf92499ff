"""Holiday hours for many stations at once: the days and hours, what they mean for each station, and the confirmation."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminDateWidget, AdminTimeWidget
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import DomainError
from core.typed import ClockField, DayField, row_number
from stations import registering
from stations.admin import undoing
from stations.admin.scoped import ScopedAdmin, filtered_list, signed_in
from stations.errors import HoursContradictory
from stations.hours import DatedException
from stations.models import Duty, Station
from stations.models.hours import EntryMode

__all__ = ["answered", "asked"]

# They are all changed in one transaction; a district has a few hundred.
MOST = 2_000


class HolidayForm(forms.Form):
    """One exception, and the stations that it is for."""

    chosen = forms.RegexField(r"^\d{1,18}(,\d{1,18})*$", widget=forms.HiddenInput)
    starts_on = DayField(label=_("first day"), widget=AdminDateWidget)
    ends_on = DayField(label=_("last day"), required=False, widget=AdminDateWidget, help_text=_("empty: the same day"))
    is_closed = forms.BooleanField(label=_("closed on these days"), required=False)
    opens = ClockField(label=_("opens"), required=False, widget=AdminTimeWidget)
    closes = ClockField(label=_("closes"), required=False, widget=AdminTimeWidget)
    entry_mode = forms.ChoiceField(label=_("entry"), choices=EntryMode.choices)
    reason = forms.CharField(label=_("reason"), max_length=60, help_text=_("shown to couriers, such as 春节放假"))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        cleaned["ends_on"] = cleaned.get("ends_on") or cleaned.get("starts_on")
        times = [cleaned.get("opens"), cleaned.get("closes")]
        if cleaned.get("is_closed"):
            if any(times):
                self.add_error("is_closed", _("Closed, or open at these times: say one of the two."))
        elif None in times and not {"opens", "closes"} & set(self.errors):
            self.add_error("opens", _("Give both times, or tick “closed on these days”."))
        if not self.errors:
            try:
                registering.check_hours([], [self.exception])
            except HoursContradictory as refusal:
                self.add_error("ends_on", str(refusal.detail))
        return cleaned

    @property
    def exception(self) -> DatedException:
        names = ("starts_on", "ends_on", "opens", "closes", "entry_mode", "reason")
        return DatedException(**{name: self.cleaned_data[name] for name in names})


def asked(options: ScopedAdmin, request: HttpRequest, chosen: QuerySet[Station]) -> HttpResponse:
    """The empty form for the stations that were ticked in the list."""
    keys = list(chosen.order_by("code").values_list("pk", flat=True)[: MOST + 1])
    if not keys or len(keys) > MOST:
        said = gettext("Choose between 1 and {most} stations; a filter by district makes the list shorter.")
        options.message_user(request, said.format(most=MOST), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())
    form = HolidayForm(initial={"chosen": ",".join(map(str, keys)), "is_closed": True})
    return _shown(options, request, form, _stations(options, request, keys))


def answered(options: ScopedAdmin, request: HttpRequest) -> HttpResponse:
    """The form again with what is wrong, the preview, or what was done."""
    if not options.has_change_permission(request):
        raise PermissionDenied
    listed = filtered_list(options, request)
    form = HolidayForm(request.POST or None)
    chosen = map(row_number, request.POST.get("chosen", "").split(","))
    keys = [key for key in chosen if key is not None][:MOST]
    stations = _stations(options, request, keys)
    if not stations:
        return HttpResponseRedirect(listed)
    if not form.is_valid():
        return _shown(options, request, form, stations)
    plan = registering.plan_exception(stations, form.exception)
    if "confirm" not in request.POST:
        return _shown(options, request, form, stations, plan=plan)
    try:
        done = registering.add_exception(
            station_ids=[station.pk for station in plan.adding],
            exception=form.exception,
            actor=signed_in(request),
            at=clock.now(),
        )
    except DomainError as refusal:
        form.add_error(None, str(refusal))
        return _shown(options, request, form, stations)
    said = ngettext(
        "Holiday hours entered at {number} station.", "Holiday hours entered at {number} stations.", len(done)
    ).format(number=len(done))
    undoing.offer_exception(options, request, said, done, form.exception)
    return HttpResponseRedirect(listed)


def _stations(options: ScopedAdmin, request: HttpRequest, keys: list[int]) -> list[Station]:
    managed = options.scope(request, Duty.MANAGE).stations().filter(pk__in=keys)
    return list(managed.order_by("code").defer("grams", "tags", "search_text"))


def _shown(
    options: ScopedAdmin,
    request: HttpRequest,
    form: HolidayForm,
    stations: list[Station],
    plan: registering.ExceptionPlan | None = None,
) -> HttpResponse:
    context = {
        **options.admin_site.each_context(request),
        "title": gettext("Holiday hours for many stations"),
        "form": form,
        "stations": stations,
        "plan": plan,
        "opts": options.opts,
        "media": options.media + form.media,
        "action": f"{reverse('admin:stations_station_holiday_hours')}?{options.get_preserved_filters(request)}",
        "back": filtered_list(options, request),
    }
    return TemplateResponse(request, "admin/stations/holiday_hours.html", context)
