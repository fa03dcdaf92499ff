"""The demo's partner: one sandbox key, the same each time, that can write at made-up stations and nowhere else."""

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from core import audit, clock
from core.models import Counter
from partners import demo, keys
from partners.models import ApiKey
from tests.access.asking import everything
from tests.builders import make_district, make_station
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _town(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path / "var"
    make_district()
    audit.record("demo.seeded", subject=("demo", "stations"), actor="seed_demo", at=clock.now())


def printed() -> str:
    out = io.StringIO()
    call_command("demo_partner", stdout=out)
    return out.getvalue().split()[-1]


def test_the_same_key_is_printed_each_time(tmp_path: Path) -> None:
    first = printed()
    before = everything()
    assert printed() == first
    assert everything() == before
    assert ApiKey.objects.count() == 1
    assert not Counter.objects.exists()
    assert stat.S_IMODE((tmp_path / "var/demo_partner_key").stat().st_mode) == 0o600


def test_a_key_that_is_dead_or_lost_is_made_anew(tmp_path: Path) -> None:
    first = printed()
    keys.revoke(key=ApiKey.objects.get(), reason="trial", at=clock.now(), actor="tests")
    second = printed()
    (tmp_path / "var/demo_partner_key").unlink()
    third = printed()
    assert len({first, second, third}) == 3
    assert ApiKey.objects.living(at=clock.now()).count() == 1
    assert demo.keep(at=clock.now()).key == third


def test_it_writes_at_made_up_stations_only() -> None:
    made_up, real = make_station(at=clock.now(), name="[演示] 蜂巢", is_made_up=True), make_station(at=clock.now())
    sandbox = Partner(printed())
    assert sandbox.post(f"stations/{made_up.code}/uses/", {}).status_code == 201
    assert sandbox.post(f"stations/{real.code}/uses/", {}).status_code == 404
