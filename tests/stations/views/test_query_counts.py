"""The number of queries of each page and of each list of the admin, with few rows and with many."""

import pytest
from django.test import Client

from core import audit, clock
from core.models import Notice
from stations import finding, visiting
from stations.models import Confirmation, ImportJob, StationOrganisation, StationUse
from stations.visiting import Answers
from tests.builders import make_client, make_key, make_staff, make_station
from tests.query_counts import check_query_count

NEAR = "lat=30.58010&lng=114.34020"
PAGES = {
    "page:finder": "/?division=420106",
    "page:finder-near": f"/?{NEAR}&amenity=hot-water",
    "page:finder-words": "/?q=徐家棚",
    "page:finder-empty": "/?tier=1",
    "page:map-points": f"/map.json?{NEAR}",
    "page:places": "/places/",
    "page:district-list": "/districts/",
    "page:district-detail": "/districts/420106/",
    "page:station-detail": "/stations/WH-QC-0001/",
    "page:station-poster": "/stations/WH-QC-0001/poster/",
    "page:problems": "/api/problems/",
}
ADMIN = {
    "admin:index": "/admin/",
    "admin:stations": "/admin/stations/station/",
    "admin:visit-links": "/admin/stations/visitlink/",
    "admin:visit-reports": "/admin/stations/visitreport/",
    "admin:confirmations": "/admin/stations/confirmation/",
    "admin:uses": "/admin/stations/stationuse/",
    "admin:amenities": "/admin/stations/amenity/",
    "admin:divisions": "/admin/stations/division/",
    "admin:zones": "/admin/stations/zone/",
    "admin:day-types": "/admin/stations/daytype/",
    "admin:audit": "/admin/core/auditevent/",
    "admin:accounts": "/admin/core/user/",
    "admin:notices": "/admin/core/notice/",
    "admin:staff-roles": "/admin/stations/staffrole/",
    "admin:clients": "/admin/partners/client/",
    "admin:station": "/admin/stations/station/{station}/change/",
    "admin:import": "/admin/stations/station/import/",
    "admin:map-listing": "/admin/stations/station/map-listing/",
    "admin:glance": "/admin/glance/",
    "admin:glance-of-a-district": "/admin/glance/420106/",
    "admin:door-posters": "/posters/?codes={codes}",
}


@pytest.mark.django_db
@pytest.mark.parametrize("stations", [2, 15])
@pytest.mark.parametrize("name", PAGES | ADMIN)
def test_the_number_of_queries_is_as_recorded_whatever_the_number_of_rows(
    client: Client, name: str, stations: int
) -> None:
    now = clock.now()
    staff = make_staff()
    for number in range(1, stations + 1):
        station = make_station(
            code=f"WH-QC-{number:04d}",
            at=now,
            latitude=30.58 + number / 10_000,
            amenities=["hot-water", "toilet"],
            hours={"opens": "00:00", "closes": "00:00"},
        )
        StationOrganisation.objects.create(station=station, role="premises", name="工会")
        StationUse.objects.create(station=station, date=now.date(), uses=1)
        Confirmation.objects.create(station=station, outcome="broken", channel="staff", actor=staff, confirmed_at=now)
        link, _token = visiting.issue(station=station, actor=staff, at=now)
        visiting.report(link=link, answers=Answers(outcome="entered"), witness="w", at=now)
        audit.record("station.published", subject=("station", station.code), actor=staff, at=now)
        make_staff(f"steward-{number}", scope=station, duties=["manage"])
        make_key(make_client(code=f"bees-{number}"))
        Notice.objects.create(
            matter=f"matter-{number}", day=now.date(), text="x", path="/", recipients=["x"], created_at=now
        )
        ImportJob.objects.create(
            division=station.division, made_by=staff, acting=staff, made_at=now, changed_at=now, state="previewed", revision=1,
            file=f"imports/{number}", language="zh-hans", digests=[], report={"sentence": "x", "notes": [], "findings": []},
        )  # fmt: skip
    if name in ADMIN:
        client.force_login(staff)
    address = (PAGES | ADMIN)[name].format(
        station=station.pk, codes=",".join(f"WH-QC-{number:04d}" for number in range(1, stations + 1))
    )
    finding.forget_names()
    client.get(address)  # names are kept for a minute, plans with the connection
    assert client.get(address).status_code == 200
    check_query_count(name, lambda: client.get(address))
