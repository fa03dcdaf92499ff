"""What the books add to an office's first page: couriers who wait for a ruling, funds and cabinets to fill, gifts to decide on."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.admin_site import FengchaoAdminSite, WorkList
from points import disputes, funds
from points.admin.gifts import KEEP, low_here
from points.admin.scoped import districts_seen, holds_a_district
from points.models import Account, Dispute, GiftProposal, Redemption
from stations import access
from stations.admin.overview import COUNT_LIMIT, SHOWN, said_number
from stations.admin.scoped import signed_in
from stations.models import Duty, Station

__all__ = ["work_lists"]


def work_lists(request: HttpRequest) -> list[WorkList]:
    """Only what this reader may settle. One query for each."""
    lists = []
    if holds_a_district(request, *disputes.DECIDERS):
        lists.append(_disputes(request))
    if holds_a_district(request, Duty.MANAGE):
        lists += [_funds(request), _proposals(request)]
    if holds_a_district(request, *KEEP):
        lists += [_in_vain(request), _low(request)]
    return lists


def _disputes(request: HttpRequest) -> WorkList:
    seen = admin.site._registry[Dispute].get_queryset(request).filter(ruling=Dispute.Ruling.OPEN)
    mine = seen.filter(redemption__gift__division__in=districts_seen(request, *disputes.DECIDERS))
    return _list(
        mine.select_related("redemption__gift", "redemption__station").order_by("opened_at", "pk"),
        lambda dispute: (
            f"{dispute.redemption.gift.label} · {dispute.redemption.station.name}",
            reverse("admin:points_dispute_change", args=[dispute.pk]),
        ),
        label=_("Disputes to decide"),
        hint=_("Couriers who say that they did not get a gift, and wait for their points."),
        url=f"{reverse('admin:points_dispute_changelist')}?ruling__exact=open",
    )


def _proposals(request: HttpRequest) -> WorkList:
    seen = admin.site._registry[GiftProposal].get_queryset(request).filter(status=GiftProposal.Status.OPEN)
    mine = seen.filter(access.scope_of(request.user, Duty.MANAGE).of_station("station__"))
    return _list(
        mine.exclude(proposed_by=signed_in(request).get_username())
        .select_related("station")
        .order_by("proposed_at", "pk"),
        lambda proposal: (
            f"{proposal.name} · {proposal.station.name}",
            reverse("admin:points_giftproposal_change", args=[proposal.pk]),
        ),
        label=_("Gifts proposed by stations"),
        hint=_("Put them on the district's list, or say why not."),
        url=f"{reverse('admin:points_giftproposal_changelist')}?status__exact=open",
    )


def _funds(request: HttpRequest) -> WorkList:
    mine = funds.running_dry().filter(division__in=districts_seen(request, Duty.MANAGE))
    page = reverse("admin:points_fund_list")
    return _list(
        mine.select_related("division"),
        lambda fund: (gettext("{district}: {number} points left").format(
            district=fund.division.label, number=fund.balance
        ), page),
        label=_("Funds that run dry"),
        hint=_("An empty fund gives nobody points, and nothing waits for it. The city allocates more on a document."),
        url=page,
    )  # fmt: skip


def _in_vain(request: HttpRequest) -> WorkList:
    waiting = Redemption.objects.filter(status=Redemption.Status.ORDERED).exclude(
        station__status=Station.Status.PUBLISHED
    )
    return _list(
        waiting.filter(access.scope_of(request.user, *KEEP).of_station("station__"))
        .select_related("gift", "station")
        .order_by("fetch_until", "pk"),
        lambda order: (
            f"{order.gift.label} · {order.station.name}",
            reverse("admin:points_redemption_change", args=[order.pk]),
        ),
        label=_("Orders at stations that are shut"),
        hint=_(
            "The courier would come in vain. Tell him, and hand it over elsewhere or cancel it: his points come back."
        ),
        url=f"{reverse('admin:points_redemption_changelist')}?status__exact=ordered",
    )


def _low(request: HttpRequest) -> WorkList:
    return _list(
        low_here(request, *KEEP).select_related("gift", "station").order_by("balance", "pk"),
        _said_low,
        label=_("Gifts that run low"),
        hint=_("Fill the cabinet, or move some there from where there are enough."),
        url=reverse("admin:points_gift_low"),
    )


def _said_low(cabinet: Account) -> tuple[str, str]:
    assert cabinet.gift is not None and cabinet.station is not None  # noqa: S101, PT018 - a cabinet has both
    said = gettext("{gift} · {station}: {number} left").format(
        gift=cabinet.gift.label, station=cabinet.station.name, number=cabinet.balance
    )
    return said, reverse("admin:points_gift_change", args=[cabinet.gift.pk])


def _list(
    rows: QuerySet[Any], said: Callable[[Any], tuple[str, str]], *, label: str | Promise, hint: str | Promise, url: str
) -> WorkList:
    found = list(rows[: COUNT_LIMIT + 1])
    return WorkList(label, hint, said_number(len(found)), [said(row) for row in found[:SHOWN]], url)


if isinstance(admin.site, FengchaoAdminSite):
    admin.site.add_work(work_lists)
