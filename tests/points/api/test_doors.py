"""Points and gifts through the keyed doors: a courier's way from his first award to a gift, and every refusal on it."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from core import clock, idempotency
from core.models import IdempotentRequest
from couriers import consents, membership, registration
from couriers.models import Courier
from partners.models import Scope
from points import funds, gifts, ledger, merging, verifying
from points.models import AwardLimit, EarningRule, Entry, ExpiryRule, GiftWanted, Posting, Redemption
from stations import publishing
from tests.builders import NOON, make_client, make_courier, make_district, make_key, make_staff, make_station
from tests.points.books import PRICE, Books, keep_books
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db

PIN = "482915"


@dataclass
class Counter:
    """A partner's program at the counter of a station with gifts, and a courier who agreed to be known to it."""

    books: Books
    bees: Partner

    @property
    def courier(self) -> Courier:
        return Courier.objects.get(pk=self.books.courier.pk)

    def award(self, points: int = 100, **other: Any) -> Any:
        body = {"courier": self.courier.code, "district": "420106", "points": points, "reason": "帮忙搬运"}
        return self.bees.post("awards/", {name: value for name, value in (body | other).items() if value is not None})

    def show_pass(self, pin: str = PIN, **headers: Any) -> Any:
        return self.bees.post("passes/", {"courier": self.courier.code, "pin": pin}, **headers)

    def digits(self) -> str:
        return str(self.show_pass().json()["digits"])

    def wish(self, **other: Any) -> dict[str, Any]:
        return {
            "courier": self.courier.code, "gift": self.books.gift.code, "station": self.books.station.code, "points": PRICE,
        } | other  # fmt: skip

    def redeem(self, *, once: str | None = None, **other: Any) -> Any:
        return self.bees.post("redemptions/", self.wish(**other), once=once)

    @property
    def balance(self) -> int:
        return int(self.bees.get(f"couriers/{self.courier.code}/account/").json()["balance"])

    @property
    def written(self) -> tuple[int, int, int]:
        return Posting.objects.count(), Entry.objects.count(), Redemption.objects.count()


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Counter:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    books = keep_books()
    membership.set_pin(courier=books.courier, pin=PIN, actor="self", at=NOON)
    share(books.courier)
    return Counter(books, partner())


def partner(code: str = "bees", **facts: Any) -> Partner:
    return Partner(make_key(make_client(code=code, scopes=Scope.values, **facts), at=NOON))


def share(courier: Courier, code: str = "bees") -> None:
    consents.give(
        courier=courier, notice=consents.notice("sharing"), channel="page", at=NOON, actor="self", purpose="sharing",
        partner=code,
    )  # fmt: skip


def refused(answer: Any, status: int, code: str, **numbers: Any) -> None:
    """It is this refusal, with these numbers."""
    said = answer.json()
    assert (answer.status_code, said["code"]) == (status, code), said
    assert {name: said.get(name) for name in numbers} == numbers, said
    assert status == 404 or said["detail"]


