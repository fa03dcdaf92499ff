"""补录: what was handed over while the network was down is entered once, at the price of that day, and marked for ever."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.errors import InvalidValue, NotFound
from core.models import AuditEvent, User
from couriers import membership, registration
from couriers.models import Courier
from points import cabinet, earning, expiring, late, ledger, merging, settlement, stock, suspicion, verifying
from points.admin import cabinet_sheet
from points.errors import (
    CourierNotMet,
    FormUnknown,
    GiftNotOffered,
    LateUnwitnessed,
    LimitReached,
    LineEntered,
    NotEnoughPoints,
    OperationReused,
    OutOfStock,
    PriceChanged,
)
from points.models import ExpiryRule, GiftPrice, Posting, Redemption
from stations.access import DutyMissing
from stations.models import Station
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import PRICE, Books, award, keep_books, op, order
from tests.points.test_admin import desk, said
from tests.points.test_admin_awards import PASSWORD, errors
from tests.proving import counted

pytestmark = pytest.mark.django_db

# The power went at NOON; it is entered the evening after.
LATER = NOON + timedelta(days=1, hours=6)


def open_since(station: Station) -> Station:
    Station.objects.filter(pk=station.pk).update(created_at=NOON - timedelta(days=90))
    station.refresh_from_db()
    return station


@pytest.fixture
def books() -> Books:
    books = keep_books()
    open_since(books.station)
    open_since(books.second)
    # `award` gives at NOON; he was there before.
    Courier.objects.update(registered_at=NOON - timedelta(days=60))
    return books


@pytest.fixture
def li(books: Books) -> User:
    return make_staff("li", scope=books.station, duties=["counter"])


@pytest.fixture
def wang(books: Books) -> User:
    return make_staff("wang", scope=books.station, duties=["counter"])


def form_of(books: Books) -> str:
    return late.new_form_no(books.station, at=NOON - timedelta(days=2))


def enter(books: Books, li: User, wang: User | None, **other: Any) -> Redemption:
    entry: dict[str, Any] = {
        "courier": books.courier, "gift": books.gift, "station": books.station, "points": PRICE, "happened_at": NOON,
        "form_no": other.pop("form_no", None) or form_of(books), "form_line": 1, "witness": wang, "op_id": op(), "actor": li, "at": LATER,
    }  # fmt: skip
    return late.record(**(entry | other))


# ── The form's number ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forms_number_is_read_back_however_it_is_typed_and_a_slip_is_found(books: Books) -> None:
    number = form_of(books)
    assert number != form_of(books)
    assert number.startswith(f"{books.station.code}-260608-")
    at_night = late.new_form_no(books.station, at=clock.local_midnight(NOON.date()))
    assert at_night.startswith(f"{books.station.code}-260610-")
    assert late.station_of(number) == books.station
    for typed in (number.lower(), f" {number} ", number.replace("-", "－")):
        assert late.read_form_no(typed) == number
    wrong = [
        number[:place] + ("3" if number[place] != "3" else "4") + number[place + 1 :]
        for place, symbol in enumerate(number)
        if symbol != "-" and place >= number.index("0")
    ]
    assert wrong
    assert [each for each in wrong if late.read_form_no(each) is not None] == []
    well_checked = (
        late._checked(f"{number[:-1]}7"),
        late._checked(f"{number[:-2]}."),
        late._checked(f"{number[:11]}261301-7KQ4M"),
    )
    for nonsense in ("", "x", "---", number[:-1], number.rsplit("-", 1)[1], *well_checked):
        with pytest.raises(FormUnknown):
            late.station_of(nonsense)


# ── What is entered ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_booked_as_it_happened_and_says_when_it_was_recorded(books: Books, li: User, wang: User) -> None:
    number, wish = form_of(books), op()
    done = enter(books, li, wang, form_no=number.lower(), form_line=3, op_id=wish, reason="停电")
    again = enter(books, li, wang, form_no=number, form_line=3, op_id=wish, reason="停电")
    assert again == done
    assert (done.form_no, done.form_line, done.is_late, done.status) == (number, 3, True, "handed-over")
    assert order(books).is_late is False
    posting = done.ordered
    assert (posting.occurred_at, posting.kind, posting.source) == (NOON, "redemption", f"{number}/3")
    assert posting.recorded_at > NOON
    assert (posting.actor_name, posting.approver_name, posting.reason) == ("li", "wang", "停电")
    assert done.ordered_at == done.ended_at == NOON
    assert ledger.balance_of(books.wallet) == 1_000 - 2 * PRICE
    assert stock.on_hand(books.gift, books.station) == 8
    event = AuditEvent.objects.get(kind="redemption.entered-late")
    assert (event.occurred_at, event.actor_name) == (LATER, "li")
    assert event.data["form"] == f"{number}/3"
    assert event.data["happened"] == NOON.isoformat()
    assert (late.entered(number), late.entered(form_of(books))) == ([done], [])
    assert list(verifying.broken_invariants()) == []


def test_a_line_is_entered_once_for_ever_and_the_refusal_says_by_whom(books: Books, li: User, wang: User) -> None:
    number = form_of(books)
    first = enter(books, li, wang, form_no=number)
    other = make_courier(at=NOON - timedelta(days=1))
    award(books, 500, courier=other)
    with pytest.raises(LineEntered) as refusal:
        enter(books, wang, li, form_no=number, courier=other)
    assert refusal.value.data["redemption"] == first.code
    assert refusal.value.data["by"] == "li"
    assert first.receipt_no in str(refusal.value)
    enter(books, wang, li, form_no=number, form_line=2)
    assert enter(books, wang, li).form_line == first.form_line, "of another form"
    assert ledger.balance_of(books.wallet) == 1_000 - 3 * PRICE
    # The database has the last word.
    with pytest.raises(IntegrityError), transaction.atomic():
        Redemption.objects.filter(form_line=2).update(form_line=1)
    for half in ({"form_line": None}, {"form_no": ""}, {"form_line": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Redemption.objects.filter(pk=first.pk).update(**half)


def test_the_same_number_does_not_stand_for_another_line(books: Books, li: User, wang: User) -> None:
    number, wish = form_of(books), op()
    enter(books, li, wang, form_no=number, op_id=wish)
    with pytest.raises(OperationReused):
        enter(books, li, wang, form_no=number, form_line=2, op_id=wish)
    assert Redemption.objects.count() == 1


def test_price_limit_and_offer_are_of_that_day(books: Books, li: User, wang: User) -> None:
    """The price went up at midnight, and the gift was withdrawn: what was handed over before cost what it cost."""
    day = NOON.date()
    GiftPrice.objects.update(valid_through=day)
    GiftPrice.objects.create(gift=books.gift, points=PRICE + 50, valid_from=day + timedelta(days=1))
    books.gift.is_offered = False
    books.gift.most_a_month = 2
    books.gift.save()
    Station.objects.filter(pk=books.station.pk).update(status="suspended")
    number = form_of(books)
    with pytest.raises(PriceChanged) as refusal:
        enter(books, li, wang, form_no=number, points=PRICE + 50)
    assert refusal.value.data["price"] == PRICE
    enter(books, li, wang, form_no=number)
    enter(books, li, wang, form_no=number, form_line=2, happened_at=NOON + timedelta(hours=1))
    with pytest.raises(LimitReached):
        enter(books, li, wang, form_no=number, form_line=3)
    GiftPrice.objects.filter(valid_through=day).update(valid_from=day)
    with pytest.raises(GiftNotOffered):
        enter(books, li, wang, form_no=number, form_line=4, happened_at=NOON - timedelta(days=1))


def test_the_limit_of_last_month_does_not_count_what_was_had_since(books: Books, li: User, wang: User) -> None:
    GiftPrice.objects.update(valid_from=NOON.date() - timedelta(days=90))
    books.gift.most_a_month = 1
    books.gift.save()
    june, may = clock.local_midnight(date(2026, 6, 1)), NOON.replace(month=5, day=30)
    had = order(books, at=june)
    number = late.new_form_no(books.station, at=may)
    done = enter(books, li, wang, form_no=number, happened_at=may, at=june + timedelta(hours=1))
    assert (had.status, done.status) == ("ordered", "handed-over")
    with pytest.raises(LimitReached):
        enter(books, li, wang, form_no=number, form_line=2, happened_at=may, at=june + timedelta(hours=1))
    with pytest.raises(LimitReached):
        enter(books, li, wang, form_no=number, form_line=2, happened_at=june, at=june + timedelta(hours=1))


@pytest.mark.parametrize(
    ("happened_at", "word"),
    [
        (LATER + timedelta(minutes=1), "还没到"),
        (LATER - late.WITHIN - timedelta(minutes=1), "7天"),
        (NOON - timedelta(days=3), "打印"),
    ],
    ids=["future", "too-long-ago", "before-the-form"],
)
def test_it_can_have_been_only_at_a_time_that_fits(
    books: Books, li: User, wang: User, happened_at: Any, word: str
) -> None:
    with pytest.raises(InvalidValue) as refusal:
        enter(books, li, wang, happened_at=happened_at)
    assert refusal.value.parameter == "happened_at"
    assert word in str(refusal.value.detail)
    for happened_at in (LATER, clock.local_midnight(NOON.date() - timedelta(days=2))):
        assert enter(books, li, wang, happened_at=happened_at).is_late


def test_not_before_the_station_or_the_courier_was_there(books: Books, li: User, wang: User) -> None:
    Station.objects.filter(pk=books.station.pk).update(created_at=NOON + timedelta(hours=1))
    books.station.refresh_from_db()
    with pytest.raises(InvalidValue) as refusal:
        enter(books, li, wang)
    assert "站点" in str(refusal.value.detail)
    # Opened long before it came into the program.
    Station.objects.filter(pk=books.station.pk).update(opened_on=NOON.date())
    books.station.refresh_from_db()
    Courier.objects.update(registered_at=NOON + timedelta(hours=1))
    with pytest.raises(InvalidValue) as refusal:
        enter(books, li, wang)
    assert "骑手" in str(refusal.value.detail)
    Courier.objects.update(registered_at=NOON)
    assert enter(books, li, wang).is_late
    # Or as a profile that was merged into his since.
    before = make_courier(at=NOON - timedelta(days=1))
    merging.merge(kept=books.courier, duplicate=before, reason="同一人", op_id=op(), actor="tests", at=LATER)
    Station.objects.filter(pk=books.station.pk).update(opened_on=NOON.date() - timedelta(days=1))
    books.station.refresh_from_db()
    assert enter(books, li, wang, happened_at=NOON - timedelta(hours=1)).is_late


def test_what_is_missing_now_is_refused_and_nothing_is_written(books: Books, li: User, wang: User) -> None:
    number = form_of(books)
    stranger = make_courier(at=NOON - timedelta(days=1))
    with pytest.raises(CourierNotMet):
        enter(books, li, wang, form_no=number, courier=stranger)
    poor = make_courier(at=NOON - timedelta(days=1))
    Courier.objects.filter(pk=poor.pk).update(status="active", verified_at=NOON, verified_by="tests")
    with pytest.raises(NotEnoughPoints) as short:
        enter(books, li, wang, form_no=number, courier=poor)
    assert short.value.data == {"balance": 0, "needed": PRICE}
    stock.count(
        gift=books.gift, station=books.station, found=0, witness="wang", reason="空了", op_id=op(), actor=li, at=LATER
    )
    with pytest.raises(OutOfStock):
        enter(books, li, wang, form_no=number)
    assert Redemption.objects.count() == 0
    assert Posting.objects.filter(kind="redemption").count() == 0


def test_two_people_of_this_counter_sign(books: Books, li: User, wang: User) -> None:
    number = form_of(books)
    for witness in (None, li):
        with pytest.raises(LateUnwitnessed):
            enter(books, li, witness, form_no=number)
    afar = make_staff("afar", scope=books.second, duties=["counter"])
    onlooker = make_staff("onlooker", scope=books.station, duties=["view"])
    for actor, witness in ((li, afar), (afar, li), (li, onlooker), (onlooker, li)):
        with pytest.raises((DutyMissing, NotFound)):
            enter(books, actor, witness, form_no=number)
    for unknown in (late.new_form_no(books.second, at=NOON), "x"):
        with pytest.raises(FormUnknown):
            enter(books, li, wang, form_no=unknown)
    for no_line in (0, late.LINES + 1, True):
        with pytest.raises(InvalidValue):
            enter(books, li, wang, form_no=number, form_line=no_line)
    assert enter(books, li, wang, form_no=number, form_line=late.LINES).is_late
    counted("T19", "paper forms signed by the wrong two, or of another counter", asked=6, booked=0)


# ── In the books ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("young", [0, PRICE])
def test_what_expired_meanwhile_is_spent_first(books: Books, li: User, wang: User, young: int) -> None:
    """Handed over on the last day of a month, entered on the first of the next: it takes what was the oldest then, however much
    else he has, and no more of him than if it had been entered at once."""
    GiftPrice.objects.update(valid_from=NOON.date() - timedelta(days=90))
    ExpiryRule.objects.create(months=1, valid_from=NOON.date())
    last, first = NOON.replace(month=7, day=31), NOON.replace(month=8, day=1)
    number = late.new_form_no(books.station, at=last)
    if young:
        earning.award_by_hand(
            courier=books.courier, points=young, district=books.district, reason="tests", op_id=op(), actor="tests", at=last
        )  # fmt: skip
    expiring.expire_due(now=first)
    assert ledger.balance_of(books.wallet) == young
    said: dict[str, Any] = {"form_no": number, "happened_at": last, "at": first, "op_id": op()}
    entered = enter(books, li, wang, **said)
    assert ledger.balance_of(books.wallet) == young
    assert enter(books, li, wang, **said) == entered
    # His old points pay for five lines of that day; the next takes the young ones, or is refused.
    for line in range(2, 6):
        enter(books, li, wang, **said | {"op_id": op(), "form_line": line})
    assert ledger.balance_of(books.wallet) == young
    assert sum(due.points for due in expiring.due(courier=books.courier, at=first)) == young
    if young:
        enter(books, li, wang, **said | {"op_id": op(), "form_line": 6})
    assert ledger.balance_of(books.wallet) == 0
    with pytest.raises(NotEnoughPoints):
        enter(books, li, wang, **said | {"op_id": op(), "form_line": 7})
    assert list(verifying.broken_invariants()) == []


def test_what_expired_before_it_happened_stays_expired(books: Books, li: User, wang: User) -> None:
    GiftPrice.objects.update(valid_from=NOON.date() - timedelta(days=90))
    ExpiryRule.objects.create(months=1, valid_from=NOON.date())
    first = NOON.replace(month=8, day=1)
    number = late.new_form_no(books.station, at=first)
    expiring.expire_due(now=first)
    with pytest.raises(NotEnoughPoints):
        enter(books, li, wang, form_no=number, happened_at=first, at=first)
    assert ledger.balance_of(books.wallet) == 0


def test_the_settlement_says_what_was_entered_late_and_what_after_the_month(books: Books, li: User, wang: User) -> None:
    number = form_of(books)
    entered = enter(books, li, wang, form_no=number)
    [june] = [row for row in settlement.settlement(month=NOON.date()) if row.district == books.district.code]
    # The database says when it was recorded: by its own clock the month of these tests is over, or is still to come.
    is_over = clock.now() >= clock.local_midnight(NOON.date().replace(month=7, day=1))
    assert (june.redeemed, june.late, june.after) == (PRICE, PRICE, PRICE if is_over else 0)
    order(books, at=NOON)
    [june] = [row for row in settlement.settlement(month=NOON.date()) if row.district == books.district.code]
    assert (june.redeemed, june.late) == (2 * PRICE, PRICE)
    page = desk(make_staff("audit", scope=books.district, duties=["audit"])).get(
        f"{reverse('admin:points_settlement')}?month=2026-06"
    )
    assert "补录" in page.content.decode()
    # What is taken back is taken off everywhere.
    ledger.reverse(posting=entered.ordered, reason="记错了", op_id=op(), actor="tests", at=LATER)
    [june] = [row for row in settlement.settlement(month=NOON.date()) if row.district == books.district.code]
    assert (june.redeemed, june.late, june.after) == (PRICE, 0, 0)


def test_who_stands_out_says_how_many_were_entered_late(books: Books, li: User, wang: User) -> None:
    award(books, 10_000)
    stock.receive(
        gift=books.gift, station=books.station, pieces=50, op_id=op(), actor="tests", at=NOON,
        delivery=stock.Delivery(document_no="R-2", unit_price_cny=1, funding="union"),  # type: ignore[arg-type]
    )  # fmt: skip
    number = form_of(books)
    for line in range(1, 13):
        enter(books, li, wang, form_no=number, form_line=line)
    pairs = suspicion.stand_out(since=NOON - timedelta(days=1), until=LATER)
    assert pairs
    assert {(each.deed, each.times, each.late) for each in pairs} == {("handover", 12, 12)}


# ── The pages ───────────────────────────────────────────────────────────────────────────────────────────────────────


PAGE = "/admin/points/late/"


@pytest.fixture
def today() -> Books:
    """The same town, which was there before, and now."""
    books = keep_books()
    now = clock.now()
    Courier.objects.update(registered_at=now - timedelta(days=60))
    Station.objects.update(created_at=now - timedelta(days=60))
    return books


def typed(books: Books, **other: Any) -> dict[str, Any]:
    happened = clock.to_local(clock.now() - timedelta(hours=3))
    return {
        "op_id": op(), "line": 1, "day": f"{happened:%Y-%m-%d}", "hour": f"{happened:%H:%M}", "who": books.courier.code,
        "gift": books.gift.pk, "points": PRICE, "second_name": "wang", "second_password": PASSWORD,
    } | other  # fmt: skip


def test_line_after_line_at_the_desk(today: Books) -> None:
    make_staff("wang", scope=today.station, duties=["counter"])
    steward = desk(make_staff("li", scope=today.station, duties=["counter"]))
    sheet = steward.get(reverse("admin:points_late_form", args=[today.station.pk]))
    assert sheet.headers["Cache-Control"].startswith("private, no-store")
    number = late.new_form_no(today.station, at=clock.now() - timedelta(days=1))
    here = f"{PAGE}?form={number}"
    form = typed(today)
    answers = [steward.post(here, form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert said(answers[1]).endswith(said(answers[0]))
    done = Redemption.objects.get()
    assert done.receipt_no in said(answers[0])
    page = steward.get(here)
    assert page.context["form"].initial["line"] == 2
    assert page.context["form"].initial["second_name"] == "wang"
    assert done.receipt_no in page.content.decode()
    # The same line, another wish; another price; a colleague who cannot sign; nobody signs; somebody else's card.
    refused = {
        "line": typed(today), "points": typed(today, line=2, points=PRICE + 1),
        "second_password": typed(today, line=2, second_password="wrong"), "second_name": typed(today, line=2, second_name=""),
        "last_four": typed(today, line=2, last_four="0000"), "who": typed(today, line=2, who="7" * 11),
    }  # fmt: skip
    for field, form in refused.items():
        assert field in errors(steward.post(here, form)), field
    assert f"那一天的价格是 {PRICE} 分" in str(errors(steward.post(here, refused["points"])))
    assert Redemption.objects.count() == 1
    assert steward.post(here, typed(today, line=2)).status_code == 302
    # The mark is everywhere.
    listed = "/admin/points/redemption/"
    for address in (listed, f"{listed}?late=1", f"{listed}{done.pk}/change/"):
        assert "补录" in steward.get(address).content.decode(), address
    assert steward.get(f"{listed}?late=1").context["cl"].result_count == 2
    city = desk(make_staff("city"))
    assert "补录" in city.get(reverse("admin:points_courier_history", args=[today.courier.pk])).content.decode()


@pytest.mark.parametrize("how", ["replaced", "merged"])
def test_the_card_that_he_showed_then_is_his_whatever_card_he_has_now(today: Books, how: str) -> None:
    make_staff("wang", scope=today.station, duties=["counter"])
    steward = desk(make_staff("li", scope=today.station, duties=["counter"]))
    here = f"{PAGE}?form={late.new_form_no(today.station, at=clock.now() - timedelta(days=2))}"
    shown, since, now = today.courier.code, clock.now() - timedelta(hours=2), clock.now()
    if how == "replaced":
        membership.replace_card(courier=today.courier, reason="丢了", actor="tests", at=since)
        owner = today.courier
    else:
        owner = make_courier(at=now - timedelta(days=30))
        registration.verify(courier=owner, actor="tests", at=now)
        merging.merge(
            kept=owner, duplicate=today.courier, reason="同一人", op_id=op(), actor="tests", at=since
        )  # fmt: skip
    form = typed(today, who=shown)
    after = clock.to_local(now - timedelta(hours=1))
    refused = errors(steward.post(here, form | {"day": f"{after:%Y-%m-%d}", "hour": f"{after:%H:%M}"}))
    assert "这张卡已补办" in str(refused["who"])
    if how == "merged":
        assert "换过号的" in str(errors(steward.post(here, form | {"last_four": "0000"}))["last_four"])
    assert steward.post(here, form).status_code == 302
    assert Redemption.objects.get().courier == owner


def test_a_new_courier_is_entered_where_somebody_has_seen_who_he_is(today: Books) -> None:
    make_staff("wang", scope=today.station, duties=["counter"])
    steward = desk(make_staff("li", scope=today.station, duties=["counter"]))
    stranger = make_courier(at=clock.now() - timedelta(days=2))
    ledger.post(
        kind="award", moves=[(today.fund, -500), (ledger.wallet(stranger), 500)], op_id=op(), actor="tests", at=NOON
    )
    here = f"{PAGE}?form={late.new_form_no(today.station, at=clock.now())}"
    # Just now, and today, as the form was printed today.
    form = typed(today, who=stranger.code)
    now = clock.now()
    happened = clock.to_local(max(now - timedelta(minutes=1), clock.local_midnight(clock.local_date(now))))
    form |= {"day": f"{happened:%Y-%m-%d}", "hour": f"{happened:%H:%M}"}
    assert "met" in errors(steward.post(here, form))
    stranger.refresh_from_db()
    assert stranger.status == "unverified"
    assert steward.post(here, form | {"op_id": op(), "met": "on"}).status_code == 302
    stranger.refresh_from_db()
    assert stranger.status == "active"


def test_a_form_of_another_station_is_one_that_does_not_exist(today: Books) -> None:
    steward = desk(make_staff("li", scope=today.station, duties=["counter"]))
    away = late.new_form_no(today.second, at=clock.now())
    other = away[:-1] + ("0" if away[-1] != "0" else "1")
    pages = [steward.get(f"{PAGE}?form={number}") for number in (away, other)]
    assert [page.status_code for page in pages] == [200, 200]
    assert errors(pages[0]) == errors(pages[1])
    viewer = desk(make_staff("viewer", scope=today.district, duties=["view"]))
    elsewhere = desk(make_staff("elsewhere", scope=today.other))
    for name in ("late_form", "cabinet_sheet"):
        address = reverse(f"admin:points_{name}", args=[today.station.pk])
        assert steward.get(address).status_code == 200
        assert viewer.get(address).status_code == 403
        assert elsewhere.get(address).status_code == 404
        assert Browser().get(address).status_code == 302
        assert (
            address in steward.get(reverse("admin:stations_station_change", args=[today.station.pk])).content.decode()
        )
    assert viewer.get(PAGE).status_code == 403
    assert PAGE in steward.get("/admin/points/redemption/").content.decode()


def test_the_sheet_beside_the_cabinet_carries_its_key_and_what_its_gifts_cost(
    today: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []

    def draw(text: str) -> str:
        drawn.append(text)
        return ""

    monkeypatch.setattr(cabinet_sheet, "qr_svg", draw)
    steward = desk(make_staff("li", scope=today.station, duties=["counter"]))
    page = steward.get(reverse("admin:points_cabinet_sheet", args=[today.station.pk]))
    assert page.headers["Cache-Control"].startswith("private, no-store")
    assert [each.rsplit("/c/", 1)[1] for each in drawn] == [f"{cabinet.token_of(today.station)}/"]
    [price] = page.context["prices"]
    assert (price.gift, price.points) == (today.gift, PRICE)
    assert today.station.name in page.content.decode()
