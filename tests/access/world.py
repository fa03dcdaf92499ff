"""A town of two districts in which every row carries a canary: a word that says whose it is and whether the public may
read it. If it appears in an answer to somebody else, it names the leak.

What an account may see is listed here by hand (`OWN`), not computed by stations/access.py.
"""

import io
import re
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, models
from django.db.models import Model

from core import audit, clock
from core.images import clean_photo
from core.models import AuditEvent, Counter, IdempotentRequest, Notice, User
from couriers import consents, sealing
from couriers.codes import new_code
from couriers.models import (
    Company,
    Consent,
    Courier,
    CourierList,
    Device,
    Erasure,
    Instructor,
    Outlet,
    PartyOrganisation,
    PinReset,
    RetiredCode,
)
from partners.models import ApiKey, Client, Scope
from points import funds, ledger
from points.models import (
    Account,
    Award,
    AwardLimit,
    Dispute,
    EarningRule,
    Entry,
    ExpiryRule,
    Gift,
    GiftPrice,
    GiftProposal,
    GiftWanted,
    LedgerCheck,
    LowStock,
    Pass,
    Posting,
    QueuePlace,
    Receipt,
    Redemption,
    Seal,
    SealedPosting,
    StockMark,
)
from stations import publishing, staffing
from stations.models import (
    Amenity,
    AmenityWord,
    Confirmation,
    DayType,
    Division,
    DivisionAlias,
    HoursException,
    HoursPeriod,
    ImportJob,
    MapListing,
    Station,
    StationAmenity,
    StationOrganisation,
    StationUse,
    VisitLink,
    VisitReport,
    Zone,
)
from stations.visiting import _digest
from tests.builders import make_amenity, make_client, make_district, make_hours, make_key, make_subdistrict
from tests.core.test_images import picture

__all__ = [
    "ACCOUNTS",
    "DIVISIONS",
    "OUR_MODELS",
    "OWN",
    "PARTNERS",
    "SHARED",
    "STATIONS",
    "World",
    "build",
    "unplanted",
    "word",
]

# ── Lots: the town cut into pieces, each with a letter ──────────────────────────────────────────────────────────────

# Stations: letter → (code, division, status). A draft belongs only to its office.
STATIONS = {
    "a": ("WH-WC-6001", "420106003", "published"),
    "b": ("WH-WC-6002", "420106003", "draft"),
    "c": ("WH-WC-6003", "420106007", "published"),
    "d": ("WH-QK-6004", "420104002L01", "published"),
    "e": ("WH-QK-6005", "420104002L01", "draft"),
    "f": ("WH-QK-6006", "420104002L02", "published"),
    "g": ("WH-QK-6007", "420104009", "draft"),
}
DIVISIONS = {
    "k": "420106",
    "l": "420104",
    "m": "420106003",
    "n": "420106007",
    "o": "420104002",
    "p": "420104009",
    "q": "420104002L01",
    "r": "420104002L02",
}
PARTNERS = {"u": "bees-wuchang", "v": "bees-qiaokou", "w": "bees-nowhere", "y": "bees-sandbox"}
OFFICE = "x"  # accounts, roles, notices, partners: for the administrator only
TRAIL = "t"  # what the trail says about accounts and partners: for those who read the trail of the whole city

# The demo's accounts, and which lots are theirs. Nodes above a scope are known by name, but belong to nobody in it.
OWN = {
    "city": "abcdefgklmnopqrt",
    "wuchang": "abckmn",
    "qiaokou": "defglopqr",
    "jiedao": "abm",
    "shequ": "deq",
    "steward": "d",
    "auditor": "abcdefgklmnopqrt",
    "anonymous": "",
}
ABOVE = {"jiedao": "k", "shequ": "lo", "steward": "loq"}
ACCOUNTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "city": ("4201", ("manage", "review")),
    "wuchang": ("420106", ("manage", "review")),
    "qiaokou": ("420104", ("manage", "review")),
    "jiedao": ("420106003", ("manage", "review")),
    "shequ": ("420104002L01", ("manage", "review")),
    "steward": ("WH-QK-6004", ("counter",)),
    "auditor": ("4201", ("audit",)),
}

PUBLIC, HIDDEN = "pub", "hid"
_CANARY = re.compile(f"zq[a-z](?:{PUBLIC}|{HIDDEN})")


