"""Makes the pictures of docs/screenshots: `python -m tools.screenshots`.

It fills a database of its own with the demo data and serves it, at a noon in June, for as long as the pictures take
(tools/picture_settings.py).
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, FilePayload, Geolocation, Locator, Page, ViewportSize, sync_playwright

from tools import chromium, demo

FOLDER = demo.ROOT / "docs" / "screenshots"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
OFFICE: ViewportSize = {"width": 1100, "height": 720}
STATIONS = "/admin/stations/station/"
# 徐家棚, so that the pictures show distances.
HERE: Geolocation = {"latitude": 30.5801, "longitude": 114.3402, "accuracy": 20}
NEAR_HERE = "/?lat=30.58010&lng=114.34020&accuracy_m=20"
PORTS = range(8900, 8950)


# The previous run left an order and spent points.
ANEW = "from django.conf import settings; from bench.databases import make_anew; make_anew(settings.DATABASES['default']['NAME'])"


@contextmanager
def demo_server() -> Iterator[str]:
    """The demo in the pictures' own database, on a free port."""
    settings = demo.environment() | {"DJANGO_SETTINGS_MODULE": "tools.picture_settings"}
    port = next(port for port in PORTS if not demo.why_not(str(port)))
    for step in (
        ["shell", "--no-imports", "-c", ANEW],
        ["seed_demo"],
        ["demo_couriers"],
        ["demo_points"],
        ["demo_accounts"],
        ["demo_pins"],
        ["collectstatic", "--noinput", "--verbosity", "0"],
    ):
        subprocess.run([*demo.MANAGE, *step], check=True, cwd=demo.ROOT, env=settings, stdout=subprocess.DEVNULL)
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "4"],
        cwd=demo.ROOT,
        env=settings,
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        if not demo.wait_until_it_answers(address, server):
            raise SystemExit("The demo server did not start; its message stands above.")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


# What the pictures of couriers and stewards need to know, asked of the program itself: URLs by their names, the demo's
# station with a full cabinet, the codes of its door and cabinet, a courier who can sign in, and what he can get there.
FACTS = """
import json
from django.urls import reverse
from core import clock
from couriers import demo
from points import cabinet, catalogue
from stations.models import StaffRole, Station
now = clock.now()
station = StaffRole.objects.filter(user__username="counter", station__isnull=False).latest("pk").station
pins = demo.keep_pins(at=now)
offers = catalogue.offers(on=clock.local_date(now), station=station, in_stock=True, cheapest_first=True, most=9)
print("FACTS" + json.dumps({
    "urls": {name: reverse(name) for name in ("couriers:sign-in", "couriers:register", "points:me", "points:gifts", "points:counter",
        "points:counter-sign-in", "points:counter-who", "points:counter-stock")},
    "door": reverse("stations:door", args=[station.door_token]),
    "cabinet": reverse("points:cabinet", args=[cabinet.token_of(station)]),
    "form": reverse("admin:points_late_form", args=[station.pk]),
    "gift": reverse("points:my-gift", args=[offers[0].gift.code]),
    "take": reverse("points:here-take", args=[offers[0].gift.code]),
    "phone": pins[0].phone,
    "pin": pins[0].pin,
}))
"""


def facts() -> dict[str, Any]:
    """What `FACTS` prints."""
    settings = demo.environment() | {"DJANGO_SETTINGS_MODULE": "tools.picture_settings"}
    told = subprocess.run(
        [*demo.MANAGE, "shell", "-c", FACTS], check=True, cwd=demo.ROOT, env=settings, capture_output=True, text=True
    ).stdout
    found: dict[str, Any] = json.loads(told.partition("FACTS")[2])
    return found


def passwords() -> dict[str, str]:
    """The demo accounts' passwords, as `demo_accounts` wrote them for this folder."""
    accounts: dict[str, str] = json.loads((demo.ROOT / "var" / "demo_accounts.json").read_text(encoding="utf-8"))
    return accounts


def sign_in(page: Page, name: str) -> None:
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", name)
    page.fill("[name=password]", passwords()[name])
    page.locator("[type=submit]").first.click()
    page.wait_for_load_state("networkidle")


