"""What will run out where at the present pace, which moves would help, and what to buy: a plan to read, which does nothing.

The rule can be worked out by hand. A cabinet's pace is what it handed out a day in the last 28 days. A cabinet with less
than 14 days' worth is filled up to 14 days, the emptiest first; one with more than 30 days' worth, and more than its mark,
can give the rest, and the one that can give most is asked first.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from points import low_stock, papers, stock
from points.models import Gift
from stations.models import Division, Station
from stations.publishing import SHUT

__all__ = ["AHEAD_DAYS", "FILL_DAYS", "PACE_DAYS", "Move", "Plan", "Purchase", "Stock", "plan"]

PACE_DAYS = 28
FILL_DAYS = 14
AHEAD_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """A gift at a station: what is on hand, and how fast it goes."""

    gift: Gift
    station: Station
    pieces: int  # without those set aside
    handed_out: int  # in the last 28 days
    wanted: int  # asked for in vain in the last 30 days
    mark: int

    @property
    def is_shut(self) -> bool:
        """Whether nobody is sent there, for a while or for good, so that nothing is needed there now."""
        return self.station.status in SHUT

    @property
    def a_day(self) -> float:
        return self.handed_out / PACE_DAYS

    @property
    def days_left(self) -> int | None:
        """For how many whole days it lasts; None if nobody takes any."""
        if self.handed_out > 0:
            return self.pieces * PACE_DAYS // self.handed_out
        return 0 if self.wanted and not self.pieces else None

    def for_days(self, days: int) -> int:
        """How many pieces this many days take, at its pace."""
        return math.ceil(self.handed_out * days / PACE_DAYS)

    @property
    def lacks(self) -> int:
        """How many would fill it up for 14 days; at least one where it is asked for and there is none."""
        if self.is_shut or self.days_left is None or self.days_left >= FILL_DAYS:
            return 0
        return max(self.for_days(FILL_DAYS) - self.pieces, 0 if self.pieces else 1)

    @property
    def can_give(self) -> int:
        """How many it can do without for 30 days. A closed station needs none; one that is suspended opens again."""
        if self.station.status == Station.Status.CLOSED:
            return self.pieces
        return max(self.pieces - max(self.for_days(AHEAD_DAYS), self.mark), 0)


@dataclass(frozen=True, slots=True)
class Move:
    """Some pieces carried from one station to another of the district."""

    gift: Gift
    source: Station
    target: Station
    pieces: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What the whole district has of a gift, what 30 days take at the present pace, and so how many to buy."""

    gift: Gift
    pieces: int
    needed: int

    @property
    def to_buy(self) -> int:
        return max(self.needed - self.pieces, 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """The stocks that run out within 30 days, the worst first; the moves that help; what to buy."""

    runs_out: list[Stock]
    moves: list[Move]
    purchases: list[Purchase]


def plan(*, district: Division, at: datetime) -> Plan:
    """The plan of a district now, for the gifts that it offers."""
    stocks = _stocks(district, at=at)
    runs_out = [
        each for each in stocks if not each.is_shut and each.days_left is not None and each.days_left < AHEAD_DAYS
    ]
    by_gift: dict[Gift, list[Stock]] = defaultdict(list)
    for each in stocks:
        by_gift[each.gift].append(each)
    purchases = [_purchase(gift, own) for gift, own in by_gift.items()]
    return Plan(
        runs_out,
        [move for own in by_gift.values() for move in _moves(own)],
        [each for each in purchases if each.to_buy],
    )


def _stocks(district: Division, *, at: datetime) -> list[Stock]:
    """The stocks of the district, the one that runs out first before the others."""
    gifts = {gift.pk: gift for gift in Gift.objects.filter(division=district, is_offered=True)}
    held = papers.stock_between(place=district, begins=at - timedelta(days=PACE_DAYS), ends=at)
    wanted = stock.wanted(gifts=gifts.values(), at=at)
    keys = {key for key in {*held, *wanted} if key[0] in gifts}
    stations = Station.objects.in_bulk({station for _gift, station in keys})
    marks = low_stock.with_marks().filter(division=district).values_list("gift", "station", "mark")
    low = {(gift, station): mark or 0 for gift, station, mark in marks}
    nothing = papers.Held()
    stocks = [
        Stock(
            gift=gifts[gift], station=stations[station], pieces=held.get((gift, station), nothing).free,
            handed_out=held.get((gift, station), nothing).handed_out, wanted=wanted.get((gift, station), 0),
            mark=low.get((gift, station), 0),
        )
        for gift, station in keys
    ]  # fmt: skip
    never = 1_000_000
    return sorted(
        stocks,
        key=lambda each: (
            never if each.days_left is None else each.days_left,
            -each.wanted,
            -each.handed_out,
            each.gift.code,
            each.station.code,
        ),
    )


def _moves(stocks: list[Stock]) -> list[Move]:
    """The moves of one gift, as the rule above says; `stocks` are in the order in which they run out."""
    left = {each.station.pk: each.can_give for each in stocks}
    moves = []
    for target in stocks:
        lacks = target.lacks
        for source in sorted(stocks, key=lambda each: (-left[each.station.pk], each.station.code)):
            pieces = min(lacks, left[source.station.pk])
            if pieces > 0 and source is not target:
                moves.append(Move(target.gift, source.station, target.station, pieces))
                left[source.station.pk] -= pieces
                lacks -= pieces
    return moves


def _purchase(gift: Gift, stocks: list[Stock]) -> Purchase:
    """The stocks of the gift as one."""
    handed_out = sum(each.handed_out for each in stocks)
    return Purchase(gift, sum(each.pieces for each in stocks), math.ceil(handed_out * AHEAD_DAYS / PACE_DAYS))
