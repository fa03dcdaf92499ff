"""Couriers: registered, met, blocked, and followed when their phone or their work changes."""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from couriers import consents, devices, duties, finding, membership, sealing
from couriers.consents import Notice
from couriers.errors import CourierBlocked, PhoneTaken
from couriers.models import Company, Courier, Outlet
from couriers.phones import read_phone
from stations.models import Division

__all__ = [
    "Agreement",
    "Newcomer",
    "Work",
    "block",
    "change_phone",
    "change_work",
    "check_name",
    "check_work",
    "correct_name",
    "register",
    "register_listed",
    "unblock",
    "verify",
]

NAME_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Agreement:
    """The notice that he read before registering, and where. Nobody is registered without it."""

    notice: Notice
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What he does and for whom. An outlet implies its brand; somebody who works for himself has neither."""

    kind: str
    company: Company | None = None
    outlet: Outlet | None = None


@transaction.atomic
def register(
    *,
    phone: str,
    work: Work,
    district: Division,
    channel: str,
    agreement: Agreement,
    actor: User | str,
    at: datetime,
    name: str = "",
    pin: str = "",
    takes_over_because: str = "",
) -> Courier:
    """Register a courier: at a door by himself, at a counter by staff, from a list, or through a partner program.

    A courier whom staff register has been met, so he is active at once. Everybody else is 待核实 until a steward has met him,
    including couriers from a list, whoever brings it. `takes_over_because` says why a number that another profile has is
    his now (the carrier reassigned it); only staff can give it.
    Raises: InvalidValue, PhoneTaken, NotFound, DutyMissing.   Locks: the profile that loses its number.
    """
    number = read_phone(phone)
    if len(str(district.pk)) != 6:
        raise InvalidValue("division", _("Name the district."), value=district.pk)
    duties.require_in_district(actor, str(district.pk))
    company = check_work(work, district=str(district.pk))
    if takes_over_because:
        _take_off(number, because=takes_over_because, actor=actor, at=at)
    courier = _newly(membership.free_code(), work, company, district, name, channel=channel, actor=actor, at=at)
    courier.pin_hash = membership.hashed(pin) if pin else ""
    _give_phone(courier, number, lambda: courier.save(force_insert=True))
    audit.record(
        "courier.registered", subject=("courier", courier.code), actor=actor, at=at, data=_told_of_new(courier)
    )
    consents.give(courier=courier, notice=agreement.notice, channel=agreement.channel, at=at, actor=actor)
    return courier


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Somebody on a list: `agreed_at` is when he signed the notice on paper."""

    phone: str
    work: Work
    district: Division
    agreed_at: datetime
    name: str = ""


@transaction.atomic
def register_listed(
    newcomers: Sequence[Newcomer], *, agreement: Agreement, actor: User | str, at: datetime
) -> list[Courier]:
    """Register many from a list, all or none: each as `register` would, as 待核实, in a few statements.

    Raises: InvalidValue, PhoneTaken, NotFound, DutyMissing.
    """
    for district in {str(newcomer.district.pk) for newcomer in newcomers}:
        duties.require_in_district(actor, district)
    codes = membership.free_codes(len(newcomers))
    couriers: list[Courier] = []
    moments: dict[str, datetime] = {}
    for newcomer, code in zip(newcomers, codes, strict=True):
        district = str(newcomer.district.pk)
        if len(district) != 6:
            raise InvalidValue("division", _("Name the district."), value=district)
        company, number = check_work(newcomer.work, district=district), read_phone(newcomer.phone)
        courier = _newly(
            code, newcomer.work, company, newcomer.district, newcomer.name,
            channel=Courier.Channel.IMPORT, actor=actor, at=at,
        )  # fmt: skip
        courier.phone_sealed, courier.phone_index = sealing.sealed(number, column="phone"), sealing.index(number)
        couriers.append(courier)
        moments[code] = newcomer.agreed_at
    taken = [index for newcomer in newcomers for index in sealing.indexes(read_phone(newcomer.phone))]
    if Courier.objects.filter(phone_index__in=taken).exists():
        raise PhoneTaken
    # In the order of their numbers, so that two lists that share some never deadlock.
    couriers.sort(key=lambda courier: str(courier.phone_index))
    try:
        with transaction.atomic():
            Courier.objects.bulk_create(couriers)
    except IntegrityError as error:
        if "couriers_courier_phone_uniq" not in str(error):
            raise
        raise PhoneTaken from error
    audit.record_many(
        "courier.registered",
        subjects=[(("courier", courier.code), _told_of_new(courier)) for courier in couriers],
        actor=actor,
        at=at,
    )
    consents.give_many(
        [(courier, moments[courier.code]) for courier in couriers],
        notice=agreement.notice,
        channel=agreement.channel,
        at=at,
        actor=actor,
    )
    return couriers


