"""Taking a posting back from the office: by whoever keeps the districts whose accounts it moved."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from core.models import User
from couriers.models import Courier
from points import ledger
from points.ledger import Posted
from points.models import Account, Posting
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
    """Reverse a posting. Points that it gave to a profile that was merged since come from the one that goes on.

    Raises: what `ledger.reverse` and `access.require` do; ValueError for a kind that no door offers.
    Locks: the accounts, by number.
    """
    if posting.kind not in TAKEN_BACK_HERE:
        raise ValueError(f"What a posting of the kind {posting.kind} wrote beside the ledger would stay.")
    access.require(actor, Duty.MANAGE, divisions=kept_by(posting))
    if not Posting.objects.filter(Q(reverses=posting) | Q(op_id=op_id)).exists():
        _return_merged(posting, reason=reason, op_id=op_id, actor=actor, at=at)
    return ledger.reverse(posting=posting, reason=reason, op_id=op_id, actor=actor, at=at)


def _return_merged(posting: Posting, *, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> None:
    """Move back what a merge moved on of the points that `posting` gave, so that they can be taken where they were given."""
    ended = Courier.objects.filter(merged_into__isnull=False)
    given = posting.entries.filter(account__kind=Account.Kind.WALLET, amount__gt=0, account__courier__in=ended)
    for entry in given:
        kept = ledger.wallet(Courier.objects.get(merged__accounts=entry.account_id))
        accounts = Q(pk=kept) | Q(pk__in=posting.entries.values("account"))
        locked = Account.objects.select_for_update(no_key=True, of=("self",)).filter(accounts).order_by("pk")
        balance = next(each.balance for each in locked if each.pk == entry.account_id)
        if (missing := entry.amount - balance) > 0:
            ledger.post(
                kind=Posting.Kind.MERGE, moves=[(kept, -missing), (entry.account_id, missing)],
                op_id=uuid.uuid5(op_id, "merged"), actor=actor, at=at, reason=reason.strip(),
            )  # fmt: skip
