"""A courier's own pages on a small phone: accessible, narrow enough; and registering at a door without script."""

from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from core import clock
from couriers import devices
from tests.browser.looking import READERS, looked_at
from tests.builders import make_courier
from tests.couriers.views.phone import PIN

NEWCOMERS = {"register": "/me/register/?station=WH-WC-0001", "sign in": "/me/sign-in/", "by card": "/me/sign-in/?card=0", "goodbye": "/me/goodbye/"}  # fmt: skip
COURIER = {
    "my data": "/me/data/", "phones": "/me/devices/", "PIN": "/me/pin/", "consents": "/me/data/consents/",
    "copy": "/me/data/copy/", "end": "/me/data/erase/",
}  # fmt: skip


def signed_in(context: BrowserContext, server: LiveServer) -> Page:
    """A page on the phone of a courier who is signed in."""
    courier = make_courier(pin=PIN)
    for kind in ("iphone", "android wechat"):
        token = devices.sign_in(courier=courier, kind=kind, at=clock.now())
    context.add_cookies([{"name": "me", "value": token, "url": server.url}])
    page: Page = context.new_page()
    return page


@pytest.mark.parametrize(("language", "text", "widths"), READERS)
def test_axe_finds_nothing_and_nothing_is_too_wide(
    open_context: Any, live_server: LiveServer, axe_source: str, language: str, text: str, widths: tuple[int, ...]
) -> None:
    found = []
    page = signed_in(open_context(), live_server)
    page.goto(f"/preferences/?language={language}&text={text}")
    for name, address in COURIER.items():
        assert page.goto(address).status == 200  # type: ignore[union-attr]
        assert page.url.endswith(address)
        found += looked_at(page, axe_source, name, widths)
    page.goto("/me/data/copy/")
    page.fill("#pin", PIN)
    page.click("[value=read]")
    found += looked_at(page, axe_source, "the copy", widths)
    page = open_context().new_page()
    page.goto(f"/preferences/?language={language}&text={text}")
    for name, address in NEWCOMERS.items():
        page.goto(address)
        found += looked_at(page, axe_source, name, widths)
        if page.locator("form[method=post] .button--big").count():
            page.evaluate("document.forms[0].noValidate = true")
            page.click(".button--big")
            found += looked_at(page, axe_source, f"{name} with what is missing", widths)
    assert found == []


@pytest.mark.parametrize("text", ["usual", "big"])
def test_on_the_smallest_phone_no_choice_and_no_version_is_broken_into_columns(
    open_context: Any, live_server: LiveServer, text: str
) -> None:
    lines = """choice => {
      const words = document.createRange();
      words.selectNodeContents(choice.lastChild);
      return words.getClientRects().length;
    }"""
    page = open_context(viewport={"width": 320, "height": 568}).new_page()
    page.goto(f"/preferences/?text={text}")
    page.goto("/me/register/")
    assert page.locator("fieldset .tap").evaluate_all(f"choices => choices.map({lines})") == [1, 1]
    page = signed_in(open_context(viewport={"width": 320, "height": 568}), live_server)
    page.goto(f"/preferences/?text={text}")
    page.goto("/me/data/consents/")
    # The words before the day, the day and the words behind it run on as one sentence.
    assert page.locator(".sheet > summary").first.evaluate("summary => summary.children.length") == 1


def test_registered_at_the_door_without_script_and_signed_in_again(open_context: Any) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/stations/WH-WC-0001/")
    page.click("a[href^='/me/register/']")
    assert page.locator("#district").input_value() == "420106"
    page.fill("#phone", "15410001111")
    page.check("[name=kind][value=express]")
    page.fill("#pin", "111111")
    page.check("[name=agreed]")
    page.click(".button--big")
    # What he typed is there; the PIN, which anybody would guess, is asked for anew.
    expect(page.locator("#error-pin")).to_be_visible()
    assert page.locator("#phone").input_value() == "15410001111"
    page.fill("#pin", PIN)
    page.click(".button--big")
    page.goto("/me/data/")
    assert page.locator(".courier-unverified .icon").is_visible()
    page.click("form[action='/me/sign-out/'] button")
    page.goto("/me/data/")
    page.fill("#phone", "154 1000 1111")
    page.fill("#pin", PIN)
    page.click(".button--big")
    assert page.url.endswith("/me/data/")
