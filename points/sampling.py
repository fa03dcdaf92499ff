"""Redemptions drawn at random, to ask about them: anybody who knows the number of the draw can repeat it."""

import secrets
from collections.abc import Collection
from datetime import date, timedelta

from django.db.models import F, Func, Q, QuerySet, Value
from django.db.models.functions import Concat

from core import clock
from points.models import Redemption
from stations.access import Scope

__all__ = ["draw", "new_seed"]

# Hand-overs that were taken back are included, since they took place.
_HANDED_OVER = ("handed-over", "returned")


def new_seed() -> str:
    return secrets.token_hex(4)


def draw(
    *, seed: str, number: int, first: date, last: date, scope: Scope, districts: Collection[str] = ()
) -> QuerySet[Redemption]:
    """Draw some hand-overs of these days at the stations in `scope`, limited to these districts if any are named.

    Their order is that of SHA-256 over `seed` and code, so that neither the auditor nor the steward has a say in who comes
    first, and anybody can repeat the draw.
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
        .select_related("gift", "station", "courier__merged_into", "ended")
        .order_by(Func(bytes_of, function="sha256"), "code")[:number]
    )
