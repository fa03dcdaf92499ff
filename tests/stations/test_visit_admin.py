"""核实链接 at the desk: made with one tap, decided on with one tap, and invisible to other districts."""

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from core import clock
from core.images import clean_photo
from core.models import AuditEvent, User
from stations import registering, visiting
from stations.geo import Point
from stations.models import Division, Station, VisitLink, VisitReport
from stations.visiting import Answers
from tests.builders import make_amenity, make_district, make_staff, make_station, make_subdistrict
from tests.core.test_images import picture

pytestmark = pytest.mark.django_db

LINKS = "admin:stations_visitlink_changelist"
REPORTS = "admin:stations_visitreport_changelist"


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "zh-CN"})
    client.force_login(user)
    return client


@pytest.fixture
def station() -> Station:
    make_amenity("microwave")
    return make_station(name="徐家棚蜂巢", amenities=["hot-water"], at=clock.now())


@pytest.fixture
def clerk(station: Station) -> User:
    return make_staff("wuchang", scope=Division.objects.get(pk=station.district_code))


@pytest.fixture
def desk(clerk: User) -> Client:
    return signed_in(clerk)


@pytest.fixture
def foreign() -> Station:
    """A station of 硚口, with words that nobody of 武昌 may read."""
    hankou = make_district(code="420104", name="硚口区", letters="QK")
    subdistrict = make_subdistrict(code="420104002", name="韩家墩街道", district=hankou)
    return make_station(name="CANARY", division=subdistrict, at=clock.now())


def send(station: Station, by: User, **changes: Any) -> VisitReport:
    """35 m to the north, other hours, a microwave in the place of the boiler, two photos."""
    now = clock.now()
    link, _token = visiting.issue(station=station, actor=by, at=now)
    photos = [clean_photo(io.BytesIO(picture(size=(80, 60)))) for _each in range(2)]
    said: dict[str, Any] = {
        "outcome": "entered",
        "position": Point(30.580415, 114.3402),
        "accuracy_m": 20,
        "hours_text": "每天9:00-21:00",
        "amenities": ["microwave"],
        "photos": photos,
    }
    return visiting.report(link=link, answers=Answers(**said | changes), witness="w", at=now)


def page_of(report: VisitReport) -> str:
    return reverse("admin:stations_visitreport_change", args=[report.pk])


def issue_url(station: Station) -> str:
    return reverse("admin:stations_visitlink_issue", args=[station.pk])


def html(response: Any, *, status: int = 200) -> str:
    assert isinstance(response, HttpResponse)
    assert response.status_code == status
    return response.content.decode()


def seen(client: Client, report: VisitReport) -> dict[str, str]:
    """The part of the form that no hand fills in."""
    version = re.search(r'name="seen_version" value="(\d+)"', html(client.get(page_of(report))))
    assert version is not None
    return {"seen_version": version[1]}


# ── Making a link ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_stations_page_makes_a_link_that_a_phone_can_use(desk: Client, station: Station, clerk: User) -> None:
    page = html(desk.get(reverse("admin:stations_station_change", args=[station.pk])))
    assert f'action="{issue_url(station)}"' in page
    response = desk.post(issue_url(station))
    shown = html(response)
    assert "no-store" in response["Cache-Control"]
    token = re.search(r"http://testserver/v/([\w-]+)/", shown)
    assert token is not None
    assert "江城蜂巢" in shown
    assert 'class="qr"' in shown
    assert visiting.link_of(token[1]).made_by == clerk
    assert html(Client().get(f"/v/{token[1]}/"))
    # It is not to be had again.
    assert token[1] not in html(desk.get(reverse(LINKS)))
    assert token[1] not in html(desk.get(reverse("admin:stations_visitlink_change", args=[VisitLink.objects.get().pk])))


def test_the_printed_address_is_that_of_the_settings(desk: Client, station: Station, settings: Any) -> None:
    settings.PUBLIC_BASE_URL = "https://fengchao.example.cn/"
    assert "https://fengchao.example.cn/v/" in html(desk.post(issue_url(station)))


def test_opening_an_address_makes_no_link(desk: Client, station: Station) -> None:
    assert desk.get(issue_url(station)).status_code == 302
    assert not VisitLink.objects.exists()


