"""The desk's pages for merging two profiles, and for the validity of points."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from couriers import registration
from couriers.models import Courier
from points import ledger, verifying
from points.models import ExpiryRule
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, Books, award, keep_books, op, order
from tests.points.test_admin import desk, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=500)


@pytest.fixture
def duplicate(books: Books) -> Courier:
    courier = registration.verify(courier=make_courier(phone="15400009876", name="李四"), actor=ACTOR, at=NOON)
    award(books, 300, courier=courier)
    return courier


@pytest.fixture
def own(books: Books) -> Browser:
    return desk(make_staff("own", scope=books.district, duties=["review"]))


def page(courier: Courier, name: str = "merge") -> str:
    return reverse(f"admin:couriers_courier_{name}", args=[courier.pk])


def shown(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_from_his_page_by_card_to_one_profile(books: Books, duplicate: Courier, own: Browser) -> None:
    assert page(books.courier) in shown(own.get(page(books.courier, "change")))
    assert own.get(page(books.courier)).status_code == 200
    spaced = f"{duplicate.code[:4]} {duplicate.code[4:8]}-{duplicate.code[8:].lower()}"
    compared = own.post(page(books.courier), {"code": spaced})
    text = shown(compared)
    for each in ("李*", "154****9876", "<td>500</td><td>300</td>", duplicate.code, books.courier.code):
        assert each in text
    assert "李四" not in text
    form = compared.context["form"]
    sent = {"op_id": form["op_id"].initial, "duplicate": duplicate.pk, "reason": ""}
    assert own.post(page(books.courier), sent).context["form"].errors.keys() == {"reason"}
    for _tap in range(2):
        done = own.post(page(books.courier), sent | {"reason": "本人说明"})
        assert (done.status_code, done["Location"]) == (302, page(books.courier, "change"))
        assert "800" in said(done)
    assert ledger.balance_of(books.wallet) == 800
    assert list(verifying.broken_invariants()) == []
    # The one that ended leads to the one that goes on, and to no further page.
    ended = shown(own.get(page(duplicate, "change")))
    assert page(books.courier, "change") in ended
    assert reverse("admin:points_award_add") in shown(own.get(page(books.courier, "change")))
    assert reverse("admin:points_award_add") not in ended
    points = shown(own.get(reverse("admin:points_courier_history", args=[duplicate.pk])))
    assert (page(books.courier, "change") in points, "已注销" in points) == (True, False)
    assert own.get(page(duplicate)).status_code == 404
    assert duplicate.code in shown(own.get(page(books.courier, "history")))


def test_what_cannot_be_merged_is_said(books: Books, duplicate: Courier, own: Browser) -> None:
    abroad = make_courier(district=books.other)
    for code in ("00000000000", "nonsense", abroad.code, books.courier.code):
        assert own.post(page(books.courier), {"code": code}).context["form"].errors.keys() == {"code"}
    wish = {"op_id": op(), "duplicate": duplicate.pk, "reason": "本人说明"}
    assert own.post(page(books.courier), wish | {"duplicate": abroad.pk}).status_code == 404
    assert own.post(page(books.courier), wish | {"duplicate": "1e9"}).status_code == 404
    assert own.get(page(abroad)).status_code == 404
    order(books, courier=duplicate)
    refused = own.post(page(books.courier), wish)
    assert refused.status_code == 200
    assert "1" in str(refused.context["form"].non_field_errors())
    assert not Courier.objects.filter(merged_into__isnull=False).exists()


def test_it_takes_a_duty_at_the_desk(books: Books, duplicate: Courier) -> None:
    counter = desk(make_staff("guitai", scope=books.district, duties=["counter"]))
    assert counter.get(page(books.courier)).status_code == 403
    wish = {"op_id": op(), "duplicate": duplicate.pk, "reason": "本人说明"}
    assert counter.post(page(books.courier), wish).status_code == 403


def test_the_city_sets_how_long_points_are_good_for(own: Browser) -> None:
    city = desk(make_staff("city"))
    address, today = reverse("admin:points_expiryrule_set"), clock.local_date(clock.now())
    listed = reverse("admin:points_expiryrule_changelist")
    assert address in shown(city.get(listed))
    assert address not in shown(own.get(listed))
    assert own.get(address).status_code == 403
    assert own.post(address, {"months": "1", "valid_from": today}).status_code == 403
    for wrong in ({"months": "0"}, {"months": "121"}, {"valid_from": today - timedelta(days=1)}, {"valid_from": "x"}):
        assert city.post(address, {"months": "12", "valid_from": today} | wrong).context["form"].errors
    assert city.post(address, {"months": "12", "valid_from": today}).status_code == 302
    assert city.post(address, {"months": "", "valid_from": today + timedelta(days=9)}).status_code == 302
    assert ExpiryRule.objects.get().valid_through == today + timedelta(days=8)
    # From today itself: then it never held.
    assert city.post(address, {"months": "", "valid_from": today}).status_code == 302
    assert not ExpiryRule.objects.exists()
