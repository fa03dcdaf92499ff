"""The queue at a cabinet, and the dispute of what was handed over."""

from datetime import timedelta
from unittest import mock

import pytest

from core.errors import NotFound
from points import cabinet, disputes, passes, queue, redemption, stock
from points.errors import DisputeTooLate, NotHandedOver, NotWaiting, PresenceUnproved, QueueFull, StationNotOpen
from points.models import Dispute, QueuePlace, Redemption
from points.redemption import Presence
from stations.models import Station
from tests.builders import NOON, make_staff
from tests.points.books import PRICE, Books, keep_books, op, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books()


def ordered(books: Books) -> Redemption:
    return redemption.order(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="self", at=NOON
    )


def test_a_place_in_the_queue_is_the_proof_for_a_hand_over_and_is_used_up(books: Books) -> None:
    steward = make_staff("steward", scope=books.station, duties=["counter"])
    waiting = ordered(books)
    with pytest.raises(PresenceUnproved):
        redemption.hand_over(redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor=steward, at=NOON)
    place = queue.join(redemption=waiting, at=NOON)
    assert list(queue.places(station=books.station, at=NOON)) == [place]
    wish = op()
    for _tap in range(2):
        done = redemption.hand_over(
            redemption=waiting, presence=Presence(in_queue=True), op_id=wish, actor=steward, at=NOON
        )
        assert done.status == Redemption.Status.HANDED_OVER
    assert not QueuePlace.objects.exists()


def test_a_place_lasts_half_an_hour(books: Books) -> None:
    waiting = ordered(books)
    queue.join(redemption=waiting, at=NOON)
    late = NOON + queue.LIFE
    assert not queue.places(station=books.second, at=NOON).exists()
    assert queue.places(station=books.station, at=late - timedelta(microseconds=1)).exists()
    assert not queue.places(station=books.station, at=late).exists()
    with pytest.raises(PresenceUnproved):
        redemption.hand_over(redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor="tests", at=late)


def test_a_place_proves_whose_it_is_and_nobody_else(books: Books) -> None:
    first, second, third = ordered(books), ordered(books), ordered(books)
    waiting = [queue.join(redemption=each, at=NOON) for each in (first, second)]
    with pytest.raises(PresenceUnproved):
        redemption.hand_over(redemption=third, presence=Presence(in_queue=True), op_id=op(), actor="tests", at=NOON)
    assert list(queue.places(station=books.station, at=NOON)) == waiting
    redemption.hand_over(redemption=first, presence=Presence(in_queue=True), op_id=op(), actor="tests", at=NOON)
    queue.leave(redemption=first)
    assert list(queue.places(station=books.station, at=NOON)) == waiting[1:]


def test_each_cabinet_has_its_own_numbers_and_calls_the_first_comer_first(books: Books) -> None:
    stock.move(gift=books.gift, source=books.station, target=books.second, pieces=1, op_id=op(), actor="tests", at=NOON)
    first, second, elsewhere = ordered(books), ordered(books), order(books, station=books.second)
    later = NOON + timedelta(minutes=1)
    with mock.patch.object(queue, "NUMBERS", range(27, 29)):
        places = [queue.join(redemption=second, at=NOON), queue.join(redemption=first, at=later)]
    with mock.patch.object(queue, "NUMBERS", range(27, 28)):
        there = queue.join(redemption=elsewhere, at=later)
    assert list(queue.places(station=books.station, at=later)) == places
    assert list(queue.places(station=books.second, at=later)) == [there]
    queue.use(redemption=second, at=later)
    with pytest.raises(PresenceUnproved):
        queue.use(redemption=second, at=later)
    assert list(queue.places(station=books.station, at=later)) == places[1:]


def test_who_scans_again_keeps_his_number_and_his_turn_until_his_half_hour_is_over(books: Books) -> None:
    mine, other = ordered(books), ordered(books)
    later, late = NOON + timedelta(minutes=1), NOON + queue.LIFE
    waiting = [queue.join(redemption=mine, at=NOON), queue.join(redemption=other, at=later)]
    assert queue.join(redemption=mine, at=later) == waiting[0]
    assert list(queue.places(station=books.station, at=later)) == waiting
    queue.join(redemption=mine, at=late)
    assert [each.redemption for each in queue.places(station=books.station, at=late)] == [other, mine]


def test_who_was_served_by_a_pass_waits_no_more(books: Books) -> None:
    waiting = ordered(books)
    queue.join(redemption=waiting, at=NOON)
    presence = Presence(digits=passes.issue(courier=books.courier, at=NOON))
    redemption.hand_over(redemption=waiting, presence=presence, op_id=op(), actor="tests", at=NOON)
    assert not queue.places(station=books.station, at=NOON).exists()


def test_what_was_cancelled_waits_for_nobody(books: Books) -> None:
    waiting = ordered(books)
    queue.join(redemption=waiting, at=NOON)
    redemption.cancel(redemption=waiting, reason="不要了", op_id=op(), actor="self", at=NOON)
    assert not QueuePlace.objects.exists()
    with pytest.raises(NotWaiting):
        queue.join(redemption=waiting, at=NOON)


def test_a_number_is_called_once(books: Books) -> None:
    first, second = ordered(books), ordered(books)
    with mock.patch.object(queue, "NUMBERS", range(27, 28)):
        assert queue.join(redemption=first, at=NOON).number == 27
        with pytest.raises(QueueFull):
            queue.join(redemption=second, at=NOON)
        assert queue.join(redemption=second, at=NOON + queue.LIFE).number == 27


def test_the_code_of_the_cabinet_leads_to_its_station_alone(books: Books) -> None:
    token = cabinet.token_of(books.station)
    assert cabinet.station_of(token) == books.station
    for wrong in (token[:-1], token[:-1] + ("0" if token[-1] != "0" else "1"), books.station.code, "", "-"):
        with pytest.raises(NotFound):
            cabinet.station_of(wrong)
    Station.objects.filter(pk=books.station.pk).update(status="suspended")
    with pytest.raises(StationNotOpen):
        cabinet.station_of(token)
    Station.objects.filter(pk=books.station.pk).update(door_token="another")
    with pytest.raises(NotFound):
        cabinet.station_of(token)


def test_he_says_that_he_did_not_get_it_once_and_in_time(books: Books) -> None:
    waiting = ordered(books)
    with pytest.raises(NotHandedOver):
        disputes.open_dispute(redemption=waiting, words="不是我领的", at=NOON)
    queue.join(redemption=waiting, at=NOON)
    done = redemption.hand_over(
        redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor="tests", at=NOON
    )
    with pytest.raises(DisputeTooLate):
        disputes.open_dispute(redemption=done, words="", at=NOON + disputes.OPEN_WITHIN)
    said = disputes.open_dispute(redemption=done, words="不是我领的", at=NOON + timedelta(days=1))
    assert disputes.open_dispute(redemption=done, words="再说一次", at=NOON + timedelta(days=2)) == said
    assert Dispute.objects.get().words == "不是我领的"
