"""The auditor's pages: each shows what it must, to those who audit, about their own districts only."""

import re
from datetime import date, timedelta
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from core import audit, clock
from couriers import membership, privacy
from couriers.models import Courier
from points import earning, ledger, merging, passes, redemption, reversing, sampling
from points.models import Gift, LedgerCheck, Redemption
from points.redemption import Presence
from stations.access import Scope
from stations.models import Station
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import PRICE, Books, award, keep_books, op, order
from tests.points.test_admin import desk
from tests.points.test_formulas import STORED, of_workbook, require_no_formula

pytestmark = pytest.mark.django_db

INDEX = "/admin/points/ledgercheck/"
SAMPLE, DEEDS, REVEALS = (f"/admin/points/audit/{name}/" for name in ("sample", "deeds", "reveals"))
SPAN = "first=2026-06-01&last=2026-06-30"
PAGES = [INDEX, SAMPLE, f"{SAMPLE}?{SPAN}&seed=7", DEEDS, f"{DEEDS}?who=ming&{SPAN}"]


@pytest.fixture
def books() -> Books:
    return keep_books(points=50_000, pieces=60)


@pytest.fixture
def auditor(books: Books) -> Browser:
    return desk(make_staff("auditor", scope=books.district, duties=["audit"]))


@pytest.fixture
def away(books: Books) -> Browser:
    return desk(make_staff("away", scope=books.other, duties=["audit", "manage"]))


def hand_over(
    books: Books, *, times: int = 1, actor: Any = "tests", station: Station | None = None
) -> list[Redemption]:
    return [
        redemption.redeem(
            courier=books.courier, gift=books.gift, station=station or books.station, points=PRICE, op_id=op(), actor=actor,
            at=NOON, presence=Presence(digits=passes.issue(courier=books.courier, at=NOON)),
        )
        for _each in range(times)
    ]  # fmt: skip


def answered(browser: Browser, address: str) -> tuple[int, bytes]:
    """Status and body, in which the page names its own address."""
    answer = browser.get(address)
    own = (address.encode(), quote(address, safe="").encode())
    return answer.status_code, answer.content.replace(own[0], b"").replace(own[1], b"")


def codes(page: Any) -> list[str]:
    return [line["redemption"].code for line in page.context["lines"]]


# ── Who comes in ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("address", PAGES)
def test_the_pages_are_for_those_who_audit_or_manage_a_district(books: Books, auditor: Browser, address: str) -> None:
    manages = desk(make_staff("manages", scope=books.district, duties=["manage"]))
    reviews = desk(make_staff("reviews", scope=books.district, duties=["review", "counter"]))
    steward = desk(make_staff("steward", scope=books.station, duties=["manage", "audit"]))
    answers = [browser.get(address).status_code for browser in (auditor, manages, reviews, steward)]
    assert answers == [200, 200, 403, 403]


def test_the_menu_leads_to_audit_and_audit_to_all_the_rest(books: Books, auditor: Browser) -> None:
    menu = auditor.get("/admin/").content.decode()
    assert re.search(rf'href="{INDEX}"[^>]*>审计<', menu)
    page = auditor.get(INDEX).content.decode()
    for name in ("stand_out", "sample", "deeds", "reveals", "redemption_changelist", "settlement"):
        address = reverse(f"admin:points_{name}")
        assert f'href="{address}"' in page
        assert auditor.get(address).status_code == 200
    steward = desk(make_staff("steward", scope=books.station, duties=["counter", "audit"]))
    assert INDEX not in steward.get("/admin/").content.decode()


def test_reveals_are_for_those_who_audit_alone(books: Books, auditor: Browser) -> None:
    manages = desk(make_staff("manages", scope=books.district, duties=["manage", "review"]))
    for browser, status in ((auditor, 200), (manages, 403)):
        assert browser.get(REVEALS).status_code == status
        assert (f'href="{REVEALS}"' in browser.get(INDEX).content.decode()) is (status == 200)


