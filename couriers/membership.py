"""The card and the PIN: what a courier shows, and what he knows."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock, limits
from core.errors import InvalidValue
from core.limits import Limit, TooMany
from core.models import User
from couriers import codes, devices, duties, finding
from couriers.errors import (
    CourierBlocked,
    CourierErased,
    CourierMerged,
    PinLocked,
    PinMissing,
    PinResetClosed,
    PinWrong,
)
from couriers.models import Courier, Device, PinReset, RetiredCode

__all__ = [
    "PIN_TRIES",
    "PIN_TRIES_A_DAY",
    "RESET_AGE",
    "check_choice",
    "check_pin",
    "count_try",
    "forget_tries",
    "free_code",
    "free_codes",
    "hashed",
    "prove_pin",
    "purge_resets",
    "replace_card",
    "reset_of",
    "reset_pin_link",
    "set_pin",
    "use_pin_reset",
]

# For six digits: five tries at a time and twenty a day, so that trying half of them around the clock takes 68 years.
PIN_TRIES = Limit("pin", calls=5, window_s=15 * 60)
PIN_TRIES_A_DAY = Limit("pin-day", calls=20, window_s=86_400)
RESET_AGE = timedelta(minutes=15)
_PIN = re.compile(r"[0-9]{6}")
_DIGITS = "0123456789" * 2


def check_choice(pin: str) -> None:
    """Refuse what cannot be a PIN.   Raises: InvalidValue, also for a PIN that anybody would try first."""
    if not _PIN.fullmatch(pin):
        raise InvalidValue("pin", _("A PIN has six digits."))
    if pin in _DIGITS or pin in _DIGITS[::-1] or pin[:3] == pin[3:] or pin[:2] * 3 == pin:
        raise InvalidValue("pin", _("This PIN is too easily guessed. Take six digits without a pattern."))


def hashed(pin: str) -> str:
    """What is kept of a PIN.   Raises: InvalidValue."""
    check_choice(pin)
    return make_password(pin)


def check_pin(*, courier: Courier, pin: str, at: datetime) -> None:
    """Let the courier pass if the PIN is right. After five wrong ones, none is accepted for a while.

    Each try is counted before it is checked, outside any transaction of this verb, since a caller's rollback would forget it.
    Raises: PinWrong with `tries_left`, PinLocked with `retry_after_s`, PinMissing, CourierBlocked, CourierErased.
    """
    if courier.is_erased:
        raise CourierMerged if courier.is_merged else CourierErased
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    prove_pin(courier=courier, pin=pin, at=at)


def prove_pin(*, courier: Courier, pin: str, at: datetime) -> None:
    """Like `check_pin`, whatever his status: his own data are his even when he is blocked.

    Raises: PinWrong with `tries_left`, PinLocked with `retry_after_s`, PinMissing.
    """
    if not courier.has_pin:
        raise PinMissing
    left = count_try(str(courier.pk), at=at)
    if not check_password(pin, courier.pin_hash):
        raise PinWrong(tries_left=left)
    forget_tries(courier, at=at)


def count_try(key: str, *, at: datetime) -> int:
    """Count a try at a PIN under `key`, and answer how many are left for now.   Raises: PinLocked, with `retry_after_s`.

    Only tries that are checked count towards the day's limit; otherwise somebody who keeps tapping for a minute would lock
    him out until tomorrow.
    """
    try:
        counted = limits.count_call(PIN_TRIES, key=key, at=at)
        counted.enforce()
        limits.enforce(PIN_TRIES_A_DAY, key=key, at=at)
    except TooMany as refusal:
        wait_s = refusal.data["retry_after_s"]
        # Less than a day, so that the time says the day too.
        ends = clock.to_local(at + timedelta(seconds=wait_s, minutes=1))
        detail = _("Try again after {time}, or have a steward at any counter make a new one possible.")
        raise PinLocked(detail.format(time=f"{ends:%H:%M}"), retry_after_s=wait_s) from refusal
    return counted.calls_left


def forget_tries(courier: Courier, *, at: datetime) -> None:
    """Start counting from zero: he has shown who he is."""
    for limit in (PIN_TRIES, PIN_TRIES_A_DAY):
        limits.forget(limit, key=str(courier.pk), at=at)


@transaction.atomic
def set_pin(*, courier: Courier, pin: str, actor: User | str, at: datetime, device: Device | None = None) -> Courier:
    """A new PIN, chosen by himself; staff never know one. He stays signed in on `device` alone.

    Raises: InvalidValue, CourierErased.   Locks: Courier.
    """
    pin_hash = hashed(pin)
    courier = finding.locked(courier)
    courier.pin_hash = pin_hash
    courier.save(update_fields=["pin_hash"])
    courier.pin_resets.all().delete()
    devices.end_all(courier=courier, at=at, but=device)
    forget_tries(courier, at=at)
    audit.record("courier.pin-set", subject=("courier", courier.code), actor=actor, at=at, data={"fields": ["PIN"]})
    return courier


@transaction.atomic
def reset_pin_link(*, courier: Courier, actor: User | str, at: datetime) -> tuple[PinReset, str]:
    """忘记密码: a token that sets a new PIN once, within a quarter of an hour. It invalidates an older one.

    Returns: the row and the token, which nobody can read again.
    Raises: DutyMissing, CourierBlocked, CourierErased.   Locks: Courier.
    """
    duties.require_at_counter(actor)
    courier = finding.locked(courier)
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    courier.pin_resets.all().delete()
    token = secrets.token_urlsafe(24)
    reset = PinReset.objects.create(
        courier=courier,
        token_digest=_digest(token),
        made_by=actor if isinstance(actor, User) else None,
        made_at=at,
        expires_at=at + RESET_AGE,
    )
    audit.record("courier.pin-reset-made", subject=("courier", courier.code), actor=actor, at=at)
    return reset, token


def reset_of(token: str, *, at: datetime) -> PinReset:
    """The link that belongs to `token`, while it is valid.   Raises: PinResetClosed."""
    reset = PinReset.objects.select_related("courier").filter(token_digest=_digest(token)).first()
    if reset is None or reset.expires_at <= at:
        raise PinResetClosed
    return reset


@transaction.atomic
def use_pin_reset(*, token: str, pin: str, at: datetime) -> Courier:
    """Set the PIN that was chosen on the courier's own phone. If two are sent at once, only the first succeeds.

    Raises: PinResetClosed, InvalidValue, CourierErased.   Locks: Courier.
    """
    courier = reset_of(token, at=at).courier
    finding.locked(courier)
    reset_of(token, at=at)  # under the lock
    return set_pin(courier=courier, pin=pin, actor="self", at=at)


@transaction.atomic
def replace_card(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> Courier:
    """补卡: a new code; the old one opens nothing from now on, and a scan of it says so.

    Raises: DutyMissing, ReasonMissing, CourierErased.   Locks: Courier.
    """
    duties.require_at_counter(actor)
    reason = duties.require_reason(reason)
    courier = finding.locked(courier)
    old, courier.code = courier.code, free_code()
    courier.save(update_fields=["code"])
    RetiredCode.objects.create(code=old, courier=courier, retired_at=at)
    subject, data = ("courier", courier.code), {"reason": reason}
    audit.record("courier.card-replaced", subject=subject, actor=actor, at=at, data=data, also_under=[old])
    return courier


def free_code() -> str:
    """A code that no card has or had. 50 random bits collide so seldom that with this check the unique index is guard
    enough.
    """
    while True:
        code = codes.new_code()
        if not (Courier.objects.filter(code=code).exists() or RetiredCode.objects.filter(code=code).exists()):
            return code


def free_codes(count: int) -> list[str]:
    """`count` codes that no card has or had, for many who are registered at once."""
    found: set[str] = set()
    while len(found) < count:
        found |= {codes.new_code() for _each in range(count - len(found))}
        for model in (Courier, RetiredCode):
            found -= set(model.objects.filter(code__in=found).values_list("code", flat=True))
    return list(found)


def purge_resets(*, now: datetime, dry_run: bool = False) -> int:
    """Forget the links that have run out; answer how many. The worker's job."""
    past = PinReset.objects.filter(expires_at__lt=now)
    return past.count() if dry_run else past.delete()[0]


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
