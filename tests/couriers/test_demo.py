"""The demo: as many outlets, brands, members, organisations and instructors as the articles count, and marked if made up."""

import io
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count, Sum

from core import audit
from core.models import AuditEvent
from couriers import demo, membership, privacy, sealing
from couriers.models import Company, Courier, Instructor, Outlet, PartyOrganisation
from stations import divisions
from tests.access.asking import everything
from tests.builders import NOON, make_outlet

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> None:
    divisions.load(actor="tests", at=NOON)
    audit.record("demo.seeded", subject=("demo", "stations"), actor="seed_demo", at=NOON)


def test_it_counts_as_the_articles_do(town: None) -> None:  # noqa: ARG001
    seeded = demo.seed(at=NOON)
    wuchang, qiaokou = (Outlet.objects.filter(division__code__startswith=code) for code in ("420106", "420104"))
    assert (wuchang.count(), qiaokou.count(), seeded.outlets) == (81, 132, 213)
    assert wuchang.aggregate(n=Count("company", distinct=True))["n"] == 9
    assert wuchang.aggregate(n=Sum("party_members"))["n"] == 18
    assert wuchang.aggregate(n=Sum("headcount"))["n"] == 1_000
    assert all(outlet.headcount is None or outlet.headcount > 0 for outlet in Outlet.objects.all())
    assert PartyOrganisation.objects.filter(division__code__startswith="420106").count() == 7
    assert Instructor.objects.count() == 23
    # Whoever has members has an organisation; instructors go where there are none.
    assert not wuchang.filter(party_members__gt=0, organisations=None).exists()
    assert not Instructor.objects.filter(outlet__party_members__gt=0).exists()
    assert qiaokou.filter(party_members__isnull=False).count() == 0


def test_what_the_articles_name_is_true_and_all_else_is_marked(town: None) -> None:  # noqa: ARG001
    demo.seed(at=NOON)
    assert [outlet.name for outlet in Outlet.objects.filter(is_made_up=False)] == ["顺丰速运阅马场网点"]
    branch = PartyOrganisation.objects.get(is_made_up=False)
    assert (branch.name, branch.kind) == ("读书社区张之洞片区企业联合党支部", "joint-branch")
    assert set(Company.objects.exclude(name__startswith="[演示]").values_list("name", flat=True)) == {
        "顺丰", "京东", "申通", "邮政",
    }  # fmt: skip
    assert not Instructor.objects.exclude(name__startswith="[演示]").exists()
    couriers = list(Courier.objects.all())
    assert len(couriers) == 60
    assert {privacy.masked(courier).name for courier in couriers} == {"演*"}
    assert {privacy.masked(courier).phone[:3] for courier in couriers} == {"154"}
    assert {courier.status for courier in couriers} == {"unverified", "active", "blocked"}
    assert all(courier.consents.exists() for courier in couriers)


def test_a_second_run_changes_nothing(town: None) -> None:  # noqa: ARG001
    printed = []
    for _run in range(2):
        out, before = io.StringIO(), everything()
        call_command("demo_couriers", stdout=out)
        printed.append(out.getvalue().strip())
    assert everything() == before
    assert printed == ["网点：213个；骑手：60名。", "演示骑手已经在了。"]
    assert AuditEvent.objects.filter(kind="demo.couriers-seeded").count() == 1


def test_made_up_outlets_never_come_between_real_ones(town: None) -> None:  # noqa: ARG001
    make_outlet()
    with pytest.raises(CommandError):
        call_command("demo_couriers")
    assert Outlet.objects.count() == 1


def test_nor_into_a_register_that_has_no_outlets_yet() -> None:
    divisions.load(actor="tests", at=NOON)
    with pytest.raises(CommandError, match="seed_demo"):
        call_command("demo_couriers")
    assert not Company.objects.exists()


def test_two_couriers_have_a_pin_that_is_printed_and_stays(
    town: None,  # noqa: ARG001
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.VAR_DIR = tmp_path
    assert demo.keep_pins(at=NOON) == []
    demo.seed(at=NOON)
    printed = []
    for _run in range(2):
        out = io.StringIO()
        call_command("demo_pins", stdout=out)
        printed.append(out.getvalue())
    assert printed[0] == printed[1]
    lines = printed[0].splitlines()
    assert [re.fullmatch(r"  154\d{8}  PIN \d{6}    .+", line) is not None for line in lines] == [True, True]
    assert stat.S_IMODE((tmp_path / "demo_couriers.json").stat().st_mode) == 0o600
    for line, status in zip(lines, ("active", "unverified"), strict=True):
        phone, _word, pin, *_may = line.split()
        courier = Courier.objects.get(phone_index__in=sealing.indexes(f"+86{phone}"))
        membership.check_pin(courier=courier, pin=pin, at=NOON)
        assert courier.status == status
