"""Many stations at once: holiday hours with a preview, changes of status, and undoing both."""

import re
from datetime import date, time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from core.errors import NotFound
from core.models import AuditEvent, User
from stations import publishing, registering
from stations.errors import HoursContradictory
from stations.hours import DatedException
from stations.models import Division, HoursException, Station
from stations.publishing import StatusChange
from tests.builders import NOON, make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

LIST = "admin:stations_station_changelist"
PAGE = "admin:stations_station_holiday_hours"
UNDO = "admin:stations_station_undo"
CLOSED = DatedException(starts_on=date(2027, 2, 5), ends_on=date(2027, 2, 11), reason="春节放假")


@pytest.fixture
def stations() -> list[Station]:
    return [make_station(code=f"WH-WC-000{number}", name=f"第{number}蜂巢") for number in (1, 2, 3)]


@pytest.fixture
def foreign() -> Station:
    district = make_district(code="420104", name="硚口区", letters="QK")
    subdistrict = make_subdistrict(code="420104002", name="韩家墩街道", district=district)
    return make_station(code="WH-QK-0001", name="金丝雀蜂巢", division=subdistrict)


@pytest.fixture
def clerk(stations: list[Station]) -> User:
    return make_staff("wuchang", scope=Division.objects.get(pk=stations[0].district_code), duties=["manage"])


@pytest.fixture
def desk(clerk: User) -> Client:
    client = Client()
    client.force_login(clerk)
    return client


def keys(stations: list[Station]) -> list[int]:
    return [station.pk for station in stations]


def entered(**changes: Any) -> dict[str, Any]:
    return {
        "starts_on": "2027-02-05",
        "ends_on": "2027-02-11",
        "is_closed": "on",
        "opens": "",
        "closes": "",
        "entry_mode": "staffed",
        "reason": "春节放假",
    } | changes


# ── The verb ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_many_get_the_same_days_and_each_has_its_trace(stations: list[Station], clerk: User) -> None:
    done = registering.add_exception(station_ids=keys(stations), exception=CLOSED, actor=clerk, at=NOON)
    assert keys(done) == keys(stations)
    for station in stations:
        assert registering.plan_exception([station], CLOSED).having == [station]
        event = AuditEvent.objects.get(subject_code=station.code)
        assert event.data["changed"]["exceptions"]["after"] == ["2027-02-05…2027-02-11 休息 春节放假"]
        version = station.version
        station.refresh_from_db()
        assert station.version == version + 1
    assert registering.add_exception(station_ids=keys(stations), exception=CLOSED, actor=clerk, at=NOON) == []
    assert HoursException.objects.count() == 3


@pytest.mark.parametrize(
    ("opens", "closes", "is_refused"),
    [(time(9), time(12), True), (None, None, False), (time(22), time(2), True)],
)
def test_one_that_says_something_else_is_named_and_no_other_is_changed(
    stations: list[Station], clerk: User, opens: time | None, closes: time | None, is_refused: bool
) -> None:
    day = date(2027, 2, 11)
    HoursException.objects.create(
        station=stations[1], starts_on=day, ends_on=day, opens=opens, closes=closes, reason="值班"
    )
    if not is_refused:
        assert len(registering.add_exception(station_ids=keys(stations), exception=CLOSED, actor=clerk, at=NOON)) == 3
        return
    with pytest.raises(HoursContradictory) as refusal:
        registering.add_exception(station_ids=keys(stations), exception=CLOSED, actor=clerk, at=NOON)
    assert refusal.value.data["stations"] == ["WH-WC-0002"]
    assert "第2蜂巢" in str(refusal.value.detail)
    assert HoursException.objects.count() == 1
    assert not AuditEvent.objects.exists()


def test_spans_of_one_day_may_follow_but_not_overlap(stations: list[Station], clerk: User) -> None:
    def on_the_fifth(opens: int, closes: int) -> DatedException:
        return DatedException(date(2027, 2, 5), date(2027, 2, 5), time(opens), time(closes))

    for opens, closes in ((8, 12), (12, 14)):
        registering.add_exception(
            station_ids=keys(stations), exception=on_the_fifth(opens, closes), actor=clerk, at=NOON
        )
    with translation.override("en"), pytest.raises(HoursContradictory) as refusal:
        registering.add_exception(station_ids=keys(stations), exception=on_the_fifth(13, 18), actor=clerk, at=NOON)
    assert ", ".join(station.name for station in stations) in str(refusal.value.detail)


