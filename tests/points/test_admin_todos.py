"""The first page of an office names what waits to be settled in the books of its own districts, for those who may settle it."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from points import funds, proposals, reversing
from points.models import Dispute, Gift, Posting, StockMark
from stations import publishing
from tests.builders import make_staff
from tests.points.books import Books, award, keep_books, live_in, op
from tests.points.test_admin import desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    books = keep_books(pieces=20)
    live_in(books, rows=2)
    Gift.objects.exclude(pk=books.gift.pk).update(is_offered=False)
    StockMark.objects.all().delete()
    StockMark.objects.create(gift=books.gift, station=books.station, pieces=100)
    return books


def waiting(browser: Browser) -> dict[str, tuple[str, list[str]]]:
    """By its address: how many, and where the first of them lead."""
    lists = browser.get(reverse("admin:index")).context["overview"].work_lists
    ours = [each for each in lists if "/points/" in each.url]
    for each in ours:
        assert browser.get(each.url).status_code == 200
        assert all(browser.get(page).status_code == 200 for _name, page in each.first)
    return {each.url: (each.number, [name for name, _page in each.first]) for each in ours}


DISPUTES = "/admin/points/dispute/?ruling__exact=open"
PROPOSALS = "/admin/points/giftproposal/?status__exact=open"
LOW = "/admin/points/gift/low/"
FUNDS = "/admin/points/posting/funds/"
IN_VAIN = "/admin/points/redemption/?status__exact=ordered"


def test_what_waits_is_named_oldest_first_and_leads_to_its_page(books: Books) -> None:
    own, city = desk(make_staff("own", scope=books.district)), desk(make_staff("city"))
    where = books.station.name
    for browser in (own, city):
        shown = waiting(browser)
        assert shown[DISPUTES] == ("2", [f"雨伞 · {where}"] * 2)
        assert shown[PROPOSALS] == ("2", [f"礼品0 · {where}", f"礼品1 · {where}"])
        number, [low] = shown[LOW]
        assert number == "1"
        assert "雨伞" in low
        assert where in low
    Dispute.objects.filter(pk=Dispute.objects.earliest("pk").pk).delete()
    assert waiting(own)[DISPUTES][0] == "1"


def test_an_order_at_a_station_that_was_shut_waits_for_the_office(books: Books) -> None:
    own = desk(make_staff("own", scope=books.district))
    assert waiting(own)[IN_VAIN] == ("0", [])
    publishing.close(station=books.station, reason="房东收回", actor="tests", at=clock.now())
    assert waiting(own)[IN_VAIN] == ("2", [f"雨伞 · {books.station.name}"] * 2)
    assert waiting(desk(make_staff("away", scope=books.other)))[IN_VAIN][0] == "0"


def test_a_fund_that_runs_dry_is_told_before_it_is_empty_and_until_it_is_filled(books: Books) -> None:
    own, city = desk(make_staff("own", scope=books.district)), desk(make_staff("city"))
    spare = funds.balance("420106") - 10_000  # the city gave 100,000
    award(books, spare)
    assert waiting(city)[FUNDS] == waiting(own)[FUNDS] == ("0", [])
    award(books, 1)
    assert waiting(city)[FUNDS] == waiting(own)[FUNDS] == ("1", ["武昌区：剩 9999 分"])
    funds.allocate(
        district=books.district, points=50_000, source="武财〔2026〕2号", op_id=op(), actor="tests", at=clock.now()
    )
    assert waiting(city)[FUNDS] == ("0", [])


def test_a_fund_is_low_by_the_last_allocation_that_stands(books: Books) -> None:
    city = desk(make_staff("city"))
    award(books, funds.balance("420106") - 9_000)  # the city gave 100,000
    funds.allocate(district=books.district, points=1, source="a", op_id=op(), actor="tests", at=clock.now())
    assert waiting(city)[FUNDS] == ("0", [])
    typo = funds.allocate(
        district=books.district, points=9_000_000, source="b", op_id=op(), actor="tests", at=clock.now()
    )
    reversing.take_back(
        posting=Posting.objects.get(pk=typo.posting_id), reason="x", op_id=op(), actor="tests", at=clock.now()
    )
    assert waiting(city)[FUNDS] == ("0", [])


def test_another_district_is_told_nothing_of_it(books: Books) -> None:
    away = desk(make_staff("away", scope=books.other))
    assert {number for number, _first in waiting(away).values()} == {"0"}


@pytest.mark.parametrize(
    ("duties", "told"),
    [
        (["manage"], {DISPUTES, FUNDS, PROPOSALS, IN_VAIN, LOW}), (["review"], {DISPUTES}), (["counter"], {IN_VAIN, LOW}),
        (["view", "audit"], set()),
    ],
)  # fmt: skip
def test_only_what_ones_duties_settle_is_ones_work(books: Books, duties: list[str], told: set[str]) -> None:
    assert set(waiting(desk(make_staff("some", scope=books.district, duties=duties)))) == told


def test_whoever_keeps_no_whole_district_has_none_of_it(books: Books) -> None:
    scopes: list[Any] = [books.station, books.station.division]
    for number, scope in enumerate(scopes):
        assert not waiting(desk(make_staff(f"small-{number}", scope=scope)))


def test_nobody_is_asked_to_decide_on_his_own_proposal(books: Books) -> None:
    staff: Any = make_staff("own", scope=books.district)
    proposals.propose(station=books.station, name="雨衣", why="下雨", actor=staff, at=clock.now())
    assert waiting(desk(staff))[PROPOSALS][0] == "2"
    assert waiting(desk(make_staff("city")))[PROPOSALS][0] == "3"
