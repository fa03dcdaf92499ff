"""上图: what the maps do not know yet, in their datum, and what changed since the last report to them."""

import io
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from core.errors import NotFound
from core.models import AuditEvent, User
from stations import map_listing, publishing, registering
from stations.access import DutyMissing, scope_of
from stations.geo import Crs, Point, from_wgs84
from stations.map_listing import Action, entries, mark_sent
from stations.models import Division, MapListing, Station
from tests.builders import NOON, make_district, make_staff, make_station, make_subdistrict
from tests.proving import counted
from tests.stations.test_exporting import LEADS, PAYLOADS

pytestmark = pytest.mark.django_db
PAGE = "admin:stations_station_map_listing"
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def ours() -> Station:
    return make_station(code="WH-WC-0001", name="武昌蜂巢", phone="027-1", updated_at=NOON)


@pytest.fixture
def foreign() -> Station:
    district = make_district(code="420104", name="硚口区", letters="QK")
    subdistrict = make_subdistrict(code="420104002", name="韩家墩街道", district=district)
    return make_station(code="WH-QK-0001", name="金丝雀蜂巢", division=subdistrict, updated_at=NOON)


@pytest.fixture
def clerk(ours: Station) -> User:
    return make_staff("wuchang", scope=Division.objects.get(pk=ours.district_code), duties=["manage"])


def listed(map_name: str = "amap") -> dict[str, tuple[Action, tuple[str, ...]]]:
    rows = entries(Station.objects.order_by("code").to_tell(map_name), map_name)
    return {row.station.code: (row.action, row.changed) for row in rows}


def sent(map_name: str = "amap", **kwargs: Any) -> int:
    # Changes are stamped with the database's own time, whatever moment a test plays in.
    as_of = clock.now() + timedelta(hours=1)
    given: dict[str, Any] = {"stations": Station.objects.all(), "as_of": as_of, "actor": "test", "at": LATER}
    return mark_sent(map_name=map_name, **given | kwargs)


@pytest.mark.parametrize(("map_name", "crs"), [("amap", Crs.GCJ02), ("baidu", Crs.BD09)])
def test_each_map_is_told_in_its_own_datum(ours: Station, map_name: str, crs: Crs) -> None:
    (row,) = entries(Station.objects.to_tell(map_name), map_name)
    assert ours.latitude is not None
    assert ours.longitude is not None
    shifted = from_wgs84(Point(ours.latitude, ours.longitude), crs)
    assert (row.latitude, row.longitude) == (round(shifted.latitude, 6), round(shifted.longitude, 6))
    assert (row.name, row.phone, row.hours) == ("武昌蜂巢", "027-1", ours.hours_zh)


def test_what_was_sent_comes_back_when_it_changes_and_says_what_changed(ours: Station) -> None:
    assert listed() == {ours.code: (Action.ADD, ())}
    assert (sent(), sent()) == (1, 0)
    assert (listed(), listed("baidu")) == ({}, {ours.code: (Action.ADD, ())})
    registering.amend(station=ours, facts={"seats": 12}, actor="test", at=LATER)
    assert listed() == {}
    registering.amend(station=ours, facts={"phone": "027-2", "latitude": 30.59}, actor="test", at=LATER)
    assert listed() == {ours.code: (Action.CHANGE, ("phone", "position"))}
    registering.amend(station=ours, facts={}, periods=[], actor="test", at=LATER)
    assert set(listed()[ours.code][1]) == {"phone", "position", "hours"}
    sent()
    assert listed() == {}


def test_what_is_shown_no_more_is_taken_off_once(ours: Station) -> None:
    draft = make_station(code="WH-WC-0009", status="draft")
    sent()
    for station in (ours, draft):
        publishing.close(station=station, reason="拆迁", actor="test", at=NOON)
    assert listed() == {ours.code: (Action.REMOVE, ())}
    sent()
    assert (listed(), MapListing.objects.count()) == ({}, 0)