# ── Checks of the books ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_button_asks_once_and_leads_to_a_page_that_says_how_far_it_is(books: Books, auditor: Browser) -> None:
    answer: list[Any] = [auditor.post(f"{INDEX}ask/", {"district": books.district.pk}) for _tap in range(2)]
    check = LedgerCheck.objects.get()
    assert {each.url for each in answer} == {f"{INDEX}{check.pk}/change/"}
    assert (check.division, check.asked_by) == (books.district, "auditor")
    waits = auditor.get(answer[0].url).content.decode()
    assert 'data-state="waits"' in waits
    assert "progress.js" in waits
    LedgerCheck.objects.update(started_at=NOON, attempts=1)
    assert 'data-state="runs"' in auditor.get(answer[0].url).content.decode()
    LedgerCheck.objects.update(
        finished_at=NOON + timedelta(seconds=9), postings=4321, entries=9876, seal_number=17, seal_digest="ab" * 32,
        found={"I2": [3, [["account %s holds %s, its entries come to %s, the last says %s", 5, 7, 8, 8]]]},
    )  # fmt: skip
    page = auditor.get(answer[0].url)
    text = page.content.decode()
    assert "progress.js" not in text
    for said in ("4321", "9876", ">9.0<", "ab" * 32, "账户5的余额为7，分录合计为8", "auditor"):
        assert said in text
    assert [(line.code, line.number) for line in page.context["lines"]] == [
        (f"I{number}", 3 if number == 2 else 0) for number in range(1, 13)
    ]


def test_nobody_asks_for_or_sees_another_districts_check_nor_a_district_the_citys(
    books: Books, auditor: Browser, away: Browser
) -> None:
    own = LedgerCheck.objects.create(division=books.district, asked_by="x", asked_at=NOON)
    whole = LedgerCheck.objects.create(asked_by="x", asked_at=NOON)
    assert auditor.get(f"{INDEX}{own.pk}/change/").status_code == 200
    for browser, check in ((away, own), (auditor, whole)):
        refused = answered(browser, f"{INDEX}{check.pk}/change/")
        assert refused[0] == 404
        assert refused == answered(browser, f"{INDEX}999999/change/")
    assert [each[0] for each in auditor.get(INDEX).context["checks"]] == [own]
    assert [each[0] for each in desk(make_staff("city")).get(INDEX).context["checks"]] == [whole, own]
    assert away.post(f"{INDEX}ask/", {"district": books.district.pk}).status_code == 404
    assert away.post(f"{INDEX}ask/", {"district": ""}).status_code == 403
    assert auditor.get(f"{INDEX}ask/").status_code == 403
    assert LedgerCheck.objects.count() == 2


# ── Drawn at random ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_number_draws_the_same_and_another_others(books: Books, auditor: Browser) -> None:
    hand_over(books, times=30)
    order(books)  # that waits was not handed over
    first = auditor.get(f"{SAMPLE}?{SPAN}&number=5&seed=7")
    assert len(set(codes(first))) == 5
    assert codes(auditor.get(f"{SAMPLE}?{SPAN}&number=5&seed=7")) == codes(first)
    assert codes(auditor.get(f"{SAMPLE}?{SPAN}&number=9&seed=7"))[:5] == codes(first)
    assert codes(auditor.get(f"{SAMPLE}?{SPAN}&number=5&seed=8")) != codes(first)
    assert len(codes(auditor.get(f"{SAMPLE}?{SPAN}&number=100&seed=7"))) == 30
    assert codes(auditor.get(f"{SAMPLE}?first=2026-06-11&last=2026-06-30&seed=7")) == []


def test_every_hand_over_is_as_likely_as_any_other(books: Books) -> None:
    done = hand_over(books, times=20)
    said: dict[str, Any] = {"number": 5, "first": date(2026, 6, 10), "last": date(2026, 6, 10)}
    drawn = [each.code for seed in range(200) for each in sampling.draw(seed=f"{seed}", scope=Scope(("",)), **said)]
    # Each is expected 50 times; 25 off would be four standard deviations.
    assert all(25 < drawn.count(each.code) < 75 for each in done)


def test_without_a_number_the_server_chooses_one(books: Books, auditor: Browser) -> None:
    hand_over(books)
    assert auditor.get(SAMPLE).context["is_drawn"] is False
    answers: list[Any] = [auditor.get(f"{SAMPLE}?{SPAN}&number=5&seed=") for _each in range(2)]
    seeds = [re.search(r"seed=([0-9a-f]{8})$", each.url) for each in answers]
    assert all(seeds)
    assert answers[0].url != answers[1].url
    page = auditor.get(answers[0].url).content.decode()
    assert seeds[0] is not None
    assert seeds[0][1] in page


