"""Scope × duties: what is outside looks like what does not exist, through every verb."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import InvalidValue, NotFound
from core.models import AuditEvent, User
from stations import confirming, divisions, publishing, registering, staffing
from stations.access import DutyMissing, events_seen, require, scope_of
from stations.models import Division, StaffRole, Station
from tests.builders import NOON, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db


@pytest.fixture
def ours() -> Station:
    return make_station(code="WH-WC-0001")


@pytest.fixture
def foreign() -> Station:
    district = make_district(code="420104", name="硚口区", letters="QK")
    subdistrict = make_subdistrict(code="420104002", name="韩家墩街道", district=district)
    return make_station(code="WH-QK-0001", division=subdistrict)


@pytest.fixture
def clerk(ours: Station) -> User:
    return make_staff("wuchang", scope=Division.objects.get(pk=ours.district_code))


VERBS: dict[str, Callable[[Station, User], Any]] = {
    "amend": lambda station, by: registering.amend(station=station, facts={"name": "新名字"}, actor=by, at=NOON),
    "hours": lambda station, by: registering.amend(station=station, facts={}, periods=[], actor=by, at=NOON),
    "publish": lambda station, by: publishing.publish(station=station, actor=by, at=NOON),
    "suspend": lambda station, by: publishing.suspend(station=station, reason="装修", actor=by, at=NOON),
    "close": lambda station, by: publishing.close(station=station, reason="拆迁", actor=by, at=NOON),
    "confirm": lambda station, by: confirming.confirm(station=station, outcome="locked", actor=by, at=NOON),
    "register": lambda station, by: registering.register(
        facts={"name": "新站", "division": station.division}, actor=by, at=NOON
    ),
    "neighbourhood": lambda station, by: divisions.ensure_neighbourhood(
        name="新社区", subdistrict=station.division, actor=by, at=NOON
    ),
    "alias": lambda station, by: divisions.learn_alias(name="别名街", division=station.division, actor=by, at=NOON),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_works_at_ones_own_and_finds_nothing_at_a_foreign_one(
    verb: str, clerk: User, ours: Station, foreign: Station
) -> None:
    VERBS[verb](ours, clerk)
    before = AuditEvent.objects.count()
    with pytest.raises(NotFound):
        VERBS[verb](foreign, clerk)
    assert AuditEvent.objects.count() == before
    foreign.refresh_from_db()
    assert (foreign.status, foreign.version, foreign.doubted_at) == ("published", 1, None)


@pytest.mark.parametrize("verb", VERBS)
def test_who_may_only_look_is_told_so(verb: str, ours: Station) -> None:
    for duty in ("view", "audit"):
        with pytest.raises(DutyMissing):
            VERBS[verb](ours, make_staff(duty, scope=Division.objects.get(pk="4201"), duties=[duty]))


def test_a_station_cannot_be_moved_out_of_ones_scope(clerk: User, ours: Station, foreign: Station) -> None:
    with pytest.raises(NotFound):
        registering.amend(station=ours, facts={"division": foreign.division}, actor=clerk, at=NOON)
    ours.refresh_from_db()
    assert ours.district_code == "420106"


def test_scopes_of_every_size(ours: Station, foreign: Station) -> None:
    neighbourhood = divisions.ensure_neighbourhood(
        name="武车社区", subdistrict=make_subdistrict(), actor="test", at=NOON
    )
    inside = make_station(division=neighbourhood)
    seen: dict[str, tuple[Division | Station, set[Station]]] = {
        "city": (Division.objects.get(pk="4201"), {ours, foreign, inside}),
        "district": (Division.objects.get(pk="420106"), {ours, inside}),
        "subdistrict": (make_subdistrict(), {ours, inside}),
        "neighbourhood": (neighbourhood, {inside}),
        "station": (foreign, {foreign}),
    }
    for name, (scope, stations) in seen.items():
        account = make_staff(name, scope=scope)
        assert set(scope_of(account).stations()) == stations, name
        assert {each for each in (ours, foreign, inside) if scope_of(account).covers(each)} == stations, name
        assert scope_of(account).is_city == (name == "city")
    assert set(scope_of(make_staff("root")).stations()) == {ours, foreign, inside}
    assert not scope_of(make_staff("nobody", is_superuser=False))


def test_codes_that_begin_alike_are_not_inside(ours: Station) -> None:
    """4201060 is no division, but a scope of 42010 would hold every district: a prefix is a whole node's code."""
    other = make_district(code="420107", name="青山区", letters="QS")
    assert not scope_of(make_staff("qs", scope=other)).covers(ours)


