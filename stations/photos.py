"""The photo of a station's door: kept under a random name, and never more than one."""

from collections.abc import Collection
from datetime import datetime

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from core.images import CleanPhoto
from core.models import User
from stations import registering
from stations.models import Duty, Station

__all__ = ["remove", "store"]

FOLDER = "stations"


@transaction.atomic
def store(
    *,
    station: Station,
    photo: CleanPhoto,
    duties: Collection[str] = (Duty.MANAGE,),
    actor: User | str,
    at: datetime,
) -> Station:
    """Replace the station's photo with a picture that `core.images.clean_photo` has redrawn.

    `duties` as for `registering.amend`.   Locks: Station.
    """
    name = default_storage.save(f"{FOLDER}/{photo.name}", ContentFile(photo.content))
    try:
        return _replace(station, name, duties=duties, actor=actor, at=at)
    except BaseException:
        default_storage.delete(name)
        raise


@transaction.atomic
def remove(*, station: Station, actor: User | str, at: datetime) -> Station:
    """Take the station's photo away.   Locks: Station."""
    return _replace(station, "", duties=(Duty.MANAGE,), actor=actor, at=at)


def _replace(station: Station, name: str, *, duties: Collection[str], actor: User | str, at: datetime) -> Station:
    before = Station.objects.select_for_update().get(pk=station.pk).photo.name
    station = registering.amend(station=station, facts={"photo": name}, duties=duties, actor=actor, at=at)
    if before and before != name:
        # Only once the change is committed: a page being read still shows the old one.
        transaction.on_commit(lambda: default_storage.delete(before))
    return station