def word(letter: str, kind: str = HIDDEN) -> str:
    """The canary of a lot, such as zqapub. A search for its first three letters finds it without containing it."""
    return f"zq{letter}{kind}"


OUR_APPS = ("core", "stations", "couriers", "points", "partners")
OUR_MODELS: list[type[Model]] = [model for app in OUR_APPS for model in apps.get_app_config(app).get_models()]
# What all districts share, or what contains nobody's rows.
SHARED: set[type[Model]] = {Amenity, AmenityWord, DayType, Zone, Counter, Company, EarningRule, AwardLimit, ExpiryRule}
# Text columns that cannot hold a canary: (model, field) → why.
WORDLESS: dict[tuple[str, str], str] = {
    ("User", "password"): "a hash",
    ("Station", "photo"): "the name of a file",
    ("Gift", "photo"): "the name of a file",
    ("Station", "tags"): "derived",
    ("Station", "listed_amenities"): "derived: codes of the vocabulary",
    ("Station", "intervals"): "derived from times",
    ("Station", "hours_osm"): "derived from times",
    ("Station", "hours_zh"): "derived from times",
    ("Station", "grams"): "derived: pairs of letters",
    ("Division", "code"): "the tree",
    ("Division", "letters"): "three letters at most",
    ("Station", "code"): "a canary by itself: no two lots share one",
    ("Client", "code"): "a canary by itself",
    ("AuditEvent", "kind"): "the program's own words",
    ("AuditEvent", "subject_type"): "the program's own words",
    ("IdempotentRequest", "key"): "the same for all on purpose",
    ("VisitLink", "token_digest"): "a digest",
    ("VisitReport", "amenities"): "codes of the shared list",
    ("VisitReport", "photos"): "names of files",
    ("ImportJob", "file"): "the name of a file",
    ("ImportJob", "language"): "of a fixed list",
    ("ImportJob", "digests"): "digests",
    ("CourierList", "file"): "the name of a file",
    ("ApiKey", "digest"): "a digest",
    ("ApiKey", "prefix"): "a canary by itself",
    ("IdempotentRequest", "request_digest"): "a digest",
    ("IdempotentRequest", "client"): "the client's code",
    ("Client", "scopes"): "of a fixed list",
    ("StaffRole", "duties"): "of a fixed list",
    ("Courier", "code"): "a canary by itself",
    ("Courier", "phone_index"): "a digest",
    ("RetiredCode", "code"): "a canary by itself",
    ("Erasure", "code"): "a canary by itself",
    ("PinReset", "token_digest"): "a digest",
    ("Device", "token_digest"): "a digest",
    ("Consent", "notice_sha256"): "a digest",
    ("Pass", "digest"): "a digest",
    ("Seal", "digest"): "a digest",
    ("Redemption", "code"): "a canary by itself",
    ("Redemption", "form_no"): "begins with the code of its station",
}


def text_columns(model: type[Model]) -> list[Any]:
    """The columns of `model` that hold people's words."""
    kinds = (models.CharField, models.TextField, models.JSONField, ArrayField)
    return [
        column
        for column in model._meta.concrete_fields
        if isinstance(column, kinds)
        and not column.choices
        and not (isinstance(column, ArrayField) and not isinstance(column.base_field, models.CharField))
        and (model.__name__, column.name) not in WORDLESS
    ]


def filled(model: type[Model], said: str, **given: Any) -> dict[str, Any]:
    """`given`, and `said` in every other text column."""
    values: dict[str, Any] = {}
    for column in text_columns(model):
        if isinstance(column, models.JSONField):
            values[column.name] = {"name": said}
        elif isinstance(column, ArrayField):
            values[column.name] = [said]
        else:
            values[column.name] = said
    return values | given


