"""The office's pages in a real browser: accessible, narrow enough, nothing blocked by the policy, and a door confirmed."""

from typing import Any

import pytest
from playwright.sync_api import Page

from core import clock
from core.models import User
from partners import keys
from points import low_stock, stock
from stations import visiting
from stations.models import Confirmation, Station
from stations.visiting import Answers
from tests.browser.looking import looked_at
from tests.browser.town import PASSWORD
from tests.builders import make_client, make_station
from tests.points import test_query_counts
from tests.points.books import Books, live_in, op
from tests.points.test_stock import PAPER

PAGES = {
    "first page": "/admin/",
    "wall": "/admin/?screen=1",
    "a district": "/admin/glance/420106/",
    "stations": "/admin/stations/station/",
    "doubted": "/admin/stations/station/?todo=doubted",
    "new station": "/admin/stations/station/add/",
    "map entries": "/admin/stations/station/map-listing/",
    "links": "/admin/stations/visitlink/",
    "reports": "/admin/stations/visitreport/",
    "confirmations": "/admin/stations/confirmation/?days=7",
    "uses": "/admin/stations/stationuse/",
    "trail": "/admin/core/auditevent/",
    "accounts": "/admin/core/user/",
    "roles": "/admin/stations/staffrole/",
    "new role": "/admin/stations/staffrole/add/",
    "notices": "/admin/core/notice/",
    "day types": "/admin/stations/daytype/",
    "holidays from the notice": "/admin/stations/daytype/notice/",
    "programs": "/admin/partners/client/",
    "new program": "/admin/partners/client/add/",
    "new outlet": "/admin/couriers/outlet/add/",
    "new party organisation": "/admin/couriers/partyorganisation/add/",
}
# Of any year: no weekday stands in it.
NOTICE = (
    "关于{year}年部分节假日安排的通知。元旦：1月1日放假。春节：2月10日至16日放假，共7天。清明节：4月5日放假。"
    "劳动节：5月1日至3日放假。端午节：6月10日放假。国庆节、中秋节：10月1日至8日放假，共8天。"
)
# Where the ledger's pages lead, besides those whose queries are counted.
LEDGER_STEPS = {
    "find a courier": "/admin/couriers/courier/find/",
    "new courier": "/admin/couriers/courier/add/",
    "list of couriers": "/admin/couriers/courier/import/",
    "card": "/admin/couriers/courier/{courier}/card/",
    "new PIN": "/admin/couriers/courier/{courier}/new-pin/",
    "reveal": "/admin/couriers/courier/{courier}/reveal/",
    "dispute": "/admin/points/dispute/{dispute}/change/",
    "decide": "/admin/points/dispute/{dispute}/decide/",
    "new gift": "/admin/points/gift/add/",
    "price": "/admin/points/gift/{gift}/price/",
    "delivery": "/admin/points/gift/{gift}/stock/receive/",
    "count": "/admin/points/gift/{gift}/stock/count/",
    "allocate": "/admin/points/posting/funds/allocate/",
    "balances from paper": "/admin/points/posting/openings/",
    "take back": "/admin/points/posting/{award}/take-back/",
    "paper form": "/admin/points/late/",
    "cabinet sheet": "/admin/points/cabinet/{cabinet}/",
}


@pytest.fixture
def desk(open_context: Any) -> Page:
    return signed_in(open_context)


def signed_in(open_context: Any, **options: Any) -> Page:
    page: Page = open_context(**options).new_page()
    page.goto("/admin/login/?next=/admin/")
    page.fill("[name=username]", "city")
    page.fill("[name=password]", PASSWORD)
    page.locator("[type=submit]").first.click()
    page.locator("#content-main").wait_for()
    return page


@pytest.fixture
def station() -> Station:
    """One of its own, far from the others, with a report that waits."""
    station = make_station(name="柜台边的蜂巢", latitude=30.86, at=clock.now())
    link, _token = visiting.issue(station=station, actor=User.objects.get(username="city"), at=clock.now())
    visiting.report(link=link, answers=Answers("entered", hours_text="每天9:00-21:00"), witness="w", at=clock.now())
    return station


def test_axe_finds_nothing_where_one_signs_in(open_context: Any, axe_source: str) -> None:
    page = open_context().new_page()
    page.goto("/admin/login/")
    assert looked_at(page, axe_source, "sign in") == []
    page.fill("[name=username]", "nobody")
    page.fill("[name=password]", "wrong")
    page.locator("[type=submit]").first.click()
    page.locator(".errornote").wait_for()
    assert looked_at(page, axe_source, "refused") == []


def is_meant(violation: str) -> bool:
    """A wall has nobody who could ask for a refresh."""
    return ": meta-refresh: " in violation


def test_axe_finds_nothing_and_nothing_is_wider_than_a_small_phone(
    desk: Page, station: Station, axe_source: str
) -> None:
    own = {
        "station": f"/admin/stations/station/{station.pk}/change/",
        "its trail": f"/admin/stations/station/{station.pk}/history/",
        "report": f"/admin/stations/visitreport/{station.visit_links.get().report.pk}/change/",
    }
    assert wrong_at(desk, PAGES | own, axe_source, (320, 1280)) == []


