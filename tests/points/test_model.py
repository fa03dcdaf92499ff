"""Any sequence of what people do (T05): the ledger against a model of it; and the model against bugs planted one by one."""

from collections.abc import Callable
from random import Random
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from core import clock
from couriers.models import Courier
from points import earning, ledger, passes, redemption, stock
from points.errors import PassWrong
from points.models import Award, EarningRule, Pass, Posting, Redemption
from tests.points.books import op
from tests.points.town import Town
from tests.proving import IS_FULL, counted, times

pytestmark = pytest.mark.django_db


class InATransaction(Town):
    """Each run begins with an empty ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)


def test_whatever_people_do_the_books_agree() -> None:
    Town.steps = Town.refused = 0
    run_state_machine_as_test(
        InATransaction,
        settings=settings(
            max_examples=times(15, 600), stateful_step_count=times(25, 40), deadline=None, derandomize=not IS_FULL,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Town.refused > Town.steps // 6
    counted(
        "T05", "steps of the stateful model, each followed by all invariants", steps=Town.steps, refused=Town.refused
    )


# ── Bugs, each put in by the test and found by the model ────────────────────────────────────────────────────────────


def instead(module: ModuleType, **changed: Any) -> SimpleNamespace:
    """The module with other verbs, for whoever is given it."""
    return SimpleNamespace(**vars(module) | changed)


def count_read_before_the_lock(patch: pytest.MonkeyPatch) -> None:
    def count(*, gift: Any, station: Any, found: int, witness: str, op_id: Any, **said: Any) -> stock.Counted:
        expected = stock.on_hand(gift, station)
        account = ledger.stock(gift, station)
        if found != expected:
            moves = [(account, found - expected), (ledger.of_gift("difference", gift), expected - found)]
            ledger.post(kind="count", moves=moves, op_id=op_id, approver=witness, **said)
        return stock.Counted(expected, found, None)

    counts = stock.count
    patch.setattr(stock, "count", lambda **said: (counts if said["witness"] == said["actor"] else count)(**said))


def price_of_the_day_of_the_end(patch: pytest.MonkeyPatch) -> None:
    ends = redemption._end

    def end(row: Redemption, *args: Any, at: Any, **said: Any) -> Redemption:
        row = ends(row, *args, at=at, **said)
        Redemption.objects.filter(pk=row.pk).update(points=row.gift.price_on(clock.local_date(at)))
        return row

    patch.setattr(redemption, "_end", end)


def price_not_compared(patch: pytest.MonkeyPatch) -> None:
    redeems = redemption._redeemed

    def redeemed(courier: Any, gift: Any, station: Any, points: int, *, at: Any, **said: Any) -> Redemption:  # noqa: ARG001
        return redeems(courier, gift, station, gift.price_on(clock.local_date(at)), at=at, **said)

    patch.setattr(redemption, "_redeemed", redeemed)


def otherwise_in_sql(function: str, old: str, new: str) -> None:
    """The database's function with other words in it, until the test's transaction is undone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s", [function])
        text = cursor.fetchone()[0]
        assert old in text
        cursor.execute(text.replace(old, new))


