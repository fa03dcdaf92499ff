"""The page about the API. It is long, so it is looked at here, once in each language, and not at every width like the rest."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.looking import violations

PAGE = "/docs/api/"
DESKTOP = {"width": 1280, "height": 900}


@pytest.mark.parametrize(
    ("locale", "viewport", "title"), [("zh-CN", PHONE, "开放接口"), ("en-US", DESKTOP, "API for programs")]
)
def test_it_is_accessible_and_the_policy_refuses_nothing(
    open_context: Any, axe_source: str, locale: str, viewport: Any, title: str
) -> None:
    page = open_context(locale=locale, viewport=viewport).new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if message.type == "error" else None)
    page.goto(PAGE)
    expect(page.locator("h1")).to_have_text(title)
    page.locator("#create_confirmation summary").first.click()
    page.evaluate(axe_source)
    assert violations(page) == []
    assert refused == []


def test_it_fits_the_smallest_phone_and_needs_no_script(open_context: Any) -> None:
    page = open_context(viewport={"width": 320, "height": 640}, java_script_enabled=False).new_page()
    page.goto(PAGE)
    page.locator("#list_stations summary").last.click()
    page.locator("#list_stations .refusals a").first.click()
    expect(page.locator("#code-bad_request")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