def office_list() -> bytes:
    """49 made-up stations as an office lists them; for two the street is misspelt. It is previewed, never confirmed."""
    lines = ["序号,站点名称,所属街道,类别,地址,开放时间,设施"]
    lines += [
        f"{number},[演示] 新站{number}号,{'徐家朋街' if number in (10, 29) else '徐家棚街'},三类,和平大道{number}号,8:00-20:00,热水 空调"
        for number in range(1, 50)
    ]
    return "\n".join(lines).encode()


def take(browser: Browser, address: str) -> None:
    def opened(viewport: ViewportSize) -> Page:
        # Twice the density on the phone: text stays sharp in a README.
        scale = 2 if viewport is PHONE else 1
        context = browser.new_context(
            base_url=address, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce",
            viewport=viewport, device_scale_factor=scale, geolocation=HERE, permissions=["geolocation"],
        )  # fmt: skip
        return context.new_page()

    def save(page: Page, name: str, *, whole: bool = False) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}.png", full_page=whole)
        sys.stdout.write(f"docs/screenshots/{name}.png\n")

    phone, desktop = opened(PHONE), opened(DESKTOP)
    phone.goto(NEAR_HERE)
    save(phone, "finder")
    phone.locator("#results [data-station] h3 a").first.click()
    save(phone, "station")
    station = phone.url.rstrip("/").rsplit("/", 1)[-1]
    phone.goto("/offline/")
    save(phone, "offline")

    desktop.goto(NEAR_HERE)
    desktop.locator("#map .map-pin").first.wait_for()
    save(desktop, "finder-desktop")
    desktop.goto("/districts/420106/")
    save(desktop, "district")

    poster = opened({"width": 794, "height": 1123})
    poster.goto(f"/stations/{station}/poster/")
    poster.emulate_media(media="print")
    save(poster, "poster")


def take_for_staff(browser: Browser, address: str) -> None:
    """The pictures of the staff guide, task by task, as staff of 武昌 see them. They leave the database as it was."""

    def opened(viewport: ViewportSize, **more: Any) -> Page:
        context = browser.new_context(
            base_url=address, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce",
            viewport=viewport, **more,
        )  # fmt: skip
        return context.new_page()

    def save(shown: Page | Locator, name: str) -> None:
        page = shown if isinstance(shown, Page) else shown.page
        page.wait_for_load_state("networkidle")
        path = FOLDER / f"staff-{name}.png"
        shown.screenshot(path=path)
        # Few colours, so that a guide with a dozen pictures stays light.
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        sys.stdout.write(f"docs/screenshots/staff-{name}.png\n")

    def choose(page: Page, action: str, *, rows: int) -> None:
        page.goto(STATIONS)
        for number in range(rows):
            page.locator("input.action-select").nth(number).check()
        page.select_option("[name=action]", action)

    desk = opened(OFFICE)
    desk.goto("/admin/login/?next=/admin/")
    save(desk, "sign-in")
    sign_in(desk, "wuchang")
    save(desk, "glance")
    desk.goto(f"{STATIONS}?q=徐家棚")
    save(desk, "find")
    desk.goto(STATIONS)
    desk.locator("#result_list a[href*='/change/']").nth(2).click()
    desk.locator("#hours_periods-group").scroll_into_view_if_needed()
    save(desk.locator("#hours_periods-group"), "hours")
    save(desk.locator(".last-events"), "trail")
    choose(desk, "suspend", rows=2)
    desk.fill("[name=reason]", "装修,预计下月恢复")
    save(desk, "suspend")
    choose(desk, "holiday_hours", rows=3)
    desk.locator("button[name=index]").first.click()
    for name, value in (("starts_on", "2027-02-05"), ("ends_on", "2027-02-11"), ("reason", "春节放假")):
        desk.fill(f"[name={name}]", value)
    save(desk, "holiday")
    desk.goto(f"{STATIONS}?todo=doubted")
    desk.locator("#result_list a[href*='/change/']").first.click()
    save(desk, "doubted")
    desk.goto(f"{STATIONS}?todo=lacking")
    save(desk, "lacking")
    desk.goto(f"{STATIONS}map-listing/")
    save(desk, "map")
    desk.goto(f"{STATIONS}?q=杨园银行网点")
    desk.locator("#result_list a[href*='/change/']").first.click()
    desk.locator("#send-link").click()
    save(desk, "link")
    link = desk.locator("textarea").first.input_value().rsplit(" ", 1)[-1].strip()
    door = opened(PHONE)
    door.goto("/" + link.split("/", 3)[3])
    door.locator("[name=outcome][value=entered]").check(force=True)
    door.fill("[name=hours]", "每天8:00-21:00")
    door.fill("[name=note]", "扫码的机器坏了,现在有人值守")
    door.locator("#send").click()
    door.wait_for_load_state("networkidle")
    desk.goto("/admin/stations/visitreport/?state__exact=sent")
    desk.locator("#result_list tbody a").first.click()
    save(desk, "report")
    desk.fill("[name=reason]", "拍照用")
    desk.locator("[name=decision][value=refuse]").click()
    desk.wait_for_load_state("networkidle")

    desk.goto(f"{STATIONS}import/")
    file: FilePayload = {"name": "武昌区台账.csv", "mimeType": "text/csv", "buffer": office_list()}
    desk.locator("#id_file").set_input_files(file)
    desk.locator(".submit-row [type=submit]").click()
    desk.locator("#confirm").wait_for()
    save(desk, "import")

    administrator = opened(OFFICE)
    sign_in(administrator, "admin")
    administrator.goto("/admin/stations/staffrole/")
    save(administrator, "roles")


