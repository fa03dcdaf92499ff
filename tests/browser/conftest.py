"""A real Chromium, a live server and a small town of stations for the browser tests.

The server answers from a copy of the test database that all tests of this folder share: a test that changes a station
makes its own, or uses one that no other test looks at.
"""

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from pytest_django.live_server_helper import LiveServer

from stations.geo import Point
from stations.models import Station
from stations.querysets import distance_from
from tests.browser.town import HERE, build
from tests.databases import own_database
from tests.points.books import Books, keep_books
from tools import chromium

PHONE = {"width": 390, "height": 844}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def town(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:  # noqa: ARG001
    with django_db_blocker.unblock(), own_database():
        build()
        yield


@pytest.fixture(scope="package")
def town_books(town: None) -> Books:  # noqa: ARG001
    """The only books in this town with the tests' usual names, at stations far from the others; they are still empty."""
    books = keep_books(points=0, pieces=0)
    Station.objects.filter(pk__in=[books.station.pk, books.second.pk]).update(latitude=31.1)
    return books


@pytest.fixture
def transactional_db(town: None) -> None:
    """What pytest-django requests for a live server: here the town's database exists already."""


@pytest.fixture(autouse=True)
def nobody_moves_in(town: None) -> Iterator[None]:  # noqa: ARG001
    """The test that leaves a station among the twelve fails, not the one that meets it."""
    yield
    away_m = distance_from(Point(HERE["latitude"], HERE["longitude"]))
    around = Station.objects.annotate(away_m=away_m).filter(away_m__lt=8_000)
    assert {station.code for station in around} == {f"WH-WC-{number:04d}" for number in range(1, 13)}


@pytest.fixture(scope="package")
def live_server(town: None) -> Iterator[LiveServer]:  # noqa: ARG001
    server = LiveServer("localhost")
    yield server
    server.stop()


# After the server: while Playwright's event loop runs, Django sees other connections than before, and if one of the earlier
# ones stayed open, the database could not be copied.
@pytest.fixture(scope="package")
def playwright(live_server: LiveServer) -> Iterator[Playwright]:  # noqa: ARG001
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium, from the machine or Playwright's own. Without it the tests fail: a skipped browser test proves nothing."""
    started = launch(playwright)
    yield started
    started.close()


def launch(playwright: Playwright, *more: str, with_camera: bool = False) -> Browser:
    """Chromium with our arguments, and `more`."""
    path = chromium.find(with_camera=with_camera) or playwright.chromium.executable_path
    if not Path(path).exists():
        pytest.fail(chromium.ADVICE.strip(), pytrace=False)
    # No sandbox for root: Chromium refuses to start with one. It opens only our own pages.
    arguments = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return playwright.chromium.launch(
        executable_path=path, args=[*arguments, *(["--no-sandbox"] if os.geteuid() == 0 else []), *more]
    )


@pytest.fixture
def open_context(browser: Browser, live_server: LiveServer) -> Iterator[Any]:
    """Opens one more device: `open_context(**options of Browser.new_context)`."""
    opened: list[BrowserContext] = []

    def open_one(**options: Any) -> BrowserContext:
        # Without the service worker, so that a test's own routes see every request; tests of the worker allow it.
        usual = {"base_url": live_server.url, "viewport": PHONE, "locale": "zh-CN", "service_workers": "block"}
        context = browser.new_context(**usual | options)
        context.set_default_timeout(10_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def page(open_context: Any) -> Page:
    """A page on a phone of 390 × 844."""
    opened: Page = open_context().new_page()
    return opened


@pytest.fixture(scope="session")
def axe_source() -> str:
    return (resources.files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
