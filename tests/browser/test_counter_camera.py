"""The counter's camera: a code in a real video is read, by our file or by the browser, and if the camera fails, the page says so.

Chromium plays a film in place of its camera, so that permission, policy, stream and reading are real.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, expect
from pytest_django.live_server_helper import LiveServer

from core import clock
from core.models import User
from points import passes
from tests.browser.conftest import launch
from tests.browser.pages import wait_until
from tests.browser.town import PASSWORD
from tests.builders import make_staff
from tests.points.books import Books

FILM = (640, 480)
# What a phone with a reader of its own answers; our Chromium has none.
DETECTOR = """window.BarcodeDetector = class { detect(video) {
    return Promise.resolve(video.videoWidth ? [{rawValue: %r}] : []);
  } }"""
SEES_NOTHING = "window.BarcodeDetector = class { detect() { return Promise.resolve([]); } }"
STEWARD = "steward-with-camera"


@pytest.fixture
def digits(town_books: Books) -> str:
    """The pass of the courier who stands there; the steward has an account."""
    if not User.objects.filter(username=STEWARD).exists():
        make_staff(STEWARD, scope=town_books.station, duties=["counter"], password=PASSWORD)
    return passes.issue(courier=town_books.courier, at=clock.now())


@pytest.fixture
def filming(playwright: Playwright, tmp_path: Path, digits: str) -> Iterator[Browser]:
    """Its camera looks at the pass on a phone, a little turned."""
    film = tmp_path / "pass.y4m"
    film.write_bytes(film_of(digits))
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    started = launch(playwright, *camera, with_camera=True)
    yield started
    started.close()


def film_of(text: str) -> bytes:
    """A film (YUV4MPEG2, grey) in which the code of `text` is held still before the camera."""
    code = segno.make_qr(text, error="m")
    width, height = code.symbol_size()
    shown = Image.new("L", (int(width), int(height)), 255)
    for row, line in enumerate(code.matrix_iter(border=4)):
        for column, is_dark in enumerate(line):
            shown.putpixel((column, row), 20 if is_dark else 235)
    frame = Image.new("L", FILM, 130)
    frame.paste(shown.resize((300, 300), Image.Resampling.NEAREST), (170, 90))
    luma = frame.rotate(4, fillcolor=130).tobytes()
    picture = b"FRAME\n" + luma + b"\x80" * (FILM[0] * FILM[1] // 2)
    return b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420\n" % FILM + picture * 3


def at_the_counter(browser: Browser, live_server: LiveServer, *, permissions: list[str], script: str = "") -> Page:
    context = browser.new_context(
        base_url=live_server.url,
        viewport={"width": 390, "height": 844},
        locale="zh-CN",
        service_workers="block",
        permissions=permissions,
    )
    context.set_default_timeout(20_000)
    if script:
        context.add_init_script(script)
    page = context.new_page()
    page.goto("/counter/")
    page.fill("[name=username]", STEWARD)
    page.fill("[name=password]", PASSWORD)
    page.locator(".give").click()
    page.locator("#queue").wait_for()
    page.goto("/counter/who/")
    return page


@pytest.mark.parametrize("reader", ["our file", "the browser's own"])
def test_a_pass_before_the_camera_leads_to_who_shows_it(
    filming: Browser, live_server: LiveServer, town_books: Books, digits: str, reader: str
) -> None:
    script = DETECTOR % digits if reader != "our file" else "delete window.BarcodeDetector"
    page = at_the_counter(filming, live_server, permissions=["camera"], script=script)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.locator("#scan").click()
    page.wait_for_url("**/who/*/")
    expect(page.locator(".balance")).to_be_visible()
    assert town_books.courier.code[-4:] in page.locator("main").inner_text()
    assert any(url.endswith("jsQR.js") for url in fetched) == (reader == "our file")


def test_a_camera_that_may_not_be_used_says_so_and_what_is_typed_works(
    filming: Browser, live_server: LiveServer, digits: str
) -> None:
    page = at_the_counter(filming, live_server, permissions=[])
    page.locator("#scan").click()
    expect(page.locator("main")).to_contain_text("这里用不了摄像头")
    assert not page.locator("#camera").count()
    page.fill("#id_who", digits)
    page.keyboard.press("Enter")
    page.wait_for_url("**/who/*/")


def test_the_camera_is_let_go_when_one_stops_it(filming: Browser, live_server: LiveServer) -> None:
    page = at_the_counter(filming, live_server, permissions=["camera"], script=SEES_NOTHING)
    scan = page.locator("#scan")
    words = scan.inner_text()
    scan.click()
    page.locator("#camera").wait_for()
    wait_until(page, "document.getElementById('camera').videoWidth > 0")
    kept = page.evaluate_handle("document.getElementById('camera').srcObject.getTracks()")
    scan.click()
    expect(page.locator("#camera")).to_have_count(0)
    assert scan.inner_text() == words
    assert kept.evaluate("tracks => tracks.map(track => track.readyState)") == ["ended"]
