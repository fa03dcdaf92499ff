"""One tap at the door: what it changes, for whom, and how often."""

import time
from datetime import timedelta

import pytest
from django.test import Client

from stations.models import Confirmation, Station, StationUse
from tests.builders import NOON, make_station
from tests.stations.views.pages import at, browser, links, read, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Station:
    at(monkeypatch)
    return make_station()


def tap(phone: Client, station: Station, outcome: str, **posted: object) -> None:
    response = phone.post(f"/stations/{station.code}/confirmations/", {"outcome": outcome, **posted})
    assert response.status_code == 302, response.content.decode()[:300]
    assert response.headers["Location"] == f"/stations/{station.code}/#confirm"


def scan(phone: Client, station: Station) -> None:
    response = phone.get(f"/d/{station.door_token}/")
    assert response.headers["Location"] == f"/stations/{station.code}/#confirm"


def is_doubted(station: Station) -> bool:
    station.refresh_from_db()
    return station.doubted_at is not None


def test_two_phones_at_the_door_make_it_doubted_and_the_next_that_gets_in_clears_it(station: Station) -> None:
    first, second, third = browser(), browser(), browser()
    for phone in (first, second):
        assert not is_doubted(station)
        scan(phone, station)
        tap(phone, station, "locked")
    assert is_doubted(station)
    assert "state-doubted" in read(browser().get("/"))
    assert 'class="state-line state-doubted"' in read(browser().get(f"/stations/{station.code}/"))
    scan(third, station)
    tap(third, station, "entered")
    assert not is_doubted(station)


def test_who_finds_it_locked_outside_its_hours_is_told_that_nobody_is_warned(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOON + timedelta(hours=9))
    phone = browser()
    scan(phone, station)
    tap(phone, station, "locked")
    assert "现在本来就不在开放时间，不算没开" in read(phone.get(f"/stations/{station.code}/"))


def test_phones_from_afar_never_shut_it_and_are_shown_as_such(station: Station) -> None:
    for _ in range(3):
        tap(browser(), station, "locked")
    assert not is_doubted(station)
    assert set(Confirmation.objects.values_list("channel", flat=True)) == {"remote"}


@pytest.mark.parametrize(
    ("posted", "channel"),
    [
        ({"lat": "30.5810", "lng": "114.3402", "accuracy_m": "20"}, "door"),  # 100 m away
        ({"lat": "30.5810", "lng": "114.3402"}, "door"),
        ({"lat": "30.5825", "lng": "114.3402", "accuracy_m": "20"}, "remote"),  # 267 m away
        ({"lat": "30.5810", "lng": "114.3402", "accuracy_m": "2000"}, "remote"),  # somewhere in two kilometres
        ({}, "remote"),
    ],
)
def test_a_position_within_150_m_is_at_the_door(station: Station, posted: dict[str, str], channel: str) -> None:
    tap(browser(), station, "entered", **posted)
    assert Confirmation.objects.get().channel == channel


def test_the_scan_of_another_door_or_of_long_ago_proves_nothing(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = browser()
    scan(phone, make_station())
    tap(phone, station, "entered")
    assert Confirmation.objects.get().channel == "remote"
    scan(phone, station)
    much_later = time.time() + 16 * 60
    monkeypatch.setattr("django.core.signing.time.time", lambda: much_later)
    tap(phone, station, "entered")
    assert set(Confirmation.objects.values_list("channel", flat=True)) == {"remote"}


def test_a_forged_cookie_is_no_phone_and_no_door(station: Station) -> None:
    phone = browser()
    phone.cookies["device"] = "mine:forged"
    phone.cookies["door"] = f"{station.code}:1:forged"
    tap(phone, station, "locked")
    assert Confirmation.objects.get().channel == "remote"
    assert phone.cookies["device"].value != "mine:forged"


def test_the_phone_sees_its_own_tap_at_once_and_undoes_it_with_the_right_one(station: Station) -> None:
    phone = browser()
    scan(phone, station)
    for outcome in ("locked", "entered"):
        tap(phone, station, outcome)
        html = read(phone.get(f"/stations/{station.code}/"))
        assert f'is-on" name="outcome" value="{outcome}" aria-pressed="true"' in html
        assert html.count('aria-pressed="true"') == 1
    assert 'aria-pressed="true"' not in read(browser().get(f"/stations/{station.code}/"))


def test_a_thank_you_stands_on_the_page_once(station: Station) -> None:
    phone = browser()
    tap(phone, station, "broken")
    assert 'role="status"' in read(phone.get(f"/stations/{station.code}/"))
    assert 'role="status"' not in read(phone.get(f"/stations/{station.code}/"))


def test_a_script_gets_the_section_as_it_is_now(station: Station) -> None:
    phone = browser()
    scan(phone, station)
    response = phone.post(
        f"/stations/{station.code}/confirmations/", {"outcome": "entered"}, headers={"X-Requested-With": "fetch"}
    )
    html = read(response)
    assert html.startswith('<section id="confirm"')
    assert 'role="status"' in html
    assert 'value="entered" aria-pressed="true"' in html
    assert "device" in response.cookies


def test_no_cookie_is_set_before_somebody_taps(station: Station) -> None:
    phone = browser()
    read(phone.get("/"))
    read(phone.get(f"/stations/{station.code}/"))
    assert set(phone.cookies) <= {"csrftoken"}


def test_cookies_are_closed_to_scripts_and_to_other_sites(station: Station) -> None:
    phone = browser()
    scan(phone, station)
    tap(phone, station, "entered")
    for name in ("device", "door"):
        assert phone.cookies[name]["httponly"]
        assert phone.cookies[name]["samesite"] == "Lax"
    assert int(phone.cookies["door"]["max-age"]) == 15 * 60
    assert int(phone.cookies["device"]["max-age"]) == 400 * 24 * 3600


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"outcome": "burnt"}, "outcome"),
        ({}, "outcome"),
        ({"outcome": "\x00"}, "outcome"),
        ({"outcome": "entered", "lat": "91", "lng": "114"}, "lat"),
        ({"outcome": "entered", "lat": "nan", "lng": "114"}, "lat"),
        ({"outcome": "entered", "lat": "x", "lng": "114"}, "lat"),
    ],
)
def test_a_broken_form_names_the_field_and_writes_nothing(station: Station, posted: dict[str, str], field: str) -> None:
    html = read(browser().post(f"/stations/{station.code}/confirmations/", posted), status=400)
    assert f"<code>{field}" in html
    assert not Confirmation.objects.exists()


