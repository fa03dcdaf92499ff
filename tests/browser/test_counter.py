"""The counter in a real browser: accessible, narrow enough, and one piece for one tap, whatever becomes of its request."""

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from core import clock
from couriers import registration
from couriers.models import RetiredCode
from points import low_stock, passes, queue, stock
from points.models import Posting, QueuePlace, Redemption
from tests.browser.looking import WIDTHS, looked_at
from tests.browser.pages import cut_off, tab_to, wait_until
from tests.browser.town import PASSWORD
from tests.builders import make_courier, make_district, make_staff, make_station
from tests.points.books import Books, award, op, order
from tests.points.test_stock import PAPER

PAGES = ("/counter/", "/counter/who/", "/counter/stock/", "/counter/today/", "/counter/change/")
SMALL = """() => [...document.querySelectorAll("main a, main button, main summary, main input:not([type=hidden])")]
    .filter(each => each.offsetParent && each.getBoundingClientRect().height < 44 && !each.closest("p:not(.buttons)"))
    .map(each => each.outerHTML.slice(0, 120))"""
NUMBERS = iter(range(1, 1_000))


@pytest.fixture
def books(town_books: Books) -> Books:
    """The town's books at a station of this test alone, with 30 pieces in its cabinet."""
    number = next(NUMBERS)
    station = make_station(name=f"柜台蜂巢{number}", latitude=31.2 + number / 1_000, at=clock.now())
    stock.receive(
        gift=town_books.gift, station=station, pieces=30, delivery=PAPER, op_id=op(), actor="tests", at=clock.now()
    )
    return replace(town_books, station=station)


def come(books: Books) -> Redemption:
    """One more who was met, has ordered and waits."""
    courier = registration.verify(courier=make_courier(), actor="tests", at=clock.now())
    award(books, 1_000, courier=courier)
    found = order(books, courier=courier, at=clock.now())
    queue.join(redemption=found, at=clock.now())
    return found


@pytest.fixture
def counter(open_context: Any, books: Books) -> Page:
    name = f"steward-{books.station.code.lower()}"
    make_staff(name, scope=books.station, duties=["counter"], password=PASSWORD)
    page: Page = open_context().new_page()
    page.goto("/counter/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", PASSWORD)
    page.locator(".give").click()
    page.locator("#queue").wait_for()
    return page


def handovers(found: Redemption) -> int:
    return Posting.objects.filter(redemption_ended=found, kind="handover").count()


def test_axe_finds_nothing_and_nothing_is_too_wide_or_small(counter: Page, books: Books, axe_source: str) -> None:
    found = come(books)
    come(books)
    word = passes.issue(courier=found.courier, at=clock.now())
    counter.goto("/counter/who/")
    counter.fill("#id_who", word)
    counter.keyboard.press("Enter")
    counter.wait_for_url("**/who/*/")
    stepped = f"/counter/stock/{books.gift.code}/receive/"
    problems: list[str] = []
    his = [f"{counter.url}{step}/" for step in ("pin", "card", "phone")]
    for address in (*PAGES, counter.url, *his, stepped, f"/counter/redemptions/{found.code}/"):
        counter.goto(address)
        problems += looked_at(counter, axe_source, address)
        for width in WIDTHS:
            counter.set_viewport_size({"width": width, "height": 844})
            problems += [f"{address} at {width}, too small: {each}" for each in counter.evaluate(SMALL)]
    assert problems == []


def test_the_name_of_a_gift_stays_on_a_line_beside_whatever_is_said_of_its_stock(counter: Page, books: Books) -> None:
    come(books)
    low_stock.set_mark(gift=books.gift, station=books.station, pieces=99, actor="tests", at=clock.now())
    counter.set_viewport_size({"width": 390, "height": 844})
    counter.goto("/counter/stock/")
    name = counter.locator(f"[data-gift={books.gift.code}] h2")
    counter.locator(f"[data-gift={books.gift.code}] .state-doubted").wait_for()
    box, size_px = name.bounding_box(), name.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert box is not None
    assert box["height"] < 2 * size_px


