"""The city's rules: versions that follow one another, and stay."""

from datetime import date, timedelta
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
TOMORROW = TODAY + timedelta(days=1)


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
    event = AuditEvent.objects.filter(kind="earning-rule.set").first()
    assert event is not None
    assert event.data["changed"]["points"] == {"before": 50, "after": 80}


def test_what_was_given_today_keeps_its_rule() -> None:
    set_rule(valid_from=TODAY)
    for past in (TODAY, TODAY - timedelta(days=1)):
        with pytest.raises(InvalidValue) as refused, transaction.atomic():
            set_rule(80, past)
        assert f"{TOMORROW}" in str(refused.value.detail)
    with pytest.raises(InvalidValue):
        set_rule(80, TODAY - timedelta(days=1), action="report-approved")
    set_rule(80, TOMORROW)


def test_before_a_rule_that_is_ahead_none_is_put() -> None:
    set_rule(valid_from=TODAY)
    set_rule(80, TODAY + timedelta(days=9))
    with pytest.raises(ValidationError), transaction.atomic():
        set_rule(70, TODAY + timedelta(days=5))
    set_rule(70, TODAY + timedelta(days=12))
    # Where none runs yet, one that ends before the next begins may start today.
    set_rule(20, TODAY + timedelta(days=9), action="report-approved")
    set_rule(10, TODAY, valid_through=TODAY + timedelta(days=5), action="report-approved")
    told = AuditEvent.objects.filter(kind="earning-rule.set").latest("pk")
    assert told.data["valid_through"] == f"{TODAY + timedelta(days=5)}"
    assert [rule.points for rule in EarningRule.objects.filter(action="volunteer").order_by("valid_from")] == [
        50,
        80,
        70,
    ]


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
    for wrong in (TODAY - timedelta(days=1),):
        with pytest.raises(InvalidValue):
            rules.end_rule(rule=rule, last_day=wrong, actor="tests", at=NOON)
    ended = rules.end_rule(rule=rule, last_day=TOMORROW, actor="tests", at=NOON)
    with pytest.raises(InvalidValue):
        rules.end_rule(rule=rule, last_day=TOMORROW + timedelta(days=1), actor="tests", at=NOON)
    assert ended.valid_through == TOMORROW
    assert rules.end_rule(rule=rule, last_day=TOMORROW, actor="tests", at=NOON).valid_through == TOMORROW
    assert earning.rule_on("volunteer", TOMORROW + timedelta(days=1)) is None
    assert AuditEvent.objects.filter(kind="earning-rule.ended").count() == 1
    # Sooner than was said it may end as well.
    assert rules.end_rule(rule=rule, last_day=TODAY, actor="tests", at=NOON).valid_through == TODAY


def test_of_limits_the_newest_that_has_begun_holds() -> None:
    # Where none holds yet, one that is ahead keeps none from holding today.
    set_limit(valid_from=TODAY + timedelta(days=9))
    set_limit()
    with pytest.raises(InvalidValue):
        set_limit(300)
    with pytest.raises(ValidationError), transaction.atomic():
        set_limit(600, 500, TOMORROW)
    set_limit(300, 400, TOMORROW)
    held = [earning.limit_on(day) for day in (TODAY, TOMORROW)]
    assert [limit and limit.most_alone for limit in held] == [200, 300]
    told = AuditEvent.objects.filter(kind="award-limit.set").latest("pk")
    assert told.data["changed"]["most_alone"] == {"before": 200, "after": 300}
    with pytest.raises(ValidationError), transaction.atomic():
        set_limit(100, 400, TOMORROW)


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
