"""The papers agree with the ledger and show nothing outside the reader's scope, and a count sheet shows nothing of the books."""

import io
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.db.models import Sum
from django.urls import reverse

from core import clock
from couriers import privacy
from points import ledger, papers, passes, redemption, stock
from points.models import Account, Entry, Gift, GiftPrice, Redemption
from points.papers import Held, Span
from points.redemption import Presence
from points.settlement import settlement
from stations.models import Division, StaffRole, Station
from tests.builders import NOON, make_staff, make_station, make_subdistrict
from tests.points.books import ACTOR, PRICE, Books, keep_books, op, order
from tests.points.test_admin import desk
from tests.points.test_formulas import STORED, of_workbook, require_no_formula

pytestmark = pytest.mark.django_db

TODAY = Span.of_day(NOON.date())
MONTH = Span.of_month(NOON.date())
YESTERDAY, TOMORROW = NOON - timedelta(days=1), NOON + timedelta(days=1)


@pytest.fixture
def books() -> Books:
    return keep_books(points=10_000, pieces=20)


def take(books: Books, *, at: datetime, gift: Gift | None = None, station: Station | None = None) -> Redemption:
    """Handed over at once, against the pass."""
    digits = passes.issue(courier=books.courier, at=at)
    return redemption.redeem(
        courier=books.courier, gift=gift or books.gift, station=station or books.station, points=PRICE, op_id=op(), actor=ACTOR,
        presence=Presence(digits=digits), at=at,
    )  # fmt: skip


def fetch(books: Books, found: Redemption, *, at: datetime) -> Redemption:
    digits = passes.issue(courier=books.courier, at=at)
    return redemption.hand_over(redemption=found, presence=Presence(digits=digits), op_id=op(), actor=ACTOR, at=at)


def receive(gift: Gift, station: Station, pieces: int, *, at: datetime) -> None:
    paper = stock.Delivery(document_no="R-2", unit_price_cny=Decimal(5), funding="union")
    stock.receive(gift=gift, station=station, pieces=pieces, delivery=paper, op_id=op(), actor=ACTOR, at=at)


@pytest.fixture
def lively(books: Books) -> Books:
    """Days in which everything happens that can happen to a gift, at two stations, around midnight too."""
    soap = Gift.objects.create(code="wc-soap", division=books.district, name="香皂")
    GiftPrice.objects.create(gift=soap, points=PRICE, valid_from=NOON.date() - timedelta(days=30))
    receive(soap, books.second, 9, at=NOON)
    early = order(books, at=NOON)  # ordered on the first day, fetched on the next
    gone = order(books, at=NOON)  # ordered on the first day, cancelled on the next
    order(books, at=NOON + timedelta(minutes=5))  # waits
    take(books, at=NOON)
    take(books, gift=soap, station=books.second, at=TODAY.ends - timedelta(microseconds=1))
    take(books, gift=soap, station=books.second, at=TODAY.ends)
    fetch(books, early, at=TOMORROW)
    redemption.cancel(redemption=gone, reason="x", op_id=op(), actor=ACTOR, at=TOMORROW)
    fetch(books, order(books, at=TOMORROW), at=TOMORROW)
    stock.move(
        gift=books.gift, source=books.station, target=books.second, pieces=4, op_id=op(), actor=ACTOR, at=TOMORROW
    )
    stock.scrap(gift=books.gift, station=books.second, pieces=1, reason="x", op_id=op(), actor=ACTOR, at=TOMORROW)
    stock.count(
        gift=soap, station=books.second, found=5, witness="王监盘", reason="x", op_id=op(), actor=ACTOR, at=TOMORROW
    )
    return books


NEXT = Span.of_day(TOMORROW.date())


@pytest.mark.parametrize("span", [TODAY, NEXT, MONTH], ids=lambda span: span.text)
def test_the_register_is_what_the_books_took_in_and_what_left_the_cabinets(lively: Books, span: Span) -> None:
    district = lively.district
    found = papers.register(place=district, span=span)
    lines = list(papers.handed_over(place=district, span=span))
    assert lines
    assert (found.pieces, found.points) == (len(lines), sum(line.points for line in lines))
    # The account, asked without the register.
    moved = Entry.objects.filter(posting__occurred_at__gte=span.begins, posting__occurred_at__lt=span.ends)
    redeemed = moved.filter(account__kind="redeemed", account__division=district).aggregate(sum=Sum("amount"))["sum"]
    assert found.agreement.holds
    assert found.agreement.in_the_books == redeemed
    assert found.agreement.handed_over == found.points
    handed_out = moved.filter(account__kind="handed-out").aggregate(sum=Sum("amount"))["sum"]
    assert found.pieces == handed_out
    held = papers.stock_between(place=district, begins=span.begins, ends=span.ends)
    assert sum(each.handed_out for each in held.values()) == handed_out
    # What the stations say comes to what the district says, each cabinet as its own register.
    for station in (lively.station, lively.second):
        own = papers.register(place=station, span=span)
        assert own.agreement.holds
        assert own.pieces == sum(each.handed_out for (_gift, at), each in held.items() if at == station.pk)
    stations = [papers.register(place=each, span=span) for each in (lively.station, lively.second)]
    assert sum(each.points for each in stations) == found.points
    assert sum(each.agreement.in_the_books for each in stations) == redeemed


