"""The demo set: counts as the articles say, everything made up says so, and a second run changes nothing."""

import re
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count

from core.models import AuditEvent, User
from stations import divisions
from stations.access import scope_of
from stations.demo import accounts, seeding
from stations.geo import Point, outline_contains
from stations.models import Confirmation, Division, HoursPeriod, HoursSpan, Station, StationUse
from tests.builders import NOON, make_station

pytestmark = pytest.mark.django_db


@pytest.fixture
def town() -> seeding.Seeded:
    return seeding.seed(at=NOON)


def tiers(district: str) -> dict[int | None, int]:
    rows = Station.objects.published().in_division(district).values_list("tier").annotate(number=Count("pk"))
    return dict(rows.order_by("tier"))


def test_the_counts_are_those_of_the_articles(town: seeding.Seeded) -> None:
    assert tiers("420106") == {1: 7, 2: 18, 3: 24}
    assert sum(tiers("420104").values()) == 30
    assert (town.real, town.made_up) == (3, 76)


@pytest.mark.usefixtures("town")
def test_the_real_stations_say_only_what_is_known() -> None:
    real = {station.code: station for station in Station.objects.filter(is_made_up=False)}
    assert set(real) == {"WH-WC-0001", "WH-QK-0001", "WH-QK-0002"}
    for station in real.values():
        assert not station.has_position
        assert station.expanded_until is None
        assert (station.phone, station.seats, station.opened_on) == ("", None, None)
    perfect = real["WH-WC-0001"]
    assert (perfect.tier, str(perfect.area_m2), perfect.division.name) == (3, "10.0", "武车社区")
    assert list(Station.objects.matching("工会爱心驿站")) == [perfect]
    assert [real[code].tier for code in ("WH-QK-0001", "WH-QK-0002")] == [None, None]
    assert real["WH-QK-0002"].division_id == "420104"  # the article names no subdistrict


def test_the_made_up_stations_say_so_and_lie_in_their_districts(town: seeding.Seeded) -> None:
    made_up = Station.objects.filter(is_made_up=True)
    assert made_up.count() == town.made_up
    for station in made_up:
        assert station.name.startswith("[演示] ")
        assert station.address.startswith("演示路")
        assert station.latitude is not None
        assert station.longitude is not None
        assert outline_contains(str(station.division_id), Point(station.latitude, station.longitude))
    assert len(set(made_up.values_list("name", flat=True))) == town.made_up
    assert len(set(made_up.values_list("latitude", "longitude"))) == town.made_up


@pytest.mark.usefixtures("town")
def test_all_kinds_of_hours_occur() -> None:
    assert HoursSpan.objects.filter(opens="00:00", closes="00:00", entry_mode="scan").exists()
    assert HoursSpan.objects.filter(opens="10:00", closes="02:00").exists()
    assert HoursPeriod.objects.filter(repeats_yearly=True, name="夏季纳凉").exists()
    assert Station.objects.filter(hours_exceptions__reason="春节放假").exists()
    assert Station.objects.filter(is_made_up=True, expanded_until=None).exists()
    assert set(HoursSpan.objects.values_list("entry_mode", flat=True)) >= {"staffed", "scan", "card"}


@pytest.mark.usefixtures("town")
def test_proofs_are_of_several_ages_and_one_station_is_doubted() -> None:
    assert Station.objects.filter(doubted_at__isnull=False).count() == 1
    ages = {(NOON - row.confirmed_at).days for row in Station.objects.all() if row.confirmed_at}
    assert {0, 1, 10} <= ages
    assert Confirmation.objects.filter(outcome="broken").exists()


def everything() -> list[Any]:
    return [
        list(table.objects.order_by("pk").values())
        for table in (Station, HoursPeriod, HoursSpan, Confirmation, StationUse, Division, AuditEvent)
    ]


@pytest.mark.usefixtures("town")
def test_a_second_run_changes_nothing() -> None:
    before = everything()
    assert seeding.seed(at=NOON) == seeding.Seeded()
    assert everything() == before


def test_a_database_with_stations_of_its_own_is_left_alone() -> None:
    make_station()
    with pytest.raises(seeding.DatabaseInUse):
        seeding.seed(at=NOON)
    assert Station.objects.count() == 1


def test_the_accounts_are_printed_with_the_same_passwords_each_time(
    town: seeding.Seeded,  # noqa: ARG001
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.VAR_DIR = tmp_path
    printed = []
    for _run in range(2):
        out = StringIO()
        call_command("demo_accounts", stdout=out)
        printed.append(out.getvalue())
    assert printed[0] == printed[1]
    lines = printed[0].splitlines()
    assert [line.split()[0] for line in lines] == [
        "city", "wuchang", "qiaokou", "jiedao", "shequ", "steward", "counter", "auditor", "admin"
    ]  # fmt: skip
    assert all(re.match(r"  [a-z]+ +([a-z2-9]{3}-){3}[a-z2-9]{3} +\S", line) for line in lines)
    assert stat.S_IMODE((tmp_path / "demo_accounts.json").stat().st_mode) == 0o600
    for line in lines:
        name, password, *_may = line.split()
        assert User.objects.get(username=name).check_password(password)


@pytest.mark.parametrize("command", ["demo_accounts", "demo_partner"])
def test_accounts_of_a_register_that_is_no_demo_are_left_alone(command: str, settings: Any, tmp_path: Path) -> None:
    """An administrator is often called admin; the demo's would be given a password that is printed."""
    settings.VAR_DIR = tmp_path
    divisions.load(actor="tests", at=NOON)
    Division.objects.create(code="420104002001", level="neighbourhood", parent_id="420104002", name="公安社区")
    admin = User.objects.create_superuser("admin", password="of his own, and long")
    with pytest.raises(CommandError, match="seed_demo"):
        call_command(command, stdout=StringIO())
    admin.refresh_from_db()
    assert admin.check_password("of his own, and long")
    assert User.objects.count() == 1


def test_each_account_has_its_duties_in_its_place_and_no_more(
    town: seeding.Seeded,  # noqa: ARG001
    settings: Any,
    tmp_path: Path,
) -> None:
    settings.VAR_DIR = tmp_path
    accounts.keep(at=NOON)
    sees, keeps = {}, {}
    for user in User.objects.all():
        sees[user.username] = scope_of(user).stations().count()
        keeps[user.username] = scope_of(user, "manage").stations().count()
    everything = Station.objects.count()
    of_subdistrict = Station.objects.in_division("420106003").count()
    of_neighbourhood = Station.objects.filter(division__name="公安社区").count()
    assert sees == {
        "city": everything, "wuchang": 49, "qiaokou": 30, "jiedao": of_subdistrict, "shequ": of_neighbourhood,
        "steward": 1, "counter": 1, "auditor": everything, "admin": everything,
    }  # fmt: skip
    assert keeps == sees | {"steward": 0, "counter": 0, "auditor": 0}
    assert 0 < of_neighbourhood < of_subdistrict < 49
    city = User.objects.get(username="city")
    refused = ("stations.delete_station", "core.change_user", "core.change_auditevent", "core.delete_auditevent")
    assert not any(city.has_perm(right) for right in refused)
