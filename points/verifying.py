"""Whether the ledger is what it must be, checked in the rows themselves, without relying on the triggers that keep them so.

Each invariant is one SQL statement that names what breaks it, except for partners' keys and seals, which are digests. All
are checked in one snapshot.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection, transaction

from core.models import IdempotentRequest
from points import sealing
from points.violation import Said, Violation

__all__ = [
    "CODES", "INVARIANTS", "MOST_NAMED", "Invariant", "Within", "broken_invariants", "size", "snapshot",
    "verify_ledger", "violations",
]  # fmt: skip

# A thousand broken rows are named; more would add nothing.
MOST_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold at every moment. `sql` selects what breaks it, one row each: a JSON array of a template of
    points/violation.py and its values.

    `@P(x)` stands for "posting x is being checked", `@A(x)` for the same of an account.
    """

    code: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class Within:
    """The part of the ledger that is checked: postings since a moment, or those that touch a district, that is, its
    accounts and the wallets of its couriers. Accounts that they touched are read from their first entry.
    """

    district: str = ""
    since: datetime | None = None

    def statement(self, sql: str) -> str:
        """`sql` with its placeholders filled in."""
        if not self.district and self.since is None:
            return re.sub(r"@[PA]\([\w.]+\)", "TRUE", sql)
        filled = re.sub(r"@P\(([\w.]+)\)", r"\1 IN (SELECT id FROM seen_posting)", sql)
        filled = re.sub(r"@A\(([\w.]+)\)", r"\1 IN (SELECT id FROM seen_account)", filled)
        since = "TRUE" if self.since is None else f"p.recorded_at >= '{self.since.isoformat()}'::timestamptz"
        if self.district and not self.district.isdecimal():
            raise ValueError(self.district)
        place = f"(a.division_id = '{self.district}' OR c.division_id = '{self.district}')" if self.district else "TRUE"
        return (
            "WITH seen AS (SELECT p.id AS posting, a.id AS account FROM points_posting p"  # noqa: S608 - a moment and digits
            " JOIN points_entry e ON e.posting_id = p.id JOIN points_account a ON a.id = e.account_id"
            f" LEFT JOIN couriers_courier c ON c.id = a.courier_id WHERE {since} AND {place}),"
            # A posting without entries touches nothing, and is wrong wherever it belongs.
            f" seen_posting AS (SELECT posting AS id FROM seen UNION SELECT p.id FROM points_posting p WHERE {since}"
            " AND NOT EXISTS (SELECT FROM points_entry e WHERE e.posting_id = p.id)),"
            f" seen_account AS (SELECT DISTINCT account AS id FROM seen) {filled}"
        )


ALL = Within()

