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

__all__ = ["MOST_POSTINGS", "broken_seals", "key_is_known", "seal_ledger"]

# For one seal; a longer backlog is split into several.
MOST_POSTINGS = 10_000
_LOCK = 420_200
_FIRST = "0" * 64

# A posting as it is signed, before its entries in the order of their accounts. Instants are microseconds, so that no
# session setting changes them.
_POSTINGS = """
SELECT p.id, p.op_id::text, p.kind, p.actor_name, p.approver_name, p.reason, p.source, p.reverses_id,
    (date_part('epoch', p.occurred_at) * 1000000)::int8, (date_part('epoch', p.recorded_at) * 1000000)::int8
FROM points_posting p
"""


# Each posting's entries, as JSON without spaces: writing a million rows costs PostgreSQL less than reading them costs
# Python.
_ENTRIES = """
SELECT e.posting_id, '[' || string_agg(
    '[' || e.id || ',' || e.account_id || ',' || to_json(a.kind) || ',' || e.amount || ','
        || coalesce(e.seq::text, 'null') || ',' || coalesce(e.balance_after::text, 'null') || ']',
    ',' ORDER BY e.account_id
) || ']'
FROM points_entry e JOIN points_account a ON a.id = e.account_id WHERE e.posting_id = ANY(%s::bigint[]) GROUP BY 1
"""


# What nobody sealed, as when the worker does not run. What committed late is in the next seal, so it begins after the
# last that is sealed. A restored backup ends with some that were waiting, so it is not judged by today's date.
_LEFT_OVER = """
SELECT count(*) FROM points_posting WHERE id > (SELECT coalesce(max(posting_id), 0) FROM points_sealedposting)
AND recorded_at < (SELECT recorded_at FROM points_posting ORDER BY id DESC LIMIT 1) - interval '1 day'
"""


def _numbers(ids: Iterable[int]) -> str:
    """In PostgreSQL's array syntax, because the driver would convert them one by one."""
    return f"{{{','.join(map(str, ids))}}}"


def _digest(before: str, postings: Sequence[tuple[Any, ...]]) -> str:
    """The digest of the postings in their order, each with its entries."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, [_numbers(posting[0] for posting in postings)])
        own = dict(cursor.fetchall())
    content = hashlib.sha256()
    for posting in postings:
        content.update(orjson.dumps((*posting, orjson.Fragment(own.get(posting[0], "null")))) + b"\n")
    return hmac.digest(settings.LEDGER_SEAL_KEY.encode(), f"{before}\n{content.hexdigest()}".encode(), "sha256").hex()


def seal_ledger(*, now: datetime) -> int:
    """Seal all postings that are committed and not yet sealed; answer how many. The worker's job, every ten minutes.

    A posting may commit after one with a higher id, so transaction numbers decide: a posting is sealed once no transaction
    under way can have written it. One from the future was not written here: it came with a restored dump, and is sealed.
    Locks: one sealer at a time; posting goes on meanwhile.
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
    """Where the rows differ from the seals, each as a template of points/violation.py and its values; nothing if all is as
    it was sealed.

    With `since`, only for the seals since then; the one before is trusted.
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
    with connection.cursor() as cursor:
        cursor.execute(_LEFT_OVER)
        (unsealed,) = cursor.fetchone()
    if unsealed:
        yield "%s postings are not sealed, though newer ones came a day later", unsealed


def key_is_known() -> bool:
    """Whether the first or the newest seal agrees with its postings under this key. If neither does, it is another key: whoever
    rewrites postings seldom begins with these two.
    """
    seals = Seal.objects.order_by("number")
    for seal in filter(None, (seals.first(), seals.last())):
        before = seals.filter(number=seal.number - 1).first()
        if _digest(before.digest if before else _FIRST, _sealed(seal)) == seal.digest:
            return True
    return not seals.exists()


def _sealed(seal: Seal) -> list[tuple[Any, ...]]:
    """The seal's postings, as they are now, in the order in which they were sealed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT posting_id FROM points_sealedposting WHERE seal_id = %s ORDER BY number", [seal.number])
        numbers = [number for (number,) in cursor.fetchall()]
        # By number rather than by a join, for which PostgreSQL would read all existing postings for every seal.
        cursor.execute(f"{_POSTINGS} WHERE p.id = ANY(%s::bigint[])", [_numbers(numbers)])
        rows = {row[0]: row for row in cursor.fetchall()}
    return [rows[number] for number in numbers if number in rows]