def test_the_month_is_that_of_the_settlement(lively: Books) -> None:
    [row] = [row for row in settlement(month=NOON.date()) if row.district == lively.district.code]
    agreement = papers.agreement(place=lively.district, span=MONTH)
    assert agreement.in_the_books == row.redeemed
    assert row.redeemed == 6 * PRICE  # five handed over, and one that waits


def test_a_day_says_what_was_paid_before_and_what_waits(lively: Books) -> None:
    today, following = (papers.agreement(place=lively.station, span=span) for span in (TODAY, NEXT))
    assert (today.handed_over, today.paid_before, today.set_aside, today.given_back) == (PRICE, 0, 3 * PRICE, 0)
    assert (following.handed_over, following.paid_before, following.set_aside, following.given_back) == (
        2 * PRICE, PRICE, 0, PRICE,
    )  # fmt: skip


def test_a_register_that_does_not_agree_says_so(lively: Books) -> None:
    assert papers.agreement(place=lively.station, span=TODAY).holds
    Redemption.objects.filter(ended_at=NOON).update(points=PRICE + 1)
    assert not papers.agreement(place=lively.station, span=TODAY).holds


@pytest.mark.parametrize("span", [TODAY, NEXT, MONTH], ids=lambda span: span.text)
def test_the_stock_sheet_adds_up(lively: Books, span: Span) -> None:
    rows = papers.stock_of(place=lively.district, span=span)
    assert rows
    for _gift, _station, held in rows:
        flows = held.received + held.moved - held.handed_out - held.scrapped + held.difference
        assert held.opening + flows == held.closing
    total = papers.summed(held for _gift, _station, held in rows)
    assert total.moved == 0
    assert total.handed_out == papers.register(place=lively.district, span=span).pieces


def test_the_stock_at_the_end_is_the_balance_of_the_accounts_and_the_next_day_begins_with_it(lively: Books) -> None:
    for gift, station, held in papers.stock_of(place=lively.district, span=NEXT):
        balances = {
            account.kind: account.balance
            for account in Account.objects.filter(gift=gift, station=station, kind__in=["stock", "reserve"])
        }
        assert held.free == balances["stock"] == ledger.balance_of(ledger.stock(gift, station))
        assert held.set_aside == balances.get("reserve", 0)
    today = {(g, s): held for g, s, held in papers.stock_of(place=lively.district, span=TODAY)}
    for gift, station, held in papers.stock_of(place=lively.district, span=NEXT):
        assert held.opening == today.get((gift, station), Held()).closing


def test_the_columns_of_one_cabinet_by_hand(lively: Books) -> None:
    rows = {(gift.code, station.pk): held for gift, station, held in papers.stock_of(place=lively.district, span=NEXT)}
    assert rows["wc-umbrella", lively.station.pk] == Held(opening=19, moved=-4, handed_out=2, closing=13, set_aside=1)
    assert rows["wc-umbrella", lively.second.pk] == Held(moved=4, scrapped=1, closing=3)
    assert rows["wc-soap", lively.second.pk] == Held(opening=8, handed_out=1, difference=-2, closing=5)
    [(_gift, _station, first)] = papers.stock_of(place=lively.station, span=TODAY)
    assert first == Held(received=20, handed_out=1, closing=19, set_aside=3)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-06-10", TODAY),
        ("2026-06", MONTH),
        ("2026-06-11", None),
        ("2026-07", None),
        ("2026-13", None),
        ("1999-12", None),
        ("x", None),
        ("", None),
    ],
)
def test_a_day_or_a_month_is_read(text: str, found: Span | None) -> None:
    assert Span.read(text, today=NOON.date()) == found


def test_a_month_is_over_with_its_last_night() -> None:
    december = Span.read("2025-12", today=NOON.date())
    assert december
    assert (december.begins, december.ends) == (
        clock.local_midnight(december.first),
        clock.local_midnight(december.first, days=31),
    )


# ── The pages ───────────────────────────────────────────────────────────────────────────────────────────────────────