# ── What was planted ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class World:
    """Everybody in the town, and whose each row is, at the moment `now`."""

    now: datetime
    users: dict[str, User] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)  # partner's letter → the text of its key
    tokens: dict[str, str] = field(default_factory=dict)  # station's letter → the token of its open link
    stations: dict[str, Station] = field(default_factory=dict)
    rows: dict[type[Model], dict[str, list[Model]]] = field(default_factory=dict)  # model → letter → rows
    shared: dict[type[Model], Model] = field(default_factory=dict)

    def plant(self, letter: str, row: Model) -> Any:
        self.rows.setdefault(type(row), {}).setdefault(letter, []).append(row)
        return row

    def of(self, model: type[Model], letters: str) -> list[Model]:
        return [row for letter in letters for row in self.rows.get(model, {}).get(letter, [])]

    def own(self, account: str, model: type[Model]) -> list[Model]:
        return self.of(model, OWN[account])

    def foreign(self, account: str, model: type[Model], *, but_above: bool = False) -> list[Model]:
        """Rows outside `account`'s lots; `but_above` leaves out those of the nodes above its scope."""
        own = OWN[account] + (ABOVE.get(account, "") if but_above else "")
        return self.of(model, "".join(letter for letter in self.rows.get(model, {}) if letter not in own))

    def foreign_rows(self, account: str) -> frozenset[tuple[str, str]]:
        """Table and key of every row that is foreign to `account`."""
        return frozenset(
            (row._meta.db_table, str(row.pk)) for model in self.rows for row in self.foreign(account, model)
        )

    def canaries(self, account: str) -> frozenset[str]:
        """What no answer of the office may contain for `account`: words, codes and numbers of what is foreign."""
        found: set[str] = set()
        own, above = OWN[account], ABOVE.get(account, "")
        for model, by_letter in self.rows.items():
            for letter, rows in by_letter.items():
                if letter in own:
                    continue
                found.add(word(letter, HIDDEN))
                if letter not in above:
                    found.add(word(letter, PUBLIC))
                    # The trail names a program and the part of its key that may be shown.
                    is_named = TRAIL in own and model in (Client, ApiKey)
                    found |= {code for row in rows for code in _codes(model, row)} if not is_named else set()
        return frozenset(found)

    def names(self, account: str) -> frozenset[str]:
        """Words and codes of what is foreign to `account`, without numbers, since everybody's own number is the office's."""
        return frozenset(each for each in self.canaries(account) if not each.isdecimal())

    @property
    def secrets(self) -> frozenset[str]:
        """What no public page may contain: internal words, and everything about drafts and the office."""
        drafts = {code for letter, (code, _division, status) in STATIONS.items() if status == "draft"}
        hidden = {word(letter) for by_letter in self.rows.values() for letter in by_letter}
        return frozenset(hidden | {code for code in drafts for code in (code, code.lower())})


def _codes(model: type[Model], row: Any) -> list[str]:
    """What represents the row in a URL or a table."""
    if model is Station:
        return [str(row.pk), row.code]
    if model is Client:
        return [str(row.pk), row.code]
    if model is ApiKey:
        return [str(row.pk), row.prefix]
    if model in (Courier, RetiredCode, Erasure, Redemption):
        return [str(row.pk), row.code]
    return [str(row.pk)]


# ── Building ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _number_apart() -> None:
    """Let every table count from a number of its own, so that a key found in an answer belongs to one row only."""
    with connection.cursor() as cursor:
        for number, model in enumerate(OUR_MODELS, start=1):
            if isinstance(model._meta.pk, models.AutoField | models.BigAutoField):
                table = model._meta.db_table
                cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [table, model._meta.pk.column])
                cursor.execute(f"ALTER SEQUENCE {cursor.fetchone()[0]} RESTART WITH {7_000_001 + number * 10_000}")


def build() -> World:
    """The whole town, as of now, with the drafts, doubts, links and reports of a working day."""
    world, now = World(now=clock.now()), clock.now()
    _number_apart()
    _build_divisions(world)
    for code in ("hot-water", "microwave"):
        make_amenity(code)
    world.shared = {
        Amenity: Amenity.objects.get(code="hot-water"),
        Zone: Zone.objects.create(code="donghu", name="东湖高新区", short_name="东湖高新"),
        DayType: DayType.objects.create(date="2027-10-01", kind="holiday", name="国庆节", source="tests"),
        Company: Company.objects.create(name="顺丰", name_en="SF Express"),
        EarningRule: EarningRule.objects.create(
            action="volunteer", points=1, most_a_day=1, valid_from="2020-01-01", valid_through="2020-12-31"
        ),
        AwardLimit: AwardLimit.objects.create(most_alone=1, most_a_day=1, valid_from="2020-01-01"),
        ExpiryRule: ExpiryRule.objects.create(months=36, valid_from="2020-01-01", valid_through="2020-12-31"),
    }
    AmenityWord.objects.create(word="饮水机", amenity_id="hot-water")
    for letter, (code, division, status) in STATIONS.items():
        _build_station(world, letter, code, division, status)
    _build_outlets(world)
    _build_couriers(world)
    _build_books(world)
    _build_accounts(world)
    _build_imports(world)
    _build_office(world)
    _build_partners(world)
    publishing.refresh([station.pk for station in world.stations.values()], now=now, facts_changed=False)
    for station in world.stations.values():
        station.refresh_from_db()
    return world


