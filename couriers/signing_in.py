"""Signing in with phone or card and PIN, guarded by counters without races.

Every try is counted before it is checked, under the courier it names and the address it comes from. An unknown courier is
counted, answered and hashed for like a known one, so neither wording nor timing reveals who is registered.
"""

import hashlib
import hmac
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from core import limits
from core.errors import InvalidValue
from core.limits import Limit
from couriers import codes, devices, finding, membership, sealing
from couriers.errors import CardReplaced, CourierBlocked, PinWrong, SignInRefused
from couriers.models import Courier, RetiredCode
from couriers.phones import read_phone

__all__ = ["FROM_ONE_ADDRESS", "sign_in"]

# Many phones share one address of a mobile carrier; each signs in once in half a year.
FROM_ONE_ADDRESS = Limit("courier-sign-in-address", calls=100, window_s=15 * 60)


def sign_in(*, who: str, pin: str, address: str, kind: str, at: datetime) -> tuple[Courier, str]:
    """Keep the courier with phone or card `who` signed in on a phone of this `kind`, if the PIN is his.

    Anything particular about him (blocked, a card that was replaced) is told only to somebody who knows his PIN. Do not
    call it inside a transaction that may be rolled back, since tries are counted.
    Returns: the courier, and the token that this phone keeps.
    Raises: TooMany, SignInRefused, PinLocked, CourierBlocked, CardReplaced.   Locks: Courier.
    """
    limits.enforce(FROM_ONE_ADDRESS, key=address, at=at)
    courier, is_old_card = _named(who)
    if courier is None or not courier.has_pin:
        _work_for_nobody(_written(who) if courier is None else str(courier.pk), pin, at=at)
        raise SignInRefused
    try:
        membership.prove_pin(courier=courier, pin=pin, at=at)
    except PinWrong as refusal:
        raise SignInRefused from refusal
    if is_old_card:
        raise CardReplaced
    return courier, _kept(courier, kind, at=at)


@transaction.atomic
def _kept(proved: Courier, kind: str, *, at: datetime) -> str:
    courier = finding.locked(proved)
    if courier.pin_hash != proved.pin_hash:  # changed since it was looked at, and every phone was signed out
        raise SignInRefused
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    return devices.sign_in(courier=courier, kind=kind, at=at)


def _named(who: str) -> tuple[Courier | None, bool]:
    """Whose phone or card this is, and whether the card was replaced."""
    if (code := codes.read_code(who)) is not None:
        retired = RetiredCode.objects.select_related("courier").filter(code=code).first()
        return (retired.courier, True) if retired else (Courier.objects.filter(code=code).first(), False)
    try:
        phone = read_phone(who)
    except InvalidValue:
        return None, False
    return Courier.objects.filter(phone_index__in=sealing.indexes(phone)).first(), False


def _work_for_nobody(key: str, pin: str, *, at: datetime) -> None:
    """Count and spend the same work as `membership.prove_pin` does for a wrong PIN.   Raises: PinLocked."""
    membership.count_try(key, at=at)
    make_password(pin)


def _written(who: str) -> str:
    """A keyed digest of what was typed, however it was written: the counters hold no phone."""
    try:
        said = codes.read_code(who) or read_phone(who)
    except InvalidValue:
        said = who
    written = said.encode("utf-8", "replace")
    return hmac.new(settings.SECRET_KEY.encode(), b"courier " + written, hashlib.sha256).hexdigest()[:32]