REGISTER, STOCK, COUNT = (reverse(f"admin:points_papers_{name}") for name in ("register", "stock", "count"))
PAPERS = reverse("admin:points_papers")
ON = NOON.date().isoformat()


def test_the_register_is_masked_and_carries_what_an_office_asks_for(lively: Books) -> None:
    own = desk(make_staff("own", scope=lively.district))
    shown = own.get(f"{REGISTER}?place={lively.station.code}&on={ON}")
    page = shown.content.decode()
    [line] = shown.context["lines"]
    found = Redemption.objects.get(ended_at=NOON)
    person = privacy.masked(found.courier)
    assert (line["code"], line["person"], line["card"]) == (
        found.receipt_no,
        person.name or "—",
        found.courier.code[-4:],
    )
    assert found.courier.code not in page
    assert (line["points"], line["by"], line["second"]) == (PRICE, ACTOR, "")
    for said in (lively.station.name, "雨伞", "签"):
        assert said in page
    assert shown["Cache-Control"].count("no-store") == 1


def test_a_hand_over_without_a_pass_names_the_second_person(books: Books) -> None:
    second = make_staff("second", scope=books.station, duties=["counter"])
    redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor=ACTOR, at=NOON,
        presence=Presence(witness=second, reason="phone is dead"),
    )  # fmt: skip
    take(books, at=NOON + timedelta(minutes=1))
    fetch(books, order(books, at=NOON), at=NOON + timedelta(minutes=2))
    shown = desk(make_staff("city")).get(f"{REGISTER}?place={books.station.code}&on={ON}")
    assert [line["second"] for line in shown.context["lines"]] == ["second", "", ""]
    proofs = [line["proof"] for line in shown.context["lines"]]
    assert len(set(proofs)) == 3