def _build_divisions(world: World) -> None:
    make_district(code="420106", name=word("k", PUBLIC), letters="WC")
    make_district(code="420104", name=word("l", PUBLIC), letters="QK")
    for letter, code in DIVISIONS.items():
        said = word(letter, PUBLIC)
        if len(code) == 9:
            make_subdistrict(code=code, name=said, district=Division.objects.get(pk=code[:6]))
        elif len(code) == 12:
            Division.objects.create(code=code, level="neighbourhood", parent_id=code[:9], name=said, short_name=said)
        Division.objects.filter(pk=code).update(short_name=said, name_en=said)
        division = world.plant(letter, Division.objects.get(pk=code))
        world.plant(letter, DivisionAlias.objects.create(division=division, name=word(letter)))
        world.plant(
            letter,
            audit.record(
                "division.changed", subject=("division", code), actor=word(letter), at=clock.now(),
                data={"name": word(letter)},
            ),
        )  # fmt: skip


def _build_station(world: World, letter: str, code: str, division: str, status: str) -> None:
    now, hidden = clock.now(), word(letter)
    said = word(letter, PUBLIC) if status == "published" else hidden
    station = Station.objects.create(
        **filled(
            Station, said, code=code, division_id=division, status=status, tier=3, latitude=30.58 + ord(letter) / 1000,
            longitude=114.34, entered_crs="wgs84", door_token=f"{hidden}-door", doubted_at=now, search_text="",
        )
    )  # fmt: skip
    world.stations[letter] = world.plant(letter, station)
    world.plant(letter, StationAmenity.objects.create(station=station, amenity_id="hot-water"))
    period = world.plant(letter, make_hours(station))
    HoursPeriod.objects.filter(pk=period.pk).update(name=said)
    world.plant(letter, period.spans.get())
    today = clock.local_date(now)
    world.plant(letter, HoursException.objects.create(station=station, starts_on=today, ends_on=today, reason=said))
    world.plant(letter, StationOrganisation.objects.create(station=station, role="premises", name=said))
    sent = dict.fromkeys(("name", "address", "floor", "phone", "hours"), said)
    world.plant(
        letter,
        MapListing.objects.create(
            station=station, map="amap", version=0, sent_at=now,
            sent=sent | {"latitude": 30.0, "longitude": 114.0},
        ),
    )  # fmt: skip
    world.plant(
        letter,
        Confirmation.objects.create(
            station=station, outcome="broken", channel="door", witness=hidden, confirmed_at=now - timedelta(hours=2)
        ),
    )
    world.plant(letter, StationUse.objects.create(station=station, date=today, uses=7))
    world.plant(
        letter,
        audit.record(
            "station.changed", subject=("station", code), actor=hidden, at=now, data={"name": hidden, "reason": hidden}
        ),
    )
    maker = world.plant(OFFICE, User.objects.create_user(hidden, email=f"{word(OFFICE)}@example.invalid"))
    User.objects.filter(pk=maker.pk).update(first_name=word(OFFICE), last_name=word(OFFICE))
    world.plant(
        letter,
        Confirmation.objects.create(
            station=station, outcome="entered", channel="staff", actor=maker, confirmed_at=now - timedelta(days=9)
        ),
    )
    _build_visit(world, letter, station, maker)