INVARIANTS = (
    Invariant(
        "I1",
        "every posting has a known kind and entries, which come to 0 in each unit and lie in one district",
        """
        SELECT json_build_array('posting %s has no entries', p.id) FROM points_posting p
        WHERE @P(p.id) AND NOT EXISTS (SELECT FROM points_entry e WHERE e.posting_id = p.id)
        UNION ALL
        SELECT json_build_array('posting %s is of no known kind', p.id) FROM points_posting p
        WHERE @P(p.id) AND p.kind NOT IN (
            'allocation', 'opening', 'award', 'redemption', 'order', 'handover', 'expiry', 'merge', 'receipt', 'move', 'count',
            'scrap', 'reversal'
        )
        UNION ALL
        -- One pass over the entries for both.
        SELECT broken.said FROM (
            SELECT x.posting_id, min(x.first) <> max(x.last) AS is_of_several,
                -- The gift is looked up for what is wrong alone.
                array_agg(json_build_array('posting %s comes to %s of “%s”', x.posting_id, x.amount,
                    coalesce((SELECT g.code FROM points_gift g WHERE g.id = x.gift_id), 'points')
                )) FILTER (WHERE x.amount <> 0) AS unequal
            FROM (SELECT e.posting_id, a.gift_id, sum(e.amount) AS amount, min(a.division_id COLLATE "C") AS first,
                      max(a.division_id COLLATE "C") AS last
                  FROM points_entry e JOIN points_account a ON a.id = e.account_id WHERE @P(e.posting_id) GROUP BY 1, 2) x
            GROUP BY x.posting_id HAVING bool_or(x.amount <> 0) OR min(x.first) <> max(x.last)
        ) y CROSS JOIN LATERAL unnest(array_append(
            y.unequal,
            CASE WHEN y.is_of_several THEN json_build_array('posting %s moves what belongs to two districts', y.posting_id) END
        )) broken (said) WHERE broken.said IS NOT NULL
        """,
    ),
    Invariant(
        "I2",
        "a bounded balance is the sum of its entries and what the last of them says",
        """
        SELECT json_build_array('account %s holds %s, its entries come to %s, the last says %s',
            a.id, a.balance, coalesce(s.total, 0), coalesce(x.last_balance, 0))
        FROM points_account a
        LEFT JOIN (SELECT account_id, sum(amount) AS total FROM points_entry GROUP BY 1) s ON s.account_id = a.id
        LEFT JOIN LATERAL (
            SELECT e.balance_after AS last_balance FROM points_entry e
            WHERE e.account_id = a.id ORDER BY e.seq DESC LIMIT 1
        ) x ON TRUE
        WHERE @A(a.id) AND a.is_bounded
            AND (a.balance <> coalesce(s.total, 0) OR a.balance <> coalesce(x.last_balance, 0))
        """,
    ),
    Invariant(
        "I3",
        "the entries of a bounded account are numbered from 1 without a gap, each balance following from the one before",
        """
        SELECT json_build_array('account %s: entry %s has number %s after %s', x.account_id, x.id, x.seq, x.place - 1)
        FROM (
            SELECT e.id, e.account_id, e.seq, e.amount, e.balance_after, row_number() OVER own AS place,
                coalesce(lag(e.balance_after) OVER own, 0) AS balance_before
            FROM points_entry e JOIN points_account a ON a.id = e.account_id AND a.is_bounded WHERE @A(a.id)
            WINDOW own AS (PARTITION BY e.account_id ORDER BY e.seq)
        ) x
        WHERE x.seq IS DISTINCT FROM x.place OR x.balance_after IS DISTINCT FROM x.balance_before + x.amount
        UNION ALL
        SELECT json_build_array('account %s says number %s, its last entry is %s', a.id, a.seq, x.last)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT coalesce(max(e.seq), 0) AS last FROM points_entry e WHERE e.account_id = a.id
        ) x WHERE @A(a.id) AND a.seq <> x.last
        """,
    ),
    Invariant(
        "I4",
        "no bounded account was ever below zero, no other has a balance, and each belongs to what its kind says",
        """
        SELECT json_build_array('entry %s left %s on account %s', e.id, e.balance_after, e.account_id)
        FROM points_entry e JOIN points_account a ON a.id = e.account_id
        WHERE @A(a.id) AND (a.is_bounded AND (e.balance_after IS NULL OR e.balance_after < 0)
            OR NOT a.is_bounded AND (e.balance_after IS NOT NULL OR e.seq IS NOT NULL OR a.balance <> 0))
        UNION ALL
        SELECT json_build_array(CASE WHEN a.is_bounded THEN 'account %s is of the kind “%s”, and its balance is kept'
            ELSE 'account %s is of the kind “%s”, and its balance is not kept' END, a.id, a.kind)
        FROM points_account a WHERE @A(a.id) AND a.is_bounded <> (a.kind IN ('wallet', 'fund', 'stock', 'reserve'))
        UNION ALL
        SELECT json_build_array('account %s is of the kind “%s”, and belongs to something else', a.id, a.kind) FROM points_account a
        WHERE @A(a.id) AND NOT points_owner_fits(a.kind, a.courier_id, a.gift_id, a.division_id, a.station_id)
        """,
    ),
    Invariant(
        "I5",
        "all entries together come to 0 in each unit",
        """
        SELECT json_build_array('“%s” come to %s', coalesce(g.code, 'points'), x.amount)
        FROM (SELECT a.gift_id, sum(t.amount) AS amount
              FROM (SELECT e.account_id, sum(e.amount) AS amount FROM points_entry e WHERE @P(e.posting_id) GROUP BY 1) t
              JOIN points_account a ON a.id = t.account_id GROUP BY 1 HAVING sum(t.amount) <> 0) x
        LEFT JOIN points_gift g ON g.id = x.gift_id
        """,
    ),
    Invariant(
        "I6",
        "what was reversed was reversed once, by the equal and opposite",
        """
        SELECT json_build_array('posting %s does not take back posting %s', p.id, p.reverses_id)
        FROM points_posting p JOIN points_posting o ON o.id = p.reverses_id
        WHERE @P(p.id) AND (p.kind <> 'reversal' OR o.kind = 'reversal' OR EXISTS (
            (SELECT account_id, amount FROM points_entry WHERE posting_id = p.id
             EXCEPT SELECT account_id, -amount FROM points_entry WHERE posting_id = o.id)
            UNION ALL
            (SELECT account_id, -amount FROM points_entry WHERE posting_id = o.id
             EXCEPT SELECT account_id, amount FROM points_entry WHERE posting_id = p.id)
        ))
        UNION ALL
        SELECT json_build_array('posting %s is reversed %s times', reverses_id, count(*))
        FROM points_posting WHERE @P(id) AND reverses_id IS NOT NULL GROUP BY reverses_id HAVING count(*) > 1
        """,
    ),
    Invariant(
        "I7",
        "an order, its end and what is set aside for it agree",
        """
        -- What was entered afterwards names the line of its form, and its posting the same.
        SELECT json_build_array('redemption %s is “%s”, its postings are “%s” and “%s”', r.code, r.status, concat_ws(' ', o.kind, nullif(o.source, '')),
            coalesce(x.kind, 'none'))
        FROM points_redemption r JOIN points_posting o ON o.id = r.ordered_id LEFT JOIN points_posting x ON x.id = r.ended_id
        LEFT JOIN points_posting y ON y.id = r.returned_id
        LEFT JOIN points_account w ON w.kind = 'wallet' AND w.courier_id = r.courier_id
        LEFT JOIN points_entry e ON e.posting_id = r.ordered_id AND e.account_id = w.id
        WHERE (@P(o.id) OR @P(x.id) OR @P(y.id)) AND (o.source <> coalesce(r.form_no || '/' || r.form_line, '') OR NOT (
            r.status = 'ordered' AND o.kind = 'order' AND x.id IS NULL
            OR r.status = 'handed-over' AND o.kind = 'order' AND x.kind = 'handover'
            OR r.status = 'handed-over' AND o.kind = 'redemption' AND x.id = o.id
            OR r.status IN ('cancelled', 'expired') AND o.kind = 'order' AND x.reverses_id = o.id
            OR r.status = 'returned' AND y.reverses_id = o.id AND (
                o.kind = 'redemption' AND x.id = o.id
                OR o.kind = 'order' AND x.kind = 'handover' AND EXISTS (SELECT FROM points_posting z WHERE z.reverses_id = x.id)
            )
        ) OR r.points IS DISTINCT FROM -e.amount)
        UNION ALL
        -- What was taken back neither waits nor is in somebody's hand.
        SELECT json_build_array('redemption %s is “%s”, its posting %s was taken back', r.code, r.status, z.reverses_id)
        FROM points_posting z JOIN points_redemption r ON z.reverses_id IN (r.ordered_id, r.ended_id)
        WHERE @P(z.id) AND z.reverses_id IS NOT NULL AND r.status IN ('ordered', 'handed-over')
        UNION ALL
        SELECT json_build_array('%s of gift %s are set aside at station %s, %s orders wait', a.balance, a.gift_id, a.station_id, x.waiting)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT count(*) AS waiting FROM points_redemption r
            WHERE r.status = 'ordered' AND r.gift_id = a.gift_id AND r.station_id = a.station_id
        ) x WHERE @A(a.id) AND a.kind = 'reserve' AND a.balance <> x.waiting
        """,
    ),
    Invariant(
        "I8",
        "every award is one posting, of the same courier, points and fund",
        """
        SELECT json_build_array('posting %s is an award and no award says so', p.id) FROM points_posting p
        WHERE @P(p.id) AND p.kind = 'award' AND NOT EXISTS (SELECT FROM points_award w WHERE w.posting_id = p.id)
        UNION ALL
        SELECT json_build_array('award %s says %s points, its posting does not', w.posting_id, w.points)
        FROM points_award w LEFT JOIN points_entry e ON e.posting_id = w.posting_id LEFT JOIN points_account a ON a.id = e.account_id
        WHERE @P(w.posting_id) GROUP BY w.posting_id
        HAVING bool_or(a.courier_id = w.courier_id AND e.amount = w.points) IS NOT TRUE
            OR bool_or(a.kind = 'fund' AND a.division_id = w.district_id AND e.amount = -w.points) IS NOT TRUE
        """,
    ),
    Invariant(
        "I10",
        "no district has spent more than the city allocated to it",
        """
        SELECT json_build_array('the fund of %s holds %s more than was allocated', a.division_id, a.balance - x.allocated)
        FROM points_account a CROSS JOIN LATERAL (
            SELECT coalesce(-sum(e.amount), 0) AS allocated FROM points_entry e JOIN points_account i ON i.id = e.account_id
            WHERE i.kind = 'issued' AND i.division_id = a.division_id
        ) x WHERE @A(a.id) AND a.kind = 'fund' AND a.balance > x.allocated
        """,
    ),
    Invariant(
        "I12",
        "whoever did or approved it had the duty for it there at that time; superusers had, and programs are no accounts",
        """
        SELECT json_build_array('posting %s (“%s”) was done or signed by %s, who had no duty for it then', p.id, p.kind, u.username)
        FROM points_posting p
        JOIN (VALUES
            ('allocation', 'issued', '{manage}'::text[]), ('opening', 'opening', '{manage}'),
            ('award', 'fund', '{manage,review}'), ('redemption', 'stock', '{manage,counter}'),
            ('handover', 'reserve', '{manage,counter}'), ('receipt', 'stock', '{manage,counter}'),
            ('move', 'stock', '{manage,counter}'), ('count', 'stock', '{manage,counter}'),
            ('scrap', 'stock', '{manage,counter}')
        ) needed (kind, account, duties) ON needed.kind = p.kind
        -- Who watched a count needs no account.
        -- What was written on paper first is signed for when it is entered, which the database itself has timed.
        CROSS JOIN LATERAL (
            SELECT CASE WHEN p.kind = 'redemption' AND p.source <> '' THEN p.recorded_at ELSE p.occurred_at END AS at
        ) signed
        CROSS JOIN LATERAL (VALUES (p.actor_name), (CASE p.kind WHEN 'count' THEN '' ELSE p.approver_name END)) who (name)
        JOIN core_user u ON u.username = who.name AND NOT u.is_superuser
        -- Whoever sends pieces to another cabinet keeps the one they leave.
        JOIN points_entry e ON e.posting_id = p.id AND (p.kind <> 'move' OR e.amount < 0)
        JOIN points_account a ON a.id = e.account_id AND a.kind = needed.account
        LEFT JOIN stations_station s ON s.id = a.station_id
        -- Where a station was entered before its division was corrected, and until when: the trail keeps it.
        LEFT JOIN (
            SELECT m.id AS station_id, t.data #>> '{changed,division,before}' AS division_id, t.occurred_at AS until,
                lag(t.occurred_at, 1, '-infinity') OVER (PARTITION BY m.id ORDER BY t.occurred_at, t.id) AS since
            FROM core_auditevent t JOIN stations_station m ON m.code = t.subject_code
            WHERE t.kind = 'station.changed' AND t.subject_type = 'station' AND t.data #> '{changed,division}' IS NOT NULL
        ) lay ON lay.station_id = a.station_id AND signed.at > lay.since AND signed.at <= lay.until
        WHERE @P(p.id) AND NOT EXISTS (
            SELECT FROM stations_staffrole r
            WHERE r.user_id = u.id AND r.starts_at <= signed.at AND (r.ends_at IS NULL OR r.ends_at > signed.at)
            AND r.duties::text[] && needed.duties AND (
                r.station_id = a.station_id
                -- The city allocates; all else belongs to a district, and to a station there or not.
                OR starts_with(
                    CASE WHEN p.kind = 'allocation' THEN '4201' ELSE coalesce(lay.division_id, s.division_id, a.division_id) END,
                    r.division_id
                )
            )
        )
        GROUP BY p.id, p.kind, u.username
        """,
    ),
)
KEYS, SEALS = "I9", "I11"
CODES = (*(invariant.code for invariant in INVARIANTS), KEYS, SEALS)


