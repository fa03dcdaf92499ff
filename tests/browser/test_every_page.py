"""What must hold on every public page: accessible, narrow enough, nothing blocked by the policy, headers, escaping."""

import itertools
import json
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from core import clock
from stations.models import HoursException, HoursPeriod, Station, StationOrganisation
from tests.browser.looking import READERS, looked_at, violations
from tests.browser.pages import PUBLIC_PAGES, STATION
from tests.browser.town import ALL_DAY
from tests.builders import make_station
from tests.proving import IS_FULL

HEADERS = ("x-content-type-options", "referrer-policy", "permissions-policy", "cross-origin-opener-policy")


def as_reader(open_context: Any, *, language: str, text: str, **options: Any) -> Page:
    """A page of somebody who chose language and text size before."""
    context = open_context(**options)
    address = context.new_page()
    address.goto(f"/preferences/?language={language}&text={text}")
    opened: Page = address
    return opened


@pytest.mark.parametrize(("language", "text", "widths"), READERS)
def test_axe_finds_nothing(
    open_context: Any, axe_source: str, language: str, text: str, widths: tuple[int, ...]
) -> None:
    page = as_reader(open_context, language=language, text=text)
    found = []
    for name, address in PUBLIC_PAGES.items():
        page.goto(address)
        found += looked_at(page, axe_source, name, widths)
    assert found == []


def test_axe_finds_nothing_in_what_scripts_add(open_context: Any, axe_source: str) -> None:
    page = open_context(permissions=[]).new_page()
    page.goto("/")
    page.locator("#find-nearest").click()
    page.locator("#location-ways").wait_for()
    page.locator("#open-map").click()
    page.locator("#map .map-pin").first.wait_for()
    page.evaluate("fengchao.remember('on-the-way', {station: 'WH-WC-0001', name: '第1蜂巢', at: Date.now()})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("#asked").wait_for()
    page.evaluate(axe_source)
    assert violations(page) == []


def test_nothing_is_wider_than_a_small_phone_in_large_english(open_context: Any) -> None:
    """The readers above are looked at at this width too."""
    page = as_reader(open_context, language="en", text="big", viewport={"width": 320, "height": 640})
    wide = []
    for name, address in PUBLIC_PAGES.items():
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            wide.append(f"{name}: {width}")
    assert wide == []


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 320), ("en", 360), ("en", 390)])
def test_name_text_size_and_language_stand_side_by_side_on_a_phone(
    open_context: Any, language: str, width: int
) -> None:
    page = as_reader(open_context, language=language, text="usual", viewport={"width": width, "height": 640})
    name, choices = (page.locator(part).bounding_box() for part in (".top .brand", ".top .preferences"))
    assert name
    assert choices
    assert choices["y"] < name["y"] + name["height"] / 2


@pytest.mark.parametrize(("text", "width"), [("usual", 320), ("big", 320), ("big", 390)])
def test_the_words_of_the_four_answers_are_not_broken_on_a_phone(open_context: Any, text: str, width: int) -> None:
    page = as_reader(open_context, language="zh-hans", text=text, viewport={"width": width, "height": 640})
    page.goto(STATION)
    lines = page.evaluate(
        """() => [...document.querySelectorAll("[data-confirm] .tap")].map(tap => {
          const words = document.createRange();
          words.selectNode(tap.lastChild);
          return words.getClientRects().length;
        })"""
    )
    assert lines == [1, 1, 1, 1]


def test_no_english_word_is_broken_on_a_phone(open_context: Any) -> None:
    page = as_reader(open_context, language="en", text="usual", viewport={"width": 390, "height": 844})
    broken: dict[str, list[str]] = {}
    for name, address in PUBLIC_PAGES.items():
        page.goto(address)
        found = page.evaluate(
            """() => {
              const words = document.createRange(), broken = [];
              const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
              while (walk.nextNode()) {
                for (const word of walk.currentNode.data.matchAll(/[A-Za-z]{3,}/g)) {
                  words.setStart(walk.currentNode, word.index);
                  words.setEnd(walk.currentNode, word.index + word[0].length);
                  if (words.getClientRects().length > 1) broken.push(word[0]);
                }
              }
              return broken;
            }"""
        )
        broken |= {name: found} if found else {}
    assert broken == {}


