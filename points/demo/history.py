"""Three months of points and gifts in 武昌 and 硚口, made up, and done only by the verbs, in order of time.

The six gifts and their prices are real. The articles do not say how many points a deed earns: the rules, papers, donors and
everybody who acts here are made up, and marked [演示] if they have a name.
"""

import heapq
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core import audit, clock, dated
from core.errors import DomainError
from core.models import AuditEvent
from couriers.models import Courier
from points import (
    earning,
    expiring,
    funds,
    gifts,
    ledger,
    low_stock,
    passes,
    proposals,
    redemption,
    reversing,
    stock,
)
from points.demo import pictures
from points.errors import CapReached, LimitReached, OutOfStock
from points.models import Account, AwardLimit, EarningRule, ExpiryRule, Gift, LowStock, Posting, Receipt, Redemption
from points.redemption import Presence
from stations.demo.accounts import with_cabinets
from stations.models import Division, Station

__all__ = ["ACTOR", "DatabaseInUse", "Seeded", "TownMissing", "seed"]

ACTOR = "demo_points"
CITY, OFFICE, STEWARD = "[演示] 市办公室", "[演示] 区办公室", "[演示] 站点管理员"
WUCHANG, QIAOKOU = "420106", "420104"
ALLOCATED = {WUCHANG: 120_000, QIAOKOU: 80_000}
DAYS = 90
STATIONS = 4
# Made up: action → points, how often a day at most, and how usual it is.
RULES = {
    EarningRule.Action.REPORT_APPROVED: (200, 3, 6),
    EarningRule.Action.VOLUNTEER: (400, 2, 3),
    EarningRule.Action.ACTIVITY_ATTENDED: (300, 1, 2),
}
MOST_ALONE, MOST_A_DAY = 500, 2_000
GOOD_FOR_MONTHS = 12
# What one piece cost when it was bought, made up as well.
COSTS = {
    "stew-pot": "89.00", "umbrella": "25.00", "laundry-liquid": "21.90", "paper": "12.50", "hand-soap": "9.90",
    "washing-powder": "8.50",
}  # fmt: skip
FUNDING = (
    (Receipt.Funding.BUDGET, ""),
    (Receipt.Funding.UNION, ""),
    (Receipt.Funding.PARTY_DUES, ""),
    (Receipt.Funding.DONATION, "[演示] 江城爱心企业"),
)
# How many pieces of each gift are in the first cabinet of each district at the end.
FILLED_UP_TO = 4
# The same history in every folder; only the codes of couriers and orders are random.
_SEED = 20210918
_TOWN = {"demo.seeded", "demo.couriers-seeded"}


class DatabaseInUse(DomainError):
    """There are real books here, and nothing is ever removed from books."""

    code, status = "ledger_in_use", 409
    title = _("This database holds postings already. The demo set is for a ledger without any.")


class TownMissing(DomainError):
    """The couriers here are real, or there are none: either way, no points are made up."""

    code, status = "demo_town_missing", 409
    title = _("The demo's stations and couriers are not here. Run `seed_demo` and `demo_couriers` first.")


@dataclass(frozen=True, slots=True)
class Seeded:
    """What seeding made; nothing if the demo was there already."""

    postings: int = 0
    redemptions: int = 0


@transaction.atomic
def seed(*, at: datetime) -> Seeded:
    """Fill in the demo's three months, once, in a database where `demo_couriers` has run. The ledger is sealed afterwards.

    Raises: DatabaseInUse, TownMissing.   Locks: the city's row.
    """
    city = Division.objects.select_for_update(no_key=True).filter(pk="4201").first()
    if AuditEvent.objects.filter(kind="demo.points-seeded").exists():
        return Seeded()
    if Posting.objects.exists() or Gift.objects.exists():
        raise DatabaseInUse
    done = set(AuditEvent.objects.filter(kind__in=_TOWN).values_list("kind", flat=True))
    if city is None or done != _TOWN:
        raise TownMissing
    _History(at).run()
    seeded = Seeded(postings=Posting.objects.count(), redemptions=Redemption.objects.count())
    audit.record(
        "demo.points-seeded",
        subject=("demo", "points"),
        actor=ACTOR,
        at=at,
        data={"postings": seeded.postings, "redemptions": seeded.redemptions},
    )
    return seeded


