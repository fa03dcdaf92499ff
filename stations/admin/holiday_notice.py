"""Next year's holidays from the State Council's notice: pasted, shown as it was read, confirmed."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.admin import AuditedAdmin
from stations import day_types, publishing
from stations.admin.scoped import signed_in
from stations.holiday_notice import Notice, NoticeUnread, read_notice
from stations.models import DayType

__all__ = ["SPECIAL_DAYS", "notice_page", "signed_for"]

LONGEST = 10_000
# The query with which the list of day types shows the days that differ from their weekday.
SPECIAL_DAYS = "kind__in=holiday%2Cswapped-workday"


class NoticeForm(forms.Form):
    """The notice as it was pasted; once cleaned, what it says."""

    notice = forms.CharField(
        label=_("the notice"),
        max_length=LONGEST,
        widget=forms.Textarea(attrs={"rows": 14, "cols": 80}),
        help_text=_("whole, with its title, as it stands on the State Council's site"),
    )

    def clean_notice(self) -> Notice:
        try:
            notice = read_notice(self.cleaned_data["notice"])
        except NoticeUnread as unread:
            raise forms.ValidationError(unread.problems) from unread
        this_year = clock.local_date(clock.now()).year
        if abs(notice.year - this_year) > 1:
            raise forms.ValidationError(
                _("This notice is about %(year)s, and only last year, this year and the next are entered here."),
                params={"year": notice.year},
            )
        return notice


def notice_page(options: AuditedAdmin, request: HttpRequest) -> HttpResponse:
    """The empty page, the notice with what is wrong, what it would change, or what was done."""
    if not options.has_add_permission(request):
        raise PermissionDenied
    form = NoticeForm(request.POST or None)
    listed = reverse("admin:stations_daytype_changelist")
    notice: Notice | None = form.cleaned_data["notice"] if form.is_valid() else None
    if notice is not None and "confirm" in request.POST:
        _enter(request, notice)
        return HttpResponseRedirect(f"{listed}?date__year={notice.year}&{SPECIAL_DAYS}")
    context: dict[str, Any] = {
        **options.admin_site.each_context(request),
        "title": gettext("Holidays from the State Council's notice"),
        "form": form,
        "notice": notice,
        "worked": sorted(notice.worked.items()) if notice else [],
        "overruled": day_types.overruled(notice) if notice else [],
        "opts": options.opts,
        "back": listed,
    }
    return TemplateResponse(request, "admin/stations/daytype/notice.html", context)


def signed_for(request: HttpRequest) -> str:
    """The source of days for which no paper is named: whoever enters them, his name cut to the length of the column."""
    return signed_in(request).get_username()[: DayType._meta.get_field("source").max_length]


def _enter(request: HttpRequest, notice: Notice) -> None:
    now, staff = clock.now(), signed_in(request)
    with transaction.atomic():
        filled = day_types.enter(notice, source=notice.document or signed_for(request), actor=staff, at=now)
        if filled.added or filled.changed:
            publishing.expand_again(now=now)
    said = ngettext(
        "{year} is entered: {number} day changed. The hours of all stations follow within a minute.",
        "{year} is entered: {number} days changed. The hours of all stations follow within a minute.",
        filled.changed,
    )
    if not filled.changed:
        said = gettext("{year} is entered. The hours of all stations follow within a minute.")
    if not (filled.added or filled.changed):
        said = gettext("{year} was in the calendar already, as the notice says it.")
    messages.success(request, said.format(year=notice.year, number=filled.changed))
