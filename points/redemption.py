"""Gifts for points: ordered and fetched, or both at once at the counter; cancelled, or not fetched in time."""

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from core import audit, clock, prepared
from core.errors import DomainError
from core.idempotency import Memo
from core.models import User
from couriers import codes
from couriers.errors import CourierBlocked, CourierErased, CourierMerged
from couriers.models import Courier
from points import ledger, passes, queue
from points.disputes import give_back, involved
from points.errors import (
    CourierNotMet,
    DisputeOpen,
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NotHandedOver,
    NotInReach,
    NotWaiting,
    OperationReused,
    OwnHandOver,
    PassWrong,
    PresenceUnproved,
    PriceChanged,
    StationNotOpen,
)
from points.models import Dispute, Gift, Posting, Redemption
from stations import access
from stations.models import Duty, Station

__all__ = [
    "FETCH_WITHIN",
    "Presence",
    "Reach",
    "cancel",
    "expire_due",
    "hand_over",
    "order",
    "redeem",
    "redeem_on_paper",
    "undo_hand_over",
]

logger = logging.getLogger(__name__)

FETCH_WITHIN = timedelta(days=7)
AT_COUNTER = (Duty.COUNTER, Duty.MANAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What proves that the courier stands at the counter: his pass, his place in the queue (for what he ordered), or a second
    member of staff and a reason."""

    digits: str = ""
    in_queue: bool = False
    witness: User | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a door that knows only their codes looks for the courier, the gift and the station: a statement that returns
    their three ids, NULL for what is not there, and its values. It is part of the call itself, which saves a round trip
    (0017).
    """

    sql: str
    values: Mapping[str, Any]


def order(
    *, courier: Courier, gift: Gift, station: Station, points: int, op_id: uuid.UUID, actor: User | str, at: datetime,
    memo: Memo | None = None, reach: Reach | None = None,
) -> Redemption:  # fmt: skip
    """Set a piece aside for the courier, at the price he was shown; he fetches it within seven days. `memo` is kept with it.
    With `reach` the three need no ids yet: they get them here.

    Raises: CourierBlocked, StationNotOpen, GiftOfAnotherDistrict, GiftNotOffered, PriceChanged with the price, LimitReached
    with the limit, NotEnoughPoints, OutOfStock; NotInReach.   Locks: Courier, then the accounts.
    """
    return _redeemed(
        courier, gift, station, points, at_once=False, digits="", op_id=op_id, actor=actor, approver=None, reason="", at=at,
        memo=memo, reach=reach,
    )  # fmt: skip


def redeem(
    *, courier: Courier, gift: Gift, station: Station, points: int, presence: Presence, op_id: uuid.UUID,
    actor: User | str, at: datetime, memo: Memo | None = None, reach: Reach | None = None,
) -> Redemption:  # fmt: skip
    """Order and hand over at the counter in one step. `memo` and `reach` are as in `order`, and come from programs, which
    no duty limits.

    Raises: what `order` does, and CourierNotMet, PresenceUnproved, OwnReset, PassWrong, and what `access.require` does.
    Locks: Courier, then the accounts.
    """
    access.require(actor, *AT_COUNTER, stations=[station])
    witness = None
    # A program lets no phone in, so its passes need no check. What is done already needs none either; whether it is the
    # same request, the call below decides.
    is_looked_at = not presence.digits or isinstance(actor, User)
    if is_looked_at and not Redemption.objects.filter(ordered__op_id=op_id).exists():
        if presence.digits:
            passes.require_own_phone(courier=courier, actor=actor, at=at)
        else:
            witness = _require_witness(presence, station, actor=actor)
    return _redeemed(
        courier, gift, station, points, at_once=True, digits=presence.digits, op_id=op_id, actor=actor, approver=witness,
        reason=presence.reason.strip(), at=at, memo=memo, reach=reach,
    )  # fmt: skip


def redeem_on_paper(
    *, courier: Courier, gift: Gift, station: Station, points: int, form_no: str, form_line: int, witness: User, reason: str,
    op_id: uuid.UUID, actor: User | str, happened_at: datetime, at: datetime,
) -> Redemption:  # fmt: skip
    """Record what was handed over while the network was down, as `redeem` would have done it then. Doors call
    `late.record`, which checks more.

    Raises: what `redeem` does, but for a pass.   Locks: Courier, then the accounts.
    """
    return _redeemed(
        courier, gift, station, points, at_once=True, digits="", op_id=op_id, actor=actor, approver=witness, reason=reason,
        at=happened_at, form_no=form_no, form_line=form_line, entered_at=at,
    )  # fmt: skip


# As points/sql/redemption.sql names them, in its order; before them come courier, gift and station.
_ASKED = (
    "points_shown", "at_once", "pass_digest", "the_op_id", "the_code", "the_actor_id", "the_actor", "the_approver", "the_reason",
    "the_moment", "the_day", "month_began", "month_ended", "fetch_until", "event_kind", "event_data", "kept_client", "kept_key",
    "kept_digest", "kept_status", "kept_body", "the_form_no", "the_form_line", "entered_at",
)  # fmt: skip
# What is known by its id is found there.
_KNOWN = "SELECT %(courier)s::bigint, %(gift)s::bigint, %(station)s::bigint"


@lru_cache(maxsize=500)
def _call(wish: str) -> str:
    """The call for the three that the statement `wish` finds; if one of them is missing, there is no row and no call."""
    # Materialized, since otherwise each of the three would be looked up wherever it is named.
    return (
        f"WITH wish (courier, gift, station) AS MATERIALIZED ({wish})"  # noqa: S608 - statements of the program's own
        " SELECT wish.*, refusal, numbers, redemption, posting, is_new FROM wish CROSS JOIN LATERAL"
        " points_redeem(the_courier => wish.courier, the_gift => wish.gift, the_station => wish.station,"
        f" {', '.join(f'{name} => %({name})s' for name in _ASKED)})"
        " WHERE wish.courier IS NOT NULL AND wish.gift IS NOT NULL AND wish.station IS NOT NULL"
    )


def _redeemed(
    courier: Courier, gift: Gift, station: Station, points: int, *, at_once: bool, digits: str, op_id: uuid.UUID,
    actor: User | str, approver: User | None, reason: str, at: datetime, memo: Memo | None = None, reach: Reach | None = None,
    form_no: str = "", form_line: int | None = None, entered_at: datetime | None = None,
) -> Redemption:  # fmt: skip
    """One call of the database, which does all or nothing, so it needs no transaction of Django's
    (points/sql/redemption.sql).
    """
    redemption = Redemption(
        code=codes.new_code(), courier=courier, gift=gift, station=station, points=points, ordered_at=at,
        status=Redemption.Status.HANDED_OVER if at_once else Redemption.Status.ORDERED,
        ended_at=at if at_once else None, fetch_until=at if at_once else at + FETCH_WITHIN,
        form_no=form_no, form_line=form_line,
    )  # fmt: skip
    today = clock.local_date(at)
    values = (
        points, at_once, passes.digest_of(digits) if digits else None, op_id, redemption.code,
        actor.pk if isinstance(actor, User) else None, audit.actor_name(actor),
        "" if approver is None else audit.actor_name(approver), reason, at, today,
        clock.local_midnight(today.replace(day=1)), clock.local_midnight(clock.first_of_month(today, months=1)),
        redemption.fetch_until, _kind_of(redemption), json.dumps(_told(redemption, reason, approver)),
        *(memo.row_for(redemption) if memo else [None] * 5), redemption.form_no, redemption.form_line, entered_at,
    )  # fmt: skip
    if reach is None:
        reach = Reach(_KNOWN, {"courier": courier.pk, "gift": gift.pk, "station": station.pk})
    # The same request is done only once, so it may be sent again if the connection was lost.
    rows = prepared.fetch(_call(reach.sql), {**reach.values, **dict(zip(_ASKED, values, strict=True))}, keep_plan=True)
    if not rows:
        raise NotInReach
    [(courier.pk, gift.pk, station.pk, refusal, numbers, redemption_id, posting_id, is_new)] = rows
    if refusal is not None:
        raise _refused(refusal, json.loads(numbers or "{}"), courier=courier, gift=gift, station=station)
    if memo is not None:
        memo.is_kept = is_new
    if not is_new:
        return Redemption.objects.get(pk=redemption_id)
    # Once more, since they may have got their ids by the call.
    redemption.courier, redemption.gift, redemption.station = courier, gift, station
    redemption.pk, redemption.ordered_id, redemption.ended_id = (
        redemption_id,
        posting_id,
        posting_id if at_once else None,
    )
    # The row exists already, so saving it again is an update.
    redemption._state.adding, redemption._state.db = False, connection.alias
    return redemption


def _refused(refusal: str, numbers: dict[str, Any], *, courier: Courier, gift: Gift, station: Station) -> DomainError:
    """The database's refusal in our words."""
    match refusal:
        case "courier_erased":
            is_merged = Courier.objects.filter(pk=courier.pk, merged_into__isnull=False).exists()
            return CourierMerged() if is_merged else CourierErased()
        case "price_changed":
            price = numbers["price"]
            return PriceChanged(_("It costs {price} points now.").format(price=price), price=price)
        case "limit_reached":
            limit = numbers["limit"]
            return LimitReached(_("One courier gets {limit} a month.").format(limit=limit), limit=limit)
        case "too_little":
            return ledger.too_little(numbers)
        case "station_not_open":
            return StationNotOpen(station=station.code)
        case "gift_of_another_district":
            return GiftOfAnotherDistrict(gift=gift.code, station=station.code)
        case "gift_not_offered":
            return GiftNotOffered(gift=gift.code)
    return _WITHOUT_NUMBERS[refusal]()


_WITHOUT_NUMBERS: dict[str, type[DomainError]] = {
    error.code: error for error in (CourierBlocked, CourierNotMet, OperationReused, PassWrong)
}


def _require_presence(
    courier: Courier, redemption: Redemption, presence: Presence, *, actor: User | str, at: datetime
) -> User | None:
    """The second person, where nothing came from his phone.

    Raises: OwnReset, PassWrong, PresenceUnproved, what `access.require` does.
    """
    if presence.digits or presence.in_queue:
        passes.require_own_phone(courier=courier, actor=actor, at=at)
    if presence.digits:
        passes.use(courier=courier, digits=presence.digits, at=at)
        return None
    if presence.in_queue:
        queue.use(redemption=redemption, at=at)
        return None
    return _require_witness(presence, redemption.station, actor=actor)


def _require_witness(presence: Presence, station: Station, *, actor: User | str) -> User:
    """Check that the second person is somebody else who may hand over here.

    Raises: PresenceUnproved, what `access.require` does.
    """
    witness = presence.witness
    if witness is None or not presence.reason.strip() or audit.actor_name(witness) == audit.actor_name(actor):
        raise PresenceUnproved
    access.require(witness, *AT_COUNTER, stations=[station])
    return witness


@transaction.atomic
def hand_over(
    *, redemption: Redemption, presence: Presence, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Redemption:
    """Hand over the order that waits for the courier.

    Raises: NotWaiting with the status; CourierBlocked; CourierNotMet; PresenceUnproved; OwnReset; PassWrong; what
    `access.require` does.   Locks: Courier, Redemption, then the accounts.
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
    witness = _require_presence(courier, redemption, presence, actor=actor, at=at)
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
        redemption, Redemption.Status.HANDED_OVER, posted.posting_id, actor=actor, at=at, reason=presence.reason,
        approver=witness,
    )  # fmt: skip


@transaction.atomic
def cancel(*, redemption: Redemption, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> Redemption:
    """Take the order back: points and piece return. If the courier himself acts, the door gives his name as text.

    Raises: PostingReasonMissing; NotWaiting with the status; what `access.require` does.
    Locks: Courier, Redemption, then the accounts.
    """
    access.require(actor, *AT_COUNTER, stations=[redemption.station])
    _courier, redemption = _locked(redemption)
    if redemption.status == Redemption.Status.CANCELLED and redemption.ended and redemption.ended.op_id == op_id:
        return redemption
    _require_waiting(redemption)
    return _take_back(redemption, Redemption.Status.CANCELLED, reason=reason.strip(), op_id=op_id, actor=actor, at=at)


@transaction.atomic
def undo_hand_over(
    *, redemption: Redemption, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Redemption:
    """发错了: the district takes back what was handed over by mistake; nobody who had a hand in it can. The points return, and
    the piece is in the books again: if it is not in the cabinet, the next count says so.

    Raises: PostingReasonMissing; NotHandedOver with the status; DisputeOpen; OwnHandOver; CourierErased; what
    `access.require` does.   Locks: Courier and the profile that goes on for him, Redemption, then the accounts.
    """
    access.require(actor, Duty.MANAGE, divisions=[redemption.station.district_code])
    known = [redemption.courier_id, redemption.courier.merged_into_id or redemption.courier_id]
    list(Courier.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=known).order_by("pk"))
    courier, redemption = _locked(redemption)
    if redemption.status == Redemption.Status.RETURNED and redemption.returned and redemption.returned.op_id == op_id:
        return redemption
    if redemption.status != Redemption.Status.HANDED_OVER:
        raise NotHandedOver(found=redemption.status)
    if Dispute.objects.filter(redemption=redemption, ruling=Dispute.Ruling.OPEN).exists():
        raise DisputeOpen
    if audit.actor_name(actor) in involved(redemption):
        raise OwnHandOver
    # If his points were written off for good, he has no balance that they could return to.
    if (courier.merged_into or courier).is_erased:
        raise CourierErased
    give_back(redemption, courier, reason=reason.strip(), op_id=op_id, actor=actor, at=at)
    _record("redemption.returned", redemption, actor=actor, at=at, reason=reason.strip())
    return redemption


def expire_due(*, now: datetime) -> int:
    """Take back the orders that nobody fetched in time; return how many. The worker's job. Each is a transaction of its
    own, so that one that cannot be taken back holds up no other.
    """
    done = 0
    waiting = Redemption.objects.filter(status=Redemption.Status.ORDERED, fetch_until__lte=now)
    for pk, code in list(waiting.order_by("fetch_until").values_list("pk", "code")):
        try:
            done += _expire(pk, now=now)
        except DomainError:
            logger.exception("Redemption %s is past its time and cannot be taken back.", code)
    return done


@transaction.atomic
def _expire(pk: int, *, now: datetime) -> bool:
    """Take one order back; return whether it was still waiting.   Locks: Courier, Redemption, then the accounts."""
    _courier, redemption = _locked(Redemption.objects.get(pk=pk))
    if redemption.status != Redemption.Status.ORDERED:
        return False
    # The same number whoever begins it, so that two workers make one posting.
    op_id = uuid.uuid5(uuid.NAMESPACE_URL, f"redemption-expiry:{redemption.code}")
    _take_back(
        redemption, Redemption.Status.EXPIRED, reason=_("not fetched in time"), op_id=op_id, actor="worker", at=now
    )
    return True


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
    redemption: Redemption, status: str, posting_id: int, *, actor: User | str, at: datetime, reason: str,
    approver: User | None = None,
) -> Redemption:  # fmt: skip
    redemption.status, redemption.ended_id, redemption.ended_at = status, posting_id, at
    redemption.save(update_fields=["status", "ended", "ended_at"])
    queue.leave(redemption=redemption)
    _record(f"redemption.{status}", redemption, actor=actor, at=at, reason=reason.strip(), approver=approver)
    return redemption


def _record(
    kind: str, redemption: Redemption, *, actor: User | str, at: datetime, reason: str, approver: User | None = None
) -> None:
    subject = ("station", redemption.station.code)
    audit.record(kind, subject=subject, actor=actor, at=at, data=_told(redemption, reason, approver))


def _kind_of(redemption: Redemption) -> str:
    """The trail's name for what was written."""
    if redemption.is_late:
        return "redemption.entered-late"
    return "redemption.handed-over" if redemption.status == Redemption.Status.HANDED_OVER else "redemption.ordered"


def _told(redemption: Redemption, reason: str, approver: User | None) -> dict[str, Any]:
    """What the trail records about it."""
    data = {"gift": redemption.gift.code, "points": redemption.points, "redemption": redemption.code}
    if redemption.is_late:
        data |= {"form": f"{redemption.form_no}/{redemption.form_line}", "happened": redemption.ordered_at.isoformat()}
    if approver is not None:
        data["approver"] = audit.actor_name(approver)
    return data | {"reason": reason} if reason else data
