"""Rules, limits and awards at the desk: the city makes rules, a district gives by hand, and above the limit nobody gives alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.models import AuditEvent
from couriers import registration
from couriers.models import Courier
from points import ledger, reversing
from points.models import Award, AwardLimit, EarningRule, Posting
from stations.models import Division, Station
from tests.builders import NOON, make_courier, make_staff, make_subdistrict
from tests.points.books import Books, keep_books, op
from tests.points.test_admin import desk, said

pytestmark = pytest.mark.django_db

PASSWORD = "just-for-tests"
GIVE = "/admin/points/award/add/"


@pytest.fixture
def books() -> Books:
    books = keep_books(points=0)
    AwardLimit.objects.all().delete()
    AwardLimit.objects.create(most_alone=200, most_a_day=500, valid_from="2026-01-01")
    return books


@pytest.fixture
def own(books: Books) -> Browser:
    make_staff("wang", scope=books.district)
    return desk(make_staff("own", scope=books.district))


def form(books: Books, points: Any = 100, **other: Any) -> dict[str, Any]:
    return {
        "op_id": op(), "courier": books.courier.code, "points": points, "district": books.district.code,
        "reason": "帮老人搬煤气罐",
    } | other  # fmt: skip


def errors(response: Any) -> dict[str, Any]:
    assert response.status_code == 200
    found: dict[str, Any] = response.context["form"].errors
    return found


def test_a_double_tap_is_one_award_and_reads_the_same(books: Books, own: Browser) -> None:
    page = own.get(f"{GIVE}?courier={books.courier.code}").content.decode()
    assert books.courier.code in page
    assert "500" in page
    tap = form(books)
    answers = [own.post(GIVE, tap) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert Award.objects.get().points == ledger.balance_of(books.wallet) == 100
    assert said(answers[1]).endswith(said(answers[0]))
    assert "100" in said(answers[0])


def test_an_empty_fund_names_whom_to_ask(books: Books, own: Browser) -> None:
    allocated = Posting.objects.get(kind="allocation")
    reversing.take_back(posting=allocated, reason="作废", op_id=op(), actor="tests", at=NOON)
    assert "请市里给本区再拨" in str(errors(own.post(GIVE, form(books))))
    assert not Award.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field", "told"),
    [
        ({"points": 0}, "points", "1"),
        ({"points": "1.5"}, "points", ""),
        ({"points": 10**30}, "points", ""),
        ({"courier": "nobody"}, "courier", ""),
        ({"courier": "0000000000Z"}, "courier", ""),
        ({"reason": " "}, "reason", ""),
        ({"district": "420104"}, "district", ""),
        ({"points": 201}, "second_name", "200"),
        ({"points": 201, "second_name": "own", "second_password": PASSWORD}, "second_name", ""),
        ({"points": 201, "second_name": "OWN", "second_password": PASSWORD}, "second_password", ""),
        ({"points": 201, "second_name": "wang", "second_password": "guessed"}, "second_password", ""),
        ({"points": 201, "second_name": "wang"}, "second_password", ""),
        ({"points": 201, "second_name": "away", "second_password": PASSWORD}, "second_name", ""),
        ({"points": 201, "second_name": "counter", "second_password": PASSWORD}, "second_name", ""),
        ({"points": 501, "second_name": "wang", "second_password": PASSWORD}, "points", "500"),
    ],
    ids=str,
)
def test_a_refusal_stands_at_its_field_and_nothing_is_given(
    books: Books, own: Browser, wrong: dict[str, Any], field: str, told: str
) -> None:
    make_staff("away", scope=books.other)
    make_staff("counter", scope=books.district, duties=["counter"])
    refused = errors(own.post(GIVE, form(books, **{"points": 100} | wrong)))
    assert list(refused) == [field]
    assert told in str(refused[field])
    assert not Award.objects.exists()
    assert own.post(GIVE, form(books)).status_code == 302


def test_he_is_found_by_his_phone_where_he_is_ones_own(books: Books, own: Browser) -> None:
    phone, foreign = "15488880000", "15488880001"
    courier = make_courier(phone=phone, district=books.district)
    make_courier(phone=foreign, district=books.other)
    refused = errors(own.post(GIVE, form(books, courier=foreign)))
    assert list(refused) == ["courier"]
    assert errors(own.post(GIVE, form(books, courier="15488880002"))) == refused
    answer = own.post(GIVE, form(books, courier=phone))
    assert answer.status_code == 302
    assert Award.objects.get().courier == courier
    assert phone not in said(answer)
    assert AuditEvent.objects.filter(kind="courier.looked-up").count() == 3


def test_above_the_limit_a_colleague_signs(books: Books, own: Browser) -> None:
    answer = own.post(GIVE, form(books, 300, second_name="wang", second_password=PASSWORD))
    assert answer.status_code == 302
    given = Posting.objects.get(kind="award")
    assert (given.actor_name, given.approver_name) == ("own", "wang")
    # Whoever signed is not signed in by that.
    assert own.get(GIVE).wsgi_request.user.get_username() == "own"
    assert "200" in str(
        errors(own.post(GIVE, form(books, 201, second_name="wang", second_password=PASSWORD)))["points"]
    )
    assert Award.objects.count() == 1


@pytest.mark.usefixtures("stopped_clock")
def test_a_colleagues_password_is_not_guessed_here(books: Books, own: Browser) -> None:
    for _try in range(5):
        own.post(GIVE, form(books, 300, second_name="wang", second_password="guessed"))
    refused = errors(own.post(GIVE, form(books, 300, second_name="wang", second_password=PASSWORD)))
    assert "second_password" in refused
    assert not Award.objects.exists()


def test_who_is_blocked_is_named_at_his_code(books: Books, own: Browser) -> None:
    registration.block(courier=books.courier, reason="冒领", actor="tests", at=clock.now())
    assert list(errors(own.post(GIVE, form(books)))) == ["courier"]


def test_who_may_not_give_has_no_page(books: Books, own: Browser) -> None:
    assert own.get(GIVE).status_code == 200
    nobody: list[tuple[Division | Station, list[str]]] = [
        (books.district, ["view", "audit"]),
        (books.station, ["counter", "manage"]),
        (make_subdistrict(), ["manage", "review"]),
    ]
    for number, (scope, duties) in enumerate(nobody):
        browser = desk(make_staff(f"nobody-{number}", scope=scope, duties=duties))
        assert browser.get(GIVE).status_code == browser.post(GIVE, form(books)).status_code == 403
    assert not Award.objects.exists()


def test_awards_are_read_by_the_district_that_paid_and_changed_by_nobody(books: Books, own: Browser) -> None:
    own.post(GIVE, form(books))
    award = Award.objects.get()
    away, city = desk(make_staff("away", scope=books.other)), desk(make_staff("city"))
    listed, page = reverse("admin:points_award_changelist"), reverse("admin:points_award_change", args=[award.pk])
    for browser, seen in ((own, True), (city, True), (away, False)):
        assert browser.get(listed).context["cl"].result_count == int(seen)
        assert browser.get(page).status_code == (200 if seen else 404)
        assert browser.post(page, {"points": 1}).status_code == 403
    shown = own.get(page).content.decode()
    assert reverse("admin:points_posting_change", args=[award.posting_id]) in shown
    assert "张**" in shown or "张*" in shown
    assert "张三丰" not in shown
    take_back = reverse("admin:points_posting_take_back", args=[award.posting_id])
    assert own.post(take_back, {"op_id": op(), "reason": "记错了人"}).status_code == 302
    assert own.get(f"{listed}?action=by-hand").context["cl"].result_count == 1
    assert own.get(f"{listed}?action=volunteer").context["cl"].result_count == 0


def test_awards_are_read_newest_first_and_found_by_a_member_code(books: Books, own: Browser) -> None:
    other = make_courier(district=books.district)
    for courier, points in ((books.courier, 10), (other, 20), (books.courier, 30)):
        own.post(GIVE, form(books, points, courier=courier.code))
    listed = reverse("admin:points_award_changelist")

    def shown(query: str = "") -> list[int]:
        return [award.points for award in own.get(listed, {"q": query}).context["cl"].result_list]

    assert shown() == [30, 20, 10] == [award.points for award in Award.objects.all()]
    assert shown(books.courier.code.lower()) == [30, 10]
    assert shown(other.code) == [20]
    assert shown("😀") == shown("00000000000") == []


def test_whoever_only_reviews_sees_no_way_into_the_ledger(books: Books, own: Browser) -> None:
    own.post(GIVE, form(books))
    award = Award.objects.get()
    reviews = desk(make_staff("reviews", scope=books.district, duties=["review"]))
    page = reviews.get(reverse("admin:points_award_change", args=[award.pk])).content.decode()
    assert reverse("admin:points_posting_change", args=[award.posting_id]) not in page


def test_a_courier_of_another_district_is_given_to_as_well(books: Books, own: Browser) -> None:
    stranger: Courier = make_courier(district=books.other)
    assert own.post(GIVE, form(books, courier=stranger.code.lower())).status_code == 302
    assert Award.objects.get().courier == stranger
    # His statement is his district's to read; no link leads there.
    page = own.get(reverse("admin:points_award_change", args=[Award.objects.get().pk])).content.decode()
    assert reverse("admin:points_courier_history", args=[stranger.pk]) not in page


# ── Rules and limits ────────────────────────────────────────────────────────────────────────────────────────────────


def test_rules_and_limits_are_made_by_the_city_as_new_versions(own: Browser) -> None:
    city = desk(make_staff("city"))
    today = clock.local_date(clock.now())
    tomorrow = today + timedelta(days=1)
    rule = {"action": "volunteer", "points": 30, "most_a_day": 2, "valid_from": today, "valid_through": ""}
    add = reverse("admin:points_earningrule_add")
    assert own.post(add, rule).status_code == 403
    assert city.get(add).status_code == 200
    assert city.post(add, rule).status_code == 302
    refused = errors(city.post(add, rule | {"points": 40}))
    assert f"{tomorrow}" in str(refused["valid_from"])
    assert city.post(add, rule | {"points": 40, "valid_from": tomorrow}).status_code == 302
    assert EarningRule.objects.count() == 2
    newest = EarningRule.objects.get(points=40)
    page = reverse("admin:points_earningrule_change", args=[newest.pk])
    for browser in (own, city):
        assert browser.get(page).status_code == 200
        assert browser.post(page, {"points": 1}).status_code == 403
    end = reverse("admin:points_earningrule_end", args=[newest.pk])
    assert own.post(end, {"last_day": tomorrow}).status_code == 403
    assert "last_day" in errors(city.post(end, {"last_day": today}))
    assert city.post(end, {"last_day": tomorrow}).status_code == 302
    limit = {"most_alone": 100, "most_a_day": 50, "valid_from": tomorrow}
    add = reverse("admin:points_awardlimit_add")
    assert own.post(add, limit).status_code == 403
    assert errors(city.post(add, limit))
    assert city.post(add, limit | {"most_a_day": 300}).status_code == 302
    states = city.get(reverse("admin:points_awardlimit_changelist")).content.decode()
    assert states.count("badge now-open") == 1
