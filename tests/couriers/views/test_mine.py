"""What a courier does with what is his: phones, PIN, number, consents, a copy, erasure. Nobody else can do it for him."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.logs import without_keys
from core.models import AuditEvent, User
from couriers import consents, membership, privacy, registration
from couriers.errors import CourierNotSettled
from couriers.models import Consent, Courier, Device
from tests.builders import make_courier, make_district, make_staff
from tests.couriers.views.phone import PHONE, PIN, signed_in

pytestmark = pytest.mark.django_db

NEW, WRONG = "314159", "141421"
PAGES = ("/me/data/", "/me/devices/", "/me/pin/", "/me/data/consents/", "/me/data/copy/", "/me/data/erase/")
POSTS: dict[str, dict[str, str]] = {
    "/me/devices/": {"device": "others"},
    "/me/pin/": {"pin": PIN, "new_pin": NEW},
    "/me/data/consents/": {"purpose": "membership", "act": "withdrawn"},
    "/me/data/copy/": {"pin": PIN},
    "/me/data/erase/": {"pin": PIN, "sure": "yes"},
}


@pytest.mark.parametrize("address", PAGES)
def test_only_who_is_signed_in_comes_in_and_nothing_is_kept(address: str) -> None:
    courier, phone = signed_in()
    shown, refused = phone.get(address), Client().get(address)
    assert (shown.status_code, shown["Cache-Control"]) == (200, "no-store")
    assert (refused.status_code, refused["Cache-Control"]) == (302, "no-store")
    assert refused["Location"].startswith("/me/sign-in/?next=")
    text = shown.content.decode()
    for secret in (PHONE, "张三丰", courier.pin_hash):
        assert secret not in text


@pytest.mark.parametrize("address", POSTS)
def test_without_the_forms_token_or_signed_out_nothing_happens(address: str) -> None:
    courier, phone = signed_in(enforce_csrf_checks=True)
    signed_in(courier)
    before = AuditEvent.objects.count()
    assert phone.post(address, POSTS[address]).status_code == 403
    assert Client().post(address, POSTS[address])["Location"].startswith("/me/sign-in/")
    assert AuditEvent.objects.count() == before
    allowed = Client()
    allowed.cookies = phone.cookies
    assert allowed.post(address, POSTS[address]).status_code in (200, 302)
    assert AuditEvent.objects.count() > before


# ── Phones ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_phones_are_listed_in_words_and_each_is_ended() -> None:
    courier, here = signed_in()
    _courier, there = signed_in(courier, kind="iphone")
    others, elsewhere = signed_in(make_courier(pin=PIN))
    text = here.get("/me/devices/").content.decode()
    assert "安卓手机 · 微信" in text
    assert text.count("</svg>这部手机</span>") == 1
    # Somebody else's phone is as good as none.
    for said in (str(others.devices.get().pk), "0", "9" * 18):
        assert here.post("/me/devices/", {"device": said}).status_code == 302
    for said in ("", "x", "-1", "９", "1" * 40):
        assert here.post("/me/devices/", {"device": said}).status_code == 404
    assert elsewhere.get("/me/data/").status_code == 200
    gone = courier.devices.get(kind="iphone").pk
    for _tap in range(2):
        assert here.post("/me/devices/", {"device": str(gone)}).status_code == 302
    assert there.get("/me/data/").status_code == 302
    assert here.get("/me/data/").status_code == 200


def test_all_others_are_ended_at_once() -> None:
    courier, here = signed_in()
    others = [signed_in(courier)[1] for _number in range(3)]
    assert here.post("/me/devices/", {"device": "others"}).status_code == 302
    assert [phone.get("/me/data/").status_code for phone in (here, *others)] == [200, 302, 302, 302]


# ── PIN ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_pin_asks_for_the_old_one_and_ends_the_other_phones() -> None:
    courier, here = signed_in()
    _courier, there = signed_in(courier)
    assert here.post("/me/pin/", {"pin": WRONG, "new_pin": NEW}).status_code == 400
    assert here.post("/me/pin/", {"pin": PIN, "new_pin": "123456"}).context["errors"].keys() == {"new_pin"}
    assert there.get("/me/data/").status_code == 200
    assert here.post("/me/pin/", {"pin": PIN, "new_pin": NEW}).status_code == 302
    assert (here.get("/me/data/").status_code, there.get("/me/data/").status_code) == (200, 302)
    courier.refresh_from_db()
    membership.check_pin(courier=courier, pin=NEW, at=clock.now())
    assert AuditEvent.objects.get(kind="courier.pin-set").actor_name == "self"


@pytest.mark.parametrize("address", ["/me/pin/", "/me/data/copy/", "/me/data/erase/"])
def test_who_holds_his_phone_cannot_guess_his_pin(address: str) -> None:
    courier, here = signed_in()
    data = POSTS[address] | {"pin": WRONG}
    for _try in range(5):
        assert here.post(address, data).status_code == 400
    assert here.post(address, POSTS[address]).status_code == 400  # the right one, too late
    courier.refresh_from_db()
    assert not courier.is_erased
    assert not AuditEvent.objects.filter(kind__in=["courier.copied", "courier.pin-set"]).exists()


def reset_link(courier: Courier) -> str:
    clerk = make_staff("wuchang", scope=make_district())
    _reset, token = membership.reset_pin_link(courier=courier, actor=clerk, at=clock.now())
    return f"/pin/{token}/"


def test_a_link_sets_a_new_pin_once_and_signs_in(caplog: Any) -> None:
    caplog.set_level("DEBUG")
    courier, lost = signed_in()
    link, phone = reset_link(courier), Client()
    shown = phone.get(link)
    assert (shown.status_code, shown["Cache-Control"], shown["Referrer-Policy"]) == (200, "no-store", "strict-origin")
    token = link.split("/")[2]
    assert token not in shown.content.decode()
    assert phone.post(link, {"new_pin": "111111"}).status_code == 400
    assert phone.post(link, {"new_pin": NEW})["Location"] == "/me/"
    assert (phone.get("/me/data/").status_code, lost.get("/me/data/").status_code) == (200, 302)
    closed, unknown = Client().get(link), Client().get("/pin/no-such-token/")
    assert (closed.status_code, unknown.status_code) == (410, 410)
    assert closed.context["title"] == unknown.context["title"]
    assert token not in closed.content.decode()
    assert Client().post(link, {"new_pin": PIN}).status_code == 410
    assert token not in without_keys(f"Gone: {link}")


def test_an_old_link_and_one_without_the_forms_token_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    courier, _phone = signed_in()
    link, before = reset_link(courier), courier.pin_hash
    assert Client(enforce_csrf_checks=True).post(link, {"new_pin": NEW}).status_code == 403
    later = clock.now() + membership.RESET_AGE
    monkeypatch.setattr(clock, "now", lambda: later)
    assert Client().get(link).status_code == 410
    assert Client().post(link, {"new_pin": NEW}).status_code == 410
    courier.refresh_from_db()
    assert courier.pin_hash == before


def test_one_who_was_blocked_meanwhile_is_not_signed_in_by_a_link() -> None:
    courier, _phone = signed_in()
    link = reset_link(courier)
    registration.block(courier=courier, reason="冒领", actor="tests", at=clock.now())
    phone = Client()
    assert phone.post(link, {"new_pin": NEW}).status_code == 409
    assert "me" not in phone.cookies


def test_the_desk_shows_the_link_as_a_code_once() -> None:
    courier, _phone = signed_in()
    desk = Client()
    desk.force_login(make_staff("wuchang", scope=make_district()))
    address = f"/admin/couriers/courier/{courier.pk}/new-pin/"
    assert address in desk.get(f"/admin/couriers/courier/{courier.pk}/change/").content.decode()
    assert 'class="qr"' not in desk.get(address).content.decode()
    assert not courier.pin_resets.exists()
    answer = desk.post(address)
    assert 'class="qr"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert courier.pin_resets.get().made_by == User.objects.get(username="wuchang")


# ── What is kept, and consents ──────────────────────────────────────────────────────────────────────────────────────


def test_my_data_are_masked_and_say_the_state() -> None:
    courier, phone = signed_in()
    text = phone.get("/me/data/").content.decode()
    person = privacy.masked(courier)
    for said in (person.phone, person.name, courier.code, "courier-unverified", "#clock"):
        assert said in text
    registration.block(courier=courier, reason="冒领一次", actor="tests", at=clock.now())
    text = phone.get("/me/data/").content.decode()
    assert "courier-blocked" in text
    assert "冒领一次" in text


def test_consents_are_taken_back_and_given_again_by_himself() -> None:
    courier, phone = signed_in()
    sharing = consents.notice("sharing")
    consents.give(courier=courier, notice=sharing, channel="api", purpose="sharing", partner="bees", actor="bees", at=clock.now())  # fmt: skip
    assert "bees" in phone.get("/me/data/consents/").content.decode()
    for _tap in range(2):
        phone.post("/me/data/consents/", {"purpose": "sharing", "partner": "bees", "act": "withdrawn"})
    assert not consents.holds(courier=courier, purpose="sharing", partner="bees")
    said = Consent.objects.filter(purpose="sharing", act="withdrawn")
    assert [(each.channel, each.notice_sha256) for each in said] == [("page", sharing.sha256)]
    # What he never spoke of no form makes.
    for data in (
        {"purpose": "sharing", "partner": "x", "act": "given"},
        {"purpose": "x", "act": "given"}, {"purpose": "membership", "act": "x"}, {},
    ):  # fmt: skip
        assert phone.post("/me/data/consents/", data).status_code == 302
    assert Consent.objects.count() == 3
    phone.post("/me/data/consents/", {"purpose": "membership", "act": "withdrawn"})
    assert not consents.holds(courier=courier, purpose="membership")
    # Withdrawn, the doors stay open.
    assert phone.get("/me/data/").status_code == 200
    phone.post("/me/data/consents/", {"purpose": "membership", "act": "given"})
    assert consents.holds(courier=courier, purpose="membership")
    assert AuditEvent.objects.get(kind="courier.consent-withdrawn", data__purpose="sharing").actor_name == "self"


def test_who_withdrew_reads_what_he_would_agree_to_and_agrees_again(monkeypatch: pytest.MonkeyPatch) -> None:
    courier, phone = signed_in()
    for purpose, partner in (("sharing", "bees"), ("membership", "")):
        said: dict[str, Any] = {"purpose": purpose, "partner": partner}
        consents.give(
            courier=courier, notice=consents.notice(purpose), channel="api", actor="bees", at=clock.now(), **said
        )
        phone.post("/me/data/consents/", said | {"act": "withdrawn"})
    monkeypatch.setattr(consents, "notice", lambda purpose: consents.Notice("2027-01", f"新的{purpose}告知"))
    page = phone.get("/me/data/consents/").content.decode()
    for purpose, partner in (("sharing", "bees"), ("membership", "")):
        assert f"新的{purpose}告知" in page
        for _tap in range(2):
            phone.post("/me/data/consents/", {"purpose": purpose, "partner": partner, "act": "given"})
        newest = Consent.objects.filter(purpose=purpose, partner=partner).latest("id")
        assert (newest.act, newest.notice_version) == ("given", "2027-01")
    assert page.count("2027-01") == 2
    assert page.count('value="given"') == 2


# ── A copy ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_copy_is_read_or_saved_for_the_pin_alone() -> None:
    courier, phone = signed_in()
    assert PHONE not in phone.post("/me/data/copy/", {"pin": WRONG}).content.decode()
    read = phone.post("/me/data/copy/", {"pin": PIN, "do": "read"})
    page = read.content.decode()
    assert PHONE in page
    assert "登录的手机" in page
    assert "异议" in page
    assert "<dd></dd>" not in page, "what there is none of is said, not left open"
    assert read["Cache-Control"] == "no-store"
    saved = phone.post("/me/data/copy/", {"pin": PIN, "do": "file"})
    assert json.loads(saved.content)["phone"] == f"+86{PHONE}"
    assert f"{courier.code}.json" in saved["Content-Disposition"]
    assert [each.actor_name for each in AuditEvent.objects.filter(kind="courier.copied")] == ["self"] * 2


def test_each_courier_has_a_count_of_his_own_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "REVEALS_A_DAY", type(privacy.REVEALS_A_DAY)("reveal", calls=2, window_s=86_400))
    _one, phone = signed_in()
    _two, other = signed_in(make_courier(pin=PIN))
    statuses = [phone.post("/me/data/copy/", {"pin": PIN}).status_code for _number in range(3)]
    assert statuses == [200, 200, 400]
    assert other.post("/me/data/copy/", {"pin": PIN}).status_code == 200


# ── The end ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_erased_at_his_own_wish_he_is_signed_out_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    courier, here = signed_in()
    _courier, there = signed_in(courier)
    assert here.post("/me/data/erase/", {"pin": WRONG, "sure": "yes"}).status_code == 400
    assert here.post("/me/data/erase/", {"pin": PIN}).context["error"]

    def wait(**_said: Any) -> None:
        raise CourierNotSettled

    with monkeypatch.context() as waiting:
        waiting.setattr(privacy, "_waits", {wait: lambda _courier: []})
        assert here.post("/me/data/erase/", {"pin": PIN, "sure": "yes"}).context["error"]
    courier.refresh_from_db()
    assert not courier.is_erased
    answer = here.post("/me/data/erase/", {"pin": PIN, "sure": "yes"})
    assert answer["Location"] == "/me/goodbye/"
    assert here.get("/me/goodbye/").status_code == 200
    courier.refresh_from_db()
    assert courier.is_erased
    assert AuditEvent.objects.get(kind="courier.erased").actor_name == "self"
    assert not Device.objects.exists()
    assert [phone.get("/me/data/").status_code for phone in (here, there)] == [302, 302]
    # Sent again it finds nobody.
    assert here.post("/me/data/erase/", {"pin": PIN, "sure": "yes"})["Location"].startswith("/me/sign-in/")


def test_a_sign_in_that_ran_out_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    _courier, phone = signed_in()
    assert phone.get("/me/data/").status_code == 200
    later = clock.now() + timedelta(days=181)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert phone.get("/me/data/").status_code == 302


@pytest.mark.parametrize("token", ["x", "x" * 5_000, "%00", "../..", ""])
def test_a_made_up_token_is_nobody(token: str) -> None:
    phone = Client()
    phone.cookies["me"] = token
    assert phone.get("/me/data/").status_code == 302
