"""A station whose cabinet holds gifts of its district cannot be moved to another: nobody could count or hand them out there."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.models import AuditEvent
from points import ledger, redemption, stock
from points.models import Redemption
from stations import registering
from stations.errors import StationBound
from stations.importing import Decisions
from stations.importing.known import name_key
from stations.models import Division, Station
from tests.builders import NOON, make_staff, make_subdistrict
from tests.points.books import ACTOR, Books, keep_books, op, order
from tests.points.test_admin import desk
from tests.stations.importing.lists import counts, only, take
from tests.stations.test_admin import as_shown, change_url, errors

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(pieces=1)


@pytest.fixture
def elsewhere(books: Books) -> Division:
    return make_subdistrict(code="420104001", name="古田街道", district=books.other)


def move(station: Station, division: Division) -> Station:
    return registering.amend(station=station, facts={"division": division}, actor=ACTOR, at=NOON)


def empty(books: Books, ordered: Redemption | None = None) -> None:
    if ordered is not None:
        redemption.cancel(redemption=ordered, reason="搬走", op_id=op(), actor=ACTOR, at=NOON)
    stock.move(gift=books.gift, source=books.station, target=books.second, pieces=1, op_id=op(), actor=ACTOR, at=NOON)


@pytest.mark.parametrize("is_ordered", [False, True], ids=["on-hand", "set-aside"])
def test_it_stays_while_gifts_lie_there_and_goes_without(books: Books, elsewhere: Division, is_ordered: bool) -> None:
    ordered = order(books) if is_ordered else None
    here = make_subdistrict(code="420106005", name="中华路街道")
    told = AuditEvent.objects.count()
    with pytest.raises(StationBound), transaction.atomic():
        move(books.station, elsewhere)
    assert AuditEvent.objects.count() == told
    # Within its district, or another station of it, nothing keeps.
    assert move(books.station, here).division == here
    assert move(books.second, elsewhere).division == elsewhere
    move(books.second, here)
    empty(books, ordered)
    assert move(books.station, elsewhere).division == elsewhere


def test_the_database_refuses_it_whoever_asks_and_lets_it_come_back(books: Books, elsewhere: Division) -> None:
    own = Station.objects.filter(pk=books.station.pk)
    with pytest.raises(IntegrityError, match="gifts"), transaction.atomic():
        own.update(division=elsewhere)
    assert own.update(division=make_subdistrict(code="420106005", name="中华路街道")) == 1
    empty(books)
    assert own.update(division=elsewhere) == 1
    # What returned into its books afterwards, as after a dispute, is reached again where it belongs.
    supplier, held = ledger.of_gift("supplier", books.gift), ledger.stock(books.gift, books.station)
    ledger.post(kind="receipt", moves=[(supplier, -1), (held, 1)], op_id=op(), actor=ACTOR, at=NOON)
    assert move(books.station, books.district).division == books.district
    with pytest.raises(StationBound):
        move(books.station, elsewhere)


def through_a_list(station: Station, elsewhere: Division) -> bool:
    # A code of another district is asked about; who answers that it is the same station moves it.
    row = [["名称", "区", "街道", "楼层"], [station.name, "硚口区", elsewhere.name, "2楼"]]
    said = Decisions({f"same:{elsewhere.district_code}:{name_key(station.name)}": f"同 {station.code}"})
    trial, report = take(row, decisions=said, dry_run=True), take(row, decisions=said)
    assert counts(trial) == counts(report)
    if counts(report) == (0, 1, 0, 0):
        return True
    assert (counts(report), only(report)[:3]) == ((0, 0, 0, 1), ("bound", "B", 2))
    assert not Station.objects.filter(floor="2楼").exists()
    return False


def at_the_desk(station: Station, elsewhere: Division) -> bool:
    browser = desk(make_staff(f"city-{elsewhere.pk}-{AuditEvent.objects.count()}"))
    answer = browser.post(
        change_url(station), as_shown(browser, station) | {"place": elsewhere.pk, "position_is_right": "on"}
    )
    if answer.status_code == 302:
        return True
    assert "place" in answer.context["adminform"].form.errors, errors(answer)
    return False


@pytest.mark.parametrize("door", [through_a_list, at_the_desk])
def test_every_door_says_so(books: Books, elsewhere: Division, door: Callable[..., Any]) -> None:
    station = books.station
    assert not door(station, elsewhere)
    station.refresh_from_db()
    assert station.district_code == books.district.code
    empty(books)
    assert door(station, elsewhere)
    station.refresh_from_db()
    assert station.district_code == books.other.code
