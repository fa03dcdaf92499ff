"""我的蜂巢 on a phone: from the cabinet's code to the green tick, and what must hold on each of its pages."""

from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from core import clock
from couriers import devices, registration
from couriers.models import Courier
from points import cabinet, disputes, earning, funds, queue, redemption, stock
from points.models import AwardLimit, EarningRule, Gift, GiftPrice, QueuePlace, Redemption
from points.redemption import Presence
from stations.models import Station
from tests.browser.looking import READERS, looked_at
from tests.browser.pages import cut_off, tab_to
from tests.browser.town import ALL_DAY
from tests.builders import make_courier, make_district, make_station
from tests.couriers.views.phone import PIN
from tests.points.books import op
from tests.points.test_stock import PAPER

PRICE = 200


@dataclass
class Shop:
    """A station with a cabinet, a gift in it and one that is dearer, and a courier who has met a steward."""

    station: Station
    gift: Gift
    courier: Courier

    @property
    def code(self) -> str:
        return f"/c/{cabinet.token_of(self.station)}/"

    def phone(self, open_context: Any, courier: Courier | None = None, **options: Any) -> Page:
        context = open_context(**options)
        token = devices.sign_in(courier=courier or self.courier, kind="tests", at=clock.now())
        context.add_cookies([{"name": "me", "value": token, "domain": "localhost", "path": "/"}])
        opened: Page = context.new_page()
        return opened

    def order(self) -> Redemption:
        return redemption.order(
            courier=self.courier, gift=self.gift, station=self.station, points=PRICE, op_id=op(), actor="self",
            at=clock.now(),
        )  # fmt: skip

    def hand_over(self, waiting: Redemption) -> Redemption:
        return redemption.hand_over(
            redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor="tests", at=clock.now()
        )


@pytest.fixture
def shop() -> Shop:
    now, today = clock.now(), clock.local_date(clock.now())
    district = make_district()
    station = make_station(name="有礼品柜的蜂巢", latitude=30.78, hours=ALL_DAY, at=now)
    AwardLimit.objects.get_or_create(valid_from=today, defaults={"most_alone": 100_000, "most_a_day": 10_000_000})
    EarningRule.objects.get_or_create(
        action="report-approved", defaults={"points": 50, "most_a_day": 3, "valid_from": today}
    )
    funds.allocate(district=district, points=100_000, source="x", op_id=op(), actor="tests", at=now)
    found = []
    for code, name, points in (("wc-laundry", "洗衣液", PRICE), ("wc-stew-pot", "电炖锅", 90_000)):
        gift, is_new = Gift.objects.get_or_create(code=code, defaults={"division": district, "name": name})
        if is_new:
            GiftPrice.objects.create(gift=gift, points=points, valid_from=today)
        stock.receive(gift=gift, station=station, pieces=9, delivery=PAPER, op_id=op(), actor="tests", at=now)
        found.append(gift)
    courier = registration.verify(courier=make_courier(), actor="tests", at=now)
    earning.award_by_hand(
        courier=courier, points=1_000, district=district, reason="清点物资", op_id=op(), actor="tests", at=now
    )  # fmt: skip
    return Shop(station, found[0], courier)


def pages(shop: Shop) -> dict[str, str]:
    """Every page of his, by what is to be seen there."""
    waiting, left, done = shop.order(), shop.order(), shop.order()
    for each in (waiting, done):
        queue.join(redemption=each, at=clock.now())
    disputes.open_dispute(redemption=shop.hand_over(done), words="不在", at=clock.now())
    return {
        "first": "/me/",
        "statement": "/me/statement/",
        "gifts": "/me/gifts/",
        "gift": f"/me/gifts/{shop.gift.code}/",
        "too dear": "/me/gifts/wc-stew-pot/",
        "pass": "/me/pass/",
        "redemptions": "/me/redemptions/",
        "order": f"/me/orders/{left.code}/",
        "cancel": f"/me/orders/{left.code}/cancel/",
        "receipt": f"/me/orders/{done.code}/",
        "dispute": f"/me/redemptions/{done.code}/dispute/",
        "not yet to be disputed": f"/me/redemptions/{left.code}/dispute/",
        "cabinet": shop.code,
        "take": f"/me/here/{shop.gift.code}/",
        "queue": f"/me/queue/{waiting.code}/",
        "leave": f"/me/queue/{waiting.code}/leave/",
        "not in the queue": f"/me/queue/{left.code}/",
    }