# ── The way ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_from_a_registration_to_a_gift_and_back(counter: Counter) -> None:
    bees = counter.bees
    wish = {"phone": "15400009999", "kind": "food-delivery", "district": "420106", "shares": True, "pin": PIN,
            "notice_version": consents.membership_notice().version}  # fmt: skip
    code = bees.post("couriers/", wish).json()["code"]
    EarningRule.objects.create(action="volunteer", points=300, most_a_day=1, valid_from=NOON.date())

    deed = {"courier": code, "district": "420106", "action": "volunteer", "matter": "2026-77"}
    award = bees.post("awards/", deed)
    assert award.status_code == 201, award.content
    assert {name: award.json()[name] for name in ("points", "balance", "matter", "action", "reason")} == {
        "points": 300, "balance": 300, "matter": "2026-77", "action": "volunteer", "reason": "",
    }  # fmt: skip
    order = bees.post("redemptions/", counter.wish(courier=code))
    assert (order.status_code, order.json()["status"]) == (201, "ordered")
    address = f"redemptions/{order.json()['code']}/"
    assert bees.get(address).json() == order.json()
    assert bees.get(f"couriers/{code}/account/").json()["balance"] == 300 - PRICE

    # His first gift waits for the steward who meets him.
    digits = bees.post("passes/", {"courier": code, "pin": PIN}).json()["digits"]
    refused(bees.post(f"{address}handover/", {"pass": digits}), 409, "courier_not_met")
    registration.verify(courier=Courier.objects.get(code=code), actor=make_staff(), at=NOON)
    handed = bees.post(f"{address}handover/", {"pass": digits})
    assert (handed.status_code, handed.json()["status"]) == (201, "handed-over")

    mistake = bees.post("awards/", {"courier": code, "district": "420106", "points": 50, "reason": "错发"}).json()
    taken = bees.post("reversals/", {"posting": mistake["posting"], "reason": "发错人了"})
    assert (taken.status_code, taken.json()["points"], taken.json()["balance"]) == (201, 50, 100)
    assert taken.json()["reverses"] == mistake["posting"]

    statement = bees.get(f"couriers/{code}/entries/").json()["results"]
    assert [(each["number"], each["amount"], each["balance"], each["kind"]) for each in statement] == [
        (4, -50, 100, "reversal"), (3, 50, 150, "award"), (2, -PRICE, 100, "order"), (1, 300, 300, "award"),
    ]  # fmt: skip
    assert (statement[2]["gift"], statement[2]["redemption"]) == (counter.books.gift.code, order.json()["code"])
    assert (statement[3]["action"], statement[0]["reverses"]) == ("volunteer", statement[1]["posting"])
    assert list(verifying.broken_invariants()) == []


def test_at_the_counter_in_one_step(counter: Counter) -> None:
    made = counter.redeem(**{"pass": counter.digits()})
    assert (made.status_code, made.json()["status"], counter.balance) == (201, "handed-over", 1_000 - PRICE)
    assert made.json()["ended_at"]


def test_cancelled_it_comes_back(counter: Counter) -> None:
    code = counter.redeem().json()["code"]
    assert counter.balance == 1_000 - PRICE
    made = counter.bees.post(f"redemptions/{code}/cancellation/", {"reason": "不想要了"})
    assert (made.status_code, made.json()["status"], counter.balance) == (201, "cancelled", 1_000)
    for door, body in (("cancellation", {"reason": "再来"}), ("handover", {"pass": counter.digits()})):
        refused(
            counter.bees.post(f"redemptions/{code}/{door}/", body), 409, "redemption_not_waiting", found="cancelled"
        )


def test_what_a_merged_profile_was_given_stays_to_be_seen(counter: Counter) -> None:
    code = counter.redeem(**{"pass": counter.digits()}).json()["code"]
    kept = make_courier()
    merging.merge(
        kept=kept, duplicate=counter.courier, reason="同一人", op_id=uuid.uuid4(), actor=make_staff(), at=NOON
    )
    address = f"redemptions/{code}/"
    refused(counter.bees.get(address), 404, "redemption_not_found")
    # His word on sharing is that of the profile that goes on.
    share(kept)
    said = counter.bees.get(address).json()
    assert (said["status"], said["courier"]) == ("handed-over", kept.code)
    for door, body in (("cancellation", {"reason": "x"}), ("handover", {"pass": "000000"})):
        refused(counter.bees.post(address + f"{door}/", body), 409, "redemption_not_waiting", found="handed-over")


def test_pages_of_a_statement_are_the_whole_once(counter: Counter) -> None:
    for number in range(5):
        counter.award(10 + number)
    address, numbers = f"couriers/{counter.courier.code}/entries/?limit=2", []
    while address:
        page = counter.bees.get(address.partition("/api/v1/")[2] or address).json()
        numbers += [each["number"] for each in page["results"]]
        address = page["next"]
    assert numbers == [6, 5, 4, 3, 2, 1]
    other = counter.bees.get(f"couriers/{counter.courier.code}/entries/?cursor=x")
    assert other.json()["code"] == "invalid_cursor"


