"""The queue at a cabinet: who scanned its code with his own phone, what he ordered, and the number he is called by.

A place in it proves, as a pass does, that the courier's own device is here: the phone is signed in, and the code is only on
the cabinet. Somebody who uses a picture of the code from elsewhere gains only a number that nobody answers to.
"""

import secrets
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from points.errors import NotWaiting, PresenceUnproved, QueueFull
from points.models import QueuePlace, Redemption
from stations.models import Station

__all__ = ["LIFE", "join", "leave", "places", "use"]

# Whoever is not served by then scans again.
LIFE = timedelta(minutes=30)
NUMBERS = range(10, 100)


@transaction.atomic
def join(*, redemption: Redemption, at: datetime) -> QueuePlace:
    """Let the courier wait at the cabinet for what he ordered there. If he scans again, he keeps his number and his place.

    Raises: NotWaiting with the status; QueueFull.   Locks: Redemption.
    """
    redemption = Redemption.objects.select_for_update(no_key=True, of=("self",)).get(pk=redemption.pk)
    if redemption.status != Redemption.Status.ORDERED:
        raise NotWaiting(found=redemption.status)
    QueuePlace.objects.filter(station=redemption.station_id, joined_at__lte=at - LIFE).delete()
    place = QueuePlace.objects.filter(redemption=redemption).first()
    if place is not None:
        return place
    while True:
        taken = set(QueuePlace.objects.filter(station=redemption.station_id).values_list("number", flat=True))
        free = [number for number in NUMBERS if number not in taken]
        if not free:
            raise QueueFull
        try:
            with transaction.atomic():
                return QueuePlace.objects.create(
                    redemption=redemption, station_id=redemption.station_id, number=secrets.choice(free), joined_at=at
                )
        except IntegrityError:  # somebody else got this number just now
            continue


def places(*, station: Station, at: datetime) -> QuerySet[QueuePlace]:
    """Who waits at the station's cabinet now, the first comer first."""
    waiting = QueuePlace.objects.filter(station=station, joined_at__gt=at - LIFE)
    return waiting.select_related("redemption__courier", "redemption__gift").order_by("joined_at", "pk")


def leave(*, redemption: Redemption) -> None:
    """He leaves without it; the order stays for as long as it may be fetched."""
    QueuePlace.objects.filter(redemption=redemption).delete()


def use(*, redemption: Redemption, at: datetime) -> None:
    """Use his place up, in the transaction of the hand-over.   Raises: PresenceUnproved if he is not waiting."""
    gone, _each = QueuePlace.objects.filter(redemption=redemption, joined_at__gt=at - LIFE).delete()
    if not gone:
        raise PresenceUnproved
