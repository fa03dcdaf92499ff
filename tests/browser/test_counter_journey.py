"""The minute at the gift cabinet, on two devices: a courier's phone and the steward's."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from core import clock
from core.models import User
from couriers import devices, registration
from couriers.models import Courier
from points import cabinet, earning, funds, ledger, queue, redemption, stock, verifying
from points.models import Account, AwardLimit, Dispute, Gift, GiftPrice, Redemption
from stations.models import Station
from tests.browser.looking import violations
from tests.browser.town import ALL_DAY, PASSWORD
from tests.builders import make_courier, make_district, make_staff, make_station
from tests.points.books import op
from tests.points.test_stock import PAPER

PRICE = 200
PIN = "271828"
COURIERS = 8


@dataclass
class Cabinet:
    """A station with a cabinet of so many pieces of one gift, and who hands them out."""

    station: Station
    gift: Gift
    steward: User

    @property
    def address(self) -> str:
        return f"/c/{cabinet.token_of(self.station)}/"

    @property
    def pieces(self) -> int:
        return stock.on_hand(self.gift, self.station)

    @property
    def aside(self) -> int:
        return Account.objects.get(kind="reserve", station=self.station, gift=self.gift).balance

    def give_points(self, courier: Courier, points: int) -> None:
        earning.award_by_hand(
            courier=courier, district=self.gift.division, points=points, reason="帮忙", op_id=op(), actor="tests",
            at=clock.now(),
        )  # fmt: skip


@pytest.fixture
def shelf() -> Cabinet:
    now, today = clock.now(), clock.local_date(clock.now())
    district = make_district()
    number = 860 + Station.objects.filter(code__startswith="WH-WC-086").count()
    station = make_station(
        code=f"WH-WC-{number:04d}", name=f"柜台{number}号蜂巢", latitude=30.82, hours=ALL_DAY, at=now
    )
    AwardLimit.objects.get_or_create(valid_from=today, defaults={"most_alone": 100_000, "most_a_day": 10_000_000})
    funds.allocate(district=district, points=100_000, source="x", op_id=op(), actor="tests", at=now)
    gift = Gift.objects.create(code=f"wc-soap-{number}", division=district, name="洗手液")
    GiftPrice.objects.create(gift=gift, points=PRICE, valid_from=today)
    stock.receive(gift=gift, station=station, pieces=20, delivery=PAPER, op_id=op(), actor="tests", at=now)
    steward = make_staff(f"steward-{number}", scope=station, duties=["counter"], password=PASSWORD)
    return Cabinet(station, gift, steward)


def at_the_counter(open_context: Any, shelf: Cabinet) -> Page:
    """The steward's phone, signed in."""
    page: Page = open_context().new_page()
    page.goto("/counter/")
    page.locator("#id_username").fill(shelf.steward.username)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("main form button.give").click()
    expect(page.locator("#queue")).to_be_visible()
    return page


def card_of(page: Page, waiting: Redemption) -> Any:
    return page.locator(f'#queue [data-redemption="{waiting.code}"]')


