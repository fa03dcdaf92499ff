"""结算表: what each district paid for and what it handed out in a month or a year, to view, to print and to take along."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from core import clock
from core.admin import XLSX, attachment
from core.admin_site import FengchaoAdminSite
from points.admin.scoped import READERS, districts_seen, holds_a_district
from points.models import Posting
from points.settlement import Settled, settlement
from stations import access
from stations.columns import SheetRows, Value, xlsx_chunks

__all__ = ["settling"]


def settling(request: HttpRequest) -> HttpResponseBase:
    """The previous month, unless another or a year is asked for: all districts for the city, its own for a district."""
    if not holds_a_district(request, *READERS):
        raise PermissionDenied
    first_days = _months()
    months = {f"{each:%Y-%m}": each for each in first_days}
    years = {f"{each:%Y}": each.replace(month=1) for each in first_days}
    asked = request.GET.get("month", "")
    last = f"{first_days[1] if first_days[1:] else first_days[0]:%Y-%m}"
    shown = asked if asked in months | years else last
    begins, count = (years[shown], 12) if shown in years else (months[shown], 1)
    # As each is called where it is shown.
    called = {each: each for each in months} | {
        each: gettext("{year}, the whole year").format(year=each) for each in years
    }
    names = {district.code: district.label for district in districts_seen(request, *READERS)}
    rows = [row for row in settlement(month=begins, months=count) if row.district in names]
    total = _total(rows) if access.scope_of(request.user, *READERS).is_city else None
    if request.GET.get("format") == "xlsx":
        sheet = SheetRows(shown, _sheet(rows, names, total), widths=[20, 18, 18, 18, 18, 18])
        name = f"settlement-{shown}.xlsx"
        return attachment(xlsx_chunks([sheet]), name=name, content_type=XLSX)
    today = clock.local_date(clock.now())
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": gettext("Settlement of {month}").format(month=called[shown]),
        "subtitle": None,
        "opts": Posting._meta,
        "called": called,
        "month": shown,
        "named": called[shown],
        "unknown": asked[:20] if asked and asked != shown else "",
        "runs": today < clock.first_of_month(begins, months=count),
        "rows": [(names[row.district], row) for row in rows],
        "total": total,
        "late": _total(rows),
        "today": today,
        "back": reverse("admin:points_posting_changelist"),
    }
    return TemplateResponse(request, "admin/points/settlement.html", context)


def _months() -> list[date]:
    """This month and all those before it for which there are books, the newest first."""
    this = clock.first_of_month(clock.local_date(clock.now()))
    first = Posting.objects.order_by("pk").values_list("occurred_at", flat=True).first()
    earliest = clock.first_of_month(clock.local_date(first)) if first else this
    months = [this]
    while months[-1] > earliest:
        months.append(clock.first_of_month(months[-1], months=-1))
    return months


def _total(rows: Sequence[Settled]) -> Settled:
    return Settled("", *(sum(getattr(row, each) for row in rows) for each in ("paid", "redeemed", "late", "after")))


def _sheet(rows: Sequence[Settled], names: dict[str, str], total: Settled | None) -> Iterator[Sequence[Value]]:
    yield [
        gettext("district"),
        gettext("given to couriers"),
        gettext("taken in at its counters"),
        gettext("difference in points"),
        gettext("of these entered late"),
        gettext("entered after it had ended"),
    ]
    together = [(gettext("together"), total)] if total else []
    for name, row in [*((names[row.district], row) for row in rows), *together]:
        yield [name, row.paid, row.redeemed, row.owes, row.late, row.after]


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/settlement/", settling, name="points_settlement")
