"""`verify_ledger` names each planted fault, and finds nothing if there is none."""

import inspect
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from core.models import IdempotentRequest, User
from points import earning, funds, ledger, opening, passes, queue, redemption, sealing, stock, verifying
from points.models import Posting
from points.verifying import Within
from points.violation import TEMPLATES, in_words
from stations import registering
from stations.models import Division, StaffRole, Station
from tests.builders import NOON, make_courier, make_staff, make_subdistrict
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.points.test_sealing import seal
from tests.proving import counted

# What somebody who owns the database might do, with the referee switched off → the invariants that name it.
PLANTED: dict[str, tuple[str, set[str]]] = {
    "a wallet gets 500 out of nothing": (
        "UPDATE points_account SET balance = balance + 500 WHERE id = {wallet}",
        {"I2"},
    ),
    "its number moves on without an entry": ("UPDATE points_account SET seq = seq + 1 WHERE id = {wallet}", {"I3"}),
    "an entry is enlarged": (
        "UPDATE points_entry SET amount = amount + 5 WHERE account_id = {wallet} AND seq = 1",
        {"I1", "I2", "I3", "I5", "I8"},
    ),
    "an entry is enlarged on both sides": (
        "UPDATE points_entry SET amount = amount + sign(amount) * 5 WHERE posting_id = {posting}",
        {"I2", "I3", "I8"},
    ),
    "an entry is gone": (
        "DELETE FROM points_entry WHERE account_id = {wallet} AND seq = 1",
        {"I1", "I2", "I3", "I5", "I8"},
    ),
    "all entries of a posting are gone": (
        "DELETE FROM points_entry WHERE posting_id = {posting}",
        {"I1", "I2", "I3", "I8"},
    ),
    "a balance in between is below zero": (
        "UPDATE points_entry SET balance_after = -5 WHERE account_id = {wallet} AND seq = 1",
        {"I3", "I4"},
    ),
    "an award is said to be a present": (
        "UPDATE points_posting SET kind = 'present' WHERE id = {posting}",
        {"I1"},
    ),
    "a wallet is given to a district": (
        "UPDATE points_account SET division_id = '420106' WHERE id = {wallet}",
        {"I4"},
    ),
    "a wallet may fall below zero": (
        "UPDATE points_account SET is_bounded = false WHERE id = {wallet}",
        {"I4"},
    ),
    "a number is skipped": (
        "UPDATE points_entry SET seq = seq + 10 WHERE account_id = {wallet} AND seq = 2",
        {"I2", "I3"},
    ),
    "the newest number is one too high, and the account says so too": (
        "UPDATE points_entry SET seq = 6 WHERE account_id = {wallet} AND seq = 5; UPDATE points_account SET seq = 6 WHERE id = {wallet}",
        {"I3"},
    ),
    "an account has forgotten an entry": ("UPDATE points_account SET seq = seq - 1 WHERE id = {wallet}", {"I3"}),
    "an entry does not say what it left": (
        "UPDATE points_entry SET balance_after = NULL WHERE account_id = {wallet} AND seq = 1",
        {"I3", "I4"},
    ),
    "a balance where none is kept": ("UPDATE points_account SET balance = 5 WHERE id = {issued}", {"I4"}),
    "a number where none is given": ("UPDATE points_entry SET seq = 1 WHERE account_id = {issued}", {"I3", "I4"}),
    "a reversal of half": (
        "UPDATE points_entry SET amount = amount / 2 WHERE posting_id = {reversal}",
        {"I2", "I3", "I6"},
    ),
    "a reversal of more": (
        "INSERT INTO points_entry (posting_id, account_id, amount) VALUES ({reversal}, {issued}, -5), ({reversal}, {redeemed}, 5)",
        {"I6"},
    ),
    "a reversal of something else": (
        "UPDATE points_posting SET reverses_id = {posting} WHERE id = {reversal}",
        {"I6"},
    ),
    "two districts in one posting": (
        "UPDATE points_account SET division_id = '420104' WHERE kind = 'issued'",
        {"I1", "I10"},
    ),
    "an order is said to be handed over": ("UPDATE points_redemption SET points = points + 1", {"I7"}),
    "a piece is set aside for nobody": (
        "UPDATE points_account SET balance = 5 WHERE kind = 'reserve'",
        {"I2", "I7"},
    ),
    "an order waits and nothing is set aside": (
        "UPDATE points_account SET balance = 0 WHERE kind = 'reserve'",
        {"I2", "I7"},
    ),
    "an award says other points": ("UPDATE points_award SET points = points + 1 WHERE posting_id = {posting}", {"I8"}),
    "an award says somebody else": (
        "UPDATE points_award SET courier_id = {stranger} WHERE posting_id = {posting}",
        {"I8"},
    ),
    "an award says another fund": (
        "UPDATE points_award SET district_id = '420104' WHERE posting_id = {posting}",
        {"I8"},
    ),
    "an award is gone": ("DELETE FROM points_award WHERE posting_id = {posting}", {"I8"}),
    "a fund is filled without the city": (
        "UPDATE points_entry SET amount = amount / 2 WHERE account_id = {issued}",
        {"I1", "I5", "I10"},
    ),
    "a partner's posting has no answered request": (
        "UPDATE points_posting SET actor_name = 'partner little-bees' WHERE id = {posting}",
        {"I9"},
    ),
    "who received gifts had lost his duty before": (
        "UPDATE stations_staffrole SET ends_at = starts_at + interval '1 day'",
        {"I12"},
    ),
}


