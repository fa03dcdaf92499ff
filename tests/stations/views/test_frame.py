"""What belongs to every page: language, text size, and pages for what went wrong."""

import json
import re
from pathlib import Path

import pytest
from django.test import Client

from stations.templatetags.icons import AMENITY_ICONS
from stations.views.wording import ENTRY_ICONS, STATE_ICONS
from tests.builders import make_staff, make_station
from tests.stations.views.pages import browser, links, read, text

pytestmark = pytest.mark.django_db


ROOT = Path(__file__).resolve().parents[3]
BREAKING = "tests.stations.views.urls_that_break"


def test_text_grows_and_shrinks_by_a_link_and_leads_back() -> None:
    phone = browser()
    assert 'class="big"' not in read(phone.get("/about/"))
    bigger = next(link for link in links(read(phone.get("/about/?from=x"))) if "text=big" in link)
    assert phone.get(bigger).headers["Location"] == "/about/?from=x"
    html = read(phone.get("/about/"))
    assert '<html lang="zh-Hans" class="big">' in html
    phone.get(next(link for link in links(html) if "text=usual" in link))
    assert 'class="big"' not in read(phone.get("/about/"))


def test_the_language_follows_the_browser_and_a_link_changes_it() -> None:
    assert '<html lang="en"' in read(Client(headers={"accept-language": "en-GB"}).get("/about/"))
    phone = browser()
    html = read(phone.get("/about/"))
    assert '<html lang="zh-Hans"' in html
    phone.get(next(link for link in links(html) if "language=en" in link))
    assert '<html lang="en"' in read(phone.get("/about/"))


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_a_preference_never_leads_to_another_site(back: str) -> None:
    assert browser().get("/preferences/", {"text": "big", "next": back}).headers["Location"] == "/"


def test_an_unknown_preference_is_refused_with_the_choices() -> None:
    html = read(browser().get("/preferences/?text=huge"), status=400)
    assert "usual, big" in text(html)


def test_a_wrong_address_is_a_page_with_ways_on() -> None:
    html = read(browser().get("/nothing/"), status=404)
    assert {"/", "/places/"} <= set(links(html))
    assert 'name="q"' in html


@pytest.mark.parametrize(
    ("address", "back", "is_frame_of_members"),
    [("/admin/nothing/", "/admin/", False), ("/counter/nothing/", "/counter/", False), ("/me/nothing/", "/me/", True)],
)
def test_a_wrong_address_among_pages_behind_a_sign_in_leads_back_to_them(
    address: str, back: str, is_frame_of_members: bool
) -> None:
    phone = browser()
    phone.force_login(make_staff())
    html = read(phone.get(address), status=404)
    assert back in links(re.sub(r"<footer.*?</footer>", "", html, flags=re.DOTALL))
    assert 'name="q"' not in html
    assert "蜂巢可能搬走了" not in html
    assert "不用登录" not in html
    assert ("<footer" in html) is is_frame_of_members
    assert "不用登录" in read(browser().get("/nothing/"), status=404)


def test_what_a_duty_does_not_allow_leads_back_to_the_office() -> None:
    staff = browser()
    staff.force_login(make_staff("looks", scope=make_station(), duties=["view"]))
    html = read(staff.get("/admin/core/user/"), status=403)
    assert "/admin/" in links(html)
    assert 'name="q"' not in html


def test_how_it_works_says_what_members_leave_and_where_it_is_written() -> None:
    html = read(browser().get("/about/"))
    assert {"/gifts/", "/me/register/", "/me/register/#notice"} <= set(links(html))
    for said in ("手机号", "所在区", "姓名", "六位密码", "积分"):
        assert said in html
    assert "没有一样能认出您" not in html
    assert 'id="notice"' in read(browser().get("/me/register/"))


def test_a_wrong_method_is_a_page_that_names_no_secret() -> None:
    station = make_station()
    response = browser().get(f"/stations/{station.code}/confirmations/")
    assert response.headers["Allow"] == "POST"
    assert f"/stations/{station.code}/" in links(read(response, status=405))
    assert browser().post("/").status_code == 405


@pytest.mark.urls(BREAKING)
def test_a_failure_is_a_page_that_needs_no_database(django_assert_num_queries: object) -> None:
    phone = browser(raise_request_exception=False)
    with django_assert_num_queries(0):  # type: ignore[operator]
        html = read(phone.get("/broken/"), status=500)
    assert "/" in links(html)
    assert "broken on purpose" not in html


@pytest.mark.urls(BREAKING)
@pytest.mark.parametrize("method", ["get", "post"])
def test_what_passes_by_itself_is_a_503_that_leads_back_to_what_was_asked(
    django_assert_num_queries: object, method: str
) -> None:
    phone = browser(raise_request_exception=False)
    with django_assert_num_queries(0):  # type: ignore[operator]
        response = getattr(phone, method)("/away/?q=<b>&page=2")
    assert response.headers["Retry-After"] == "2"
    assert response.headers["Cache-Control"] == "no-store"
    html = read(response, status=503)
    assert "暂时" in text(html)
    # What was posted is not asked for once more by a link.
    assert ("/away/?q=%3Cb%3E&page=2" in links(html)) == (method == "get")
    assert "/" in links(html)
    assert "server closed" not in html


@pytest.mark.urls(BREAKING)
def test_below_api_failures_are_problems() -> None:
    phone = browser(raise_request_exception=False)
    for address, status in (
        ("/api/v1/broken/", 500),
        ("/api/v1/away/", 503),
        ("/api/v1/nothing/", 404),
        ("/api/nothing", 404),
    ):
        response = phone.get(address)
        assert response.headers["Content-Type"] == "application/problem+json"
        assert json.loads(response.content)["status"] == status


def test_no_page_has_an_inline_style_script_or_handler() -> None:
    station = make_station(amenities=["microwave"])
    for address in (
        "/",
        "/places/",
        "/districts/",
        "/districts/420106/",
        "/about/",
        f"/stations/{station.code}/",
        "/x/",
    ):
        html = browser().get(address).content.decode()
        assert not re.search(r"<[^>]+\s(style|on\w+)=", html), address
        assert "<style" not in html
        assert all("src=" in tag or "application/ld+json" in tag for tag in re.findall(r"<script[^>]*>", html)), address


def test_every_icon_that_pages_use_is_in_the_sprite() -> None:
    drawn = set(re.findall(r'<symbol id="([\w-]+)"', (ROOT / "static/icons/icons.svg").read_text(encoding="utf-8")))
    used = set(AMENITY_ICONS) | set(ENTRY_ICONS.values()) | set(STATE_ICONS.values()) | {"amenity"}
    for template in (ROOT / "templates").rglob("*.html"):
        used |= set(re.findall(r'{% icon "([\w-]+)"', template.read_text(encoding="utf-8")))
    assert used <= drawn


def test_every_amenity_of_the_vocabulary_has_its_own_icon() -> None:
    rows = json.loads((ROOT / "stations/data/amenities.json").read_text(encoding="utf-8"))["amenities"]
    assert {row["code"] for row in rows} <= AMENITY_ICONS
