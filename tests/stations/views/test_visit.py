"""核实链接 on a phone: what is asked, what is sent, what is wrong with it, and who learns the link."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from core.images import MAX_BYTES
from stations import visiting
from stations.models import Confirmation, Station, VisitLink, VisitReport
from tests.builders import NOON, make_amenity, make_staff, make_station
from tests.core.test_images import HOSTILE, stuffed_jpeg
from tests.stations.views.pages import at, browser, links, read, text

pytestmark = pytest.mark.django_db

Form = dict[str, Any]


@pytest.fixture
def station(monkeypatch: pytest.MonkeyPatch) -> Station:
    at(monkeypatch)
    make_amenity("microwave", name="微波炉")
    return make_station(name="徐家棚蜂巢", amenities=["hot-water"])


@pytest.fixture
def link(station: Station) -> str:
    """The address that stands in the group."""
    _link, token = visiting.issue(station=station, actor=make_staff("wuchang"), at=NOON)
    return f"/v/{token}/"


def upload(content: bytes, name: str = "door.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, "image/jpeg")


def filled_in(**changes: Any) -> Form:
    """What a phone with a position sends."""
    return {
        "outcome": "entered",
        "lat": "30.580415",
        "lng": "114.340200",
        "accuracy_m": "20",
        "place": "",
        "hours": "每天9:00-21:00",
        "amenities": ["hot-water", "microwave"],
        "note": "门在侧面",
    } | changes


def stored(settings: Any) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


# ── Asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_page_says_which_station_and_opening_it_uses_nothing_up(station: Station, link: str) -> None:
    """A chat program opens every link for its preview."""
    for _each in range(3):
        html = read(browser().get(link))
        browser().head(link)
    assert "徐家棚蜂巢" in text(html)
    assert station.address in text(html)
    assert station.hours_zh in text(html)
    assert 'value="hot-water" checked' in html
    assert 'value="microwave" checked' not in html
    assert VisitLink.objects.get().used_at is None


def test_a_draft_is_checked_before_couriers_see_it(station: Station, link: str) -> None:
    Station.objects.update(status="draft")
    read(browser().get(link))
    assert browser().post(link, filled_in()).status_code == 302
    assert VisitReport.objects.get().station == station


def test_nobody_else_learns_the_link(link: str) -> None:
    token = link.split("/")[2]
    phone = browser()
    pages = [phone.get(link), phone.post(link, {}), phone.post(link, filled_in()), phone.get(link), browser().get(link)]
    pages.append(browser().get("/v/no-such-token/"))
    assert [page.status_code for page in pages] == [200, 400, 302, 200, 410, 404]
    for page in pages:
        assert page["Referrer-Policy"] == "strict-origin"
        assert page["Cache-Control"] == "no-store"
        assert page["X-Robots-Tag"] == "noindex"
        assert not any(token in address for address in links(page.content.decode()))
        assert "no-such-token" not in "".join(links(page.content.decode()))
    assert 'name="robots" content="noindex"' in pages[0].content.decode()


# ── Sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_sent_waits_for_the_office_and_is_shown_to_who_sent_it(station: Station, link: str) -> None:
    phone = browser()
    response = phone.post(link, filled_in(photo_1=upload(stuffed_jpeg())))
    assert (response.status_code, response["Location"]) == (302, link)
    report = VisitReport.objects.get()
    assert (report.outcome, report.latitude, report.longitude) == ("entered", 30.580415, 114.3402)
    assert (report.entered_crs, report.accuracy_m) == ("wgs84", 20)
    assert (report.hours_text, report.note) == ("每天9:00-21:00", "门在侧面")
    assert report.amenities == ["hot-water", "microwave"]
    assert (len(report.photos), report.state, bool(report.witness)) == (1, "sent", True)
    thanks = text(read(phone.get(link)))
    assert "每天9:00-21:00" in thanks
    assert "门在侧面" in thanks
    assert "hot-water、微波炉" in thanks
    assert "hot-water, microwave" in text(read(phone.get(link, headers={"accept-language": "en"})))
    station.refresh_from_db()
    assert (station.latitude, station.confirmed_at, Confirmation.objects.count()) == (30.5801, None, 0)


def test_without_script_what_was_found_is_enough(link: str) -> None:
    browser().post(link, {"outcome": "locked"})
    report = VisitReport.objects.get()
    assert (report.outcome, report.position, report.hours_text, report.photos) == ("locked", None, "", [])


def test_a_share_link_is_read_in_its_own_datum(link: str) -> None:
    pasted = "我在这里 https://uri.amap.com/marker?position=114.345678,30.583210&name=x"
    browser().post(link, filled_in(place=pasted))
    report = VisitReport.objects.get()
    assert (report.entered_crs, report.accuracy_m) == ("gcj02", None)
    assert report.latitude == pytest.approx(30.5856, abs=0.002)


def test_an_impatient_second_tap_ends_at_the_thanks(link: str) -> None:
    phone = browser()
    phone.post(link, filled_in())
    assert phone.post(link, filled_in(outcome="locked")).status_code == 302
    assert "徐家棚蜂巢" in text(read(phone.get(link)))
    assert VisitReport.objects.get().outcome == "entered"


def test_who_lost_the_answer_and_its_cookie_with_it_reads_that_his_report_has_arrived(link: str) -> None:
    browser().post(link, filled_in())
    assert "已经收到了" in text(read(browser().get(link), status=410))


def test_the_sender_learns_why_it_was_not_used(link: str) -> None:
    phone = browser()
    phone.post(link, filled_in())
    clerk = VisitLink.objects.get().made_by
    visiting.refuse(report=VisitReport.objects.get(), reason="这是隔壁的门", actor=clerk, at=NOON)
    assert "这是隔壁的门" in text(read(phone.get(link)))


@pytest.mark.parametrize("facts", [["outcome"], ["outcome", "position", "hours", "amenities"]], ids=["a part", "all"])
def test_the_sender_learns_whether_all_of_it_was_used(link: str, facts: list[str]) -> None:
    phone = browser()
    phone.post(link, filled_in())
    clerk = VisitLink.objects.get().made_by
    visiting.accept(report=VisitReport.objects.get(), facts=facts, actor=clerk, at=NOON)
    thanks = text(read(phone.get(link)))
    is_all = len(facts) > 1
    assert ("采纳了其中一部分" in thanks, "大家现在看到的就是您核实的" in thanks) == (not is_all, is_all)


# ── A link that is closed ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", ["used", "expired", "revoked"])
def test_a_closed_link_says_so_and_whom_to_ask(
    monkeypatch: pytest.MonkeyPatch, station: Station, link: str, state: str
) -> None:
    made = VisitLink.objects.get()
    if state == "used":
        browser().post(link, filled_in())
    elif state == "revoked":
        visiting.revoke(link=made, actor=made.made_by, at=NOON)
    else:
        at(monkeypatch, NOON + timedelta(days=7))
    html = read(browser().get(link), status=410)
    assert f'data-state="{state}"' in html
    assert station.division.label in text(html)
    assert "<form" not in html
    before = VisitReport.objects.count()
    assert browser().post(link, filled_in()).status_code == 302
    assert VisitReport.objects.count() == before


def test_an_unknown_link_is_a_page_that_helps() -> None:
    for client_call in (browser().get, browser().post):
        assert "/places/" in links(read(client_call("/v/nothing-here/"), status=404))


# ── What is wrong ───────────────────────────────────────────────────────────────────────────────────────────────────

LINK = "https://surl.amap.com/abc"


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"outcome": ""}, "outcome"),
        ({"outcome": "burnt"}, "outcome"),
        ({"lat": "91"}, "place"),
        ({"lat": "nan"}, "place"),
        ({"accuracy_m": "-1"}, "place"),
        ({"place": "就在路口"}, "place"),
        ({"place": "30.58, 114.34"}, "place"),
        ({"place": LINK}, "place"),
        ({"hours": "8" * 201}, "hours"),
        ({"hours": "\x00"}, "hours"),
        ({"note": "长" * 301}, "note"),
        ({"amenities": ["helicopter"]}, "amenities"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(link: str, posted: Form, field: str) -> None:
    html = read(browser().post(link, filled_in(note="门在侧面") | posted), status=400)
    assert "field-error" in html
    if field != "amenities":
        assert f'id="error-{field}"' in html
    if "note" not in posted:
        assert 'value="门在侧面"' in html
    assert 'value="microwave" checked' in html or field == "amenities"
    assert not VisitReport.objects.exists()
    assert VisitLink.objects.get().used_at is None


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_word_beside_its_field_and_leaves_nothing(link: str, settings: Any, name: str) -> None:
    html = read(browser().post(link, filled_in(photo_2=upload(HOSTILE[name]))), status=400)
    assert 'id="error-photo_2"' in html
    assert (stored(settings), VisitReport.objects.exists()) == ([], False)


def test_of_a_photo_nothing_but_pixels_is_kept(link: str, settings: Any) -> None:
    sent = {
        "photo_1": upload(stuffed_jpeg(), "../../etc/passwd.html"),
        "photo_2": upload(stuffed_jpeg()),
        "photo_3": upload(stuffed_jpeg()),
    }
    browser().post(link, filled_in(**sent))
    kept = stored(settings)
    assert len(kept) == 3
    assert {path.parent.name for path in kept} == {"visits"}
    for path in kept:
        content = path.read_bytes()
        assert b"SECRET" not in content
        assert b"PK\x03\x04" not in content
        image = Image.open(io.BytesIO(content))
        assert (image.format, dict(image.getexif())) == ("WEBP", {})
    assert sorted(VisitReport.objects.get().photos) == sorted(f"visits/{path.name}" for path in kept)
    assert default_storage.exists(VisitReport.objects.get().photos[0])


def test_a_file_larger_than_its_limit_is_refused_in_words(link: str) -> None:
    html = read(browser().post(link, filled_in(photo_1=upload(b"\xff" * (MAX_BYTES + 1)))), status=400)
    assert "8 MB" in text(html)


def test_a_form_without_its_token_is_refused(link: str) -> None:
    read(browser(enforce_csrf_checks=True).post(link, filled_in()), status=403)
    assert not VisitReport.objects.exists()


@pytest.mark.usefixtures("stopped_clock")
def test_one_link_is_tried_twenty_times_an_hour(link: str, client: Client) -> None:
    for _each in range(20):
        assert client.post(link, {"outcome": ""}).status_code == 400
    response = client.post(link, filled_in())
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert not VisitReport.objects.exists()
