"""Points expire at month ends. There are no lots: what expires is worked out from sums, since the oldest points are spent
first.

At a cut-off, of the points earned before a day given by the rule, those expire that are not used up:

    max(0, earned before that day − used + given back before the cut-off)

* *Earned*: what came into the wallet by an award, an opening balance or anything else except a merge, at the moment of that
  posting. What was taken back counts as never earned.
* *Used*: everything that ever left it: spent, or expired before. Points spent after a cut-off that the worker is late for
  count too, so nobody's balance ever falls short.
* *Given back*: orders cancelled or not fetched. The youngest of the used points come back. Points already past their time
  that are given back after a cut-off expire at the next one.
* Merged profiles are one person: their wallets count together, and the postings that merged them do not count at all. So
  his points keep their age, and what either had used is taken from the oldest of both.
"""

import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit, clock, dated
from core.errors import DomainError, InvalidValue
from core.models import AuditEvent, User
from couriers import finding
from couriers.models import Courier
from points import ledger
from points.models import Account, ExpiryRule, Posting
from stations import access
from stations.access import CITY_CODE
from stations.models import Division, Duty

__all__ = ["CutOff", "Due", "due", "expire_due", "give_back_spent", "set_rule"]

logger = logging.getLogger(__name__)

CHUNK = 1_000
_CITY = ("division", CITY_CODE)
_DONE = "points.expiry-done"


@dataclass(frozen=True, slots=True)
class CutOff:
    """The end of a month, and how many months points are good for by the rule in force on its last day."""

    day: date
    months: int

    @property
    def at(self) -> datetime:
        return clock.local_midnight(self.day, days=1)

    @property
    def earned_before(self) -> date:
        """Points earned before this day are past their time: at the end of June 2026 with 12 months, those before July 2025."""
        return clock.first_of_month(self.day, months=1 - self.months)


@dataclass(frozen=True, slots=True)
class Due:
    """How many points expire at the end of a day, if none are spent by then."""

    points: int
    expires_on: date


# ── The rule ────────────────────────────────────────────────────────────────────────────────────────────────────────


@transaction.atomic
def set_rule(*, months: int | None, valid_from: date, actor: User | str, at: datetime) -> ExpiryRule | None:
    """Set for how many months points are good in the whole city from a day on; with None, nothing expires from then on.

    It also applies to points earned before, so tell people in time. The rule in force on that day ends the day before. With
    None, rules that begin on that day or later are taken back: none of them has made a point expire yet.
    Raises: InvalidValue where the day is past, or another rule begins on that day or later; ValidationError where months or
    day cannot be; what `access.require` does.   Locks: the city's row.
    """
    access.require(actor, Duty.MANAGE, divisions=[CITY_CODE])
    Division.objects.select_for_update(no_key=True).get(pk=CITY_CODE)
    today = clock.local_date(at)
    if valid_from < today:
        raise InvalidValue(
            "valid_from", _("A rule begins on {today} or later.").format(today=today), value=valid_from
        )  # fmt: skip
    held = ExpiryRule.objects.filter(dated.holds_on(valid_from)).first()
    coming = ExpiryRule.objects.filter(valid_from__gte=valid_from).order_by("valid_from")
    taken_back = [f"{each.valid_from}: {each.months}" for each in coming]
    if months is None:
        coming.delete()
    elif (first := coming.first()) is not None:
        raise InvalidValue(
            "valid_from",
            _("A rule begins on {day} already. Take it back first: give that day and leave the months empty.").format(
                day=first.valid_from
            ),
            value=valid_from,
        )
    if held is not None and held.valid_from < valid_from:
        held.valid_through = valid_from - timedelta(days=1)
        held.save(update_fields=["valid_through"])
    rule = None
    if months is not None:
        rule = ExpiryRule(months=months, valid_from=valid_from)
        rule.full_clean()
        rule.save()
    changed = {"months": {"before": held and held.months, "after": months}}
    data: dict[str, Any] = {"changed": changed, "valid_from": valid_from.isoformat()}
    if taken_back:
        data["taken_back"] = taken_back
    audit.record("expiry.rule-set", subject=_CITY, actor=actor, at=at, data=data)
    return rule


def _cut_offs(rules: Sequence[ExpiryRule], *, first: date, last: date) -> Iterator[CutOff]:
    """The month ends from `first` to `last` on which one of `rules` holds, in order."""
    day = clock.first_of_month(first, months=1) - timedelta(days=1)
    while day <= last:
        for rule in rules:
            if rule.valid_from <= day and (rule.valid_through is None or day <= rule.valid_through):
                yield CutOff(day, rule.months)
        day = clock.first_of_month(day, months=2) - timedelta(days=1)


