"""任何柜台: a new PIN, a new card, a new number, for any courier there, whichever district he belongs to."""

import re
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.limits import Limit
from core.models import AuditEvent, User
from couriers import codes, devices, finding, membership, registration
from couriers.errors import CodeNotSent, PhoneTaken
from couriers.models import Courier, PinReset, RetiredCode
from tests.builders import make_courier, make_staff
from tests.points.books import Books, keep_books
from tests.points.views.test_counter import WHO, found_by, signed_in

pytestmark = pytest.mark.django_db
PIN = "204871"


@pytest.fixture
def books() -> Books:
    return keep_books()


@pytest.fixture
def li(books: Books) -> Browser:
    return signed_in(make_staff("li", scope=books.station, duties=["counter"]))


@pytest.fixture
def stranger(books: Books) -> Courier:
    """Of another district than the counter's."""
    return registration.verify(courier=make_courier(district=books.other, pin="730526"), actor="tests", at=clock.now())


def test_his_page_leads_to_all_three(li: Browser, stranger: Courier) -> None:
    address = found_by(li, stranger.code)
    page = li.get(address).text
    for step in ("pin", "card", "phone"):
        assert f"{address}{step}/" in page
        assert li.get(f"{address}{step}/").status_code == 200
    registration.block(courier=stranger, reason="查实冒领", actor="tests", at=clock.now())
    assert f"{address}pin/" not in li.get(address).text
    assert li.post(f"{address}pin/").context["form"].non_field_errors()