@pytest.mark.parametrize(
    ("language", "text", "width"),
    [("en", "usual", 320), ("en", "usual", 390), ("zh-hans", "usual", 320), ("en", "big", 390)],
)
def test_nothing_that_one_taps_lies_under_another(open_context: Any, language: str, text: str, width: int) -> None:
    page = as_reader(open_context, language=language, text=text, viewport={"width": width, "height": 844})
    covered: dict[str, list[str]] = {}
    for name, address in PUBLIC_PAGES.items():
        page.goto(address)
        found = page.evaluate(
            """() => {
              const taps = [...document.querySelectorAll("main :is(button, a.button, summary, select, input:not([type=hidden]))")];
              const boxes = taps.filter(tap => tap.checkVisibility()).map(tap => [tap, tap.getBoundingClientRect()]);
              return boxes.flatMap(([tap, box], number) => boxes.slice(number + 1).filter(([other, its]) =>
                !tap.contains(other) && Math.min(box.right, its.right) - Math.max(box.left, its.left) > 1
                && Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 1
              ).map(([other]) => `${tap.textContent.trim()} / ${other.textContent.trim()}`));
            }"""
        )
        covered |= {name: found} if found else {}
    assert covered == {}


def test_no_line_of_facts_begins_or_ends_with_a_dot(open_context: Any) -> None:
    """A dot stands between two facts of one line: the one that would begin a line lies outside of what is drawn."""
    page = as_reader(open_context, language="zh-hans", text="usual", viewport={"width": 320, "height": 640})
    page.goto(PUBLIC_PAGES["nearest"])
    drawn = page.evaluate(
        """() => [...document.querySelectorAll(".card .facts")].map(line => {
          const cut = line.getBoundingClientRect().left + parseFloat(getComputedStyle(line).clipPath.split(" ").pop());
          return [...line.children].map(fact => {
            const dot = getComputedStyle(fact, "::before"), left = fact.getBoundingClientRect().left;
            const has = dot.content !== "none" && left + parseFloat(dot.left) >= cut - 1;
            return [Math.round(fact.getBoundingClientRect().top / 20), has];
          });
        })"""
    )
    assert drawn
    for facts in drawn:
        for (above, _), (line, has_dot) in itertools.pairwise(facts):
            if line != above:
                assert not has_dot
    assert any(has_dot for facts in drawn for _, has_dot in facts)


@pytest.mark.parametrize(("language", "text"), [("en", "usual"), ("en", "big"), ("zh-hans", "big")])
def test_no_day_of_the_week_is_broken_on_a_small_phone(open_context: Any, language: str, text: str) -> None:
    page = as_reader(open_context, language=language, text=text, viewport={"width": 320, "height": 640})
    page.goto(STATION)
    lines = page.evaluate(
        """() => [...document.querySelectorAll(".hours th")].map(day => {
          const word = document.createRange();
          word.selectNode(day.firstChild);
          return word.getClientRects().length;
        })"""
    )
    assert lines == [1] * 7


def test_buttons_and_links_are_large_enough_for_gloves(page: Page) -> None:
    """44 px for what one taps on the way; text links inside a sentence are exempt (WCAG 2.5.8)."""
    small = []
    for address in ("/", STATION):
        page.goto(address)
        small += page.evaluate(
            """() => [...document.querySelectorAll("button, a.button, a.need, summary, select, input:not([type=hidden])")]
              .filter(element => element.offsetParent && !element.closest(".leaflet-container"))
              .map(element => [element, (element.closest("label") || element).getBoundingClientRect()])
              .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
              .map(([element, box]) => `${element.outerHTML.slice(0, 80)} ${box.width}x${box.height}`)"""
        )
    assert small == []


def test_the_policy_refuses_nothing_and_every_answer_carries_its_headers(open_context: Any) -> None:
    context = open_context()
    page = context.new_page()
    refused: list[str] = []
    bare: list[str] = []

    def check(response: Response) -> None:
        headers = response.headers
        is_page = headers.get("content-type", "").startswith(("text/html", "application/"))
        if "/static/" in response.url:
            return  # the suite's server answers for files itself (tests/core/test_middleware.py asks the program)
        bare.extend(f"{name} {response.url}" for name in HEADERS if name not in headers)
        if is_page and "unsafe" in headers.get("content-security-policy", "unsafe"):
            bare.append(f"policy {response.url}")

    page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("response", check)
    for address in [
        *PUBLIC_PAGES.values(),
        "/sw.js",
        "/manifest.webmanifest",
        "/map.json",
        "/api/v1/stations/",
        "/livez",
    ]:
        page.goto(address)
    page.goto("/")
    page.locator("#open-map").click()
    page.locator("#map .map-pin").first.wait_for()
    assert refused == []
    assert bare == []


