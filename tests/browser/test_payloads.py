"""T14: texts that would run as script, in every field that people write, on the pages of the office, of a link, of the API, at
the counter and on couriers' own pages. The policy is switched off, so that only the escaping can stop them."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page

from core import audit, clock
from core.models import Notice, User
from couriers import devices, registration
from couriers.models import Courier
from partners.models import Client
from points import disputes, earning, funds, proposals, queue, redemption, stock
from points.models import AwardLimit, Gift, GiftPrice, Posting, Redemption
from points.redemption import Presence
from stations import visiting
from stations.models import HoursException, Station, StationOrganisation, VisitReport
from stations.visiting import Answers
from tests.browser.test_every_page import PAYLOADS
from tests.browser.test_visit import sign_in
from tests.browser.town import PASSWORD
from tests.builders import make_client, make_courier, make_district, make_staff, make_station
from tests.points.books import op
from tests.proving import IS_FULL, counted

# Far from where the other tests look; a draft is seen by the office alone.
FAR = 31.2
RUNS = "typeof pwned"


@pytest.fixture
def stations() -> Iterator[list[Station]]:
    made, now = list[Station](), clock.now()
    first = Station.objects.filter(code__startswith="WH-XS-").count()
    for number, payload in enumerate(PAYLOADS, start=first):
        station = make_station(
            code=f"WH-XS-{number:04d}", name=payload, aliases=[payload], address=payload, floor=payload[:20], phone=payload[:40],
            directions=payload, hours_text=payload, amenities_text=payload, status_reason=payload, status="draft",
            latitude=FAR + number / 1000, longitude=114.9, at=now,
        )  # fmt: skip
        StationOrganisation.objects.create(station=station, role="premises", name=payload)
        HoursException.objects.create(
            station=station, starts_on=clock.local_date(now), ends_on=clock.local_date(now), reason=payload[:60]
        )
        audit.record(
            "station.changed",
            subject=("station", station.code),
            actor=payload,
            at=now,
            data={"name": payload, "changed": {payload: {"before": payload, "after": payload}}},
        )
        made.append(station)
    yield made
    Station.objects.filter(pk__in=[station.pk for station in made]).update(status="draft")


def reports(stations: list[Station]) -> list[VisitReport]:
    """What somebody who means ill sends from a door."""
    clerk = User.objects.filter(username="clerk-of-scripts").first() or make_staff("clerk-of-scripts")
    sent = []
    for station, payload in zip(stations, PAYLOADS, strict=True):
        link, _token = visiting.issue(station=station, actor=clerk, at=clock.now())
        said = Answers(outcome="broken", hours_text=payload, note=payload)
        sent.append(visiting.report(link=link, answers=said, witness="w", at=clock.now()))
    return sent


def test_no_text_runs_as_script_at_the_desk(open_context: Any, stations: list[Station]) -> None:
    assert len(PAYLOADS) == 40
    sent = reports(stations)
    for number, payload in enumerate(PAYLOADS):
        Notice.objects.create(
            matter=f"{number} {payload}"[:80], day=clock.local_date(clock.now()), text=payload, path=payload,
            recipients=[payload], created_at=clock.now(), last_error=payload,
        )  # fmt: skip
    client = make_client(code="scripts")
    ran: list[str] = []
    page: Page = open_context(bypass_csp=True, viewport={"width": 1280, "height": 900}).new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    sign_in(page)
    lists = ["station/?q=WH-XS", "visitlink/", "visitreport/", "confirmation/"]
    addresses = ["/admin/", "/admin/glance/", "/admin/core/auditevent/", "/admin/core/notice/"]
    addresses += [f"/admin/stations/{each}" for each in lists]
    addresses += ["/admin/stations/station/map-listing/", f"/admin/stations/station/?q={PAYLOADS[2]}"]
    for number, (station, report) in enumerate(zip(stations, sent, strict=True)):
        # In the suite the pages of every eighth; `make proof` opens all.
        if IS_FULL or number % 8 == 0:
            addresses += [f"/admin/stations/station/{station.pk}/{each}/" for each in ("change", "history")]
            addresses += [f"/admin/stations/visitreport/{report.pk}/change/"]
    looked = 0
    for address in addresses:
        page.goto(address)
        looked += 1
        if page.evaluate(RUNS) != "undefined":
            ran.append(address)
    for payload in PAYLOADS if IS_FULL else PAYLOADS[::8]:
        Client.objects.filter(pk=client.pk).update(name=payload[:80], contact=payload)
        for address in (f"/admin/partners/client/{client.pk}/change/", "/admin/partners/client/"):
            page.goto(address)
            looked += 1
            if page.evaluate(RUNS) != "undefined":
                ran.append(f"{address} {payload}")
    assert ran == []
    # The list holds all of them: what did not run was shown.
    page.goto("/admin/stations/station/?q=WH-XS")
    assert PAYLOADS[0] in (page.locator("#result_list").text_content() or "")
    counted("T14", "stored scripts on the pages of the office", payloads=40, pages=looked, ran=len(ran))


def test_no_text_runs_as_script_on_a_link_or_in_the_api(open_context: Any, stations: list[Station]) -> None:
    clerk = User.objects.filter(username="clerk-of-scripts").first() or make_staff("clerk-of-scripts")
    page: Page = open_context(bypass_csp=True).new_page()
    ran, looked = [], 0
    Station.objects.filter(pk__in=[station.pk for station in stations]).update(status="published")
    for number, station in enumerate(stations):
        if not IS_FULL and number % 8:
            continue
        _link, token = visiting.issue(station=station, actor=clerk, at=clock.now())
        for address in (f"/v/{token}/", f"/api/v1/stations/{station.code}/", station.get_absolute_url()):
            page.goto(address)
            looked += 1
            if page.evaluate(RUNS) != "undefined":
                ran.append(address)
    assert "json" in page.request.get("/api/v1/stations/?q=WH-XS").headers["content-type"]
    assert ran == []
    counted("T14", "stored scripts on links, in the API and on public pages", payloads=40, pages=looked, ran=len(ran))


# ── The counter, 我的蜂巢 and the ledger ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cabinet() -> Iterator[Station]:
    """A station of such a name, its cabinet kept by two, and a district that pays."""
    now, today = clock.now(), clock.local_date(clock.now())
    station = make_station(code="WH-XP-0001", name=PAYLOADS[0], latitude=FAR + 0.1, longitude=114.9, at=now)
    AwardLimit.objects.get_or_create(valid_from=today, defaults={"most_alone": 100_000, "most_a_day": 10_000_000})
    funds.allocate(district=make_district(), points=100_000, source=PAYLOADS[0], op_id=op(), actor="tests", at=now)
    for name in ("xp-li", "xp-wang"):
        make_staff(name, scope=station, duties=["counter"], password=PASSWORD)
    yield station
    Station.objects.filter(pk=station.pk).update(status="draft")
    Gift.objects.filter(code__startswith="wc-xp-").update(is_offered=False)


def _said(station: Station, payload: str, number: int) -> tuple[Courier, Gift, Redemption, Redemption]:
    """`payload` in the name of a gift and of a courier, and wherever somebody says why; what waits, and what was handed over."""
    now, name = clock.now(), "".join(sign for sign in payload[:40] if sign.isprintable())

    def by() -> dict[str, Any]:
        return {"op_id": op(), "actor": "tests", "at": now}

    gift = Gift.objects.create(
        code=f"wc-xp-{number}", division=make_district(), name=payload[:60], name_en=payload[:60]
    )
    GiftPrice.objects.create(gift=gift, points=10, valid_from=clock.local_date(now))
    paper = stock.Delivery(document_no=payload[:40], unit_price_cny=Decimal(1), funding="donation", donor=payload[:60])
    stock.receive(gift=gift, station=station, pieces=9, delivery=paper, **by())
    courier = registration.verify(courier=make_courier(name=name), actor="tests", at=now)
    earning.award_by_hand(courier=courier, points=100, district=make_district(), reason=payload[:200], **by())
    li, wang = (User.objects.get(username=name) for name in ("xp-li", "xp-wang"))
    orders = [redemption.order(courier=courier, gift=gift, station=station, points=10, **by()) for _each in range(3)]
    queue.join(redemption=orders[0], at=now)
    by_two = Presence(witness=wang, reason=payload[:200])
    done = redemption.hand_over(redemption=orders[1], presence=by_two, op_id=op(), actor=li, at=now)
    redemption.cancel(redemption=orders[2], reason=payload[:200], **by())
    told = disputes.open_dispute(redemption=done, words=payload, at=now)
    if number % 2:
        disputes.decide(dispute=told, ruling="dismissed", answer=payload, **by() | {"actor": "office"})
    proposals.propose(station=station, name=payload[:60], why=payload, actor="tests", at=now)
    registration.block(courier=make_courier(name=name), reason=payload[:120], actor="tests", at=now)
    return courier, gift, orders[0], done


def test_no_text_runs_as_script_at_the_counter_on_a_couriers_pages_or_in_the_ledger(
    open_context: Any, cabinet: Station
) -> None:
    desk: Page = open_context(bypass_csp=True, viewport={"width": 1280, "height": 900}).new_page()
    sign_in(desk)
    counter: Page = open_context(bypass_csp=True).new_page()
    counter.goto("/counter/")
    counter.fill("[name=username]", "xp-li")
    counter.fill("[name=password]", PASSWORD)
    counter.locator(".give").click()
    counter.locator("#queue").wait_for()
    chosen = [(number, payload) for number, payload in enumerate(PAYLOADS) if IS_FULL or number % 16 == 1]
    ran, looked = list[str](), 0

    def look(page: Page, addresses: Iterable[str], payload: str) -> None:
        nonlocal looked
        for address in addresses:
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200, address
            looked += 1
            if page.evaluate(RUNS) != "undefined":
                ran.append(f"{address} {payload}")

    for number, payload in chosen:
        courier, gift, waiting, done = _said(cabinet, payload, number)
        phone: Page = open_context(bypass_csp=True).new_page()
        token = devices.sign_in(courier=courier, kind=payload[:24], at=clock.now())
        phone.context.add_cookies([{"name": "me", "value": token, "domain": "localhost", "path": "/"}])
        look(phone, mine(gift, waiting, done), payload)
        assert payload[:20] in (phone.locator("main").text_content() or "")
        counter.goto("/counter/who/")
        counter.fill("#id_who", courier.code)
        counter.keyboard.press("Enter")
        counter.wait_for_url("**/who/*/")
        look(counter, [counter.url, f"/counter/redemptions/{done.code}/", "/counter/"], payload)
        award = Posting.objects.filter(kind="award").latest("pk")
        look(desk, of_the_office(courier, gift, done, award), payload)
        phone.context.close()
    look(counter, ["/counter/stock/", "/counter/today/"], "all")
    look(desk, LEDGER, "all")
    assert chosen[-1][1][:20].strip() in (desk.locator("#content").text_content() or "")
    assert ran == []
    counted(
        "T14", "stored scripts at the counter, on a courier's pages and in the ledger",
        payloads=len(chosen), pages=looked, ran=len(ran),
    )  # fmt: skip


def mine(gift: Gift, waiting: Redemption, done: Redemption) -> list[str]:
    return [
        "/me/", "/me/data/", "/me/devices/", "/me/gifts/", f"/me/gifts/{gift.code}/", f"/me/orders/{waiting.code}/",
        f"/me/queue/{waiting.code}/", f"/me/orders/{done.code}/", f"/me/redemptions/{done.code}/dispute/", "/me/redemptions/",
        f"/gifts/{gift.code}/", "/gifts/?division=420106", "/me/statement/",
    ]  # fmt: skip


def of_the_office(courier: Courier, gift: Gift, done: Redemption, award: Posting) -> list[str]:
    return [
        f"/admin/couriers/courier/{courier.pk}/change/", f"/admin/couriers/courier/{courier.pk}/card/",
        f"/admin/points/couriers/{courier.pk}/", f"/admin/points/gift/{gift.pk}/change/", f"/admin/points/slips/{done.pk}/",
        f"/admin/points/redemption/{done.pk}/change/", f"/admin/points/posting/{award.pk}/change/",
        f"/admin/points/dispute/{done.dispute.pk}/change/",
    ]  # fmt: skip


LEDGER = [
    "/admin/", "/admin/couriers/courier/", "/admin/core/auditevent/", "/admin/points/gift/", "/admin/points/redemption/",
    "/admin/points/dispute/", "/admin/points/posting/", "/admin/points/award/", "/admin/points/standing-out/",
    "/admin/points/papers/stock/?place=420106", "/admin/points/papers/register/?place=420106", "/admin/points/plan/?place=420106",
    "/admin/points/settlement/", "/admin/points/giftproposal/",
]  # fmt: skip