@pytest.mark.usefixtures("stopped_clock")
def test_a_new_pin_is_chosen_on_his_own_phone_and_the_code_is_shown_while_it_opens(
    li: Browser, stranger: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(text: str) -> str:
        drawn.append(text)
        return "QR"

    monkeypatch.setattr("points.views.counter.membership.qr_svg", draw)
    address = f"{found_by(li, stranger.code)}pin/"
    assert "pin-qr" not in li.get(address).text
    assert not PinReset.objects.exists()
    assert li.post(address)["Location"] == address
    pages = [li.get(address) for _load in range(2)]
    assert all("pin-qr" in page.text for page in pages)
    assert pages[0]["Cache-Control"] == "no-store"
    assert len(set(drawn)) == 1
    assert PinReset.objects.get().made_by == User.objects.get(username="li")
    assert drawn[0].rsplit("/", 2)[1] not in str(dict(li.session))
    phone = Browser()
    assert phone.post(drawn[0].removeprefix("http://testserver"), {"new_pin": PIN}).status_code in (200, 302)
    membership.prove_pin(courier=Courier.objects.get(pk=stranger.pk), pin=PIN, at=clock.now())
    page = li.get(address)
    assert "pin-qr" not in page.text
    assert page.context["is_over"]
    assert not li.get(address).context["is_over"]


def test_after_a_quarter_of_an_hour_it_is_made_anew(li: Browser, stranger: Courier) -> None:
    address = f"{found_by(li, stranger.code)}pin/"
    li.post(address)
    past = clock.now() - membership.RESET_AGE - timedelta(seconds=1)
    PinReset.objects.update(made_at=past, expires_at=past + membership.RESET_AGE)
    assert li.get(address).context["is_over"]
    li.post(address)
    assert "pin-qr" in li.get(address).text
    other = f"{found_by(li, make_courier().code)}pin/"
    assert "pin-qr" not in li.get(other).text


def test_a_lost_card_is_replaced_once_and_the_new_one_is_shown(li: Browser, stranger: Courier) -> None:
    address = f"{found_by(li, stranger.code)}card/"
    lost = li.get(address).context["form"].initial["lost"]
    assert li.post(address, {"lost": lost, "reason": " "}).context["form"].errors["reason"]
    for _tap in range(2):
        assert li.post(address, {"lost": lost, "reason": "丢了"})["Location"] == f"{address}print/"
    stranger.refresh_from_db()
    assert list(RetiredCode.objects.values_list("code", flat=True)) == [lost]
    assert AuditEvent.objects.filter(kind="courier.card-replaced", actor_name="li").count() == 2
    card = li.get(f"{address}print/")
    assert codes.in_groups(stranger.code) in card.text
    assert card["Cache-Control"] == "no-store"
    assert "/admin/" not in card.text
    assert li.post(WHO, {"who": lost}).context["form"].errors["who"]
    assert found_by(li, stranger.code)


def test_another_number_is_written_and_the_old_phone_signed_out(li: Browser, stranger: Courier) -> None:
    devices.sign_in(courier=stranger, kind="Android", at=clock.now())
    address = found_by(li, stranger.code)
    assert li.post(f"{address}phone/", {"phone": "123"}).context["form"].errors["phone"]
    assert li.post(f"{address}phone/", {"phone": "15412349876"})["Location"] == address
    city = make_staff("city")
    assert finding.by_phone("15412349876", actor=city, at=clock.now()) == stranger
    assert not stranger.devices.exists()


def test_a_number_that_another_has_is_taken_over_for_a_reason(li: Browser, stranger: Courier) -> None:
    old = make_courier(phone="15412340000")
    address = f"{found_by(li, stranger.code)}phone/"
    refused = li.post(address, {"phone": "15412340000"})
    assert set(refused.context["form"].errors) == {"phone", "takes_over_because"}
    assert "柜台" not in str(refused.context["form"].errors)
    old.refresh_from_db()
    assert old.phone_index is not None
    assert li.post(address, {"phone": "15412340000", "takes_over_because": "当面拨打"}).status_code == 302
    old.refresh_from_db()
    assert old.phone_index is None


def test_that_a_number_is_taken_counts_as_a_look_up(
    li: Browser, stranger: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_courier(phone="15412340000")
    monkeypatch.setattr(finding, "LOOK_UPS_A_DAY", Limit("courier-look-up", calls=1, window_s=86_400))
    address = f"{found_by(li, stranger.code)}phone/"
    told, not_told = (li.post(address, {"phone": "15412340000"}).context["form"] for _try in range(2))
    assert set(told.errors) == {"phone", "takes_over_because"}
    assert set(not_told.errors) == {"__all__"}
    assert li.post(address, {"phone": "15412349876"}).status_code == 302


def test_whom_another_one_found_is_not_ones_own(books: Books, li: Browser, stranger: Courier) -> None:
    address = found_by(li, stranger.code)
    wang = signed_in(make_staff("wang", scope=books.station, duties=["counter"]))
    for step in ("pin", "card", "card/print", "phone"):
        assert li.get(f"{address}{step}/").status_code == 200
        assert wang.get(f"{address}{step}/").status_code == 404
        if step != "card/print":
            said = {"phone": "15412349876", "lost": stranger.code, "reason": "x"}
            assert wang.post(f"{address}{step}/", said).status_code == 404
    assert not PinReset.objects.exists()
    assert not RetiredCode.objects.exists()


def test_the_offices_counter_leads_there(li: Browser, stranger: Courier) -> None:
    answer = li.post("/admin/points/counter/", {"who": stranger.code}, follow=True)
    ways = re.findall(r'href="(/counter/who/[^"]+/(?:pin|card|phone)/)"', answer.text)
    assert len(ways) == 3
    assert [li.get(way).status_code for way in ways] == [200, 200, 200]
    registration.block(courier=stranger, reason="查实冒领", actor="tests", at=clock.now())
    page = li.get(answer.request["PATH_INFO"] + "?" + answer.request["QUERY_STRING"]).text
    assert len(re.findall(r"/counter/who/", page)) == 2


# ── Who is not found ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_phone_of_another_district_is_told_what_finds_him(books: Books, li: Browser) -> None:
    make_courier(phone="15412340001", district=books.other)
    make_courier(phone="15412340002")
    said = [str(li.post(WHO, {"who": phone}).context["form"].errors["who"]) for phone in ("15412340001", "15412340003")]
    assert said[0] == said[1]
    assert "会员码的骑手" not in said[0]
    assert "通行码" in said[0]
    assert found_by(li, "15412340002")


def test_whoever_cannot_be_helped_at_a_counter_is_sent_to_the_office_which_can(books: Books, li: Browser) -> None:
    add = reverse("admin:couriers_courier_add")
    office = Browser()
    office.force_login(make_staff("office", scope=books.district))
    assert (li.get(add).status_code, office.get(add).status_code) == (403, 200)
    unknown = li.post(WHO, {"who": "15400000998"}).text
    assert all(
        "区办公室" in said or "所在区的办公室" in said for said in (unknown, str(PhoneTaken()), str(CodeNotSent()))
    )


def test_a_code_that_is_none_is_told_what_is_wrong_with_it(books: Books, li: Browser) -> None:
    code = books.courier.code
    other = code[:-1] + ("0" if code[-1] != "0" else "1")
    short, long, wrong = (
        str(li.post(WHO, {"who": shown}).context["form"].errors["who"])
        for shown in (
            f"A{code[2:]}",
            f"A{code}",
            "A" + other[1:] if codes.read_code("A" + other[1:]) is None else other,
        )
    )
    assert "10" in short
    assert "12" in long
    assert len({short, long, wrong}) == 3
    said = str(li.post(WHO, {"who": "1541234000"}).context["form"].errors["who"])
    assert said not in {short, long, wrong}
    assert reverse("points:counter-courier", args=["x"])[:-2] in found_by(li, code)
