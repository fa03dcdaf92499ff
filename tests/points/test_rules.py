"""The city's rules: versions that follow one another, and are kept."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from core import clock
from core.errors import InvalidValue, NotFound
from core.models import AuditEvent
from points import earning, rules
from points.models import AwardLimit, EarningRule
from stations.access import DutyMissing
from tests.builders import NOON, make_district, make_staff

pytestmark = pytest.mark.django_db

TODAY = clock.local_date(NOON)
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
YEAR_END = date(2026, 12, 31)


@pytest.fixture(autouse=True)
def _town() -> None:
    make_district()


def set_rule(points: int = 50, valid_from: date = TODAY, **other: Any) -> EarningRule:
    said: dict[str, Any] = {"action": "volunteer", "most_a_day": 2, "actor": "tests", "at": NOON} | other
    return rules.set_rule(points=points, valid_from=valid_from, **said)


def set_limit(most_alone: int = 200, most_a_day: int = 500, valid_from: date = TODAY, **other: Any) -> AwardLimit:
    said: dict[str, Any] = {"actor": "tests", "at": NOON} | other
    return rules.set_limit(most_alone=most_alone, most_a_day=most_a_day, valid_from=valid_from, **said)


def test_a_new_rule_ends_the_one_before_and_says_so() -> None:
    first = set_rule()
    second = set_rule(80, TOMORROW)
    first.refresh_from_db()
    assert (first.valid_through, second.valid_through) == (TODAY, None)
    assert earning.rule_on("volunteer", TODAY) == first
    assert earning.rule_on("volunteer", TOMORROW) == second
    third = set_rule(90, YEAR_END, most_a_day=3, valid_through=YEAR_END)
    assert third.valid_through == YEAR_END
    assert [event.data for event in AuditEvent.objects.filter(kind="earning-rule.set").order_by("pk")][1:] == [
        {
            "changed": {"points": {"before": 50, "after": 80}, "most_a_day": {"before": 2, "after": 2}},
            "valid_from": "2026-06-11",
        },
        {
            "changed": {"points": {"before": 80, "after": 90}, "most_a_day": {"before": 2, "after": 3}},
            "valid_from": "2026-12-31",
            "valid_through": "2026-12-31",
        },
    ]


def test_a_new_rule_ends_none_of_another_action_and_none_that_is_over() -> None:
    other, over = set_rule(action="report-approved"), set_rule()
    rules.end_rule(rule=over, last_day=TOMORROW, actor="tests", at=NOON)
    set_rule(80, TODAY + timedelta(days=9))
    assert earning.rule_on("volunteer", TODAY + timedelta(days=8)) is None
    # On its last day it gives way as any day before.
    set_rule(60, TOMORROW, valid_through=TOMORROW)
    assert [(rule.points, rule.valid_through) for rule in EarningRule.objects.filter(action="volunteer")] == [
        (80, None),
        (60, TOMORROW),
        (50, TODAY),
    ]
    other.refresh_from_db()
    assert other.valid_through is None


def test_what_was_given_today_keeps_its_rule() -> None:
    set_rule(valid_from=TODAY)
    for past in (TODAY, YESTERDAY):
        with pytest.raises(InvalidValue) as refused, transaction.atomic():
            set_rule(80, past)
        assert f"{TOMORROW}" in str(refused.value.detail)
    with pytest.raises(InvalidValue):
        set_rule(80, YESTERDAY, action="report-approved")
    set_rule(80, TOMORROW)


def test_on_the_last_day_of_a_rule_no_other_begins() -> None:
    rule = set_rule(valid_from=YESTERDAY, at=NOON - timedelta(days=1))
    rules.end_rule(rule=rule, last_day=TODAY, actor="tests", at=NOON)
    with pytest.raises(InvalidValue):
        set_rule(80, TODAY)
    set_rule(80, TOMORROW, at=NOON + timedelta(days=1))


def test_the_day_begins_in_wuhan() -> None:
    at = datetime(2026, 6, 10, 16, tzinfo=UTC)  # in UTC it is still today
    rule = set_rule()
    for too_early in (
        lambda: set_rule(80, TODAY, action="report-approved", at=at),
        lambda: set_limit(valid_from=TODAY, at=at),
        lambda: rules.end_rule(rule=rule, last_day=TODAY, actor="tests", at=at),
    ):
        with pytest.raises(InvalidValue):
            too_early()
    set_rule(80, TOMORROW, action="report-approved", at=at)
    set_limit(valid_from=TOMORROW, at=at)
    rules.end_rule(rule=rule, last_day=TOMORROW, actor="tests", at=at)


def test_before_a_rule_that_is_ahead_none_is_put() -> None:
    set_rule(valid_from=TODAY)
    set_rule(80, TODAY + timedelta(days=9))
    for last in (None, TODAY + timedelta(days=9)):
        with pytest.raises(InvalidValue) as refused, transaction.atomic():
            set_rule(70, TODAY + timedelta(days=5), valid_through=last)
        assert f"{TODAY + timedelta(days=9)}" in str(refused.value.detail)
    set_rule(70, TODAY + timedelta(days=12))
    # Where none runs yet, one that ends before the next begins may start today.
    set_rule(20, TODAY + timedelta(days=9), action="report-approved")
    set_rule(10, TODAY, valid_through=TODAY + timedelta(days=5), action="report-approved")
    assert [rule.points for rule in EarningRule.objects.filter(action="volunteer").order_by("valid_from")] == [
        50,
        80,
        70,
    ]


def test_a_rule_that_is_ahead_gives_way_to_another_of_its_first_day() -> None:
    set_rule()
    set_rule(8_000, TOMORROW)
    put_right = set_rule(80, TOMORROW)
    assert [
        (rule.points, rule.valid_from, rule.valid_through) for rule in EarningRule.objects.order_by("valid_from")
    ] == [
        (50, TODAY, TODAY),
        (80, TOMORROW, None),
    ]
    assert AuditEvent.objects.filter(kind="earning-rule.set").latest("pk").data["changed"]["points"] == {
        "before": 8_000,
        "after": 80,
    }
    # Where the new one cannot be, the one that was ahead stays.
    with pytest.raises((InvalidValue, ValidationError)), transaction.atomic():
        set_rule(100_001, TOMORROW)
    assert earning.rule_on("volunteer", TOMORROW) == put_right
    # Once it has begun, it stays.
    with pytest.raises(InvalidValue):
        set_rule(90, TOMORROW, at=NOON + timedelta(days=1))


@pytest.mark.parametrize(
    "wrong",
    [{"points": 0}, {"points": 100_001}, {"points": 1.5}, {"most_a_day": 0}, {"most_a_day": 10**6}, {"action": "luck"}],
    ids=str,
)
def test_what_cannot_be_is_no_rule(wrong: dict[str, Any]) -> None:
    with pytest.raises((InvalidValue, ValidationError)), transaction.atomic():
        set_rule(**wrong)
    assert not EarningRule.objects.exists()
    set_rule()


def test_a_rule_ends_with_a_day_on_which_it_still_holds() -> None:
    rule = set_rule()
    for wrong in (YESTERDAY,):
        with pytest.raises(InvalidValue):
            rules.end_rule(rule=rule, last_day=wrong, actor="tests", at=NOON)
    for _tap in range(2):
        ended = rules.end_rule(rule=rule, last_day=TOMORROW, actor="tests", at=NOON)
    with pytest.raises(InvalidValue):
        rules.end_rule(rule=rule, last_day=TOMORROW + timedelta(days=1), actor="tests", at=NOON)
    assert ended.valid_through == TOMORROW
    assert earning.rule_on("volunteer", TOMORROW + timedelta(days=1)) is None
    event = AuditEvent.objects.get(kind="earning-rule.ended")
    assert event.data == {"changed": {"valid_through": {"before": None, "after": "2026-06-11"}}}
    # Sooner than was said it may end as well.
    assert rules.end_rule(rule=rule, last_day=TODAY, actor="tests", at=NOON).valid_through == TODAY


def test_of_limits_the_newest_that_has_begun_holds() -> None:
    with pytest.raises(InvalidValue):
        set_limit(valid_from=YESTERDAY)
    set_limit()
    with pytest.raises(InvalidValue):
        set_limit(300)
    with pytest.raises(ValidationError), transaction.atomic():
        set_limit(600, 500, TOMORROW)
    set_limit(300, 400, TOMORROW)
    held = [earning.limit_on(day) for day in (TODAY, TOMORROW)]
    assert [limit and limit.most_alone for limit in held] == [200, 300]
    set_limit(350, 450, TODAY + timedelta(days=9))
    assert [event.data for event in AuditEvent.objects.filter(kind="award-limit.set").order_by("pk")][1:] == [
        {
            "changed": {"most_alone": {"before": 200, "after": 300}, "most_a_day": {"before": 500, "after": 400}},
            "valid_from": "2026-06-11",
        },
        {
            "changed": {"most_alone": {"before": 300, "after": 350}, "most_a_day": {"before": 400, "after": 450}},
            "valid_from": "2026-06-19",
        },
    ]


def test_a_limit_that_is_ahead_gives_way_to_another_of_its_first_day() -> None:
    set_limit()
    set_limit(3_000, 4_000, TOMORROW)
    put_right = set_limit(300, 400, TOMORROW)
    assert list(AwardLimit.objects.filter(valid_from=TOMORROW)) == [put_right]
    changed = AuditEvent.objects.filter(kind="award-limit.set").latest("pk").data["changed"]
    assert changed["most_alone"] == {"before": 3_000, "after": 300}
    with pytest.raises(InvalidValue):
        set_limit(350, 400, TOMORROW, at=NOON + timedelta(days=1))


def test_a_limit_that_is_ahead_keeps_none_from_holding_today() -> None:
    set_limit(300, valid_from=TODAY + timedelta(days=9))
    set_limit()
    assert (limit := earning.limit_on(TODAY)) is not None
    assert limit.most_alone == 200


def test_rules_are_the_citys() -> None:
    district = make_staff("district", scope=make_district())
    looks_on = make_staff("looks-on", scope=make_district().parent, duties=["view", "audit"])
    rule = set_rule(action="report-approved")
    for actor, refusal in ((district, NotFound), (looks_on, DutyMissing)):
        for make in (set_rule, set_limit):
            with pytest.raises(refusal), transaction.atomic():
                make(actor=actor)
        with pytest.raises(refusal), transaction.atomic():
            rules.end_rule(rule=rule, last_day=TODAY, actor=actor, at=NOON)
    city = make_staff("in-charge", scope=make_district().parent)
    set_rule(actor=city)
    set_limit(actor=city)
