"""Taking a posting back from the office: by whoever keeps the districts whose accounts it moved."""

import uuid
from datetime import datetime

from django.db import transaction

from core.models import User
from points import ledger
from points.ledger import Posted
from points.models import Posting
from stations import access
from stations.access import CITY_CODE
from stations.models import Duty

__all__ = ["TAKEN_BACK_HERE", "kept_by", "take_back"]

# Orders and hand-overs are also rows beside the ledger: `redemption.cancel` and `undo_hand_over` take back both together.
TAKEN_BACK_HERE = frozenset(
    {
        Posting.Kind.ALLOCATION, Posting.Kind.OPENING, Posting.Kind.AWARD, Posting.Kind.RECEIPT, Posting.Kind.MOVE,
        Posting.Kind.COUNT, Posting.Kind.SCRAP,
    }
)  # fmt: skip


def kept_by(posting: Posting) -> list[str]:
    """The divisions that may take it back: those whose accounts it moved. Allocations, and postings that moved only
    couriers' points, are the city's.
    """
    if posting.kind == Posting.Kind.ALLOCATION:
        return [CITY_CODE]
    found = posting.entries.filter(account__division__isnull=False).order_by()
    return sorted(found.values_list("account__division_id", flat=True).distinct()) or [CITY_CODE]


@transaction.atomic
def take_back(*, posting: Posting, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> Posted:
    """Reverse a posting.

    Raises: what `ledger.reverse` and `access.require` do.   Locks: as `ledger.post`.
    """
    access.require(actor, Duty.MANAGE, divisions=kept_by(posting))
    return ledger.reverse(posting=posting, reason=reason, op_id=op_id, actor=actor, at=at)