def test_what_was_entered_late_is_marked(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    take(books, at=NOON)
    own = desk(make_staff("own", scope=books.district))
    address = f"{REGISTER}?place={books.station.code}&on={ON}"
    [line] = own.get(address).context["lines"]
    assert line["notes"] == []
    monkeypatch.setattr(Redemption, "is_late", True, raising=False)
    monkeypatch.setattr("points.papers._late_among", lambda found: found.count())
    shown = own.get(address)
    [line] = shown.context["lines"]
    assert (len(line["notes"]), shown.context["sums"].late) == (1, 1)


def test_the_workbooks_say_what_the_pages_say(lively: Books) -> None:
    own = desk(make_staff("own", scope=lively.district))

    def sheets(address: str) -> list[list[tuple[Any, ...]]]:
        answer: Any = own.get(f"{address}&format=xlsx")
        book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
        return [list(sheet.iter_rows(values_only=True)) for sheet in book]

    lines, sums = sheets(f"{REGISTER}?place={lively.district.code}&on=2026-06")
    assert len(lines) == 1 + 5
    assert sum(row[7] for row in lines[1:]) == 5 * PRICE
    assert sums[-1][2] == 6 * PRICE
    page = own.get(f"{REGISTER}?place={lively.district.code}&on=2026-06")
    told = [f"{clock.to_local(line['at']):%Y-%m-%d %H:%M}" for line in page.context["lines"]]
    assert [f"{row[2]:%Y-%m-%d %H:%M}" for row in lines[1:]] == told
    assert all(said in page.content.decode() for said in told)
    cabinets, gifts = sheets(f"{STOCK}?place={lively.district.code}&on=2026-06")
    assert sorted(row[8] for row in cabinets[1:]) == [3, 5, 13]
    assert sorted(row[8] for row in gifts[1:]) == [5, 16]


def test_names_begin_no_formula_in_the_workbooks(books: Books) -> None:
    take(books, at=NOON)
    city = desk(make_staff())
    pages = [f"{REGISTER}?on=2026-06&", f"{STOCK}?on=2026-06&", f"{COUNT}?"]
    for said in STORED[::5]:
        Gift.objects.filter(pk=books.gift.pk).update(name=said)
        for page in pages:
            answer: Any = city.get(f"{page}place={books.station.code}&format=xlsx")
            texts = list(of_workbook(b"".join(answer.streaming_content)))
            assert len(texts) > 4
            require_no_formula(texts, "registers, stock and count sheets")


def test_a_count_sheet_says_what_waits_for_orders_and_not_what_the_books_expect(books: Books) -> None:
    receive(books.gift, books.station, 8_765, at=NOON)
    for _each in range(3):
        order(books)
    none = Gift.objects.create(code="wc-none", division=books.district, name="没有的")
    Gift.objects.create(code="wc-old", division=books.district, name="从前的", is_offered=False)
    own = desk(make_staff("own", scope=books.district))
    page = own.get(f"{COUNT}?place={books.station.code}").content.decode()
    assert "8785" in own.get(f"{STOCK}?place={books.station.code}&on={ON}").content.decode()
    assert not {"8785", "8782"} & set(re.findall(r"\d+", page))
    # A gift that there is none of stands there like the others.
    row = re.compile(r"<tr><td class=\"number\">\d+</td><th scope=\"row\">[^<]+</th>(.*?)</tr>")
    assert sorted(re.sub(r'<td class="code">[^<]*</td>', "", each) for each in row.findall(page)) == [
        f'<td class="number">{aside}</td><td class="to-sign"></td><td class="to-sign"></td>' for aside in (0, 3)
    ]
    assert none.name in page
    assert "从前的" not in page
    answer: Any = own.get(f"{COUNT}?place={books.station.code}&format=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    told = {cell.value for row in book.active.iter_rows() for cell in row}
    assert {"给预订留着", 3} <= told
    assert not {8785, 8782} & told
    assert own.get(f"{COUNT}?place={books.district.code}").status_code == 404


def test_papers_are_cut_to_the_scope(lively: Books) -> None:
    away = make_station(code="WH-QK-0001", division=lively.other)
    # Of one station only: the district's papers are not his, nor another station's.
    keeper = desk(make_staff("keeper", scope=lively.station, duties=["counter"]))
    for page in (REGISTER, STOCK):
        assert keeper.get(f"{page}?place={lively.station.code}&on={ON}").status_code == 200
        for code in (lively.district.code, lively.second.code, away.code, "nothing"):
            assert keeper.get(f"{page}?place={code}&on={ON}").status_code == 404
    own = desk(make_staff("own", scope=lively.district))
    assert own.get(f"{REGISTER}?place={lively.district.code}").status_code == 200
    assert own.get(f"{REGISTER}?place={lively.other.code}").status_code == 404
    assert own.get(f"{COUNT}?place={away.code}").status_code == 404
    assert lively.second.name in own.get(PAPERS).content.decode()
    shown = keeper.get(PAPERS)
    assert [each.code for each in shown.context["stations"]] == [lively.station.code]
    assert list(shown.context["districts"]) == []
    assert keeper.get(f"{PAPERS}?place={lively.second.code}").status_code == 404
    assert "结算" not in keeper.get(f"{PAPERS}?place={lively.station.code}").content.decode()
    nobody = make_staff("nobody", scope=lively.station)
    StaffRole.objects.filter(user=nobody).delete()
    for page in (PAPERS, f"{REGISTER}?place={lively.station.code}"):
        assert desk(nobody).get(page).status_code == 403


def test_the_few_stations_with_a_cabinet_come_first(books: Books) -> None:
    make_station(name="0")
    shown = desk(make_staff("own", scope=books.district)).get(PAPERS).context["stations"]
    assert [station.pk for station in shown][::2] == [books.station.pk, books.second.pk]


def test_the_menu_leads_there_and_every_page_is_reached(lively: Books) -> None:
    own = desk(make_staff("own", scope=lively.district))
    assert f'href="{PAPERS}"' in own.get(reverse("admin:index")).content.decode()
    for place in (lively.station.code, lively.district.code):
        page = own.get(f"{PAPERS}?place={place}").content.decode()
        for address in (REGISTER, STOCK, reverse("admin:points_settlement")):
            assert address in page
        assert (COUNT in page) == (place == lively.station.code)
    # Below a district there are stations to choose, and no plan.
    part = make_subdistrict(district=Division.objects.get(pk=lively.district.pk))
    index = desk(make_staff("part", scope=part)).get(reverse("admin:index")).content.decode()
    assert PAPERS in index
    assert reverse("admin:points_plan") not in index


def test_where_nothing_was_handed_over_the_papers_say_so(books: Books) -> None:
    city = desk(make_staff())
    shown = city.get(f"{REGISTER}?place={books.second.code}&on={ON}")
    assert shown.context["lines"] == []
    assert 'class="empty"' in shown.content.decode()
    assert 'class="empty"' in city.get(f"{STOCK}?place={books.second.code}&on={ON}").content.decode()
    assert (
        city.get(f"{REGISTER}?place={books.station.code}&on=x").context["span"].text
        == f"{clock.local_date(clock.now())}"
    )


def test_a_long_register_is_cut_and_says_so(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    for minute in range(3):
        take(books, at=NOON + timedelta(minutes=minute))
    monkeypatch.setattr("points.admin.papers.MOST_LINES", 2)
    city = desk(make_staff())
    shown = city.get(f"{REGISTER}?place={books.station.code}&on={ON}")
    assert (len(shown.context["lines"]), shown.context["sums"].pieces) == (2, 3)
    assert 'class="warning"' in shown.content.decode()