def test_a_role_counts_from_its_first_to_its_last_moment(ours: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    account = User.objects.create_user("late")
    role = staffing.grant(user=account, duties=["manage"], division=make_district(), actor="test", at=NOON)
    staffing.end(role=role, actor="test", at=NOON + timedelta(hours=1))
    seen = []
    for minutes in (-1, 0, 59, 60):
        monkeypatch.setattr("core.clock.now", lambda at=NOON + timedelta(minutes=minutes): at)
        seen.append(scope_of(User.objects.get(username="late")).covers(ours))
    assert seen == [False, True, True, False]
    assert User.objects.get(username="late").is_staff


def test_a_disabled_account_has_no_scope(clerk: User, ours: Station) -> None:
    assert scope_of(clerk).covers(ours)
    User.objects.filter(pk=clerk.pk).update(is_active=False)
    assert not scope_of(User.objects.get(pk=clerk.pk))


def test_what_all_districts_share_is_the_citys_to_change_and_whoever_has_no_role_sees_no_section() -> None:
    district, nobody = make_staff("part", scope=make_district()), make_staff("none", is_superuser=False)
    city = make_staff("all", scope=Division.objects.get(pk="4201"))
    for shared in ("stations.add_daytype", "stations.change_daytype", "stations.change_amenity"):
        assert [user.has_perm(shared) for user in (city, district, nobody)] == [True, False, False], shared
    assert [user.has_module_perms("stations") for user in (city, district, nobody)] == [True, True, False]


def test_commands_are_not_cut(foreign: Station) -> None:
    require("import_stations", "manage", stations=[foreign], divisions=["420104"])


def test_giving_and_ending_a_role_is_in_the_trail() -> None:
    account = User.objects.create_user("li")
    root = make_staff("root")
    role = staffing.grant(user=account, duties=["view", "manage"], division=make_district(), actor=root, at=NOON)
    assert role.duties == ["manage", "view"]
    for _again in range(2):
        staffing.end(role=role, actor=root, at=NOON)
    events = AuditEvent.objects.filter(subject_code="li").order_by("id")
    assert [(event.kind, event.data["scope"]) for event in events] == [
        ("role.granted", "420106"),
        ("role.ended", "420106"),
    ]


@pytest.mark.parametrize(
    ("duties", "has_division", "has_station"),
    [([], True, False), (["boss"], True, False), (["view"], False, False), (["view"], True, True)],
)
def test_a_role_that_makes_no_sense_is_refused_by_the_verb_and_by_the_database(
    duties: list[str], has_division: bool, has_station: bool, ours: Station
) -> None:
    scope: dict[str, Any] = {
        "division": make_district() if has_division else None,
        "station": ours if has_station else None,
    }
    account = User.objects.create_user("li")
    with pytest.raises(InvalidValue):
        staffing.grant(user=account, duties=duties, **scope, actor="test", at=NOON)
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffRole.objects.create(user=account, duties=duties, **scope)


def test_the_trail_is_read_within_the_scope(clerk: User, ours: Station, foreign: Station) -> None:
    for station in (ours, foreign):
        publishing.suspend(station=station, reason="装修", actor="test", at=NOON)
    seen = AuditEvent.objects.filter(events_seen(scope_of(clerk)), kind="station.suspended")
    assert [event.subject_code for event in seen] == ["WH-WC-0001"]
    steward = make_staff("steward", scope=foreign, duties=["counter"])
    seen = AuditEvent.objects.filter(events_seen(scope_of(steward)), kind="station.suspended")
    assert [event.subject_code for event in seen] == ["WH-QK-0001"]