def test_from_the_code_on_the_cabinet_to_the_green_tick(open_context: Any, shop: Shop) -> None:
    phone = shop.phone(open_context)
    phone.goto(shop.code)
    assert shop.code not in phone.url
    phone.locator("a.gift").first.click()
    phone.locator("form.choose button").dblclick()
    phone.locator(".call-number").wait_for()
    made = Redemption.objects.get(courier=shop.courier)
    assert str(QueuePlace.objects.get(redemption=made).number) in (phone.locator(".call-number").text_content() or "")
    shop.hand_over(made)
    phone.locator(".green-tick").wait_for()
    expect(phone.locator(".receipt .number")).to_contain_text(made.code[:4])
    expect(phone.locator(".told")).to_contain_text("800")
    phone.get_by_role("link", name="不是我领的").click()
    phone.locator("#words").fill("那天我不在")
    phone.locator("form.choose button").click()
    expect(phone.locator("#ruling")).to_contain_text("区里正在核查")


def test_all_of_it_works_without_script(open_context: Any, shop: Shop) -> None:
    phone = shop.phone(open_context, java_script_enabled=False)
    phone.goto(f"/me/gifts/{shop.gift.code}/")
    phone.locator(f"input[value={shop.station.code}]").check()
    phone.locator("form.choose button").click()
    made = Redemption.objects.get(courier=shop.courier)
    phone.goto(shop.code)
    phone.get_by_role("button", name="现在领取").click()
    phone.locator(".call-number").wait_for()
    shop.hand_over(made)
    phone.get_by_role("link", name="刷新").click()
    phone.locator(".green-tick").wait_for()
    phone.goto("/me/pass/")
    phone.locator("form button").click()
    assert (phone.locator(".digits").text_content() or "").replace(" ", "").strip().isdecimal()


