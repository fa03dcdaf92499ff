"""The trail as people read it: names for codes, the old value first; and the links from the top of a form to its mistakes."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core import audit
from core.models import User
from stations import publishing, registering, staffing
from stations.models import Division, Station
from tests.builders import NOON, make_amenity, make_district, make_staff, make_station, make_subdistrict
from tests.stations.test_admin import as_shown, change_url, filled_in, hours

pytestmark = pytest.mark.django_db

TRAIL = "admin:core_auditevent_changelist"


@pytest.fixture
def station() -> Station:
    return make_station(amenities=["hot-water"])


@pytest.fixture
def desk(station: Station) -> Client:  # noqa: ARG001
    client = Client()
    client.force_login(make_staff("root"))
    return client


def lines(client: Client) -> str:
    page = client.get(reverse(TRAIL))
    assert page.status_code == 200
    said: list[Any] = [event.__dict__["_described"] for event in page.context["cl"].result_list]
    return " ".join(said)


def test_codes_are_said_as_names(desk: Client, station: Station) -> None:
    make_amenity("fridge", name="冰箱")
    other = make_subdistrict(code="420106005", name="中南路街道")
    facts: registering.StationFacts = {
        "division": other,
        "amenities": ["fridge"],
        "tier": 1,
        "organisations": [("premises", "某公司")],
        "entered_crs": "bd09",
    }
    registering.amend(station=station, facts=facts, actor="test", at=NOON)
    said = lines(desk)
    for name in ("徐家棚街道", "中南路街道", "冰箱", "某公司"):
        assert name in said
    for code in ("420106003", "420106005", "fridge", "premises", "bd09", "tier"):
        assert code not in said
    history = desk.get(reverse("admin:stations_station_history", args=[station.pk])).content.decode()
    assert "中南路街道" in history


def test_a_photo_is_said_and_not_the_name_of_its_file(desk: Client) -> None:
    changed = {"photo": {"before": "", "after": "gifts/d41d8cd98f.webp"}}
    audit.record("gift.changed", subject=("gift", "soap"), actor="test", at=NOON, data={"changed": changed})
    said = lines(desk)
    assert "一张照片" in said
    assert "webp" not in said


def test_who_keeps_a_street_is_not_led_to_its_districts_page(station: Station) -> None:
    client = Client()
    client.force_login(make_staff("jiedao", scope=station.division, duties=["manage"]))
    page = client.get(reverse("admin:stations_division_change", args=[station.division_id])).content.decode()
    assert "武昌区" in page
    assert reverse("admin:stations_division_change", args=[station.district_code]) not in page


def test_a_district_is_offered_the_subjects_of_which_it_sees_events(desk: Client, station: Station) -> None:
    district = Client()
    district.force_login(make_staff("wuchang", scope=Division.objects.get(pk=station.district_code)))

    def offered(client: Client) -> list[str]:
        page = client.get(reverse(TRAIL)).content.decode()
        return [kind for kind in ("station", "division", "account", "courier", "outlet") if f"?about={kind}" in page]

    assert offered(desk) == ["station", "division", "account", "courier", "outlet"]
    assert offered(district) == ["station", "division"]


def test_a_change_of_status_is_said_first_as_it_was(desk: Client, station: Station) -> None:
    publishing.suspend(station=station, reason="装修", actor="test", at=NOON)
    said = lines(desk)
    assert said.index(str(Station.Status.PUBLISHED.label)) < said.index(str(Station.Status.SUSPENDED.label))
    assert "装修" in said
    assert "before" not in said
    assert "suspended" not in said


def test_a_role_is_said_with_its_place_and_duties(desk: Client) -> None:
    account = User.objects.create_user("li")
    role = staffing.grant(user=account, duties=["view"], division=make_district(), actor="test", at=NOON)
    said = lines(desk)
    assert "武昌区" in said
    assert "420106" not in said
    history = desk.get(reverse("admin:stations_staffrole_history", args=[role.pk])).content.decode()
    assert "武昌区" in history


def test_a_page_of_events_asks_for_their_names_once(desk: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(40):
        data = {"changed": {"division": {"before": "420106003", "after": f"42010600{number % 9}"}}}
        audit.record("station.changed", subject=("station", f"WH-WC-{number:04d}"), actor="test", at=NOON, data=data)
    with django_assert_max_num_queries(6):
        assert desk.get(reverse(TRAIL)).status_code == 200


def test_a_text_in_the_trail_stays_a_text(desk: Client, station: Station) -> None:
    registering.amend(station=station, facts={"address": "<script>x</script>"}, actor="test", at=NOON)
    assert "<script>x" not in lines(desk)


def test_an_error_far_down_is_linked_from_the_top(desk: Client, station: Station) -> None:
    data = as_shown(desk, station) | {"name": "", "hours_periods-0-hours": "老张来了才开"}
    answer = desk.post(change_url(station), data)
    assert [anchor for anchor, _label, _errors in answer.context["error_links"]] == [
        "id_name",
        "id_hours_periods-0-hours",
    ]
    page = answer.content.decode()
    for anchor in ("id_name", "id_hours_periods-0-hours"):
        assert f'href="#{anchor}"' in page
        assert f'id="{anchor}"' in page
    contradictory = desk.post(reverse("admin:stations_station_add"), filled_in(**hours("8:00-20:00", "9:00-17:00")))
    assert 'href="#hours_periods-group"' in contradictory.content.decode()
    assert 'id="hours_periods-group"' in contradictory.content.decode()
    assert "error-summary" not in desk.get(change_url(station)).content.decode()


def test_a_clerk_is_offered_the_subdistricts_of_ones_own_district(station: Station) -> None:
    make_subdistrict(
        code="420104002", name="韩家墩街道", district=make_district(code="420104", name="硚口区", letters="QK")
    )
    clerk = Client()
    clerk.force_login(make_staff("wuchang", scope=Division.objects.get(pk=station.district_code), duties=["manage"]))
    form = clerk.get(change_url(station)).context["adminform"].form
    assert [group for group, _places in form.fields["place"].choices[1:]] == ["武昌区"]
