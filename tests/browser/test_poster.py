"""The poster as the printer gets it."""

import re
from datetime import date, time
from typing import Any

import pytest
from playwright.sync_api import Page

from core import clock
from stations.models import HoursPeriod, Station
from tests.browser.test_office import signed_in
from tests.builders import make_hours, make_station


def assert_a4_pages(page: Page, number: int = 1) -> None:
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == number
    box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)\s*\]", pdf)
    assert box is not None
    assert [round(float(side)) for side in box.groups()] == [595, 842]


def test_it_prints_on_one_a4_page(page: Page) -> None:
    page.goto("/stations/WH-WC-0001/poster/")
    assert_a4_pages(page)


def test_however_much_is_written_it_is_one_page_and_the_code_is_on_it(page: Page) -> None:
    station = make_station(
        code="WH-WC-0811", name="武汉市武昌区徐家棚街道武车社区党群服务中心一楼完美江城蜂巢工会爱心驿站", latitude=30.74,
        address="湖北省武汉市武昌区徐家棚街道和平大道与秦园路交会处东北角一百二十米处武车社区党群服务中心",
        amenities=[f"amenity-of-a-long-name-{number}" for number in range(30)], tier=1, at=clock.now(),
    )  # fmt: skip
    for number, month in enumerate((1, 3, 5, 7)):
        season = HoursPeriod.objects.create(
            station=station, name=f"第{number}季纳凉取暖", repeats_yearly=True,
            valid_from=date(2000, month, 1), valid_through=date(2000, month + 1, 28),
        )  # fmt: skip
        season.spans.create(days=[1, 2, 3, 4, 5], opens=time(8, 30), closes=time(11, 30), entry_mode="card")
        season.spans.create(days=[1, 2, 3, 4, 5], opens=time(13, 30), closes=time(20, 30), entry_mode="card")
    page.goto("/stations/WH-WC-0811/poster/")
    assert_a4_pages(page)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    box = page.locator(".qr").bounding_box()
    assert box is not None
    assert box["width"] > 180
    assert box["y"] + box["height"] < 1119
    Station.objects.filter(pk=station.pk).update(status="draft")


@pytest.mark.parametrize(
    ("code", "weekend", "said", "words"),
    [
        ("WH-WC-0894", False, "周一至周五8:30-17:30，节假日休息", "8:30-17:30"),
        ("WH-WC-0895", True, "周一至周五8:30-17:30，周末10:00-16:00", "10:00-16:00"),
    ],
)
def test_of_usual_hours_and_a_dozen_amenities_nothing_is_cut_and_no_name_or_time_broken(
    page: Page, code: str, weekend: bool, said: str, words: str
) -> None:
    station = make_station(
        code=code, name="首义路街道党群服务中心“江城蜂巢”", latitude=30.745, tier=3, at=clock.now(), hours=False,
        amenities=[f"amenity-{number}" for number in range(12)],
    )  # fmt: skip
    make_hours(
        station,
        days=range(1, 6),
        opens=time(8, 30),
        closes=time(17, 30),
        on_holidays="as-sunday" if weekend else "own-hours",
    )
    if weekend:
        make_hours(station, days=(6, 7), opens=time(10), closes=time(16))
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.goto(f"/stations/{code}/poster/")
    assert page.locator(".line").inner_text() == said
    parts = page.evaluate(
        "[...document.querySelectorAll('.hours, .inside')].map(part => part.scrollHeight - part.clientHeight)"
    )
    assert max(parts) <= 1
    lines = page.evaluate(
        """words => ["江城蜂巢", words].map(each => {
          const [whole] = [...document.querySelectorAll("h1, h1 *, .line")].flatMap(part => [...part.childNodes])
            .filter(text => text.nodeType === Node.TEXT_NODE && text.data.includes(each));
          const range = document.createRange(), start = whole.data.indexOf(each);
          range.setStart(whole, start);
          range.setEnd(whole, start + each.length);
          return new Set([...range.getClientRects()].map(box => Math.round(box.top))).size;
        })""",
        words,
    )
    assert lines == [1, 1]
    Station.objects.filter(pk=station.pk).update(status="draft")


def test_without_script_there_is_no_button_that_does_nothing(open_context: Any) -> None:
    page = open_context(java_script_enabled=False).new_page()
    page.goto("/stations/WH-WC-0001/poster/")
    assert page.get_by_role("button").count() == 0


def test_of_many_doors_each_has_a_page_of_its_own(open_context: Any) -> None:
    page = signed_in(open_context)
    codes = Station.objects.published().order_by("code").values_list("code", flat=True)[:3]
    page.goto(f"/posters/?codes={','.join(codes)}")
    assert page.locator(".poster").count() == 3
    assert_a4_pages(page, 3)