def test_links_are_taken_back_from_the_list(desk: Client, station: Station, clerk: User) -> None:
    link, _token = visiting.issue(station=station, actor=clerk, at=clock.now())
    used = send(station, clerk).link
    desk.post(reverse(LINKS), {"action": "revoke", "_selected_action": [link.pk, used.pk]})
    link.refresh_from_db()
    used.refresh_from_db()
    assert link.revoked_at is not None
    assert used.revoked_at is None


@pytest.mark.parametrize("state", ["open", "used", "expired", "revoked"])
def test_links_are_listed_by_what_became_of_them(desk: Client, station: Station, clerk: User, state: str) -> None:
    now = clock.now()
    made = {
        "open": visiting.issue(station=station, actor=clerk, at=now)[0],
        "used": send(station, clerk).link,
        "expired": visiting.issue(station=station, actor=clerk, at=now - timedelta(days=8))[0],
        "revoked": visiting.issue(station=station, actor=clerk, at=now)[0],
    }
    visiting.revoke(link=made["revoked"], actor=clerk, at=now)
    listed = desk.get(f"{reverse(LINKS)}?state={state}").context["cl"].result_list
    assert list(listed) == [made[state]]
    assert f"link-{state}" in html(desk.get(f"{reverse(LINKS)}?state={state}"))


# ── Deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_shows_before_and_after_of_each_fact(desk: Client, station: Station, clerk: User) -> None:
    page = html(desk.get(page_of(send(station, clerk, note="门在侧面"))))
    assert re.findall(r'data-fact="(\w+)"', page) == ["outcome", "position", "photo", "hours", "amenities"]
    for words in ("35", "每天8:00-20:00", "每天9:00-21:00", "hot-water", "microwave", "门在侧面", "uri.amap.com"):
        assert words in page, words
    assert page.count('name="photo"') == 2


def test_one_tap_accepts_all(desk: Client, station: Station, clerk: User) -> None:
    report = send(station, clerk)
    answer = desk.post(page_of(report), seen(desk, report) | {"decision": "all", "take": []})
    assert answer["Location"] == f"{reverse(REPORTS)}?state__exact=sent"
    station.refresh_from_db()
    assert (station.latitude, station.hours_zh, bool(station.photo)) == (30.580415, "每天9:00-21:00", True)
    assert station.confirmed_at == report.sent_at
    report.refresh_from_db()
    assert (report.state, report.decided_by) == ("accepted", clerk)
    decided = html(desk.get(page_of(report)))
    assert "wuchang" in decided
    assert 'name="decision"' not in decided


def test_what_is_ticked_is_taken_and_the_chosen_photo(desk: Client, station: Station, clerk: User) -> None:
    report = send(station, clerk)
    chosen = {"decision": "chosen", "take": ["hours", "photo"], "photo": report.photos[1]}
    assert desk.post(page_of(report), seen(desk, report) | chosen).status_code == 302
    station.refresh_from_db()
    assert (station.latitude, station.hours_zh, station.confirmed_at) == (30.5801, "每天9:00-21:00", None)
    report.refresh_from_db()
    assert report.state == "partly"


