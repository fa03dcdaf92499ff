"""The demo's outlets and couriers: what the two articles of 2021 say, and a made-up set that says so.

武昌 comes to 81 outlets of 9 brands with about 1,000 people, 18 party members, 7 party organisations and 23 instructors,
硚口 to 132 outlets, as the articles count them. Brands, outlets and names beyond those in the articles are marked [演示].
Source: 人民网-湖北频道, 2021-09-18 (武昌); the summer of 2021 (硚口).
"""

import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock
from core.errors import DomainError, InvalidValue
from core.models import AuditEvent
from couriers import consents, membership, registration, sealing
from couriers.models import Company, Courier, Instructor, Outlet, PartyOrganisation
from couriers.registration import Agreement, Work
from stations.demo.seeding import require_demo
from stations.models import Division

__all__ = ["DatabaseInUse", "DemoCourier", "Seeded", "keep_pins", "seed"]

ACTOR = "demo_couriers"
WUCHANG, QIAOKOU = "420106", "420104"
# Named by the articles; in 武昌 nine brands, of which three are named.
REAL_BRANDS = {"顺丰": "SF Express", "京东": "JD Logistics", "申通": "STO Express", "邮政": "China Post"}
IN_WUCHANG, IN_QIAOKOU = ("顺丰", "京东", "申通"), ("邮政", "京东", "顺丰")
MADE_UP_BRANDS = tuple(f"[演示] 快递{sign}" for sign in "甲乙丙丁戊己")
OUTLETS = {WUCHANG: 81, QIAOKOU: 132}
PEOPLE, MEMBERS, INSTRUCTORS = 1_000, 18, 23
COURIERS = {WUCHANG: 36, QIAOKOU: 24}
# No carrier has 154.
PHONES = "154{:08}"
# The same town in every folder; only the codes on the cards are random.
_SEED = 20210918


