"""Finding one courier: by his code, as a card says it, or by his phone, exactly. There is no other way to look for a person."""

from datetime import datetime

from django.db import transaction

from core import audit, limits
from core.limits import Limit
from core.models import User
from couriers import codes, duties, sealing
from couriers.errors import CardReplaced, CourierErased, CourierMerged, CourierNotFound
from couriers.models import Courier, RetiredCode
from couriers.phones import read_phone
from couriers.querysets import CourierQuerySet
from stations import access
from stations.access import DutyMissing

__all__ = [
    "LOOK_UPS_A_DAY",
    "by_code",
    "by_code_or_phone",
    "by_phone",
    "by_phone_for_partner",
    "count_taken",
    "locked",
    "locked_together",
]

# More than a counter sees in a day, and far too few for trying out numbers.
LOOK_UPS_A_DAY = Limit("courier-look-up", calls=200, window_s=86_400)


def by_code(text: str, *, shown_at: datetime | None = None) -> Courier:
    """The courier whose card reads `text`, whatever his status. What was written down when he showed it, `shown_at`, means him
    even if the card was replaced since.

    Raises: CourierNotFound; CardReplaced if the card was replaced by a newer one.
    """
    code = codes.read_code(text)
    courier = Courier.objects.filter(code=code).first() if code else None
    if courier is None:
        old = RetiredCode.objects.select_related("courier").filter(code=code).first() if code else None
        if old is None:
            raise CourierNotFound
        if shown_at is None or old.retired_at <= shown_at:
            raise CardReplaced
        return old.courier
    return courier


def by_phone(text: str, *, actor: User, at: datetime) -> Courier:
    """The courier with exactly this phone, in a district where the actor has a duty, even at a single station. Hit or miss,
    the look-up is counted and recorded in the trail.

    Raises: InvalidValue, TooMany, DutyMissing; CourierNotFound also for one of another district.
    """
    phone = read_phone(text)
    scope = access.scope_of(actor, *duties.AT_COUNTER)
    if not scope:
        raise DutyMissing
    return _by_phone(phone, Courier.objects.filter(duties.in_reach(scope)), actor=actor, at=at)


def by_code_or_phone(text: str, *, actor: User, at: datetime, shown_at: datetime | None = None) -> Courier:
    """Whoever is meant where staff type either; `shown_at` as in `by_code`.   Raises: what `by_code` and `by_phone` do."""
    if codes.read_code(text) is None:
        return by_phone(text, actor=actor, at=at)
    return by_code(text, shown_at=shown_at)


def by_phone_for_partner(text: str, *, among: CourierQuerySet, actor: str, at: datetime) -> Courier:
    """The one `among` those a partner program may know who has exactly this phone; counted and recorded like `by_phone`.

    Raises: InvalidValue, TooMany; CourierNotFound, whether nobody has it or somebody whom the program may not know.
    """
    return _by_phone(read_phone(text), among, actor=actor, at=at)


def count_taken(*, actor: User | str, at: datetime) -> None:
    """Count that a member of staff or a program is told that a phone is registered, as if it had been looked up.

    Call it where that is told and nowhere else: if phones were counted earlier, the count itself could give them away.
    Raises: TooMany, once as many were asked for as may be looked up.
    """
    limits.enforce(LOOK_UPS_A_DAY, key=_counted_as(actor), at=at)


def _counted_as(actor: User | str) -> str:
    return str(actor.pk) if isinstance(actor, User) else actor


def _by_phone(phone: str, among: CourierQuerySet, *, actor: User | str, at: datetime) -> Courier:
    # Outside the transaction below, so that refused look-ups are counted too.
    limits.enforce(LOOK_UPS_A_DAY, key=_counted_as(actor), at=at)
    with transaction.atomic():
        courier = among.filter(phone_index__in=sealing.indexes(phone)).first()
        subject = courier.code if courier else "—"
        audit.record(
            "courier.looked-up", subject=("courier", subject), actor=actor, at=at, data={"fields": ["mobile phone"]}
        )
    if courier is None:
        raise CourierNotFound
    return courier


def locked(courier: Courier) -> Courier:
    """His current row, locked for a change.   Raises: CourierErased; CourierMerged where another profile goes on."""
    return locked_together(courier)[0]


def locked_together(*couriers: Courier) -> list[Courier]:
    """Their current rows, locked for a change; in ascending order, so that there is no deadlock. They are returned in the
    order of the call.

    Raises: CourierErased; CourierMerged where another profile goes on.
    """
    rows = Courier.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=[each.pk for each in couriers])
    found = {each.pk: each for each in rows.order_by("pk")}
    for each in found.values():
        if each.is_erased:
            raise CourierMerged if each.is_merged else CourierErased
    return [found[each.pk] for each in couriers]
