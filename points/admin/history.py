"""A courier's points as a statement: what came and went, why, and his balance afterwards."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin import BoundedPaginator, described_name
from core.admin_site import FengchaoAdminSite
from couriers import privacy
from couriers.admin.scoped import lead_on
from couriers.models import Courier
from points import telling
from points.admin.scoped import holds_a_district, reads_the_books
from points.models import Account, Entry, Posting
from stations import access
from stations.models import Duty

__all__ = ["history"]

A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One movement in words."""

    at: datetime
    what: str
    why: str
    where: str
    by: str
    amount: int
    balance: int
    is_taken_back: bool
    recorded_late: datetime | None
    url: str


def history(request: HttpRequest, pk: int) -> TemplateResponse:
    """For those who see the courier's own page: his district's desk."""
    scope = access.scope_of(request.user)
    if not holds_a_district(request):
        raise PermissionDenied
    courier = Courier.objects.within(scope).select_related("division", "merged_into").filter(pk=pk).first()
    if courier is None:
        raise Http404
    account = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
    shown = BoundedPaginator(telling.entries_of(account), A_PAGE).get_page(request.GET.get("p"))
    context = {
        **admin.site.each_context(request),
        "title": gettext("Points of {courier}").format(courier=courier.code),
        "subtitle": None,
        "opts": Courier._meta,
        "courier": courier,
        "person": privacy.masked(courier),
        "balance": account.balance if account else 0,
        "page": shown,
        "lines": [_line(entry, request) for entry in shown.object_list],
    }
    return TemplateResponse(request, "admin/points/history.html", context)


def _line(entry: Entry, request: HttpRequest) -> Line:
    posting, said = entry.posting, telling.told(entry)
    scope = access.scope_of(request.user)
    district, is_near = "", False
    if said.award is not None:
        district = str(said.award.district_id)
        is_near = scope.covers_division(district)
    elif said.redemption is not None:
        district = said.redemption.station.district_code
        is_near = scope.covers(said.redemption.station)
    reads = bool(district) and reads_the_books(request, district)
    return Line(
        at=posting.occurred_at,
        what=said.what,
        why=said.why,
        where=said.where,
        # Only the district itself is told who acted there.
        by=described_name(posting.actor_name) if is_near else "",
        amount=entry.amount,
        balance=entry.balance_after or 0,
        is_taken_back=said.is_taken_back,
        recorded_late=_recorded_late(posting),
        url=reverse("admin:points_posting_change", args=[posting.pk]) if reads else "",
    )


def _recorded_late(posting: Posting) -> datetime | None:
    """When it was entered, if it was written on paper first."""
    ordered: Any = getattr(posting, "redemption_ordered", None)
    return posting.recorded_at if ordered is not None and ordered.is_late else None


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/couriers/<int:pk>/", history, name="points_courier_history")
lead_on(_("Points and gifts"), list(Duty), lambda courier: reverse("admin:points_courier_history", args=[courier.pk]))