def test_what_a_notice_comes_to_is_shown_before_anything_changes(desk: Page, axe_source: str) -> None:
    desk.goto(PAGES["holidays from the notice"])
    desk.fill("[name=notice]", NOTICE.format(year=clock.local_date(clock.now()).year))
    desk.locator("[type=submit].default").click()
    desk.locator("[name=confirm]").wait_for()
    assert looked_at(desk, axe_source, "what it comes to", (320, 1280)) == []


def test_the_same_holds_for_couriers_ledger_papers_and_audit(desk: Page, town_books: Books, axe_source: str) -> None:
    stock.receive(
        gift=town_books.gift, station=town_books.station, pieces=9, delivery=PAPER, op_id=op(), actor="tests",
        at=clock.now(),
    )  # fmt: skip
    rows = live_in(town_books, rows=1)
    pages = {name: address.format(**rows) for name, address in (test_query_counts.PAGES | LEDGER_STEPS).items()}
    assert wrong_at(desk, pages, axe_source, (1280,)) == []


def test_the_same_holds_in_english_and_for_a_partners_program(open_context: Any, axe_source: str) -> None:
    client = make_client(code="looked-at")
    key = keys.issue(client=client, days=9, keys_seen=0, actor=User.objects.get(username="city"), at=clock.now()).key
    page = f"/admin/partners/client/{client.pk}"
    own = {
        "program": f"{page}/change/",
        "its trail": f"{page}/history/",
        "issue a key": f"{page}/keys/new/",
        "revoke a key": f"{page}/keys/{key.prefix}/revoke/",
    }
    names = ("first page", "stations", "new station", "programs", "new program", "new outlet", "new party organisation")
    pages = {name: PAGES[name] for name in names} | own
    desk = signed_in(open_context, locale="en-GB")
    assert desk.get_attribute("html", "lang") == "en"
    assert wrong_at(desk, pages, axe_source, (320, 1280)) == []
    assert wrong_at(signed_in(open_context), own, axe_source, (320, 1280)) == []


def test_the_last_column_of_the_register_is_in_sight_in_english(open_context: Any) -> None:
    station = make_station(name="黄鹤楼党群服务中心“江城蜂巢”", latitude=30.9, at=clock.now())
    Station.objects.filter(pk=station.pk).update(confirmed_at=clock.now())
    desk = signed_in(open_context, locale="en-GB", viewport={"width": 1280, "height": 900})
    desk.goto(PAGES["stations"])
    shown, wide = desk.evaluate(
        "() => [...document.querySelectorAll('.results')].flatMap(list => [list.clientWidth, list.scrollWidth])"
    )
    assert wide == shown


def test_what_can_be_done_about_a_cabinet_that_runs_low_is_in_sight_on_a_small_phone(
    desk: Page, town_books: Books
) -> None:
    at = clock.now()
    stock.receive(
        gift=town_books.gift, station=town_books.station, pieces=9, delivery=PAPER, op_id=op(), actor="tests", at=at
    )
    low_stock.set_mark(gift=town_books.gift, station=town_books.station, pieces=5_000, actor="tests", at=at)
    desk.set_viewport_size({"width": 320, "height": 700})
    desk.goto("/admin/points/gift/low/")
    for name in ("收货", "调拨"):
        # Another test may have left a cabinet that runs low as well.
        button = desk.locator("table.stock a.button", has_text=name).first.bounding_box()
        assert button is not None
        assert button["x"] + button["width"] <= 320
        assert button["height"] < 48, "on one line"


# The words of the error and the frame of what it stands above, where a browser draws them.
BESIDE = """() => [...document.querySelectorAll("ul.errorlist")].map(list => {
  const words = document.createRange(), field = list.parentElement.querySelector("input, select");
  words.selectNodeContents(list.firstElementChild);
  return Math.round(words.getBoundingClientRect().left - field.getBoundingClientRect().left);
})"""


@pytest.mark.parametrize("width", [390, 1280])
def test_an_error_stands_where_its_field_begins(desk: Page, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 900})
    desk.goto("/admin/stations/station/add/")
    desk.locator("[name=_save]").last.click()
    desk.locator("ul.errorlist").first.wait_for()
    assert desk.evaluate(BESIDE) == [0, 0], "the name, and the district beside another field"


def wrong_at(desk: Page, pages: dict[str, str], axe_source: str, widths: tuple[int, ...]) -> list[str]:
    """What axe finds, what is wider than its screen, and what the policy refused."""
    found: list[str] = []
    desk.on("console", lambda message: found.append(message.text) if "Content Security" in message.text else None)
    for name, address in pages.items():
        answer = desk.goto(address)
        assert answer is not None
        assert answer.status == 200, address
        found += [each for each in looked_at(desk, axe_source, name, widths) if not is_meant(each)]
    return found


def test_a_door_is_confirmed_with_one_tap(desk: Page, station: Station) -> None:
    desk.goto(f"/admin/stations/station/{station.pk}/change/")
    desk.get_by_role("button", name="进得去").click()
    desk.get_by_text("已记录").wait_for()
    desk.locator(".found li").first.wait_for()
    said = Confirmation.objects.get(station=station)
    assert (said.outcome, said.channel) == ("entered", "staff")
