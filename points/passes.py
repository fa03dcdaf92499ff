"""Passes: six digits, five minutes, one use. They prove that the courier himself stands at the counter."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from core import limits
from core.limits import Limit
from core.models import AuditEvent, User
from couriers import finding, texting
from couriers.errors import CourierBlocked
from couriers.models import Courier
from points.errors import OwnReset, PassWrong
from points.models import Pass

__all__ = ["LET_IN_FOR", "LIFE", "count_shown", "digest_of", "issue", "require_own_phone", "use", "whose"]

LIFE = timedelta(minutes=5)
DIGITS = 6
# For one pass: more than a bad line repeats, and too few to guess one of a million.
MOST_TRIES = 20
# Few of a million possible passes are valid at a time; somebody who guesses is refused twenty times an hour, and then not
# answered at all.
WRONG_PASSES = Limit("wrong-passes", calls=20, window_s=3_600)
# How long a phone counts as the courier's own only by the word of the account that let it in.
LET_IN_FOR = timedelta(days=1)


def digest_of(digits: str) -> str:
    """What the database stores of a pass."""
    return hmac.digest(settings.SECRET_KEY.encode(), f"pass {digits.strip()}".encode(), hashlib.sha256).hex()


@transaction.atomic
def issue(*, courier: Courier, at: datetime) -> str:
    """Give the courier a new pass, which invalidates the one before. The caller has established who he is.

    Raises: CourierBlocked, CourierErased.   Locks: Courier.
    """
    courier = finding.locked(courier)
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    while True:
        digits = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        # An expired pass must not keep anybody from getting the same digits.
        Pass.objects.filter(digest=digest_of(digits), expires_at__lte=at).update(digest=None)
        try:
            with transaction.atomic():
                Pass.objects.update_or_create(
                    courier=courier, defaults={"digest": digest_of(digits), "expires_at": at + LIFE, "tries": 0}
                )
        except IntegrityError:  # somebody else shows these digits just now
            continue
        return digits


def require_own_phone(*, courier: Courier, actor: User | str, at: datetime) -> None:
    """Check that what comes from the courier's phone is proof to `actor`. It is not to an account that itself let the phone
    in within the last day, by a link for a new PIN, or by another number where codes are sent to numbers; otherwise whoever
    makes the link and scans it could hand over to himself.

    Raises: OwnReset.
    """
    if not isinstance(actor, User):
        return
    kinds = ["courier.pin-reset-made", *(["courier.phone-changed"] if texting.is_on() else [])]
    of_him = Q(subject_code=courier.code) | Q(subject_code__in=courier.retired_codes.values("code"))
    let_in = AuditEvent.objects.filter(of_him, subject_type="courier", kind__in=kinds, occurred_at__gt=at - LET_IN_FOR)
    if let_in.filter(actor=actor).exists():
        raise OwnReset


def whose(*, digits: str, by: str, at: datetime) -> Courier:
    """Whose pass this is; it stays valid. `by` names the account or program that shows it.

    Each try is counted before it is checked, so that after twenty wrong ones a right one is refused too. Do not call it
    inside a transaction that may be rolled back, since that would undo the count.
    Raises: PassWrong, also for one that was used or has run out; TooMany after twenty of them in an hour.
    """
    limits.enforce(WRONG_PASSES, key=by, at=at)
    found = Pass.objects.select_related("courier").filter(digest=digest_of(digits), expires_at__gt=at).first()
    if found is None:
        raise PassWrong
    limits.take_back(WRONG_PASSES, key=by, at=at)
    return found.courier


def count_shown(*, courier: Courier) -> None:
    """Count that somebody shows a pass as this courier's, right or wrong; after twenty it is no longer valid.

    For doors that use the pass inside a transaction, which a refusal rolls back; call this outside of it.
    (`redemption.redeem` counts wrong ones by itself.)
    """
    Pass.objects.filter(courier=courier, digest__isnull=False).update(tries=F("tries") + 1)


def use(*, courier: Courier, digits: str, at: datetime) -> None:
    """Use the courier's pass up, in the transaction of what it is shown for.   Raises: PassWrong."""
    shown = Pass.objects.filter(courier=courier, digest=digest_of(digits), expires_at__gt=at, tries__lte=MOST_TRIES)
    if not shown.update(digest=None):
        raise PassWrong
