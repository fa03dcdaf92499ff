"""A gift's photo, and the articles' six gifts."""

import io
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client as Browser
from django.urls import reverse

from core.clock import local_date
from core.errors import InvalidValue, NotFound
from core.images import clean_photo
from core.models import AuditEvent
from points import gifts
from points.models import Gift
from stations.access import DutyMissing
from tests.access.asking import everything
from tests.builders import NOON, make_district, make_staff
from tests.core.test_images import picture
from tests.points.books import PRICE, Books, keep_books, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=0, pieces=0)


@pytest.fixture(autouse=True)
def _own_media(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def photo() -> Any:
    return clean_photo(io.BytesIO(picture(size=(40, 30))))


def name_of(gift: Gift) -> str:
    return gift.photo.name or ""


def asked(browser: Browser, address: str) -> Any:
    """The answer, its file closed."""
    answer: Any = browser.get(address)
    if answer.streaming:
        list(answer.streaming_content)  # its end closes the file
    return answer


# ── The list ────────────────────────────────────────────────────────────────────────────────────────────────────────

SAME: dict[str, Any] = {"name": "雨伞", "name_en": "", "is_offered": True, "most_a_month": None}
TODAY = local_date(NOON)


def told(kind: str) -> list[Any]:
    return list(AuditEvent.objects.filter(kind=kind).order_by("pk").values_list("data", flat=True))


def test_only_who_manages_the_district_keeps_its_list(books: Books) -> None:
    gift, others = books.gift, make_staff("others", scope=books.district, duties=["counter", "review", "audit"])
    away, own = make_staff("away", scope=books.other), make_staff("own", scope=books.district)
    verbs: list[Callable[..., Any]] = [
        partial(gifts.register, code="wc-soap", district=books.district, name="洗手液"),
        partial(gifts.change, gift=gift, **SAME),
        partial(gifts.set_price, gift=gift, points=300, valid_from=TODAY),
        partial(gifts.set_photo, gift=gift, photo=photo()),
        partial(gifts.remove_photo, gift=gift),
    ]
    for verb in verbs:
        for actor, refusal in ((others, DutyMissing), (away, NotFound)):
            with pytest.raises(refusal):
                verb(actor=actor, at=NOON)
        verb(actor=own, at=NOON)


def test_the_trail_says_what_changed_and_nothing_else(books: Books) -> None:
    said: dict[str, Any] = {"gift": books.gift, "actor": "tests", "at": NOON}
    gifts.change(**SAME, **said)
    gifts.remove_photo(**said)
    assert told("gift.changed") == []
    gifts.change(**SAME | {"name": "长柄伞", "most_a_month": 2}, **said)
    changed = {"name": {"before": "雨伞", "after": "长柄伞"}, "most_a_month": {"before": None, "after": 2}}
    assert told("gift.changed") == [{"changed": changed}]
    with pytest.raises(ValidationError):
        gifts.change(**SAME | {"name": ""}, **said)
    with pytest.raises(ValidationError):
        gifts.register(code="wc soap", district=books.district, name="洗手液", actor="tests", at=NOON)


def test_a_new_price_ends_the_one_that_runs_then_and_begins_today_or_later(books: Books) -> None:
    def set_price(points: int, days: int, gift: Gift = books.gift) -> None:
        gifts.set_price(gift=gift, points=points, valid_from=TODAY + timedelta(days=days), actor="tests", at=NOON)

    with pytest.raises(InvalidValue):
        set_price(300, -1)
    set_price(300, 0)
    set_price(400, 10)
    with pytest.raises(ValidationError):
        set_price(0, 20)
    running = [books.gift.price_on(TODAY + timedelta(days=days)) for days in (-1, 0, 9, 10)]
    assert running == [PRICE, 300, 300, 400]
    assert told("gift.priced") == [
        {"changed": {"points": {"before": PRICE, "after": 300}}, "valid_from": "2026-06-10"},
        {"changed": {"points": {"before": 300, "after": 400}}, "valid_from": "2026-06-20"},
    ]
    # A price that is ahead, or of today, gives way to another of its first day; one before it lasts until it begins.
    set_price(40, 10)
    set_price(350, 5)
    set_price(310, 0)
    assert list(books.gift.prices.order_by("valid_from").values_list("points", "valid_through")) == [
        (PRICE, TODAY - timedelta(days=1)),
        (310, TODAY + timedelta(days=4)),
        (350, TODAY + timedelta(days=9)),
        (40, None),
    ]
    assert [each["changed"]["points"]["before"] for each in told("gift.priced")][2:] == [400, 300, 300]
    # What never had one may have cost it before.
    new = gifts.register(code="wc-soap", district=books.district, name="洗手液", actor="tests", at=NOON)
    set_price(50, -1, new)
    assert new.price_on(TODAY - timedelta(days=1)) == 50


def test_a_price_of_today_that_somebody_ordered_at_stays_for_today() -> None:
    books = keep_books()

    def set_price(points: int, days: int) -> None:
        gifts.set_price(gift=books.gift, points=points, valid_from=TODAY + timedelta(days=days), actor="tests", at=NOON)

    set_price(PRICE + 1, 0)
    order(books, points=PRICE + 1)
    with pytest.raises(InvalidValue, match=str(PRICE + 1)):
        set_price(PRICE + 2, 0)
    set_price(PRICE + 2, 1)
    assert [books.gift.price_on(TODAY + timedelta(days=days)) for days in (0, 1)] == [PRICE + 1, PRICE + 2]


# ── Photos ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_photo_takes_the_place_of_the_old_file(books: Books, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        first = name_of(gifts.set_photo(gift=books.gift, photo=photo(), actor="tests", at=NOON))
        second = name_of(gifts.set_photo(gift=books.gift, photo=photo(), actor="tests", at=NOON))
        assert default_storage.exists(first), "until the change stands"
    assert first != second
    assert (default_storage.exists(first), default_storage.exists(second)) == (False, True)
    with django_capture_on_commit_callbacks(execute=True):
        assert not gifts.remove_photo(gift=books.gift, actor="tests", at=NOON).photo
    assert not default_storage.exists(second)
    assert AuditEvent.objects.filter(kind="gift.changed").count() == 3


def test_a_photo_that_may_not_be_set_leaves_no_file(books: Books, tmp_path: Path) -> None:
    looks_on = make_staff("looks-on", scope=books.district, duties=["view"])
    with pytest.raises(DutyMissing):
        gifts.set_photo(gift=books.gift, photo=photo(), actor=looks_on, at=NOON)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
    gifts.set_photo(gift=books.gift, photo=photo(), actor=make_staff("own", scope=books.district), at=NOON)
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 1


def test_the_photo_is_for_everybody_while_the_gift_is_offered(books: Books) -> None:
    address = reverse("points:gift-photo", args=[books.gift.code])
    assert Browser().get(address).status_code == 404
    gift = gifts.set_photo(gift=books.gift, photo=photo(), actor="tests", at=NOON)
    assert gift.photo_url.startswith(f"{address}?v=")
    shown = asked(Browser(), gift.photo_url)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/webp")
    Gift.objects.update(is_offered=False)
    assert Browser().get(address).status_code == 404
    staff = {name: Browser() for name in ("own", "away")}
    staff["own"].force_login(make_staff("own", scope=books.district))
    staff["away"].force_login(make_staff("away", scope=books.other))
    assert {name: asked(each, address).status_code for name, each in staff.items()} == {"own": 200, "away": 404}


def test_a_lost_file_is_no_fault(books: Books) -> None:
    gift = gifts.set_photo(gift=books.gift, photo=photo(), actor="tests", at=NOON)
    default_storage.delete(name_of(gift))
    assert Browser().get(gift.photo_url).status_code == 404


def test_the_office_uploads_and_removes_a_photo(books: Books) -> None:
    desk = Browser()
    desk.force_login(make_staff("own", scope=books.district))
    page = reverse("admin:points_gift_change", args=[books.gift.pk])
    said = {"name": "雨伞", "name_en": "", "is_offered": "on"}
    wrong = io.BytesIO(b"no picture")
    wrong.name = "umbrella.png"
    assert "new_photo" in desk.post(page, said | {"new_photo": wrong}).context["adminform"].form.errors
    right = io.BytesIO(picture(size=(40, 30)))
    right.name = "../../umbrella.png"
    assert desk.post(page, said | {"new_photo": right}).status_code == 302
    gift = Gift.objects.get(pk=books.gift.pk)
    assert name_of(gift).startswith("gifts/")
    assert "umbrella" not in name_of(gift)
    assert gift.photo_url in desk.get(page).content.decode()
    assert gift.photo_url in desk.get(reverse("admin:points_gift_changelist")).content.decode()
    assert desk.post(page, said | {"remove_photo": "on"}).status_code == 302
    assert not Gift.objects.get(pk=books.gift.pk).photo


# ── The six gifts of the articles ───────────────────────────────────────────────────────────────────────────────────


def prices(district: str) -> dict[str, int | None]:
    return {gift.name: gift.price_on(local_date(NOON)) for gift in Gift.objects.filter(division=district)}


def test_the_articles_gifts_cost_what_the_articles_say() -> None:
    district = make_district()
    loaded = gifts.load(district=district, valid_from=local_date(NOON), actor="tests", at=NOON)
    assert {gift.code[:3] for gift in loaded} == {"wc-"}
    assert prices("420106") == {
        "电炖锅": 2_000, "雨伞": 1_500, "洗衣液": 1_500, "手提纸": 1_000, "洗手液": 500, "洗衣粉": 500,
    }  # fmt: skip


def test_what_staff_have_changed_stays() -> None:
    district = make_district()
    gifts.load(district=district, valid_from=local_date(NOON), actor="tests", at=NOON)
    Gift.objects.filter(code="wc-umbrella").update(name="晴雨两用伞")
    Gift.objects.filter(code="wc-paper").get().prices.all().delete()
    later = NOON + timedelta(days=1)
    assert gifts.load(district=district, valid_from=local_date(later), actor="tests", at=later) == []
    assert prices("420106")["晴雨两用伞"] == 1_500
    assert prices("420106")["手提纸"] is None


def test_the_command_loads_once() -> None:
    make_district()
    printed = []
    for _run in range(2):
        out, before = io.StringIO(), everything()
        call_command("load_gifts", division="420106", stdout=out)
        printed.append(out.getvalue().strip())
    assert everything() == before
    assert Gift.objects.count() == 6
    assert printed == ["武昌区：新增礼品6种。", "礼品目录里已经有了。"]
    with pytest.raises(CommandError):
        call_command("load_gifts", division="420106003")
