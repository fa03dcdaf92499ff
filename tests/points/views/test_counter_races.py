"""T01 at the counter: eight identical POSTs at once are one hand-over and eight equal receipts; without the guard they are not."""

import uuid
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.models import User
from points import queue, redemption, verifying
from points.models import Posting, Redemption
from tests.builders import make_staff
from tests.points.books import Books, keep_books, op, order
from tests.points.test_races import together
from tests.proving import counted, times

TAPS = 8


def tap(books: Books, steward: User, found: Redemption, wish: Any) -> list[Any]:
    """Where eight taps lead, each on a connection of its own."""

    def one(_number: int) -> Any:
        browser = Browser()
        browser.force_login(steward)
        answer = browser.post(reverse("points:counter-hand-over", args=[found.code]), {"op_id": wish()})
        return answer.status_code, answer.headers.get("Location")

    del books
    return together(one, racers=TAPS)


def queued(books: Books) -> Redemption:
    found = order(books, at=clock.now())
    queue.join(redemption=found, at=clock.now())
    return found


def test_eight_identical_taps_are_one_hand_over(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books(points=100_000, pieces=500)
    steward = make_staff("li", scope=books.station, duties=["counter"])
    rounds = times(2, 500)
    for _round in range(rounds):
        found, wish = queued(books), op()
        answers = tap(books, steward, found, lambda wish=wish: wish)
        assert answers == [(302, reverse("points:counter-redemption", args=[found.code]))] * TAPS
    assert Posting.objects.filter(kind="handover").count() == rounds
    assert list(verifying.verify_ledger()) == []
    counted("T01", "identical taps at the counter, eight at once", taps=rounds * TAPS, handovers=rounds)


def test_without_the_guard_eight_taps_do_more_than_one(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same taps where nobody asks whether it still waits or whether it was done: the harm is there to be seen."""
    books = keep_books(points=100_000, pieces=500)
    steward, found = make_staff("li", scope=books.station, duties=["counter"]), queued(books)
    order(books, at=clock.now())  # a second piece is set aside, which a second hand-over would take
    monkeypatch.setattr(redemption, "_require_waiting", lambda _found: None)
    monkeypatch.setattr(queue, "use", lambda **_said: None)
    monkeypatch.setattr(
        redemption, "_end", lambda found, *_args, **_said: Redemption.objects.get(pk=found.pk)
    )  # fmt: skip
    tap(books, steward, found, uuid.uuid4)
    harm = Posting.objects.filter(kind="handover").count()
    assert harm > 1
    counted("T03", "hand-overs of one order without the guard", taps=TAPS, handovers=harm)
