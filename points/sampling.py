"""Redemptions drawn at random to be asked about: whoever knows the number that was drawn draws the same again."""

import secrets
from collections.abc import Collection
from datetime import date, timedelta

from django.db.models import F, Func, Q, QuerySet, Value
from django.db.models.functions import Concat

from core import clock
from points.models import Redemption
from stations.access import Scope

__all__ = ["draw", "new_seed"]

# What was taken back afterwards was handed over all the same.
_HANDED_OVER = ("handed-over", "returned")


def new_seed() -> str:
    return secrets.token_hex(4)


def draw(
    *, seed: str, number: int, first: date, last: date, scope: Scope, districts: Collection[str] = ()
) -> QuerySet[Redemption]:
    """So many hand-overs of these days at the stations in `scope`, and of these districts if any are named.

    In the order of SHA-256 over `seed` and code, so that neither the reader nor the one who gave has a say in who comes first,
    and anybody can draw again what was drawn.
    """
    bytes_of = Func(Concat(Value(seed), F("code")), Value("UTF8"), function="convert_to")
    where = Q()
    for code in districts:
        where |= Q(station__division__code__startswith=code)
    return (
        Redemption.objects.filter(
            scope.of_station("station__"),
            where,
            status__in=_HANDED_OVER,
            ended_at__gte=clock.local_midnight(first),
            ended_at__lt=clock.local_midnight(last + timedelta(days=1)),
        )
        .select_related("gift", "station", "courier", "ended")
        .order_by(Func(bytes_of, function="sha256"), "code")[:number]
    )
