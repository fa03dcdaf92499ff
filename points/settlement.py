"""The settlement (结算表) of a month or a year: points are the city's, so a district may pay for what another one hands out."""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from core import clock

__all__ = ["Settled", "settlement"]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a district gave in some months, and what was redeemed at its counters; both in points, less reversals.

    It gives what its fund pays, and what it brings over from a paper ledger: it made those points.
    Of the redeemed points `late` were written on paper and entered afterwards, and `after` of those when the months were over.
    """

    district: str
    paid: int
    redeemed: int
    late: int = 0
    after: int = 0

    @property
    def owes(self) -> int:
        """How much more it gave than its counters took in; if negative, the others owe it that much."""
        return self.paid - self.redeemed


def settlement(*, month: date, months: int = 1) -> list[Settled]:
    """The districts with any movement in the months that begin with that of this day, by code. Nothing is stored: the ledger
    has it all.
    """
    begins, ends = (clock.local_midnight(clock.first_of_month(month, months=later)) for later in (0, months))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.division_id,"
            # A reversal has the opposite sign, and so is subtracted.
            " coalesce(-sum(e.amount) FILTER (WHERE a.kind IN ('fund', 'opening')), 0),"
            " coalesce(sum(e.amount) FILTER (WHERE a.kind = 'redeemed'), 0),"
            # A posting entered from a paper form names the form's line; its reversal is treated the same.
            " coalesce(sum(e.amount) FILTER (WHERE a.kind = 'redeemed' AND coalesce(o.kind, p.kind) = 'redemption'"
            " AND coalesce(o.source, p.source) <> ''), 0),"
            " coalesce(sum(e.amount) FILTER (WHERE a.kind = 'redeemed' AND coalesce(o.kind, p.kind) = 'redemption'"
            " AND coalesce(o.source, p.source) <> '' AND p.recorded_at >= %s), 0)"
            " FROM points_entry e JOIN points_account a ON a.id = e.account_id JOIN points_posting p ON p.id = e.posting_id"
            " LEFT JOIN points_posting o ON o.id = p.reverses_id"
            " WHERE a.kind IN ('fund', 'opening', 'redeemed') AND 'allocation' NOT IN (p.kind, coalesce(o.kind, ''))"
            " AND p.occurred_at >= %s AND p.occurred_at < %s GROUP BY 1 ORDER BY 1",
            [ends, begins, ends],
        )
        return [Settled(district, *map(int, points)) for district, *points in cursor.fetchall()]
