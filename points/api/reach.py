"""Which redemptions and postings a partner's program may speak of. Out of its reach is the same as missing."""

import uuid

from core.api.callers import Caller
from couriers import codes
from couriers.api.reach import couriers_for
from points.errors import GiftNotFound, PostingNotFound, RedemptionNotFound
from points.models import Gift, Posting, Redemption
from stations.models import Station

__all__ = ["award_for", "gift_called", "redemption_for"]


def gift_called(code: str) -> Gift:
    """Gifts are public.   Raises: GiftNotFound."""
    gift = Gift.objects.filter(code=code.lower()).first()
    if gift is None:
        raise GiftNotFound
    return gift


def redemption_for(caller: Caller, text: str) -> Redemption:
    """One of a courier that the caller knows, at a station in its divisions.   Raises: RedemptionNotFound."""
    stations = Station.objects.in_any_division(caller.divisions)
    rows = Redemption.objects.filter(code=codes.read_code(text), courier__in=couriers_for(caller), station__in=stations)
    redemption = rows.select_related("courier", "gift", "station", "ended").first()
    if redemption is None:
        raise RedemptionNotFound
    return redemption


def award_for(caller: Caller, op_id: uuid.UUID) -> Posting:
    """An award that the caller made itself.   Raises: PostingNotFound."""
    posting = Posting.objects.filter(op_id=op_id, kind=Posting.Kind.AWARD, actor_name=caller.actor).first()
    if posting is None:
        raise PostingNotFound
    return posting
