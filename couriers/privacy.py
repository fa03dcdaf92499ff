"""Personal data: shown masked, in full only for a reason, given to its owner, erased at his request, re-keyed.

Source: PIPL (个人信息保护法) Art. 44-47; docs/decisions/0015-couriers-are-sealed.md
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from core import audit, clock, idempotency, limits
from core.limits import Limit
from core.models import User
from couriers import duties, finding, sealing
from couriers.errors import CourierNotSettled
from couriers.models import Consent, Courier, Erasure, RetiredCode
from couriers.phones import mask_name, mask_phone

__all__ = [
    "REVEALS_A_DAY",
    "Person",
    "Rotated",
    "access_copy",
    "erase",
    "erase_again",
    "erased_codes",
    "lost_with",
    "masked",
    "reveal",
    "rotate_keys",
    "tell_in_copies",
    "wait_before_erasure",
]

REVEALS_A_DAY = Limit("reveal", calls=50, window_s=86_400)
BATCH = 500


@dataclass(frozen=True, slots=True)
class Person:
    """A name and a phone; what is not known is empty."""

    name: str
    phone: str


def _person(courier: Courier) -> Person:
    return Person(
        sealing.opened(courier.name_sealed, column="name") if courier.name_sealed else "",
        sealing.opened(courier.phone_sealed, column="phone") if courier.phone_sealed else "",
    )


def masked(courier: Courier) -> Person:
    """What everybody sees who may see him at all: 张*, 138****1234."""
    person = _person(courier)
    return Person(mask_name(person.name), mask_phone(person.phone) if person.phone else "")


def _count_reveal(courier: Courier, actor: User | str, *, at: datetime) -> None:
    """Raises: TooMany."""
    if isinstance(actor, User):
        key = str(actor.pk)
    else:
        # Couriers who look at their own data each have their own count.
        key = f"self {courier.pk}" if actor == "self" else f"command {actor}"[:80]
    limits.enforce(REVEALS_A_DAY, key=key, at=at)


@transaction.atomic
def reveal(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> Person:
    """Name and phone in full, for a reason that stays in the trail. Fifty a day for each account.

    Raises: NotFound, DutyMissing, ReasonMissing, CourierErased, TooMany.   Locks: Courier.
    """
    return _person(_shown(courier, "courier.revealed", reason=reason, actor=actor, at=at))


def _shown(courier: Courier, kind: str, *, reason: str, actor: User | str, at: datetime) -> Courier:
    """The courier whose name and phone somebody is about to read; counted, and in the trail."""
    duties.require_at_desk(actor, courier)
    reason = duties.require_reason(reason)
    courier = finding.locked(courier)
    _count_reveal(courier, actor, at=at)
    data = {"fields": ["full name", "mobile phone"], "reason": reason}
    audit.record(kind, subject=("courier", courier.code), actor=actor, at=at, data=data)
    return courier


# ── What the owner may ask for ──────────────────────────────────────────────────────────────────────────────────────

# Apps above this one keep things of couriers too (points, reports, wishes); what they say is asked here.
_copies: dict[str, Callable[[Courier], Any]] = {}
_waits: dict[Callable[..., None], Callable[[Courier], list[str]]] = {}


def tell_in_copies(name: str, told: Callable[[Courier], Any]) -> None:
    """Let an access copy include, under `name`, what `told` says about a courier (plain values)."""
    _copies[name] = told


def wait_before_erasure(settle: Callable[..., None], *, lost: Callable[[Courier], list[str]]) -> None:
    """Let `settle(courier=, actor=, at=)` end what is under way for a courier before he is erased, in the same transaction.

    It raises CourierNotSettled if people have to do that first. What he would lose by it `lost` says in sentences.
    """
    _waits[settle] = lost


def lost_with(courier: Courier) -> list[str]:
    """What would be lost if he were erased now, in sentences for whoever is about to do it."""
    return [said for lost in _waits.values() for said in lost(courier)]


@transaction.atomic
def access_copy(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> dict[str, Any]:
    """Everything that is kept about a courier, for himself. It counts as a reveal.

    Raises: NotFound, DutyMissing, ReasonMissing, CourierErased, TooMany.   Locks: Courier.
    """
    courier = _shown(courier, "courier.copied", reason=reason, actor=actor, at=at)
    person = _person(courier)
    return {
        "code": courier.code,
        "name": person.name,
        "phone": person.phone,
        "has_pin": courier.has_pin,
        "kind": courier.kind,
        "company": courier.company.name if courier.company else None,
        "outlet": courier.outlet.name if courier.outlet else None,
        "district": courier.division.name,
        "status": courier.status,
        "blocked_reason": courier.blocked_reason,
        "registered_at": _said(courier.registered_at),
        "registered_by": courier.registered_by,
        "channel": courier.channel,
        "verified_at": _said(courier.verified_at),
        "verified_by": courier.verified_by,
        "replaced_cards": [
            {"code": each.code, "replaced_at": _said(each.retired_at)} for each in courier.retired_codes.all()
        ],
        "merged_profiles": [each.code for each in courier.merged.order_by("pk")],
        "consents": [
            {
                "purpose": each.purpose,
                "partner": each.partner,
                "act": each.act,
                "notice_version": each.notice_version,
                "notice_sha256": each.notice_sha256,
                "channel": each.channel,
                "occurred_at": _said(each.occurred_at),
            }
            for each in Consent.objects.filter(courier__in=Courier.objects.one_with(courier)).order_by("id")
        ],
        "signed_in_phones": [
            {
                "kind": each.kind,
                "signed_in_at": _said(each.signed_in_at),
                "seen_on": each.seen_on.isoformat(),
                "expires_at": _said(each.expires_at),
            }
            for each in courier.devices.order_by("pk")
        ],
        **{name: told(courier) for name, told in _copies.items()},
    }


def _said(at: datetime | None) -> str | None:
    return clock.to_local(at).isoformat(timespec="seconds") if at else None


@transaction.atomic
def erase(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> Courier:
    """注销: name, phone, PIN, brand and outlet are deleted for good; his code stays, so that the ledger's sums remain right. A
    program that repeats an earlier request is no longer told them.

    A tombstone is written, with which a restored backup is erased again (erase_again).
    Raises: NotFound, DutyMissing, ReasonMissing, CourierErased, CourierNotSettled.   Locks: Courier.
    """
    duties.require_at_desk(actor, courier)
    reason = duties.require_reason(reason)
    courier = finding.locked(courier)
    for settle in _waits:
        settle(courier=courier, actor=actor, at=at)
    before, courier.status = courier.status, Courier.Status.ERASED
    courier.name_sealed = courier.phone_sealed = courier.phone_index = None
    courier.company = courier.outlet = None
    courier.pin_hash = courier.blocked_reason = ""
    courier.save(
        update_fields=[
            "status", "name_sealed", "phone_sealed", "phone_index", "company", "outlet", "pin_hash", "blocked_reason",
        ]
    )  # fmt: skip
    courier.pin_resets.all().delete()
    courier.devices.all().delete()
    codes = [courier.code, *courier.retired_codes.values_list("code", flat=True)]
    idempotency.blank(codes=codes, members=("name", "phone"))
    Erasure.objects.create(courier=courier, code=courier.code, erased_at=at)
    audit.record(
        "courier.erased",
        subject=("courier", courier.code),
        actor=actor,
        at=at,
        data={
            "before": before,
            "after": courier.status,
            "fields": ["full name", "mobile phone", "PIN", "brand", "outlet"],
            "reason": reason,
        },
    )
    return courier


def erased_codes() -> list[str]:
    """Every code that an erased courier ever had, for a list that is kept apart from the backups. It names nobody."""
    tombstones = Erasure.objects.order_by("pk").values_list("code", flat=True)
    cards = RetiredCode.objects.filter(courier__erasure__isnull=False).order_by("pk").values_list("code", flat=True)
    return [*tombstones, *cards]


def erase_again(*, codes: Collection[str], at: datetime) -> tuple[list[Courier], dict[Courier, CourierNotSettled]]:
    """In a restored backup, erase everybody among `codes` (see erased_codes) who is not erased in it, whatever card he had
    when it was made.

    Returns: who was erased, and who cannot be yet, with the reason.   Locks: Courier, one after the other.
    """
    known = Q(code__in=codes) | Q(pk__in=RetiredCode.objects.filter(code__in=codes).values("courier"))
    erased, held = [], {}
    for courier in Courier.objects.filter(known).exclude(status=Courier.Status.ERASED).order_by("pk"):
        try:
            reason = _("a backup was restored in which he was still there")
            erased.append(erase(courier=courier, reason=reason, actor="worker", at=at))
        except CourierNotSettled as error:
            held[courier] = error
    return erased, held


# ── New keys ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many couriers were resealed, and how many phones reindexed."""

    sealed: int = 0
    indexed: int = 0