def test_a_draw_is_of_the_readers_districts_alone(books: Books, auditor: Browser, away: Browser) -> None:
    (done,) = hand_over(books)
    assert codes(auditor.get(f"{SAMPLE}?{SPAN}&seed=7")) == [done.code]
    assert codes(auditor.get(f"{SAMPLE}?{SPAN}&seed=7&district={books.district.pk}")) == [done.code]
    assert codes(away.get(f"{SAMPLE}?{SPAN}&seed=7")) == []
    refused = away.get(f"{SAMPLE}?{SPAN}&seed=7&district={books.district.pk}")
    assert refused.context["is_drawn"] is False
    city = desk(make_staff("city"))
    assert codes(city.get(f"{SAMPLE}?{SPAN}&seed=7&district={books.other.pk}")) == []
    assert codes(city.get(f"{SAMPLE}?{SPAN}&seed=7")) == [done.code]


def test_a_drawn_courier_is_masked_with_the_way_to_his_phone_for_those_who_may_ask(
    books: Books, auditor: Browser
) -> None:
    hand_over(books)
    person = privacy.masked(books.courier)
    manages = desk(make_staff("manages", scope=books.district, duties=["manage"]))
    reveal = reverse("admin:couriers_courier_reveal", args=[books.courier.pk])
    for browser, leads in ((auditor, False), (manages, True)):
        text = browser.get(f"{SAMPLE}?{SPAN}&seed=7").content.decode()
        assert person.phone in text
        assert (f'href="{reveal}"' in text) is leads
    assert manages.get(reveal).status_code == 200


def test_whose_profile_was_merged_since_is_called_under_the_one_that_goes_on(books: Books) -> None:
    hand_over(books)
    goes_on = make_courier()
    merging.merge(kept=goes_on, duplicate=books.courier, reason="同一人", op_id=op(), actor="tests", at=NOON)
    manages = desk(make_staff("manages", scope=books.district, duties=["manage"]))
    shown = manages.get(f"{SAMPLE}?{SPAN}&seed=7").content.decode()
    assert privacy.masked(goes_on).phone in shown
    assert reverse("admin:couriers_courier_reveal", args=[goes_on.pk]) in shown


def test_a_draw_is_taken_along_as_a_workbook(books: Books, auditor: Browser) -> None:
    (done,) = hand_over(books, actor=make_staff("ming", scope=books.station, duties=["counter"]))
    answer: Any = auditor.get(f"{SAMPLE}?{SPAN}&seed=7&format=xlsx")
    rows = list(load_workbook(BytesIO(b"".join(answer.streaming_content))).active.iter_rows(values_only=True))
    assert len(rows) == 2
    assert (rows[1][0], rows[1][4], rows[1][5]) == (done.receipt_no, PRICE, "ming")
    assert done.ended_at is not None
    assert rows[1][1] == clock.to_local(done.ended_at).replace(tzinfo=None, microsecond=0)


def test_names_begin_no_formula_in_a_draw(books: Books, auditor: Browser) -> None:
    hand_over(books)
    for said in STORED[::5]:
        Gift.objects.filter(pk=books.gift.pk).update(name=said)
        Station.objects.filter(pk=books.station.pk).update(name=said)
        answer: Any = auditor.get(f"{SAMPLE}?{SPAN}&seed=7&format=xlsx")
        texts = list(of_workbook(b"".join(answer.streaming_content)))
        assert len(texts) > 9
        require_no_formula(texts, "hand-overs drawn at random")


@pytest.mark.parametrize(
    "query",
    [
        "first=2026-06-30&last=2026-06-01", "first=2024-01-01&last=2026-06-01", "first=x&last=y",
        "first=0001-01-01&last=0001-01-02", "first=9999-12-01&last=9999-12-31",
    ],
)  # fmt: skip
@pytest.mark.parametrize("address", [SAMPLE, DEEDS, REVEALS])
def test_days_that_are_none_are_said_to_be_none(books: Books, auditor: Browser, address: str, query: str) -> None:  # noqa: ARG001
    page = auditor.get(f"{address}?{query}&seed=7&who=ming")
    assert page.status_code == 200
    assert page.context["form"].errors