def test_who_never_earned_has_nothing(counter: Counter) -> None:
    fresh = registration.register(
        phone="15400007777", work=registration.Work(kind="express"), district=counter.books.district, channel="self",
        agreement=registration.Agreement(consents.membership_notice(), "page"), actor="self", at=NOON,
    )  # fmt: skip
    share(fresh)
    assert counter.bees.get(f"couriers/{fresh.code}/account/").json()["balance"] == 0
    assert counter.bees.get(f"couriers/{fresh.code}/entries/").json() == {"results": [], "next": None}


# ── Gifts, for everybody ────────────────────────────────────────────────────────────────────────────────────────────


def test_gifts_are_public_with_price_and_pieces(counter: Counter) -> None:
    books, anybody = counter.books, Partner("")
    hidden = gifts.register(code="wc-hidden", district=books.district, name="样品", actor="tests", at=NOON)

    def listed(query: str = "") -> Any:
        answer = anybody.get(f"gifts/{query}", authorization="")
        return answer.json().get("results", answer.json())

    assert [(each["code"], each["points"], each["pieces"]) for each in listed()] == [("wc-umbrella", PRICE, 10)]
    assert listed("?district=420104") == []
    assert listed(f"?station={books.second.code}")[0]["pieces"] == 0
    assert listed(f"?station={books.station.code}")[0]["pieces"] == 10
    assert listed("?station=WH-WC-9999")["code"] == "station_not_found"
    assert listed("?district=420199")["code"] == "unknown_code"
    assert listed("?district=4201")["code"] == "unknown_code"  # the city, which is no district
    assert listed(f"?district=420106&station={books.station.code}")["code"] == "contradictory_parameters"
    one = anybody.get("gifts/wc-umbrella/", authorization="").json()
    assert one["stations"] == [{"code": books.station.code, "name": books.station.name, "pieces": 10}]
    # Without a price nobody can have it.
    assert anybody.get(f"gifts/{hidden.code}/", authorization="").json()["code"] == "gift_not_found"
    gifts.set_price(gift=hidden, points=7, valid_from=NOON.date(), actor="tests", at=NOON)
    assert [each["code"] for each in listed("?limit=1")] == ["wc-hidden"]
    following = anybody.get("gifts/?limit=1", authorization="").json()["next"]
    assert [each["code"] for each in listed(following.partition("gifts/")[2])] == ["wc-umbrella"]


def test_pieces_at_a_suspended_station_count_for_nobody(counter: Counter) -> None:
    publishing.suspend(station=counter.books.station, reason="修缮", actor="tests", at=NOON)
    one = Partner("").get("gifts/wc-umbrella/", authorization="").json()
    assert (one["pieces"], one["stations"]) == (0, [])


# ── Refusals, each with the numbers that matter, and nothing written ────────────────────────────────────────────────


def test_not_enough_points(counter: Counter) -> None:
    for _each in range(5):
        assert counter.redeem().status_code == 201
    before = counter.written
    refused(counter.redeem(), 409, "not_enough_points", balance=0, needed=PRICE)
    assert counter.written == before


def test_out_of_stock(counter: Counter) -> None:
    before = counter.written
    refused(counter.redeem(station=counter.books.second.code), 409, "out_of_stock", balance=0, needed=1)
    assert counter.written == before
    assert counter.redeem().status_code == 201


def test_the_price_changed_meanwhile(counter: Counter) -> None:
    before = counter.written
    refused(counter.redeem(points=PRICE - 1), 409, "price_changed", price=PRICE)
    assert counter.written == before


def test_a_pass_is_used_once_and_lives_five_minutes(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = counter.digits()
    assert counter.redeem(**{"pass": digits}).status_code == 201
    before = counter.written
    refused(counter.redeem(**{"pass": digits}), 409, "pass_wrong")
    refused(counter.redeem(**{"pass": "000000"}), 409, "pass_wrong")
    fresh = counter.digits()
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(minutes=5))
    refused(counter.redeem(**{"pass": fresh}), 409, "pass_wrong")
    assert counter.written == before


