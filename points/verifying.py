"""Whether the ledger is what it must be, asked of the rows themselves and not of the triggers that keep them so.

Each invariant is one SQL statement that names what breaks it. All are asked of one snapshot.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection, transaction

from points import sealing

__all__ = ["INVARIANTS", "Invariant", "Violation", "broken_invariants", "verify_ledger"]

# A thousand broken rows are named; who has more knows enough.
MOST_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Invariant:
    """What holds at every moment. `sql` selects what breaks it, a sentence a row."""

    code: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class Violation:
    invariant: str
    sentence: str


INVARIANTS = (
    Invariant(
        "I1",
        "every posting has entries, which come to 0 in each unit and lie in one district",
        """
        SELECT format('posting %s has no entries', p.id) FROM points_posting p
        WHERE NOT EXISTS (SELECT FROM points_entry e WHERE e.posting_id = p.id)
        UNION ALL
        SELECT format('posting %s comes to %s of %s', x.posting_id, x.amount, coalesce(g.code, 'points'))
        FROM (SELECT e.posting_id, a.gift_id, sum(e.amount) AS amount FROM points_entry e
              JOIN points_account a ON a.id = e.account_id GROUP BY 1, 2 HAVING sum(e.amount) <> 0) x
        LEFT JOIN points_gift g ON g.id = x.gift_id
        UNION ALL
        SELECT format('posting %s moves what belongs to %s districts', e.posting_id, count(DISTINCT a.division_id))
        FROM points_entry e JOIN points_account a ON a.id = e.account_id
        GROUP BY e.posting_id HAVING count(DISTINCT a.division_id) > 1
        """,
    ),
    Invariant(
        "I2",
        "a bounded balance is the sum of its entries and what the last of them says",
        """
        SELECT format('account %s holds %s, its entries come to %s, the last says %s',
            a.id, a.balance, x.total, coalesce(x.last_balance, 0))
        FROM points_account a CROSS JOIN LATERAL (
            SELECT coalesce(sum(e.amount), 0) AS total, (array_agg(e.balance_after ORDER BY e.seq DESC))[1] AS last_balance
            FROM points_entry e WHERE e.account_id = a.id
        ) x
        WHERE a.is_bounded AND (a.balance <> x.total OR a.balance <> coalesce(x.last_balance, 0))
        """,
    ),
    Invariant(
        "I3",
        "the entries of a bounded account are numbered from 1 without a gap, each balance following from the one before",
        """
        SELECT format('account %s: entry %s has number %s after %s', x.account_id, x.id, x.seq, x.place - 1)
        FROM (
            SELECT e.*, row_number() OVER own AS place,
                coalesce(lag(e.balance_after) OVER own, 0) AS balance_before
            FROM points_entry e JOIN points_account a ON a.id = e.account_id AND a.is_bounded
            WINDOW own AS (PARTITION BY e.account_id ORDER BY e.seq NULLS FIRST)
        ) x
        WHERE x.seq IS DISTINCT FROM x.place OR x.balance_after IS DISTINCT FROM x.balance_before + x.amount
        UNION ALL
        SELECT format('account %s says number %s, its last entry is %s', a.id, a.seq, x.last)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT coalesce(max(e.seq), 0) AS last FROM points_entry e WHERE e.account_id = a.id
        ) x WHERE a.seq <> x.last
        """,
    ),
    Invariant(
        "I4",
        "no bounded account was ever below zero, and no other has a balance",
        """
        SELECT format('entry %s left %s on account %s', e.id, e.balance_after, e.account_id)
        FROM points_entry e JOIN points_account a ON a.id = e.account_id
        WHERE a.is_bounded AND (e.balance_after IS NULL OR e.balance_after < 0)
            OR NOT a.is_bounded AND (e.balance_after IS NOT NULL OR e.seq IS NOT NULL OR a.balance <> 0)
        """,
    ),
    Invariant(
        "I5",
        "all entries together come to 0 in each unit",
        """
        SELECT format('%s come to %s', coalesce(g.code, 'points'), x.amount)
        FROM (SELECT a.gift_id, sum(e.amount) AS amount FROM points_entry e
              JOIN points_account a ON a.id = e.account_id GROUP BY 1 HAVING sum(e.amount) <> 0) x
        LEFT JOIN points_gift g ON g.id = x.gift_id
        """,
    ),
    Invariant(
        "I6",
        "what was reversed was reversed once, by the equal and opposite",
        """
        SELECT format('posting %s does not take back posting %s', p.id, p.reverses_id)
        FROM points_posting p JOIN points_posting o ON o.id = p.reverses_id
        WHERE p.kind <> 'reversal' OR o.kind = 'reversal' OR EXISTS (
            (SELECT account_id, amount FROM points_entry WHERE posting_id = p.id
             EXCEPT SELECT account_id, -amount FROM points_entry WHERE posting_id = o.id)
            UNION ALL
            (SELECT account_id, -amount FROM points_entry WHERE posting_id = o.id
             EXCEPT SELECT account_id, amount FROM points_entry WHERE posting_id = p.id)
        )
        UNION ALL
        SELECT format('posting %s is reversed %s times', reverses_id, count(*))
        FROM points_posting WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I7",
        "an order, its end and what is set aside for it agree",
        """
        SELECT format('redemption %s is %s, its postings are %s and %s', r.code, r.status, o.kind, coalesce(x.kind, 'none'))
        FROM points_redemption r JOIN points_posting o ON o.id = r.ordered_id LEFT JOIN points_posting x ON x.id = r.ended_id
        WHERE NOT (
            r.status = 'ordered' AND o.kind = 'order' AND x.id IS NULL
            OR r.status = 'handed-over' AND o.kind = 'order' AND x.kind = 'handover'
            OR r.status = 'handed-over' AND o.kind = 'redemption' AND x.id = o.id
            OR r.status IN ('cancelled', 'expired') AND o.kind = 'order' AND x.reverses_id = o.id
        ) OR r.points <> (
            SELECT -sum(e.amount) FROM points_entry e JOIN points_account a ON a.id = e.account_id
            WHERE e.posting_id = o.id AND a.kind = 'wallet' AND a.courier_id = r.courier_id
        )
        UNION ALL
        SELECT format('%s of gift %s are set aside at station %s, %s orders wait', a.balance, a.gift_id, a.station_id, x.waiting)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT count(*) AS waiting FROM points_redemption r
            WHERE r.status = 'ordered' AND r.gift_id = a.gift_id AND r.station_id = a.station_id
        ) x WHERE a.kind = 'reserve' AND a.balance <> x.waiting
        """,
    ),
    Invariant(
        "I8",
        "every award is one posting, of the same courier, points and fund",
        """
        SELECT format('posting %s is an award and no award says so', p.id) FROM points_posting p
        WHERE p.kind = 'award' AND NOT EXISTS (SELECT FROM points_award w WHERE w.posting_id = p.id)
        UNION ALL
        SELECT format('award %s says %s points, its posting does not', w.posting_id, w.points) FROM points_award w
        WHERE NOT EXISTS (
            SELECT FROM points_entry e JOIN points_account a ON a.id = e.account_id
            WHERE e.posting_id = w.posting_id AND a.courier_id = w.courier_id AND e.amount = w.points
        ) OR NOT EXISTS (
            SELECT FROM points_entry e JOIN points_account a ON a.id = e.account_id
            WHERE e.posting_id = w.posting_id AND a.kind = 'fund' AND a.division_id = w.district_id AND e.amount = -w.points
        )
        """,
    ),
    Invariant(
        "I10",
        "no district has spent more than the city allocated to it",
        """
        SELECT format('the fund of %s holds %s more than was allocated', a.division_id, a.balance - x.allocated)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT coalesce(-sum(e.amount), 0) AS allocated FROM points_entry e JOIN points_account i ON i.id = e.account_id
            WHERE i.kind = 'issued' AND i.division_id = a.division_id
        ) x WHERE a.kind = 'fund' AND a.balance > x.allocated
        """,
    ),
)
SEALS = "I11"


def verify_ledger() -> Iterator[Violation]:
    """Everything that is wrong, in the order of the invariants. Nothing is changed.

    Reads the whole ledger, in one REPEATABLE READ snapshot. Memory does not grow with the ledger.
    """
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield from broken_invariants()
        yield from (Violation(SEALS, sentence) for sentence in sealing.broken_seals())


def broken_invariants() -> Iterator[Violation]:
    """What breaks the invariants of the rows, as the caller's transaction sees them."""
    with connection.cursor() as cursor:
        for invariant in INVARIANTS:
            cursor.execute(f"SELECT said FROM ({invariant.sql}) broken (said) LIMIT {MOST_NAMED}")  # noqa: S608 - constants
            yield from (Violation(invariant.code, sentence) for (sentence,) in cursor.fetchall())