# ── What one did ────────────────────────────────────────────────────────────────────────────────────────────────────


def deeds_of(browser: Browser, query: str = "who=ming") -> Any:
    return browser.get(f"{DEEDS}?{query}&{SPAN}").context


def test_what_one_did_is_counted_by_kind_and_listed_newest_first(books: Books, auditor: Browser) -> None:
    ming: Any = make_staff("ming", scope=books.district, duties=["manage", "review", "counter"])
    hand_over(books, times=2, actor=ming)
    given = award(books, 5, actor=ming)
    reversing.take_back(posting=given, reason="x", op_id=op(), actor=ming, at=NOON)
    privacy.reveal(courier=books.courier, reason="回访", actor=ming, at=NOON)
    hand_over(books, actor=make_staff("fang", scope=books.district, duties=["counter"]))
    said = deeds_of(auditor)
    kinds = [each["event"].kind for each in said["events"]]
    assert kinds == [
        "courier.revealed", "posting.reversed", "points.awarded", "redemption.handed-over", "redemption.handed-over"
    ]  # fmt: skip
    assert {each["number"] for each in said["kinds"]} == {1, 2}
    assert said["total"] == 5
    assert [each["event"].kind for each in deeds_of(auditor, "who=ming&kind=points.awarded")["events"]] == [
        "points.awarded"
    ]
    assert deeds_of(auditor, "who=nobody")["total"] == 0


def test_the_page_opens_with_the_last_days_and_no_error(auditor: Browser) -> None:
    opened = auditor.get(DEEDS)
    assert not opened.context["form"].errors
    assert "errorlist" not in opened.content.decode()
    assert f'value="{clock.local_date(clock.now()):%Y-%m-%d}"' in opened.content.decode()
    assert auditor.get(f"{DEEDS}?who=&{SPAN}").context["form"].errors["who"], "asked for without a name"


def test_what_was_done_elsewhere_is_not_said(books: Books, auditor: Browser, away: Browser) -> None:
    """A member of staff with duties in two districts: each sees its own half, the city sees all."""
    ming: Any = make_staff("ming", is_superuser=True)
    stranger = make_courier(district=books.other)
    hand_over(books, actor=ming)
    award(books, 5, actor=ming, courier=stranger)  # given by 武昌 to a courier of 硚口
    privacy.reveal(courier=stranger, reason="x", actor=ming, at=NOON)
    audit.record("station.changed", subject=("station", books.station.code), actor=ming, at=NOON)
    audit.record("division.changed", subject=("division", books.other.code), actor=ming, at=NOON)
    own, other, city = (
        {each["event"].kind for each in deeds_of(browser)["events"]}
        for browser in (auditor, away, desk(make_staff("city")))
    )
    assert own == {"redemption.handed-over", "points.awarded", "station.changed"}
    assert other == {"courier.revealed", "points.awarded", "division.changed"}
    assert city == own | other


def test_what_gives_a_courier_another_code_is_one_deed(books: Books, auditor: Browser) -> None:
    ming = make_staff("ming", is_superuser=True)
    membership.replace_card(courier=books.courier, reason="丢失", actor=ming, at=NOON)
    merging.merge(kept=books.courier, duplicate=make_courier(), reason="重复", op_id=op(), actor=ming, at=NOON)
    deeds = deeds_of(auditor)
    assert sorted(each["event"].kind for each in deeds["events"]) == ["courier.card-replaced", "courier.merged"]
    assert deeds["total"] == 2


def test_a_reversal_is_told_to_the_district_whose_books_it_moved(books: Books, auditor: Browser, away: Browser) -> None:
    ming = make_staff("ming", is_superuser=True)
    ledger.reverse(posting=award(books, 5), reason="x", op_id=op(), actor=ming, at=NOON)
    assert [each["event"].kind for each in deeds_of(auditor)["events"]] == ["posting.reversed"]
    assert deeds_of(away)["total"] == 0


