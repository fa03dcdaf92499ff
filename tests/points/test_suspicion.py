"""T19: among thousands of couriers the pairs that staff and friends make stand out, and what is usual does not."""

import random
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from core import clock
from couriers.codes import new_code
from couriers.models import Courier
from points import earning, funds, ledger, passes, redemption, stock, suspicion
from points.models import AwardLimit
from points.redemption import Presence
from points.suspicion import FEWEST, stand_out
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import PRICE, Books, award, keep_books, op
from tests.points.test_admin import desk
from tests.proving import counted, times

pytestmark = pytest.mark.django_db

SPAN = {"since": NOON - timedelta(days=90), "until": NOON + timedelta(days=1)}


@dataclass
class Town:
    """So many couriers, each with an account that holds points; staff at stations of one district."""

    books: Books
    couriers: list[int]  # keys
    wallets: dict[int, int]
    draws: random.Random

    def award(self, deeds: list[tuple[str, int, int]]) -> None:
        """Points by hand, each (staff, courier, points), written in one statement and past no guard."""
        self._post(
            "award", [(staff, "", courier, points) for staff, courier, points in deeds],
            "(a.fund, -d.points), (d.wallet, d.points)", {"fund": self.books.fund},
            "INSERT INTO points_award (posting_id, courier_id, district_id, action, matter, points, day)"
            " SELECT id, d.courier, '420106', '', op_id::text, d.points, '2026-06-10' FROM posting JOIN deed d USING (op_id)",
        )  # fmt: skip

    def hand_over(self, deeds: list[tuple[str, str, int]]) -> None:
        """Gifts without a pass, each (staff, witness, courier)."""
        self._post(
            "redemption", [(staff, witness, courier, 1) for staff, witness, courier in deeds],
            "(d.wallet, -1), (a.redeemed, 1), (a.stock, -1), (a.out, 1)",
            {
                "redeemed": ledger.of_district("redeemed", "420106"),
                "stock": ledger.stock(self.books.gift, self.books.station),
                "out": ledger.of_gift("handed-out", self.books.gift),
            },
            "INSERT INTO points_redemption (code, courier_id, gift_id, station_id, points, status, ordered_id, ended_id,"
            " ordered_at, ended_at, fetch_until)"
            f" SELECT upper(substr(md5(op_id::text), 1, 11)), d.courier, {self.books.gift.pk}, {self.books.station.pk}, 1,"
            " 'handed-over', id, id, occurred_at, occurred_at, occurred_at FROM posting JOIN deed d USING (op_id)",
        )  # fmt: skip

    def _post(
        self, kind: str, deeds: list[tuple[str, str, int, int]], moves: str, accounts: dict[str, int], after: str
    ) -> None:
        """In pieces: many changes of one account in one transaction are slow."""
        named = ", ".join(f"{number}::bigint AS {name}" for name, number in accounts.items())
        for start in range(0, len(deeds), 1_000):
            part = deeds[start : start + 1_000]
            with connection.cursor() as cursor:
                cursor.execute(
                    "WITH deed AS (SELECT gen_random_uuid() AS op_id, * FROM unnest(%s::text[], %s::text[], %s::bigint[],"
                    " %s::bigint[], %s::bigint[]) AS d (staff, witness, courier, wallet, points)),"
                    " posting AS (INSERT INTO points_posting (op_id, kind, actor_name, approver_name, reason, source,"
                    f" occurred_at) SELECT op_id, '{kind}', staff, witness, 'x', '', %s FROM deed"
                    " RETURNING id, op_id, occurred_at),"
                    f" a AS (SELECT {named}),"
                    " entries AS (INSERT INTO points_entry (posting_id, account_id, amount)"
                    " SELECT p.id, m.account, m.amount FROM posting p JOIN deed d USING (op_id) CROSS JOIN a"
                    f" CROSS JOIN LATERAL (VALUES {moves}) AS m (account, amount) ORDER BY m.account) {after}",
                    [
                        [staff for staff, *_rest in part], [witness for _staff, witness, *_rest in part],
                        [courier for *_before, courier, _points in part],
                        [self.wallets[courier] for *_before, courier, _points in part],
                        [points for *_before, points in part], NOON,
                    ],
                )  # fmt: skip


