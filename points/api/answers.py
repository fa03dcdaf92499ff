"""What the API says about points and gifts. Fields are listed one by one: a new column is not public until somebody adds it
here.
"""

from typing import Any

from points.catalogue import Offer
from points.models import Award, Entry, Posting, Redemption

__all__ = ["entry_answer", "offer_answer", "redemption_answer"]


def offer_answer(offer: Offer, *, base_url: str) -> dict[str, Any]:
    gift = offer.gift
    return {
        "code": gift.code,
        "name": gift.label,
        "district": {"code": gift.division_id, "name": gift.division.label},
        "points": offer.points,
        "most_a_month": gift.most_a_month,
        "photo": f"{base_url}{gift.photo_url}" if gift.photo_url else None,
        "pieces": offer.pieces,
    }


def redemption_answer(redemption: Redemption) -> dict[str, Any]:
    return {
        "code": redemption.code,
        "status": redemption.status,
        "courier": redemption.courier.code,
        "gift": redemption.gift.code,
        "station": redemption.station.code,
        "points": redemption.points,
        "ordered_at": redemption.ordered_at,
        "fetch_until": redemption.fetch_until,
        "ended_at": redemption.ended_at,
    }


def entry_answer(entry: Entry) -> dict[str, Any]:
    """One line of a courier's statement; its posting comes with what it reverses."""
    posting = entry.posting
    of = posting.reverses or posting
    award: Award | None = getattr(of, "award", None)
    redemption: Redemption | None = getattr(of, "redemption_ordered", None)
    return {
        "number": entry.seq,
        "amount": entry.amount,
        "balance": entry.balance_after,
        "kind": posting.kind,
        "posting": str(posting.op_id),
        "reverses": str(posting.reverses.op_id) if posting.reverses else None,
        "action": (award and award.action) or None,
        "gift": redemption and redemption.gift.code,
        "redemption": redemption and redemption.code,
        "reason": posting.reason,
        "occurred_at": posting.occurred_at,
    }


def wallet_after(posting: Posting) -> tuple[str, int, int]:
    """For a posting with one wallet: the courier's code, what he got or lost, and his points afterwards."""
    entry = posting.entries.select_related("account__courier").get(account__courier__isnull=False)
    courier = entry.account.courier
    assert courier is not None  # noqa: S101 - that is what was asked for
    return courier.code, entry.amount, int(entry.balance_after or 0)
