"""Many at once (T02, T06), and the same races without the guard (T03), where the harm can be seen."""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, connection, connections, transaction
from psycopg2.errors import LockNotAvailable

from core.errors import DomainError
from couriers import finding
from couriers.models import Courier
from points import disputes, earning, expiring, ledger, merging, queue, redemption, rules, stock, verifying
from points.models import Account, Award, AwardLimit, EarningRule, ExpiryRule, Posting, QueuePlace, Redemption
from stations import registering
from stations.errors import StationBound
from stations.models import Station
from tests.builders import NOON, make_courier, make_subdistrict
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.points.test_disputes import decide, from_queue
from tests.proving import counted, times

RACERS = 16


def together(work: Callable[[int], Any], *, racers: int = RACERS) -> list[Any]:
    """What `work(number)` answered for each of those that begin together; a refusal is an answer too."""
    start = threading.Barrier(racers)
    answers: list[Any] = [None] * racers

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            answers[number] = persistently(work, number)
        except Exception as error:  # noqa: BLE001 - handed to the test, which looks at it
            answers[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def persistently(work: Callable[[int], Any], number: int) -> Any:
    """As whoever is told that the database is busy: where the others took longer than two seconds, he asks again."""
    while True:
        try:
            return work(number)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise


def expires(wallet: int, points: int) -> Callable[[int], Any]:
    """Everybody lets points of one wallet expire: the only lock on the way is the wallet's own."""
    moves = [(wallet, -points), (ledger._account("expired"), points)]
    return lambda _number: ledger.post(kind="expiry", moves=moves, op_id=op(), actor="tests", at=NOON)


def refusals(answers: list[Any]) -> int:
    unforeseen = [each for each in answers if isinstance(each, Exception) and not isinstance(each, DomainError)]
    assert unforeseen == []
    return sum(isinstance(each, DomainError) for each in answers)


@pytest.mark.parametrize(("points", "pieces", "winners"), [(5 * PRICE, 100, 5), (90_000, 3, 3)])
def test_exactly_as_many_win_as_there_is_for(
    transactional_db: None,  # noqa: ARG001
    points: int,
    pieces: int,
    winners: int,
) -> None:
    """Of 16 who order from one wallet with points for five, five; of 16 who want one of three pieces, three."""
    books = keep_books(points=points, pieces=pieces)
    rounds = times(3, 100)
    for _round in range(rounds):
        answers = together(lambda _number: order(books))
        assert refusals(answers) == RACERS - winners
        for won in [each for each in answers if isinstance(each, Redemption)]:  # all as before, for the next round
            redemption.cancel(redemption=won, reason="next round", op_id=op(), actor=ACTOR, at=NOON)
    assert list(verifying.verify_ledger()) == []
    counted(
        "T02", "orders at once, of which exactly those win for whom there is enough",
        orders=rounds * RACERS, won=rounds * winners,
    )  # fmt: skip


def test_of_many_couriers_as_many_win_as_there_are_pieces(transactional_db: None) -> None:  # noqa: ARG001
    """No row of a courier stands between them: the last piece is decided by the cabinet's account alone."""
    books = keep_books(pieces=3)
    couriers = [make_courier() for _number in range(RACERS)]
    for each in couriers:
        award(books, PRICE, courier=each)
    answers = together(lambda number: order(books, courier=couriers[number]))
    assert refusals(answers) == RACERS - 3
    assert list(verifying.verify_ledger()) == []
    counted("T02", "couriers at once for the last three pieces", orders=RACERS, won=3)


def test_the_same_wish_from_all_sides_is_one_posting(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books()
    moves = [(ledger.of_district("issued", books.district.code), -7), (books.fund, 7)]
    for _round in range(times(3, 500)):
        op_id = op()
        answers = together(
            lambda _number, op_id=op_id: ledger.post(
                kind="allocation", moves=moves, op_id=op_id, actor="tests", at=NOON
            ),  # type: ignore[misc]
            racers=8,
        )
        assert refusals(answers) == 0
        assert len({(each.posting_id, each.balances[books.fund]) for each in answers}) == 1
        assert sum(each.is_new for each in answers) == 1
        counted("T01", "the same wish eight times at once", wishes=8, postings=1)
    assert list(verifying.verify_ledger()) == []


def test_nobody_waits_for_somebody_who_waits_for_him(transactional_db: None) -> None:  # noqa: ARG001
    """Pieces carried both ways between two cabinets: accounts are locked in one order, so there is no deadlock."""
    books = keep_books(pieces=500)
    accounts = [ledger.stock(books.gift, station) for station in (books.station, books.second)]
    rounds = times(2, 50)

    def carry(number: int) -> Any:
        first, second = (accounts[0], accounts[1]) if number % 2 else (accounts[1], accounts[0])
        moves = [(first, -1), (second, 1)]
        return ledger.post(kind="move", moves=moves, op_id=op(), actor="tests", at=NOON)

    stock.move(
        gift=books.gift, source=books.station, target=books.second, pieces=250, op_id=op(), actor="tests", at=NOON
    )
    for _round in range(rounds):
        assert refusals(together(carry)) == 0
    assert sum(Account.objects.filter(pk__in=accounts).values_list("balance", flat=True)) == 500
    counted("T02", "pieces carried both ways at once", moves=rounds * RACERS, deadlocks=0)
    assert list(verifying.verify_ledger()) == []


def test_of_reversals_at_once_one_is_made(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books()
    postings = times(5, 2_000)
    for _posting in range(postings):
        given = award(books, 10)
        answers = together(
            lambda _number, given=given: ledger.reverse(  # type: ignore[misc]
                posting=given, reason="tests", op_id=op(), actor="tests", at=NOON
            ),
            racers=4,
        )
        assert refusals(answers) == 3
    assert list(verifying.verify_ledger()) == []
    counted("T06", "reversals of one posting at once", reversals=postings * 4, made=postings)


# ── Controls: without the guard ─────────────────────────────────────────────────────────────────────────────────────

READ_FIRST = """
CREATE OR REPLACE FUNCTION points_book() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    account points_account%ROWTYPE;
BEGIN
    SELECT * INTO account FROM points_account a WHERE a.id = NEW.account_id;
    IF NOT account.is_bounded THEN
        RETURN NEW;
    END IF;
    PERFORM pg_sleep(0.02);
    IF account.balance + NEW.amount < 0 THEN
        RAISE EXCEPTION 'too little' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE points_account a SET balance = account.balance + NEW.amount, seq = account.seq + 1
    WHERE a.id = NEW.account_id;
    NEW.balance_after := account.balance + NEW.amount;
    NEW.seq := account.seq + 1;
    RETURN NEW;
END
$$
"""


def changed(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


WITHOUT_THE_REST = (
    "ALTER TABLE points_account DISABLE TRIGGER guard",
    "ALTER TABLE points_account DISABLE TRIGGER is_proved",
    "ALTER TABLE points_entry DROP CONSTRAINT points_entry_numbered",
)


def test_with_the_guard_five_of_sixteen_get_a_fifth_each(transactional_db: None) -> None:  # noqa: ARG001
    answers = together(expires(keep_books(points=1_000).wallet, 200))
    assert refusals(answers) == RACERS - 5
    assert list(verifying.verify_ledger()) == []


def test_read_before_the_lock_spends_what_is_not_there(transactional_db: None) -> None:  # noqa: ARG001
    wallet = keep_books(points=1_000).wallet
    work = expires(wallet, 200)
    changed(READ_FIRST, *WITHOUT_THE_REST)
    won = sum(isinstance(each, ledger.Posted) for each in together(work))
    assert won > 5
    # All entries still come to 0, which proves little; the books of the account do not agree.
    found = {each.invariant for each in verifying.verify_ledger()}
    assert {"I2", "I3"} <= found
    assert not {"I1", "I5"} & found
    counted("T03", "controls that fail as predicted", controls=1)


def test_the_numbers_catch_what_the_lock_missed(transactional_db: None) -> None:  # noqa: ARG001
    """With the lock gone and the numbering kept, nobody gets more than there is: the second of a number is refused."""
    wallet = keep_books(points=1_000).wallet
    work = expires(wallet, 200)
    changed(READ_FIRST, *WITHOUT_THE_REST[:2])
    won = sum(isinstance(each, ledger.Posted) for each in together(work))
    assert 1 <= won <= 5
    assert list(verifying.verify_ledger()) == []
    counted("T03", "controls that fail as predicted", controls=1)


def test_without_the_unique_reversal_more_are_made(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books()
    changed("ALTER TABLE points_posting DROP CONSTRAINT points_posting_reverses_id_key")
    given = award(books, 10)
    answers = together(
        lambda _number: ledger.reverse(posting=given, reason="tests", op_id=op(), actor="tests", at=NOON), racers=4
    )
    assert sum(isinstance(each, ledger.Posted) for each in answers) > 1
    assert "I6" in {each.invariant for each in verifying.verify_ledger()}
    counted("T03", "controls that fail as predicted", controls=1)


def test_without_the_unique_wish_one_tap_is_many(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books()
    wallet, op_id = ledger.wallet(make_courier()), op()
    changed("ALTER TABLE points_posting DROP CONSTRAINT points_posting_op_id_key")

    def naive(_number: int) -> None:
        """What a door would do that looks for the wish, and then posts."""
        if not Posting.objects.filter(op_id=op_id).exists():
            with connection.cursor() as cursor:
                cursor.execute(
                    "WITH p AS (INSERT INTO points_posting (op_id, kind, actor_name, approver_name, reason, source,"
                    " occurred_at) VALUES (%s, 'award', 'tests', '', '', '', now()) RETURNING id)"
                    " INSERT INTO points_entry (posting_id, account_id, amount)"
                    " SELECT p.id, m.a, m.n FROM p, (VALUES (%s, -7), (%s, 7)) m(a, n)",
                    [op_id, books.fund, wallet],
                )

    together(naive, racers=8)
    assert ledger.balance_of(wallet) > 7
    counted("T03", "controls that fail as predicted", controls=1)


def test_who_counts_waits_for_what_is_being_ordered(transactional_db: None) -> None:  # noqa: ARG001
    """Or a piece that was set aside meanwhile were missing twice."""
    books, is_ordered, told = keep_books(), threading.Event(), list[stock.Counted]()

    def take() -> None:
        with transaction.atomic():
            order(books)
            is_ordered.set()
            counts.join(timeout=0.5)

    def count() -> None:
        is_ordered.wait(timeout=30)
        try:
            found = {"found": 9, "witness": "王监盘", "reason": ""}
            told.append(stock.count(gift=books.gift, station=books.station, op_id=op(), actor=ACTOR, at=NOON, **found))  # type: ignore[arg-type]
        finally:
            connections.close_all()

    counts = threading.Thread(target=count)
    counts.start()
    take()
    counts.join(timeout=30)
    assert [each.difference for each in told] == [0]


def test_who_gives_back_and_who_orders_do_not_wait_for_each_other(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hand-over and the order are reversed one after the other, and no order of the same gift comes between."""
    books, is_halfway, answers = keep_books(), threading.Event(), list[Any]()
    said = disputes.open_dispute(redemption=from_queue(books), words="", at=NOON)
    other = make_courier()
    award(books, PRICE, courier=other)
    reverse = ledger.reverse

    def reverse_slowly(**wish: Any) -> ledger.Posted:
        posted = reverse(**wish)
        is_halfway.set()
        orders.join(timeout=0.5)
        return posted

    def order_meanwhile() -> None:
        is_halfway.wait(timeout=30)
        try:
            answers.append(order(books, courier=other).status)
        except OperationalError as deadlock:
            answers.append(deadlock)
        finally:
            connections.close_all()

    monkeypatch.setattr(ledger, "reverse", reverse_slowly)
    orders = threading.Thread(target=order_meanwhile)
    orders.start()
    assert decide(said, "upheld", "office").ruling == "upheld"
    orders.join(timeout=30)
    assert answers == ["ordered"]


# ── A station that moves away while its cabinet is filled ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_held", [True, False], ids=["held", "not-held"])
def test_a_station_moves_or_gets_gifts_and_where_nobody_holds_it_both(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    is_held: bool,
) -> None:
    books = keep_books(pieces=0)
    elsewhere = make_subdistrict(code="420104001", name="古田街道", district=books.other)
    is_filled, has_moved = threading.Event(), threading.Event()
    if not is_held:
        monkeypatch.setattr(stock, "_held", lambda stations: Station.objects.filter(pk__in=stations))

    def fill() -> ledger.Posted:
        delivery = stock.Delivery(document_no="采购-1", unit_price_cny=Decimal(1), funding="budget")
        with transaction.atomic():
            filled = stock.receive(
                gift=books.gift, station=books.station, pieces=1, delivery=delivery, op_id=op(), actor=ACTOR, at=NOON
            )
            is_filled.set()
            has_moved.wait(timeout=1)
        return filled

    def move() -> Station:
        is_filled.wait(timeout=30)
        try:
            return registering.amend(station=books.station, facts={"division": elsewhere}, actor=ACTOR, at=NOON)
        finally:
            has_moved.set()

    filled, moved = together(lambda number: (fill, move)[number](), racers=2)
    assert isinstance(filled, ledger.Posted), filled
    assert stock.on_hand(books.gift, books.station) == 1
    books.station.refresh_from_db()
    if is_held:
        assert isinstance(moved, StationBound), moved
        assert books.station.district_code == books.district.code
    else:
        assert books.station.district_code == books.other.code
        counted("T03", "controls that fail as predicted", controls=1)


# ── Merging beside all else ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_profile_is_merged_or_orders_but_not_both(transactional_db: None) -> None:  # noqa: ARG001
    """Who merges while gifts are ordered, awards given and points expire: no deadlock, and no order of an ended profile."""
    books = keep_books(pieces=100)
    rounds = times(5, 300)
    for _round in range(rounds):
        duplicate = make_courier()
        award(books, 5 * PRICE, courier=duplicate)
        before = ledger.balance_of(books.wallet)

        def work(number: int, duplicate: Courier = duplicate) -> Any:
            if number % 4 == 0:
                return order(books, courier=duplicate)
            if number % 4 == 1:
                return award(books, 1, courier=duplicate)
            if number % 4 == 2:
                return award(books, 1)
            return merging.merge(
                kept=books.courier, duplicate=duplicate, reason="同一人", op_id=op(), actor=ACTOR, at=NOON
            )

        answers = together(work, racers=8)
        assert not [each for each in answers if isinstance(each, Exception) and not isinstance(each, DomainError)]
        duplicate.refresh_from_db()
        waiting = Redemption.objects.filter(courier=duplicate, status="ordered")
        if duplicate.is_merged:
            assert not waiting
            assert ledger.balance_of(ledger.wallet(duplicate)) == 0
            assert ledger.balance_of(books.wallet) >= before + 5 * PRICE
        for each in waiting:
            redemption.cancel(redemption=each, reason="next round", op_id=op(), actor=ACTOR, at=NOON)
    assert list(verifying.verify_ledger()) == []
    counted("T02", "merging beside orders and awards", rounds=rounds, deadlocks=0)


def crossed(books: Books, other: Courier) -> Callable[[int], Any]:
    """Two clerks merge the same two profiles, each into the other one."""
    pairs = [(books.courier, other), (other, books.courier)]
    return lambda number: merging.merge(
        kept=pairs[number][0], duplicate=pairs[number][1], reason="同一人", op_id=op(), actor=ACTOR, at=NOON
    )


def test_of_two_who_merge_crosswise_one_does(transactional_db: None) -> None:  # noqa: ARG001
    books, other = keep_books(), make_courier()
    answers = together(crossed(books, other), racers=2)
    assert refusals(answers) == 1
    assert Courier.objects.filter(merged_into__isnull=False).count() == 1
    assert list(verifying.verify_ledger()) == []


def test_locked_one_after_the_other_they_wait_for_each_other(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The twin of the test above: without the order of numbers both hold one row and wait for the other."""
    books, other = keep_books(), make_courier()
    both_hold_one = threading.Barrier(2)

    def as_named(*couriers: Courier) -> list[Courier]:
        first = finding.locked(couriers[0])
        both_hold_one.wait(timeout=30)
        return [first, finding.locked(couriers[1])]

    monkeypatch.setattr(finding, "locked_together", as_named)
    monkeypatch.setattr(
        finding, "locked", lambda courier: Courier.objects.select_for_update(no_key=True).get(pk=courier.pk)
    )
    answers = together(crossed(books, other), racers=2)
    assert any("deadlock" in str(each) for each in answers)
    counted("T03", "controls that fail as predicted", controls=1)


def test_of_two_workers_each_courier_expires_once(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books(points=0)
    ExpiryRule.objects.create(months=1, valid_from=NOON.date())
    couriers = [make_courier() for _number in range(12)]
    for each in couriers:
        award(books, 10, courier=each)
    answers = together(lambda _number: expiring.expire_due(now=NOON + timedelta(days=60)), racers=4)
    assert refusals(answers) == 0
    assert sum(answers) == 12
    assert Posting.objects.filter(kind="expiry").count() == 12
    assert list(verifying.verify_ledger()) == []


def test_a_member_of_staff_who_gives_at_once_gives_no_more_than_a_day_allows(
    transactional_db: None,  # noqa: ARG001
) -> None:
    """T19: of 16 awards of 100 at one moment, to 16 couriers, five; a colleague's do not count."""
    books = keep_books(points=0)
    AwardLimit.objects.update(most_alone=100, most_a_day=500)
    couriers = [make_courier() for _each in range(RACERS)]
    award_alone = earning.award_by_hand
    rounds = times(2, 20)
    for number in range(rounds):
        answers = together(
            lambda racer, who=f"clerk-{number}": award_alone(  # type: ignore[misc]
                courier=couriers[racer], points=100, district=books.district, reason="x", op_id=op(), actor=who, at=NOON
            )
        )
        assert refusals(answers) == RACERS - 5
    counted("T19", "awards by hand of one at one moment", asked=rounds * RACERS, given=rounds * 5)


def test_one_who_earns_at_once_earns_no_more_than_a_day_allows_and_a_matter_once(
    transactional_db: None,  # noqa: ARG001
) -> None:
    books = keep_books(points=0)
    EarningRule.objects.create(action="volunteer", points=50, most_a_day=5, valid_from=NOON.date())

    def deed(courier: Courier, matter: str) -> Award:
        return earning.award(
            courier=courier, action="volunteer", district=books.district, matter=matter, op_id=op(), actor=ACTOR,
            at=NOON,
        )  # fmt: skip

    assert refusals(together(lambda number: deed(books.courier, f"R-{number}"))) == RACERS - 5
    couriers = [make_courier() for _each in range(RACERS)]
    assert refusals(together(lambda number: deed(couriers[number], "R-of-all"))) == RACERS - 1
    assert Award.objects.count() == 5 + 1


def test_of_those_who_make_one_rule_at_once_one_does(transactional_db: None) -> None:  # noqa: ARG001
    """The others are told so: nobody meets the constraint of the database."""
    keep_books(points=0)
    answers = together(
        lambda number: rules.set_rule(
            action="volunteer", points=number + 1, most_a_day=1, valid_from=NOON.date(), actor=ACTOR, at=NOON
        )
    )
    assert refusals(answers) == RACERS - 1
    assert EarningRule.objects.count() == 1


def test_who_scan_the_code_of_a_cabinet_at_once_get_a_number_each(transactional_db: None) -> None:  # noqa: ARG001
    """Each of eight from two windows, and there are eight numbers."""
    books = keep_books(points=8 * PRICE)
    waiting = [order(books) for _each in range(8)]
    with mock.patch.object(queue, "NUMBERS", range(10, 18)):
        answers = together(lambda number: queue.join(redemption=waiting[number % 8], at=NOON))
    assert refusals(answers) == 0
    assert {place.number for place in answers} == set(range(10, 18))
    assert QueuePlace.objects.count() == 8
