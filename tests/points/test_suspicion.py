"""T19: among thousands of couriers, pairs of staff and their friends stand out, and ordinary ones do not."""

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
from points.models import AwardLimit, Gift
from points.redemption import Presence
from points.suspicion import FEWEST, stand_out
from stations.models import Station
from tests.builders import NOON, make_courier, make_district, make_staff, make_station, make_subdistrict
from tests.points.books import PRICE, Books, award, keep_books, op
from tests.points.test_admin import desk
from tests.proving import counted, times

pytestmark = pytest.mark.django_db

AFTER = "FROM posting JOIN deed d USING (op_id)"
SPAN: dict[str, Any] = {"since": NOON - timedelta(days=90), "until": NOON + timedelta(days=1)}


@dataclass
class Town:
    """Districts with so many couriers each, whose accounts hold points; what is done in them is written past no guard."""

    districts: list[str]
    couriers: dict[int, str]  # key → district
    wallets: dict[int, int]
    draws: random.Random

    def award(self, deeds: list[tuple[str, int, int]]) -> None:
        """Points by hand, each (staff, courier, points)."""
        for district in self.districts:
            self._post(
                "award", [(s, "", courier, points) for s, courier, points in deeds if self.couriers[courier] == district],
                "(a.fund, -d.points), (d.wallet, d.points)", {"fund": ledger.fund(district)},
                "INSERT INTO points_award (posting_id, courier_id, district_id, action, matter, points, day)"
                f" SELECT id, d.courier, '{district}', '', op_id::text, d.points, '2026-06-10' {AFTER}",
            )  # fmt: skip

    def hand_over(self, deeds: list[tuple[str, str, int]]) -> None:
        """Gifts without a pass, each (staff, witness, courier)."""
        for district in self.districts:
            gift = Gift.objects.get(division=district)
            station = Station.objects.filter(division__code__startswith=district).earliest("pk")
            accounts = {
                "redeemed": ledger.of_district("redeemed", district),
                "stock": ledger.stock(gift, station),
                "out": ledger.of_gift("handed-out", gift),
            }
            self._post(
                "redemption", [(s, witness, c, 1) for s, witness, c in deeds if self.couriers[c] == district],
                "(d.wallet, -1), (a.redeemed, 1), (a.stock, -1), (a.out, 1)", accounts,
                "INSERT INTO points_redemption (code, courier_id, gift_id, station_id, points, status, ordered_id, ended_id,"
                f" ordered_at, ended_at, fetch_until) SELECT upper(substr(md5(op_id::text), 1, 11)), d.courier, {gift.pk},"
                f" {station.pk}, 1, 'handed-over', id, id, occurred_at, occurred_at, occurred_at {AFTER}",
            )  # fmt: skip

    def _post(
        self, kind: str, deeds: list[tuple[str, str, int, int]], moves: str, accounts: dict[str, int], after: str
    ) -> None:
        named = ", ".join(f"{number}::bigint AS {name}" for name, number in accounts.items())
        with connection.cursor() as cursor:
            cursor.execute(
                "WITH deed AS (SELECT gen_random_uuid() AS op_id, * FROM unnest(%s::text[], %s::text[], %s::bigint[],"  # noqa: S608
                " %s::bigint[], %s::bigint[]) AS d (staff, witness, courier, wallet, points)),"
                " posting AS (INSERT INTO points_posting (op_id, kind, actor_name, approver_name, reason, source,"
                f" occurred_at) SELECT op_id, '{kind}', staff, witness, 'x', '', %s FROM deed"
                f" RETURNING id, op_id, occurred_at), a AS (SELECT {named}),"
                " entries AS (INSERT INTO points_entry (posting_id, account_id, amount)"
                " SELECT p.id, m.account, m.amount FROM posting p JOIN deed d USING (op_id) CROSS JOIN a"
                f" CROSS JOIN LATERAL (VALUES {moves}) AS m (account, amount) ORDER BY m.account) {after}",
                [
                    [staff for staff, *_rest in deeds], [witness for _staff, witness, *_rest in deeds],
                    [courier for *_before, courier, _points in deeds],
                    [self.wallets[courier] for *_before, courier, _points in deeds],
                    [points for *_before, points in deeds], NOON,
                ],
            )  # fmt: skip


