"""Gifts for points: ordered and fetched, or both at once at the counter; cancelled, or not fetched in time."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from core import audit, clock
from core.models import User
from couriers import codes, finding
from couriers.errors import CourierBlocked
from couriers.models import Courier
from points import ledger, passes
from points.errors import (
    CourierNotMet,
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NotWaiting,
    PostingReasonMissing,
    PresenceUnproved,
    PriceChanged,
    StationNotOpen,
)
from points.models import Gift, Posting, Redemption
from stations import access
from stations.models import Duty, Station

__all__ = ["FETCH_WITHIN", "Presence", "cancel", "expire_due", "hand_over", "order", "redeem"]

FETCH_WITHIN = timedelta(days=7)
AT_COUNTER = (Duty.COUNTER, Duty.MANAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What proves that the courier stands at the counter: his pass, or a second member of staff and a reason."""

    digits: str = ""
    witness: User | None = None
    reason: str = ""


@transaction.atomic
def order(
    *, courier: Courier, gift: Gift, station: Station, points: int, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Redemption:
    """Set a piece aside for the courier, at the price he was shown; he fetches it within seven days.

    Raises: CourierBlocked, StationNotOpen, GiftOfAnotherDistrict, GiftNotOffered, PriceChanged with the price, LimitReached
    with the limit, NotEnoughPoints, OutOfStock.   Locks: Courier, then the accounts.
    """
    return _redeemed(
        courier, gift, station, points, at_once=False, op_id=op_id, actor=actor, approver=None, reason="", at=at
    )


@transaction.atomic
def redeem(
    *, courier: Courier, gift: Gift, station: Station, points: int, presence: Presence, op_id: uuid.UUID,
    actor: User | str, at: datetime,
) -> Redemption:  # fmt: skip
    """Order and hand over at the counter in one step.

    Raises: what `order` does, and CourierNotMet, PresenceUnproved, PassWrong, and what `access.require` does.
    Locks: Courier, then the accounts.
    """
    access.require(actor, *AT_COUNTER, stations=[station])
    if (before := _before(op_id)) is not None:
        return before
    witness = _require_presence(courier, presence, station, actor=actor, at=at)
    return _redeemed(
        courier, gift, station, points, at_once=True, op_id=op_id, actor=actor, approver=witness,
        reason=presence.reason.strip(), at=at,
    )  # fmt: skip


def _before(op_id: uuid.UUID) -> Redemption | None:
    """What the same wish came to when it was told before."""
    return Redemption.objects.filter(ordered__op_id=op_id).first()


def _redeemed(
    courier: Courier, gift: Gift, station: Station, points: int, *, at_once: bool, op_id: uuid.UUID,
    actor: User | str, approver: User | None, reason: str, at: datetime,
) -> Redemption:  # fmt: skip
    courier = finding.locked(courier)
    if (before := _before(op_id)) is not None:
        return before
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    if at_once and courier.status != Courier.Status.ACTIVE:
        raise CourierNotMet
    if station.status != Station.Status.PUBLISHED:
        raise StationNotOpen(station=station.code)
    if station.district_code != gift.division_id:
        raise GiftOfAnotherDistrict(gift=gift.code, station=station.code)
    price = gift.price_on(clock.local_date(at))
    if not gift.is_offered or price is None:
        raise GiftNotOffered(gift=gift.code)
    if price != points:
        raise PriceChanged(_("It costs {price} points now.").format(price=price), price=price)
    _require_within_limit(courier, gift, at=at)
    kind, target = (
        (Posting.Kind.REDEMPTION, ledger.of_gift("handed-out", gift))
        if at_once
        else (Posting.Kind.ORDER, ledger.reserve(gift, station))
    )
    posted = ledger.post(
        kind=kind,
        moves=[
            (ledger.wallet(courier), -price),
            (ledger.of_district("redeemed", str(gift.division_id)), price),
            (ledger.stock(gift, station), -1),
            (target, 1),
        ],
        op_id=op_id,
        actor=actor,
        approver=approver,
        at=at,
        reason=reason,
    )
    redemption = Redemption.objects.create(
        code=codes.new_code(), courier=courier, gift=gift, station=station, points=price, ordered_at=at,
        status=Redemption.Status.HANDED_OVER if at_once else Redemption.Status.ORDERED, ordered_id=posted.posting_id,
        ended_id=posted.posting_id if at_once else None, ended_at=at if at_once else None,
        fetch_until=at if at_once else at + FETCH_WITHIN,
    )  # fmt: skip
    _record(
        "redemption.handed-over" if at_once else "redemption.ordered", redemption, actor=actor, at=at, reason=reason
    )
    return redemption


def _require_within_limit(courier: Courier, gift: Gift, *, at: datetime) -> None:
    """The courier's row is locked, so nobody else is counting at the same time.   Raises: LimitReached."""
    if gift.most_a_month is None:
        return
    month = clock.local_midnight(clock.local_date(at).replace(day=1))
    had = Redemption.objects.filter(
        courier__in=Courier.objects.one_with(courier), gift=gift, ordered_at__gte=month,
        status__in=[Redemption.Status.ORDERED, Redemption.Status.HANDED_OVER],
    )  # fmt: skip
    if had.count() >= gift.most_a_month:
        raise LimitReached(
            _("One courier gets {limit} a month.").format(limit=gift.most_a_month), limit=gift.most_a_month
        )


def _require_presence(
    courier: Courier, presence: Presence, station: Station, *, actor: User | str, at: datetime
) -> User | None:
    """The second person, where there is no pass.   Raises: PassWrong, PresenceUnproved, what `access.require` does."""
    if presence.digits:
        passes.use(courier=courier, digits=presence.digits, at=at)
        return None
    witness = presence.witness
    if witness is None or not presence.reason.strip() or audit.actor_name(witness) == audit.actor_name(actor):
        raise PresenceUnproved
    access.require(witness, *AT_COUNTER, stations=[station])
    return witness


@transaction.atomic
def hand_over(
    *, redemption: Redemption, presence: Presence, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Redemption:
    """Give the courier what waits for him.

    Raises: NotWaiting with the status; CourierBlocked; CourierNotMet; PresenceUnproved; PassWrong; what `access.require`
    does.   Locks: Courier, Redemption, then the accounts.
    """
    access.require(actor, *AT_COUNTER, stations=[redemption.station])
    courier, redemption = _locked(redemption)
    if redemption.status == Redemption.Status.HANDED_OVER and redemption.ended and redemption.ended.op_id == op_id:
        return redemption
    _require_waiting(redemption)
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked
    if courier.status != Courier.Status.ACTIVE:
        raise CourierNotMet
    witness = _require_presence(courier, presence, redemption.station, actor=actor, at=at)
    gift = redemption.gift
    posted = ledger.post(
        kind=Posting.Kind.HANDOVER,
        moves=[(ledger.reserve(gift, redemption.station), -1), (ledger.of_gift("handed-out", gift), 1)],
        op_id=op_id,
        actor=actor,
        approver=witness,
        at=at,
        reason=presence.reason.strip(),
    )
    return _end(
        redemption, Redemption.Status.HANDED_OVER, posted.posting_id, actor=actor, at=at, reason=presence.reason
    )


@transaction.atomic
def cancel(*, redemption: Redemption, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> Redemption:
    """Take the order back: points and piece return. Who acts for the courier himself is named by the door, as a name.

    Raises: PostingReasonMissing; NotWaiting with the status; what `access.require` does.
    Locks: Courier, Redemption, then the accounts.
    """
    if not reason.strip():
        raise PostingReasonMissing
    access.require(actor, *AT_COUNTER, stations=[redemption.station])
    _courier, redemption = _locked(redemption)
    if redemption.status == Redemption.Status.CANCELLED and redemption.ended and redemption.ended.op_id == op_id:
        return redemption
    _require_waiting(redemption)
    return _take_back(redemption, Redemption.Status.CANCELLED, reason=reason.strip(), op_id=op_id, actor=actor, at=at)


def expire_due(*, now: datetime) -> int:
    """Take back the orders that nobody fetched in time; answer how many. The worker's job, each its own transaction."""
    done = 0
    waiting = Redemption.objects.filter(status=Redemption.Status.ORDERED, fetch_until__lte=now)
    for pk in list(waiting.order_by("fetch_until").values_list("pk", flat=True)):
        with transaction.atomic():
            _courier, redemption = _locked(Redemption.objects.get(pk=pk))
            if redemption.status == Redemption.Status.ORDERED:
                # The same number whoever begins it, so that two workers are one.
                op_id = uuid.uuid5(uuid.NAMESPACE_URL, f"redemption-expiry:{redemption.code}")
                _take_back(
                    redemption, Redemption.Status.EXPIRED, reason=_("not fetched in time"), op_id=op_id, actor="worker",
                    at=now,
                )  # fmt: skip
                done += 1
    return done


def _locked(redemption: Redemption) -> tuple[Courier, Redemption]:
    """The courier's row first, as everywhere, then the redemption's."""
    courier = Courier.objects.select_for_update(no_key=True).get(pk=redemption.courier_id)
    rows = Redemption.objects.select_for_update(no_key=True, of=("self",)).select_related("gift", "station", "ended")
    return courier, rows.get(pk=redemption.pk)


def _require_waiting(redemption: Redemption) -> None:
    if redemption.status != Redemption.Status.ORDERED:
        raise NotWaiting(found=redemption.status)


def _take_back(
    redemption: Redemption, status: str, *, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Redemption:
    posted = ledger.reverse(posting=redemption.ordered, reason=reason, op_id=op_id, actor=actor, at=at)
    return _end(redemption, status, posted.posting_id, actor=actor, at=at, reason=reason)


def _end(
    redemption: Redemption, status: str, posting_id: int, *, actor: User | str, at: datetime, reason: str
) -> Redemption:
    redemption.status, redemption.ended_id, redemption.ended_at = status, posting_id, at
    redemption.save(update_fields=["status", "ended", "ended_at"])
    _record(f"redemption.{status}", redemption, actor=actor, at=at, reason=reason.strip())
    return redemption


def _record(kind: str, redemption: Redemption, *, actor: User | str, at: datetime, reason: str) -> None:
    data = {"gift": redemption.gift.code, "points": redemption.points, "redemption": redemption.code}
    if reason:
        data["reason"] = reason
    audit.record(kind, subject=("station", redemption.station.code), actor=actor, at=at, data=data)
