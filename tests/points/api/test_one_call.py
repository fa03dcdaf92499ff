"""A redemption writes its effect and its answer in one call: sent twice, one after another or at once, it is one gift."""

from typing import Any

import orjson
import pytest

from core import clock, idempotency
from core.api.problems import problem
from core.models import IdempotentRequest
from couriers import codes
from couriers.models import Courier
from points import passes, verifying
from points.api import reach, writing
from points.models import Redemption
from tests.builders import NOON
from tests.points.api.test_doors import Counter, partner, share
from tests.points.books import PRICE, award, keep_books
from tests.points.test_races import together

SAID = orjson.dumps(problem(status=409, code="out_of_stock", title="No", detail="No.", balance=0, needed=1))


def make_counter(monkeypatch: pytest.MonkeyPatch, **books: Any) -> Counter:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    kept = keep_books(**books)
    share(kept.courier)
    return Counter(kept, partner())


def fresh_pass(counter: Counter) -> str:
    return passes.issue(courier=counter.courier, at=NOON)


@pytest.mark.django_db
def test_its_answer_is_kept_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = make_counter(monkeypatch)
    digits = fresh_pass(counter)
    first = counter.redeem(once="k", **{"pass": digits})
    again = counter.redeem(once="k", **{"pass": digits})
    assert (first.status_code, again.status_code, first.content) == (201, 201, again.content)
    assert ("Idempotent-Replayed" in first.headers, again.headers["Idempotent-Replayed"]) == (False, "true")
    # Of one that was forgotten the gift is known still, by the name that its key gives it.
    IdempotentRequest.objects.all().delete()
    late = counter.redeem(once="k", **{"pass": digits})
    assert (late.status_code, late.content) == (201, first.content)
    assert bytes(IdempotentRequest.objects.get().body) == first.content
    assert Redemption.objects.count() == 1


@pytest.mark.django_db
def test_under_one_key_each_program_has_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    bees = make_counter(monkeypatch)
    share(bees.courier, "others")
    for counter in (bees, Counter(bees.books, partner("others"))):
        digits = fresh_pass(counter)
        first, again = (counter.redeem(once="k", **{"pass": digits}) for _sent in range(2))
        assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert Redemption.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("points", [0, 1_000])
def test_who_comes_second_does_nothing_and_gets_the_answer_of_the_first(
    monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    """The first was refused and has kept that; whether this one would be refused as well or not."""
    counter = make_counter(monkeypatch, points=points)
    digits = fresh_pass(counter)
    body = counter.wish(**{"pass": digits})
    IdempotentRequest.objects.create(
        client="bees", key="k", request_digest=idempotency.digest("POST", "/api/v1/redemptions/", body), status=409,
        body=SAID, made_at=NOON,
    )  # fmt: skip
    before = counter.written
    answer = counter.redeem(once="k", **{"pass": digits})
    assert (answer.status_code, answer.content, answer.headers["Idempotent-Replayed"]) == (409, SAID, "true")
    assert counter.written == before
    if not points:
        award(counter.books, PRICE)
    assert counter.redeem(**{"pass": digits}).status_code == 201  # the pass is good still


@pytest.mark.django_db
def test_who_came_between_the_two_looks_is_found_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call finds nobody; when it is to be said who is missing, he is there. That is no answer to keep."""
    counter = make_counter(monkeypatch)
    digits = fresh_pass(counter)
    before = counter.written
    code = counter.courier.code
    refuse = reach.refuse_missing

    def come(code: str) -> None:
        Courier.objects.filter(pk=counter.books.courier.pk).update(code=code)

    def he_comes(*named: Any) -> None:
        come(code)
        refuse(*named)

    come(codes.new_code())
    monkeypatch.setattr(writing, "refuse_missing", he_comes)
    early = counter.redeem(once="k", courier=code, **{"pass": digits})
    assert (early.status_code, early.json()["code"], early.headers["Retry-After"]) == (503, "busy", "1")
    assert counter.written == before
    assert not IdempotentRequest.objects.exists()
    come(code)
    assert counter.redeem(once="k", courier=code, **{"pass": digits}).status_code == 201


def test_of_eight_twins_one_has_an_effect_and_all_get_its_answer(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = make_counter(monkeypatch)
    for number in range(4):
        digits = fresh_pass(counter)
        answers = together(
            lambda _number, digits=digits, once=f"round-{number}": counter.redeem(once=once, **{"pass": digits}),  # type: ignore[misc]
            racers=8,
        )
        assert [answer.status_code for answer in answers] == [201] * 8
        assert len({answer.content for answer in answers}) == 1
        assert Redemption.objects.count() == number + 1
    assert list(verifying.verify_ledger()) == []


def test_of_twins_that_are_refused_all_get_the_same_refusal(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counter = make_counter(monkeypatch, points=0)
    digits = fresh_pass(counter)
    answers = together(lambda _number: counter.redeem(once="k", **{"pass": digits}), racers=8)
    assert [answer.status_code for answer in answers] == [409] * 8
    assert len({answer.content for answer in answers}) == 1
    assert IdempotentRequest.objects.get().status == 409