def verify_ledger(within: Within = ALL) -> Iterator[Violation]:
    """Everything that is wrong, invariant by invariant. Nothing is changed.

    Reads the whole ledger, or the part `within`, in one REPEATABLE READ snapshot. Memory does not grow with the ledger.
    Seals cover all districts together; those since the moment are checked.
    """
    with snapshot():
        yield from violations(within)


@contextmanager
def snapshot() -> Iterator[None]:
    """One snapshot of the ledger for everything checked inside, which can change nothing."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Postings and entries are joined over and over; with PostgreSQL's default of 4 MB each join would use the disk.
            cursor.execute("SET LOCAL work_mem = '64MB'")
        yield


def violations(within: Within = ALL) -> Iterator[Violation]:
    """What is wrong with rows and seals, as the caller's transaction sees them."""
    if within == ALL:
        with connection.cursor() as cursor:
            # When everything is read, whole tables are joined: looking up each row by its number costs a tenth more.
            cursor.execute("SET LOCAL enable_nestloop = off")
    yield from broken_invariants(within)
    yield from (Violation(SEALS, said) for said in sealing.broken_seals(since=within.since))


def size(within: Within = ALL) -> tuple[int, int]:
    """How many postings and entries are checked."""
    with connection.cursor() as cursor:
        cursor.execute(within.statement("SELECT count(*) FROM points_posting p WHERE @P(p.id)"))
        (postings,) = cursor.fetchone()
        cursor.execute(within.statement("SELECT count(*) FROM points_entry e WHERE @P(e.posting_id)"))
        (entries,) = cursor.fetchone()
    return postings, entries