@pytest.fixture
def ids() -> dict[str, Any]:
    books = keep_books()
    given = award(books, 40)
    order(books)
    receive(books, make_staff("guitai", scope=books.station, duties=["counter"]))
    reversal = ledger.reverse(posting=given, reason="tests", op_id=op(), actor="tests", at=NOON)
    return {
        "wallet": books.wallet,
        "posting": award(books, 60).pk,
        "reversal": reversal.posting_id,
        "stranger": make_courier().pk,
        "issued": ledger.of_district("issued", books.district.code),
        "redeemed": ledger.of_district("redeemed", books.district.code),
    }


def receive(books: Books, actor: User | str, *, at: datetime = NOON) -> Posting:
    delivery = stock.Delivery(document_no="R-2", unit_price_cny=Decimal(3), funding="union")
    posted = stock.receive(
        gift=books.gift, station=books.station, pieces=1, delivery=delivery, op_id=op(), actor=actor, at=at
    )
    return Posting.objects.get(pk=posted.posting_id)


def plant(statement: str) -> None:
    with connection.cursor() as cursor:
        for table in ("points_account", "points_posting", "points_entry"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(statement)


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_named(transactional_db: None, ids: dict[str, Any], what: str) -> None:  # noqa: ARG001
    assert list(verifying.verify_ledger()) == []
    statement, invariants = PLANTED[what]
    plant(statement.format(**ids))
    assert {each.invariant for each in verifying.verify_ledger()} == invariants
    counted("T05", "faults planted with the referee off, each named by verify_ledger", planted=1, named=1)


@pytest.mark.django_db
@pytest.mark.parametrize("which", ["ordered", "ended"])
def test_a_gift_in_somebodys_hand_whose_postings_were_taken_back_is_named(which: str) -> None:
    """By a program that reverses past the verb which keeps the redemption in step."""
    books = keep_books()
    made = order(books)
    queue.join(redemption=made, at=NOON)
    made = redemption.hand_over(
        redemption=made, presence=redemption.Presence(in_queue=True), op_id=op(), actor="tests", at=NOON
    )
    assert list(verifying.broken_invariants()) == []
    if which == "ordered":  # the piece is set aside no more: back there first, past all doors
        assert made.ended is not None
        ledger.reverse(posting=made.ended, reason="tests", op_id=op(), actor="tests", at=NOON)
    ledger.reverse(posting=getattr(made, which), reason="tests", op_id=op(), actor="tests", at=NOON)
    said = [each.said[1:3] for each in verifying.broken_invariants() if each.invariant == "I7"]
    assert [made.code, "handed-over"] in said


# What is wrong with a redemption → the statement. {end} is the reversal of something else.
REDEMPTIONS = {
    "cancelled by the end of something else": "UPDATE points_redemption SET ended_id = {end} WHERE status = 'cancelled'",
    "returned by the end of something else": "UPDATE points_redemption SET returned_id = {end} WHERE status = 'returned'",
    "returned, and its hand-over stands": "UPDATE points_posting SET reverses_id = {ordered} WHERE reverses_id = {handed_over}",
    "waiting, and taken back": "UPDATE points_redemption SET status = 'ordered', ended_id = NULL, ended_at = NULL WHERE status = 'cancelled'",
}


@pytest.mark.parametrize("what", REDEMPTIONS)
def test_a_redemption_that_its_postings_contradict_is_named(transactional_db: None, what: str) -> None:  # noqa: ARG001
    books = keep_books()
    waiting, cancelled, returned = (order(books) for _each in range(3))
    redemption.cancel(redemption=cancelled, reason="不要了", op_id=op(), actor="tests", at=NOON)
    queue.join(redemption=returned, at=NOON)
    by_queue = redemption.Presence(in_queue=True)
    given = redemption.hand_over(redemption=returned, presence=by_queue, op_id=op(), actor="tests", at=NOON)
    redemption.undo_hand_over(redemption=given, reason="发错了", op_id=op(), actor="chief", at=NOON)
    end = ledger.reverse(posting=award(books, 7), reason="tests", op_id=op(), actor="tests", at=NOON).posting_id
    assert list(verifying.verify_ledger()) == []
    plant(REDEMPTIONS[what].format(end=end, ordered=waiting.ordered_id, handed_over=given.ended_id))
    named = {each.said[1] for each in verifying.verify_ledger() if each.invariant == "I7"}
    assert (cancelled.code if "cancelled" in REDEMPTIONS[what] else returned.code) in named


def test_every_invariant_is_broken_by_something_planted() -> None:
    broken = set().union(*(invariants for _statement, invariants in PLANTED.values()))
    assert set(verifying.CODES) - {verifying.SEALS} == broken  # tests/points/test_sealing.py plants that


def run(*arguments: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("verify_ledger", *arguments, stdout=out)
    except SystemExit as left:
        return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_clean_or_names_it(transactional_db: None, ids: dict[str, Any]) -> None:  # noqa: ARG001
    code, said = run()
    assert code == 0
    assert str(len(verifying.CODES)) in said
    plant(PLANTED["a wallet gets 500 out of nothing"][0].format(**ids))
    code, said = run()
    assert code == 1
    assert f"账户{ids['wallet']}的余额为1360，分录合计为860" in said
    code, said = run("--json")
    assert (code, [each["invariant"] for each in json.loads(said)]) == (1, ["I2"])


# ── I12: the duty at that time ──────────────────────────────────────────────────────────────────────────────────────


def _award(books: Books, by: User) -> Posting:
    return earning.award_by_hand(
        courier=books.courier, points=9, district=books.district, reason="tests", op_id=op(), actor=by, at=NOON
    ).posting


def _approve(books: Books, by: User) -> Posting:
    return earning.award_by_hand(
        courier=books.courier, points=9, district=books.district, reason="tests", op_id=op(), actor=ACTOR, approver=by,
        at=NOON,
    ).posting  # fmt: skip


def _open(books: Books, by: User) -> Posting:
    posted = opening.open_balance(
        courier=books.courier, points=9, district=books.district, document="第3页", actor=by, approver=ACTOR, at=NOON
    )
    return Posting.objects.get(pk=posted.posting_id)


def _allocate(books: Books, by: User) -> Posting:
    posted = funds.allocate(district=books.district, points=9, source="R", op_id=op(), actor=by, at=NOON)
    return Posting.objects.get(pk=posted.posting_id)


def _redeem(books: Books, by: User) -> Posting:
    presence = redemption.Presence(digits=passes.issue(courier=books.courier, at=NOON))
    return redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, presence=presence, op_id=op(),
        actor=by, at=NOON,
    ).ordered  # fmt: skip


def _hand_over(books: Books, by: User) -> Posting:
    presence = redemption.Presence(digits=passes.issue(courier=books.courier, at=NOON))
    ordered = order(books)
    done = redemption.hand_over(redemption=ordered, presence=presence, op_id=op(), actor=by, at=NOON)
    assert done.ended is not None
    return done.ended


def _witness(books: Books, by: User) -> Posting:
    presence = redemption.Presence(witness=by, reason="手机没电")
    return redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, presence=presence, op_id=op(),
        actor=ACTOR, at=NOON,
    ).ordered  # fmt: skip


