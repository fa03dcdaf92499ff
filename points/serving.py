"""What a counter does in one step: a courier who has not been met yet is met, and then gets what he asked for; both or
neither.
"""

import uuid
from datetime import datetime

from django.db import transaction

from core.models import User
from couriers import finding, registration
from couriers.models import Courier
from points import redemption
from points.models import Gift, Redemption
from points.redemption import Presence
from stations.models import Station

__all__ = ["give", "hand_over"]


@transaction.atomic
def give(
    *, courier: Courier, gift: Gift, station: Station, points: int, presence: Presence, has_met: bool, op_id: uuid.UUID,
    actor: User, at: datetime,
) -> Redemption:  # fmt: skip
    """Give him a gift at once. `has_met` says that the person acting has checked who he is.

    Raises: what `registration.verify` and `redemption.redeem` do.   Locks: Courier, then the accounts.
    """
    # Of two taps at once the second waits here, and then finds what the first has done.
    finding.locked(courier)
    if has_met:
        registration.verify(courier=courier, actor=actor, at=at)
    return redemption.redeem(
        courier=courier, gift=gift, station=station, points=points, presence=presence, op_id=op_id, actor=actor, at=at
    )


@transaction.atomic
def hand_over(
    *, waiting: Redemption, presence: Presence, has_met: bool, op_id: uuid.UUID, actor: User, at: datetime
) -> Redemption:
    """Hand over what waits for him. `has_met` as in `give`.

    Raises: what `registration.verify` and `redemption.hand_over` do.   Locks: Courier, Redemption, then the accounts.
    """
    finding.locked(waiting.courier)
    if has_met:
        registration.verify(courier=waiting.courier, actor=actor, at=at)
    return redemption.hand_over(redemption=waiting, presence=presence, op_id=op_id, actor=actor, at=at)
