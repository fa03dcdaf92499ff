"""Points for deeds: by a rule, or by hand with a reason. The fund of the district that accepted the deed pays."""

import uuid
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet, Sum
from django.utils.translation import gettext as _

from core import audit, clock, dated
from core.models import User
from couriers import finding
from couriers.errors import CourierBlocked
from couriers.models import Courier
from points import ledger
from points.errors import (
    CapReached,
    EarnedAlready,
    NoRule,
    OperationReused,
    PostingReasonMissing,
    SecondPersonMissing,
)
from points.models import Award, AwardLimit, EarningRule, Posting
from stations import access
from stations.models import Division, Duty

__all__ = ["award", "award_by_hand", "left_today", "limit_on", "rule_on"]


def rule_on(action: str, day: date) -> EarningRule | None:
    """The rule in force for an action on a day."""
    return _valid_on(day).filter(action=action).first()


def _valid_on(day: date) -> QuerySet[EarningRule]:
    return EarningRule.objects.filter(dated.holds_on(day))


def limit_on(day: date) -> AwardLimit | None:
    """The limit of awards by hand in force on a day: the newest one that has begun."""
    return AwardLimit.objects.filter(valid_from__lte=day).order_by("-valid_from").first()


@transaction.atomic
def award(
    *, courier: Courier, action: str, district: Division, matter: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Award:
    """Give a courier the rule's points for what he did; `matter` is the code of the deed, and earns only once.

    Raises: NoRule; EarnedAlready; CapReached with the day's number; CourierBlocked; OperationReused; FundEmpty; what `access.require` does.
    Locks: Courier, then the accounts.
    """
    access.require(actor, Duty.REVIEW, Duty.MANAGE, divisions=[district.code])
    courier = finding.locked(courier)
    # Whatever has changed since: a new rule, or a block.
    before = _before(op_id, courier=courier, action=action, matter=matter)
    if before is not None:
        return before
    _refuse_blocked(courier)
    day = clock.local_date(at)
    rule = rule_on(action, day)
    if rule is None:
        raise NoRule(action=action)
    if Award.objects.filter(action=action, matter=matter).exists():
        raise EarnedAlready(matter=matter)
    # The courier's row is locked, so nobody else is counting at the same time.
    had = Award.objects.filter(courier__in=Courier.objects.one_with(courier), day=day, action=action)
    today = had.filter(posting__reversal__isnull=True).count()
    if today >= rule.most_a_day:
        raise CapReached(
            _("{count} a day count; come again tomorrow.").format(count=rule.most_a_day), limit=rule.most_a_day
        )
    return _give(courier, rule.points, district, matter=matter, rule=rule, op_id=op_id, actor=actor, at=at)


@transaction.atomic
def award_by_hand(
    *, courier: Courier, points: int, district: Division, reason: str, op_id: uuid.UUID, actor: User | str,
    at: datetime, approver: User | None = None,
) -> Award:  # fmt: skip
    """Give points outside the rules, for a reason; above a limit with a second person, who must have the duty as well.

    Raises: InvalidValue; PostingReasonMissing; SecondPersonMissing with the limit; CapReached with what is left of the
    day; CourierBlocked; FundEmpty; what `access.require` does.   Locks: who gives, Courier, then the accounts.
    """
    points = ledger.checked_amount("points", points)
    if not reason.strip():
        raise PostingReasonMissing
    for person in (actor, *([approver] if approver else [])):
        access.require(person, Duty.REVIEW, Duty.MANAGE, divisions=[district.code])
    if approver is not None and audit.actor_name(approver) == audit.actor_name(actor):
        raise SecondPersonMissing
    _one_at_a_time(audit.actor_name(actor))
    before = _before(op_id, courier=courier, action="", points=points)
    if before is not None:
        return before
    courier = finding.locked(courier)
    _refuse_blocked(courier)
    day = clock.local_date(at)
    limit = limit_on(day)
    if limit is None:
        raise NoRule(action="by-hand")
    if points > limit.most_alone and approver is None:
        raise SecondPersonMissing(
            _("One person alone may give at most {limit} points.").format(limit=limit.most_alone),
            limit=limit.most_alone,
        )
    left = limit.most_a_day - _given_today(audit.actor_name(actor), day)
    if points > left:
        raise CapReached(_("{left} points are left to give today.").format(left=left), left=left)
    return _give(
        courier, points, district, matter=str(op_id), rule=None, op_id=op_id, actor=actor, at=at, approver=approver,
        reason=reason.strip(),
    )  # fmt: skip


def _before(op_id: uuid.UUID, **wish: Any) -> Award | None:
    """What the same request came to when it was sent before.   Raises: OperationReused if that was a different request."""
    before = Award.objects.filter(posting__op_id=op_id).first()
    if before is not None and any(getattr(before, name) != wanted for name, wanted in wish.items()):
        raise OperationReused
    return before


def _refuse_blocked(courier: Courier) -> None:
    """Raises: CourierBlocked. One whom no steward has met yet earns."""
    if courier.status == Courier.Status.BLOCKED:
        raise CourierBlocked


def _one_at_a_time(actor_name: str) -> None:
    """Makes sure that awards by one giver to two couriers at once are counted one after the other; they have no row in
    common to lock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"award-by-hand {actor_name}"])


def left_today(*, actor: User | str, at: datetime) -> int | None:
    """How many points somebody may still give by hand today; None if no limit is in force, in which case nobody may give
    any.
    """
    day = clock.local_date(at)
    limit = limit_on(day)
    return None if limit is None else max(0, limit.most_a_day - _given_today(audit.actor_name(actor), day))


def _given_today(actor_name: str, day: date) -> int:
    given = Award.objects.filter(
        posting__actor_name=actor_name, rule__isnull=True, day=day, posting__reversal__isnull=True
    )
    return given.aggregate(points=Sum("points"))["points"] or 0


def _give(
    courier: Courier, points: int, district: Division, *, matter: str, rule: EarningRule | None, op_id: uuid.UUID,
    actor: User | str, at: datetime, approver: User | None = None, reason: str = "",
) -> Award:  # fmt: skip
    posted = ledger.post(
        kind=Posting.Kind.AWARD,
        moves=[(ledger.fund(district.code), -points), (ledger.wallet(courier), points)],
        op_id=op_id,
        actor=actor,
        approver=approver,
        at=at,
        reason=reason,
        source="" if rule is None else f"{rule.action}:{matter}",
    )
    given = Award(
        posting_id=posted.posting_id, courier=courier, district=district, rule=rule, matter=matter, points=points,
        action="" if rule is None else rule.action, day=clock.local_date(at),
    )  # fmt: skip
    try:
        given.save(force_insert=True)
    except IntegrityError as error:  # another courier's award for the same matter came first
        raise EarnedAlready(matter=matter) from error
    data = {"points": points, "district": district.code} | ({"reason": reason} if reason else {})
    if approver is not None:
        data["approver"] = audit.actor_name(approver)
    audit.record("points.awarded", subject=("courier", courier.code), actor=actor, at=at, data=data)
    return given