def broken_invariants(within: Within = ALL) -> Iterator[Violation]:
    """What breaks the invariants of the rows, as the caller's transaction sees them."""
    with connection.cursor() as cursor:
        for invariant in INVARIANTS:
            asked = f"SELECT said FROM ({invariant.sql}) broken (said) LIMIT {MOST_NAMED}"  # noqa: S608 - constants
            cursor.execute(within.statement(asked))
            yield from (Violation(invariant.code, said) for (said,) in cursor.fetchall())
    yield from (Violation(KEYS, said) for said in islice(_broken_keys(within), MOST_NAMED))


# ── Keys of partners ────────────────────────────────────────────────────────────────────────────────────────────────

# Answers are kept for 30 days (core/idempotency.py); a day less, so that none that was just deleted is missed.
_BY_PARTNERS = "(starts_with(p.actor_name, 'partner ') AND p.recorded_at > now() - interval '29 days')"
_KEYS_AT_ONCE = 10_000


def _answers() -> Iterator[dict[uuid.UUID, tuple[str, str, int]]]:
    """The kept answers to partners, some thousand at a time: client, key and status by the number of the posting that the
    request would have made."""
    last = 0
    while True:
        rows = IdempotentRequest.objects.filter(pk__gt=last, client__isnull=False).order_by("pk")
        chunk = list(rows.values_list("pk", "client", "key", "status")[:_KEYS_AT_ONCE])
        if not chunk:
            return
        last = chunk[-1][0]
        yield {
            uuid.uuid5(uuid.NAMESPACE_URL, f"idempotent:{client}:{key}"): (str(client), key, status)
            for _pk, client, key, status in chunk
        }