class DatabaseInUse(DomainError):
    """There are real outlets here; made-up ones must not be mixed in."""

    code, status = "outlets_in_use", 409
    title = _("This database holds outlets already. The demo set is for a database without any.")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding made; nothing if the demo was there already."""

    outlets: int = 0
    couriers: int = 0


@transaction.atomic
def seed(*, at: datetime) -> Seeded:
    """Fill in the demo's outlets and couriers, once.   Raises: NoDemo, DatabaseInUse.   Locks: the city's row."""
    require_demo()
    Division.objects.select_for_update(no_key=True).get(pk="4201")
    if AuditEvent.objects.filter(kind="demo.couriers-seeded").exists():
        return Seeded()
    if Outlet.objects.exists() or Courier.objects.exists():
        raise DatabaseInUse
    # Reproducible town, not a secret.
    rng = random.Random(_SEED)  # noqa: S311
    brands = {name: Company.objects.create(name=name, name_en=name_en) for name, name_en in REAL_BRANDS.items()}
    made_up = [Company.objects.create(name=name) for name in MADE_UP_BRANDS]
    real = _real_outlet(brands["顺丰"])
    wuchang = _outlets(WUCHANG, [*(brands[name] for name in IN_WUCHANG), *made_up], less=1, rng=rng, at=at)
    qiaokou = _outlets(QIAOKOU, [*(brands[name] for name in IN_QIAOKOU), *made_up], less=0, rng=rng, at=at)
    _count_people(wuchang, rng=rng)
    _organise(real, wuchang, at=at)
    for number, outlet in enumerate(qiaokou):
        # The article gives no numbers of people for 硚口: the made-up ones are rough, and some outlets have none.
        outlet.headcount, outlet.is_headcount_approximate = (rng.randint(4, 30), True) if number % 3 else (None, False)
    Outlet.objects.bulk_update([*wuchang, *qiaokou], ["headcount", "is_headcount_approximate", "party_members"])
    couriers = _couriers(WUCHANG, wuchang, first=0, rng=rng, at=at)
    couriers += _couriers(QIAOKOU, qiaokou, first=COURIERS[WUCHANG], rng=rng, at=at)
    seeded = Seeded(outlets=Outlet.objects.count(), couriers=len(couriers))
    audit.record(
        "demo.couriers-seeded",
        subject=("demo", "couriers"),
        actor=ACTOR,
        at=at,
        data={"outlets": seeded.outlets, "couriers": seeded.couriers},
    )
    return seeded


def _real_outlet(company: Company) -> Outlet:
    """The one outlet that the articles name. They do not give its street or its people."""
    return Outlet.objects.create(
        company=company, name="顺丰速运阅马场网点", division_id=WUCHANG, address="阅马场", party_members=1
    )


def _outlets(
    district: str, brands: Sequence[Company], *, less: int, rng: random.Random, at: datetime
) -> list[Outlet]:  # fmt: skip
    """Made-up outlets, spread over all streets of the district in turn."""
    streets = list(Division.objects.filter(parent=district, level="subdistrict", is_area_like=False).order_by("code"))
    today = clock.local_date(at)
    outlets = []
    for number in range(OUTLETS[district] - less):
        street, brand = streets[number % len(streets)], brands[number % len(brands)]
        outlets.append(
            Outlet(
                company=brand,
                name=f"[演示] {street.short_name}{brand.name.removeprefix('[演示] ')}{number + 1}号网点",
                is_made_up=True,
                division=street,
                address=f"{street.name}(演示地址)",
                last_visited_on=today - timedelta(days=rng.randint(1, 60)) if number % 4 else None,
            )
        )
    return Outlet.objects.bulk_create(outlets)


def _count_people(outlets: Sequence[Outlet], *, rng: random.Random) -> None:
    """About 1,000 people, and 17 members besides the one of the article, in outlets of their own."""
    usual, left = divmod(PEOPLE, len(outlets))
    shifts = [rng.randint(0, usual - 3) for _pair in range(len(outlets) // 2)]
    for number, outlet in enumerate(outlets):
        shift = shifts[number // 2] if number // 2 < len(shifts) else 0
        outlet.headcount = usual + (number < left) + (shift if number % 2 else -shift)
        outlet.is_headcount_approximate = True
        outlet.party_members = 1 if number < MEMBERS - 1 else 0


def _organise(real: Outlet, outlets: Sequence[Outlet], *, at: datetime) -> None:
    """The joint branch of the article and six made-up organisations for the members, instructors where there are none."""
    joint = PartyOrganisation.Kind.JOINT_BRANCH
    branch = PartyOrganisation.objects.create(
        kind=joint, name="读书社区张之洞片区企业联合党支部", division_id=WUCHANG, contact="读书社区"
    )
    branch.outlets.add(real)
    with_members, others = outlets[: MEMBERS - 1], outlets[MEMBERS - 1 :]
    kinds = [
        (PartyOrganisation.Kind.COMMITTEE, "党委"),
        (PartyOrganisation.Kind.BRANCH, "党支部"),
        (PartyOrganisation.Kind.BRANCH, "党支部"),
        *[(joint, "联合党支部")] * 3,
    ]
    for number, (kind, word) in enumerate(kinds):
        own = with_members[number :: len(kinds)]
        organisation = PartyOrganisation.objects.create(
            kind=kind,
            name=f"[演示] {own[0].division.short_name}快递行业{word}",
            is_made_up=True,
            division=own[0].division,
            contact="社区党委(演示)",
        )
        organisation.outlets.set(own)
    today = clock.local_date(at)
    Instructor.objects.bulk_create(
        Instructor(outlet=outlet, name=f"[演示] 指导员{number}", starts_on=today - timedelta(days=30 + number))
        for number, outlet in enumerate(others[:INSTRUCTORS], start=1)
    )


def _couriers(
    district: str, outlets: Sequence[Outlet], *, first: int, rng: random.Random, at: datetime
) -> list[Courier]:  # fmt: skip
    """Couriers of the past months: most of them met, some 待核实, one blocked."""
    agreement = Agreement(consents.membership_notice(), "page")
    place = Division.objects.get(pk=district)
    couriers = []
    for number in range(COURIERS[district]):
        came_at = at - timedelta(days=rng.randint(2, 90), minutes=rng.randint(0, 600))
        brings_food = number % 3 == 2
        courier = registration.register(
            phone=PHONES.format(first + number + 1),
            name=f"演示{first + number + 1:02}",
            work=Work(
                kind=Courier.Kind.FOOD_DELIVERY if brings_food else Courier.Kind.EXPRESS,
                outlet=None if brings_food else outlets[number * 2],
            ),
            district=place,
            channel=Courier.Channel.SELF if number % 2 else Courier.Channel.STAFF,
            agreement=agreement,
            actor=ACTOR,
            at=came_at,
        )
        if number % 6:
            courier = registration.verify(courier=courier, actor=ACTOR, at=came_at + timedelta(hours=20))
        couriers.append(courier)
    registration.block(courier=couriers[-1], reason="演示:反复代人领取", actor=ACTOR, at=at)
    return couriers


# ── Who signs in to 我的蜂巢 ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class DemoCourier:
    """One of the demo's couriers, with the PIN that was made at random for this folder."""

    phone: str
    pin: str
    status: str


@transaction.atomic
def keep_pins(*, at: datetime) -> list[DemoCourier]:
    """In 武昌 the courier who has been active longest and one whom nobody has met, with their PINs written to
    `var/demo_couriers.json`.

    Nobody if the demo's couriers are not there.   Locks: the city's row, so that two runs at once agree.
    """
    Division.objects.select_for_update(no_key=True).get(pk="4201")
    if not AuditEvent.objects.filter(kind="demo.couriers-seeded").exists():
        return []
    statuses = (Courier.Status.ACTIVE, Courier.Status.UNVERIFIED)
    file: Path = settings.VAR_DIR / "demo_couriers.json"
    pins: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    kept = []
    for status in statuses:
        mine = Courier.objects.filter(division=WUCHANG, registered_by=ACTOR, phone_sealed__isnull=False)
        courier = mine.filter(status=status).order_by("registered_at", "pk").first()
        if courier is None:
            continue
        phone = sealing.opened(courier.phone_sealed or b"", column="phone").removeprefix("+86")
        pin = pins.setdefault(phone, _new_pin())
        if not check_password(pin, courier.pin_hash):
            membership.set_pin(courier=courier, pin=pin, actor=ACTOR, at=at)
        kept.append(DemoCourier(phone, pin, str(courier.get_status_display())))
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(json.dumps(pins, indent=1), encoding="utf-8")
    return kept


def _new_pin() -> str:
    while True:
        pin = f"{secrets.randbelow(10**6):06}"
        try:
            membership.hashed(pin)
        except InvalidValue:  # one that anybody would try first
            continue
        return pin
