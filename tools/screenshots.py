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

from playwright.sync_api import Browser, FilePayload, Geolocation, Page, ViewportSize, sync_playwright

from tools import chromium, demo

FOLDER = demo.ROOT / "docs" / "screenshots"
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
# 徐家棚, so that the pictures show distances.
HERE: Geolocation = {"latitude": 30.5801, "longitude": 114.3402, "accuracy": 20}
NEAR_HERE = "/?lat=30.58010&lng=114.34020&accuracy_m=20"
PORTS = range(8900, 8950)


@contextmanager
def demo_server() -> Iterator[str]:
    """The demo in the pictures' own database, on a free port."""
    settings = demo.environment() | {"DJANGO_SETTINGS_MODULE": "tools.picture_settings"}
    port = next(port for port in PORTS if not demo.port_is_taken(port))
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


def password_of_city() -> str:
    """The demo account's password, as `seed_demo` wrote it for this folder."""
    accounts = json.loads((demo.ROOT / "var" / "demo_accounts.json").read_text(encoding="utf-8"))
    return str(accounts["city"])


def office_list() -> bytes:
    """49 made-up stations as an office lists them; the street of two is misspelt. It is looked at, never confirmed."""
    lines = ["序号,站点名称,所属街道,类别,地址,开放时间,设施"]
    lines += [
        f"{number},[演示] 新站{number}号,{'徐家朋街' if number in (10, 29) else '徐家棚街'},三类,和平大道{number}号,8:00-20:00,热水 空调"
        for number in range(1, 50)
    ]
    return "\n".join(lines).encode()


def take(browser: Browser, address: str, password: str) -> None:
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

    desktop.goto("/admin/login/?next=/admin/")
    desktop.fill("[name=username]", "city")
    desktop.fill("[name=password]", password)
    desktop.locator("[type=submit]").first.click()
    save(desktop, "admin")
    desktop.goto("/admin/stations/station/")
    save(desktop, "admin-stations")
    desktop.locator("#result_list a[href*='/change/']").first.click()
    save(desktop, "admin-station", whole=True)
    desktop.goto("/admin/stations/station/import/")
    file: FilePayload = {"name": "武昌区台账.csv", "mimeType": "text/csv", "buffer": office_list()}
    desktop.locator("#id_file").set_input_files(file)
    desktop.locator("#id_division").select_option("420106")
    desktop.locator(".submit-row [type=submit]").click()
    desktop.locator("#confirm").wait_for()
    save(desktop, "admin-import")


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        path = chromium.find() or playwright.chromium.executable_path
        if not Path(path).exists():
            sys.stderr.write(chromium.ADVICE)
            return 1
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with demo_server() as address:
            take(browser, address, password_of_city())
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
