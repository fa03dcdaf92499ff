"""A link goes into a group; a phone at the door uses it; the office takes what it found."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image
from playwright.sync_api import Page, expect

from core import clock
from core.images import MAX_BYTES
from core.models import User
from stations import visiting
from stations.models import Station, VisitReport
from tests.browser.looking import looked_at
from tests.browser.pages import wait_until
from tests.browser.town import PASSWORD
from tests.builders import make_amenity, make_staff, make_station

# The door, some 35 m north of where the station is registered.
DOOR = {"latitude": 30.750315, "longitude": 114.3402, "accuracy": 12}


@pytest.fixture
def station() -> Station:
    make_amenity("microwave", name="微波炉")
    number = 820 + Station.objects.filter(code__startswith="WH-WC-082").count()
    return make_station(
        code=f"WH-WC-{number:04d}", name="要核实的蜂巢", latitude=30.75, amenities=["hot-water"], at=clock.now()
    )


@pytest.fixture
def link(station: Station) -> str:
    clerk = User.objects.filter(username="clerk-of-links").first() or make_staff("clerk-of-links")
    return f"/v/{visiting.issue(station=station, actor=clerk, at=clock.now())[1]}/"


def photo() -> dict[str, Any]:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "orange").save(out, "JPEG", comment=b"SECRET")
    return {"name": "door.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def sign_in(page: Page) -> None:
    page.goto("/admin/login/")
    page.locator("#id_username").fill("city")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#login-form [type=submit]").click()
    page.locator("#user-tools").wait_for()


def test_from_the_desk_to_the_door_and_back(open_context: Any, station: Station) -> None:
    desk = open_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(desk)
    desk.goto(f"/admin/stations/station/{station.pk}/change/")
    desk.locator("#send-link").click()
    desk.locator("[data-copy]").click()
    expect(desk.locator("#copy-status")).not_to_be_empty()
    expect(desk.locator(".link-qr svg")).to_be_visible()
    address = re.search(r"https?://\S+/v/[\w-]+/", desk.locator("#link-text").input_value())
    assert address is not None

    phone = open_context(permissions=["geolocation"], geolocation=DOOR).new_page()
    phone.goto(address[0])
    phone.locator("#locate").click()
    expect(phone.locator("form.visit .script-status")).to_contain_text("12")
    phone.locator(".tap-entered").click()
    phone.locator("#photo_1").set_input_files(files=[photo()])
    phone.locator("#hours").fill("每天9:00-21:00")
    phone.locator("[name=amenities][value=microwave]").check()
    phone.locator("#send").click()
    expect(phone.locator("#what-was-sent")).to_be_visible()
    report = VisitReport.objects.get(link__station=station)
    assert (report.latitude, report.longitude, report.accuracy_m) == (30.750315, 114.3402, 12)
    with default_storage.open(report.photos[0]) as kept:
        assert b"SECRET" not in kept.read()

    other = open_context().new_page()
    other.goto(address[0])
    expect(other.locator("[data-state=used]")).to_be_visible()

    desk.goto("/admin/stations/visitreport/?state__exact=sent")
    desk.locator(f"#result_list a[href*='/visitreport/{report.pk}/change/']").first.click()
    expect(desk.locator("[data-fact=position]")).to_contain_text("35")
    expect(desk.locator("[data-fact=photo] img").last).to_be_visible()
    desk.locator("[name=decision][value=all]").click()
    desk.locator(".messagelist .success").wait_for()
    station.refresh_from_db()
    assert (station.latitude, station.hours_zh) == (30.750315, "每天9:00-21:00")
    assert station.confirmed_at == report.sent_at

    phone.goto(station.get_absolute_url())
    phone.locator(".photo img").scroll_into_view_if_needed()
    wait_until(phone, "document.querySelector('.photo img').naturalWidth > 0")
    expect(phone.locator("#state-now .proof")).to_contain_text(re.compile("刚|分钟"))


def test_without_script_it_is_sent_and_what_is_wrong_is_said_beside_the_field(open_context: Any, link: str) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto(link)
    expect(page.locator("#locate")).to_be_hidden()
    page.locator(".tap-locked").click()
    page.locator("#paste summary").click()
    page.locator("#place").fill("就在路口")
    page.locator("#send").click()
    expect(page.locator("#error-place")).to_be_visible()
    assert page.locator("[name=outcome][value=locked]").is_checked()
    page.locator("#place").fill("https://uri.amap.com/marker?position=114.345678,30.583210")
    page.locator("#send").click()
    expect(page.locator("#what-was-sent")).to_be_visible()
    assert VisitReport.objects.latest("pk").entered_crs == "gcj02"


def test_a_photo_that_is_too_large_to_be_taken_is_made_smaller_on_the_phone(
    open_context: Any, link: str, tmp_path: Path
) -> None:
    """12 megapixels of noise, lying on its side as a camera writes it."""
    turned = Image.Exif()
    turned[0x0112] = 6
    # A file of its own: so many bytes through the driver's pipe take longer than a busy machine waits for them.
    photo = tmp_path / "IMG_1.jpg"
    Image.effect_noise((4_000, 3_000), 90).convert("RGB").save(photo, "JPEG", quality=95, exif=turned)
    assert photo.stat().st_size > MAX_BYTES
    page = open_context().new_page()
    page.goto(link)
    page.locator(".tap-entered").click()
    page.locator("#photo_1").set_input_files(photo)
    # At once: what is sent waits for what is being made smaller.
    page.locator("#send").click()
    expect(page.locator("#what-was-sent")).to_be_visible()
    with default_storage.open(VisitReport.objects.latest("pk").photos[0]) as kept:
        assert Image.open(kept).size == (1_200, 1_600)


def test_a_phone_that_may_not_locate_is_shown_another_way(open_context: Any, link: str) -> None:
    page = open_context(permissions=[]).new_page()
    page.goto(link)
    page.locator("#locate").click()
    expect(page.locator("#place")).to_be_visible()


def test_two_taps_send_one_report(open_context: Any, link: str) -> None:
    page = open_context().new_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto(link)
    page.locator(".tap-entered").click()
    page.locator("#send").dblclick()
    expect(page.locator("#what-was-sent")).to_be_visible()
    assert len(sent) == 1


def test_the_link_leaves_the_page_by_no_header(open_context: Any, link: str) -> None:
    page = open_context().new_page()
    token = link.split("/")[2]
    told: list[str] = []
    page.on("request", lambda request: told.append(request.headers.get("referer", "")))
    page.goto(link)
    page.locator(".ways a, .brand").first.click()
    page.wait_for_url(re.compile(r"/$"))
    assert any(told)
    assert not any(token in referer for referer in told)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_is_accessible_narrow_enough_and_its_buttons_are_large(
    open_context: Any, link: str, axe_source: str, width: int
) -> None:
    context = open_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    page.goto(link)
    pages = ["form", "errors", "sent", "closed"]
    for name in pages:
        if name == "errors":
            page.locator(".tap-entered").click()
            page.locator("#paste summary").click()
            page.locator("#place").fill("就在路口")
            page.locator("#send").click()
            page.locator("#error-place").wait_for()
        elif name == "sent":
            page.locator("#place").fill("")
            page.locator("#send").click()
            page.locator("#what-was-sent").wait_for()
        elif name == "closed":
            context.clear_cookies()
            page.goto(link)
        assert looked_at(page, axe_source, name, [width]) == []
        small = page.evaluate(
            """() => [...document.querySelectorAll("main button, main a.button, main summary, main input:not([type=hidden])")]
              .filter(element => element.offsetParent)
              .map(element => [element, (element.closest("label") || element).getBoundingClientRect()])
              .filter(([, box]) => box.height < 43.5 || box.width < 43.5).map(([element]) => element.outerHTML)"""
        )
        assert small == [], name
    assert refused == []