def test_withdrawing_removes_what_was_added_and_nothing_else(stations: list[Station], clerk: User) -> None:
    other = DatedException(date(2027, 5, 1), date(2027, 5, 1), reason="劳动节")
    registering.add_exception(station_ids=keys(stations), exception=other, actor=clerk, at=NOON)
    registering.add_exception(station_ids=keys(stations[1:]), exception=CLOSED, actor=clerk, at=NOON)
    done = registering.withdraw_exception(station_ids=keys(stations), exception=CLOSED, actor=clerk, at=NOON)
    assert keys(done) == keys(stations[1:])
    assert set(HoursException.objects.values_list("reason", flat=True)) == {"劳动节"}
    assert HoursException.objects.count() == 3


def test_a_foreign_station_among_many_lets_none_be_changed(
    stations: list[Station], foreign: Station, clerk: User
) -> None:
    everywhere = keys([*stations, foreign])
    with pytest.raises(NotFound):
        registering.add_exception(station_ids=everywhere, exception=CLOSED, actor=clerk, at=NOON)
    with pytest.raises(NotFound):
        publishing.put_back(
            changes=[StatusChange(pk, ("draft", ""), ("published", "")) for pk in everywhere], actor=clerk, at=NOON
        )
    assert not HoursException.objects.exists()
    assert not Station.objects.exclude(status="published").exists()


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def choose(desk: Client, stations: list[Station]) -> Any:
    return desk.post(reverse(LIST), {"action": "holiday_hours", "_selected_action": keys(stations)})


def test_a_clerk_enters_holiday_hours_for_many_sees_what_it_comes_to_and_takes_it_back(
    desk: Client, stations: list[Station]
) -> None:
    page = choose(desk, stations)
    chosen = page.context["form"].initial["chosen"]
    assert chosen == ",".join(map(str, keys(stations)))
    preview = desk.post(reverse(PAGE), entered(chosen=chosen))
    assert keys(preview.context["plan"].adding) == keys(stations)
    assert not HoursException.objects.exists()
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', preview.content.decode()))
    done = desk.post(reverse(PAGE), hidden | {"confirm": "1"}, follow=True)
    assert reverse(UNDO) in done.content.decode()
    assert HoursException.objects.count() == 3
    assert "第2蜂巢" in desk.get(reverse(UNDO)).content.decode()
    assert HoursException.objects.count() == 3
    desk.post(reverse(UNDO))
    assert not HoursException.objects.exists()
    assert AuditEvent.objects.filter(kind="station.changed").count() == 6


def test_the_hours_are_read_as_a_chinese_keyboard_types_them(desk: Client, stations: list[Station]) -> None:
    said = entered(chosen=str(stations[0].pk), opens="9点", closes="17：30", confirm="1") | {"is_closed": ""}
    desk.post(reverse(PAGE), said)
    kept = HoursException.objects.get()
    assert (kept.opens, kept.closes) == (time(9), time(17, 30))
    refused = desk.post(reverse(PAGE), said | {"opens": "下午"}).content.decode()
    assert "请写成8:30或20:00" in refused


def test_the_list_stays_filtered_all_the_way_and_back(desk: Client, stations: list[Station]) -> None:
    filtered = f"{reverse(LIST)}?status__exact=published"
    page = desk.post(filtered, {"action": "holiday_hours", "_selected_action": keys(stations[:1])})
    action = page.context["action"]
    assert page.context["back"] == filtered
    for ticked in ({}, {"confirm": "1"}):
        page = desk.post(action, entered(chosen=str(stations[0].pk), **ticked))
    assert page["Location"] == filtered
    undo = re.search(rf'href="({reverse(UNDO)}[^"]*)"', desk.get(filtered).content.decode())
    assert undo is not None
    assert desk.get(undo[1]).context["back"] == filtered
    assert desk.post(undo[1])["Location"] == filtered


def test_of_the_chosen_those_count_that_can_be_stations(desk: Client, stations: list[Station]) -> None:
    answer = desk.post(reverse(PAGE), entered(chosen=f"{'9' * 5_000},{stations[0].pk}"))
    assert keys(answer.context["stations"]) == [stations[0].pk]
    assert desk.post(reverse(PAGE), entered(chosen="9" * 5_000)).status_code == 302