def test_the_station_says_what_it_is_to_search_engines(page: Page) -> None:
    page.goto(STATION)
    written = page.locator('script[type="application/ld+json"]').text_content()
    place = json.loads(written or "")
    assert place["name"] == "第1蜂巢"
    assert place["geo"]["latitude"] == pytest.approx(30.5801)
    assert place["openingHoursSpecification"]


PAYLOADS = [
    "<script>pwned=1</script>", "</script><script>pwned=1</script>", "<img src=x onerror=pwned=1>",
    "<svg onload=pwned=1>", "<svg/onload=pwned=1//", "\"><img src=x onerror=pwned=1>", "'><img src=x onerror=pwned=1>",
    "\" onmouseover=pwned=1 x=\"", "' onfocus=pwned=1 autofocus x='", "` onerror=pwned=1 `", "<iframe srcdoc='<script>top.pwned=1</script>'>",
    "<body onload=pwned=1>", "<input autofocus onfocus=pwned=1>", "<details open ontoggle=pwned=1>", "<video><source onerror=pwned=1>",
    "<audio src=x onerror=pwned=1>", "<object data=javascript:pwned=1>", "<embed src=javascript:pwned=1>", "<a href=javascript:pwned=1>x</a>",
    "<form action=javascript:pwned=1><button>", "<math href=javascript:pwned=1>", "<marquee onstart=pwned=1>", "<style>@import'x'</style>",
    "<link rel=stylesheet href=x onerror=pwned=1>", "<base href=//example.invalid/>", "<meta http-equiv=refresh content='0;url=javascript:pwned=1'>",
    "--><script>pwned=1</script>", "]]><script>pwned=1</script>", "</title><script>pwned=1</script>", "</textarea><script>pwned=1</script>",
    "</style><script>pwned=1</script>", "</template><img src=x onerror=pwned=1>", "{{ pwned }}{% now %}", "${pwned=1}", "\\u003cscript\\u003epwned=1",
    "&lt;script&gt;pwned=1&lt;/script&gt;", "&#60;script&#62;pwned=1", "\\\"-(pwned=1)-\\\"", "';pwned=1;//", "\u2028pwned=1\u2029",
]  # fmt: skip


def test_no_text_of_a_station_runs_as_script(open_context: Any) -> None:
    """Without the policy, so that it is the escaping that holds."""
    assert len(PAYLOADS) == 40
    for number, payload in enumerate(PAYLOADS):
        station = make_station(
            code=f"WH-QK-{number:04d}", name=payload, aliases=[payload], address=payload, floor=payload[:20], directions=payload,
            phone=payload[:40], hours_text=payload, amenities_text=payload, hours=ALL_DAY, at=clock.now(),
            latitude=30.62 + number / 1000, longitude=114.25,
        )  # fmt: skip
        StationOrganisation.objects.create(station=station, role="premises", name=payload)
        HoursPeriod.objects.filter(station=station).update(name=payload[:30])
        today = clock.local_date(clock.now())
        HoursException.objects.create(station=station, starts_on=today, ends_on=today, reason=payload[:60])
    page = open_context(bypass_csp=True).new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    try:
        for address in (
            "/?lat=30.64&lng=114.25",
            "/?lat=30.64&lng=114.25&q=<script>pwned=1</script>",
            "/districts/420106/",
        ):
            page.goto(address)
            assert page.evaluate("typeof pwned") == "undefined", address
        page.goto("/?lat=30.64&lng=114.25")
        page.locator("#open-map").click()
        page.locator("#map .map-pin").first.wait_for()
        assert page.evaluate("typeof pwned") == "undefined"
        # In the suite the pages of every fourth; `make proof` opens all.
        for number, payload in list(enumerate(PAYLOADS))[:: 1 if IS_FULL else 4]:
            for address in (f"/stations/WH-QK-{number:04d}/", f"/stations/WH-QK-{number:04d}/poster/"):
                page.goto(address)
                assert page.evaluate("typeof pwned") == "undefined", (address, payload)
                assert payload in (page.locator("h1").text_content() or "")
    finally:
        Station.objects.filter(code__startswith="WH-QK-").update(status="draft")