@pytest.mark.usefixtures("stopped_clock")
def test_one_phone_is_heard_thirty_times_an_hour_and_one_address_three_hundred(station: Station) -> None:
    phone = browser()
    for number in range(31):
        tap(phone, station, ("locked", "entered")[number % 2])
    response = phone.post(f"/stations/{station.code}/confirmations/", {"outcome": "entered"})
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) > 0
    # Another phone behind the same address is heard.
    tap(browser(), station, "entered")


def test_a_form_without_its_token_is_a_page_that_says_what_to_do(station: Station) -> None:
    phone = browser(enforce_csrf_checks=True)
    html = read(phone.post(f"/stations/{station.code}/confirmations/", {"outcome": "entered"}), status=403)
    assert text(html)
    assert "/" in links(html)
    assert not Confirmation.objects.exists()


def test_resting_is_counted_once_and_asked_once(station: Station) -> None:
    phone = browser()
    address = f"/stations/{station.code}/"
    for _ in range(2):
        phone.post(f"{address}uses/")
    assert 'name="satisfied"' in read(phone.get(address))
    for _ in range(2):
        phone.post(f"{address}satisfaction/", {"satisfied": "yes"})
    html = read(phone.get(address))
    assert 'name="satisfied"' not in html
    browser().post(f"{address}uses/")
    counted = StationUse.objects.get()
    assert (counted.uses, counted.satisfied, counted.dissatisfied) == (2, 1, 0)
    assert read(browser().post(f"{address}satisfaction/", {"satisfied": "maybe"}), status=400)


def test_old_news_and_news_before_the_last_entry_are_not_told(station: Station) -> None:
    def said(outcome: str, *, hours: int, witness: str = "w") -> None:
        Confirmation.objects.create(
            station=station,
            outcome=outcome,
            channel="door",
            witness=witness,
            confirmed_at=NOON - timedelta(hours=hours),
        )

    def news() -> int:
        return read(browser().get(f"/stations/{station.code}/")).count("<li><svg") - other

    other = 0
    other = news()
    said("locked", hours=9 * 24)
    assert news() == 0
    said("locked", hours=5)
    said("broken", hours=5, witness="v")
    assert news() == 2
    said("locked", hours=4)  # the same phone again: only its last word is told
    assert news() == 2
    said("moved", hours=2, witness="u")
    assert news() == 3
    Confirmation.objects.filter(outcome="locked").update(is_outside_hours=True)
    assert news() == 2  # that it was locked when it is closed is no trouble
    Station.objects.update(confirmed_at=NOON - timedelta(hours=1))
    assert news() == 1  # what is broken is not mended by somebody getting in


def test_an_unknown_door_is_a_page_that_helps() -> None:
    html = read(browser().get("/d/nothing-here/"), status=404)
    assert "/places/" in links(html)


def test_a_phone_that_goes_to_and_fro_is_counted_once_at_each(station: Station) -> None:
    other, phone = make_station(), browser()
    for _round in range(2):
        for each in (station, other):
            phone.post(f"/stations/{each.code}/uses/")
    assert [use.uses for use in StationUse.objects.order_by("station")] == [1, 1]


def test_how_it_was_is_asked_of_those_who_rested(station: Station) -> None:
    browser().post(f"/stations/{station.code}/satisfaction/", {"satisfied": "yes"})
    assert not StationUse.objects.exists()


def test_one_address_shuts_few_doors_by_its_position_alone(station: Station) -> None:
    stations = [station, *(make_station() for _each in range(4))]
    for each in stations:
        for _phone in range(2):
            tap(browser(), each, "locked", lat=each.latitude, lng=each.longitude, accuracy_m=10)
    assert [is_doubted(each) for each in stations] == [True, True, True, False, False]
    # The code at the door is proof that the limit does not touch.
    for _phone in range(2):
        phone = browser()
        scan(phone, stations[4])
        tap(phone, stations[4], "locked")
    assert is_doubted(stations[4])
