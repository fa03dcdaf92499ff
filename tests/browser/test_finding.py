"""A courier with a phone looks for a place to rest."""

import gzip
import re
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Response, Route, expect

from core import clock
from stations import publishing
from stations.models import Station
from tests.browser.pages import STATION, cut_off, focused, tab_to, wait_until
from tests.browser.town import HERE
from tests.builders import make_station

KILOBYTE = 1024


def names(page: Page) -> list[str]:
    return page.locator("#results [data-station] h3 a").all_inner_texts()


def codes(page: Page) -> list[str | None]:
    return [card.get_attribute("data-station") for card in page.locator("#results [data-station]").all()]


def need(page: Page, amenity: str) -> Locator:
    """The chip of one of the six needs."""
    return page.locator(f'#needs a[href*="amenity={amenity}"]')


def at(open_context: Any, **position: float) -> BrowserContext:
    context: BrowserContext = open_context(permissions=["geolocation"], geolocation=HERE | position)
    return context


# ── By need, and what the next one is told ──────────────────────────────────────────────────────────────────────────


def test_two_devices_at_the_door_that_find_it_locked_make_it_doubted(open_context: Any) -> None:
    token = Station.objects.get(code="WH-WC-0801").door_token
    first, second = open_context().new_page(), open_context().new_page()

    # The first looks for water: two taps from the first screen to the station.
    first.goto("/")
    need(first, "hot-water").click()
    first.locator("#q").fill("要锁的")
    first.locator("#q").press("Enter")
    first.locator("#results").get_by_role("link", name="要锁的蜂巢").first.click()
    expect(first.locator(".station-head .state-open").first).to_be_visible()

    for page in (first, second):
        page.goto(f"/d/{token}/")
        expect(page).to_have_url(re.compile("/stations/WH-WC-0801/"))
        page.locator('#confirm button[value="locked"]').click()
        expect(page.locator("#confirm [role=status]")).to_be_visible()

    third = open_context().new_page()
    third.goto("/stations/WH-WC-0801/")
    expect(third.locator(".station-head .state-doubted").first).to_be_visible()
    assert Station.objects.get(code="WH-WC-0801").doubted_at is not None