def test_by_keyboard_alone_a_courier_is_found_by_his_pass_and_has_his_gift(counter: Page, books: Books) -> None:
    found = come(books)
    tab_to(counter, counter.locator("#id_who"))
    counter.keyboard.type(passes.issue(courier=found.courier, at=clock.now()))
    counter.keyboard.press("Enter")
    counter.wait_for_url("**/who/*/")
    tab_to(counter, counter.locator(f'[data-redemption="{found.code}"] .give'))
    counter.keyboard.press("Enter")
    counter.locator("#receipt-no").wait_for()
    assert handovers(found) == 1
    tab_to(counter, counter.locator("#next-one"))
    counter.keyboard.press("Enter")
    counter.locator("#queue-empty").wait_for()


def test_any_counter_makes_a_new_pin_and_a_new_card(counter: Page, axe_source: str) -> None:
    """Of a courier of another district, who has lost both."""
    other = make_district(code="420104", name="硚口区", letters="QK")
    courier = registration.verify(courier=make_courier(district=other), actor="tests", at=clock.now())
    lost = courier.code
    counter.goto("/counter/who/")
    counter.fill("#id_who", lost)
    counter.keyboard.press("Enter")
    counter.wait_for_url("**/who/*/")
    his = counter.url
    counter.locator('.member-acts [href$="/pin/"]').click()
    counter.locator("main .give").click()
    counter.locator(".pin-qr svg").wait_for()
    counter.reload()
    counter.locator(".pin-qr svg").wait_for()
    problems = looked_at(counter, axe_source, "the code for a new PIN")
    counter.goto(his)
    counter.locator('.member-acts [href$="/card/"]').click()
    counter.fill("[name=reason]", "丢了")
    counter.locator("main .give").dblclick()
    counter.wait_for_url("**/card/print/")
    problems += looked_at(counter, axe_source, "the new card")
    assert problems == []
    courier.refresh_from_db()
    assert RetiredCode.objects.filter(courier=courier).count() == 1
    assert courier.code[:4] in counter.locator(".code").inner_text()


def test_a_new_one_appears_and_a_double_tap_is_one_piece(counter: Page, books: Books) -> None:
    found = come(books)
    card = counter.locator(f'[data-redemption="{found.code}"]')
    card.wait_for()
    card.locator(".give").dblclick()
    counter.locator("#receipt-no").wait_for()
    assert counter.locator("#receipt-no").inner_text() == found.receipt_no
    counter.reload()
    assert counter.locator("#receipt-no").inner_text() == found.receipt_no
    assert handovers(found) == 1
    counter.locator("#next-one").click()
    counter.locator("#queue-empty").wait_for()


@pytest.mark.parametrize("what", ["tap", "answer"])
@pytest.mark.parametrize("then", ["waits", "reloads"])
def test_a_lost_signal_is_made_good(counter: Page, books: Books, what: str, then: str) -> None:
    """The tap does not arrive, or its answer does not come back; the steward waits, or loads the page anew."""
    found, lost = come(books), [0]

    def lose(route: Route) -> None:
        if lost[0]:
            route.continue_()
            return
        lost[0] += 1
        if what == "answer":
            route.fetch(max_redirects=0)
        route.abort("connectionfailed")

    counter.route("**/hand-over/", lose)
    counter.locator(f'[data-redemption="{found.code}"] .give').click()
    counter.locator("#try-again").wait_for()
    if then == "reloads":
        counter.reload()
    counter.locator("#receipt-no").wait_for()
    assert counter.locator("#receipt-no").inner_text() == found.receipt_no
    assert not counter.locator("#pending").count()
    assert lost == [1]
    assert handovers(found) == 1


