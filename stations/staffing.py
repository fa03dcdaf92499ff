"""Giving staff their roles and ending them."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from stations.models import Division, Duty, StaffRole, Station

__all__ = ["end", "grant"]


@transaction.atomic
def grant(
    *,
    user: User,
    duties: Collection[str],
    division: Division | None = None,
    station: Station | None = None,
    actor: User | str,
    at: datetime,
) -> StaffRole:
    """Give `user` these duties within a division or at a station, from `at` on. The account may sign in from then on.

    Raises: InvalidValue for an unknown duty, none, or not exactly one of division and station.   Locks: User.
    """
    for duty in duties:
        if duty not in Duty.values:
            raise InvalidValue(
                "duties", _("Give one of: {choices}.").format(choices=", ".join(Duty.values)), value=duty
            )
    if not duties:
        raise InvalidValue("duties", _("A role has at least one duty."))
    if (division is None) == (station is None):
        raise InvalidValue("division", _("A role is for a division or for a station, one of the two."))
    user = User.objects.select_for_update().get(pk=user.pk)
    ordered = [duty for duty in Duty.values if duty in duties]
    role = StaffRole.objects.create(user=user, division=division, station=station, duties=ordered, starts_at=at)
    if not user.is_staff:
        User.objects.filter(pk=user.pk).update(is_staff=True)
    audit.record("role.granted", subject=("account", user.username[:64]), actor=actor, at=at, data=_as_data(role))
    return role


@transaction.atomic
def end(*, role: StaffRole, actor: User | str, at: datetime) -> StaffRole:
    """End the role at `at`; one that has ended stays as it is.   Locks: StaffRole."""
    role = StaffRole.objects.select_for_update(of=("self",)).select_related("user", "station").get(pk=role.pk)
    if role.ends_at is not None and role.ends_at <= at:
        return role
    role.ends_at = max(at, role.starts_at)
    role.save(update_fields=["ends_at"])
    audit.record("role.ended", subject=("account", role.user.username[:64]), actor=actor, at=at, data=_as_data(role))
    return role


def _as_data(role: StaffRole) -> dict[str, object]:
    where = str(role.division_id) if role.division_id else role.station.code if role.station else ""
    return {"scope": where, "duties": list(role.duties)}