def test_of_one_pass_twenty_are_looked_at_right_or_wrong(counter: Counter) -> None:
    waiting, digits = counter.redeem().json()["code"], counter.digits()
    for number in range(20):
        wrong = {"pass": f"{number:06}"}
        made = counter.redeem(**wrong) if number % 2 else counter.bees.post(f"redemptions/{waiting}/handover/", wrong)
        refused(made, 409, "pass_wrong")
    before = counter.written
    for made in (
        counter.redeem(**{"pass": digits}),
        counter.bees.post(f"redemptions/{waiting}/handover/", {"pass": digits}),
    ):
        refused(made, 409, "pass_wrong")
    assert counter.written == before
    # A new pass is looked at again; and who repeats what was done is told so, however often.
    fresh = counter.digits()
    assert counter.redeem(once="k", **{"pass": fresh}).status_code == 201
    assert counter.redeem(once="k", **{"pass": fresh}).headers["Idempotent-Replayed"] == "true"


def test_who_asks_in_vain_is_counted_once_and_not_named(counter: Counter) -> None:
    for once in ("a", "a", "b"):
        refused(counter.redeem(once=once, station=counter.books.second.code), 409, "out_of_stock")
    wanted = GiftWanted.objects.get()
    assert (wanted.gift, wanted.station, wanted.times) == (counter.books.gift, counter.books.second, 2)


def test_what_expires_when_is_told(counter: Counter) -> None:
    ExpiryRule.objects.create(months=12, valid_from=NOON.date())
    said = counter.bees.get(f"couriers/{counter.courier.code}/account/").json()
    assert said["expiring"] == [{"points": 1_000, "expires_on": "2027-06-30"}]


@pytest.mark.usefixtures("stopped_clock")
def test_five_wrong_pins_and_the_sixth_is_not_listened_to(counter: Counter) -> None:
    for left in (4, 3, 2, 1, 0):
        refused(counter.show_pass("111222"), 403, "pin_wrong", tries_left=left)
    locked = counter.show_pass(PIN)
    refused(locked, 429, "pin_locked")
    assert locked.json()["retry_after_s"] > 0
    assert locked.headers["Retry-After"]


def test_no_pin_no_pass(counter: Counter) -> None:
    Courier.objects.filter(pk=counter.courier.pk).update(pin_hash="")
    refused(counter.show_pass(), 409, "pin_missing")


def test_a_suspended_station_hands_out_nothing(counter: Counter) -> None:
    publishing.suspend(station=counter.books.station, reason="修缮", actor="tests", at=NOON)
    before = counter.written
    refused(counter.redeem(), 409, "station_not_open", station=counter.books.station.code)
    assert counter.written == before


def test_a_blocked_courier_neither_earns_nor_takes(counter: Counter) -> None:
    waiting, digits = counter.redeem().json()["code"], counter.digits()
    registration.block(courier=counter.courier, reason="冒领", actor=make_staff(), at=NOON)
    before = counter.written
    refused(counter.award(), 409, "courier_blocked")
    refused(counter.redeem(), 409, "courier_blocked")
    refused(counter.show_pass(), 409, "courier_blocked")
    refused(counter.bees.post(f"redemptions/{waiting}/handover/", {"pass": digits}), 409, "courier_blocked")
    assert counter.written == before


def test_the_months_limit_is_reached(counter: Counter) -> None:
    books = counter.books
    gifts.change(gift=books.gift, name="雨伞", name_en="", is_offered=True, most_a_month=1, actor="tests", at=NOON)
    assert counter.redeem().status_code == 201
    before = counter.written
    refused(counter.redeem(), 409, "limit_reached", limit=1)
    assert counter.written == before


