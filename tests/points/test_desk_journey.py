"""A courier's way through the desk, from the first page to the last: registered, given points, handed a gift that he had
ordered, his statement, and a mistaken award taken back."""

from typing import Any

import pytest
from django.urls import reverse

from core import clock
from couriers.models import Courier
from points import ledger, passes, redemption, verifying
from points.models import Award, AwardLimit, Redemption
from tests.builders import make_staff
from tests.points.books import PRICE, keep_books, op
from tests.points.test_admin import desk

pytestmark = pytest.mark.django_db


def test_from_a_registration_to_a_reversal_at_the_desk() -> None:
    books = keep_books()
    AwardLimit.objects.all().delete()
    AwardLimit.objects.create(most_alone=300, most_a_day=900, valid_from="2026-01-01")
    own = desk(make_staff("own", scope=books.district))

    def sent(page: str, *keys: Any, **form: Any) -> None:
        answer = own.post(reverse(f"admin:{page}", args=keys), form)
        assert answer.status_code == 302, answer.context and answer.context["form"].errors

    sent(
        "couriers_courier_add", phone="154 0000 1234", name="李小蜂", kind="express", district=books.district.code,
        agreed="on",
    )  # fmt: skip
    courier = Courier.objects.latest("pk")
    assert courier.status == "active"

    give = {"courier": courier.code, "district": books.district.code}
    sent("points_award_add", op_id=op(), points=PRICE + 50, reason="帮老人搬煤气罐", **give)
    sent("points_award_add", op_id=op(), points=70, reason="记错了人", **give)

    # He orders on his own phone.
    made = redemption.order(
        courier=courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="self", at=clock.now()
    )
    digits = passes.issue(courier=courier, at=clock.now())
    sent("points_redemption_hand_over", made.pk, op_id=op(), digits=digits)
    assert Redemption.objects.get(pk=made.pk).status == "handed-over"

    mistake = Award.objects.get(points=70)
    sent("points_posting_take_back", mistake.posting_id, op_id=op(), reason="发错了人")
    assert ledger.balance_of(ledger.wallet(courier)) == 50

    statement = own.get(reverse("admin:points_courier_history", args=[courier.pk])).content.decode()
    for said in ("帮老人搬煤气罐", "发错了人", books.gift.name):
        assert said in statement
    assert "李小蜂" not in statement
    assert list(verifying.broken_invariants()) == []