def rotate_keys(*, actor: User | str, at: datetime) -> Rotated:
    """Bring every courier under the newest keys, some hundred at a time, beside the running program.

    A second run finishes what was interrupted, and changes nothing once all is done; then the older keys can be removed.
    Raises: SealBroken if an older key is missing already.   Locks: Courier, by number.
    """
    done, last = Rotated(), 0
    while True:
        with transaction.atomic():
            rows = list(
                Courier.objects.select_for_update(no_key=True)
                .filter(Q(name_sealed__isnull=False) | Q(phone_sealed__isnull=False), pk__gt=last)
                .order_by("pk")[:BATCH]
            )
            if not rows:
                break
            last = rows[-1].pk
            changed = [_rekeyed(row) for row in rows]
            due = [row for row, what in zip(rows, changed, strict=True) if any(what)]
            Courier.objects.bulk_update(due, ["name_sealed", "phone_sealed", "phone_index"])
            done = Rotated(
                done.sealed + sum(sealed for sealed, _indexed in changed),
                done.indexed + sum(indexed for _sealed, indexed in changed),
            )
    if done != Rotated():
        data = {"sealed": done.sealed, "indexed": done.indexed}
        audit.record("courier.keys-rotated", subject=("courier", "—"), actor=actor, at=at, data=data)
    return done


def _rekeyed(courier: Courier) -> tuple[bool, bool]:
    """Seal and index what is not under the newest keys.   Returns: whether it was sealed, and whether indexed."""
    person, was_sealed, was_indexed = _person(courier), False, False
    if courier.name_sealed and not sealing.is_newest(courier.name_sealed):
        courier.name_sealed, was_sealed = sealing.sealed(person.name, column="name"), True
    if courier.phone_sealed and not sealing.is_newest(courier.phone_sealed):
        courier.phone_sealed, was_sealed = sealing.sealed(person.phone, column="phone"), True
    if person.phone and courier.phone_index != sealing.index(person.phone):
        courier.phone_index, was_indexed = sealing.index(person.phone), True
    return was_sealed, was_indexed