def test_the_days_cap_is_reached_and_a_matter_earns_once(counter: Counter) -> None:
    EarningRule.objects.create(action="volunteer", points=30, most_a_day=2, valid_from=NOON.date())

    def deed(matter: str) -> Any:
        return counter.award(points=None, reason=None, action="volunteer", matter=matter)  # type: ignore[arg-type]

    assert deed("1").status_code == 201
    for spelt in ("1", " 1 "):
        refused(deed(spelt), 409, "earned_already", matter="1")
    assert deed("2").status_code == 201
    before = counter.written
    refused(deed("3"), 409, "cap_reached", limit=2)
    refused(
        counter.award(points=None, reason=None, action="report-approved", matter="1"),  # type: ignore[arg-type]
        409, "no_rule", action="report-approved",
    )  # fmt: skip
    assert counter.written == before
    # Another program's numbers are its own.
    others = partner("others")
    share(counter.courier, "others")
    EarningRule.objects.update(most_a_day=9)
    body = {"courier": counter.courier.code, "district": "420106", "action": "volunteer", "matter": "1"}
    assert others.post("awards/", body).status_code == 201


def test_by_hand_within_the_limits_of_one_person(counter: Counter) -> None:
    AwardLimit.objects.update(most_alone=100, most_a_day=150)
    assert counter.award(100).status_code == 201
    before = counter.written
    refused(counter.award(101), 409, "second_person_missing", limit=100)
    refused(counter.award(51), 409, "cap_reached", left=50)
    assert counter.written == before
    assert counter.award(50).status_code == 201


def test_the_fund_is_empty(counter: Counter) -> None:
    left = funds.balance("420106")
    before = counter.written
    refused(counter.award(left + 1), 409, "fund_empty", balance=left, needed=left + 1)
    assert counter.written == before


@pytest.mark.parametrize(
    "written",
    ["0", "-1", "1" + "0" * 30, "1.5", "1.0", "true", '"7"', "1e3", str(ledger.MOST + 1)],
    ids=lambda written: written[:12],
)
@pytest.mark.parametrize("door", ["awards", "redemptions"])
def test_an_amount_that_is_none(counter: Counter, door: str, written: str) -> None:
    whole = (
        counter.wish() if door == "redemptions"
        else {"courier": counter.courier.code, "district": "420106", "reason": "x"}
    ) | {"points": "HERE"}  # fmt: skip
    before = counter.written
    answer = counter.bees.post(f"{door}/", json.dumps(whole).replace('"HERE"', written).encode())
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (400, "invalid_value", "points")
    nan = counter.bees.post(f"{door}/", json.dumps(whole).replace('"HERE"', "NaN").encode())
    assert (nan.status_code, nan.json()["code"]) == (400, "number_not_finite")
    assert counter.written == before


@pytest.mark.parametrize(
    ("body", "code", "parameter"),
    [
        ({"points": None}, "missing_member", "points"),
        ({"reason": None}, "missing_member", "reason"),
        ({"points": None, "reason": None, "action": "volunteer"}, "missing_member", "matter"),
        ({"action": "volunteer"}, "contradictory_parameters", "points"),
        ({"action": "begging"}, "invalid_value", "action"),
        ({"matter": "x" * 31}, "invalid_value", "matter"),
        ({"reason": " "}, "invalid_value", "reason"),
    ],
)
def test_an_award_is_by_a_rule_or_by_hand(counter: Counter, body: Any, code: str, parameter: str) -> None:
    answer = counter.award(**body)
    assert (answer.status_code, answer.json()["code"], answer.json()["parameter"]) == (400, code, parameter)


