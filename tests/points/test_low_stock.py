"""Cabinets that run low: marked, listed, and reported once."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core.errors import NotFound
from core.models import AuditEvent, Notice
from points import low_stock, stock
from points.errors import GiftOfAnotherDistrict
from points.models import Gift, LowStock, StockMark
from stations.access import DutyMissing
from stations.models import Station
from tests.builders import NOON, make_staff, make_station, make_subdistrict
from tests.points.books import ACTOR, Books, keep_books, op

pytestmark = pytest.mark.django_db
PAPER = stock.Delivery(document_no="R-9", unit_price_cny=1, funding="union")  # type: ignore[arg-type]


@pytest.fixture
def books() -> Books:
    """Ten umbrellas at the first station, and two at the second."""
    books = keep_books(points=0)
    bring(books, books.second, 2)
    return books


def bring(books: Books, station: Station, pieces: int) -> None:
    stock.receive(
        gift=books.gift, station=station, pieces=pieces, delivery=PAPER, op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip


def scrap(books: Books, pieces: int) -> None:
    stock.scrap(gift=books.gift, station=books.station, pieces=pieces, reason="tests", op_id=op(), actor=ACTOR, at=NOON)


def mark(books: Books, pieces: int | None, station: Station | None = None, **other: Any) -> None:
    said: dict[str, Any] = {"actor": ACTOR, "at": NOON} | other
    low_stock.set_mark(gift=books.gift, station=station, pieces=pieces, **said)


def low() -> dict[str, tuple[int, int]]:
    return {each.station.code: (each.balance, each.mark) for each in low_stock.running_low()}


def test_a_cabinet_is_low_below_its_mark_and_not_at_it(books: Books) -> None:
    assert low() == {}
    mark(books, 2)
    assert low() == {}
    mark(books, 3)
    assert low() == {books.second.code: (2, 3)}


def test_a_stations_own_mark_goes_before_the_gifts(books: Books) -> None:
    mark(books, 3)
    mark(books, 11, books.station)
    assert low() == {books.station.code: (10, 11), books.second.code: (2, 3)}
    mark(books, 0, books.second)
    assert low() == {books.station.code: (10, 11)}
    mark(books, None, books.second)
    mark(books, None, books.station)
    assert low() == {books.second.code: (2, 3)}
    assert StockMark.objects.count() == 1
    assert AuditEvent.objects.filter(kind="stock.marked").count() == 5


def test_what_is_not_handed_out_any_more_never_runs_low(books: Books) -> None:
    mark(books, 3)
    for status in ("closed", "suspended"):
        Station.objects.filter(pk=books.second.pk).update(status=status)
        assert low() == {}
    # Before it opens it is filled.
    for status in ("draft", "published"):
        Station.objects.filter(pk=books.second.pk).update(status=status)
        assert low() == {books.second.code: (2, 3)}
    Gift.objects.update(is_offered=False)
    assert low() == {}


def test_who_may_set_a_mark(books: Books) -> None:
    steward = make_staff("steward", scope=books.second, duties=["counter"])
    mark(books, 5, books.second, actor=steward)
    with pytest.raises(NotFound):
        mark(books, 5, books.station, actor=steward)
    with pytest.raises(NotFound):
        mark(books, 5, actor=steward)
    with pytest.raises(DutyMissing):
        mark(books, 5, books.second, actor=make_staff("looks-on", scope=books.district, duties=["view"]))
    foreign = make_station(division=make_subdistrict(code="420104002", district=books.other))
    with pytest.raises(GiftOfAnotherDistrict):
        mark(books, 5, foreign)
    assert StockMark.objects.count() == 1


def test_its_keepers_are_told_once_until_it_was_filled_up(books: Books) -> None:
    make_staff("steward", scope=books.station, duties=["counter"])
    make_staff("wuchang", scope=books.district)
    mark(books, 4, books.station)
    assert low_stock.watch(now=NOON) == 0
    scrap(books, 7)
    assert [low_stock.watch(now=NOON), low_stock.watch(now=NOON + timedelta(minutes=1))] == [1, 0]
    # Another day, still low: they know.
    assert low_stock.watch(now=NOON + timedelta(days=3)) == 0
    notice = Notice.objects.get()
    assert notice.matter == f"stock.low {books.station.code} {books.gift.code}"
    assert notice.recipients == ["steward", "wuchang"]
    assert "雨伞" in notice.text
    assert "3" in notice.text
    bring(books, books.station, 5)
    assert low_stock.watch(now=NOON + timedelta(days=3)) == 0
    assert not LowStock.objects.exists()
    scrap(books, 5)
    assert low_stock.watch(now=NOON + timedelta(days=4)) == 1


def test_the_office_sets_marks_and_reads_what_runs_low(books: Books) -> None:
    desk, away = Browser(), Browser()
    desk.force_login(make_staff("own", scope=books.district))
    away.force_login(make_staff("away", scope=books.other))
    form, listed = reverse("admin:points_gift_stock", args=[books.gift.pk, "mark"]), reverse("admin:points_gift_low")
    assert books.second.name not in desk.get(listed).content.decode()
    assert away.post(form, {"op_id": op(), "station": "", "pieces": "3"}).status_code == 404
    assert desk.post(form, {"op_id": op(), "station": "", "pieces": "3"}).status_code == 302
    assert desk.post(form, {"op_id": op(), "station": books.second.pk, "pieces": "4"}).status_code == 302
    stock.note_wanted(gift=books.gift, station=books.second, at=NOON)
    shown = desk.get(listed).content.decode()
    assert books.second.name in shown
    assert books.station.name not in shown
    assert books.second.name not in away.get(listed).content.decode()
    for step, field in (("receive", "station"), ("move", "target")):
        address = reverse("admin:points_gift_stock", args=[books.gift.pk, step])
        link = next(link for link in re.findall('href="([^"]+)"', shown) if link.startswith(address))
        assert desk.get(link).context["form"][field].value() == str(books.second.pk), "the form knows which cabinet"
    assert desk.post(form, {"op_id": op(), "station": books.second.pk, "pieces": ""}).status_code == 302
    assert [mark.pieces for mark in StockMark.objects.all()] == [3]
