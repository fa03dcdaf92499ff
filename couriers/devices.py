"""The phones on which a courier stays signed in: each has a token of its own, and the courier can sign out any of them."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from couriers.models import Courier, Device

__all__ = ["LIFE", "MOST", "device_of", "end", "end_all", "kind_text", "purge", "sign_in"]

# From the last day of use, so that nobody who uses it is signed out one day without knowing why.
LIFE = timedelta(days=180)
# For one courier: his phone, his old one, a colleague's. Signing in on one more signs out the one least recently used.
MOST = 5
KINDS: dict[str, str | Promise] = {
    "iphone": _("iPhone"),
    "ipad": _("iPad"),
    "harmonyos": _("HarmonyOS phone"),
    "android": _("Android phone"),
    "windows": _("Windows computer"),
    "mac": _("Mac"),
    "wechat": _("WeChat"),
    "alipay": _("Alipay"),
}


def kind_text(kind: str) -> str:
    """The sort of phone, in words."""
    return " · ".join(str(KINDS.get(part, _("some phone"))) for part in kind.split())


@transaction.atomic
def sign_in(*, courier: Courier, kind: str, at: datetime) -> str:
    """Keep the courier signed in on one more phone. The caller has established who he is.

    Returns: the phone's token, which nobody can read again.   Locks: Courier.
    """
    Courier.objects.select_for_update(no_key=True).get(pk=courier.pk)
    token = secrets.token_urlsafe(32)
    device = Device.objects.create(
        courier=courier, token_digest=_digest(token), kind=kind, signed_in_at=at, seen_on=clock.local_date(at),
        expires_at=at + LIFE,
    )  # fmt: skip
    others = courier.devices.exclude(pk=device.pk).order_by("-seen_on", "-pk").values_list("pk", flat=True)
    courier.devices.filter(pk__in=list(others[MOST - 1 :])).delete()
    audit.record("courier.signed-in", subject=("courier", courier.code), actor="self", at=at, data={"device": kind})
    return token


def device_of(token: str, *, at: datetime) -> Device | None:
    """The phone that knows `token`, with its courier, as it was before this use: the first one of a day is kept, and lets the
    token live on.
    """
    found = Device.objects.select_related("courier").filter(token_digest=_digest(token), expires_at__gt=at).first()
    if found is None or found.courier.is_erased:
        return None
    if found.seen_on != (today := clock.local_date(at)):
        Device.objects.filter(pk=found.pk).update(seen_on=today, expires_at=at + LIFE)
    return found


@transaction.atomic
def end(*, device: Device, at: datetime) -> None:
    """Sign the courier out on this phone. If he is signed out already, nothing changes."""
    gone, _each = Device.objects.filter(pk=device.pk).delete()
    if gone:
        _record(device.courier, 1, at=at)


@transaction.atomic
def end_all(*, courier: Courier, at: datetime, but: Device | None = None) -> int:
    """Sign the courier out on all his phones (except one); return how many there were. Called by whatever may have been
    done because somebody else has his phone or PIN.
    """
    others = courier.devices.exclude(pk=but.pk) if but else courier.devices.all()
    gone, _each = others.delete()
    if gone:
        _record(courier, gone, at=at)
    return gone


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Forget the phones whose sign-in has run out; answer how many. The worker's job."""
    past = Device.objects.filter(expires_at__lt=now)
    return past.count() if dry_run else past.delete()[0]


def _record(courier: Courier, phones: int, *, at: datetime) -> None:
    subject = ("courier", courier.code)
    audit.record("courier.signed-out", subject=subject, actor="self", at=at, data={"phones": phones})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