def test_without_a_position_nothing_can_be_told() -> None:
    make_station(latitude=None, longitude=None)
    assert listed() == {}


def test_what_changed_after_the_list_was_made_stays_in_it(ours: Station) -> None:
    registering.amend(station=ours, facts={"phone": "027-9"}, actor="test", at=LATER)
    assert sent(as_of=NOON) == 0
    assert listed() == {ours.code: (Action.ADD, ())}
    assert sent() == 1


def test_only_who_manages_the_stations_marks_them(ours: Station, foreign: Station, clerk: User) -> None:
    with pytest.raises(NotFound):
        sent(actor=clerk)
    viewer = make_staff("viewer", scope=make_district(), duties=["view"])
    with pytest.raises(DutyMissing):
        sent(actor=viewer, stations=scope_of(viewer).stations())
    assert not MapListing.objects.exists()
    assert sent(actor=clerk, stations=scope_of(clerk).stations()) == 1
    assert listed() == {foreign.code: (Action.ADD, ())}
    assert AuditEvent.objects.get(kind="station.sent-to-map").subject_code == ours.code


def test_the_page_is_cut_to_the_scope_downloads_and_marks(ours: Station, foreign: Station, clerk: User) -> None:
    desk = Client()
    desk.force_login(clerk)
    for map_name in ("amap", "baidu"):
        page = desk.get(reverse(PAGE), {"map": map_name})
        assert "武昌蜂巢" in page.content.decode()
        assert "金丝雀" not in page.content.decode()
        answer = desk.get(reverse(PAGE), {"map": map_name, "format": "xlsx"})
        book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
        rows = list(book.active.iter_rows(min_row=2, values_only=True))
        assert [row[1] for row in rows] == [ours.code]
        assert rows[0][8] == map_listing.DATUMS[MapListing.Map(map_name)].upper()
        marked = {"map": map_name, "as_of": page.context["as_of"]}
        assert desk.post(reverse(PAGE), marked).status_code == 302
        assert listed(map_name) == {foreign.code: (Action.ADD, ())}
        assert "武昌蜂巢" not in desk.get(reverse(PAGE), {"map": map_name}).content.decode()


def test_no_text_begins_a_formula_in_the_list_for_a_map(ours: Station) -> None:
    for payload in PAYLOADS:
        stored = payload.replace("\x00", "")
        Station.objects.filter(pk=ours.pk).update(name=stored, address=stored, floor=stored[:20], phone=stored[:20])
        book = openpyxl.load_workbook(io.BytesIO(b"".join(map_listing.workbook(Station.objects.all(), "amap"))))
        cells = [cell for row in book.active.iter_rows(min_row=2) for cell in row if cell.value is not None]
        assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
        texts = [cell.value.lstrip(" \u3000\u00a0") for cell in cells if isinstance(cell.value, str)]
        assert len(texts) >= 6
        assert [text for text in texts if text.startswith(LEADS)] == []
        counted("T10", "the list for a map", payloads=1, cells=len(texts), formulas=0)


@pytest.mark.parametrize("asked", [{"map": "google"}, {"map": "amap", "as_of": "now"}, {"as_of": "2026-02-30T10:00"}])
def test_what_no_page_of_ours_says_is_not_found(clerk: User, asked: dict[str, str]) -> None:
    desk = Client()
    desk.force_login(clerk)
    assert desk.post(reverse(PAGE), asked).status_code == 404
    assert not MapListing.objects.exists()


def test_who_may_only_look_sees_no_button_and_marks_nothing(ours: Station) -> None:
    desk = Client()
    desk.force_login(make_staff("viewer", scope=make_district(), duties=["view"]))
    page = desk.get(reverse(PAGE))
    assert "武昌蜂巢" in page.content.decode()
    assert 'name="as_of"' not in page.content.decode()
    assert desk.post(reverse(PAGE), {"as_of": page.context["as_of"]}).status_code == 403
    assert ours.map_listings.count() == 0