def _newly(
    code: str, work: Work, company: Company | None, district: Division, name: str,
    *, channel: str, actor: User | str, at: datetime,
) -> Courier:  # fmt: skip
    """The courier about to be registered, without his phone."""
    by = audit.actor_name(actor)
    # From a list nobody has been met.
    is_met = isinstance(actor, User) and channel != Courier.Channel.IMPORT
    return Courier(
        code=code,
        kind=work.kind,
        company=company,
        outlet=work.outlet,
        division=district,
        status=Courier.Status.ACTIVE if is_met else Courier.Status.UNVERIFIED,
        name_sealed=_sealed_name(name),
        registered_at=at,
        registered_by=by,
        channel=channel,
        verified_at=at if is_met else None,
        verified_by=by if is_met else "",
    )


def _told_of_new(courier: Courier) -> dict[str, object]:
    return {
        "channel": courier.channel, "status": courier.status, "division": str(courier.division_id), **_told(courier),
    }  # fmt: skip


def check_name(name: str) -> str:
    """The name in its one form.   Raises: InvalidValue, which does not repeat it."""
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidValue("name", _("Give a name of at most 40 characters."))
    return name


def _sealed_name(name: str) -> bytes | None:
    name = check_name(name)
    return sealing.sealed(name, column="name") if name else None


def check_work(work: Work, *, district: str) -> Company | None:
    """The brand he rides for. Raises: InvalidValue."""
    if work.kind not in Courier.Kind.values:
        raise InvalidValue(
            "kind", _("Give one of: {choices}.").format(choices=", ".join(Courier.Kind.values)), value=work.kind
        )
    if work.outlet is None:
        return work.company
    if work.outlet.district_code != district:
        raise InvalidValue("outlet", _("This outlet lies in another district than the courier."))
    if work.company is not None and work.company != work.outlet.company:
        raise InvalidValue("company", _("This outlet belongs to another brand."))
    return work.outlet.company


def _give_phone(courier: Courier, number: str, save: Callable[[], None]) -> None:
    """Save him with this number. Raises: PhoneTaken."""
    # Under an older index key a number has another value, so the index alone would not refuse it.
    if Courier.objects.filter(phone_index__in=sealing.indexes(number)).exclude(pk=courier.pk).exists():
        raise PhoneTaken
    courier.phone_sealed = sealing.sealed(number, column="phone")
    courier.phone_index = sealing.index(number)
    try:
        with transaction.atomic():
            save()
    except IntegrityError as error:
        if "couriers_courier_phone_uniq" not in str(error):
            raise
        raise PhoneTaken from error


def _take_off(number: str, *, because: str, actor: User | str, at: datetime, keeps: Courier | None = None) -> None:
    """Take the number off the profile that has it: its owner has another by now. His card and PIN go on."""
    if not isinstance(actor, User):
        raise PhoneTaken
    because = duties.require_reason(because)
    old = Courier.objects.select_for_update(no_key=True).filter(phone_index__in=sealing.indexes(number)).first()
    if old is None or old == keeps:
        return
    old.phone_sealed = old.phone_index = None
    old.save(update_fields=["phone_sealed", "phone_index"])
    old.pin_resets.all().delete()
    devices.end_all(courier=old, at=at)
    audit.record(
        "courier.phone-taken-off",
        subject=("courier", old.code),
        actor=actor,
        at=at,
        data={"fields": ["mobile phone"], "reason": because},
    )


def _told(courier: Courier) -> dict[str, object]:
    """What the trail records about his work; never personal fields."""
    return {
        "kind": courier.kind,
        "company": courier.company.name if courier.company else "",
        "outlet": courier.outlet.name if courier.outlet else "",
    }


@transaction.atomic
def verify(*, courier: Courier, actor: User | str, at: datetime) -> Courier:
    """A steward has met him: 待核实 becomes active. One who is active stays as he is.

    Raises: DutyMissing, CourierBlocked, CourierErased.   Locks: Courier.
    """
    duties.require_at_counter(actor)
    courier = finding.locked(courier)
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    if courier.status == Courier.Status.UNVERIFIED:
        courier.status, courier.verified_at = Courier.Status.ACTIVE, at
        courier.verified_by = audit.actor_name(actor)
        courier.save(update_fields=["status", "verified_at", "verified_by"])
        audit.record("courier.verified", subject=("courier", courier.code), actor=actor, at=at)
    return courier


