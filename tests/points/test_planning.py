"""The plan, compared with one calculated by hand."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from core import clock
from points import ledger, passes, planning, redemption, stock
from points.models import Gift, StockMark
from points.redemption import Presence
from stations.models import Station
from tests.builders import NOON, make_staff, make_station
from tests.points.books import ACTOR, PRICE, Books, keep_books, op
from tests.points.test_admin import desk

pytestmark = pytest.mark.django_db

AT = NOON + timedelta(days=1)
PAGE = reverse("admin:points_plan")


def hand_out(books: Books, station: Station, times: int, *, at: datetime = NOON) -> None:
    for _each in range(times):
        digits = passes.issue(courier=books.courier, at=at)
        redemption.redeem(
            courier=books.courier, gift=books.gift, station=station, points=PRICE, op_id=op(), actor=ACTOR, at=at,
            presence=Presence(digits=digits),
        )  # fmt: skip


def receive(gift: Gift, station: Station, pieces: int, *, at: datetime = NOON) -> None:
    paper = stock.Delivery(document_no="R-2", unit_price_cny=Decimal(5), funding="union")
    stock.receive(gift=gift, station=station, pieces=pieces, delivery=paper, op_id=op(), actor=ACTOR, at=at)


@pytest.fixture
def third() -> Station:
    return make_station()


@pytest.fixture
def books(third: Station) -> Books:
    """At the first station 16 of 18 were handed out in 28 days, at the second 2 of 6; the third has 9 that nobody takes."""
    books = keep_books(points=10_000, pieces=18)
    receive(books.gift, books.second, 6)
    receive(books.gift, third, 9)
    hand_out(books, books.station, 14)
    hand_out(books, books.second, 2)
    return books


def test_a_plan_worked_out_by_hand(books: Books, third: Station) -> None:
    found = planning.plan(district=books.district, at=AT)
    # 14 in 28 days are half a piece a day: the 4 that are left last 8 days. The 4 of the second, at 2 in 28 days, last 56.
    [worst] = found.runs_out
    assert (worst.station, worst.pieces, worst.handed_out, worst.a_day, worst.days_left) == (
        books.station,
        4,
        14,
        0.5,
        8,
    )
    # For 14 days it needs 7, so it lacks 3. The second can do without 4 - 3 (30 days at 2 in 28 are 3), the third without all.
    assert [(each.source, each.target, each.pieces) for each in found.moves] == [(third, books.station, 3)]
    # 16 in 28 days are 18 in 30; there are 4 + 4 + 9 = 17.
    [purchase] = found.purchases
    assert (purchase.pieces, purchase.needed, purchase.to_buy) == (17, 18, 1)


def test_a_giver_keeps_its_mark_and_the_next_one_gives_the_rest(books: Books, third: Station) -> None:
    StockMark.objects.create(gift=books.gift, station=third, pieces=7)
    moves = planning.plan(district=books.district, at=AT).moves
    assert [(each.source, each.pieces) for each in moves] == [(third, 2), (books.second, 1)]


def test_the_moves_can_be_made_and_then_none_is_left(books: Books) -> None:
    for each in planning.plan(district=books.district, at=AT).moves:
        stock.move(
            gift=each.gift, source=each.source, target=each.target, pieces=each.pieces, op_id=op(), actor=ACTOR, at=AT
        )
    after = planning.plan(district=books.district, at=AT + timedelta(minutes=1))
    assert after.moves == []
    assert [each.days_left for each in after.runs_out] == [14]


def test_what_is_asked_for_in_vain_is_the_worst_of_all_and_gets_one(books: Books) -> None:
    empty = make_station()
    assert [each.station for each in planning.plan(district=books.district, at=AT).runs_out] == [books.station]
    for _each in range(3):
        stock.note_wanted(gift=books.gift, station=empty, at=NOON)
    found = planning.plan(district=books.district, at=AT)
    assert [(each.station, each.days_left, each.wanted) for each in found.runs_out] == [
        (empty, 0, 3),
        (books.station, 8, 0),
    ]
    assert [(each.target, each.pieces) for each in found.moves] == [(empty, 1), (books.station, 3)]


def test_a_piece_set_aside_is_not_on_hand_and_no_hand_over(books: Books) -> None:
    redemption.order(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="self", at=NOON
    )
    [worst] = planning.plan(district=books.district, at=AT).runs_out
    assert (worst.pieces, worst.handed_out, worst.days_left) == (3, 14, 6)
    assert worst.pieces == ledger.balance_of(ledger.stock(books.gift, books.station))


def test_what_was_handed_out_longer_ago_is_no_pace(books: Books) -> None:
    assert planning.plan(district=books.district, at=NOON + timedelta(days=27)).runs_out
    later = planning.plan(district=books.district, at=NOON + timedelta(days=29))
    assert (later.runs_out, later.moves, later.purchases) == ([], [], [])


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_closed_station_gives_all_and_needs_nothing(books: Books, third: Station, is_closed: bool) -> None:
    StockMark.objects.create(gift=books.gift, station=third, pieces=9)
    Station.objects.filter(pk=third.pk).update(status=Station.Status.CLOSED if is_closed else Station.Status.PUBLISHED)
    moves = planning.plan(district=books.district, at=AT).moves
    assert [(each.source, each.pieces) for each in moves] == ([(third, 3)] if is_closed else [(books.second, 1)])
    Station.objects.filter(pk=books.station.pk).update(status=Station.Status.CLOSED)
    assert planning.plan(district=books.district, at=AT).runs_out == []


def test_a_suspended_station_needs_nothing_now_and_keeps_what_it_needs_when_it_opens_again(
    books: Books, third: Station
) -> None:
    StockMark.objects.create(gift=books.gift, station=third, pieces=9)
    Station.objects.filter(pk=third.pk).update(status=Station.Status.SUSPENDED)
    assert [each.source for each in planning.plan(district=books.district, at=AT).moves] == [books.second]
    Station.objects.filter(pk=books.station.pk).update(status=Station.Status.SUSPENDED)
    found = planning.plan(district=books.district, at=AT)
    assert (found.runs_out, found.moves) == ([], [])


def test_a_gift_no_longer_offered_is_not_planned_for(books: Books) -> None:
    assert planning.plan(district=books.district, at=AT).runs_out
    Gift.objects.update(is_offered=False)
    assert planning.plan(district=books.district, at=AT) == planning.Plan([], [], [])


# ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_leads_to_the_move_filled_in(third: Station) -> None:
    now = clock.now()
    books = keep_books(points=10_000, pieces=18)
    receive(books.gift, third, 9)
    hand_out(books, books.station, 14, at=now)
    own = desk(make_staff("own", scope=books.district))
    shown = own.get(PAGE)
    [(move, address)] = shown.context["moves"]
    assert (move.source, move.target, move.pieces) == (third, books.station, 3)
    form = own.get(address).context["form"]
    assert [form[name].value() for name in ("station", "target", "pieces")] == [
        str(third.pk),
        str(books.station.pk),
        "3",
    ]
    page = own.get(address).content.decode()
    assert f'<option value="{third.pk}" selected>' in page
    # It is done by the form and not by the address.
    assert stock.on_hand(books.gift, third) == 9
    looks = desk(make_staff("looks", scope=books.district, duties=["audit"]))
    assert [address for _move, address in looks.get(PAGE).context["moves"]] == [""]


def test_an_address_fills_in_no_foreign_station(third: Station) -> None:
    books = keep_books()
    foreign = make_station(code="WH-QK-0001", division=books.other)
    own = desk(make_staff("own", scope=books.district))
    address = reverse("admin:points_gift_stock", args=[books.gift.pk, "move"])
    page = own.get(f"{address}?station={foreign.pk}&target={third.pk}&op_id=x").content.decode()
    assert foreign.name not in page or foreign.name == third.name
    assert f'value="{foreign.pk}" selected' not in page
    assert f'<option value="{third.pk}" selected>' in page
    assert 'name="op_id" value="x"' not in page


def test_the_plan_is_cut_to_whole_districts(books: Books) -> None:
    own = desk(make_staff("own", scope=books.district))
    assert own.get(f"{PAGE}?place={books.district.code}").status_code == 200
    assert own.get(f"{PAGE}?place={books.other.code}").status_code == 404
    assert own.get(f"{PAGE}?place=nothing").status_code == 404
    city = desk(make_staff("city"))
    assert city.get(f"{PAGE}?place={books.other.code}").context["plan"] == planning.Plan([], [], [])
    keeper = desk(make_staff("keeper", scope=books.station, duties=["counter"]))
    assert keeper.get(PAGE).status_code == 403