def limit_without_what_is_ordered(patch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - it is not in Python
    otherwise_in_sql("points_had_since", "IN ('ordered', 'handed-over')", "= 'handed-over'")


def day_in_utc(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(earning, "clock", instead(clock, local_date=lambda at: at.date()))


def nothing_comes_back(status: str) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        takes_back = redemption._take_back

        def take_back(row: Redemption, to: str, *, op_id: Any, **said: Any) -> Redemption:
            if to != status:
                return takes_back(row, to, op_id=op_id, **said)
            return redemption._end(row, to, row.ordered_id, **said)

        patch.setattr(redemption, "_take_back", take_back)

    return plant


def handed_over_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redemption, "_require_waiting", lambda _row: None)


def pass_that(**forgotten: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """A pass of which something is not asked, or not kept."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        def use(*, courier: Courier, digits: str, at: Any) -> None:
            found = Pass.objects.filter(digest=passes.digest_of(digits))
            if not forgotten.get("lives_for_ever"):
                found = found.filter(expires_at__gt=at)
            if not forgotten.get("is_anybodys"):
                found = found.filter(courier=courier)
            if not (found.exists() if forgotten.get("is_good_again") else found.update(digest=None)):
                raise PassWrong

        patch.setattr(passes, "use", use)
        # At the counter in one step the database asks itself.
        if forgotten.get("lives_for_ever"):
            otherwise_in_sql("points_redeem", " AND p.expires_at > the_moment", "")
        if forgotten.get("is_anybodys"):
            otherwise_in_sql("points_redeem", "p.courier_id = the_courier AND p.digest", "p.digest")
        if forgotten.get("is_good_again"):
            otherwise_in_sql("points_redeem", "SET digest = NULL", "SET digest = p.digest")

    return plant


def award_without_the_fund(patch: pytest.MonkeyPatch) -> None:
    def post(*, kind: str, moves: list[tuple[int, int]], **said: Any) -> ledger.Posted:  # noqa: ARG001
        (_fund, amount), wallet = moves
        return ledger.post(kind="opening", moves=[(ledger.of_district("opening", "420106"), amount), wallet], **said)

    patch.setattr(earning, "ledger", instead(ledger, post=post))


def always_the_same_fund(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(earning, "ledger", instead(ledger, fund=lambda _district: ledger.fund("420106")))


def wish_done_again(patch: pytest.MonkeyPatch) -> None:
    def post(*, op_id: Any, **said: Any) -> ledger.Posted:  # noqa: ARG001
        return ledger.post(op_id=op(), **said)

    for module in (earning, redemption):
        patch.setattr(module, "ledger", instead(ledger, post=post))


WITHOUT_GUARD = "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"


def carried_without_entries(patch: pytest.MonkeyPatch) -> None:
    carries = stock.move

    def move(*, gift: Any, source: Any, target: Any, pieces: int, **said: Any) -> Any:
        if stock.on_hand(gift, source) < pieces:
            return carries(gift=gift, source=source, target=target, pieces=pieces, **said)
        with connection.cursor() as cursor:
            for station, amount in ((source, -pieces), (target, pieces)):
                cursor.execute(
                    "UPDATE points_account SET balance = balance + %s WHERE id = %s",
                    [amount, ledger.stock(gift, station)],
                )
        return True

    changed(*map(WITHOUT_GUARD.format, ("points_guard_account", "points_account_is_proved")))
    patch.setattr(stock, "move", move)


def changed(*statements: str) -> None:
    """Of the database; the test's transaction takes it back."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def cap_off_by_one(patch: pytest.MonkeyPatch) -> None:
    finds = earning.rule_on

    def rule_on(*asked: Any) -> EarningRule | None:
        found = finds(*asked)
        if found is not None:
            found.most_a_day += 1
        return found

    patch.setattr(earning, "rule_on", rule_on)


def cap_of_staff_not_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(earning, "_given_today", lambda *_asked: 0)


def taken_back_counts_still(patch: pytest.MonkeyPatch) -> None:
    def given_today(actor_name: str, day: Any) -> int:
        given = Award.objects.filter(posting__actor_name=actor_name, rule__isnull=True, day=day)
        return sum(given.values_list("points", flat=True))

    patch.setattr(earning, "_given_today", given_today)


def taken_for_active(status: str) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        locks = redemption._locked

        def active(courier: Courier) -> Courier:
            if courier.status == status:
                courier.status = Courier.Status.ACTIVE
            return courier

        def locked(row: Redemption) -> tuple[Courier, Redemption]:
            courier, row = locks(row)
            return active(courier), row

        patch.setattr(redemption, "_locked", locked)
        otherwise_in_sql(
            "points_redeem", "SELECT c.status INTO", f"SELECT replace(c.status, '{status}', 'active') INTO"
        )

    return plant


def reversed_twice(patch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - the database's own word is taken away
    assert Posting._meta.get_field("reverses").one_to_one
    changed("ALTER TABLE points_posting DROP CONSTRAINT points_posting_reverses_id_key")


BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a count reads the balance before the lock": count_read_before_the_lock,
    "the price is that of the end, not of the order": price_of_the_day_of_the_end,
    "the price that was shown is not compared": price_not_compared,
    "the month's limit forgets what is only ordered": limit_without_what_is_ordered,
    "a cancelled order gives nothing back": nothing_comes_back("cancelled"),
    "an expired order gives nothing back": nothing_comes_back("expired"),
    "a gift is handed over twice": handed_over_twice,
    "a pass is good for a second time": pass_that(is_good_again=True),
    "a pass lives for ever": pass_that(lives_for_ever=True),
    "anybody's pass is good": pass_that(is_anybodys=True),
    "an award is paid by no fund": award_without_the_fund,
    "one district's fund pays for all": always_the_same_fund,
    "a wish that is told again is done again": wish_done_again,
    "pieces are carried without entries": carried_without_entries,
    "the cap of a day is one too high": cap_off_by_one,
    "a day is a day in UTC": day_in_utc,
    "what a member of staff gave today is not counted": cap_of_staff_not_counted,
    "what was taken back counts still": taken_back_counts_still,
    "whom no steward has met is given a gift": taken_for_active("unverified"),
    "who is blocked is given a gift": taken_for_active("blocked"),
    "a posting is taken back twice": reversed_twice,
}


WALKS, STEPS = 8, 80


def what_the_model_finds() -> BaseException | None:
    """What the model has against the program as it is now, in a bounded number of steps; the same at every run."""
    for seed in range(WALKS):
        town = InATransaction()
        try:
            town.walk(Random(seed), STEPS)
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever it is, it was found
            return error
        finally:
            town.teardown()
    return None


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[bug](monkeypatch)
    Town.steps = 0
    found = what_the_model_finds()
    assert found is not None, f"not within {Town.steps} steps"
    counted("T05", "bugs planted one by one, each found by the model", planted=1, found=1)


def test_without_a_bug_nothing_is_found() -> None:
    """The control of all above: the same walks."""
    Town.steps = Town.refused = 0
    assert what_the_model_finds() is None
    assert Town.steps >= WALKS * STEPS * 0.9
    assert 0.2 < Town.refused / Town.steps < 0.6