def _build_visit(world: World, letter: str, station: Station, maker: User) -> None:
    """One open link, and one that brought a report with a photo."""
    now, hidden = clock.now(), word(letter)
    world.tokens[letter] = f"{hidden}-token-of-the-open-link"
    for token, used_at in ((world.tokens[letter], None), (f"{hidden}-token-used", now)):
        link = VisitLink.objects.create(
            station=station, token_digest=_digest(token), made_by=maker, made_at=now - timedelta(hours=1),
            expires_at=now + timedelta(days=6), used_at=used_at,
        )  # fmt: skip
        world.plant(letter, link)
    photo = clean_photo(io.BytesIO(picture(size=(40, 30))))
    name = default_storage.save(f"visits/{hidden}.webp", ContentFile(photo.content))
    world.plant(
        letter,
        VisitReport.objects.create(
            **filled(
                VisitReport, hidden, link=link, station_version=1, outcome="entered", photos=[name],
                amenities=["microwave"], sent_at=now,
            )
        ),
    )  # fmt: skip


def _build_outlets(world: World) -> None:
    """An outlet in every street, with an instructor and a branch of its own."""
    for letter, code in DIVISIONS.items():
        if len(code) <= 6:
            continue
        said = word(letter)
        outlet = Outlet.objects.create(
            **filled(Outlet, said, company=world.shared[Company], division_id=code, headcount=7, party_members=1)
        )
        world.plant(letter, outlet)
        world.plant(letter, Instructor.objects.create(outlet=outlet, name=said, starts_on="2026-01-01"))
        branch = PartyOrganisation.objects.create(**filled(PartyOrganisation, said, division_id=code, kind="branch"))
        branch.outlets.add(outlet)
        world.plant(letter, branch)
        world.plant(letter, _event("outlet", str(outlet.pk), letter))


def _build_couriers(world: World) -> None:
    """In each district one courier who is blocked, and one who was erased; the first with all that a courier can have."""
    now = clock.now()
    for number, letter in enumerate("kl"):
        said, phone, outlet = word(letter), f"+8613000000{number:03}", world.rows[Outlet]["mp"[number]][0]
        common = {"kind": "express", "division_id": DIVISIONS[letter], "registered_at": now, "channel": "self"}
        courier = Courier.objects.create(
            **filled(
                Courier, said, code=new_code(), status="blocked", company=world.shared[Company], outlet=outlet,
                name_sealed=sealing.sealed(said, column="name"), phone_sealed=sealing.sealed(phone, column="phone"),
                phone_index=sealing.index(phone), verified_at=now, **common,
            )
        )  # fmt: skip
        world.plant(letter, courier)
        world.plant(letter, RetiredCode.objects.create(code=new_code(), courier=courier, retired_at=now))
        world.plant(
            letter,
            PinReset.objects.create(
                courier=courier, token_digest=f"{number:064x}", made_at=now, expires_at=now + timedelta(minutes=15)
            ),
        )
        world.plant(
            letter,
            Consent.objects.create(
                courier=courier, purpose="sharing", partner=said, act="given", notice_version=said, channel="page",
                notice_sha256=consents.membership_notice().sha256, occurred_at=now,
            ),
        )  # fmt: skip
        phone_kept = filled(Device, said, courier=courier, token_digest=f"{number:064x}", signed_in_at=now)
        expires_at = now + timedelta(days=1)
        world.plant(letter, Device.objects.create(**phone_kept, seen_on=clock.local_date(now), expires_at=expires_at))
        for partner in PARTNERS.values():
            # He agreed to be known to all of them, so only the area where they may act limits them.
            world.plant(
                letter,
                Consent.objects.create(
                    courier=courier, purpose="sharing", partner=partner, act="given", notice_version=said, channel="page",
                    notice_sha256=consents.membership_notice().sha256, occurred_at=now,
                ),
            )  # fmt: skip
        world.plant(letter, _event("courier", courier.code, letter))
        gone = Courier.objects.create(
            **filled(
                Courier, said, code=new_code(), status="erased", pin_hash="", blocked_reason="", verified_at=now,
                phone_index=None, **common,
            )
        )  # fmt: skip
        world.plant(letter, gone)
        world.plant(letter, Erasure.objects.create(courier=gone, code=gone.code, erased_at=now))


