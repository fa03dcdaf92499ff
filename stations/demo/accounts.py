"""The demo's accounts: who may look around in the admin, with random passwords made for this folder."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import audit
from core.models import User
from stations import staffing
from stations.access import CITY_CODE
from stations.demo.seeding import require_demo
from stations.models import Division, Duty, Station
from stations.querysets import StationQuerySet

__all__ = ["DemoAccount", "keep", "with_cabinets"]

ACTOR = "demo_accounts"
# Without the symbols that people mistake for one another (0 O, 1 l I).
_SYMBOLS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class DemoAccount:
    name: str
    password: str
    may: str | Promise


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One account to make. `scope` is a division's code, a station's, or none for the administrator."""

    name: str
    may: str | Promise
    duties: tuple[str, ...] = ()
    scope: str = ""


def with_cabinets(district_code: str) -> StationQuerySet:
    """The made-up stations of a district that hand out gifts: they have a cabinet, and at some hours somebody is there."""
    found = Station.objects.published().in_division(district_code).with_amenities("gift-counter")
    return found.filter(is_made_up=True, intervals__contains="staffed").order_by("code")


def _wanted() -> list[_Wanted]:
    neighbourhood = Division.objects.get(parent_id="420104002", name="公安社区")
    station = Station.objects.filter(division=neighbourhood).order_by("code").first()
    cabinet = with_cabinets("420106").first()  # a full one (points/demo/history.py)
    manages = (Duty.MANAGE, Duty.REVIEW)
    return [
        _Wanted("city", _("city office: all stations, their hours and the shared lists"), manages, "4201"),
        _Wanted("wuchang", _("武昌区: keeps its stations, and sees no other district"), manages, "420106"),
        _Wanted("qiaokou", _("硚口区: the same for its own"), manages, "420104"),
        _Wanted("jiedao", _("徐家棚街道 in 武昌区: keeps the stations of the subdistrict"), manages, "420106003"),
        _Wanted("shequ", _("公安社区 in 硚口区: keeps the stations of the neighbourhood"), manages, neighbourhood.code),
        _Wanted(
            "steward",
            _("steward of one station: confirms its door"),
            (Duty.COUNTER,),
            station.code if station else "",
        ),
        _Wanted(
            "counter",
            _("steward of a made-up station with a gift cabinet: hands gifts over at /counter/"),
            (Duty.COUNTER,),
            cabinet.code if cabinet else "",
        ),
        _Wanted("auditor", _("audit: reads everything and the trail, changes nothing"), (Duty.AUDIT,), "4201"),
        _Wanted("admin", _("administrator: everything, accounts and roles included")),
    ]


def keep(*, at: datetime) -> list[DemoAccount]:
    """The demo accounts, made if they are missing; their passwords are in `var/demo_accounts.json`.

    Raises: NoDemo.   Locks: the city's row, so that two runs at once agree on one password; anew for each account, since a
    password is hashed slowly and the worker needs the row too.
    """
    require_demo()
    wanted = _wanted()
    with _alone():
        passwords = _passwords([account.name for account in wanted])
    for account in wanted:
        with _alone():
            _keep(account, passwords[account.name], at=at)
    return [DemoAccount(account.name, passwords[account.name], account.may) for account in wanted]


@contextmanager
def _alone() -> Iterator[None]:
    with transaction.atomic():
        Division.objects.select_for_update().get(pk=CITY_CODE)
        yield


def _keep(account: _Wanted, password: str, *, at: datetime) -> None:
    user = User.objects.filter(username=account.name).first()
    if user is not None and user.check_password(password):
        return
    is_new = user is None
    user = user or User(username=account.name)
    user.is_staff, user.is_superuser = True, account.name == "admin"
    user.set_password(password)
    user.save()
    if is_new and account.scope:
        staffing.grant(
            user=user,
            duties=account.duties,
            division=Division.objects.filter(pk=account.scope).first(),
            station=Station.objects.filter(code=account.scope).first(),
            actor=ACTOR,
            at=at,
        )
    audit.record("account.made-for-demo", subject=("account", account.name), actor=ACTOR, at=at)


def _passwords(names: list[str]) -> dict[str, str]:
    file: Path = settings.VAR_DIR / "demo_accounts.json"
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    wanted = {name: known.get(name) or _new_password() for name in names}
    if wanted != known:
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    return wanted


def _new_password() -> str:
    """Four groups of three symbols: 59 bits, and easy to type."""
    return "-".join("".join(secrets.choice(_SYMBOLS) for _each in range(3)) for _group in range(4))