def _move(books: Books, by: User) -> Posting:
    posted = stock.move(
        gift=books.gift, source=books.station, target=books.second, pieces=1, op_id=op(), actor=by, at=NOON
    )
    return Posting.objects.get(pk=posted.posting_id)


def _count(books: Books, by: User) -> Posting:
    done = stock.count(
        gift=books.gift, station=books.station, found=3, witness="王监盘", reason="少了", op_id=op(), actor=by, at=NOON
    )
    assert done.posted is not None
    return Posting.objects.get(pk=done.posted.posting_id)


def _scrap(books: Books, by: User) -> Posting:
    posted = stock.scrap(gift=books.gift, station=books.station, pieces=1, reason="坏了", op_id=op(), actor=by, at=NOON)
    return Posting.objects.get(pk=posted.posting_id)


# What is done → by whom with which duty, and where.
DEEDS: dict[str, tuple[Callable[[Books, User], Posting], str, str]] = {
    "award": (_award, "review", "district"),
    "award approved": (_approve, "review", "district"),
    "opening": (_open, "manage", "district"),
    "allocation": (_allocate, "manage", "city"),
    "redemption": (_redeem, "counter", "station"),
    "witness": (_witness, "counter", "station"),
    "handover": (_hand_over, "counter", "station"),
    "receipt": (receive, "manage", "station"),
    "move": (_move, "counter", "station"),
    "count": (_count, "counter", "station"),
    "scrap": (_scrap, "manage", "district"),
}
LAPSES: dict[str, dict[str, Any] | None] = {
    "ended before": {"ends_at": NOON - timedelta(seconds=1)},
    "ended at that moment": {"ends_at": NOON},
    "began after": {"starts_at": NOON + timedelta(seconds=1)},
    "another duty": {"duties": ["audit"]},
    "elsewhere": {"division_id": "420104", "station_id": None},
    "of nobody": None,
}