def test_an_answer_that_comes_later_than_the_page_waits_still_counts(counter: Page, books: Books) -> None:
    late: list[Route] = []
    found = come(books)
    counter.clock.install()
    counter.reload()
    counter.route("**/hand-over/", lambda route: late.append(route))
    counter.locator(f'[data-redemption="{found.code}"] .give').click()
    wait_until(counter, "document.getElementById('pending') !== null")
    counter.clock.run_for(11_500)
    counter.locator("#try-again").wait_for()
    assert len(late) == 2
    late[0].continue_()
    counter.locator("#receipt-no").wait_for()
    assert counter.locator("#receipt-no").inner_text() == found.receipt_no
    assert not counter.locator("#pending").count()
    counter.clock.run_for(30_000)
    assert len(late) == 2
    assert handovers(found) == 1


def test_a_tap_that_got_no_answer_is_not_sent_under_the_name_of_the_next_on_duty(counter: Page, books: Books) -> None:
    make_staff("night-shift", scope=books.station, duties=["counter"], password=PASSWORD)
    found = come(books)
    counter.reload()
    counter.route("**/hand-over/", lambda route: route.abort())
    counter.locator(f'[data-redemption="{found.code}"] .give').click()
    counter.locator("#try-again").wait_for()
    counter.goto("/counter/change/")
    counter.locator("#try-again").wait_for()  # the same one is still on duty
    counter.fill("[name=username]", "night-shift")
    counter.fill("[name=password]", PASSWORD)
    counter.locator(".give").click()
    counter.locator(f'[data-redemption="{found.code}"] .give').wait_for()
    assert counter.locator("[data-actor=night-shift]").count() == 1
    assert not counter.locator("#pending").count()
    assert counter.evaluate("sessionStorage.length") == 0
    assert handovers(found) == 0


def test_without_signal_who_has_left_and_who_came_to_rest_is_kept_and_sent_later(counter: Page, books: Books) -> None:
    found = come(books)
    counter.reload()
    card = counter.locator(f'[data-redemption="{found.code}"]')
    for button in (counter.locator('form[action$="/uses/"] button'), card.locator(".leave")):
        counter.context.set_offline(True)
        button.click()
        counter.locator("#try-again").wait_for()
        assert card.is_visible()
        counter.context.set_offline(False)
        counter.locator("#pending").wait_for(state="detached")
    assert not card.count()
    assert books.station.uses.get().uses == 1
    assert not QueuePlace.objects.filter(redemption=found).exists()


def test_a_look_whose_answer_is_swallowed_is_given_up_and_the_next_one_shows_who_came(
    counter: Page, books: Books
) -> None:
    swallowed: list[Route] = []
    counter.clock.install()
    counter.reload()
    counter.route("**/counter/queue/", lambda route: swallowed.append(route), times=1)
    counter.clock.run_for(3_000)
    found = come(books)
    counter.clock.run_for(11_000)
    counter.locator("#queue-offline").wait_for()
    assert len(swallowed) == 1
    counter.clock.run_for(3_000)
    counter.locator(f'[data-redemption="{found.code}"]').wait_for()
    assert not counter.locator("#queue-offline").count()


def test_a_look_whose_answer_is_cut_off_is_given_up_too(counter: Page, books: Books) -> None:
    counter.clock.install()
    counter.reload()
    cut_off(counter, lambda: counter.clock.run_for(3_000))
    found = come(books)
    counter.clock.run_for(11_000)
    counter.locator("#queue-offline").wait_for()
    counter.clock.run_for(3_000)
    counter.locator(f'[data-redemption="{found.code}"]').wait_for()


def test_without_script_and_without_a_reader_the_pages_work(open_context: Any, counter: Page, books: Books) -> None:
    found = come(books)
    plain = open_context(java_script_enabled=False, storage_state=counter.context.storage_state()).new_page()
    plain.goto("/counter/")
    assert plain.locator("#refresh").is_visible()
    assert not plain.locator("#scan").is_visible()
    plain.locator(f'[data-redemption="{found.code}"] .give').click()
    assert plain.locator("#receipt-no").inner_text() == found.receipt_no
    counter.goto("/counter/who/")
    counter.evaluate("delete window.BarcodeDetector")
    counter.fill("#id_who", found.courier.code)
    counter.keyboard.press("Enter")
    counter.wait_for_url("**/who/*/")
    wait_until(counter, "document.querySelector('.balance') !== null")