def people(couriers: int, *, districts: int) -> Town:
    """So many couriers in so many districts, each district with a full fund and a full cabinet."""
    make_district()
    codes = [f"4201{number:02}" for number in range(50, 50 + districts)]
    for number, code in enumerate(codes):
        district = make_district(code=code, name=f"测试{number}区", letters=f"T{number:02}"[:3])
        street = make_subdistrict(code=f"{code}001", name=f"测试{number}街道", district=district)
        station = make_station(code=f"WH-T{number:02}-0001"[:10], division=street)
        gift = Gift.objects.create(code=f"umbrella-{number}", division=district, name="雨伞")
        delivery = stock.Delivery(document_no="T19", unit_price_cny=Decimal(1), funding="union")
        kept: dict[str, Any] = {"actor": "tests", "at": NOON}
        funds.allocate(district=district, points=10**8, source="T19", op_id=op(), **kept)
        stock.receive(gift=gift, station=station, pieces=10**6, delivery=delivery, op_id=op(), **kept)
    made = Courier.objects.bulk_create(
        Courier(
            code=new_code(), kind="express", status="active", division_id=codes[number % districts], registered_at=NOON,
            registered_by="tests", channel="staff", verified_at=NOON, verified_by="tests",
        )
        for number in range(couriers)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO points_account (kind, courier_id, balance, seq) SELECT 'wallet', unnest(%s::bigint[]), 0, 0"
            " RETURNING courier_id, id",
            [[courier.pk for courier in made]],
        )
        wallets = dict(cursor.fetchall())
    return Town(codes, {each.pk: str(each.division_id) for each in made}, wallets, random.Random(5))


STAFF = 9  # of each district


def usual(town: Town, *, deeds: int) -> None:
    """What happens every day. Each courier is met by three of staff; one in fifty helps ten times as often as the others."""
    everybody = list(town.couriers)
    regulars = everybody[::50]

    def near(courier: int) -> list[str]:
        return [f"{town.couriers[courier]}-{(courier // 7 + number) % STAFF}" for number in range(3)]

    awards, hand_overs = [], []
    for _each in range(deeds):
        courier = town.draws.choice(regulars if town.draws.random() < 0.15 else everybody)
        awards.append((town.draws.choice(near(courier)), courier, town.draws.choice([20, 50, 50, 100, 200])))
    for _each in range(deeds // 4):
        courier = town.draws.choice(awards)[1]
        staff, witness = town.draws.sample(near(courier), 2)
        hand_overs.append((staff, witness, courier))
    town.award(awards)
    town.hand_over(hand_overs)


def plant(town: Town) -> set[tuple[str, str, int]]:
    """Twenty pairs of three kinds: points often, points in large lumps, and gifts without a pass among friends."""
    pairs, awards, hand_overs = set(), [], []
    for number, courier in enumerate(town.draws.sample(list(town.couriers), 20)):
        staff = f"{town.couriers[courier]}-{number % STAFF}"
        if number < 8:
            awards += [(staff, courier, 50)] * 14
        elif number < 14:
            awards += [(staff, courier, 500)] * 6
        else:
            awards.append((f"{staff}-away", courier, 50))
            hand_overs += [(staff, f"{staff}-friend", courier)] * 12
        pairs.add(("award" if number < 14 else "handover", staff, courier))
    town.award(awards)
    town.hand_over(hand_overs)
    return pairs


def test_every_planted_pair_is_found_and_little_else() -> None:
    couriers = times(800, 10_000)
    town = people(couriers, districts=times(2, 13))
    usual(town, deeds=3 * couriers)
    before = stand_out(**SPAN)
    planted = plant(town)
    found = stand_out(**SPAN)
    said = {(pair.deed, pair.staff, pair.courier_id) for pair in found}
    # Who signed for a friend stands out beside the one who handed over.
    signed = {("handover", f"{staff}-friend", courier) for _deed, staff, courier in planted}
    others = said - planted - signed
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
