"""合并重复骑手: two profiles of one person become one, with all the points, under either card."""

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import ngettext

from core import audit
from core.models import User
from couriers import duties, finding, membership
from couriers.errors import CourierBlocked
from couriers.models import Courier, RetiredCode
from points import ledger
from points.errors import OrdersWaiting, SameProfile
from points.models import Account, Pass, Posting, Redemption

__all__ = ["merge"]


@transaction.atomic
def merge(
    *, kept: Courier, duplicate: Courier, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Courier:
    """Let `duplicate` end in `kept`, which gets its points, its card (a scan says that there is a newer one), and its phone
    and name where it has none. What both have had counts together from then on: limits, caps, and the age of points.

    If he is merged into `kept` already, nothing is left to do.
    Raises: SameProfile; OrdersWaiting with their number; CourierBlocked if the duplicate is blocked; CourierErased,
    CourierMerged; ReasonMissing, NotFound, DutyMissing.
    Locks: both couriers by number, then the accounts.
    """
    for courier in (kept, duplicate):
        duties.require_at_desk(actor, courier)
    reason = duties.require_reason(reason)
    if kept.pk == duplicate.pk:
        raise SameProfile
    if (before := _merged_before(kept, duplicate)) is not None:
        return before
    kept, duplicate = finding.locked_together(kept, duplicate)
    if duplicate.status == Courier.Status.BLOCKED:
        # Otherwise merging would rid him of the block.
        raise CourierBlocked
    waiting = Redemption.objects.filter(courier=duplicate, status=Redemption.Status.ORDERED).count()
    if waiting:
        raise OrdersWaiting(
            ngettext(
                "{number} gift is waiting. Hand it over or cancel it first.",
                "{number} gifts are waiting. Hand them over or cancel them first.",
                waiting,
            ).format(number=waiting),
            waiting=waiting,
        )
    old = _end(duplicate, kept, at=at)
    points = _move_balance(duplicate, kept, reason=reason, op_id=op_id, actor=actor, at=at)
    data = {"points": points, "kept": kept.code, "ended": old, "reason": reason}
    # Also under the code that ended, and the one by which the ledger names the ended profile from now on.
    also = (old, duplicate.code)
    audit.record("courier.merged", subject=("courier", kept.code), actor=actor, at=at, data=data, also_under=also)
    return kept


def _merged_before(kept: Courier, duplicate: Courier) -> Courier | None:
    """The profile that goes on, if they were merged before: a second tap shows what the first did."""
    return Courier.objects.filter(pk=kept.pk, merged=duplicate).first()


def _end(duplicate: Courier, kept: Courier, *, at: datetime) -> str:
    """Remove everything personal from `duplicate`; return the code that its card had."""
    phone = duplicate.phone_sealed, duplicate.phone_index
    name = duplicate.name_sealed
    old, duplicate.code = duplicate.code, membership.free_code()
    duplicate.status, duplicate.merged_into = Courier.Status.ERASED, kept
    duplicate.name_sealed = duplicate.phone_sealed = duplicate.phone_index = None
    duplicate.pin_hash = ""
    duplicate.save(
        update_fields=["code", "status", "merged_into", "name_sealed", "phone_sealed", "phone_index", "pin_hash"]
    )
    duplicate.pin_resets.all().delete()
    duplicate.devices.all().delete()
    Pass.objects.filter(courier=duplicate).update(digest=None)
    # All of his cards lead to the profile that goes on, and so do the profiles that were merged into this one before.
    RetiredCode.objects.create(code=old, courier=kept, retired_at=at)
    RetiredCode.objects.filter(courier=duplicate).update(courier=kept)
    Courier.objects.filter(merged_into=duplicate).update(merged_into=kept)
    if kept.phone_index is None:  # after the other row gave it up: a phone is one courier's
        kept.phone_sealed, kept.phone_index = phone
    kept.name_sealed = kept.name_sealed or name
    kept.save(update_fields=["phone_sealed", "phone_index", "name_sealed"])
    return old


def _move_balance(
    duplicate: Courier, kept: Courier, *, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> int:
    """Move the balance; return how many points moved."""
    source, target = ledger.wallet(duplicate), ledger.wallet(kept)
    # The office takes an award back without locking the courier's row; nothing must come between the look and the posting.
    rows = Account.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=[source, target])
    points = {row.pk: row.balance for row in rows.order_by("pk")}[source]
    if points:
        ledger.post(
            kind=Posting.Kind.MERGE,
            moves=[(source, -points), (target, points)],
            op_id=op_id,
            actor=actor,
            at=at,
            reason=reason,
        )
    return points
