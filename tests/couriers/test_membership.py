"""Card and PIN: five tries, one-time links, and cards that were replaced."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, connections

from core.errors import InvalidValue
from core.models import AuditEvent, User
from couriers import finding, membership, privacy, registration
from couriers.errors import (
    CardReplaced,
    CourierBlocked,
    CourierErased,
    CourierNotFound,
    PinLocked,
    PinMissing,
    PinResetClosed,
    PinWrong,
    ReasonMissing,
)
from couriers.models import Courier, PinReset
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_district, make_staff

PIN, OTHER = "739214", "806153"


@pytest.fixture
def courier(db: None) -> Courier:  # noqa: ARG001
    return make_courier(pin=PIN)


@pytest.fixture
def clerk(db: None) -> User:  # noqa: ARG001
    return make_staff("wuchang", scope=make_district(), duties=["counter"])


def check(courier: Courier, pin: str = PIN, *, minutes: int = 0) -> None:
    membership.check_pin(courier=courier, pin=pin, at=NOON + timedelta(minutes=minutes))


# ── PIN ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "pin",
    ["", "12345", "1234567", "abcdef", "111111", "123456", "654321", "789012", "121212", "123123", "１２３９５７"],
)
def test_a_pin_that_anybody_would_try_is_refused(courier: Courier, pin: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        membership.set_pin(courier=courier, pin=pin, actor="self", at=NOON)
    assert pin not in caught.value.data.values() or not pin
    check(courier)


def test_the_sixth_try_is_refused_even_if_it_is_right(courier: Courier) -> None:
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(PinWrong) as caught:
            check(courier, OTHER)
        assert caught.value.data == {"tries_left": left}
    with pytest.raises(PinLocked) as locked:
        check(courier)
    assert 0 < locked.value.data["retry_after_s"] <= 15 * 60
    assert "12:16" in str(locked.value)
    check(courier, minutes=16)


def test_who_knows_the_pin_begins_anew(courier: Courier) -> None:
    for _round in range(4):
        for _try in range(4):
            with pytest.raises(PinWrong):
                check(courier, OTHER)
        check(courier)


def test_twenty_wrong_ones_lock_the_day(courier: Courier) -> None:
    refused = 0
    for number in range(30):
        with pytest.raises((PinWrong, PinLocked)) as caught:
            check(courier, OTHER, minutes=number * 16)
        refused += caught.type is PinLocked
    assert refused == 10
    with pytest.raises(PinLocked):
        check(courier, minutes=31 * 16)


def test_tries_that_nobody_listens_to_use_up_no_day(courier: Courier) -> None:
    def heard(minutes: int) -> int:
        number = 0
        for _tap in range(20):
            with pytest.raises((PinWrong, PinLocked)) as caught:
                check(courier, OTHER, minutes=minutes)
            number += caught.type is PinWrong
        return number

    assert [heard(minutes) for minutes in (0, 16, 32)] == [5, 5, 5]
    check(courier, minutes=48)
    assert [heard(minutes) for minutes in (48, 64, 80, 96, 112)] == [5, 5, 5, 5, 0]
    with pytest.raises(PinLocked) as locked:
        check(courier, minutes=128)
    assert locked.value.data["retry_after_s"] == 12 * 3600 - 128 * 60  # until midnight in Wuhan
    assert "00:01" in str(locked.value)
    check(courier, minutes=12 * 60)


def test_without_a_pin_and_while_blocked_none_is_right(courier: Courier, clerk: User) -> None:
    with pytest.raises(PinMissing):
        check(make_courier())
    registration.block(courier=courier, reason="冒领", actor="tests", at=NOON)
    courier.refresh_from_db()
    with pytest.raises(CourierBlocked):
        check(courier)
    with pytest.raises(CourierBlocked):
        membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    gone = privacy.erase(courier=make_courier(pin=PIN), reason="注销", actor="tests", at=NOON)
    with pytest.raises(CourierErased):
        check(gone)


def test_of_twenty_wrong_pins_at_once_five_reach_the_hasher(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    courier, racers = make_courier(pin=PIN), 20
    hashed: list[str] = []

    def wrong(pin: str, _hash: str) -> bool:
        hashed.append(pin)
        return False

    monkeypatch.setattr(membership, "check_password", wrong)
    start, refusals = threading.Barrier(racers), list[type]()

    def run() -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            check(courier, OTHER)
        except (PinWrong, PinLocked) as refusal:
            refusals.append(type(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _each in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(hashed) == refusals.count(PinWrong) == 5
    assert refusals.count(PinLocked) == 15


# ── 忘记密码 ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_sets_one_pin_once(courier: Courier, clerk: User) -> None:
    for _try in range(6):
        with pytest.raises((PinWrong, PinLocked)):
            check(courier, PIN[::-1])
    reset, token = membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    assert token not in str(vars(reset))
    with pytest.raises(InvalidValue):
        membership.use_pin_reset(token=token, pin="111111", at=NOON)
    membership.use_pin_reset(token=token, pin=OTHER, at=NOON)
    courier.refresh_from_db()
    check(courier, OTHER)  # and what was counted before is forgotten
    with pytest.raises(PinResetClosed):
        membership.use_pin_reset(token=token, pin=PIN, at=NOON)
    kinds = AuditEvent.objects.filter(subject_code=courier.code).values_list("kind", flat=True)
    assert {"courier.pin-reset-made", "courier.pin-set"} <= set(kinds)


def test_of_two_who_open_a_link_at_once_the_second_finds_it_closed(
    courier: Courier, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    _reset, token = membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    locked = finding.locked

    def first_of_all(asked: Courier) -> Courier:
        monkeypatch.setattr(finding, "locked", locked)
        membership.use_pin_reset(token=token, pin=OTHER, at=NOON)
        return locked(asked)

    monkeypatch.setattr(finding, "locked", first_of_all)
    with pytest.raises(PinResetClosed):
        membership.use_pin_reset(token=token, pin=PIN, at=NOON)


def test_a_link_dies_of_age_and_of_the_next_one(courier: Courier, clerk: User) -> None:
    _reset, first = membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    _reset, second = membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    for token, at in ((first, NOON), (second, NOON + membership.RESET_AGE), ("nothing", NOON), ("", NOON)):
        with pytest.raises(PinResetClosed):
            membership.use_pin_reset(token=token, pin=OTHER, at=at)
    assert membership.reset_of(second, at=NOON).courier == courier
    assert PinReset.objects.count() == 1


def test_links_that_have_run_out_are_forgotten(courier: Courier, clerk: User) -> None:
    membership.reset_pin_link(courier=courier, actor=clerk, at=NOON)
    late = NOON + membership.RESET_AGE + timedelta(seconds=1)
    assert membership.purge_resets(now=NOON) == 0
    assert membership.purge_resets(now=late, dry_run=True) == membership.purge_resets(now=late) == 1
    assert not PinReset.objects.exists()


def test_only_staff_with_a_counter_make_links_and_cards(courier: Courier) -> None:
    viewer = make_staff("viewer", scope=make_district(), duties=["view"])
    with pytest.raises(DutyMissing):
        membership.reset_pin_link(courier=courier, actor=viewer, at=NOON)
    with pytest.raises(DutyMissing):
        membership.replace_card(courier=courier, reason="丢失", actor=viewer, at=NOON)


# ── 补卡 ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_old_card_says_that_it_was_replaced(courier: Courier, clerk: User) -> None:
    old = courier.code
    with pytest.raises(ReasonMissing):
        membership.replace_card(courier=courier, reason="", actor=clerk, at=NOON)
    courier = membership.replace_card(courier=courier, reason="丢失", actor=clerk, at=NOON)
    assert courier.code != old
    assert finding.by_code(courier.code.lower()) == courier
    with pytest.raises(CardReplaced):
        finding.by_code(old)
    with pytest.raises(CourierNotFound):
        finding.by_code(old[:-1] + ("0" if old[-1] != "0" else "1"))
    again = membership.replace_card(courier=courier, reason="又丢了", actor=clerk, at=NOON)
    assert again.retired_codes.count() == 2
    check(again)
