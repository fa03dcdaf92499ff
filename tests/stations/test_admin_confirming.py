"""Staff say what they found at the door, from the station's page."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from core.models import AuditEvent, Notice, User
from stations.models import Confirmation, Division, Station
from tests.builders import make_district, make_staff, make_station, make_subdistrict

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Station:
    return make_station(name="徐家棚蜂巢", at=clock.now())


@pytest.fixture
def foreign() -> Station:
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    return make_station(division=make_subdistrict(code="420104002", name="韩家墩街道", district=hankou), name="CANARY")


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(user)
    return client


def page_of(station: Station) -> str:
    return reverse("admin:stations_station_change", args=[station.pk])


def say(client: Client, station: Station, outcome: str) -> Any:
    return client.post(reverse("admin:stations_station_confirm", args=[station.pk]), {"outcome": outcome}, follow=True)


@pytest.mark.parametrize("duty", ["manage", "review", "counter"])
def test_whoever_keeps_the_station_says_that_the_door_opens(station: Station, duty: str) -> None:
    steward = make_staff("steward", scope=station, duties=[duty])
    client = signed_in(steward)
    assert "outcome-entered" in client.get(page_of(station)).content.decode()
    page = say(client, station, "entered")
    assert page.redirect_chain == [(page_of(station), 302)]
    said = Confirmation.objects.get()
    assert (said.outcome, said.channel, said.actor) == ("entered", "staff", steward)
    station.refresh_from_db()
    assert station.confirmed_at == said.confirmed_at
    html = page.content.decode()
    assert "已记录：进得去。" in html
    # With its year: what was found last December looks like yesterday's in January.
    assert f'<ul class="found"><li><time>{clock.to_local(said.confirmed_at):%Y-%m-%d %H:%M}</time>' in html


def test_a_door_that_staff_find_locked_is_doubted_until_they_get_in(station: Station) -> None:
    client = signed_in(make_staff("wuchang", scope=make_district()))
    say(client, station, "locked")
    station.refresh_from_db()
    assert station.doubted_at is not None
    assert Notice.objects.get().matter == f"station.doubted {station.code}"
    say(client, station, "entered")
    station.refresh_from_db()
    assert station.doubted_at is None


def test_whoever_may_only_look_has_no_buttons_and_is_refused(station: Station) -> None:
    client = signed_in(make_staff("auditor", scope=Division.objects.get(pk="4201"), duties=["audit", "view"]))
    html = client.get(page_of(station)).content.decode()
    assert "门口情况" in html
    assert "outcome-entered" not in html
    assert say(client, station, "entered").status_code == 403
    assert not Confirmation.objects.exists()


def test_a_foreign_station_is_as_absent_as_one_that_does_not_exist(station: Station, foreign: Station) -> None:
    client = signed_in(make_staff("wuchang", scope=make_district()))
    answer = say(client, foreign, "entered")
    missing = client.post(reverse("admin:stations_station_confirm", args=[foreign.pk + 999]), {"outcome": "entered"})
    assert (answer.status_code, missing.status_code) == (404, 404)
    assert foreign.name not in answer.content.decode()
    assert say(client, station, "entered").status_code == 200
    assert [said.station for said in Confirmation.objects.all()] == [station]


def test_an_address_that_is_opened_and_an_unknown_word_record_nothing(station: Station) -> None:
    client = signed_in(make_staff("wuchang", scope=make_district()))
    assert client.get(reverse("admin:stations_station_confirm", args=[station.pk])).status_code == 302
    assert "请" in say(client, station, "burnt").content.decode()
    assert not Confirmation.objects.exists()


def test_a_closed_station_is_not_confirmed(station: Station) -> None:
    client = signed_in(make_staff("wuchang", scope=make_district()))
    assert "outcome-entered" in client.get(page_of(station)).content.decode()
    Station.objects.update(status="closed", status_reason="拆迁")
    html = client.get(page_of(station)).content.decode()
    assert "outcome-entered" not in html
    assert "send-link" not in html


def test_a_door_code_that_was_copied_is_renewed_and_the_old_one_leads_nowhere(station: Station) -> None:
    client, phone, old = signed_in(make_staff("wuchang", scope=make_district())), Client(), station.door_token
    address = reverse("admin:stations_station_door_code", args=[station.pk])
    assert address in client.get(page_of(station)).content.decode()
    client.get(address)  # opening it changes nothing
    assert phone.get(f"/d/{old}/").status_code == 302
    client.post(address)
    station.refresh_from_db()
    assert phone.get(f"/d/{old}/").status_code == 404
    assert phone.get(f"/d/{station.door_token}/").status_code == 302
    trace = AuditEvent.objects.get(kind="station.door-code-renewed")
    assert (trace.subject_code, trace.actor_name, trace.data) == (station.code, "wuchang", {})


def test_a_steward_does_not_renew_the_code_of_his_door(station: Station) -> None:
    client, old = signed_in(make_staff("steward", scope=station, duties=["counter"])), station.door_token
    assert "door-code" not in client.get(page_of(station)).content.decode()
    assert client.post(reverse("admin:stations_station_door_code", args=[station.pk])).status_code == 403
    station.refresh_from_db()
    assert station.door_token == old
