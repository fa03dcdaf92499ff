"""The papers of a station or a district: 领取登记表 (what was handed over in a day or a month), and the stock at its end.

Nothing is stored for them. The register is read from redemptions and compared with the ledger, the stock is read from the
ledger alone; so a paper printed twice says the same, unless something was entered late.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Self

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from core import clock
from points.models import Account, Entry, Gift, Posting, Redemption
from stations.models import Division, Station

__all__ = [
    "Agreement",
    "Held",
    "Register",
    "Span",
    "agreement",
    "count_list",
    "handed_over",
    "register",
    "stock_between",
    "stock_of",
    "summed",
]


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a whole month, as papers are made for."""

    first: date
    after: date  # the day on which it is over
    text: str  # 2026-06-10, or 2026-06

    @classmethod
    def of_day(cls, day: date) -> Self:
        return cls(day, day + timedelta(days=1), f"{day:%Y-%m-%d}")

    @classmethod
    def of_month(cls, day: date) -> Self:
        return cls(clock.first_of_month(day), clock.first_of_month(day, months=1), f"{day:%Y-%m}")

    @classmethod
    def read(cls, text: str, *, today: date) -> Self | None:
        """The day or the month that `text` names; None if it names neither, or one that has not begun."""
        is_month = len(text) == len("2026-06")
        try:
            day = date.fromisoformat(f"{text}-01" if is_month else text)
            if not clock.FIRST_DAY <= day <= today:
                return None
        except ValueError:
            return None
        return cls.of_month(day) if is_month else cls.of_day(day)

    @property
    def is_month(self) -> bool:
        return len(self.text) == len("2026-06")

    @property
    def begins(self) -> datetime:
        return clock.local_midnight(self.first)

    @property
    def ends(self) -> datetime:
        return clock.local_midnight(self.after)


def _of(place: Station | Division, *, station: str, gift: str) -> Q:
    """The condition for a station, or for a district: the gift's district is also that of the station that gave it at the
    time.
    """
    return Q(**{station: place}) if isinstance(place, Station) else Q(**{gift: place})


def _redemptions(place: Station | Division) -> QuerySet[Redemption]:
    return Redemption.objects.filter(_of(place, station="station", gift="gift__division"))


# ── 领取登记表 ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a register's points agree with what the books took in during the same time: an order is paid when it is made, and
    fetched later.
    """

    handed_over: int  # the points of the register
    paid_before: int  # of them, for what was ordered before
    set_aside: int  # paid meanwhile, for what was not handed over meanwhile
    given_back: int  # for orders that came to nothing
    in_the_books: int  # what the ledger took in, by its entries

    @property
    def holds(self) -> bool:
        return self.handed_over - self.paid_before + self.set_aside - self.given_back == self.in_the_books


@dataclass(frozen=True, slots=True)
class Register:
    """The sums of a register, by gift; its lines are `handed_over`."""

    gifts: Sequence[tuple[str, int, int]]  # name, pieces, points
    late: int  # of the pieces, entered afterwards
    agreement: Agreement

    @property
    def pieces(self) -> int:
        return sum(pieces for _name, pieces, _points in self.gifts)

    @property
    def points(self) -> int:
        return sum(points for _name, _pieces, points in self.gifts)


def handed_over(*, place: Station | Division, span: Span) -> QuerySet[Redemption]:
    """What was handed over there in the time, in that order; each with `is_taken_back`."""
    undone = Posting.objects.filter(Q(reverses=OuterRef("ordered")) | Q(reverses=OuterRef("ended")))
    found = _redemptions(place).filter(
        status=Redemption.Status.HANDED_OVER, ended_at__gte=span.begins, ended_at__lt=span.ends
    )
    return (
        found.select_related("courier", "gift", "station", "ended")
        .annotate(is_taken_back=Exists(undone))
        .order_by("ended_at", "pk")
    )


def register(*, place: Station | Division, span: Span) -> Register:
    """The sums of what was handed over there in the time."""
    found = handed_over(place=place, span=span)
    sums = list(found.order_by("gift").values_list("gift").annotate(pieces=Count("pk"), points=Sum("points")))
    gifts = Gift.objects.in_bulk([gift for gift, _pieces, _points in sums])
    return Register(
        [(gifts[gift].label, pieces, points) for gift, pieces, points in sums],
        _late_among(found),
        agreement(place=place, span=span),
    )


def _late_among(found: QuerySet[Redemption]) -> int:
    """How many of them were entered afterwards, from a form."""
    return found.exclude(form_no="").count()


def agreement(*, place: Station | Division, span: Span) -> Agreement:
    """The points of a register compared with those of the ledger."""
    meanwhile = Q(ordered__occurred_at__gte=span.begins, ordered__occurred_at__lt=span.ends)
    fetched = Q(status=Redemption.Status.HANDED_OVER, ended_at__gte=span.begins, ended_at__lt=span.ends)
    sums = _redemptions(place).filter(meanwhile | fetched).aggregate(
        handed_over=Sum("points", filter=fetched, default=0),
        paid_before=Sum("points", filter=fetched & ~meanwhile, default=0),
        set_aside=Sum("points", filter=meanwhile & ~fetched, default=0),
    )  # fmt: skip
    taken = Entry.objects.filter(
        account__kind=Account.Kind.REDEEMED, posting__occurred_at__gte=span.begins, posting__occurred_at__lt=span.ends
    )
    own = _of(place, station="posting__redemption_ordered__station", gift="account__division")
    undone = _of(place, station="posting__reverses__redemption_ordered__station", gift="account__division")
    moved = taken.aggregate(
        paid=Sum("amount", filter=own & ~Q(posting__kind=Posting.Kind.REVERSAL), default=0),
        undone=Sum("amount", filter=undone & Q(posting__kind=Posting.Kind.REVERSAL), default=0),
    )
    return Agreement(**sums, given_back=-moved["undone"], in_the_books=moved["paid"] + moved["undone"])


# ── Stock ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The pieces of a gift in a cabinet, or in all cabinets of a district: what came and went in a time, and what was there
    at its end.

    Pieces set aside for orders are in the cabinet and count until they are handed over.
    """

    opening: int = 0
    received: int = 0
    moved: int = 0
    handed_out: int = 0
    scrapped: int = 0
    difference: int = 0
    closing: int = 0
    set_aside: int = 0

    @property
    def free(self) -> int:
        """What can be had: what is on the stock's account."""
        return self.closing - self.set_aside


