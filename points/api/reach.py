"""Which redemptions and postings a partner's program may refer to. What is out of its reach counts as missing."""

import uuid
from functools import lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Q

from core import prepared
from core.api.callers import Caller
from couriers import codes
from couriers.api.reach import courier_for, couriers_for
from couriers.errors import CourierNotFound
from couriers.models import Courier
from points.errors import GiftNotFound, PostingNotFound, RedemptionNotFound
from points.models import Gift, Posting, Redemption
from points.redemption import Reach
from stations.api.writing import station_for, stations_for
from stations.models import Station

__all__ = ["award_for", "gift_called", "redemption_for", "refuse_missing", "wish_for"]


def gift_called(code: str) -> Gift:
    """Gifts are public.   Raises: GiftNotFound."""
    gift = Gift.objects.filter(code=code.lower()).first()
    if gift is None:
        raise GiftNotFound
    return gift


def redemption_for(caller: Caller, text: str) -> Redemption:
    """The redemption, if the caller knows its courier, or the one that he was merged into, and the station is in its
    divisions.

    Raises: RedemptionNotFound.
    """
    stations, known = Station.objects.in_any_division(caller.divisions), couriers_for(caller)
    rows = Redemption.objects.filter(
        Q(courier__in=known) | Q(courier__merged_into__in=known), code=codes.read_code(text), station__in=stations
    )
    redemption = rows.select_related("courier__merged_into", "gift", "station", "ended").first()
    if redemption is None:
        raise RedemptionNotFound
    return redemption


def award_for(caller: Caller, op_id: uuid.UUID) -> Posting:
    """An award that the caller made itself.   Raises: PostingNotFound."""
    posting = Posting.objects.filter(op_id=op_id, kind=Posting.Kind.AWARD, actor_name=caller.actor).first()
    if posting is None:
        raise PostingNotFound
    return posting


def wish_for(caller: Caller, courier: str, gift: str, station: str) -> tuple[Courier, Gift, Station, Reach]:
    """Whom and what a request names, by their codes alone, and where the verb itself has to look for them.

    Raises: CourierNotFound, if the caller reaches nobody.
    """
    if not caller.divisions:
        raise CourierNotFound
    sql, values = _wish_in_reach(caller)
    read = {"courier": codes.read_code(courier) or "", "gift": gift.lower(), "station": station.upper()}
    return (
        Courier.from_db(DEFAULT_DB_ALIAS, ("id", "code"), (None, read["courier"])),
        Gift.from_db(DEFAULT_DB_ALIAS, ("id", "code"), (None, read["gift"])),
        Station.from_db(DEFAULT_DB_ALIAS, ("id", "code"), (None, read["station"])),
        Reach(sql, values | read),
    )


def refuse_missing(caller: Caller, courier: str, gift: str, station: str) -> None:
    """Say which of the three the caller may not refer to; if several, the first.

    Raises: CourierNotFound, CardReplaced, GiftNotFound, StationNotFound.
    """
    courier_for(caller, courier)
    gift_called(gift)
    station_for(caller, station)


@lru_cache(maxsize=500)
def _wish_in_reach(caller: Caller) -> tuple[str, dict[str, Any]]:
    """The ids of a courier, a gift and a station that the caller may refer to, as one statement built once for each key."""
    parts = [
        prepared.compiled(rows.filter(code=prepared.hole(name)).order_by().values("pk"), prefix=f"{name}_")
        for name, rows in (
            ("courier", couriers_for(caller)), ("gift", Gift.objects.all()), ("station", stations_for(caller)),
        )
    ]  # fmt: skip
    values = {name: value for _sql, own in parts for name, value in own.items()}
    return f"SELECT {', '.join(f'({sql})' for sql, _own in parts)}", values
