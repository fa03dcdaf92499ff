"""The office's desk for points: every door does its one thing once, refuses with a reason, and knows no foreign district."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse
from django.utils.html import escape

from core import clock
from core.models import AuditEvent
from points import funds, gifts, stock
from points.forms.stock import STEPS
from points.models import Award, AwardLimit, Dispute, EarningRule, Entry, ExpiryRule, Gift, Posting, Seal
from stations.models import Station
from tests.builders import NOON, make_staff, make_station, make_subdistrict
from tests.points.books import Books, award, keep_books, live_in, op, order
from tests.stations.views.pages import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books()


def desk(user: Any) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def own(books: Books) -> Browser:
    return desk(make_staff("own", scope=books.district))


@pytest.fixture
def away(books: Books) -> Browser:
    return desk(make_staff("away", scope=books.other))


@pytest.fixture
def looks_on(books: Books) -> Browser:
    return desk(make_staff("looks-on", scope=books.district, duties=["view", "audit"]))


@pytest.fixture
def city(books: Books) -> Browser:  # noqa: ARG001
    return desk(make_staff("city"))


def page_of(gift: Gift, step: str = "") -> str:
    if step:
        return reverse("admin:points_gift_stock", args=[gift.pk, step])
    return reverse("admin:points_gift_change", args=[gift.pk])


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def facts(**other: Any) -> dict[str, Any]:
    return {"code": "wc-soap", "division": "420106", "name": "洗手液", "name_en": "", "is_offered": "on"} | other


def test_the_menu_of_a_street_leads_to_no_list_that_is_kept_by_districts(books: Books, own: Browser) -> None:
    lists = [f'href="{reverse(f"admin:points_{name}_changelist")}"' for name in ("gift", "posting", "entry")]
    street = desk(make_staff("street", scope=books.station.division))
    seen = [[each in browser.get("/admin/").content.decode() for each in lists] for browser in (own, street)]
    assert seen == [[True] * 3, [False] * 3]


# ── Gifts and prices ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gift_is_registered_and_changed_with_its_trail(own: Browser) -> None:
    assert own.post(reverse("admin:points_gift_add"), facts(division="420104")).status_code == 200
    assert own.post(reverse("admin:points_gift_add"), facts()).status_code == 302
    gift = Gift.objects.get(code="wc-soap")
    assert own.post(page_of(gift), facts(name="香皂", is_offered="", most_a_month="2")).status_code == 302
    gift.refresh_from_db()
    assert (gift.name, gift.is_offered, gift.most_a_month) == ("香皂", False, 2)
    kinds = AuditEvent.objects.filter(subject_type="gift").values_list("kind", flat=True)
    assert sorted(kinds) == ["gift.changed", "gift.registered"]
    assert "香皂" in own.get(reverse("admin:points_gift_history", args=[gift.pk])).content.decode()


def test_a_new_price_ends_the_one_before(books: Books, own: Browser) -> None:
    books.gift.prices.all().delete()
    address, today = reverse("admin:points_gift_price", args=[books.gift.pk]), clock.local_date(clock.now())
    assert own.post(address, {"points": "1500", "valid_from": today}).status_code == 302
    later = today + timedelta(days=10)
    assert own.post(address, {"points": "1200", "valid_from": later}).status_code == 302
    first, second = books.gift.prices.order_by("valid_from")
    assert (first.valid_through, second.points, second.valid_through) == (later - timedelta(days=1), 1200, None)
    assert AuditEvent.objects.filter(kind="gift.priced").count() == 2
    assert own.post(address, {"points": "9", "valid_from": today - timedelta(days=1)}).context["form"].errors
    # What was typed wrong is put right by another of the same day, and the page says until when the new one lasts.
    told = own.post(address, {"points": "150", "valid_from": today}, follow=True).content.decode()
    assert f"{later - timedelta(days=1)}" in told
    assert own.post(address, {"points": "1000", "valid_from": later}).status_code == 302
    assert list(books.gift.prices.order_by("valid_from").values_list("points", flat=True)) == [150, 1000]


@pytest.mark.parametrize("step", ["", "price", "receive", "move", "count", "scrap"])
def test_a_foreign_gift_is_a_missing_one(books: Books, away: Browser, looks_on: Browser, step: str) -> None:
    address = reverse("admin:points_gift_price", args=[books.gift.pk]) if step == "price" else page_of(books.gift, step)
    assert away.get(address).status_code == 404
    assert away.post(address, {"op_id": op()}).status_code == 404
    assert looks_on.get(address).status_code == (403 if step else 200)
    assert looks_on.post(address, {"op_id": op()}).status_code == 403


def test_who_may_only_look_is_shown_the_gift_and_asked_for_nothing(
    books: Books, own: Browser, looks_on: Browser
) -> None:
    ways = [reverse("admin:points_gift_price", args=[books.gift.pk]), *(page_of(books.gift, step) for step in STEPS)]
    shown = looks_on.get(page_of(books.gift)).content.decode()
    assert "雨伞" in shown
    assert "None" not in shown
    assert [way for way in ways if way in shown] == []
    assert {looks_on.get(way).status_code for way in ways} == {403}
    mine = own.get(page_of(books.gift)).content.decode()
    assert [way for way in [*ways, 'name="new_photo"'] if way not in mine] == []
    # Who keeps the cabinets and not the list changes what is in them, and no price.
    keeper = desk(make_staff("keeper", scope=books.district, duties=["counter"]))
    kept = keeper.get(page_of(books.gift)).content.decode()
    assert [way for way in ways if way in kept] == ways[1:]


def test_who_keeps_less_than_a_district_is_not_led_to_its_settlement(books: Books, own: Browser) -> None:
    settlement, postings = reverse("admin:points_settlement"), reverse("admin:points_posting_changelist")
    street = desk(make_staff("street", scope=books.station.division))
    assert street.get(settlement).status_code == 403
    assert settlement not in street.get(postings).content.decode()
    assert settlement in own.get(postings).content.decode()


def test_whoever_keeps_a_part_of_a_district_keeps_none_of_its_gifts(books: Books) -> None:
    part = desk(make_staff("part", scope=make_subdistrict(district=books.district)))
    assert part.get(page_of(books.gift)).status_code == 404
    assert part.get(reverse("admin:points_gift_add")).status_code == 403


# ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def form_of(books: Books, step: str, **other: Any) -> dict[str, Any]:
    forms: dict[str, dict[str, Any]] = {
        "receive": {
            "pieces": 5,
            "document_no": "R-9",
            "unit_price_cny": "3.20",
            "funding": "donation",
            "donor": "某公司",
        },
        "move": {"pieces": 4, "target": books.second.pk},
        "count": {"found": 7, "witness": "王监盘", "reason": "少了三把"},
        "scrap": {"pieces": 1, "reason": "断了骨"},
    }
    return {"op_id": op(), "station": books.station.pk} | forms[step] | other


@pytest.mark.parametrize(("step", "left"), [("receive", 15), ("move", 6), ("count", 7), ("scrap", 9)])
def test_a_double_tap_is_one_posting_and_reads_the_same(books: Books, own: Browser, step: str, left: int) -> None:
    shown = own.get(page_of(books.gift, step)).content.decode()
    assert re.search(r'name="op_id" value="[0-9a-f-]{36}"', shown)
    before, form = Posting.objects.count(), form_of(books, step)
    answers = [own.post(page_of(books.gift, step), form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert stock.on_hand(books.gift, books.station) == left
    assert Posting.objects.count() == before + 1
    assert str(left) in said(answers[0])
    assert said(answers[1]).endswith(said(answers[0]))


@pytest.mark.parametrize(
    ("step", "wrong", "field", "told"),
    [
        ("receive", {"pieces": 0}, "pieces", ""),
        ("receive", {"donor": ""}, "donor", "捐赠"),
        ("receive", {"funding": "luck"}, "funding", ""),
        ("move", {"pieces": 11}, "pieces", "10"),
        ("count", {"witness": "own"}, "witness", ""),
        ("count", {"reason": ""}, "reason", ""),
        ("count", {"found": -1}, "found", ""),
        ("scrap", {"pieces": 11}, "pieces", "10"),
        ("scrap", {"pieces": "1.5"}, "pieces", ""),
    ],
)
def test_a_refusal_stands_at_its_field_and_nothing_moves(
    books: Books, own: Browser, step: str, wrong: dict[str, Any], field: str, told: str
) -> None:
    before = Posting.objects.count()
    refused = own.post(page_of(books.gift, step), form_of(books, step, **wrong))
    assert refused.status_code == 200
    assert list(refused.context["form"].errors) == [field]
    assert told in str(refused.context["form"].errors)
    assert Posting.objects.count() == before
    assert own.post(page_of(books.gift, step), form_of(books, step)).status_code == 302


@pytest.mark.parametrize("step", ["receive", "move", "count", "scrap"])
def test_a_foreign_station_is_no_choice(books: Books, own: Browser, city: Browser, step: str) -> None:
    foreign = make_station(code="WH-QK-0001", division=books.other)
    for browser in (own, city):
        offered = browser.get(page_of(books.gift, step)).context["form"].fields["station"].queryset
        assert foreign not in offered
        refused = browser.post(page_of(books.gift, step), form_of(books, step, station=foreign.pk))
        assert "station" in refused.context["form"].errors


@pytest.mark.parametrize("step", STEPS)
def test_the_few_stations_with_a_cabinet_come_first(books: Books, own: Browser, step: str) -> None:
    Station.objects.filter(pk=books.second.pk).update(name="阿站")
    Station.objects.filter(pk=books.station.pk).update(name="做站")
    make_station(name="八站")
    offered = own.get(page_of(books.gift, step)).context["form"].fields["station"].queryset
    assert [station.name for station in offered] == ["做站", "八站", "阿站"]


def test_whoever_counts_does_not_see_what_the_ledger_expects(books: Books, own: Browser) -> None:
    stock.receive(
        gift=books.gift, station=books.station, pieces=8_765,
        delivery=stock.Delivery(document_no="R", unit_price_cny=Decimal(1), funding="union"), op_id=op(), actor="tests", at=NOON,
    )  # fmt: skip
    order(books)
    shown = own.get(page_of(books.gift)).content.decode()
    assert "<td>8774</td><td>1</td>" in shown
    assert "8774" not in own.get(page_of(books.gift, "count")).content.decode()


def receipt(books: Books, document_no: str, funding: str = "union", donor: str = "") -> Posting:
    delivery = stock.Delivery(document_no=document_no, unit_price_cny=Decimal("12.50"), funding=funding, donor=donor)
    posted = stock.receive(
        gift=books.gift, station=books.station, pieces=2, delivery=delivery, op_id=op(), actor="tests", at=NOON
    )
    return Posting.objects.get(pk=posted.posting_id)


def test_a_delivery_says_what_a_piece_cost_and_who_paid(books: Books, own: Browser) -> None:
    given = receipt(books, "R-7", funding="donation", donor="某乳业公司")
    page = own.get(reverse("admin:points_posting_change", args=[given.pk])).content.decode()
    assert [told for told in ("12.50", "捐赠 · 某乳业公司") if told not in page] == []
    other = own.get(reverse("admin:points_posting_change", args=[award(books, 10).pk])).content.decode()
    assert "单价" not in other


def test_a_posting_is_found_by_its_number_and_by_the_document_of_a_delivery(
    books: Books, own: Browser, away: Browser
) -> None:
    wanted = receipt(books, "收字2026-11号")
    receipt(books, "收字2026-12号")
    listed = reverse("admin:points_posting_changelist")
    for term in ("2026-11", "收字2026-11号", str(wanted.pk)):
        assert list(own.get(listed, {"q": term}).context["cl"].queryset) == [wanted]
        assert not away.get(listed, {"q": term}).context["cl"].queryset
    assert not own.get(listed, {"q": "没有这张"}).context["cl"].queryset


# ── Funds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_city_allocates_once_and_a_district_only_looks(books: Books, city: Browser, own: Browser) -> None:
    address = reverse("admin:points_fund_allocate")
    form = {"op_id": op(), "district": books.other.code, "points": 500, "source": "武财〔2026〕2号"}
    answers = [city.post(address, form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert funds.balance(books.other.code) == 500
    assert city.post(address, form | {"op_id": op(), "points": 0}).context["form"].errors
    assert own.get(address).status_code == own.post(address, form | {"op_id": op()}).status_code == 403
    listed = reverse("admin:points_fund_list")
    rows = city.get(listed).context["funds"]
    assert [(row["allocated"], row["spent"], row["left"]) for row in rows] == [(500, 0, 500), (100_000, 1_000, 99_000)]
    assert len(own.get(listed).context["funds"]) == 1


# ── The ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_ledger_is_read_within_ones_district_and_changed_by_nobody(
    books: Books, own: Browser, away: Browser, city: Browser
) -> None:
    posting = award(books, 10)
    page = reverse("admin:points_posting_change", args=[posting.pk])
    for browser, seen in ((own, True), (away, False), (city, True)):
        listed = browser.get(reverse("admin:points_posting_changelist"))
        assert listed.context["cl"].result_count == (4 if seen else 0)
        assert browser.get(page).status_code == (200 if seen else 404)
        assert browser.post(page, {"kind": "order"}).status_code == 403
    assert books.courier.code in own.get(page).content.decode()
    assert away.get(reverse("admin:points_entry_changelist")).context["cl"].result_count == 0
    assert own.get(reverse("admin:points_entry_changelist")).context["cl"].result_count == 8
    for door in ("posting", "entry"):
        headed = own.get(reverse(f"admin:points_{door}_changelist")).content.decode()
        assert (">编号<" in headed, ">ID<" in headed) == (True, False), door
    for door in ("posting", "entry", "seal"):
        assert city.get(reverse(f"admin:points_{door}_add")).status_code == 403
    assert city.get(reverse("admin:points_posting_delete", args=[posting.pk])).status_code == 403


def test_a_posting_is_taken_back_once_with_a_reason(
    books: Books, own: Browser, away: Browser, looks_on: Browser
) -> None:
    posting = award(books, 10)
    address = reverse("admin:points_posting_take_back", args=[posting.pk])
    form = {"op_id": op(), "reason": "记错了人"}
    assert away.post(address, form).status_code == 404
    assert looks_on.post(address, form).status_code == 403
    assert own.post(address, form | {"reason": ""}).context["form"].errors
    assert own.get(address).status_code == 200
    answers = [own.post(address, form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert Posting.objects.get(reverses=posting).reason == "记错了人"
    again = own.post(address, form | {"op_id": op()})
    assert "已" in str(again.context["form"].errors)
    assert AuditEvent.objects.filter(kind="posting.reversed").count() == 1


def test_what_is_taken_back_says_so_in_one_word(books: Books, own: Browser) -> None:
    posting = award(books, 10)
    page, awards = reverse("admin:points_posting_change", args=[posting.pk]), reverse("admin:points_award_changelist")
    told = text(own.get(page).content.decode())
    assert "冲销: 冲销" in told, "a label and the button beside it, of what stands still"
    assert "第二人:" in told
    assert "已冲销" not in text(own.get(awards).content.decode())
    own.post(reverse("admin:points_posting_take_back", args=[posting.pk]), {"op_id": op(), "reason": "记错了人"})
    assert "已冲销" in text(own.get(awards).content.decode())
    history = reverse("admin:points_courier_history", args=[books.courier.pk])
    assert "奖励 已撤回" in text(own.get(history).content.decode())


def test_what_is_spent_meanwhile_is_not_taken_back(books: Books, own: Browser) -> None:
    posting = Posting.objects.get(kind="receipt")
    stock.scrap(gift=books.gift, station=books.station, pieces=4, reason="坏", op_id=op(), actor="tests", at=NOON)
    address = reverse("admin:points_posting_take_back", args=[posting.pk])
    refused = own.post(address, {"op_id": op(), "reason": "退货"})
    assert "6" in str(refused.context["form"].errors)
    assert "10" in str(refused.context["form"].errors)
    assert "等又有这么多时再冲销" in text(refused.content.decode())
    assert not Posting.objects.filter(reverses=posting).exists()


def test_taking_back_is_offered_to_those_who_may(books: Books, own: Browser, looks_on: Browser, city: Browser) -> None:
    given, allocation = award(books, 50), Posting.objects.get(kind="allocation")

    def offered(browser: Browser, posting: Posting) -> bool:
        page = browser.get(reverse("admin:points_posting_change", args=[posting.pk]))
        assert page.status_code == 200
        return reverse("admin:points_posting_take_back", args=[posting.pk]) in page.content.decode()

    assert [offered(browser, given) for browser in (own, city, looks_on)] == [True, True, False]
    assert [offered(browser, allocation) for browser in (own, city, looks_on)] == [False, True, False]


def test_the_citys_allocation_is_the_citys_to_take_back(own: Browser, city: Browser) -> None:
    posting = Posting.objects.get(kind="allocation")
    address = reverse("admin:points_posting_take_back", args=[posting.pk])
    assert own.post(address, {"op_id": op(), "reason": "x"}).status_code == 403
    refused = city.post(address, {"op_id": op(), "reason": "x"})
    assert "99000" in str(refused.context["form"].errors)


def test_seals_are_the_citys_to_read(city: Browser, own: Browser) -> None:
    Seal.objects.create(number=1, postings=1, digest="0" * 64, sealed_at=NOON)
    assert city.get(reverse("admin:points_seal_changelist")).status_code == 200
    assert own.get(reverse("admin:points_seal_changelist")).status_code == 403


def test_a_page_is_headed_in_words_and_not_by_a_code(books: Books, city: Browser) -> None:
    live_in(books, rows=1)
    for model in (Posting, Entry, Award, AwardLimit, ExpiryRule, EarningRule, Seal, Dispute, AuditEvent):
        row = model._default_manager.latest("pk")
        page = city.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
        title = str(page.context["title"])
        assert not re.search("[a-z]", title), title
        assert page.content.decode().count(escape(title)) >= 2, "at its end of the way back as well"


def test_the_trail_says_it_in_words(books: Books, city: Browser) -> None:
    gifts.set_price(gift=books.gift, points=15, valid_from=NOON.date(), actor="tests", at=NOON)
    trail = city.get(reverse("admin:core_auditevent_changelist")).content.decode()
    for kind in ("stock.received", "fund.allocated", "gift.priced"):
        assert kind not in trail
    assert "雨伞" in trail
