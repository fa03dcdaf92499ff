"""The only writer of postings and entries. A posting is one statement (points/sql/posting.sql, which a redemption calls as
well); the database is the referee (points/sql/ledger.sql).

Lock order of the whole program: idempotency key, then rows such as stations and gifts, then accounts in ascending id, which
the statement keeps by itself. One posting moves all or nothing.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from core import audit
from core.errors import DomainError, InvalidValue
from core.models import User
from couriers.models import Courier
from points.errors import (
    FundEmpty,
    NotEnoughPoints,
    NothingReversed,
    OperationReused,
    OutOfStock,
    PostingReasonMissing,
    ReversedAlready,
)
from points.models import Account, Gift, Posting
from stations.models import Station

__all__ = [
    "MOST",
    "Posted",
    "balance_of",
    "checked_amount",
    "expired",
    "fund",
    "of_district",
    "of_gift",
    "post",
    "reserve",
    "reverse",
    "stock",
    "too_little",
    "wallet",
]

# For one entry; a district's whole year comes to less.
MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Posted:
    """What a posting did. `balances` are those of the bounded accounts after it, by the account's id.

    `is_new` is false if the same request came before: then this is what it did at that time.
    """

    posting_id: int
    balances: Mapping[int, int]
    is_new: bool


# ── Accounts ────────────────────────────────────────────────────────────────────────────────────────────────────────
# Made when first needed; if two need one at once, only one makes it.


def wallet(courier: Courier) -> int:
    """The account of a courier's points."""
    return _account("wallet", courier_id=courier.pk)


def fund(district: str) -> int:
    """The account from which a district pays."""
    return _account("fund", division_id=district)


def stock(gift: Gift, station: Station) -> int:
    """The account of a gift's pieces on hand at a station."""
    return _account("stock", gift_id=gift.pk, division_id=str(gift.division_id), station_id=station.pk)


def reserve(gift: Gift, station: Station) -> int:
    """The account of a gift's pieces that are ordered and wait at a station."""
    return _account("reserve", gift_id=gift.pk, division_id=str(gift.division_id), station_id=station.pk)


def of_district(kind: str, district: str) -> int:
    """The account of what a district was allocated, took over from paper, or redeemed."""
    return _account(kind, division_id=district)


def expired() -> int:
    """The account of what expired, in the whole city."""
    return _account("expired")


def of_gift(kind: str, gift: Gift) -> int:
    """The account of a gift's pieces that were received, handed out, scrapped, or found by a count."""
    return _account(kind, gift_id=gift.pk, division_id=str(gift.division_id))


def _account(kind: str, **owner: Any) -> int:
    whole = {"gift_id": None, "division_id": None, "courier_id": None, "station_id": None} | owner
    with connection.cursor() as cursor:
        cursor.execute("SELECT points_account_of(%s, %s, %s, %s, %s)", [kind, *whole.values()])
        return int(cursor.fetchone()[0])


def balance_of(account_id: int) -> int:
    """What a bounded account holds now."""
    return Account.objects.values_list("balance", flat=True).get(pk=account_id, is_bounded=True)


# ── Postings ────────────────────────────────────────────────────────────────────────────────────────────────────────


def checked_amount(parameter: str, value: object) -> int:
    """`value` as a number of points or pieces.

    Raises: InvalidValue, naming the parameter, unless it is an integer from 1 to a billion.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise InvalidValue(
            parameter, _("Give a whole number from {least} to {most}.").format(least=1, most=MOST), value=value
        )
    return value


def post(
    *,
    kind: str,
    moves: Sequence[tuple[int, int]],
    op_id: uuid.UUID,
    actor: User | str,
    at: datetime,
    approver: User | str | None = None,
    reason: str = "",
    source: str = "",
    reverses: int | None = None,
) -> Posted:
    """Write one posting: `moves` are (account, amount), which come to 0 in each unit.

    Raises: NotEnoughPoints, FundEmpty, OutOfStock with `balance` and `needed`; OperationReused when `op_id` stands for
    something else; ReversedAlready.   Locks: the bounded accounts in ascending id.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT posting, account, balance FROM points_post(%s, %s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::bigint[])",
                [
                    op_id, kind, audit.actor_name(actor), "" if approver is None else audit.actor_name(approver), reason,
                    source, reverses, at, [account for account, _amount in moves], [amount for _account, amount in moves],
                ],
            )  # fmt: skip
            rows = cursor.fetchall()
    except IntegrityError as error:
        _refuse(error)
    if not rows:
        return _posted_before(op_id, kind, moves)
    return Posted(
        posting_id=rows[0][0],
        balances={account: balance for _posting, account, balance in rows if balance is not None},
        is_new=True,
    )


def _posted_before(op_id: uuid.UUID, kind: str, moves: Sequence[tuple[int, int]]) -> Posted:
    posting = Posting.objects.prefetch_related("entries").get(op_id=op_id)
    entries = list(posting.entries.all())
    if posting.kind != kind or sorted((each.account_id, each.amount) for each in entries) != sorted(moves):
        raise OperationReused
    balances = {each.account_id: each.balance_after for each in entries if each.balance_after is not None}
    return Posted(posting_id=posting.pk, balances=balances, is_new=False)


_TOO_LITTLE: dict[str, type[DomainError]] = {
    "wallet": NotEnoughPoints,
    "fund": FundEmpty,
    "stock": OutOfStock,
    "reserve": OutOfStock,
}


def too_little(told: Mapping[str, Any]) -> DomainError:
    """What the referee says of an account that holds too little, in our words."""
    detail = _("There are {balance}, and {needed} are needed.").format(balance=told["balance"], needed=told["needed"])
    return _TOO_LITTLE[told["kind"]](detail, balance=told["balance"], needed=told["needed"])


def _refuse(error: IntegrityError) -> NoReturn:
    """The referee's refusal in our words; errors that are the program's own fault are passed on unchanged."""
    said = getattr(error.__cause__, "diag", None)
    match getattr(said, "constraint_name", None):
        case "points_account_balance_gte_0":
            raise too_little(json.loads(said.message_detail)) from error  # type: ignore[union-attr]
        case "points_posting_reverses_id_key":
            raise ReversedAlready from error
    raise error


@transaction.atomic
def reverse(*, posting: Posting, reason: str, op_id: uuid.UUID, actor: User | str, at: datetime) -> Posted:
    """Take a posting back by another one, equal and opposite. The caller checks who may.

    Raises: PostingReasonMissing; NothingReversed; ReversedAlready; NotEnoughPoints and its like if what it gave is spent.
    Locks: as `post`.
    """
    if not reason.strip():
        raise PostingReasonMissing
    if posting.kind == Posting.Kind.REVERSAL:
        raise NothingReversed
    moves = [(account, -amount) for account, amount in posting.entries.values_list("account_id", "amount")]
    posted = post(
        kind=Posting.Kind.REVERSAL, moves=moves, op_id=op_id, actor=actor, at=at, reason=reason.strip(),
        reverses=posting.pk,
    )  # fmt: skip
    if posted.is_new:
        audit.record(
            "posting.reversed",
            subject=("posting", str(posting.pk)),
            actor=actor,
            at=at,
            data={"reason": reason.strip()},
        )
    return posted