def test_by_keyboard_alone_he_signs_in_and_orders_a_gift(page: Page, shop: Shop) -> None:
    courier = registration.verify(courier=make_courier(phone="15419990001", pin=PIN), actor="tests", at=clock.now())
    earning.award_by_hand(
        courier=courier, points=PRICE, district=shop.gift.division, reason="清点物资", op_id=op(), actor="tests",
        at=clock.now(),
    )  # fmt: skip
    page.goto("/me/sign-in/")
    for field, typed in (("#phone", "15419990001"), ("#pin", PIN)):
        tab_to(page, page.locator(field))
        page.keyboard.type(typed)
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/")
    tab_to(page, page.locator(".doors a[href='/me/gifts/']"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator(f"a.gift[href='/me/gifts/{shop.gift.code}/']"))
    page.keyboard.press("Enter")
    tab_to(page, page.locator("input[name=station]").first)
    page.keyboard.press("Space")
    tab_to(page, page.locator("form.choose button"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/orders/**")
    assert courier.redemptions.get().gift == shop.gift


def test_the_pass_counts_down_and_says_when_it_is_over(open_context: Any, shop: Shop) -> None:
    phone = shop.phone(open_context)
    phone.goto("/me/")
    phone.clock.install()
    phone.locator("form[action='/me/pass/'] button").click()
    expect(phone.locator("[data-left]")).to_have_text("5:00")
    phone.clock.run_for(61_000)
    expect(phone.locator("[data-left]")).to_have_text("3:59")
    phone.clock.run_for(240_000)
    expect(phone.locator(".until")).to_contain_text("通行码已过期")
    expect(phone.locator(".digits")).to_be_hidden()


def test_what_changed_before_the_first_look_is_shown_too(open_context: Any, shop: Shop) -> None:
    first, waiting = shop.order(), shop.order()
    for each in (first, waiting):
        queue.join(redemption=each, at=clock.now())
    phone = shop.phone(open_context)
    phone.clock.install()
    phone.goto(f"/me/queue/{waiting.code}/")
    expect(phone.locator(".ahead .state")).to_have_class("state state-closing-soon")
    shop.hand_over(first)
    phone.clock.run_for(4_000)
    expect(phone.locator(".ahead .state")).to_have_class("state state-open")
    phone.locator("#queue-now").evaluate("place => { place.firstElementChild.isStillHere = true; }")
    phone.clock.run_for(7_000)
    assert phone.locator("#queue-now").evaluate("place => place.firstElementChild.isStillHere")


def test_a_call_number_whose_answer_is_swallowed_asks_again(open_context: Any, shop: Shop) -> None:
    waiting = shop.order()
    queue.join(redemption=waiting, at=clock.now())
    phone = shop.phone(open_context)
    swallowed: list[Route] = []
    phone.route("**/now/", lambda route: swallowed.append(route), times=1)
    phone.clock.install()
    phone.goto(f"/me/queue/{waiting.code}/")
    phone.clock.run_for(4_000)
    shop.hand_over(waiting)
    phone.clock.run_for(14_000)
    phone.locator("[data-done]").wait_for()
    assert len(swallowed) == 1


def test_a_call_number_whose_answer_is_cut_off_asks_again(open_context: Any, shop: Shop) -> None:
    waiting = shop.order()
    queue.join(redemption=waiting, at=clock.now())
    phone = shop.phone(open_context)
    phone.clock.install()
    phone.goto(f"/me/queue/{waiting.code}/")
    cut_off(phone, lambda: phone.clock.run_for(4_000))
    shop.hand_over(waiting)
    phone.clock.run_for(14_000)
    phone.locator("[data-done]").wait_for()


@pytest.mark.parametrize(("language", "text", "widths"), READERS)
def test_axe_finds_nothing(
    open_context: Any, axe_source: str, shop: Shop, language: str, text: str, widths: tuple[int, ...]
) -> None:
    phone = shop.phone(open_context, color_scheme="dark" if language == "en" else "light")
    phone.goto(f"/preferences/?language={language}&text={text}")
    found = []
    for name, address in pages(shop).items():
        phone.goto(address)
        if name == "pass":
            phone.locator("form button").click()
            phone.locator(".digits").wait_for()
        found += looked_at(phone, axe_source, name, widths)
    assert found == []


@pytest.mark.parametrize(("language", "text"), [("zh-hans", "usual"), ("en", "big")])
def test_nothing_is_wider_than_a_small_phone_or_smaller_than_a_glove(
    open_context: Any, shop: Shop, language: str, text: str
) -> None:
    phone = shop.phone(open_context, viewport={"width": 320, "height": 640})
    phone.goto(f"/preferences/?language={language}&text={text}")
    wrong = []
    for name, address in pages(shop).items():
        phone.goto(address)
        if name == "pass":
            phone.locator("form button").click()
            phone.locator(".digits").wait_for()
        width = phone.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wrong.append(f"{name}: {width}")
        wrong += phone.evaluate(
            """() => [...document.querySelectorAll("main button, main a, main label.station-choice, main input[type=text]")]
              .filter(element => element.offsetParent && !element.closest("p.quiet"))
              .map(element => [element, element.getBoundingClientRect()])
              .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
              .map(([element, box]) => `${element.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""
        )
        if name == "statement":
            narrow = """() => [...document.querySelectorAll(".line-of")]
              .map(line => line.querySelector(".more").offsetWidth / line.offsetWidth).filter(share => share < 0.45)"""
            wrong += phone.evaluate(narrow)
    assert wrong == []


def test_in_large_type_on_the_smallest_phone_no_number_is_broken_in_two(open_context: Any, shop: Shop) -> None:
    phone = shop.phone(open_context, viewport={"width": 320, "height": 640})
    phone.goto("/preferences/?text=big")
    broken = """() => [...document.querySelectorAll("main b")].filter(each => /^\\d+$/.test(each.textContent) && each.offsetParent)
      .filter(each => { const range = document.createRange(); range.selectNodeContents(each); return range.getClientRects().length > 1; })
      .map(each => each.outerHTML)"""
    found = []
    for name, address in pages(shop).items():
        phone.goto(address)
        found += [f"{name}: {each}" for each in phone.evaluate(broken)]
    assert found == []


# Wherever a day or a moment is written, with the weekday and the time that belong to it.
BROKEN = r"""() => {
  const shape = /\d{4}-\d\d-\d\d( \d\d:\d\d)?|(\d{4}年)?\d+月\d+日( 周.)?( \d\d:\d\d)?|\d+ [A-Z][a-z]{2}\b( \d{4}\b)?( [A-Z][a-z]{2}\b)?( \d\d:\d\d)?/g;
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT), broken = [];
  while (walker.nextNode()) {
    const text = walker.currentNode;
    for (const found of text.data.matchAll(shape)) {
      const range = document.createRange();
      range.setStart(text, found.index);
      range.setEnd(text, found.index + found[0].length);
      const lines = new Set([...range.getClientRects()].filter(box => box.width > 1).map(box => Math.round(box.top)));
      if (lines.size > 1) broken.push(found[0]);
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_no_day_and_no_moment_is_broken_at_the_end_of_a_line(open_context: Any, shop: Shop, language: str) -> None:
    phone = shop.phone(open_context)
    phone.goto(f"/preferences/?language={language}")
    his = {"phones": "/me/devices/", "consents": "/me/data/consents/", "data": "/me/data/"}
    broken = []
    for name, address in (pages(shop) | his).items():
        phone.goto(address)
        for width in range(320, 431, 10):
            phone.set_viewport_size({"width": width, "height": 844})
            broken += [f"{name} at {width}: {each}" for each in phone.evaluate(BROKEN)]
    assert broken == []


def test_the_worker_keeps_none_of_his_pages(open_context: Any, shop: Shop) -> None:
    phone = shop.phone(open_context, service_workers="allow")
    phone.goto("/about/")
    phone.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.reload()
    for address in ("/me/", "/me/statement/", shop.code):
        phone.goto(address)
    kept = phone.evaluate(
        """() => caches.keys().then(names => Promise.all(names.map(name => caches.open(name).then(cache => cache.keys()))))
          .then(all => [].concat(...all).map(request => new URL(request.url).pathname))"""
    )
    assert "/about/" in kept
    assert [path for path in kept if path.startswith(("/me/", "/c/"))] == []