def test_deeds_are_leafed_through_without_a_gap_and_counted_no_further_than_told(
    books: Books, auditor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    ming = make_staff("ming", scope=books.district)
    for _each in range(7):
        audit.record("station.changed", subject=("station", books.station.code), actor=ming, at=NOON)
    monkeypatch.setattr("points.admin.looking_back.A_PAGE", 3)
    monkeypatch.setattr("points.admin.looking_back.MOST_COUNTED", 5)
    seen, query = [], f"?who=ming&{SPAN}"
    while query:
        said = auditor.get(DEEDS + query).context
        seen += [each["event"].pk for each in said["events"]]
        query = said["older"]
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7
    assert (said["total"], said["is_cut"]) == (5, True)
    with CaptureQueriesContext(connection) as asked:
        auditor.get(f"{DEEDS}?who=ming&{SPAN}")
    assert not [each for each in asked.captured_queries if "COUNT(" in each["sql"]]


# ── Whose name and phone was shown ──────────────────────────────────────────────────────────────────────────────────


def test_reveals_say_who_whom_when_and_why_each_district_its_own(books: Books, auditor: Browser, away: Browser) -> None:
    ming = make_staff("ming", is_superuser=True)
    now = clock.now()
    privacy.reveal(courier=books.courier, reason="回访抽查", actor=ming, at=now)
    privacy.access_copy(courier=books.courier, reason="本人要求", actor=ming, at=now)
    stranger = make_courier(district=books.other)
    privacy.reveal(courier=stranger, reason="外区", actor=ming, at=now)
    found = auditor.get(REVEALS).context["events"]
    assert [(each["by"], each["event"].subject_code, each["reason"]) for each in found] == [
        ("ming", books.courier.code, "本人要求"), ("ming", books.courier.code, "回访抽查")
    ]  # fmt: skip
    assert found[0]["courier"] == reverse("admin:couriers_courier_change", args=[books.courier.pk])
    assert [each["reason"] for each in away.get(REVEALS).context["events"]] == ["外区"]
    assert auditor.get(f"{REVEALS}?who=fang").context["events"] == []
    # Under a card that was replaced since, it is his still.
    membership.replace_card(courier=Courier.objects.get(pk=books.courier.pk), reason="丢了", actor=ming, at=now)
    assert len(auditor.get(REVEALS).context["events"]) == 2


# ── Receipt slips ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slip_has_two_copies_and_no_full_name(books: Books) -> None:
    ming = make_staff("ming", scope=books.station, duties=["counter"])
    (done,) = hand_over(books, actor=ming)
    page = desk(ming).get(reverse("admin:points_redemption_change", args=[done.pk])).content.decode()
    address = reverse("admin:points_slip", args=[done.pk])
    assert address in page
    slip = desk(ming).get(address).content.decode()
    assert slip.count('class="slip"') == 2
    # The number as it stands on both screens, which one compares it with.
    assert f"领取编号</dt><dd>{done.receipt_no}</dd>" in page
    for said in (done.receipt_no, "雨伞", "ming", privacy.masked(books.courier).phone):
        assert slip.count(said) >= 2
    assert privacy.access_copy(courier=books.courier, reason="x", actor="tests", at=NOON)["phone"] not in slip


def test_what_is_foreign_and_what_was_not_handed_over_has_no_slip(books: Books, away: Browser) -> None:
    (done,) = hand_over(books)
    elsewhere = desk(make_staff("elsewhere", scope=books.second, duties=["counter"]))
    here = desk(make_staff("here", scope=books.station, duties=["counter"]))
    address, nowhere = (reverse("admin:points_slip", args=[pk]) for pk in (done.pk, 999_999))
    assert here.get(address).status_code == 200
    for browser in (away, elsewhere):
        assert answered(browser, address)[0] == 404
        assert answered(browser, address) == answered(browser, nowhere)
    waits = order(books)
    assert here.get(reverse("admin:points_slip", args=[waits.pk])).status_code == 404
    assert "/slips/" not in here.get(reverse("admin:points_redemption_change", args=[waits.pk])).content.decode()


def test_who_stands_out_leads_to_what_he_did(books: Books, auditor: Browser) -> None:
    for _each in range(12):
        for actor, whom in (("li", books.courier), ("li", make_courier()), ("wang", make_courier())):
            earning.award_by_hand(
                courier=whom, points=50, district=books.district, reason="x", op_id=op(), actor=actor, at=clock.now()
            )
    text = auditor.get("/admin/points/standing-out/").content.decode()
    assert f'href="{DEEDS}?who=li"' in text
