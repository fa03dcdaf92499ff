"""The gifts in a station's cabinet: received, moved, counted, scrapped. Each is a posting, so every piece is documented."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.utils.translation import gettext as _

from core import audit, clock
from core.models import User
from points import ledger
from points.errors import CountUnwitnessed, GiftOfAnotherDistrict, PostingReasonMissing, ReceivedAlready
from points.ledger import Posted
from points.models import Account, Entry, Gift, GiftWanted, Posting, Receipt
from stations import access
from stations.models import Duty, Station
from stations.querysets import StationQuerySet

__all__ = [
    "Counted",
    "Delivery",
    "cabinets_first",
    "count",
    "districts_held",
    "move",
    "note_wanted",
    "on_hand",
    "receive",
    "scrap",
    "wanted",
]

# How far back "wanted" is counted, where it is shown beside the stock.
LATELY = timedelta(days=30)


def cabinets_first(stations: StationQuerySet) -> StationQuerySet:
    """`stations` by name, those whose cabinet holds or held gifts before all others, since few in a district have one."""
    cabinets = Account.objects.filter(kind=Account.Kind.STOCK, station=OuterRef("pk"))
    return stations.order_by(Exists(cabinets).desc(), "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The document of a delivery: its number, what one piece cost, whose money it was; for a donation, who gave it."""

    document_no: str
    unit_price_cny: Decimal
    funding: str
    donor: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a count found: as many pieces as the ledger says, or how many more (+) or fewer (-)."""

    expected: int
    found: int
    posted: Posted | None

    @property
    def difference(self) -> int:
        return self.found - self.expected


def on_hand(gift: Gift, station: Station) -> int:
    """The pieces that can be ordered here now; those set aside for an order are not among them."""
    found = Account.objects.filter(kind=Account.Kind.STOCK, gift=gift, station=station)
    return found.values_list("balance", flat=True).first() or 0


def set_aside(station: Station) -> dict[int, int]:
    """By gift, the pieces that wait at a station for those who ordered them. They are in its cabinet with the rest."""
    return dict(Account.objects.filter(kind=Account.Kind.RESERVE, station=station).values_list("gift", "balance"))


def districts_held(stations: Collection[int]) -> list[tuple[int, str]]:
    """The stations, by id, where pieces are in stock or set aside, with the district that owns them."""
    held = Account.objects.filter(station__in=stations).exclude(balance=0).order_by().distinct()
    return list(held.values_list("station", "division"))


def _require(actor: User | str, *, gift: Gift, station: Station, other: Station | None = None) -> None:
    """Check that `actor` keeps the cabinet of `station`, and that `station` and `other` are in the gift's district, and
    keep it so until the end of the transaction, so that no station changes district while something is put into its
    cabinet.

    Raises: GiftOfAnotherDistrict; what `access.require` does.   Locks: the stations, by number.
    """
    access.require(actor, Duty.MANAGE, Duty.COUNTER, stations=[station])
    for held in _held({station.pk, (other or station).pk}):
        if held.district_code != gift.division_id:
            raise GiftOfAnotherDistrict(gift=gift.code, station=held.code)


def _held(stations: Collection[int]) -> QuerySet[Station]:
    rows = Station.objects.select_for_update(no_key=True).only("code", "division")
    return rows.filter(pk__in=stations).order_by("pk")


@transaction.atomic
def receive(
    *, gift: Gift, station: Station, pieces: int, delivery: Delivery, is_more: bool = True, op_id: uuid.UUID,
    actor: User | str, at: datetime,
) -> Posted:  # fmt: skip
    """Put a delivery into the cabinet. Without `is_more`, its document must not have brought this gift here before.

    Raises: InvalidValue; ReceivedAlready with `pieces` and `at`; GiftOfAnotherDistrict; what `access.require` does.
    Locks: Station, then the stock's account.
    """
    pieces = ledger.checked_amount("pieces", pieces)
    _require(actor, gift=gift, station=station)
    posted = ledger.post(
        kind=Posting.Kind.RECEIPT,
        moves=[(ledger.of_gift("supplier", gift), -pieces), (ledger.stock(gift, station), pieces)],
        op_id=op_id,
        actor=actor,
        at=at,
        source=delivery.document_no,
    )
    if posted.is_new:
        if not is_more:
            _require_first(delivery, ledger.stock(gift, station), but=posted)
        receipt = Receipt(
            posting_id=posted.posting_id, document_no=delivery.document_no, unit_price_cny=delivery.unit_price_cny,
            funding=delivery.funding, donor=delivery.donor,
        )  # fmt: skip
        receipt.full_clean(exclude=["posting"])
        receipt.save()
        _record("stock.received", gift, station, pieces, actor=actor, at=at)
    return posted


def _require_first(delivery: Delivery, account: int, *, but: Posted) -> None:
    """Check that the document brought nothing into this cabinet before `but`, whose posting keeps the account locked until
    it is done.
    """
    before = Entry.objects.filter(
        account_id=account, posting__receipt__document_no=delivery.document_no, posting__reversal__isnull=True
    )
    if (found := before.exclude(posting_id=but.posting_id).select_related("posting").first()) is not None:
        when = clock.to_local(found.posting.occurred_at)
        raise ReceivedAlready(
            _("{pieces} came under this number on {date}.").format(pieces=found.amount, date=f"{when:%Y-%m-%d %H:%M}"),
            pieces=found.amount,
            at=found.posting.occurred_at.isoformat(),
        )


@transaction.atomic
def move(
    *, gift: Gift, source: Station, target: Station, pieces: int, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Posted:
    """Carry pieces from one station's cabinet to another's of the same district. Whoever keeps the first sends them. They
    are booked at the second at once, whoever keeps it; if some do not arrive, its next count finds them missing.

    Raises: InvalidValue; OutOfStock; GiftOfAnotherDistrict; what `access.require` does.   Locks: both stations,
    then both stocks' accounts.
    """
    pieces = ledger.checked_amount("pieces", pieces)
    _require(actor, gift=gift, station=source, other=target)
    posted = ledger.post(
        kind=Posting.Kind.MOVE,
        moves=[(ledger.stock(gift, source), -pieces), (ledger.stock(gift, target), pieces)],
        op_id=op_id,
        actor=actor,
        at=at,
    )
    if posted.is_new:
        _record("stock.moved", gift, source, pieces, actor=actor, at=at, to=target.code)
        # Whoever keeps the other one reads in its trail what came, and from where.
        _record("stock.arrived", gift, target, pieces, actor=actor, at=at, sent_from=source.code)
    return posted


@transaction.atomic
def scrap(
    *, gift: Gift, station: Station, pieces: int, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime
) -> Posted:
    """Take out of the cabinet what can no longer be given to anybody.

    Raises: InvalidValue; PostingReasonMissing; OutOfStock; what `access.require` does.   Locks: Station, then the stock's
    account.
    """
    pieces = ledger.checked_amount("pieces", pieces)
    if not reason.strip():
        raise PostingReasonMissing
    _require(actor, gift=gift, station=station)
    posted = ledger.post(
        kind=Posting.Kind.SCRAP,
        moves=[(ledger.stock(gift, station), -pieces), (ledger.of_gift("scrapped", gift), pieces)],
        op_id=op_id,
        actor=actor,
        at=at,
        reason=reason.strip(),
    )
    if posted.is_new:
        _record("stock.scrapped", gift, station, pieces, actor=actor, at=at, reason=reason.strip())
    return posted


@transaction.atomic
def count(
    *, gift: Gift, station: Station, found: int, witness: str, reason: str, op_id: uuid.UUID, actor: User | str,
    at: datetime,
) -> Counted:  # fmt: skip
    """Say how many pieces are in the cabinet (盘点), those set aside for orders not counted. A difference is a posting.

    Whoever counts does not see what the ledger expects, and a second person watches (监盘人). The same count told again
    (a second tap, a lost answer) is answered as the first time.
    Raises: InvalidValue; CountUnwitnessed; PostingReasonMissing if there is a difference and no reason; what
    `access.require` does.
    Locks: Station, then the stock's account, before it is compared.
    """
    found = found if found == 0 and not isinstance(found, bool) else ledger.checked_amount("found", found)
    if not witness.strip() or witness.strip() == audit.actor_name(actor):
        raise CountUnwitnessed
    _require(actor, gift=gift, station=station)
    account = ledger.stock(gift, station)
    expected = Account.objects.select_for_update(no_key=True).get(pk=account).balance
    said_before = Entry.objects.filter(posting__op_id=op_id, posting__kind=Posting.Kind.COUNT, account=account).first()
    if said_before is not None and said_before.balance_after == found:
        first = Posted(posting_id=said_before.posting_id, balances={account: found}, is_new=False)
        return Counted(found - said_before.amount, found, first)
    difference = found - expected
    posted = None
    if difference:
        if not reason.strip():
            raise PostingReasonMissing(
                _("It is not what the books say. Count once more; if it stays so, write down why.")
            )
        posted = ledger.post(
            kind=Posting.Kind.COUNT,
            moves=[(account, difference), (ledger.of_gift("difference", gift), -difference)],
            op_id=op_id,
            actor=actor,
            at=at,
            approver=witness.strip(),
            reason=reason.strip(),
        )
    _record("stock.counted", gift, station, found, actor=actor, at=at, difference=difference, witness=witness.strip())
    return Counted(expected, found, posted)


def _record(
    kind: str, gift: Gift, station: Station, pieces: int, *, actor: User | str, at: datetime, **said: object
) -> None:
    data = {"gift": gift.code, "pieces": pieces, **said}
    audit.record(kind, subject=("station", station.code), actor=actor, at=at, data=data)


# ── Asked for, and not there ────────────────────────────────────────────────────────────────────────────────────────


def note_wanted(*, gift: Gift, station: Station, at: datetime) -> int:
    """Count somebody who asked for a gift that the station did not have; return today's count. Who it was is recorded nowhere.

    Called by the doors when `redemption.order` or `redeem` raised OutOfStock: that refusal rolls back the verb's
    transaction, and a count made inside would be lost. One statement, so that none is lost among many.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO points_giftwanted AS w (gift_id, station_id, date, times) VALUES (%s, %s, %s, 1)"
            " ON CONFLICT (gift_id, station_id, date) DO UPDATE SET times = w.times + 1 RETURNING times",
            [gift.pk, station.pk, clock.local_date(at)],
        )
        return int(cursor.fetchone()[0])


def wanted(*, gifts: Collection[Gift], at: datetime) -> dict[tuple[int, int], int]:
    """How often each gift was asked for in vain in the last 30 days, by the keys of gift and station."""
    lately = GiftWanted.objects.filter(
        gift__in=gifts, date__gt=clock.local_date(at - LATELY), date__lte=clock.local_date(at)
    )
    totals = lately.order_by().values_list("gift", "station").annotate(total=Sum("times"))
    return {(gift, station): total for gift, station, total in totals}
