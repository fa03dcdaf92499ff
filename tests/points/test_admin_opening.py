"""The desk's door to 期初: a page of a paper ledger, all its lines or none, signed by a second person."""

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from couriers import finding, registration
from couriers.models import Courier
from points import ledger, verifying
from points.models import Posting
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, Books, keep_books, op
from tests.points.test_admin import desk

pytestmark = pytest.mark.django_db
PASSWORD = "just-for-tests"


@pytest.fixture
def books() -> Books:
    return keep_books(points=0)


@pytest.fixture
def other(books: Books) -> Courier:  # noqa: ARG001
    return make_courier(phone="15488880000")


@pytest.fixture
def own(books: Books) -> Browser:
    make_staff("wang", scope=books.district, duties=["manage"])
    make_staff("zhao", scope=books.district, duties=["review"])
    return desk(make_staff("own", scope=books.district, duties=["manage"]))


def form(books: Books, *lines: str, **changes: Any) -> dict[str, Any]:
    return {
        "op_id": str(op()), "district": books.district.code, "document": "武昌纸质台账 2025 第3页", "lines": "\r\n".join(lines),
        "second_name": "wang", "second_password": PASSWORD,
    } | changes  # fmt: skip


def post(browser: Browser, data: dict[str, Any]) -> Any:
    return browser.post(reverse("admin:points_opening"), data)


def balance(courier: Courier) -> int:
    return ledger.balance_of(ledger.wallet(courier))


def test_a_page_is_taken_over_by_two(books: Books, own: Browser, other: Courier) -> None:
    listed = own.get(reverse("admin:points_posting_changelist")).content.decode()
    assert reverse("admin:points_opening") in listed
    page = form(books, f"{books.courier.code}\t１，３８０", "", "154 8888 0000  20分")
    answer = post(own, page)
    assert answer.status_code == 302
    assert (balance(books.courier), balance(other)) == (1_380, 20)
    assert set(Posting.objects.values_list("kind", "actor_name", "approver_name", "source").filter(kind="opening")) == {
        ("opening", "own", "wang", "武昌纸质台账 2025 第3页")
    }
    assert "2笔期初" in own.get(answer["Location"]).content.decode()
    # Sent once more nothing is added.
    assert post(own, page | {"op_id": str(op())}).status_code == 302
    assert (balance(books.courier), balance(other)) == (1_380, 20)
    assert list(verifying.broken_invariants()) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("15488880000", "第2行：请写会员码或手机号，空一格，再写积分"),
        ("十分", "第2行：请写会员码"),
        ("ABC 20", "第2行：“ABC”既不是会员码，也不是手机号"),
        ("15488880000 1,20", "第2行：“15488880000 1”既不是会员码"),
        ("15400000000 20", "第2行："),
        ("15488880000 0", "第2行："),
        ("15488880000 9999999999", "第2行："),
        ("CODE 20", "第2行：这名骑手在第1行已经有了"),
        ("15488880000 21", "第2行："),  # opened already, with another number
    ],
    ids=["no points", "no courier", "neither", "no thousand", "unknown", "zero", "too many", "twice", "opened before"],
)
def test_one_wrong_line_leaves_all_of_them_out_and_is_named(
    books: Books, own: Browser, other: Courier, line: str, said: str
) -> None:
    if line.endswith(" 21"):
        assert post(own, form(books, "15488880000 20")).status_code == 302
    before = balance(other)
    answer = post(own, form(books, f"{books.courier.code} 380", line.replace("CODE", books.courier.code)))
    assert answer.status_code == 200
    assert said in str(answer.context["form"].errors["lines"])
    assert (balance(books.courier), balance(other)) == (0, before)
    assert post(own, form(books, f"{books.courier.code} 380")).status_code == 302


def test_all_wrong_lines_are_named_at_once(books: Books, own: Browser, other: Courier) -> None:
    registration.block(courier=other, reason="x", actor=ACTOR, at=NOON)
    assert post(own, form(books, f"{books.courier.code} 380")).status_code == 302
    answer = post(own, form(books, f"{books.courier.code} 20", "15488880000 20"))
    said = str(answer.context["form"].errors["lines"])
    assert "第1行：" in said
    assert "第2行：" in said


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"second_name": "", "second_password": ""}, "second_name"),
        ({"second_name": "own"}, "second_name"),
        ({"second_name": "zhao"}, "second_name"),
        ({"second_password": "guessed"}, "second_password"),
        ({"document": " "}, "document"),
        ({"lines": ""}, "lines"),
        ({"district": "420104"}, "district"),
    ],
    ids=["alone", "oneself", "who does not keep it", "guessed", "no document", "no line", "not his"],
)
def test_without_its_signatures_and_its_paper_nothing_is_taken_over(
    books: Books, own: Browser, changes: dict[str, Any], field: str
) -> None:
    answer = post(own, form(books, f"{books.courier.code} 380", **changes))
    assert field in answer.context["form"].errors
    assert balance(books.courier) == 0
    assert post(own, form(books, f"{books.courier.code} 380")).status_code == 302


def test_of_too_many_lines_nobody_is_looked_up(books: Books, own: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(finding, "by_code_or_phone", lambda text, **_named: asked.append(text))
    answer = post(own, form(books, *["15488880000 1"] * 101))
    assert "最多100行" in str(answer.context["form"].errors["lines"])
    assert not asked


def test_who_is_blocked_is_named_and_who_keeps_no_district_gets_no_page(books: Books, own: Browser) -> None:
    registration.block(courier=books.courier, reason="x", actor=ACTOR, at=NOON)
    answer = post(own, form(books, f"{books.courier.code} 380"))
    assert "第1行" in str(answer.context["form"].errors["lines"])
    for name, duties in (("li", ["counter"]), ("aud", ["audit"])):
        assert (
            desk(make_staff(name, scope=books.district, duties=duties)).get(reverse("admin:points_opening")).status_code
            == 403
        )
