"""Which couriers and districts a partner's program may refer to. What is out of its reach counts as missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from operator import or_

from django.db.models import Q

from core.api.callers import Caller
from core.errors import NotFound
from couriers import codes
from couriers.errors import CardReplaced, CourierErased, CourierNotFound
from couriers.models import Courier
from couriers.querysets import CourierQuerySet
from stations.models import Division, Station

__all__ = ["courier_for", "couriers_for", "district_for", "gone_is_missing"]


def couriers_for(caller: Caller) -> CourierQuerySet:
    """Those of its districts who agreed to be known to it; a sandbox knows only those it registered itself."""
    inside = reduce(or_, (Q(division__code__startswith=code) for code in caller.divisions), Q(pk__in=[]))
    couriers = Courier.objects.filter(inside).exclude(status=Courier.Status.ERASED).shared_with(caller.code)
    return couriers.filter(registered_by=caller.actor) if caller.is_sandbox else couriers


def courier_for(caller: Caller, text: str) -> Courier:
    """The courier whose card reads `text`.   Raises: CourierNotFound; CardReplaced for the old card of one it knows."""
    couriers, code = couriers_for(caller), codes.read_code(text)
    if code is None:
        raise CourierNotFound
    courier = couriers.filter(code=code).first()
    if courier is None:
        raise CardReplaced if couriers.filter(retired_codes__code=code).exists() else CourierNotFound
    return courier


@contextmanager
def gone_is_missing() -> Iterator[None]:
    """A courier who is erased, or merged into another, during a request is missing just as if that had happened before.

    Raises: CourierNotFound.
    """
    try:
        yield
    except CourierErased as gone:
        raise CourierNotFound from gone


def district_for(caller: Caller, code: str) -> Division:
    """The district, if the caller covers all of it; a sandbox has those where something is made up for trials.

    Raises: NotFound.
    """
    district = Division.objects.filter(code=code, level=Division.Level.DISTRICT).first()
    if district is None or not caller.covers(code):
        raise NotFound
    if caller.is_sandbox and not Station.objects.in_any_division([code]).filter(is_made_up=True).exists():
        raise NotFound
    return district