@contextmanager
def _as_it_may(*, wanted_of: tuple[Gift, Station] | None = None, at: datetime) -> Iterator[None]:
    """A refusal is a part of life: asking in vain for a gift is counted."""
    try:
        yield
    except OutOfStock:
        if wanted_of is not None:
            stock.note_wanted(gift=wanted_of[0], station=wanted_of[1], at=at)
    except (CapReached, LimitReached):
        pass


def _not_fetched(at: datetime) -> None:
    redemption.expire_due(now=at)


@dataclass
class _Shop:
    """A district with its gifts, and the stations that hand them out."""

    district: Division
    stations: Sequence[Station]
    gifts: list[Gift] = field(default_factory=list)
    prices: dict[int, int] = field(default_factory=dict)  # by the gift's key; in these months none changes

    def gift(self, kind: str) -> Gift:
        return next(gift for gift in self.gifts if gift.code.endswith(kind))


class _History:
    """What happened, in order: everything is first written down with its moment, and then done in that order."""

    def __init__(self, at: datetime) -> None:
        self.now = at
        self.first_day = clock.local_date(at) - timedelta(days=DAYS)
        # Reproducible history, not a secret.
        self.rng = random.Random(_SEED)  # noqa: S311
        self.coming: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self.numbers = 0
        self.shops = [self._shop(code) for code in (WUCHANG, QIAOKOU)]

    def run(self) -> None:
        self._plan_openings()
        self._plan_stock_keeping()
        couriers = list(Courier.objects.exclude(status=Courier.Status.BLOCKED).order_by("pk"))
        savers = self._savers(couriers)
        for courier in couriers:
            self._plan_deeds(courier)
            if courier not in savers:
                self._plan_wishes(courier)
        self._plan_corrections(couriers)
        self._plan_pots()
        self._plan_proposals()
        while self.coming:
            moment, _number, do = heapq.heappop(self.coming)
            do(moment)
        for shop in self.shops:
            self._fill_up(shop, at=self.now - timedelta(minutes=10))
        # Their keepers were told of these when it happened; the first start of the demo tells nobody again.
        LowStock.objects.bulk_create(LowStock(account=each, since=self.now) for each in low_stock.running_low())

    # ── When ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def on(self, day: int, hour: float, do: Callable[[datetime], None]) -> None:
        """Do it on this day of the three months, unless it is still in the future."""
        self.then(clock.local_midnight(self.first_day, days=day) + timedelta(hours=hour), do)

    def then(self, moment: datetime, do: Callable[[datetime], None]) -> None:
        if moment < self.now:
            self.numbers += 1
            heapq.heappush(self.coming, (moment, self.numbers, do))

    def some_time(self, since: datetime) -> datetime:
        """Between eight and twenty on a day after `since`."""
        first = clock.local_date(since) + timedelta(days=1)
        days = max((clock.local_date(self.now) - first).days, 0)
        return clock.local_midnight(first, days=self.rng.randint(0, days)) + timedelta(
            minutes=self.rng.randint(8 * 60, 20 * 60)
        )

    def op(self) -> uuid.UUID:
        """The number of the next thing that is done."""
        self.numbers += 1
        return uuid.uuid5(uuid.NAMESPACE_URL, f"{ACTOR}:{self.numbers}")

    # ── Districts, gifts and stock ──────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def _shop(code: str) -> _Shop:
        return _Shop(Division.objects.get(pk=code), list(with_cabinets(code)[:STATIONS]))

    def _plan_openings(self) -> None:
        EarningRule.objects.bulk_create(
            EarningRule(action=action, points=points, most_a_day=most, valid_from=self.first_day)
            for action, (points, most, _weight) in RULES.items()
            if earning.rule_on(action, self.first_day) is None
        )
        if earning.limit_on(self.first_day) is None:
            AwardLimit.objects.create(most_alone=MOST_ALONE, most_a_day=MOST_A_DAY, valid_from=self.first_day)
        if not ExpiryRule.objects.filter(dated.holds_on(self.first_day)).exists():
            self.on(0, 9, self._let_points_expire)
        for shop in self.shops:
            self.on(0, 9, lambda at, shop=shop: self._open(shop, at=at))  # type: ignore[misc]

    def _let_points_expire(self, at: datetime) -> None:
        """So that each courier is told what expires and when; nothing expires within these three months."""
        expiring.set_rule(months=GOOD_FOR_MONTHS, valid_from=self.first_day, actor=CITY, at=at)

    def _open(self, shop: _Shop, *, at: datetime) -> None:
        code = shop.district.code
        funds.allocate(
            district=shop.district, points=ALLOCATED[code], source=f"[演示] 武蜂积分〔{self.first_day.year}〕{code[-1]}号",
            op_id=self.op(), actor=CITY, at=at,
        )  # fmt: skip
        for gift in gifts.load(district=shop.district, valid_from=self.first_day, actor=OFFICE, at=at):
            kind = gift.code.partition("-")[2]
            shop.gifts.append(gifts.set_photo(gift=gift, photo=pictures.drawing(kind), actor=OFFICE, at=at))
            low_stock.set_mark(gift=gift, station=None, pieces=2 if kind == "stew-pot" else 4, actor=OFFICE, at=at)
        shop.prices = {gift.pk: gift.price_on(self.first_day) or 0 for gift in shop.gifts}
        pot = shop.gift("stew-pot")
        facts = {"name": pot.name, "name_en": pot.name_en, "is_offered": True}
        gifts.change(gift=pot, **facts, most_a_month=1, actor=OFFICE, at=at)  # type: ignore[arg-type]
        for number, station in enumerate(shop.stations):
            for gift in shop.gifts:
                # The last cabinet is small: it has no pots and runs out of soap.
                if gift == pot and number == STATIONS - 1:
                    continue
                is_short = number == STATIONS - 1 and gift.code.endswith("hand-soap")
                pieces = 1 if is_short else 3 if gift == pot else self.rng.randint(4, 8)
                self._receive(gift, station, pieces, at=at)

    def _receive(self, gift: Gift, station: Station, pieces: int, *, at: datetime) -> None:
        funding, donor = FUNDING[self.rng.randrange(len(FUNDING))]
        op_id = self.op()
        paper = stock.Delivery(
            document_no=f"演示-{self.numbers:05}",
            unit_price_cny=Decimal(COSTS[gift.code.partition("-")[2]]),
            funding=funding,
            donor=donor,
        )
        stock.receive(gift=gift, station=station, pieces=pieces, delivery=paper, op_id=op_id, actor=STEWARD, at=at)

    def _fill_up(self, shop: _Shop, *, at: datetime) -> None:
        """Whoever tries the demo finds each gift in the first cabinet, however the three months went."""
        for gift in shop.gifts:
            if (missing := FILLED_UP_TO - stock.on_hand(gift, shop.stations[0])) > 0:
                self._receive(gift, shop.stations[0], missing, at=at)

    def _plan_stock_keeping(self) -> None:
        for shop in self.shops:
            first, second, *_others = shop.stations
            kinds = ("umbrella", "laundry-liquid", "paper", "washing-powder")
            for turn, kind in enumerate(kinds):
                self.on(45 + turn, 10, self._more(shop, kind, first))
                self.on(60 + turn, 10.5, self._carried(shop, kind, first, second))
            self.on(62, 17, self._counted(shop, "paper", first, less=1, reason="[演示] 盘点少一提，柜门未锁好"))
            self.on(62, 17.5, self._counted(shop, "umbrella", first, less=0, reason=""))
            self.on(70, 16, self._scrapped(shop, "washing-powder", second, reason="[演示] 受潮结块"))

    def _more(self, shop: _Shop, kind: str, station: Station) -> Callable[[datetime], None]:
        return lambda at: self._receive(shop.gift(kind), station, 4, at=at)

    def _carried(self, shop: _Shop, kind: str, source: Station, target: Station) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            if stock.on_hand(shop.gift(kind), source) > 2:
                stock.move(
                    gift=shop.gift(kind), source=source, target=target, pieces=2, op_id=self.op(), actor=OFFICE, at=at
                )

        return do

    def _counted(
        self, shop: _Shop, kind: str, station: Station, *, less: int, reason: str
    ) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            gift = shop.gift(kind)
            found = max(stock.on_hand(gift, station) - less, 0)
            stock.count(
                gift=gift, station=station, found=found, witness="[演示] 监盘人", reason=reason, op_id=self.op(),
                actor=STEWARD, at=at,
            )  # fmt: skip

        return do

    def _scrapped(self, shop: _Shop, kind: str, station: Station, *, reason: str) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            stock.scrap(
                gift=shop.gift(kind), station=station, pieces=1, reason=reason, op_id=self.op(), actor=STEWARD, at=at
            )

        return do

    def _plan_proposals(self) -> None:
        here, there = (shop.stations[0] for shop in self.shops)
        self.on(30, 11, self._proposed(here, "[演示] 防风打火机", "有骑手问起。", 500, declined="站点不发明火用品。"))
        self.on(80, 11, self._proposed(here, "[演示] 保温杯", "天冷了，好几位小哥想要个装热水的杯子。", 1_500))
        self.on(82, 15, self._proposed(there, "[演示] 雨衣", "雨天伞不好打，骑车要雨衣。", None))

    def _proposed(
        self, station: Station, name: str, why: str, points: int | None, *, declined: str = ""
    ) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            made = proposals.propose(station=station, name=name, why=why, points=points, actor=STEWARD, at=at)
            if declined:
                proposals.decline(proposal=made, reason=declined, actor=OFFICE, at=at + timedelta(hours=3))

        return do

    # ── Deeds ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _other_or_own(self, courier: Courier) -> _Shop:
        """Mostly his own district: points are the city's, and couriers ride where the parcels go."""
        own = next(shop for shop in self.shops if shop.district.code == courier.division_id)
        other = next(shop for shop in self.shops if shop is not own)
        return other if self.rng.random() < 0.15 else own

    def _since(self, courier: Courier) -> datetime:
        return max(courier.registered_at, clock.local_midnight(self.first_day))

    def _plan_deeds(self, courier: Courier) -> None:
        actions, weights = list(RULES), [weight for _points, _most, weight in RULES.values()]
        for _deed in range(self.rng.randint(2, 7)):
            action = self.rng.choices(actions, weights)[0]
            shop, moment = self._other_or_own(courier), self.some_time(self._since(courier))
            self.then(moment, self._awarded(courier, action, shop.district))

    def _awarded(self, courier: Courier, action: str, district: Division) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            op_id = self.op()
            matter = f"演示-{self.numbers:05}"
            with _as_it_may(at=at):
                earning.award(
                    courier=courier, action=action, district=district, matter=matter, op_id=op_id, actor=OFFICE, at=at
                )

        return do

    def _plan_corrections(self, couriers: Sequence[Courier]) -> None:
        """Points by hand, and one award that went to the wrong courier and was taken back."""
        reasons = ("[演示] 暴雨中帮社区搬运物资", "[演示] 扶起摔倒的老人并送医", "[演示] 参加文明骑行宣讲")
        for number, reason in enumerate(reasons):
            courier = couriers[5 + 7 * number]
            self.then(self.some_time(self._since(courier)), self._given(courier, 200 + 100 * number, reason))
        wrong = couriers[1]
        self.then(self.some_time(self._since(wrong)), self._given(wrong, 300, "[演示] 用心做", taken_back=True))

    def _given(
        self, courier: Courier, points: int, reason: str, *, taken_back: bool = False
    ) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            given = earning.award_by_hand(
                courier=courier, points=points, district=Division.objects.get(pk=courier.division_id), reason=reason,
                op_id=self.op(), actor=OFFICE, at=at,
            )  # fmt: skip
            if taken_back:
                reversing.take_back(
                    posting=given.posting, reason="[演示] 记错了人", op_id=self.op(), actor=OFFICE,
                    at=at + timedelta(minutes=20),
                )  # fmt: skip

        return do

    # ── Gifts for points ────────────────────────────────────────────────────────────────────────────────────────────

    def _savers(self, couriers: Sequence[Courier]) -> list[Courier]:
        """One courier in each district, long registered and keen, who saves for a pot."""
        met = [courier for courier in couriers if courier.status == Courier.Status.ACTIVE]
        savers = []
        for shop in self.shops:
            own = (courier for courier in met if courier.division_id == shop.district.code)
            savers.append(min(own, key=lambda courier: courier.registered_at))
            for _turn in range(3):
                self._plan_deeds(savers[-1])
        return savers

    def _plan_wishes(self, courier: Courier) -> None:
        for _wish in range(self.rng.randint(2, 5)):
            # Later, because there is more to spend.
            moment = max(self.some_time(self._since(courier)) for _try in range(2))
            shop = self._other_or_own(courier)
            self.then(moment, self._wished(courier, shop, self.rng.choice(shop.stations)))

    def _wished(self, courier: Courier, shop: _Shop, station: Station) -> Callable[[datetime], None]:
        """He takes the gift that he saved for; if he has not enough points, one that he can pay for, or none."""

        def do(at: datetime) -> None:
            points = ledger.balance_of(ledger.wallet(courier))
            gift = self.rng.choice(shop.gifts)
            if shop.prices[gift.pk] > points:
                can_pay = [each for each in shop.gifts if shop.prices[each.pk] <= points]
                if not can_pay or self.rng.random() < 0.5:
                    return
                gift = self.rng.choice(can_pay)
            with _as_it_may(wanted_of=(gift, station), at=at):
                self._taken(courier, gift, station, shop.prices[gift.pk], at=at)

        return do

    def _taken(self, courier: Courier, gift: Gift, station: Station, points: int, *, at: datetime) -> None:
        is_met = courier.verified_at is not None and courier.verified_at < at
        if is_met and self.rng.random() < 0.4:
            digits = passes.issue(courier=courier, at=at)
            redemption.redeem(
                courier=courier, gift=gift, station=station, points=points, presence=Presence(digits=digits),
                op_id=self.op(), actor=STEWARD, at=at,
            )  # fmt: skip
            return
        ordered = redemption.order(
            courier=courier, gift=gift, station=station, points=points, op_id=self.op(), actor="self", at=at
        )
        chance = self.rng.random()
        if is_met and chance < 0.7:
            self.then(at + timedelta(days=self.rng.randint(1, 5)), self._fetched(courier, ordered))
        elif chance < 0.8:
            self.then(at + timedelta(hours=5), self._cancelled(ordered))
        else:
            self.then(ordered.fetch_until, _not_fetched)

    def _plan_pots(self) -> None:
        """The couriers with the most points ask for a pot: the first cabinet has some, the last never had one."""
        for shop in self.shops:
            for day in (79, 87):
                self.on(day, 12, self._asked_for_a_pot(shop, shop.stations[0]))
            for day in (80, 84, 85, 88):
                self.on(day, 12.5, self._asked_for_a_pot(shop, shop.stations[-1]))

    def _asked_for_a_pot(self, shop: _Shop, station: Station) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            pot = shop.gift("stew-pot")
            price = shop.prices[pot.pk]
            rich = Account.objects.filter(kind=Account.Kind.WALLET, balance__gte=price).order_by("-balance", "pk")
            wallet = rich.filter(courier__status=Courier.Status.ACTIVE).select_related("courier").first()
            if wallet is None or wallet.courier is None:
                return
            with _as_it_may(wanted_of=(pot, station), at=at):
                ordered = redemption.order(
                    courier=wallet.courier, gift=pot, station=station, points=price, op_id=self.op(), actor="self",
                    at=at,
                )  # fmt: skip
                self.then(at + timedelta(days=1), self._fetched(wallet.courier, ordered))

        return do

    def _fetched(self, courier: Courier, ordered: Redemption) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            digits = passes.issue(courier=courier, at=at)
            redemption.hand_over(
                redemption=ordered, presence=Presence(digits=digits), op_id=self.op(), actor=STEWARD, at=at
            )

        return do

    def _cancelled(self, ordered: Redemption) -> Callable[[datetime], None]:
        def do(at: datetime) -> None:
            redemption.cancel(redemption=ordered, reason="[演示] 改主意了", op_id=self.op(), actor="self", at=at)

        return do