@pytest.mark.django_db
@pytest.mark.parametrize("deed", DEEDS)
def test_who_had_no_duty_for_it_then_is_named(deed: str) -> None:
    books = keep_books()
    do, duty, where = DEEDS[deed]
    places: dict[str, Division | Station] = {
        "city": Division.objects.get(pk="4201"),
        "district": books.district,
        "station": books.station,
    }
    user = make_staff("cao", scope=places[where], duties=[duty])
    posting = do(books, user)
    assert "cao" in (posting.actor_name, posting.approver_name)
    assert list(verifying.broken_invariants()) == []
    role = StaffRole.objects.filter(user=user)
    before = role.values().get()
    named = [posting.pk, posting.kind, "cao"]
    # The city allocates, and not the district that gets it.
    own = [{"division_id": books.district.code}] if deed == "allocation" else []
    for lapse in (*LAPSES.values(), *own):
        if lapse is None:
            role.delete()
        else:
            role.update(**lapse)
        assert [(each.invariant, each.said[1:]) for each in verifying.broken_invariants()] == [("I12", named)]
        StaffRole(**before).save()
    role.update(starts_at=NOON, ends_at=NOON + timedelta(seconds=1))
    assert list(verifying.broken_invariants()) == []
    role.delete()
    User.objects.filter(pk=user.pk).update(is_superuser=True)
    assert list(verifying.broken_invariants()) == []