def test_one_that_says_something_else_is_shown_by_name_and_left_out(desk: Client, stations: list[Station]) -> None:
    open_day = DatedException(date(2027, 2, 6), date(2027, 2, 6), time(9), time(12))
    registering.add_exception(station_ids=[stations[0].pk], exception=open_day, actor="test", at=NOON)
    data = entered(chosen=",".join(map(str, keys(stations))))
    preview = desk.post(reverse(PAGE), data)
    assert keys(preview.context["plan"].refusing) == [stations[0].pk]
    desk.post(reverse(PAGE), data | {"confirm": "1"})
    assert set(HoursException.objects.filter(reason="春节放假").values_list("station", flat=True)) == set(
        keys(stations[1:])
    )


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("starts_on", {"starts_on": "0001-01-01"}),
        ("ends_on", {"ends_on": "9999-12-31"}),
        ("opens", {"is_closed": ""}),
        ("is_closed", {"opens": "09:00", "closes": "12:00"}),
        ("ends_on", {"ends_on": "2027-02-01"}),
        ("starts_on", {"starts_on": "第一天"}),
        ("reason", {"reason": ""}),
        ("entry_mode", {"entry_mode": "window"}),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    desk: Client, stations: list[Station], field: str, changes: dict[str, str]
) -> None:
    chosen = str(stations[0].pk)
    answer = desk.post(reverse(PAGE), entered(chosen=chosen, confirm="1", **changes))
    assert list(answer.context["form"].errors) == [field]
    assert not HoursException.objects.exists()
    desk.post(reverse(PAGE), entered(chosen=chosen, confirm="1"))
    assert HoursException.objects.count() == 1


def test_a_foreign_station_in_the_hidden_field_looks_like_a_missing_one(
    desk: Client, stations: list[Station], foreign: Station
) -> None:
    for key in (foreign.pk, 10**15):
        answer = desk.post(reverse(PAGE), entered(chosen=str(key), confirm="1"))
        assert (answer.status_code, answer["Location"]) == (302, reverse(LIST))
        preview = desk.post(reverse(PAGE), entered(chosen=f"{stations[0].pk},{key}"))
        assert keys(preview.context["plan"].adding) == [stations[0].pk]
        assert "金丝雀" not in preview.content.decode()
    assert not HoursException.objects.exists()


def test_who_may_only_look_enters_nothing(stations: list[Station]) -> None:
    viewer = Client()
    viewer.force_login(make_staff("viewer", scope=make_district(), duties=["view"]))
    assert viewer.post(reverse(PAGE), entered(chosen=str(stations[0].pk), confirm="1")).status_code == 403
    assert not HoursException.objects.exists()


# ── Undoing a change of status ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("action", "before"), [("publish", "draft"), ("suspend", "published"), ("close", "published")])
def test_a_change_of_status_is_taken_back_where_nobody_changed_it_since(
    desk: Client, stations: list[Station], action: str, before: str
) -> None:
    Station.objects.update(status=before)
    chosen = {"action": action, "reason": "停电", "_selected_action": keys(stations)}
    assert reverse(UNDO) in desk.post(reverse(LIST), chosen, follow=True).content.decode()
    assert not Station.objects.filter(status=before).exists()
    publishing.close(station=stations[2], reason="拆迁", actor="test", at=NOON)
    said = [str(message) for message in desk.post(reverse(UNDO), follow=True).context["messages"]]
    assert said == ["已撤回 2 个蜂巢的操作。", f"后来又改过，没有动：{stations[2].name}。"]
    after = dict(Station.objects.values_list("code", "status"))
    assert after == {"WH-WC-0001": before, "WH-WC-0002": before, "WH-WC-0003": "closed"}
    assert AuditEvent.objects.filter(kind="station.put-back").count() == 2
    again = desk.get(reverse(UNDO))
    assert (again.status_code, again["Location"]) == (302, reverse(LIST))


# ── What an action passes by ────────────────────────────────────────────────────────────────────────────────────────


def test_one_reason_is_said_once_for_all_that_it_holds_back(desk: Client, stations: list[Station]) -> None:
    chosen = {"action": "suspend", "_selected_action": keys(stations), "reason": ""}
    answer = desk.post(reverse(LIST), chosen, follow=True)
    [said] = [str(message) for message in answer.context["messages"]]
    assert all(station.name in said for station in stations)
    assert not Station.objects.exclude(status="published").exists()