def _build_books(world: World) -> None:
    """In each district a gift in a cabinet, a courier with points, and every kind of movement of either."""
    now, today = clock.now(), clock.local_date(clock.now())
    for letter, at in (("k", "c"), ("l", "d")):
        said, station = word(letter), world.stations[at]
        district = Division.objects.get(pk=DIVISIONS[letter])
        courier = world.rows[Courier][letter][0]
        assert isinstance(courier, Courier)
        # Name and code are public, as on the cabinet.
        shown = word(letter, PUBLIC)
        gift = Gift.objects.create(**filled(Gift, shown, code=f"{shown}-umbrella", division=district))
        price = GiftPrice.objects.create(gift=gift, points=3, valid_from=today)
        # A gift that is not offered is visible only to the district.
        sample = Gift.objects.create(**filled(Gift, said, code=f"{said}-sample", division=district, is_offered=False))
        world.plant(letter, GiftPrice.objects.create(gift=sample, points=3, valid_from=today))
        world.plant(letter, sample)
        books: dict[str, Any] = {"actor": said, "at": now}
        funds.allocate(district=district, points=50, source=said, op_id=uuid.uuid4(), **books)
        wallet, fund, stock = ledger.wallet(courier), ledger.fund(district.code), ledger.stock(gift, station)
        moves = [(ledger.of_gift("supplier", gift), -5), (stock, 5)]
        received = ledger.post(kind="receipt", moves=moves, op_id=uuid.uuid4(), source=said, reason=said, **books)
        receipt = Receipt.objects.create(
            **filled(Receipt, said, posting_id=received.posting_id, unit_price_cny=1, funding="donation")
        )
        given = ledger.post(
            kind="award", moves=[(fund, -9), (wallet, 9)], op_id=uuid.uuid4(), approver=f"{said}-2", **books
        )
        award = Award.objects.create(
            **filled(Award, said, posting_id=given.posting_id, courier=courier, district=district, points=9, day=today)
        )
        redeemed, reserve = ledger.of_district("redeemed", district.code), ledger.reserve(gift, station)
        moves = [(wallet, -3), (redeemed, 3), (stock, -1), (reserve, 1)]
        # What is handed over at a counter belongs to that counter.
        ordered = ledger.post(kind="order", moves=moves, op_id=uuid.uuid4(), actor=word(at), at=now)
        redemption = Redemption.objects.create(
            code=new_code(), courier=courier, gift=gift, station=station, points=3, status="ordered",
            ordered_id=ordered.posting_id, ordered_at=now, fetch_until=now,
        )  # fmt: skip
        number = 730_000 + ord(letter)
        digest = f"{number:064x}"
        showing = Pass.objects.create(courier=courier, digest=digest, expires_at=now)
        seal = Seal.objects.create(number=number, postings=1, digest=digest, sealed_at=now)
        sealed = SealedPosting.objects.create(number=number, posting_id=given.posting_id, seal=seal)
        mark = StockMark.objects.create(gift=gift, station=station, pieces=700_000 + ord(letter))
        low = LowStock.objects.create(account_id=stock, since=now)
        asked = GiftWanted.objects.create(gift=gift, station=station, date=today, times=710_000 + ord(letter))
        check = LedgerCheck.objects.create(
            **filled(
                LedgerCheck, said, division=district, asked_at=now, finished_at=now, found={"I2": [1, [[said]]]},
                seal_digest=said,
            )
        )  # fmt: skip
        for row in (gift, price, receipt, award, showing, mark, low, asked, check):
            world.plant(letter, row)
        world.plant(at, redemption)
        called = QueuePlace.objects.create(
            redemption=redemption, station=station, number=ord(letter) % 90 + 10, joined_at=now
        )
        world.plant(at, called)
        disputed = Dispute(
            **filled(Dispute, said, redemption=redemption, opened_at=now, decided_at=now, ruling="dismissed")
        )
        disputed.save()
        world.plant(letter, disputed)
        # A proposal belongs to the station as well as to the district.
        lot, own = at, word(at)
        for more in ({"decided_by": ""}, {"decided_by": f"{own}-2", "decided_at": now, "status": "declined"}):
            proposal = GiftProposal(**filled(GiftProposal, own, station=station, proposed_at=now) | more)
            proposal.save()
            world.plant(lot, proposal)
        for kept in (seal, sealed):
            world.plant(TRAIL, kept)
        for posting in Posting.objects.filter(actor_name__in=(said, word(at))):
            world.plant(letter, posting)
        for account in (wallet, fund, stock, reserve, redeemed):
            world.plant(letter, Account.objects.get(pk=account))
            for entry in Entry.objects.filter(account=account):
                world.plant(letter, entry)


