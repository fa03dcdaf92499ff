"""The city's rules for giving points: made, ended, and followed by newer ones. None that has begun is changed or deleted, so
that awards given under it can still be explained; one that is ahead has explained none yet, and gives way to another of its
first day.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from core import audit, clock
from core.errors import InvalidValue
from core.models import User
from points import ledger
from points.models import AwardLimit, EarningRule
from stations import access
from stations.access import CITY_CODE
from stations.models import Division, Duty

__all__ = ["end_rule", "set_limit", "set_rule"]


def _require_city(actor: User | str) -> None:
    """Rules are made one at a time: the city's row is locked."""
    access.require(actor, Duty.MANAGE, divisions=[CITY_CODE])
    Division.objects.select_for_update(no_key=True).get(pk=CITY_CODE)


def _require_ahead(valid_from: date, *, first: date) -> None:
    if valid_from < first:
        raise InvalidValue(
            "valid_from",
            _("It begins on {day} or later: what was given before stays explained by the rule of its day.").format(
                day=first
            ),
            value=valid_from,
        )


@transaction.atomic
def set_rule(
    *, action: str, points: int, most_a_day: int, valid_from: date, valid_through: date | None = None,
    actor: User | str, at: datetime,
) -> EarningRule:  # fmt: skip
    """Set how many points an action earns from a day on. The rule in force on that day ends the day before; one that was to
    begin on that day gives way. Only the city may.

    Raises: InvalidValue if the day is past, or is today and a rule is in force already, or another begins before this one
    ends; ValidationError if the rule is invalid; what `access.require` does.
    Locks: the city's row.
    """
    _require_city(actor)
    points, most_a_day = ledger.checked_amount("points", points), ledger.checked_amount("most_a_day", most_a_day)
    today = clock.local_date(at)
    of_action = EarningRule.objects.filter(action=action)
    runs_today = of_action.filter(Q(valid_through__isnull=True) | Q(valid_through__gte=today), valid_from__lte=today)
    _require_ahead(valid_from, first=today + timedelta(days=1) if runs_today.exists() else today)
    following = of_action.filter(valid_from__gt=valid_from).order_by("valid_from").first()
    if following is not None and (valid_through is None or valid_through >= following.valid_from):
        raise InvalidValue(
            "valid_through",
            _(
                "From {day} on another rule holds. Let this one end before that day; to change the other one, give its first day."
            ).format(day=following.valid_from),
            value=valid_through,
        )
    # No rule that begins on that day has begun, since that day is today only where none runs today.
    before = of_action.filter(valid_from=valid_from).first()
    if before is not None:
        of_action.filter(pk=before.pk).delete()
    runs = Q(valid_through__isnull=True) | Q(valid_through__gte=valid_from)
    running = of_action.filter(runs, valid_from__lt=valid_from).first()
    if running is not None:
        running.valid_through = valid_from - timedelta(days=1)
        running.save(update_fields=["valid_through"])
    before = before or running
    rule = EarningRule(
        action=action, points=points, most_a_day=most_a_day, valid_from=valid_from, valid_through=valid_through
    )
    rule.full_clean()
    rule.save(force_insert=True)
    changed = {
        "points": {"before": before and before.points, "after": points},
        "most_a_day": {"before": before and before.most_a_day, "after": most_a_day},
    }
    audit.record(
        "earning-rule.set", subject=("earning-rule", action), actor=actor, at=at,
        data={"changed": changed, "valid_from": valid_from.isoformat()}
        | ({"valid_through": valid_through.isoformat()} if valid_through else {}),
    )  # fmt: skip
    return rule


@transaction.atomic
def end_rule(*, rule: EarningRule, last_day: date, actor: User | str, at: datetime) -> EarningRule:
    """End a rule with a day, today at the earliest; after it the action earns nothing until a new rule is made.

    Raises: InvalidValue if the day is past, before the rule begins, or after it ends anyway; what `access.require` does.
    Locks: the city's row.
    """
    _require_city(actor)
    rule = EarningRule.objects.get(pk=rule.pk)
    first = max(clock.local_date(at), rule.valid_from)
    if last_day < first or (rule.valid_through is not None and last_day > rule.valid_through):
        raise InvalidValue(
            "last_day",
            _("Give a day from {first} on, on which the rule still holds.").format(first=first),
            value=last_day,
        )
    before = rule.valid_through
    if before == last_day:
        return rule
    rule.valid_through = last_day
    rule.save(update_fields=["valid_through"])
    changed = {"valid_through": {"before": before and before.isoformat(), "after": last_day.isoformat()}}
    audit.record(
        "earning-rule.ended", subject=("earning-rule", rule.action), actor=actor, at=at, data={"changed": changed}
    )
    return rule


@transaction.atomic
def set_limit(*, most_alone: int, most_a_day: int, valid_from: date, actor: User | str, at: datetime) -> AwardLimit:
    """Set the limits of awards by hand from a day on; until then the present ones stay in force, and those that were to begin
    on that day give way. Only the city may.

    Raises: InvalidValue if the day is past, or is today and a limit is in force already; ValidationError if the limit is
    invalid; what `access.require` does.   Locks: the city's row.
    """
    _require_city(actor)
    most_alone, most_a_day = (
        ledger.checked_amount(name, value) for name, value in (("most_alone", most_alone), ("most_a_day", most_a_day))
    )
    today = clock.local_date(at)
    held = AwardLimit.objects.filter(valid_from__lte=today).exists()
    _require_ahead(valid_from, first=today + timedelta(days=1) if held else today)
    before = AwardLimit.objects.filter(valid_from__lte=valid_from).order_by("-valid_from").first()
    AwardLimit.objects.filter(valid_from=valid_from).delete()  # it is ahead, as in `set_rule`
    limit = AwardLimit(most_alone=most_alone, most_a_day=most_a_day, valid_from=valid_from)
    limit.full_clean()
    limit.save(force_insert=True)
    changed = {
        "most_alone": {"before": before and before.most_alone, "after": most_alone},
        "most_a_day": {"before": before and before.most_a_day, "after": most_a_day},
    }
    audit.record(
        "award-limit.set", subject=("award-limit", "by-hand"), actor=actor, at=at,
        data={"changed": changed, "valid_from": valid_from.isoformat()},
    )  # fmt: skip
    return limit