@pytest.mark.django_db
def test_who_had_the_duty_where_the_station_lay_then_is_not_accused_when_it_is_moved() -> None:
    """Twice corrected: each posting is judged by the street of its own day, whatever is right today."""
    books = keep_books()
    first, second, third = (make_subdistrict(code=f"42010600{number}", name=f"{number}街道") for number in (4, 5, 6))
    staff = {street: make_staff(street.name, scope=street, duties=["counter"]) for street in (first, second, third)}
    posted: dict[str, Posting] = {}
    for number, street in enumerate((first, second, third)):
        at = NOON + timedelta(days=number)
        books.station = registering.amend(
            station=books.station, facts={"division": street, "floor": f"{number}"}, actor=ACTOR, at=at
        )
        posted[street.code] = receive(books, staff[street], at=at + timedelta(hours=1))
    registering.amend(station=books.station, facts={"floor": "9"}, actor=ACTOR, at=NOON + timedelta(days=4))
    assert list(verifying.broken_invariants()) == []
    # Who holds it where the station lies today had none there then.
    role = StaffRole.objects.get(user=staff[second])
    role.division = third
    role.save()
    [found] = verifying.broken_invariants()
    assert (found.invariant, found.said[1]) == ("I12", posted[second.code].pk)


# ── I9: the keys of partners ────────────────────────────────────────────────────────────────────────────────────────


def by_partner(books: Books, key: str, *, client: str = "little-bees", actor: str = "", status: int = 201) -> Posting:
    """As the API does: the posting's number is made of client and key."""
    posted = ledger.post(
        kind="allocation",
        moves=[(ledger.of_district("issued", books.district.code), -5), (books.fund, 5)],
        op_id=uuid.uuid5(uuid.NAMESPACE_URL, f"idempotent:{client}:{key}"),
        actor=actor or f"partner {client}",
        at=NOON,
    )
    IdempotentRequest.objects.create(
        client=client, key=key, status=status, body=b"", request_digest="0" * 64, made_at=NOON
    )
    return Posting.objects.get(pk=posted.posting_id)