def test_only_ones_own_award_is_taken_back_once_and_while_it_is_there(counter: Counter) -> None:
    def back(posting: Any) -> Any:
        return counter.bees.post("reversals/", {"posting": str(posting), "reason": "发错人了"})

    mine = counter.award(300).json()["posting"]
    staffs = Posting.objects.filter(kind="award").exclude(op_id=mine).get().op_id
    order = Posting.objects.get(pk=Redemption.objects.get(code=counter.redeem().json()["code"]).ordered_id).op_id
    before = counter.written
    for foreign in (staffs, order, uuid.uuid4()):
        refused(back(foreign), 404, "posting_not_found")
    assert counter.bees.post("reversals/", {"posting": "7", "reason": "x"}).json()["parameter"] == "posting"
    assert counter.written == before
    for _each in range(5):
        counter.redeem()
    refused(back(mine), 409, "not_enough_points", balance=100, needed=300)
    counter.award(200)
    assert back(mine).status_code == 201
    refused(back(mine), 409, "reversed_already")


def test_of_who_withdrew_a_reversal_tells_nothing(counter: Counter) -> None:
    first, second = (counter.award(points).json()["posting"] for points in (100, 300))
    consents.withdraw(
        courier=counter.courier, notice=consents.notice("sharing"), channel="page", at=NOON, actor="self",
        purpose="sharing", partner="bees",
    )  # fmt: skip
    taken = counter.bees.post("reversals/", {"posting": first, "reason": "发错人了"}).json()
    assert (taken["points"], taken["courier"], taken["balance"]) == (100, None, None)
    share(counter.courier, "others")
    others = partner("others")
    for _each in range(9):
        if others.post("redemptions/", counter.wish()).status_code != 201:
            break
    refused(
        counter.bees.post("reversals/", {"posting": second, "reason": "发错人了"}),
        409, "not_enough_points", balance=None, needed=None,
    )  # fmt: skip


def test_a_gift_of_another_district_and_one_that_is_not_offered(counter: Counter) -> None:
    foreign = gifts.register(code="qk-towel", district=counter.books.other, name="毛巾", actor="tests", at=NOON)
    refused(counter.redeem(gift=foreign.code), 409, "gift_of_another_district", gift="qk-towel")
    refused(counter.redeem(gift="nothing"), 404, "gift_not_found")
    gifts.change(
        gift=counter.books.gift, name="雨伞", name_en="", is_offered=False, most_a_month=None, actor="tests", at=NOON
    )
    refused(counter.redeem(), 409, "gift_not_offered", gift="wc-umbrella")


# ── Once, and by whom ───────────────────────────────────────────────────────────────────────────────────────────────


def test_sent_twice_it_is_done_once_even_when_the_answer_is_forgotten(counter: Counter) -> None:
    first = counter.redeem(once="the-same")
    again = counter.redeem(once="the-same")
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    other = counter.redeem(once="the-same", points=PRICE + 1)
    refused(other, 422, "idempotency_key_reused")
    before = counter.written
    IdempotentRequest.objects.all().delete()
    late = counter.redeem(once="the-same")
    assert (late.status_code, late.json(), counter.written) == (201, first.json(), before)


def test_a_forgotten_award_is_known_whatever_has_changed_since(counter: Counter) -> None:
    EarningRule.objects.create(action="volunteer", points=30, most_a_day=1, valid_from=NOON.date())
    deed = {"courier": counter.courier.code, "district": "420106", "action": "volunteer", "matter": "7"}
    first = counter.bees.post("awards/", deed, once="the-same").json()
    IdempotentRequest.objects.all().delete()
    EarningRule.objects.update(valid_from=NOON.date() + timedelta(days=1))
    registration.block(courier=counter.courier, reason="冒领", actor="tests", at=NOON)
    again = counter.bees.post("awards/", deed, once="the-same")
    assert (again.status_code, again.json()) == (201, first)


def test_a_repeated_pass_is_the_same_pass(counter: Counter) -> None:
    first, again = (counter.show_pass(once="the-same") for _each in range(2))
    assert first.content == again.content
    assert counter.redeem(**{"pass": first.json()["digits"]}).status_code == 201


