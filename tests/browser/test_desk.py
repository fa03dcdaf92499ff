"""A clerk's first week: her list is imported, its doubts are settled, it is published, and a phone at a door confirms one."""

import io
import re
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
from playwright.sync_api import Page, expect

from stations.models import Division, Station
from tests.browser.town import PASSWORD
from tests.builders import make_district, make_staff, make_subdistrict

# A door that is far from all others of the town.
DOOR = {"latitude": 30.81, "longitude": 114.31, "accuracy": 10}
LISTED = 49


@pytest.fixture
def district() -> Iterator[Division]:
    """A district of its own with a clerk; what she publishes is hidden again from the other tests."""
    district = make_district(code="420102", name="江岸区", letters="JA")
    make_subdistrict(code="420102008", name="永清街道", district=district)
    make_subdistrict(code="420102009", name="西马街道", district=district)
    make_staff("jiangan", scope=district, duties=["manage", "review"], password=PASSWORD)
    yield district
    Station.objects.filter(division__code__startswith=district.code).update(status="draft")


def messy_list() -> bytes:
    """49 stations as an office keeps them, two of them doubtful: a street nobody knows, and a name that is there twice."""
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "江岸区"
    sheet.append(["江岸区“江城蜂巢”台账（截至２０２６年１１月）"])
    sheet.append(["序号", "站点名称", "所属街道", "类别", "详细地址", "开放时间", "设施设备"])
    for number in range(1, LISTED + 1):
        hours = "看物业上班时间" if number == 7 else "周一至周日 ８：００－２０：００"
        sheet.append(
            [
                number,
                f"永清第{number}江城蜂巢",
                "",
                ("一类", "2", "Ⅲ类蜂巢")[number % 3],
                f"中山大道{number}号",
                hours,
                "热水 微波炉",
            ]
        )
    sheet["C3"], sheet["C23"], sheet["C42"] = "永清街", "西马街道", "西玛街"
    sheet["B50"], sheet["B51"] = "车站路社区江城蜂巢", "车站路社区驿站"
    sheet.append(["", "合计", "", "", "", LISTED, ""])
    sheet.merge_cells("A1:G1")
    for cells in ("C3:C22", "C23:C41", "C43:C51"):
        sheet.merge_cells(cells)
    sheet["C43"] = "西马街道"
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()


def signed_in(page: Page) -> Page:
    page.goto("/admin/login/")
    page.locator("#id_username").fill("jiangan")
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#login-form [type=submit]").click()
    page.locator("#user-tools").wait_for()
    return page


def brought(desk: Page) -> None:
    desk.goto("/admin/stations/station/")
    desk.get_by_role("link", name="导入台账").click()
    sheet: Any = {"name": "江岸台账.xlsx", "mimeType": "application/octet-stream", "buffer": messy_list()}
    desk.locator("#id_file").set_input_files(files=[sheet])
    desk.locator(".submit-row [type=submit]").click()
    desk.locator("#confirm").wait_for()


def test_from_a_messy_list_to_a_proved_door(open_context: Any, district: Division, axe_source: str) -> None:
    desk = signed_in(open_context(viewport={"width": 1280, "height": 900}).new_page())
    refused: list[str] = []
    desk.on("console", lambda message: refused.append(message.text) if "Security Policy" in message.text else None)
    brought(desk)
    expect(desk.locator("#sentence")).to_have_value(re.compile("49个:新增47,存疑2"))
    assert Station.objects.filter(division__code__startswith=district.code).count() == 0
    accessible(desk, axe_source)

    doubts = desk.locator(".question.is-doubt")
    expect(doubts).to_have_count(2)
    expect(doubts.first).to_contain_text("西玛街")
    doubts.first.locator("select").select_option(label="西马街道")
    doubts.first.get_by_role("button", name="确定").click()
    expect(doubts).to_have_count(1)
    doubts.get_by_label("作为新的登记").check()
    doubts.get_by_role("button", name="确定").click()
    expect(doubts).to_have_count(0)
    expect(desk.locator("#sentence")).to_have_value(re.compile("49个:新增49"))
    desk.locator("#confirm [value=confirm]").click()
    expect(desk.locator(".import-done")).to_be_visible()
    expect(desk.locator("#sentence")).to_have_value(re.compile("^49个:新增49"))
    desk.locator("[data-copy]").click()
    expect(desk.locator("#copy-status")).not_to_be_empty()
    edges = desk.locator(".desk-buttons .button").evaluate_all(
        "buttons => buttons.map(each => [each.getBoundingClientRect().top, each.getBoundingClientRect().height])"
    )
    assert len(edges) > 2
    assert edges.count(edges[0]) == len(edges), "one row of the same height, links and buttons"
    accessible(desk, axe_source)

    desk.get_by_role("link", name="去启用新增的草稿").click()
    desk.locator("#action-toggle").check()
    desk.locator("[name=action]").select_option("publish")
    desk.locator(".actions [type=submit]").click()
    expect(desk.locator(".messagelist .success")).to_contain_text("49")
    published = Station.objects.filter(division__code__startswith=district.code, status="published")
    assert published.count() == LISTED

    station = published.get(name="永清第3江城蜂巢")
    assert (station.hours_zh, station.division.name) == ("每天8:00-20:00", "永清街道")
    desk.goto(f"/admin/stations/station/{station.pk}/change/")
    desk.locator("#send-link").click()
    address = re.search(r"https?://\S+/v/[\w-]+/", desk.locator("#link-text").input_value())
    assert address is not None

    phone = open_context(permissions=["geolocation"], geolocation=DOOR).new_page()
    phone.goto(address[0])
    phone.locator("#locate").click()
    expect(phone.locator("form.visit .script-status")).to_contain_text("10")
    phone.locator(".tap-entered").click()
    phone.locator("#send").click()
    expect(phone.locator("#what-was-sent")).to_be_visible()

    desk.goto("/admin/stations/visitreport/?state__exact=sent")
    desk.locator("#result_list tbody tr", has_text=station.name).get_by_role("link").first.click()
    desk.locator("[name=decision][value=all]").click()
    desk.locator(".messagelist .success").wait_for()

    phone.goto(station.get_absolute_url())
    expect(phone.locator("#state-now .proof")).to_contain_text(re.compile("刚|分钟"))
    station.refresh_from_db()
    assert (station.latitude, station.longitude) == (DOOR["latitude"], DOOR["longitude"])
    assert refused == []


def accessible(page: Page, axe_source: str) -> None:
    """Also on a small phone nothing is cut off."""
    page.evaluate(axe_source)
    found = page.evaluate(
        "() => axe.run('#content', {resultTypes: ['violations'], preload: false}).then(found => found.violations)"
    )
    assert [f"{rule['id']}: {node['html'][:150]}" for rule in found for node in rule["nodes"]] == []
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.set_viewport_size({"width": 1280, "height": 900})