@pytest.mark.parametrize(
    "posted",
    [
        {"decision": "chosen", "take": []},
        {"decision": "chosen", "take": ["everything"]},
        {"decision": "burn"},
        {"decision": "refuse", "reason": " "},
        {"decision": "refuse", "reason": "\x00"},
        {"decision": "refuse", "reason": "长" * 121},
        {"decision": "all", "photo": "stations/other.webp"},
        {"decision": "all", "seen_version": ""},
        {"decision": "all", "seen_version": "9" * 40},
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_changed(
    desk: Client, station: Station, clerk: User, posted: dict[str, Any]
) -> None:
    report = send(station, clerk)
    page = html(desk.post(page_of(report), seen(desk, report) | posted))
    assert 'class="errornote"' in page
    report.refresh_from_db()
    station.refresh_from_db()
    assert (report.is_waiting, station.version) == (True, 1)


def test_refusing_with_a_reason_changes_nothing(desk: Client, station: Station, clerk: User) -> None:
    report = send(station, clerk)
    posted = seen(desk, report) | {"decision": "refuse", "reason": "这是隔壁的门"}
    assert desk.post(page_of(report), posted).status_code == 302
    report.refresh_from_db()
    station.refresh_from_db()
    assert (report.state, report.reason, station.version) == ("refused", "这是隔壁的门", 1)


def test_a_change_made_meanwhile_is_shown_before_anything_is_taken(desk: Client, station: Station, clerk: User) -> None:
    report = send(station, clerk)
    before = seen(desk, report)
    registering.amend(station=station, facts={"amenities": ["microwave"]}, actor=clerk, at=clock.now())
    page = html(desk.post(page_of(report), before | {"decision": "all"}))
    assert 'class="errornote"' in page
    assert 'id="changed-since"' in page
    # What is so meanwhile is no proposal any more.
    assert 'data-fact="amenities"' not in page
    assert desk.post(page_of(report), seen(desk, report) | {"decision": "all"}).status_code == 302


def test_the_second_of_two_clerks_is_told(desk: Client, station: Station, clerk: User) -> None:
    report = send(station, clerk)
    both = seen(desk, report) | {"decision": "all"}
    desk.post(page_of(report), both)
    assert 'class="errornote"' in html(desk.post(page_of(report), both))
    assert AuditEvent.objects.filter(kind="visit.accepted").count() == 1


def test_a_vague_or_far_position_is_warned_of(desk: Client, station: Station, clerk: User) -> None:
    exact = html(desk.get(page_of(send(station, clerk))))
    vague = html(desk.get(page_of(send(station, clerk, accuracy_m=900))))
    in_hankou = html(desk.get(page_of(send(station, clerk, position=Point(30.60, 114.25)))))
    hints = [page.count('class="hint"') for page in (exact, vague, in_hankou)]
    assert hints == [hints[0], hints[0] + 1, hints[0] + 1]


def test_waiting_reports_stand_first_and_the_history_is_the_stations(
    desk: Client, station: Station, clerk: User
) -> None:
    done, waiting = send(station, clerk), send(station, clerk)
    visiting.refuse(report=done, reason="不对", actor=clerk, at=clock.now())
    assert list(desk.get(reverse(REPORTS)).context["cl"].result_list) == [waiting, done]
    history = html(desk.get(reverse("admin:stations_visitreport_history", args=[done.pk])))
    assert "不对" in history


def test_a_photo_is_shown_to_staff_alone_and_goes_with_the_decision(
    desk: Client, station: Station, clerk: User, django_capture_on_commit_callbacks: Any
) -> None:
    report = send(station, clerk)
    address = reverse("admin:stations_visitreport_photo", args=[report.pk, 0])
    response = desk.get(address)
    assert (response.status_code, response["Content-Type"]) == (200, "image/webp")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"".join(response.streaming_content)[8:12] == b"WEBP"  # type: ignore[attr-defined]
    assert desk.get(reverse("admin:stations_visitreport_photo", args=[report.pk, 2])).status_code == 404
    assert Client().get(address).status_code == 302
    with django_capture_on_commit_callbacks(execute=True):
        visiting.refuse(report=report, reason="不对", actor=clerk, at=clock.now())
    assert desk.get(address).status_code == 404


# ── Who may ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_may_only_look_sees_reports_and_decides_nothing(station: Station, clerk: User) -> None:
    report = send(station, clerk)
    viewer = signed_in(make_staff("viewer", scope=make_district(), duties=["view"]))
    page = html(viewer.get(page_of(report)))
    assert 'data-fact="hours"' in page
    assert 'name="decision"' not in page
    assert viewer.post(page_of(report), {"decision": "all", "seen_version": "1"}).status_code == 403
    assert viewer.post(issue_url(station)).status_code == 403
    assert "send-link" not in html(viewer.get(reverse("admin:stations_station_change", args=[station.pk])))
    viewer.post(reverse(LINKS), {"action": "revoke", "_selected_action": [report.link_id]})
    report.refresh_from_db()
    assert (report.is_waiting, VisitLink.objects.count()) == (True, 1)


def test_a_reviewer_decides_without_managing_stations(station: Station, clerk: User) -> None:
    report = send(station, clerk)
    reviewer = signed_in(make_staff("reviewer", scope=make_district(), duties=["review"]))
    assert "send-link" in html(reviewer.get(reverse("admin:stations_station_change", args=[station.pk])))
    assert reviewer.post(page_of(report), seen(reviewer, report) | {"decision": "all"}).status_code == 302
    report.refresh_from_db()
    assert report.state == "accepted"


Door = Callable[[Client, int, int, int], Any]  # the browser, then the keys of a station, a link and a report
DOORS: dict[str, Door] = {
    "issue": lambda desk, station, _link, _report: desk.post(reverse("admin:stations_visitlink_issue", args=[station])),
    "open": lambda desk, station, _link, _report: desk.get(reverse("admin:stations_visitlink_issue", args=[station])),
    "report": lambda desk, _s, _link, report: desk.get(reverse("admin:stations_visitreport_change", args=[report])),
    "accept": lambda desk, _s, _link, report: desk.post(
        reverse("admin:stations_visitreport_change", args=[report]), {"decision": "all", "seen_version": "1"}
    ),
    "refuse": lambda desk, _s, _link, report: desk.post(
        reverse("admin:stations_visitreport_change", args=[report]),
        {"decision": "refuse", "seen_version": "1", "reason": "x"},
    ),
    "photo": lambda desk, _s, _link, report: desk.get(reverse("admin:stations_visitreport_photo", args=[report, 0])),
}


@pytest.mark.parametrize("door", DOORS)
def test_what_lies_in_another_district_looks_like_what_does_not_exist(
    door: str, desk: Client, clerk: User, station: Station, foreign: Station
) -> None:
    there = send(foreign, make_staff("root"))
    theirs = DOORS[door](desk, foreign.pk, there.link_id, there.pk)
    nobodys = DOORS[door](desk, 987_654, 987_654, 987_654)
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    # Each answer masks the forms' token anew, and the page of the language switch names the address.
    assert without_own_words(theirs, there, foreign) == without_own_words(nobodys, there, foreign)
    there.refresh_from_db()
    foreign.refresh_from_db()
    assert (there.is_waiting, foreign.version, VisitLink.objects.count()) == (True, 1, 1)
    ours = send(station, clerk)
    answer = DOORS[door](desk, station.pk, ours.link_id, ours.pk)
    answer.close()  # a photo's file
    assert answer.status_code in (200, 302)


def without_own_words(response: Any, report: VisitReport, foreign: Station) -> str:
    page: str = response.content.decode()
    assert "CANARY" not in page
    for key in (987_654, report.pk, report.link_id, foreign.pk):
        page = re.sub(rf"(/|%2F){key}(/|%2F)", r"\1KEY\2", page)
    return page


def test_lists_searches_and_actions_know_nothing_of_another_district(
    desk: Client, foreign: Station, station: Station
) -> None:
    root = make_staff("root")
    there = send(foreign, root)
    link, _token = visiting.issue(station=foreign, actor=root, at=clock.now())
    for name in (LINKS, REPORTS):
        for query in ("", f"?q={foreign.code}", f"?q={station.code}", "?state__exact=sent", "?state=open"):
            assert "CANARY" not in desk.get(f"{reverse(name)}{query}", follow=True).content.decode()
    desk.post(reverse(LINKS), {"action": "revoke", "_selected_action": [link.pk]}, follow=True)
    link.refresh_from_db()
    assert link.revoked_at is None
    assert there.is_waiting


@pytest.mark.parametrize("model", ["visitlink", "visitreport"])
def test_nobody_adds_changes_or_deletes_them_by_a_form(station: Station, model: str) -> None:
    root = make_staff("root")
    report = send(station, root)
    client = signed_in(root)
    pk = report.pk if model == "visitreport" else report.link_id
    name = f"admin:stations_{model}"
    assert client.get(reverse(f"{name}_add")).status_code == 403
    assert client.post(reverse(f"{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
    if model == "visitlink":
        assert client.post(reverse(f"{name}_change", args=[pk]), {"station": "1"}).status_code == 403