def keys_broken() -> list[tuple[Any, ...]]:
    return [tuple(each.said) for each in verifying.broken_invariants() if each.invariant == "I9"]


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [1, 2, 10_000])
def test_postings_of_partners_and_kept_answers_agree(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(verifying, "_KEYS_AT_ONCE", at_once)
    books = keep_books()
    good = [by_partner(books, f"key-{number}") for number in range(3)]
    IdempotentRequest.objects.create(  # a look-up, a use: at doors that post nothing
        client="little-bees", key="other", status=201, body=b"", request_digest="0" * 64, made_at=NOON
    )
    by_partner(books, "of-somebody", client="tests-2")
    assert keys_broken() == []
    refused = by_partner(books, "refused", status=409)
    foreign = by_partner(books, "foreign", actor="partner large-bees")
    IdempotentRequest.objects.filter(key="key-1").delete()
    assert sorted(keys_broken()) == sorted(
        [
            (
                "posting %s was made under key %s of %s, which was answered with %s",
                refused.pk,
                "refused",
                "little-bees",
                409,
            ),
            (
                "posting %s by %s was made under key %s of %s",
                foreign.pk,
                "partner large-bees",
                "foreign",
                "little-bees",
            ),
            ("posting %s by %s was made under a key that no answer is kept for", good[1].pk, "partner little-bees"),
        ]
    )


def test_what_is_older_than_answers_are_kept_is_not_asked_about(transactional_db: None) -> None:  # noqa: ARG001
    posting = by_partner(keep_books(), "key")
    IdempotentRequest.objects.all().delete()
    assert len(keys_broken()) == 1
    plant(f"UPDATE points_posting SET recorded_at = now() - interval '30 days' WHERE id = {posting.pk}")  # noqa: S608
    assert keys_broken() == []


# ── A part of the ledger ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_district_or_the_last_days_are_asked_alone(transactional_db: None, ids: dict[str, Any]) -> None:  # noqa: ARG001
    other = make_courier(district=Division.objects.get(pk="420104"))
    ledger.post(
        kind="merge",
        moves=[(ids["wallet"], -1), (ledger.wallet(other), 1)],
        op_id=op(),
        actor=ACTOR,
        at=NOON,
    )
    for arguments in ((), ("--division", "420106"), ("--division", "420104"), ("--since", "2020-01-01")):
        assert run(*arguments)[0] == 0
    plant(PLANTED["a wallet gets 500 out of nothing"][0].format(wallet=ledger.wallet(other)))
    plant(PLANTED["a fund is filled without the city"][0].format(**ids))
    seen = {
        arguments: {each["invariant"] for each in json.loads(run(*arguments, "--json")[1])}
        for arguments in ((), ("--division", "420106"), ("--division", "420104"), ("--since", "2020-01-01"))
    }
    everything = {"I1", "I2", "I5", "I10"}
    assert seen[()] == seen["--since", "2020-01-01"] == everything
    assert seen["--division", "420106"] == everything - {"I2"}
    assert seen["--division", "420104"] == {"I2"}
    assert run("--since", "2099-01-01")[0] == 0


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_planted_is_named_in_its_district_and_its_days(
    transactional_db: None,  # noqa: ARG001
    ids: dict[str, Any],
    what: str,
) -> None:
    statement, invariants = PLANTED[what]
    plant(statement.format(**ids))
    since = Within(since=NOON)
    assert {each.invariant for each in verifying.verify_ledger(since)} == invariants
    if what != "two districts in one posting":  # of which one moved away
        assert {each.invariant for each in verifying.verify_ledger(Within(district="420106"))} == invariants


def test_a_fund_that_may_fall_below_zero_is_named_before_it_moves(transactional_db: None) -> None:  # noqa: ARG001
    keep_books()
    plant(
        "INSERT INTO points_account (kind, division_id, is_bounded, balance, seq) VALUES ('fund', '420104', false, 0, 0)"
    )
    [violation] = verifying.verify_ledger()
    assert (violation.invariant, violation.said[2]) == ("I4", "fund")
    assert violation.sentence.endswith("的类别是“区里的资金”，却没有余额记录")


def test_seals_since_a_day_believe_the_one_before(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books()
    for day in range(3):
        award(books, 1)
        seal(now=NOON + timedelta(days=day))
    first, *_others, second, third = Posting.objects.order_by("pk")

    def broken(since: datetime | None = None) -> int:
        return len(list(sealing.broken_seals(since=since)))

    plant(f"UPDATE points_posting SET reason = 'x' WHERE id = {first.pk}")  # noqa: S608
    assert (broken(), broken(NOON + timedelta(days=1))) == (1, 0)
    # A seal of that very moment is asked about.
    plant(f"UPDATE points_posting SET reason = 'x' WHERE id = {second.pk}")  # noqa: S608
    assert (broken(NOON + timedelta(days=1)), broken(NOON + timedelta(days=2))) == (1, 0)
    plant(f"UPDATE points_posting SET reason = 'x' WHERE id = {third.pk}")  # noqa: S608
    assert broken(NOON + timedelta(days=2)) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("arguments", [("--division", "429999"), ("--division", "x'"), ("--since", "yesterday")])
def test_what_cannot_be_asked_ends_with_2(arguments: tuple[str, str]) -> None:
    keep_books()
    with pytest.raises(CommandError) as refusal:
        call_command("verify_ledger", *arguments)
    assert refusal.value.returncode == 2


# ── In words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_that_can_be_said_is_said_in_both_languages() -> None:
    sources = "".join(inspect.getsource(module) for module in (verifying, sealing))
    literals = {*re.findall(r"[\"']([^\"'\n]*%s[^\"'\n]*)[\"']", sources)}
    assert {each for each in literals if not re.search(r"SELECT|AND|LIMIT|WHERE", each)} == TEMPLATES
    for template in TEMPLATES:
        said = (template, *["points"] * template.count("%s"))
        for language, has_chinese in (("zh-hans", True), ("en", False)):
            with translation.override(language):
                assert bool(re.search(r"[\u4e00-\u9fff]", in_words(said))) is has_chinese
                assert "%s" not in in_words(said)


def test_kinds_and_states_are_said_by_their_labels_and_names_as_they_are() -> None:
    said = ("posting %s (“%s”) was done or signed by %s, who had no duty for it then", 7, "award", "award")
    assert in_words(said) == "记账凭证7（“奖励”）由award经手或核准，当时没有相应的职责"
