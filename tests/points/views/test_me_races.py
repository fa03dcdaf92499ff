"""Eight taps at once on a courier's pages (T01), and the same without the one-time number, where the harm can be seen."""

import uuid
from typing import Any

import pytest
from django.test import Client

from core import clock
from points import verifying
from points.models import QueuePlace, Redemption
from tests.builders import NOON
from tests.points.books import PRICE, keep_books
from tests.points.test_races import refusals, together
from tests.points.views.test_me import GIFT, HERE, form, phone_of, scan
from tests.proving import counted


def _taps(token: str, sent: Any, *, address: str, scanned: str) -> list[Any]:
    def tap(number: int) -> Any:
        phone = Client()
        phone.cookies["me"] = token
        phone.cookies["cabinet"] = scanned
        return phone.post(address, sent(number))["Location"]

    return together(tap, racers=8)


@pytest.mark.parametrize("address", [GIFT, HERE])
def test_eight_taps_at_once_are_one_order_and_eight_forms_are_eight(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    """The pair: without the one-time number in the form, the harm is there."""
    monkeypatch.setattr(clock, "now", lambda: NOON)
    books = keep_books(points=PRICE * 20, pieces=20)
    phone = phone_of(books.courier)
    scan(phone, books.station)
    token, scanned = phone.cookies["me"].value, phone.cookies["cabinet"].value
    same = form(books)
    answers = _taps(token, lambda _number: same, address=address, scanned=scanned)
    assert refusals(answers) == 0
    assert len(set(answers)) == 1
    assert Redemption.objects.count() == 1
    assert QueuePlace.objects.count() == (address == HERE)
    _taps(token, lambda _number: same | {"op_id": str(uuid.uuid4())}, address=address, scanned=scanned)
    assert Redemption.objects.count() == 1 + 8
    assert list(verifying.verify_ledger()) == []
    counted("T01", "taps on a courier's page at once with one number", taps=8, orders=1)
