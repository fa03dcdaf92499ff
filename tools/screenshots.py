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


@contextmanager
def demo_server() -> Iterator[str]:
    """The demo in the pictures' own database, on a free port."""
    settings = demo.environment() | {"DJANGO_SETTINGS_MODULE": "tools.picture_settings"}
    port = next(port for port in PORTS if not demo.why_not(str(port)))
    for step in (
        ["migrate", "--verbosity", "0"],
        ["seed_demo"],
        ["demo_accounts"],
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
    """49 made-up stations as an office lists them; the street of two is misspelt. It is looked at, never confirmed."""
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
    """The pictures of the staff guide, task by task, as 武昌 sees them. They leave the database as it was."""

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
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