def _broken_keys(within: Within) -> Iterator[Said]:
    """Check that partners' postings and the answers kept for them agree: each posting has the answer 201 under its key, and
    no refusal has a posting.

    An answer does not say at which door it was given, so a 201 without a posting is not reported.
    """
    fresh = 0
    with connection.cursor() as cursor:
        for answers in _answers():
            asked = f"SELECT p.op_id, p.id, p.actor_name, {_BY_PARTNERS} FROM points_posting p WHERE @P(p.id)"  # noqa: S608
            cursor.execute(
                within.statement(asked) + " AND p.op_id = ANY (%s::uuid[])", [[str(each) for each in answers]]
            )  # fmt: skip
            for op_id, posting, actor, is_fresh in cursor.fetchall():
                client, key, status = answers[op_id]
                fresh += is_fresh
                if status != 201:
                    yield (
                        "posting %s was made under key %s of %s, which was answered with %s",
                        posting,
                        key,
                        client,
                        status,
                    )
                elif actor != f"partner {client}":
                    yield "posting %s by %s was made under key %s of %s", posting, actor, key, client
        cursor.execute(within.statement(f"SELECT count(*) FROM points_posting p WHERE @P(p.id) AND {_BY_PARTNERS}"))  # noqa: S608
        if cursor.fetchone()[0] > fresh:
            yield from _without_a_key(within)


def _without_a_key(within: Within) -> Iterator[Said]:
    """The recent postings of partners that have no kept answer. Called only if there are some, since it holds all answers
    in memory.
    """
    with connection.cursor() as cursor:
        asked = f"SELECT p.op_id, p.id, p.actor_name FROM points_posting p WHERE @P(p.id) AND {_BY_PARTNERS}"  # noqa: S608
        cursor.execute(within.statement(asked))
        left = {op_id: (posting, actor) for op_id, posting, actor in cursor.fetchall()}
    for answers in _answers():
        for op_id in answers:
            left.pop(op_id, None)
    yield from (
        ("posting %s by %s was made under a key that no answer is kept for", posting, actor)
        for posting, actor in sorted(left.values())
    )