def test_a_tap_hit_twice_is_sent_once(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto("/stations/WH-WC-0005/")
    page.locator('#confirm button[value="entered"]').dblclick()
    expect(page.locator("#confirm [role=status]")).to_be_focused()
    assert len(sent) == 1


def test_a_phone_that_says_where_it_is_proves_that_it_stands_at_the_door(open_context: Any) -> None:
    page = at(open_context).new_page()
    page.goto("/stations/WH-WC-0001/")
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm [role=status]")).to_be_visible()
    station = Station.objects.get(code="WH-WC-0001")
    assert [row.channel for row in station.confirmations.all()] == ["door"]
    assert station.confirmed_at is not None


def test_a_tap_without_signal_is_sent_once_there_is_one(open_context: Any) -> None:
    context = open_context()
    page = context.new_page()
    page.goto("/stations/WH-WC-0006/")
    context.set_offline(True)
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm")).to_contain_text("没有信号")
    # The browser tells the page by itself that it is online again.
    with page.expect_response(lambda response: response.request.method == "POST") as sent:
        context.set_offline(False)
    assert sent.value.ok
    assert Station.objects.get(code="WH-WC-0006").confirmations.count() == 1


def test_a_tap_whose_answer_is_swallowed_is_given_up_kept_and_the_next_one_said(open_context: Any) -> None:
    make_station(code="WH-WC-0817", name="没有回音的蜂巢", latitude=30.77)
    page = open_context().new_page()
    swallowed: list[Route] = []
    page.route("**/confirmations/", lambda route: swallowed.append(route), times=1)
    page.clock.install()
    page.goto("/stations/WH-WC-0817/")
    entered = page.locator('#confirm button[value="entered"]')
    entered.click()
    expect(entered).to_have_attribute("aria-busy", "true")
    page.clock.run_for(11_000)
    expect(page.locator("#confirm")).to_contain_text("没有信号")
    expect(entered).not_to_have_attribute("aria-busy", "true")
    page.locator('#confirm button[value="locked"]').click()
    expect(page.locator("#confirm")).to_contain_text("您说过：锁着")
    assert len(swallowed) == 1


def test_a_tap_whose_answer_is_cut_off_is_given_up_and_kept_too(open_context: Any) -> None:
    make_station(code="WH-WC-0818", name="半句话的蜂巢", latitude=30.78)
    page = open_context().new_page()
    page.clock.install()
    page.goto("/stations/WH-WC-0818/")
    entered = page.locator('#confirm button[value="entered"]')
    cut_off(page, entered.click)
    page.clock.run_for(11_000)
    expect(page.locator("#confirm")).to_contain_text("没有信号")
    expect(entered).not_to_have_attribute("aria-busy", "true")


def test_of_two_taps_without_signal_the_last_is_sent_and_the_page_says_that_it_arrived(open_context: Any) -> None:
    make_station(code="WH-WC-0814", name="改口的蜂巢", latitude=30.74)
    context = open_context()
    page = context.new_page()
    page.goto("/stations/WH-WC-0814/")
    context.set_offline(True)
    for outcome in ("locked", "entered"):
        page.locator(f'#confirm button[value="{outcome}"]').click()
        wait_until(page, f"(fengchao.recall('taps') || []).some(tap => /outcome={outcome}/.test(tap.body))")
    context.set_offline(False)
    expect(page.locator("#confirm")).to_contain_text("您说过：进得去")
    expect(page.locator("#confirm")).not_to_contain_text("没有信号")
    assert [row.outcome for row in Station.objects.get(code="WH-WC-0814").confirmations.all()] == ["entered"]


def test_a_tap_that_could_not_be_sent_is_not_said_after_a_newer_one(open_context: Any) -> None:
    make_station(code="WH-WC-0816", name="信号弱的蜂巢", latitude=30.76)
    context = open_context()
    page = context.new_page()
    page.goto("/stations/WH-WC-0816/")
    context.route("**/confirmations/", lambda route: route.abort())
    page.locator('#confirm button[value="locked"]').click()
    wait_until(page, "(fengchao.recall('taps') || []).length === 1")
    context.unroute("**/confirmations/")
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm")).to_contain_text("您说过：进得去")
    page.goto("/stations/WH-WC-0816/")
    page.wait_for_load_state("networkidle")
    assert [row.outcome for row in Station.objects.get(code="WH-WC-0816").confirmations.all()] == ["entered"]


def test_a_kept_tap_that_the_server_cannot_take_now_is_kept_on(open_context: Any) -> None:
    make_station(code="WH-WC-0813", name="断网的蜂巢", latitude=30.73)
    context = open_context()
    page = context.new_page()
    page.goto("/stations/WH-WC-0813/")
    context.set_offline(True)
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm")).to_contain_text("没有信号")
    context.route("**/confirmations/", lambda route: route.fulfill(status=503, body="busy"))
    with page.expect_response(lambda response: response.status == 503):
        context.set_offline(False)
    wait_until(page, "(fengchao.recall('taps') || []).length === 1")
    context.unroute("**/confirmations/")
    with page.expect_response(lambda response: response.request.method == "POST") as sent:
        page.goto("/stations/WH-WC-0813/")
    assert sent.value.ok
    assert Station.objects.get(code="WH-WC-0813").confirmations.count() == 1


def test_a_condition_is_taken_back_alone_by_its_chip(page: Page) -> None:
    page.goto("/?tier=3&open=now")
    chips = page.locator("ul.chosen a")
    expect(chips).to_have_count(2)
    chips.first.click()
    expect(chips).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?(open=now|tier=3)$"))


def test_resting_is_counted_and_then_one_may_say_how_it_was(page: Page) -> None:
    page.goto("/stations/WH-WC-0007/")
    page.locator('form[action$="/uses/"] button').click()
    page.locator('form[action$="/satisfaction/"] button[value="yes"]').click()
    # Not the notice: the one of the first tap stands there already.
    expect(page.locator("#confirm .rest")).to_contain_text("这次歇脚已经记上了")
    use = Station.objects.get(code="WH-WC-0007").uses.get()
    assert (use.uses, use.satisfied, use.dissatisfied) == (1, 1, 0)


# ── By the phone's position ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_nearest_come_first_when_the_phone_says_where_it_is(open_context: Any) -> None:
    page = at(open_context).new_page()
    page.goto("/")
    page.locator("#find-nearest").click()
    page.wait_for_url(re.compile(r"[?&]lat=30\.58010&lng=114\.34020|lat=30\.580100&lng=114\.340200"))
    assert names(page)[:3] == ["第1蜂巢", "第2蜂巢", "第3蜂巢"]
    expect(page.locator("#results [data-station]").nth(1)).to_contain_text(re.compile("3[34]0"))
    expect(page.locator("#location-ways")).to_have_count(0)


def test_a_phone_that_may_not_say_it_is_shown_three_ways_on(open_context: Any) -> None:
    context = at(open_context)
    page = context.new_page()
    page.goto("/")
    page.locator("#find-nearest").click()
    page.wait_for_url(re.compile("lat="))

    context.clear_permissions()
    page.goto("/")
    page.locator("#find-nearest").click()
    ways = page.locator("#location-ways")
    expect(ways).to_contain_text("没有允许定位")
    expect(ways).to_contain_text("扫一扫")
    expect(ways.get_by_role("link")).to_have_attribute("href", "/places/")
    ways.get_by_role("button").click()
    page.wait_for_url(re.compile("lat="))
    assert names(page)[0] == "第1蜂巢"


def test_a_position_that_does_not_come_is_not_waited_for(page: Page) -> None:
    page.add_init_script("navigator.geolocation.getCurrentPosition = () => {}")
    page.clock.install()
    page.goto("/")
    page.locator("#find-nearest").click()
    page.clock.run_for(6_500)
    expect(page.locator("#location-ways")).to_contain_text("定位有点慢")


def test_a_rough_position_gives_a_list_and_the_ways_to_a_better_one(open_context: Any) -> None:
    page = at(open_context, accuracy=2500).new_page()
    page.goto("/")
    page.locator("#find-nearest").click()
    page.wait_for_url(re.compile("accuracy_m=2500"))
    assert names(page)
    expect(page.locator("#location-ways")).to_contain_text("扫一扫")


# ── Filters, addresses, the map ─────────────────────────────────────────────────────────────────────────────────────


def test_filters_stand_in_the_address_and_going_back_undoes_them(page: Page) -> None:
    page.goto("/")
    everything = codes(page)
    need(page, "toilet").click()
    page.wait_for_url(re.compile("amenity=toilet"))
    with_toilet = codes(page)
    assert with_toilet
    assert len(with_toilet) < len(everything)

    page.locator("details.sheet summary").first.click()
    page.locator('input[name=tier][value="1"]').check()
    page.wait_for_url(re.compile("tier=1"))
    assert "amenity=toilet" in page.url
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    both = codes(page)
    assert set(both) < set(with_toilet)
    # The chips know of the filter that came without a new page.
    assert "tier=1" in (page.locator("#needs a").first.get_attribute("href") or "")

    shared = page.url
    page.go_back()
    page.wait_for_url(lambda url: "tier" not in url)
    expect(page.locator("#results [data-station]")).to_have_count(len(with_toilet))
    page.goto(shared)
    assert codes(page) == both


def test_an_answer_that_is_overtaken_does_not_replace_the_later_one(page: Page) -> None:
    page.goto("/")
    page.locator("details.sheet summary").first.click()
    held: list[Route] = []
    page.route(re.compile(r"tier=1(?!.*tier=2)"), lambda route: held.append(route))
    page.locator('input[name=tier][value="1"]').check()
    page.locator('input[name=tier][value="2"]').check()
    page.wait_for_url(re.compile("tier=2"))
    later = codes(page)
    held[0].continue_()
    page.wait_for_timeout(300)
    assert codes(page) == later


def test_the_map_comes_on_demand_and_shows_what_the_list_shows(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/?division=420106003&amenity=toilet")
    assert not any("leaflet" in url for url in loaded)
    listed = codes(page)
    expect(page.locator(".map-legend")).to_be_hidden()
    page.locator("#open-map").click()
    expect(page.locator(".map-legend")).to_have_text(re.compile("现在开着.*现在没开，或不清楚.*几个蜂巢"))
    expect(page.locator(".map-legend")).to_be_visible()
    for pin in page.locator(".map-legend .map-pin").all():
        away = pin.evaluate("""pin => {
          const words = document.createRange();
          words.selectNode(pin.nextSibling);
          return Math.abs(words.getBoundingClientRect().bottom - pin.getBoundingClientRect().bottom);
        }""")
        assert away < 20, "a pin stands beside its words"
    expect(page.locator("#map .map-pin")).to_have_count(len(listed))
    expect(page.locator("#map")).to_contain_text("示意图")
    assert set(page.locator("#map .map-pin").evaluate_all("pins => pins.map(pin => pin.title)")) == set(names(page))

    # Card and marker know each other.
    page.locator("#results [data-station] h3 a").first.focus()
    expect(page.locator("#map .map-pin.is-marked")).to_have_attribute("title", names(page)[0])
    page.locator("#map .map-pin").last.press("Enter")
    expect(page.locator("#results .is-marked")).to_have_count(1)


def test_the_map_speaks_the_language_of_the_page_and_says_in_words_what_its_colours_say(page: Page) -> None:
    page.goto("/?q=第1蜂巢")
    page.locator("#open-map").click()
    page.locator("#map .map-pin--open").press("Enter")
    expect(page.locator("#map .map-names li")).to_have_text("第1蜂巢 · 现在开着")
    buttons = page.locator("#map .leaflet-control-zoom a")
    assert [button.get_attribute("aria-label") for button in buttons.all()] == ["放大", "缩小"]
    page.goto("/?q=没登记时间的蜂巢")
    page.locator("#open-map").click()
    page.locator("#map .map-pin").press("Enter")
    expect(page.locator("#map .map-names li")).to_have_text("没登记时间的蜂巢 · 现在没开，或不清楚")
    page.goto("/preferences/?language=en")
    for address, name in (("/", "Wuchang"), ("/preferences/?language=zh-hans", "武昌区")):
        page.goto(address)
        page.goto("/districts/420106/")
        page.locator("#open-map").click()
        expect(page.locator("#map .map-name", has_text=name)).to_have_count(1)


def test_the_area_that_the_map_shows_can_be_searched(page: Page) -> None:
    page.goto("/?amenity=seats")
    before = len(codes(page))
    page.locator("#open-map").click()
    expect(page.locator("#map .map-pin").first).to_be_visible()
    expect(page.locator("#search-here")).to_be_hidden()
    for _ in range(3):
        page.locator(".leaflet-control-zoom-in").click()
        page.wait_for_timeout(400)
    page.locator("#search-here").click()
    page.wait_for_url(re.compile("bbox="))
    expect(page.locator("#results")).not_to_have_attribute("aria-busy", "true")
    after = codes(page)
    assert 0 < len(after) < before
    expect(page.locator("#map .map-pin")).to_have_count(len(after))


# ── Without signal, without script, without a mouse ─────────────────────────────────────────────────────────────────


def with_service_worker(open_context: Any) -> tuple[BrowserContext, Page]:
    """A phone that has been here before: from now on the service worker answers its pages."""
    context: BrowserContext = open_context(service_workers="allow")
    page = context.new_page()
    page.goto("/")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    wait_until(page, "navigator.serviceWorker.controller !== null")
    return context, page


def test_the_last_list_is_there_without_signal(open_context: Any) -> None:
    context, page = with_service_worker(open_context)
    page.goto("/?amenity=toilet")
    listed = codes(page)
    assert listed

    context.set_offline(True)
    page.goto("/?amenity=toilet")
    assert codes(page) == listed
    expect(page.locator("#kept-at")).to_contain_text(re.compile(r"现在连不上，这是 \d+:\d\d 的列表"))
    # Another question than was ever asked: the last list rather than nothing.
    page.goto("/?amenity=microwave")
    assert codes(page) == listed
    expect(page.locator("#kept-at")).to_contain_text("符合您点的需求")
    # Who asked for nothing is told of no needs.
    page.goto("/")
    assert codes(page) == listed
    expect(page.locator("#kept-at")).to_contain_text("的列表")
    expect(page.locator("#kept-at")).not_to_contain_text("需求")
    # What was never opened says so, and so does what is never kept; both lead back to the list.
    for address in (STATION, "/me/"):
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_contain_text("没有信号")

    context.set_offline(False)
    page.goto("/?amenity=toilet")
    expect(page.locator("#kept-at")).to_have_count(0)


def test_no_copy_is_kept_of_a_station_that_was_seen_to_be_closed_for_good(open_context: Any) -> None:
    station = make_station(code="WH-WC-0815", name="撤销的蜂巢", latitude=30.75)
    context, page = with_service_worker(open_context)
    page.goto("/stations/WH-WC-0815/")
    publishing.close(station=station, reason="到期", actor="tests", at=clock.now())
    page.goto("/stations/WH-WC-0815/")
    expect(page.locator("main")).to_contain_text("已经撤销")
    context.set_offline(True)
    page.goto("/stations/WH-WC-0815/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("没有信号")


def test_a_station_s_page_that_is_days_old_claims_nothing_of_today(open_context: Any) -> None:
    context, page = with_service_worker(open_context)
    page.set_viewport_size({"width": 320, "height": 568})
    page.goto("/districts/")
    page.goto(STATION)
    assert page.locator("[aria-labelledby=others-title] .state").count()
    assert page.locator("main .until").count()
    page.evaluate(
        """async () => {
          const pages = await caches.open("pages");
          for (const key of await pages.keys()) {
            const kept = await pages.match(key), headers = new Headers(kept.headers);
            headers.set("Date", new Date(Date.now() - 3 * 24 * 3600 * 1000).toUTCString());
            await pages.put(key, new Response(await kept.text(), {headers}));
          }
        }"""
    )
    context.set_offline(True)
    page.goto(STATION)
    expect(page.locator("#kept-at")).to_contain_text(re.compile(r"现在连不上，这是 \d+-\d+ \d+:\d\d 的页面"))
    states = page.locator("main .state")
    assert [text for text in states.all_inner_texts() if not re.match(r"\d+-\d+ \d+:\d\d：", text)] == []
    expect(page.locator("main")).not_to_contain_text(re.compile("前有人进去|没人核实过|今天"))
    expect(page.locator("main .until")).to_have_count(0)  # 至22:00, 明天08:00开门
    page.goto("/districts/")
    past = page.locator(".facts .is-past")
    assert past.count()
    sticks_out = "(state, line) => state.getBoundingClientRect().right > line.getBoundingClientRect().right + 1"
    assert not past.evaluate_all(f"states => states.some(state => ({sticks_out})(state, state.closest('.facts')))")


def test_the_last_list_is_there_while_the_server_is_away(open_context: Any) -> None:
    context, page = with_service_worker(open_context)
    page.goto("/?amenity=toilet")
    listed = codes(page)
    assert listed
    worker = context.service_workers[0]
    worker.evaluate(
        """() => {
          self.realFetch = self.fetch.bind(self);
          self.fetch = request => request.mode === "navigate" ?
            Promise.resolve(new Response("<h1>away</h1>", {status: 503, headers: {"Content-Type": "text/html"}})) :
            self.realFetch(request);
        }"""
    )
    page.goto("/?amenity=toilet")
    assert codes(page) == listed
    expect(page.locator("#kept-at")).to_contain_text("现在连不上")
    # What was never opened cannot be shown: the server's own words stand.
    page.goto(STATION)
    expect(page.get_by_role("heading", level=1)).to_have_text("away")
    worker.evaluate("() => { self.fetch = self.realFetch; }")
    page.goto("/?amenity=toilet")
    expect(page.locator("#kept-at")).to_have_count(0)


def test_a_page_that_was_seen_before_is_shown_where_the_signal_brings_nothing_back(open_context: Any) -> None:
    context, page = with_service_worker(open_context)
    page.goto("/?amenity=toilet")
    listed = codes(page)
    # In production files have their hash in their name and are not asked for again.
    context.service_workers[0].evaluate(
        """() => {
          const fetch = self.fetch.bind(self);
          self.fetch = request => request.mode === "navigate" ? new Promise(() => {}) : fetch(request);
        }"""
    )
    page.goto("/?amenity=toilet", timeout=20_000)
    assert codes(page) == listed
    expect(page.locator("#kept-at")).to_be_visible()


def test_a_doors_secret_and_the_staffs_pages_are_never_kept_on_the_phone(open_context: Any) -> None:
    _context, page = with_service_worker(open_context)
    token = Station.objects.get(code="WH-WC-0002").door_token
    for address in (f"/d/{token}/", "/admin/login/", "/api/v1/stations/", "/preferences/?text=big"):
        page.goto(address)
    page.goto("/places/")
    kept = page.evaluate(
        """async () => {
          const urls = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
          return urls;
        }"""
    )
    assert "/places/" in kept
    assert [path for path in kept if path.startswith(("/d/", "/admin", "/api", "/preferences"))] == []


def test_without_script_one_finds_by_need_opens_and_confirms(open_context: Any) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/")
    without_map, heading = (page.locator(part).first.bounding_box() for part in (".map-side", "#results h2"))
    assert without_map
    assert heading
    assert without_map["y"] + without_map["height"] + 8 < heading["y"]
    need(page, "toilet").click()
    page.locator("#results [data-station] h3 a").first.click()
    code = page.url.rstrip("/").rsplit("/", 1)[1]
    before = Station.objects.get(code=code).confirmations.count()
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm [role=status]")).to_be_visible()
    assert Station.objects.get(code=code).confirmations.count() == before + 1
    page.goto("/")
    page.locator("#find-nearest").click()
    expect(page).to_have_url(re.compile("/places/"))


def test_the_keyboard_reaches_everything_and_the_focus_is_seen(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.locator("a.skip")
    expect(skip).to_be_focused()
    assert (skip.bounding_box() or {"y": -1})["y"] >= 0
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    page.goto("/")
    order: list[str] = []
    for _ in range(60):
        seen = focused(page)
        if seen["isBody"]:
            break
        order.append(seen["what"])
    assert (
        order.index("find-nearest")
        < order.index("q")
        < next(i for i, what in enumerate(order) if "蜂巢" in what and i > 3)
    )


def test_by_keyboard_alone_one_filters_opens_a_station_and_confirms(page: Page) -> None:
    page.goto("/")
    tab_to(page, need(page, "toilet"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("amenity=toilet"))
    tab_to(page, page.locator("#results [data-station] h3 a").first)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/stations/"))
    tab_to(page, page.locator('#confirm button[value="broken"]'))
    page.keyboard.press("Enter")
    expect(page.locator("#confirm [role=status]")).to_be_focused()


# ── The way there and back ──────────────────────────────────────────────────────────────────────────────────────────


def test_back_from_the_map_app_it_asks_once(page: Page) -> None:
    page.route(
        "https://uri.amap.com/**", lambda route: route.fulfill(body="<title>map app</title>", content_type="text/html")
    )
    page.goto("/stations/WH-WC-0009/")
    page.locator("[data-go] summary").click()
    page.locator('[data-map-app="amap"]').click()
    page.wait_for_url("https://uri.amap.com/**")
    page.go_back()
    asked = page.locator("#asked")
    expect(asked).to_contain_text("第9蜂巢，进得去吗")
    asked.get_by_role("button", name="进得去").click()
    expect(page.locator("#confirm [role=status]")).to_be_visible()
    expect(asked).to_have_count(0)
    assert [row.outcome for row in Station.objects.get(code="WH-WC-0009").confirmations.all()] == ["entered"]
    page.reload()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(asked).to_have_count(0)

    # The app is remembered: the next way is one tap, from the list as well.
    page.goto("/stations/WH-WC-0010/")
    page.locator("[data-go] summary").click()
    page.wait_for_url("https://uri.amap.com/**")
    page.goto("/?q=第11蜂巢")
    # By our own address, which redirects; what follows a redirect no route of a test can answer.
    with page.expect_request("https://uri.amap.com/**"):
        page.locator("#results [data-map-app]").first.click()


def test_after_three_hours_nobody_is_asked(page: Page) -> None:
    page.goto("/stations/WH-WC-0009/")
    page.evaluate(
        "fengchao.remember('on-the-way', {station: 'WH-WC-0009', name: 'x', at: Date.now() - 3 * 3600 * 1000 - 1})"
    )
    page.reload()
    page.wait_for_load_state("load")
    expect(page.locator("#asked")).to_have_count(0)


def test_pages_work_where_storage_is_refused(open_context: Any) -> None:
    context = at(open_context)
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused') }})")
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    page.locator("#find-nearest").click()
    page.wait_for_url(re.compile("lat="))
    page.goto("/stations/WH-WC-0012/")
    page.locator('#confirm button[value="entered"]').click()
    expect(page.locator("#confirm [role=status]")).to_be_visible()
    assert errors == []


# ── Weight ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_page_weighs_at_most_sixty_kilobytes(open_context: Any) -> None:
    """Everything until the map: static files as they go out, compressed; the page, which is compressed too, as it is written."""
    for number in range(20):
        make_station(
            code=f"WH-HS-{number:04d}", name=f"洪山第{number}蜂巢", amenities=["hot-water", "toilet"], latitude=30.5
        )
    try:
        page = open_context().new_page()
        sizes: dict[str, int] = {}

        def weigh(response: Response) -> None:
            body = response.body()
            sizes[response.url] = len(gzip.compress(body)) if "/static/" in response.url else len(body)

        page.on("response", weigh)
        page.goto("/", wait_until="networkidle")
        assert page.locator("#results [data-station]").count() == 20
        assert sum(sizes.values()) <= 60 * KILOBYTE, sizes
    finally:
        Station.objects.filter(code__startswith="WH-HS-").update(status="draft")