# The current balance, less what came after, so nothing is summed from the beginning. Orders and their cancellations move pieces
# between the two accounts of one cabinet, so they are in no column.
_STOCK = """
SELECT a.gift_id, a.station_id,
    sum(a.balance - m.since), sum(m.received), sum(m.moved), -sum(m.handed_out), -sum(m.scrapped), sum(m.difference),
    sum(a.balance - m.later), coalesce(sum(a.balance - m.later) FILTER (WHERE a.kind = 'reserve'), 0)
FROM points_account a CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.amount), 0) AS since,
        coalesce(sum(e.amount) FILTER (WHERE p.occurred_at >= %(ends)s), 0) AS later,
        coalesce(sum(e.amount) FILTER (WHERE k.kind = 'receipt' AND p.occurred_at < %(ends)s), 0) AS received,
        coalesce(sum(e.amount) FILTER (WHERE k.kind = 'move' AND p.occurred_at < %(ends)s), 0) AS moved,
        coalesce(sum(e.amount) FILTER (WHERE k.kind IN ('redemption', 'handover') AND p.occurred_at < %(ends)s), 0) AS handed_out,
        coalesce(sum(e.amount) FILTER (WHERE k.kind = 'scrap' AND p.occurred_at < %(ends)s), 0) AS scrapped,
        coalesce(sum(e.amount) FILTER (WHERE k.kind = 'count' AND p.occurred_at < %(ends)s), 0) AS difference
    FROM points_entry e JOIN points_posting p ON p.id = e.posting_id
    LEFT JOIN points_posting o ON o.id = p.reverses_id
    CROSS JOIN LATERAL (SELECT coalesce(o.kind, p.kind) AS kind) k
    WHERE e.account_id = a.id AND p.occurred_at >= %(begins)s
) m
WHERE a.kind IN ('stock', 'reserve')
    AND (%(station)s::bigint IS NULL OR a.station_id = %(station)s) AND (%(district)s::text IS NULL OR a.division_id = %(district)s)
GROUP BY 1, 2
"""


def stock_between(*, place: Station | Division, begins: datetime, ends: datetime) -> dict[tuple[int, int], Held]:
    """What came and went in the cabinets there between two moments, by the keys of gift and station."""
    is_station = isinstance(place, Station)
    with connection.cursor() as cursor:
        cursor.execute(
            _STOCK,
            {
                "begins": begins, "ends": ends,
                "station": place.pk if is_station else None, "district": None if is_station else place.pk,
            },
        )  # fmt: skip
        names = [field.name for field in fields(Held)]
        return {
            (gift, station): Held(**dict(zip(names, map(int, numbers), strict=True)))
            for gift, station, *numbers in cursor.fetchall()
        }


def stock_of(*, place: Station | Division, span: Span) -> list[tuple[Gift, Station, Held]]:
    """The same for a day or a month, in the order of gifts and stations; without cabinets that had none in all that time."""
    found = {
        key: held
        for key, held in stock_between(place=place, begins=span.begins, ends=span.ends).items()
        if held != Held()
    }
    gifts = Gift.objects.in_bulk({gift for gift, _station in found})
    stations = Station.objects.in_bulk({station for _gift, station in found})
    rows = [(gifts[gift], stations[station], held) for (gift, station), held in found.items()]
    return sorted(rows, key=lambda row: (row[0].code, row[1].code))


def summed(held: Iterable[Held]) -> Held:
    """All of them as one cabinet; moves between them cancel out."""
    total: Counter[str] = Counter()
    for each in held:
        total.update({field.name: getattr(each, field.name) for field in fields(Held)})
    return Held(**total)


def count_list(*, station: Station) -> list[Gift]:
    """The gifts that are looked for when a cabinet is counted (盘点): what its district offers, and whatever it had before.

    All of them, whether there are pieces or not: a list of what is there would give away half of the answer.
    """
    had = Account.objects.filter(kind=Account.Kind.STOCK, station=station).values("gift")
    mine: Any = Gift.objects.filter(Q(is_offered=True) | Q(pk__in=had), division=station.district_code)
    return list(mine.order_by("code"))
