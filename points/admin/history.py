"""A courier's points as a statement: what came and went, why, and what he had after it."""

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
from points.admin.scoped import holds_a_district, reads_the_books
from points.models import Account, Entry, Posting
from stations import access

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


_BEHIND = (
    "posting__award__district", "posting__award__rule", "posting__reversal",
    "posting__redemption_ordered__gift", "posting__redemption_ordered__station",
    "posting__reverses__award__district", "posting__reverses__award__rule",
    "posting__reverses__redemption_ordered__gift", "posting__reverses__redemption_ordered__station",
)  # fmt: skip


def history(request: HttpRequest, pk: int) -> TemplateResponse:
    """For whoever sees the courier's own page: his district's desk."""
    scope = access.scope_of(request.user)
    if not holds_a_district(request):
        raise PermissionDenied
    courier = Courier.objects.within(scope).select_related("division").filter(pk=pk).first()
    if courier is None:
        raise Http404
    account = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
    entries = Entry.objects.filter(account=account).select_related(*_BEHIND).order_by("-seq")
    shown = BoundedPaginator(entries, A_PAGE).get_page(request.GET.get("p"))
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
    """The award or the gift behind an entry; of a reversal, behind what it took back."""
    posting: Any = entry.posting
    origin: Any = posting.reverses if posting.kind == Posting.Kind.REVERSAL else posting
    award, ordered = getattr(origin, "award", None), getattr(origin, "redemption_ordered", None)
    scope = access.scope_of(request.user)
    where, why, district, is_near = "", posting.reason or posting.source, "", False
    if award is not None:
        district, where = str(award.district_id), award.district.label
        why = why if not award.rule_id else f"{award.get_action_display()} {award.matter}"
        is_near = scope.covers_division(district)
    elif ordered is not None:
        district, where = ordered.station.district_code, ordered.station.name
        why = " ".join(filter(None, [ordered.gift.name, posting.reason]))
        is_near = scope.covers(ordered.station)
    what = posting.get_kind_display()
    if origin is not posting:
        what = gettext("{what}, taken back").format(what=origin.get_kind_display())
        if award is not None and award.rule_id:
            why = f"{why} {posting.reason}".strip()
    reads = bool(district) and reads_the_books(request, district)
    return Line(
        at=posting.occurred_at,
        what=str(what),
        why=why,
        where=where,
        # Who acted in another district is that district's to know.
        by=described_name(posting.actor_name) if is_near else "",
        amount=entry.amount,
        balance=entry.balance_after or 0,
        is_taken_back=hasattr(posting, "reversal"),
        recorded_late=posting.recorded_at if posting is origin and ordered is not None and ordered.is_late else None,
        url=reverse("admin:points_posting_change", args=[posting.pk]) if reads else "",
    )


if isinstance(admin.site, FengchaoAdminSite):  # the type checker knows Django\'s own
    admin.site.show_page("points/couriers/<int:pk>/", history, name="points_courier_history")
lead_on(_("Points and gifts"), lambda courier: reverse("admin:points_courier_history", args=[courier.pk]))