@pytest.mark.parametrize("reach", ["420104", "420106003"])
def test_out_of_reach_is_missing_and_nothing_is_written(counter: Counter, reach: str) -> None:
    """Another district's program, and one that has a part of this district alone."""
    make_district(code="420104", name="硚口区", letters="QK")
    waiting = counter.redeem().json()["code"]
    others = partner("others", divisions=[reach])
    share(counter.courier, "others")
    code = counter.courier.code
    before = counter.written
    doors = [
        others.get(f"couriers/{code}/"), others.get(f"couriers/{code}/account/"), others.get(f"couriers/{code}/entries/"),
        others.get(f"redemptions/{waiting}/"),
        others.post("awards/", {"courier": code, "district": "420106", "points": 1, "reason": "x"}),
        others.post("passes/", {"courier": code, "pin": PIN}),
        others.post("redemptions/", counter.wish()),
        others.post(f"redemptions/{waiting}/handover/", {"pass": "123456"}),
        others.post(f"redemptions/{waiting}/cancellation/", {"reason": "x"}),
    ]  # fmt: skip
    assert {answer.status_code for answer in doors} == {404}
    assert {answer.json()["code"] for answer in doors} == {"courier_not_found", "redemption_not_found"}
    assert counter.written == before


def test_a_city_wide_program_pays_from_the_district_that_it_names_and_no_station_beyond_its_own(
    counter: Counter,
) -> None:
    city = partner("city", divisions=["4201"])
    share(counter.courier, "city")
    body = {"courier": counter.courier.code, "district": "420104", "points": 5, "reason": "x"}
    refused(city.post("awards/", body), 409, "fund_empty", balance=0)
    assert city.post("awards/", body | {"district": "420106"}).status_code == 201
    refused(city.post("awards/", body | {"district": "420199"}), 404, "not_found")


def test_a_sandbox_hands_out_what_is_made_up_alone(counter: Counter) -> None:
    make_station(name="[演示] 蜂巢", is_made_up=True)
    sandbox = partner("trial", kind="sandbox")
    wish = {"phone": "15400009999", "kind": "express", "district": "420106", "shares": True,
            "notice_version": consents.membership_notice().version}  # fmt: skip
    code = sandbox.post("couriers/", wish).json()["code"]
    assert (
        sandbox.post("awards/", {"courier": code, "district": "420106", "points": 500, "reason": "x"}).status_code
        == 201
    )
    refused(sandbox.post("redemptions/", counter.wish(courier=code)), 404, "station_not_found")
    share(counter.courier, "trial")
    refused(sandbox.post("redemptions/", counter.wish()), 404, "courier_not_found")


@pytest.mark.parametrize(
    ("scope", "door"),
    [
        ("awards:write", "awards/"),
        ("reversals:write", "reversals/"),
        ("passes:write", "passes/"),
        ("redemptions:write", "redemptions/"),
        ("redemptions:read", "redemptions/X/"),
        ("accounts:read", "couriers/X/account/"),
        ("accounts:read", "couriers/X/entries/"),
        ("couriers:read", "couriers/X/"),
        ("couriers:read", "couriers/look-up/"),
        ("couriers:write", "couriers/"),
    ],
)
def test_each_door_needs_its_own_scope(scope: str, door: str) -> None:
    def asked(code: str, scopes: list[str]) -> Any:
        client = Partner(make_key(make_client(code=code, scopes=scopes)))
        reads = scope.endswith("read") and "look-up" not in door
        return client.get(door) if reads else client.post(door, {})

    without = asked("without", [each for each in Scope.values if each != scope])
    assert (without.status_code, without.json()["code"], without.json()["scope"]) == (403, "scope_missing", scope)
    assert asked("with-it", [scope]).status_code in {400, 404}


def test_the_ledger_knows_who_and_by_which_wish(counter: Counter) -> None:
    body = {"courier": counter.courier.code, "district": "420106", "points": 5, "reason": "x"}
    made = counter.bees.post("awards/", body, once="wish-7").json()
    assert made["posting"] == str(idempotency.op_id("bees", "wish-7"))
    assert Posting.objects.get(op_id=made["posting"]).actor_name == "partner bees"
