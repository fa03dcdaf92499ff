"""T14 at the desk: texts that would run as script, in every field that people write, on the pages of the office, of a link
and of the API. The policy is switched off, so that it is the escaping that holds."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from core import audit, clock
from core.models import Notice, User
from partners.models import Client
from stations import visiting
from stations.models import HoursException, Station, StationOrganisation, VisitReport
from stations.visiting import Answers
from tests.browser.test_every_page import PAYLOADS
from tests.browser.test_visit import sign_in
from tests.builders import make_client, make_staff, make_station
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
