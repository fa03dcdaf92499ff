"""Which duties the verbs of this app ask for, and where.

What is done while the courier stands at the counter (registering, meeting, card, PIN, phone) takes a duty at some counter;
what is done about him from a desk (block, reveal, erase) takes a duty for his whole district.
"""

from functools import reduce
from operator import or_

from django.db.models import Q

from core.errors import NotFound
from core.models import User
from couriers.errors import ReasonMissing
from couriers.models import Courier
from stations import access
from stations.access import DISTRICT_DIGITS, DutyMissing, Scope
from stations.models import Duty, Station

__all__ = [
    "AT_COUNTER",
    "AT_DESK",
    "in_reach",
    "require_at_counter",
    "require_at_desk",
    "require_in_district",
    "require_reason",
]

AT_COUNTER = (Duty.COUNTER, Duty.REVIEW, Duty.MANAGE)
AT_DESK = (Duty.REVIEW, Duty.MANAGE)


def require_at_counter(actor: User | str) -> None:
    """Let `actor` pass if he has a duty at any counter: members belong to the whole city. Raises: DutyMissing."""
    if not isinstance(actor, str) and not access.scope_of(actor, *AT_COUNTER):
        raise DutyMissing


def require_at_desk(actor: User | str, courier: Courier) -> None:
    """Let `actor` pass if he answers for the courier's district. Raises: NotFound, DutyMissing."""
    access.require(actor, *AT_DESK, divisions=[str(courier.division_id)])


def require_in_district(actor: User | str, district: str) -> None:
    """Let `actor` pass if he has a duty anywhere in `district` (a code), even at a single station.

    Raises: NotFound, DutyMissing.
    """
    if isinstance(actor, str) or _reaches(access.scope_of(actor, *AT_COUNTER), district):
        return
    raise DutyMissing(division=district) if _reaches(access.scope_of(actor), district) else NotFound()


def _reaches(scope: Scope, district: str) -> bool:
    """Whether some part of the scope lies in the district or around it."""
    return scope.is_city or district.startswith(tuple(_outlines(scope)))


def in_reach(scope: Scope) -> Q:
    """The condition that keeps the couriers of the districts that some part of the scope is in."""
    if scope.is_city:
        return Q()
    return reduce(or_, (Q(division__code__startswith=code) for code in _outlines(scope)), Q(pk__in=[]))


def _outlines(scope: Scope) -> set[str]:
    """The districts that a scope touches, as prefixes of codes."""
    stations = Station.objects.filter(pk__in=scope.station_ids).values_list("division_id", flat=True)
    return {code[:DISTRICT_DIGITS] for code in (*scope.prefixes, *(stations if scope.station_ids else ()))}


def require_reason(text: str) -> str:
    """Whatever is done to a courier needs a reason.   Raises: ReasonMissing."""
    text = "".join(symbol for symbol in text if symbol.isprintable()).strip()
    if not text:
        raise ReasonMissing
    return text[:120]