def take_for_members(browser: Browser, address: str) -> None:
    """The pictures of the guides for couriers and stewards: one gift, from registering to its receipt, on two phones."""
    known = facts()
    urls = known["urls"]

    def opened(viewport: ViewportSize) -> Page:
        context = browser.new_context(
            base_url=address, locale="zh-CN", timezone_id="Asia/Shanghai", reduced_motion="reduce",
            viewport=viewport, geolocation=HERE, permissions=["geolocation"],
        )  # fmt: skip
        return context.new_page()

    def save(page: Page, name: str) -> None:
        # Both pages of a queue ask every few seconds, so the network is never idle.
        page.wait_for_load_state("load")
        path = FOLDER / f"{name}.png"
        page.screenshot(path=path)
        with Image.open(path) as picture:
            picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
        sys.stdout.write(f"docs/screenshots/{name}.png\n")

    stranger = opened(PHONE)
    stranger.goto(known["door"])
    stranger.goto(urls["couriers:register"])
    save(stranger, "courier-register")

    phone = opened(PHONE)
    phone.goto(NEAR_HERE)
    phone.goto(urls["points:gifts"])
    save(phone, "courier-gifts")
    phone.goto(urls["couriers:sign-in"])
    phone.fill("#phone", known["phone"])
    phone.fill("#pin", known["pin"])
    phone.locator("main form [type=submit], main form button").last.click()
    phone.goto(urls["points:me"])
    save(phone, "courier-me")
    phone.goto(known["gift"])
    save(phone, "courier-order")
    phone.goto(known["cabinet"])
    phone.goto(known["take"])
    phone.locator("form.choose button").click()
    phone.locator(".call-number").wait_for()
    save(phone, "courier-call")

    steward = opened(PHONE)
    steward.goto(urls["points:counter-sign-in"])
    save(steward, "steward-sign-in")
    steward.fill("#id_username", "counter")
    steward.fill("#id_password", passwords()["counter"])
    steward.locator("main form button").last.click()
    steward.goto(urls["points:counter"])
    save(steward, "steward-queue")
    steward.goto(urls["points:counter-who"])
    save(steward, "steward-who")
    steward.goto(urls["points:counter-stock"])
    save(steward, "steward-stock")
    steward.goto(urls["points:counter"])
    steward.locator("button.give").first.click()
    steward.locator(".receipt").first.wait_for()
    save(steward, "steward-receipt")
    phone.reload()
    save(phone, "courier-receipt")

    paper = opened(OFFICE)
    sign_in(paper, "wuchang")
    paper.goto(known["form"])
    save(paper, "steward-late-form")


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        path = chromium.find() or playwright.chromium.executable_path
        if not Path(path).exists():
            sys.stderr.write(chromium.ADVICE)
            return 1
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with demo_server() as address:
            take(browser, address)
            take_for_staff(browser, address)
            take_for_members(browser, address)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
