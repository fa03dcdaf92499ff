"""The public pages, for tests that apply to all of them; how to wait on a page that forbids eval; and the Tab key."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

__all__ = ["PUBLIC_PAGES", "STATION", "cut_off", "focused", "tab_to", "wait_until"]

STATION = "/stations/WH-WC-0001/"
MOST_TABS = 90
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  return {
    what: element.id || element.textContent.trim().slice(0, 12),
    isSeen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    isBody: element === document.body,
  };
}"""
CUT_OFF = """() => {
  const whole = window.fetch.bind(window);
  window.fetch = (...asked) => {
    window.fetch = whole;
    return whole(...asked).then(answer => {
      answer.text = () => { window.isCutOff = true; return new Promise(() => {}); };
      return answer;
    });
  };
}"""
PUBLIC_PAGES = {
    "finder": "/",
    "nearest": "/?lat=30.58010&lng=114.34020&accuracy_m=20",
    "rough position": "/?lat=30.58010&lng=114.34020&accuracy_m=3000",
    "filtered": "/?amenity=toilet&open=now&tier=1",
    "nothing found": "/?q=没有这样的地方",
    "mistake": "/?tier=9",
    "places": "/places/",
    "refused": "/places/?why=no-position",
    "station": STATION,
    "hours unknown": "/stations/WH-WC-0802/",
    "no position": "/stations/WH-WC-0803/",
    "districts": "/districts/",
    "district": "/districts/420106/",
    "poster": f"{STATION}poster/",
    "gifts": "/gifts/",
    "gifts near": "/gifts/?lat=30.58010&lng=114.34020&accuracy_m=20&points=2000&stock=yes",
    "gifts of a district without any": "/gifts/?division=420104",
    "gift": "/gifts/wc-town-umbrella/?lat=30.58010&lng=114.34020&accuracy_m=20",
    "gift out of stock": "/gifts/wc-pot/",
    "about": "/about/",
    "no signal": "/offline/",
    "not found": "/no-such-page/",
}


def wait_until(page: Page, expression: str, *, seconds: float = 10.0) -> None:
    """Wait for `expression` to hold; Playwright's own wait_for_function evals on the page, which our policy refuses."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, f"still not so after {seconds:g} s: {expression}"
        page.wait_for_timeout(50)


def cut_off(page: Page, ask: Callable[[], None]) -> None:
    """Let the page `ask`, and have of the answer only its head arrive."""
    page.evaluate(CUT_OFF)
    ask()
    wait_until(page, "window.isCutOff === true")


def focused(page: Page) -> dict[str, Any]:
    """What has the focus after one more Tab, which must be visible; at the end of the page it is the body."""
    page.keyboard.press("Tab")
    found: dict[str, Any] = page.evaluate(FOCUSED)
    assert found["isSeen"] or found["isBody"], found["what"]
    return found


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until `wanted` has the focus."""
    wanted.wait_for()
    for _each in range(MOST_TABS):
        focused(page)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError(f"no Tab leads to {wanted}")