# ── What expires ────────────────────────────────────────────────────────────────────────────────────────────────────

# Each entry of the couriers' wallets, including those of profiles merged into them, classified as the head of this file
# says.
_MOVED = """
SELECT coalesce(c.merged_into_id, c.id) AS courier_id, e.amount, p.occurred_at,
    CASE WHEN e.amount < 0 THEN CASE WHEN p.kind = 'reversal' THEN 'unearned' ELSE 'used' END
         WHEN p.kind = 'reversal' THEN 'back'
         WHEN r.id IS NULL THEN 'earned'
         ELSE 'unearned' END AS what
FROM couriers_courier c
JOIN points_account a ON a.courier_id = c.id AND a.kind = 'wallet'
JOIN points_entry e ON e.account_id = a.id
JOIN points_posting p ON p.id = e.posting_id
LEFT JOIN points_posting o ON o.id = p.reverses_id
LEFT JOIN points_posting r ON r.reverses_id = p.id
WHERE coalesce(o.kind, p.kind) <> 'merge' AND (c.id = ANY (%(couriers)s) OR c.merged_into_id = ANY (%(couriers)s))
"""


def _past_their_time(cut_off: CutOff, couriers: Sequence[int]) -> dict[int, int]:
    """Those of these couriers who have points that expire at this cut-off, and how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT courier_id, points FROM (SELECT courier_id,"  # noqa: S608 - constants
            " coalesce(sum(amount) FILTER (WHERE what = 'used'"
            " OR what = 'earned' AND occurred_at < %(earned_before)s OR what = 'back' AND occurred_at < %(at)s), 0) AS points"
            f" FROM ({_MOVED}) moved GROUP BY courier_id) summed WHERE points > 0",
            {
                "couriers": list(couriers),
                "earned_before": clock.local_midnight(cut_off.earned_before),
                "at": cut_off.at,
            },
        )
        return {courier: int(points) for courier, points in cursor.fetchall()}


def due(*, courier: Courier, at: datetime) -> list[Due]:
    """How many of a courier's points expire when, if he spends none, the oldest first; together no more than he has.

    Points that the worker should have let expire already are listed under the next month's end.
    """
    rules = list(ExpiryRule.objects.order_by("valid_from"))
    if courier.is_merged or not rules:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT what = 'earned', CASE WHEN what = 'earned'"  # noqa: S608 - constants
            " THEN date_trunc('month', occurred_at AT TIME ZONE 'Asia/Shanghai')::date END, sum(amount)"
            f" FROM ({_MOVED}) moved WHERE what <> 'unearned' GROUP BY 1, 2",
            {"couriers": [courier.pk]},
        )
        rows = cursor.fetchall()
    earned = {month: int(points) for is_earned, month, points in rows if is_earned}
    used = -sum(int(points) for is_earned, _month, points in rows if not is_earned)
    today = clock.local_date(at)
    last = clock.first_of_month(max(today, rules[-1].valid_from), months=rules[-1].months + 1)
    found, told = [], 0
    for cut_off in _cut_offs(rules, first=today, last=last):
        past = sum(points for month, points in earned.items() if month < cut_off.earned_before)
        if (points := past - used - told) > 0:
            found.append(Due(points, cut_off.day))
            told += points
    return found


# ── The worker's job ────────────────────────────────────────────────────────────────────────────────────────────────


def expire_due(*, now: datetime) -> int:
    """Let points expire that were past their time at the month ends that have passed; return for how many couriers. The
    worker's job.

    Each courier is a transaction of his own, so that one whose points cannot expire holds up no other. Cut-offs that were
    missed, interrupted or not completed are caught up on, in order. If it runs twice, or two run at once, the same points
    expire only once: the posting's number comes from account and cut-off.
    """
    done = 0
    for cut_off in _missed(now):
        couriers = points = last = 0
        is_complete = True
        while chunk := _with_points(after=last):
            last = chunk[-1]
            for courier in _past_their_time(cut_off, chunk):
                try:
                    expired = _expire(courier, cut_off, now=now)
                except DomainError:
                    logger.exception("The points of courier %s cannot expire.", Courier.objects.get(pk=courier).code)
                    is_complete = False
                    continue
                couriers, points = couriers + (expired > 0), points + expired
        if is_complete:
            _keep_done(cut_off, now=now, couriers=couriers, points=points)
        done += couriers
    return done


def _missed(now: datetime) -> list[CutOff]:
    """The cut-offs that have passed since the last completed one; the trail says which that was."""
    rules = list(ExpiryRule.objects.order_by("valid_from"))
    if not rules:
        return []
    worked_off = AuditEvent.objects.filter(kind=_DONE, subject_type=_CITY[0], subject_code=_CITY[1])
    newest = max(
        (date.fromisoformat(each["cut_off"]) for each in worked_off.values_list("data", flat=True)), default=None
    )
    first = rules[0].valid_from if newest is None else newest + timedelta(days=1)
    return list(_cut_offs(rules, first=first, last=clock.local_date(now) - timedelta(days=1)))


def _with_points(*, after: int) -> list[int]:
    """The next thousand couriers who have points, by number."""
    wallets = Account.objects.filter(kind=Account.Kind.WALLET, balance__gt=0, courier__gt=after)
    return list(wallets.order_by("courier").values_list("courier", flat=True)[:CHUNK])


@transaction.atomic
def _expire(courier_id: int, cut_off: CutOff, *, now: datetime) -> int:
    """Let this courier's points expire; return how many did.   Locks: Courier, then his wallet."""
    courier = Courier.objects.select_for_update(no_key=True, of=("self",)).get(pk=courier_id)
    # The wallet too, because the office takes an award back without locking the courier's row.
    wallet = Account.objects.select_for_update(no_key=True, of=("self",)).get(kind="wallet", courier=courier).pk
    op_id = uuid.uuid5(uuid.NAMESPACE_URL, f"points-expiry:{wallet}:{cut_off.day.isoformat()}")
    points = _past_their_time(cut_off, [courier_id]).get(courier_id, 0)
    if not points or Posting.objects.filter(op_id=op_id).exists():
        return 0
    ledger.post(
        kind=Posting.Kind.EXPIRY,
        moves=[(wallet, -points), (ledger.expired(), points)],
        op_id=op_id,
        actor="worker",
        at=now,
        reason=_("not spent within {months} months").format(months=cut_off.months),
        source=cut_off.day.isoformat(),
    )
    data = {"points": points, "cut_off": cut_off.day.isoformat()}
    audit.record("points.expired", subject=("courier", courier.code), actor="worker", at=now, data=data)
    return points


