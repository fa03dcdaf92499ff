"""Cabinets that run low: the marks below which they do, and telling those who keep them."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from core import audit, notices
from core.models import User
from points.errors import GiftOfAnotherDistrict
from points.models import Account, Gift, LowStock, StockMark
from stations import access, publishing
from stations.models import Duty, Station

__all__ = ["running_low", "set_mark", "watch", "with_marks"]


def with_marks() -> QuerySet[Any]:
    """All cabinets, each with its `mark`: its own, or the gift's, or none."""
    marks = StockMark.objects.filter(gift=OuterRef("gift"))
    own = Subquery(marks.filter(station=OuterRef("station")).values("pieces"))
    usual = Subquery(marks.filter(station__isnull=True).values("pieces"))
    return Account.objects.filter(kind=Account.Kind.STOCK).annotate(mark=Coalesce(own, usual))


def running_low() -> QuerySet[Any]:
    """The cabinets under their mark, of gifts that are offered and stations that are not shut; one that is suspended is filled
    when it opens again.
    """
    in_use = with_marks().filter(gift__is_offered=True).exclude(station__status__in=publishing.SHUT)
    return in_use.filter(balance__lt=F("mark"))


@transaction.atomic
def set_mark(*, gift: Gift, station: Station | None, pieces: int | None, actor: User | str, at: datetime) -> None:
    """Set below how many pieces a gift runs low: at one station, or at every station without a mark of its own. None
    removes the mark.

    Raises: GiftOfAnotherDistrict; what `access.require` does, which for all stations asks for the district.   Locks: Gift.
    """
    gift = Gift.objects.select_for_update(no_key=True).get(pk=gift.pk)
    if station is None:
        access.require(actor, Duty.MANAGE, divisions=[str(gift.division_id)])
    else:
        access.require(actor, Duty.MANAGE, Duty.COUNTER, stations=[station])
        if station.district_code != gift.division_id:
            raise GiftOfAnotherDistrict(gift=gift.code, station=station.code)
    mark = StockMark.objects.filter(gift=gift, station=station).first()
    before = None if mark is None else mark.pieces
    if pieces == before:
        return
    if pieces is None:
        StockMark.objects.filter(gift=gift, station=station).delete()
    else:
        mark = mark or StockMark(gift=gift, station=station)
        mark.pieces = pieces
        mark.full_clean()
        mark.save()
    data = {"changed": {"mark": {"before": before, "after": pieces}}, "station": station and station.code}
    audit.record("stock.marked", subject=("gift", gift.code), actor=actor, at=at, data=data)


def watch(*, now: datetime) -> int:
    """Tell the keepers of each cabinet that has fallen below its mark, once; return the number of notices. The worker's job.

    Of two workers only the one that writes the row tells them.
    """
    told = 0
    low = running_low()
    LowStock.objects.exclude(account__in=low.values("pk")).delete()
    for account in low.filter(low__isnull=True).select_related("gift", "station").order_by("pk"):
        with transaction.atomic():
            _row, is_new = LowStock.objects.get_or_create(account=account, defaults={"since": now})
            if is_new:
                told += _tell(account, now=now)
    return told


def _tell(account: Account, *, now: datetime) -> bool:
    gift, station = account.gift, account.station
    assert gift is not None  # noqa: S101 - a cabinet has both
    assert station is not None  # noqa: S101
    with translation.override(settings.LANGUAGE_CODE):
        text = _("{gift} runs low at {station} ({code}): {number} on hand.").format(
            gift=gift.name, station=station.name, code=station.code, number=account.balance
        )
    recipients = [user.get_username() for user in access.responsible_for(station)]
    path = reverse("admin:points_gift_change", args=[gift.pk])
    return notices.add(
        matter=f"stock.low {station.code} {gift.code}", text=text, recipients=recipients, path=path, at=now
    )