def people(couriers: int, *, seed: int = 5) -> Town:
    """A town in which everything usual has happened: some help often, some staff give much, some phones are broken."""
    books, draws = keep_books(points=0, pieces=ledger.MOST // 2), random.Random(seed)
    Courier.objects.bulk_create(
        Courier(
            code=new_code(), kind="express", status="active", division=books.district, registered_at=NOON,
            registered_by="tests", channel="staff", verified_at=NOON, verified_by="tests",
        )
        for _each in range(couriers)
    )  # fmt: skip
    keys = list(Courier.objects.exclude(pk=books.courier.pk).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO points_account (kind, courier_id, balance, seq) SELECT 'wallet', unnest(%s::bigint[]), 0, 0"
            " RETURNING courier_id, id",
            [keys],
        )
        wallets = dict(cursor.fetchall())
    funds.allocate(district=books.district, points=ledger.MOST // 2, source="T19", op_id=op(), actor="tests", at=NOON)
    return Town(books, keys, wallets, draws)


def usual(town: Town, *, staff: int, deeds: int) -> None:
    """Each is met about as often as anybody; one in fifty helps ten times as much, and is known to several of staff."""
    names = [f"clerk-{number}" for number in range(staff)]
    regulars = town.couriers[::50]
    awards, hand_overs = [], []
    for _each in range(deeds):
        courier = town.draws.choice(regulars if town.draws.random() < 0.15 else town.couriers)
        # Whoever helps at one place is met by the few who work there.
        near = names[courier % staff :][:3] + names[:3]
        awards.append((town.draws.choice(near[:3]), courier, town.draws.choice([20, 50, 50, 100, 200])))
    town.award(awards)
    for _each in range(deeds // 4):
        courier = town.draws.choice([given[1] for given in awards])
        near = names[courier % staff :][:3] + names[:3]
        hand_overs.append((*town.draws.sample(near[:3], 2), courier))
    town.hand_over(hand_overs)


def plant(town: Town) -> set[tuple[str, str, int]]:
    """Twenty pairs of three kinds: points often, points in large lumps, and gifts without a pass among friends."""
    friends = town.draws.sample(town.couriers, 20)
    pairs, awards, hand_overs = set(), [], []
    for number, courier in enumerate(friends):
        staff = f"clerk-{number}"
        if number < 8:
            awards += [(staff, courier, 50)] * 14
            pairs.add(("award", staff, courier))
        elif number < 14:
            awards += [(staff, courier, 500)] * 6
            pairs.add(("award", staff, courier))
        else:
            awards.append((staff, courier, 50))
            hand_overs += [(staff, f"clerk-{number + 1}", courier)] * 12
            pairs.add(("handover", staff, courier))
    town.award(awards)
    town.hand_over(hand_overs)
    return pairs


def test_every_planted_pair_is_found_and_little_else() -> None:
    couriers = times(800, 10_000)
    town = people(couriers)
    usual(town, staff=times(24, 60), deeds=3 * couriers)
    before = stand_out(**SPAN)
    planted = plant(town)
    found = stand_out(**SPAN)
    said = {(pair.deed, pair.staff, pair.courier_id) for pair in found}
    # Who witnessed for a friend stands out beside the one who handed over.
    witnesses = {
        ("handover", f"clerk-{int(staff[6:]) + 1}", courier) for deed, staff, courier in planted if deed == "handover"
    }
    others = said - planted - witnesses
    counted(
        "T19", "pairs of staff and courier", couriers=couriers, planted=len(planted), found=len(said & planted),
        usual_ones_named=len(others), named_before_planting=len(before),
    )  # fmt: skip
    assert len(planted) == 20
    assert planted - said == set()
    assert len(others) <= 2
    assert len(before) <= 2


def hand(books: Books, courier: Courier, *, actor: str, how_often: int, points: int = 50) -> None:
    for _each in range(how_often):
        earning.award_by_hand(
            courier=courier, points=points, district=books.district, reason="x", op_id=op(), actor=actor, at=NOON
        )


@pytest.fixture
def books() -> Books:
    """Two of staff who have each given to a dozen couriers."""
    books = keep_books(points=0)
    for _each in range(12):
        other = make_courier()
        for actor in ("li", "wang"):
            hand(books, other, actor=actor, how_often=1)
    return books


def test_a_friend_stands_out_and_a_helper_of_all_does_not(books: Books) -> None:
    hand(books, books.courier, actor="li", how_often=12)
    (pair,) = stand_out(**SPAN)
    assert (pair.deed, pair.staff, pair.courier, pair.times, pair.of_all) == ("award", "li", books.courier.code, 12, 24)
    assert pair.points == 600
    hand(books, books.courier, actor="wang", how_often=10)
    assert stand_out(**SPAN) == []


def test_few_are_no_habit_and_one_large_one_neither(books: Books) -> None:
    hand(books, books.courier, actor="li", how_often=FEWEST - 1)
    hand(books, make_courier(), actor="li", how_often=1, points=5_000)
    assert stand_out(**SPAN) == []
    # Several large ones are.
    hand(books, make_courier(), actor="li", how_often=4, points=5_000)
    assert [pair.times for pair in stand_out(**SPAN)] == [4]


def test_what_was_taken_back_or_is_past_or_elsewhere_does_not_count(books: Books) -> None:
    hand(books, books.courier, actor="li", how_often=12)
    assert len(stand_out(**SPAN)) == 1
    assert len(stand_out(**SPAN, districts=["420106"])) == 1
    assert stand_out(**SPAN, districts=["420104"]) == stand_out(**SPAN, districts=[]) == []
    assert stand_out(since=NOON - timedelta(days=9), until=NOON) == []
    for given in books.courier.awards.all():
        ledger.reverse(posting=given.posting, reason="x", op_id=op(), actor="tests", at=NOON)
    assert stand_out(**SPAN) == []


def test_gifts_without_a_pass_name_both_who_stood_there(books: Books) -> None:
    usual_ones = [make_courier(actor=make_staff(f"met-{number}")) for number in range(12)]
    ming = make_staff("ming", scope=books.district, duties=["counter"])
    fang = make_staff("fang", scope=books.district, duties=["counter"])
    qing = make_staff("qing", scope=books.district, duties=["counter"])

    def give(courier: Courier, actor: Any, witness: Any) -> None:
        award(books, PRICE, courier=courier)
        presence = Presence(witness=witness, reason="手机坏了")
        if witness is None:
            presence = Presence(digits=passes.issue(courier=courier, at=NOON))
        redemption.redeem(
            courier=courier, gift=books.gift, station=books.station, points=PRICE, presence=presence, op_id=op(),
            actor=actor, at=NOON,
        )  # fmt: skip

    stock.receive(
        gift=books.gift, station=books.station, pieces=90, op_id=op(), actor="tests", at=NOON,
        delivery=stock.Delivery(document_no="R-2", unit_price_cny=Decimal(1), funding="union"),
    )  # fmt: skip
    for courier in usual_ones:
        give(courier, ming, fang)
        give(courier, fang, qing)
    for _each in range(12):
        give(books.courier, ming, None)
    assert [pair.deed for pair in stand_out(**SPAN) if pair.deed == "handover"] == []
    for _each in range(14):
        give(books.courier, ming, qing)
    found = {pair.staff: pair.partner for pair in stand_out(**SPAN) if pair.deed == "handover"}
    assert found == {"ming": "qing", "qing": "ming"}


def test_chance_is_poissons() -> None:
    assert suspicion._at_least(1, 0.5) == pytest.approx(0.393469, rel=1e-5)
    assert suspicion._at_least(12, 1.0) == pytest.approx(8.3161e-10, rel=1e-3)
    assert suspicion._at_least(3, 4.0) == 1.0
    assert 0 <= suspicion._at_least(5_000, 1.0) < 1e-300


def test_the_page_is_for_those_who_audit_and_cut_to_their_districts(books: Books) -> None:
    AwardLimit.objects.filter(valid_from__lte=NOON).update(valid_from="2026-01-01")
    stranger = make_courier(district=books.other)
    for _each in range(12):
        award_now(books, stranger)
    address = reverse("admin:points_stand_out")
    auditor = desk(make_staff("auditor", scope=books.district, duties=["audit"]))
    away = desk(make_staff("away", scope=books.other))
    reviews = desk(make_staff("reviews", scope=books.district, duties=["review", "counter"]))
    (line,) = auditor.get(f"{address}?days=30").context["pairs"]
    assert (line["pair"].courier, line["history"]) == (stranger.code, "")
    assert away.get(address).context["pairs"] == []
    assert reviews.get(address).status_code == 403
    city = desk(make_staff("city"))
    (line,) = city.get(f"{address}?days=x").context["pairs"]
    assert line["history"] == reverse("admin:points_courier_history", args=[stranger.pk])
    for browser, sees in ((auditor, True), (reviews, False)):
        assert (address in browser.get(reverse("admin:points_award_changelist")).content.decode()) is sees


def award_now(books: Books, courier: Courier) -> None:
    for actor, whom in (("li", courier), ("li", make_courier()), ("wang", make_courier())):
        earning.award_by_hand(
            courier=whom, points=50, district=books.district, reason="x", op_id=op(), actor=actor, at=clock.now()
        )
