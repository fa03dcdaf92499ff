"""Seals: what was posted is signed with a key outside the database, each seal over the one before.

Whoever owns the database can switch its referee off and rewrite rows so that every sum agrees. The seals then do not.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction

from points.models import Seal, SealedPosting
from points.violation import Said

__all__ = ["MOST_POSTINGS", "broken_seals", "seal_ledger"]

# In one seal; a longer backlog is sealed in several.
MOST_POSTINGS = 10_000
_LOCK = 420_200
_FIRST = "0" * 64

# A posting as it is signed, before its entries in the order of their accounts. Instants as microseconds, so that no setting
# of a session changes them.
_POSTINGS = """
SELECT p.id, p.op_id::text, p.kind, p.actor_name, p.approver_name, p.reason, p.source, p.reverses_id,
    (date_part('epoch', p.occurred_at) * 1000000)::int8, (date_part('epoch', p.recorded_at) * 1000000)::int8
FROM points_posting p
"""


# Of each posting its entries, as JSON without blanks: a million rows cost PostgreSQL less to write down than Python to read.
_ENTRIES = """
SELECT e.posting_id, '[' || string_agg(
    '[' || e.id || ',' || e.account_id || ',' || to_json(a.kind) || ',' || e.amount || ','
        || coalesce(e.seq::text, 'null') || ',' || coalesce(e.balance_after::text, 'null') || ']',
    ',' ORDER BY e.account_id
) || ']'
FROM points_entry e JOIN points_account a ON a.id = e.account_id WHERE e.posting_id = ANY(%s::bigint[]) GROUP BY 1
"""


def _numbers(ids: Iterable[int]) -> str:
    """As PostgreSQL reads an array; the driver would look at each."""
    return f"{{{','.join(map(str, ids))}}}"


def _digest(before: str, postings: Sequence[tuple[Any, ...]]) -> str:
    """Of the postings in their order, each with its entries."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [_numbers(posting[0] for posting in postings)])
        own = dict(cursor.fetchall())
    content = hashlib.sha256()
    for posting in postings:
        content.update(orjson.dumps((*posting, orjson.Fragment(own.get(posting[0], "null")))) + b"\n")
    return hmac.digest(settings.LEDGER_SEAL_KEY.encode(), f"{before}\n{content.hexdigest()}".encode(), "sha256").hex()


def seal_ledger(*, now: datetime) -> int:
    """Seal all postings that are committed and not yet sealed; answer how many. The worker's job, every ten minutes.

    A posting may commit after one with a higher id, so it is the transactions that tell: sealed is what no transaction
    that is under way can have written. One from the future was not written here: it came with a restored dump, and is sealed.
    Locks: one sealer at a time; postings go on meanwhile.
    """
    done = 0
    while True:
        with transaction.atomic():
            sealed = _seal_some(now)
        done += sealed
        if sealed < MOST_POSTINGS:
            return done


def _seal_some(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        last = Seal.objects.order_by("-number").first()
        numbered = SealedPosting.objects.order_by("-number").values_list("number", flat=True).first() or 0
        cursor.execute(
            f"{_POSTINGS} WHERE (p.xid < pg_snapshot_xmin(pg_current_snapshot())::text::int8"
            " OR p.xid >= pg_snapshot_xmax(pg_current_snapshot())::text::int8)"
            " AND NOT EXISTS (SELECT FROM points_sealedposting s WHERE s.posting_id = p.id) ORDER BY p.id LIMIT %s",
            [MOST_POSTINGS],
        )
        rows = cursor.fetchall()
    if not rows:
        return 0
    number, before = (1, _FIRST) if last is None else (last.number + 1, last.digest)
    seal = Seal.objects.create(number=number, postings=len(rows), digest=_digest(before, rows), sealed_at=now)
    SealedPosting.objects.bulk_create(
        SealedPosting(number=numbered + place, posting_id=row[0], seal=seal) for place, row in enumerate(rows, 1)
    )
    return len(rows)


def broken_seals(*, since: datetime | None = None) -> Iterator[Said]:
    """What the seals say against the rows, a template of points/violation.py and its values each; nothing when all is as it was sealed.

    With `since`, of the seals since then; the one before is believed.
    """
    before, expected = _FIRST, 1
    seals = Seal.objects.order_by("number")
    if since is not None and (last := seals.filter(sealed_at__lt=since).last()) is not None:
        before, expected = last.digest, last.number + 1
    for seal in seals.filter(number__gte=expected).iterator():
        if seal.number != expected:
            yield "seal %s is missing", expected
            before = seal.digest  # what follows is judged from here on
        else:
            rows = _sealed(seal)
            if len(rows) != seal.postings or _digest(before, rows) != seal.digest:
                yield "seal %s does not agree with its postings", seal.number
            before = seal.digest
        expected = seal.number + 1


def _sealed(seal: Seal) -> list[tuple[Any, ...]]:
    """The seal's postings, as they are now, in the order in which they were sealed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT posting_id FROM points_sealedposting WHERE seal_id = %s ORDER BY number", [seal.number])
        numbers = [number for (number,) in cursor.fetchall()]
        # By their numbers and not by a join, for which PostgreSQL reads all postings there are, for every seal.
        cursor.execute(f"{_POSTINGS} WHERE p.id = ANY(%s::bigint[])", [_numbers(numbers)])
        rows = {row[0]: row for row in cursor.fetchall()}
    return [rows[number] for number in numbers if number in rows]