def _event(kind: str, subject: str, letter: str) -> AuditEvent:
    said = word(letter)
    return audit.record(
        f"{kind}.changed", subject=(kind, subject), actor=said, at=clock.now(), data={"name": said, "reason": said}
    )


def _build_accounts(world: World) -> None:
    for name, (scope, duties) in ACCOUNTS.items():
        user = User.objects.create_user(name, is_staff=True)
        role = staffing.grant(
            user=user,
            duties=duties,
            division=None if scope.startswith("WH") else Division.objects.get(pk=scope),
            station=Station.objects.get(code=scope) if scope.startswith("WH") else None,
            actor="tests",
            at=clock.now() - timedelta(days=1),
        )
        world.users[name] = world.plant(OFFICE, user)
        world.plant(OFFICE, role)
    world.users["admin"] = User.objects.create_user("admin", is_staff=True, is_superuser=True)


def _build_imports(world: World) -> None:
    """A list for every division, checked and not yet confirmed."""
    for letter, code in DIVISIONS.items():
        said, now = word(letter), clock.now()
        job = ImportJob.objects.create(
            **filled(
                ImportJob, said, division_id=code, made_by=world.users["city"], acting=world.users["city"], made_at=now,
                changed_at=now, state="previewed", revision=1, file=f"imports/{said}", language="zh-hans", digests=[],
                report={"sentence": said, "notes": [said], "findings": []},
            )
        )  # fmt: skip
        world.plant(letter, job)
    for letter in "kl":
        said, now = word(letter), clock.now()
        brought = CourierList.objects.create(
            pk=740_000 + ord(letter),
            **filled(
                CourierList, said, division_id=DIVISIONS[letter], made_by=world.users["city"], made_at=now, changed_at=now,
                state="previewed", file=f"courier-lists/{said}", report={"sentence": said, "notes": [said], "findings": []},
            ),
        )  # fmt: skip
        world.plant(letter, brought)


def _build_office(world: World) -> None:
    hidden = word(OFFICE)
    world.plant(
        OFFICE,
        Notice.objects.create(**filled(Notice, hidden, day=clock.local_date(clock.now()), created_at=clock.now())),
    )
    said = word(TRAIL)
    audit.record("account.changed", subject=("account", said), actor=said, at=clock.now(), data={"name": said})


def _build_partners(world: World) -> None:
    reach = {"u": ["420106"], "v": ["420104"], "w": [], "y": ["4201"]}
    for letter, code in PARTNERS.items():
        kind = "sandbox" if letter == "y" else "live"
        client = make_client(code=code, kind=kind, divisions=["420106"], calls_per_minute=6000, scopes=Scope.values)
        client.divisions.set(Division.objects.filter(pk__in=reach[letter]))
        Client.objects.filter(pk=client.pk).update(name=word(letter), contact=word(letter))
        client.refresh_from_db()
        world.keys[letter] = make_key(client)
        world.plant(letter, client)
        world.plant(letter, client.keys.get())
        answered = filled(
            IdempotentRequest, word(letter), client=code, key="the-same-key", status=201,
            body=word(letter).encode(), made_at=clock.now(), request_digest="0" * 64,
        )  # fmt: skip
        world.plant(letter, IdempotentRequest.objects.create(**answered))
    for event in AuditEvent.objects.filter(subject_type__in=("client", "account")):
        world.plant(TRAIL, event)


def unplanted(world: World) -> list[str]:
    """The tables without a row that belongs to somebody, and the text columns without a canary."""
    missing = []
    for model in OUR_MODELS:
        if model in SHARED:
            continue
        keys = [row.pk for rows in world.rows.get(model, {}).values() for row in rows]
        rows = list(model._default_manager.filter(pk__in=keys))
        if not rows:
            missing.append(f"{model.__name__}: no row. Plant some in tests/access/world.py, or say that it is SHARED.")
        missing += [
            f"{model.__name__}.{column.name}: no canary. Fill it, or say why not (WORDLESS)."
            for column in (text_columns(model) if rows else [])
            if not any(_CANARY.search(str(getattr(row, column.name))) for row in rows)
        ]
    return missing