@transaction.atomic
def _keep_done(cut_off: CutOff, *, now: datetime, couriers: int, points: int) -> None:
    """Record in the trail that a cut-off is complete. Of two workers only the first records it.   Locks: the city's row."""
    Division.objects.select_for_update(no_key=True).get(pk=CITY_CODE)
    day = cut_off.day.isoformat()
    if not AuditEvent.objects.filter(
        kind=_DONE, subject_type=_CITY[0], subject_code=_CITY[1], data__cut_off=day
    ).exists():
        data = {"cut_off": day, "couriers": couriers, "points": points}
        audit.record(_DONE, subject=_CITY, actor="worker", at=now, data=data)


# ── What was spent before, and is told after ────────────────────────────────────────────────────────────────────────


@transaction.atomic
def give_back_spent(*, courier: Courier, points: int, moment: datetime, actor: User | str, at: datetime) -> None:
    """Give a courier back so many of the points that expired at the month ends since `moment`, at which he had spent as many: of
    the oldest, which would not have been there to expire. The whole posting is taken back, and the rest expires anew.

    Raises: CourierErased, CourierMerged.   Locks: Courier, then his wallet.
    """
    courier = finding.locked(courier)
    expired = Posting.objects.filter(
        kind=Posting.Kind.EXPIRY, entries__account__courier=courier, reversal__isnull=True,
        source__gte=clock.local_date(moment).isoformat(),
    )  # fmt: skip
    for posting in expired.annotate(points=-F("entries__amount")).order_by("pk"):
        back = min(points, posting.points)
        points -= back
        if not back:
            return
        ledger.reverse(
            posting=posting, reason=audit.in_office_words(gettext_lazy("a gift from before was entered late")), actor=actor, at=at,
            op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"points-expiry-taken-back:{posting.pk}"),
        )  # fmt: skip
        if rest := posting.points - back:
            ledger.post(
                kind=Posting.Kind.EXPIRY, moves=[(ledger.wallet(courier), -rest), (ledger.expired(), rest)],
                op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"points-expiry-anew:{posting.pk}"), actor="worker", at=at,
                reason=posting.reason, source=posting.source,
            )  # fmt: skip
