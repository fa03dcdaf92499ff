"""不是我领的: a courier disputes a redemption, and his district decides."""

from datetime import datetime, timedelta

from django.db import transaction

from core import audit
from points.errors import DisputeTooLate, NotHandedOver
from points.models import Dispute, Redemption

__all__ = ["OPEN_WITHIN", "open_dispute"]

# Longer than a courier looks away from his points; and the steward still remembers.
OPEN_WITHIN = timedelta(days=90)


@transaction.atomic
def open_dispute(*, redemption: Redemption, words: str, at: datetime) -> Dispute:
    """The courier himself says that he did not get this. Told twice it is one dispute.

    Raises: NotHandedOver with the status; DisputeTooLate.   Locks: Redemption.
    """
    redemption = (
        Redemption.objects.select_for_update(no_key=True, of=("self",)).select_related("station").get(pk=redemption.pk)
    )
    if (before := Dispute.objects.filter(redemption=redemption).first()) is not None:
        return before
    if redemption.status != Redemption.Status.HANDED_OVER or redemption.ended_at is None:
        raise NotHandedOver(found=redemption.status)
    if redemption.ended_at <= at - OPEN_WITHIN:
        raise DisputeTooLate
    dispute = Dispute.objects.create(redemption=redemption, words=words.strip()[:200], opened_at=at)
    # Under the district, whose trail no steward of a single station reads.
    audit.record(
        "dispute.opened", subject=("division", redemption.station.district_code), actor="self", at=at,
        data={"redemption": redemption.code},
    )  # fmt: skip
    return dispute