def test_from_the_door_to_the_gift_and_a_dispute(open_context: Any, axe_source: str, shelf: Cabinet) -> None:
    phone: Page = open_context().new_page()
    # At the door, within a minute: number, what he delivers, six digits, his word.
    phone.goto(f"/me/register/?station={shelf.station.code}")
    phone.locator("#phone").fill("13912345678")
    phone.locator('input[name="kind"]').first.check()
    phone.locator("#pin").fill(PIN)
    phone.locator('input[name="agreed"]').check()
    phone.locator("form button.button--big").click()
    phone.wait_for_url("**/me/")
    courier = Courier.objects.latest("pk")
    assert courier.status == "unverified"
    shelf.give_points(courier, PRICE + 50)
    # At the cabinet: its code, a gift, a number.
    phone.goto(shelf.address)
    phone.get_by_role("link", name="洗手液").click()
    phone.locator("form.choose button").click()
    phone.wait_for_url("**/me/queue/**")
    waiting = Redemption.objects.get(courier=courier)
    number = phone.locator(".call-number").inner_text().split()[-1]
    assert number == str(waiting.queue_place.number)
    # On the other side: who he is, and the gift.
    steward = at_the_counter(open_context, shelf)
    card = card_of(steward, waiting)
    expect(card.locator(".call-number b")).to_have_text(number)
    card.locator("a.give").click()
    steward.get_by_role("button", name="我看过").or_(steward.locator("form[data-redemption] button.give")).first.click()
    expect(steward.locator("[data-done]")).to_be_visible()
    receipt = steward.locator("#receipt-no").inner_text()
    # The phone finds it by itself, with the same number.
    expect(phone.locator("[data-done] .receipt-no .number")).to_have_text(receipt)
    courier.refresh_from_db()
    waiting.refresh_from_db()
    assert (courier.status, waiting.status) == ("active", "handed-over")
    assert ledger.balance_of(ledger.wallet(courier)) == 50
    for page in (phone, steward):
        page.evaluate(axe_source)
        assert violations(page) == []
    # It was somebody else, he says: to the district, and not to this steward.
    phone.goto("/me/redemptions/")
    phone.get_by_role("link", name="不是我领的").first.click()
    phone.locator("form.choose button").click()
    expect(phone.locator(".state").first).to_be_visible()
    assert Dispute.objects.get(redemption=waiting).ruling == "open"
    steward.goto("/admin/points/dispute/")
    expect(steward.get_by_text("403").or_(steward.locator("main.error")).first).to_be_visible()


def waiting_at(shelf: Cabinet) -> list[Redemption]:
    """Eight couriers whose phones scanned the code and ordered."""
    found = []
    for _each in range(COURIERS):
        courier = registration.verify(courier=make_courier(), actor="tests", at=clock.now())
        shelf.give_points(courier, PRICE)
        devices.sign_in(courier=courier, kind="tests", at=clock.now())
        ordered = redemption.order(
            courier=courier, gift=shelf.gift, station=shelf.station, points=PRICE, op_id=op(), actor="self",
            at=clock.now(),
        )  # fmt: skip
        queue.join(redemption=ordered, at=clock.now())
        found.append(ordered)
    return found


def test_eight_wait_and_the_steward_taps_twice_reloads_and_loses_the_net(open_context: Any, shelf: Cabinet) -> None:
    before = shelf.pieces
    waiting = waiting_at(shelf)
    assert shelf.pieces == before - COURIERS
    steward = at_the_counter(open_context, shelf)
    assert steward.locator("#queue [data-redemption]").count() == COURIERS
    receipts = []

    def lose_the_answer(route: Route) -> None:
        route.fetch(max_redirects=0)  # it arrives, and is done
        route.abort("connectionreset")

    for turn, ordered in enumerate(waiting):
        give = card_of(steward, ordered).locator("button.give")
        what = ("double tap", "lost answer", "reload", "no net")[turn % 4]
        if what == "double tap":
            give.dblclick(no_wait_after=True)
        elif what == "lost answer":
            steward.route("**/hand-over/", lose_the_answer, times=1)
            give.click(no_wait_after=True)
        elif what == "reload":
            give.click()
            steward.locator("[data-done]").wait_for()
            steward.reload()
        else:
            steward.context.set_offline(True)
            give.click(no_wait_after=True)
            steward.wait_for_timeout(300)
            steward.context.set_offline(False)
        expect(steward.locator("[data-done]")).to_be_visible(timeout=20_000)
        receipts.append(steward.locator("#receipt-no").inner_text())
        if turn % 2:  # and back, and once more by the old page
            with steward.expect_event("load"):  # an old page looks again by itself
                steward.go_back()
            steward.goto("/counter/")
        else:
            steward.locator("#next-one").click()
        expect(steward.locator("#queue [data-redemption]")).to_have_count(COURIERS - turn - 1)
    assert receipts == [ordered.receipt_no for ordered in waiting]
    assert len(set(receipts)) == COURIERS
    done = Redemption.objects.filter(pk__in=[ordered.pk for ordered in waiting])
    assert {each.status for each in done} == {"handed-over"}
    assert len({each.ended_id for each in done}) == COURIERS
    assert (shelf.pieces, shelf.aside) == (before - COURIERS, 0)
    assert [each for each in verifying.verify_ledger() if each.invariant != "I11"] == []