@transaction.atomic
def block(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> Courier:
    """He earns and takes nothing until he is unblocked. If he is blocked already, he stays so, for the first reason.

    Raises: NotFound, DutyMissing, ReasonMissing, CourierErased.   Locks: Courier.
    """
    duties.require_at_desk(actor, courier)
    reason = duties.require_reason(reason)
    courier = finding.locked(courier)
    if courier.status != Courier.Status.BLOCKED:
        before, courier.status, courier.blocked_reason = courier.status, Courier.Status.BLOCKED, reason
        courier.save(update_fields=["status", "blocked_reason"])
        audit.record(
            "courier.blocked",
            subject=("courier", courier.code),
            actor=actor,
            at=at,
            data={"before": before, "after": courier.status, "reason": reason},
        )
    return courier


@transaction.atomic
def unblock(*, courier: Courier, reason: str, actor: User | str, at: datetime) -> Courier:
    """Restore what he was: active if a steward has met him, 待核实 if none has.

    Raises: NotFound, DutyMissing, ReasonMissing, CourierErased.   Locks: Courier.
    """
    duties.require_at_desk(actor, courier)
    reason = duties.require_reason(reason)
    courier = finding.locked(courier)
    if courier.status == Courier.Status.BLOCKED:
        courier.blocked_reason = ""
        courier.status = Courier.Status.ACTIVE if courier.verified_at else Courier.Status.UNVERIFIED
        courier.save(update_fields=["status", "blocked_reason"])
        audit.record(
            "courier.unblocked",
            subject=("courier", courier.code),
            actor=actor,
            at=at,
            data={"before": Courier.Status.BLOCKED, "after": courier.status, "reason": reason},
        )
    return courier


@transaction.atomic
def change_phone(
    *, courier: Courier, phone: str, actor: User | str, at: datetime, takes_over_because: str = ""
) -> Courier:
    """Give him another number. `takes_over_because` as in `register`.

    Raises: InvalidValue, PhoneTaken, DutyMissing, CourierErased, ReasonMissing.
    Locks: Courier and the profile that loses its number, in the order of their keys, so that two who swap numbers do not
    deadlock.
    """
    duties.require_at_counter(actor)
    number = read_phone(phone)
    if takes_over_because:
        holders = Q(pk=courier.pk) | Q(phone_index__in=sealing.indexes(number))
        list(Courier.objects.select_for_update(no_key=True).filter(holders).order_by("pk"))
    courier = finding.locked(courier)
    if takes_over_because:
        _take_off(number, because=takes_over_because, actor=actor, at=at, keeps=courier)
    _give_phone(courier, number, lambda: courier.save(update_fields=["phone_sealed", "phone_index"]))
    # A link that was sent to the old phone stops working, and the old phone is signed out.
    courier.pin_resets.all().delete()
    devices.end_all(courier=courier, at=at)
    audit.record(
        "courier.phone-changed",
        subject=("courier", courier.code),
        actor=actor,
        at=at,
        data={"fields": ["mobile phone"]},
    )
    return courier


@transaction.atomic
def correct_name(*, courier: Courier, name: str, actor: User | str, at: datetime) -> Courier:
    """Correct a misspelt name, or one that has changed; "" removes it. The trail says that it changed, but neither name.

    Raises: InvalidValue, NotFound, DutyMissing, CourierErased.   Locks: Courier.
    """
    duties.require_at_desk(actor, courier)
    courier = finding.locked(courier)
    courier.name_sealed = _sealed_name(name)
    courier.save(update_fields=["name_sealed"])
    audit.record(
        "courier.changed", subject=("courier", courier.code), actor=actor, at=at, data={"fields": ["full name"]}
    )
    return courier


@transaction.atomic
def change_work(*, courier: Courier, work: Work, actor: User | str, at: datetime) -> Courier:
    """Record that he works for another brand or outlet.

    Raises: InvalidValue, NotFound, DutyMissing, CourierErased.   Locks: Courier.
    """
    duties.require_at_desk(actor, courier)
    courier = finding.locked(courier)
    before = _told(courier)
    courier.company = check_work(work, district=str(courier.division_id))
    courier.kind, courier.outlet = work.kind, work.outlet
    courier.save(update_fields=["kind", "company", "outlet"])
    after = _told(courier)
    changed = {name: {"before": before[name], "after": after[name]} for name in before if before[name] != after[name]}
    if changed:
        audit.record(
            "courier.changed", subject=("courier", courier.code), actor=actor, at=at, data={"changed": changed}
        )
    return courier
