"""The demo's three months: through the verbs, in order, marked as made up, and a ledger that agrees."""

import io
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F, Max, Min
from django.test import override_settings
from django.utils import translation

from couriers import demo as couriers_demo
from couriers.models import Courier
from points import expiring, ledger, low_stock, settlement, verifying
from points.demo import history
from points.models import (
    Account,
    Award,
    Gift,
    GiftPrice,
    GiftProposal,
    GiftWanted,
    LowStock,
    Posting,
    Receipt,
    Redemption,
    StockMark,
)
from stations.demo.seeding import seed as seed_stations
from tests.access.asking import everything
from tests.builders import NOON, make_courier
from tests.points.books import keep_books

pytestmark = pytest.mark.django_db


def run() -> str:
    """What the command says at this moment of three months' end."""
    out = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.clock.now", lambda: NOON)
        call_command("demo_points", stdout=out)
    return out.getvalue().strip()


# First these two, while there is no town yet.
def test_a_real_ledger_is_never_mixed_with_a_made_up_one() -> None:
    keep_books()
    before = everything()
    with pytest.raises(CommandError, match="记账凭证"):
        run()
    assert everything() == before


def test_nobody_but_the_demos_couriers_is_given_made_up_points() -> None:
    make_courier()
    with pytest.raises(CommandError, match="demo_couriers"):
        run()
    assert not Posting.objects.exists()


@pytest.fixture(scope="module")
def seeded(
    django_db_setup: None,  # noqa: ARG001
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The town with its three months, made once for all tests and thrown away by a rollback: what the command said."""
    changed = override_settings(MEDIA_ROOT=tmp_path_factory.mktemp("media"))
    with django_db_blocker.unblock(), changed, translation.override("zh-hans"), transaction.atomic():
        seed_stations(at=NOON)
        couriers_demo.seed(at=NOON)
        yield run()
        transaction.set_rollback(True)


def test_everything_that_can_happen_has_happened(seeded: str) -> None:
    kinds = set(Posting.objects.values_list("kind", flat=True))
    assert kinds >= {
        "allocation", "award", "redemption", "order", "handover", "receipt", "move", "count", "scrap", "reversal",
    }  # fmt: skip
    assert set(Redemption.objects.values_list("status", flat=True)) == {
        "ordered", "handed-over", "cancelled", "expired",
    }  # fmt: skip
    postings, redemptions = Posting.objects.count(), Redemption.objects.count()
    assert seeded == f"记账凭证：{postings}张；兑换：{redemptions}次。"
    assert postings > 400
    assert redemptions > 50
    # By rules of each kind and by hand, and one of these taken back.
    assert set(Award.objects.values_list("action", flat=True)) == {
        "", "report-approved", "activity-attended", "volunteer",
    }  # fmt: skip
    assert Award.objects.filter(posting__reversal__isnull=False, rule=None).count() == 1
    assert set(Receipt.objects.values_list("funding", flat=True)) == {"budget", "union", "party-dues", "donation"}
    assert set(GiftProposal.objects.values_list("status", flat=True)) == {"open", "declined"}


def test_whoever_has_points_is_told_what_expires_when(seeded: str) -> None:  # noqa: ARG001
    told = {courier: expiring.due(courier=courier, at=NOON) for courier in Courier.objects.all()}
    for courier, dues in told.items():
        assert sum(each.points for each in dues) == Account.objects.get(pk=ledger.wallet(courier)).balance
    assert any(len(dues) > 1 for dues in told.values())
    assert {each.expires_on.year for dues in told.values() for each in dues} == {NOON.year + 1}


def test_the_ledger_agrees_in_the_order_of_three_months(seeded: str) -> None:  # noqa: ARG001
    assert list(verifying.broken_invariants()) == []
    span = Posting.objects.aggregate(first=Min("occurred_at"), last=Max("occurred_at"))
    assert NOON - timedelta(days=91) < span["first"] < NOON - timedelta(days=89)
    assert NOON - timedelta(days=3) < span["last"] <= NOON
    moments = list(Posting.objects.order_by("pk").values_list("occurred_at", flat=True))
    late = [after for before, after in pairwise(moments) if after < before]
    assert len(late) <= 3  # what is taken back a little later is written at once
    # Nobody got or took anything before he was registered.
    assert not Award.objects.filter(posting__occurred_at__lt=F("courier__registered_at")).exists()


def test_the_six_gifts_are_the_articles(seeded: str) -> None:  # noqa: ARG001
    counts = dict(Gift.objects.order_by().values_list("division").annotate(n=Count("pk")))
    assert counts == {"420104": 6, "420106": 6}
    assert not Gift.objects.filter(photo="").exists()
    assert set(GiftPrice.objects.values_list("points", flat=True)) == {500, 1000, 1500, 2000}
    assert all(name.startswith("[演示]") for name in GiftProposal.objects.values_list("name", flat=True))
    donors = set(Receipt.objects.exclude(donor="").values_list("donor", flat=True))
    assert donors
    assert all(donor.startswith("[演示]") for donor in donors)
    stations = Redemption.objects.values_list("station__name", flat=True)
    assert all(name.startswith("[演示]") for name in stations)


def test_whoever_tries_it_finds_every_gift_somewhere(seeded: str) -> None:  # noqa: ARG001
    """However the months went: the quick start and a visitor's first tap need one that is there."""
    for gift in Gift.objects.all():
        most = gift.accounts.filter(kind="stock").aggregate(most=Max("balance"))["most"]
        assert most >= history.FILLED_UP_TO, gift.code


def test_some_run_low_some_are_wanted_and_districts_owe_each_other(seeded: str) -> None:  # noqa: ARG001
    low = {account.pk for account in low_stock.running_low()}
    assert low
    assert StockMark.objects.count() == 12
    assert set(LowStock.objects.values_list("account", flat=True)) == low
    assert low_stock.watch(now=NOON) == 0
    assert set(GiftWanted.objects.values_list("gift__division", flat=True)) == {"420104", "420106"}
    across = Redemption.objects.exclude(courier__division=F("gift__division"))
    assert across.exists()
    months = {clock_month.month for clock_month in Posting.objects.dates("occurred_at", "month")}
    assert len(months) >= 3
    last = settlement.settlement(month=(NOON - timedelta(days=15)).date())
    assert {each.district for each in last} == {"420104", "420106"}
    assert all(each.paid and each.redeemed for each in last)
    assert Redemption.objects.filter(gift__code__endswith="stew-pot", status="handed-over").exists()


def test_the_same_history_in_every_folder(seeded: str) -> None:  # noqa: ARG001
    told = []
    for _each in range(2):
        planned = history._History(NOON)
        for courier in Courier.objects.exclude(status="blocked").order_by("pk"):
            planned._plan_deeds(courier)
            planned._plan_wishes(courier)
        told.append([moment for moment, _number, _do in planned.coming])
    assert told[0] == told[1]
    assert len(told[0]) > 300


def test_a_second_run_changes_nothing(seeded: str) -> None:  # noqa: ARG001
    before = everything()
    assert run() == "演示积分已经在了。"
    assert everything() == before
